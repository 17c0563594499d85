"""Write the instructions that go with a VIB: INSTALL.md and two scripts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from vibforge import resources
from vibforge.errors import shell_line
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.release import Certainty, least_sure
from vibforge.host.install_needs import InstallNeeds, Outlook, outcomes_of
from vibforge.host.prediction import Prediction
from vibforge.vib.descriptor import Descriptor, MaintenanceMode

if TYPE_CHECKING:
    from jinja2 import Environment


_MARKUP = re.compile(r"[\\`*<>\[\]|&~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""Characters that CommonMark may read as markup within a line unless a backslash escapes them."""


def render(template: str, values: Mapping[str, object]) -> str:
    """Return the text of a template, named by its path below `templates/`, for some values.

    Templates quote what they show: `| sh` makes a word for a shell, `| md` plain text of Markdown.
    Where a value goes into TOML, it must be a checked name.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    """Return the environment, which is cached so that each template is compiled once."""
    from jinja2 import (  # noqa: PLC0415 - only where something is rendered
        Environment,
        FunctionLoader,
        StrictUndefined,
    )

    folder = resources.shipped("templates")
    environment = Environment(
        loader=FunctionLoader(lambda path: (folder / path).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, shell and TOML, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["sh"] = shell_line
    environment.filters["md"] = _markdown
    return environment


def _markdown(text: object) -> str:
    """Return a text with markup and HTML escaped for Markdown."""
    return _MARKUP.sub(r"\\\g<0>", str(text))


GUIDES = {"INSTALL.md": False, "install.sh": True, "remove.sh": True}
"""The files of instructions, each with whether it is a script."""


class Guide(Struct, frozen=True):
    """A file of instructions."""

    name: str
    text: str
    executable: bool


class WayBack(Struct, frozen=True, kw_only=True):
    """How a host loses a VIB again: the commands, and what they require."""

    commands: tuple[str, ...]
    requirements: tuple[str, ...]
    then: str = ""
    """What to do if the level cannot be set at once; empty if it can."""


FORMER_LEVEL = "THE-LEVEL-YOU-NOTED"
"""Stands for the level that the host had before the install."""
DATASTORE = "/vmfs/volumes/DATASTORE"
"""The folder of a host to which files are copied."""


_FOR_THE_LEVEL = (
    "For the former level: no other VIB of a lower level. `esxcli software vib list` shows the "
    "levels."
)


def way_back(descriptors: Sequence[Descriptor]) -> WayBack:
    """Return how hosts lose VIBs again that one command installed."""
    in_maintenance = any(_maintenance(each).on_remove for each in descriptors)
    is_live = all(each.live_remove_allowed for each in descriptors)
    names = [word for each in descriptors for word in ("-n", each.name)]
    maintenance = ("esxcli system maintenanceMode set --enable true",) if in_maintenance else ()
    return WayBack(
        commands=(
            *maintenance,
            shell_line("esxcli", "software", "vib", "remove", *names),
            f"esxcli software acceptance set --level={FORMER_LEVEL}",
        ),
        requirements=(
            "Maintenance mode, unless an earlier change waits for a reboot."
            if in_maintenance
            else "No maintenance mode.",
            "A reboot only if an earlier change waits for one."
            if is_live
            else "A reboot: until then the VIB stays in use.",
            "No VIB that depends on this one: esxcli names those that do, and stops.",
            _FOR_THE_LEVEL,
        ),
        then=""
        if is_live
        else "If esxcli refuses the level before the reboot, set it after the reboot.",
    )


class ReleaseLine(Struct, frozen=True):
    """The outcome of the command in the instructions on hosts of some releases."""

    names: str
    answer: str
    certainty: Certainty


def instructions(
    descriptor: Descriptor,
    vib_name: str,
    sha256: str,
    needs: InstallNeeds,
    outlooks: Iterable[Outlook],
) -> Iterator[Guide]:
    """Yield the files of instructions for one VIB.

    Args:
        descriptor: the VIB's.
        vib_name: the name of its file.
        sha256: the digest of its file, in hex.
        needs: what its install takes.
        outlooks: what stock hosts will say.
    """
    maintenance = _maintenance(descriptor)
    values = {
        "vib": descriptor,
        "vib_name": vib_name,
        "sha256": sha256,
        "needs": needs,
        "flags": " ".join(needs.flags),
        "level": needs.host_level,
        "lower_levels": [level for level in AcceptanceLevel if level.rank > needs.host_level.rank],
        "maintenance": maintenance,
        "asks_for_maintenance": _asked_for(maintenance),
        "releases": tuple(_release_lines(outlooks)),
        "folder": f"{DATASTORE}/{descriptor.name}",
        "back": way_back((descriptor,)),
        "digests": [
            checksum.digest
            for payload in descriptor.payloads
            for checksum in payload.checksums
            if not checksum.verify_process
        ],
        "has_trx_conf": any(path.endswith(TRX_CONF) for path in descriptor.file_list),
    }
    for name, executable in GUIDES.items():
        text = render(f"instructions/{name}.j2", values)
        yield Guide(name=name, text=text, executable=executable)


def _maintenance(descriptor: Descriptor) -> MaintenanceMode:
    """Return for which live changes a host requires maintenance mode."""
    said = descriptor.system_requires.maintenance_mode
    stated = said or MaintenanceMode(on_install=True, on_remove=True)
    return MaintenanceMode(
        on_install=stated.on_install and bool(descriptor.live_install_allowed),
        on_remove=stated.on_remove and bool(descriptor.live_remove_allowed),
    )


def _asked_for(maintenance: MaintenanceMode) -> str:
    when = [
        word
        for word, asked in (("install", maintenance.on_install), ("removal", maintenance.on_remove))
        if asked
    ]
    return f"required for {' and '.join(when)}" if when else "not required"


def _release_lines(outlooks: Iterable[Outlook]) -> Iterator[ReleaseLine]:
    """Yield one line for each outcome, with its releases."""
    names: dict[tuple[str, Certainty], list[str]] = {}
    for outlook in outlooks:
        certainty = least_sure(branch.result.certainty for branch in outlook.then)
        names.setdefault((_answer(outlook), certainty), []).append(str(outlook.release))
    for (answer, certainty), releases in names.items():
        yield ReleaseLine(", ".join(releases), answer, certainty)


def _answer(outlook: Outlook) -> str:
    """Return the outcome of an install, with its conditions where it depends on unknown facts."""
    if len(outcomes_of(outlook.then)) == 1:
        return _ending(outlook.then[0].result)
    return "; ".join(
        f"{_ending(branch.result)} if {' and '.join(branch.assumptions.conditions)}"
        for branch in outlook.then
    )


def _ending(result: Prediction) -> str:
    error = f" ({result.message.error})" if result.message else ""
    return f"{result.outcome}{error}"
