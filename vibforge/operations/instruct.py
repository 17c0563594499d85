"""Write the instructions that go with a VIB: INSTALL.md, install.sh and remove.sh."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vibforge.esxi.paths import TRX_CONF
from vibforge.host.install_needs import InstallNeeds, Outlook, outcomes_of
from vibforge.host.prediction import Prediction
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty, least_sure
from vibforge.model.descriptor import Descriptor, MaintenanceMode
from vibforge.operations.render import render

GUIDES = {"INSTALL.md": False, "install.sh": True, "remove.sh": True}
"""The files of instructions, each with whether it is a script."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A file of instructions."""

    name: str
    text: str
    executable: bool


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """What hosts of some releases answer to the command in the instructions."""

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
    """Return for which live changes a host wants maintenance mode; one that waits wants none."""
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
    return f"asked for at {' and '.join(when)}" if when else "not asked for"


def _release_lines(outlooks: Iterable[Outlook]) -> Iterator[ReleaseLine]:
    """Yield a line for each answer, with the releases that give it."""
    names: dict[tuple[str, Certainty], list[str]] = {}
    for outlook in outlooks:
        certainty = least_sure(world.result.certainty for world in outlook.then)
        names.setdefault((_answer(outlook), certainty), []).append(str(outlook.release))
    for (answer, certainty), releases in names.items():
        yield ReleaseLine(", ".join(releases), answer, certainty)


def _answer(outlook: Outlook) -> str:
    """Say how the install ends; where that depends on what is not known, on what."""
    if len(outcomes_of(outlook.then)) == 1:
        return _ending(outlook.then[0].result)
    return "; ".join(
        f"{_ending(world.result)} if {' and '.join(world.answers.conditions)}"
        for world in outlook.then
    )


def _ending(result: Prediction) -> str:
    error = f" ({result.message.error})" if result.message else ""
    return f"{result.outcome}{error}"
