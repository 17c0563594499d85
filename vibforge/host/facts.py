"""Read the facts of a host from JSON: given by hand, or collected by the host script."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.errors import ModelError, Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.host.host import Hardware, Host
from vibforge.host.image import base_of
from vibforge.host.installed import read_installed
from vibforge.host.package import Package

COLLECTOR = 2
"""The number of the host script that belongs to this reader."""
_ENOUGH_FOR_PLANS = frozenset({1, COLLECTOR})
"""The scripts that ask for all that a plan needs."""


def from_esxcli(collected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts in collected output of esxcli; unknown facts are left out."""
    return {name: value for name, value in _facts(collected) if value is not None}


def _facts(collected: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "version", _version(collected.get("version"))
    yield "acceptance_level", _text(collected.get("acceptance"))
    yield "secure_boot", _switch(collected.get("secure_boot"))
    yield "tpm", _field(collected.get("trusted_boot"), "tpmpresent")
    yield "maintenance_mode", _switch(collected.get("maintenance_mode"))
    yield "stateless", _stateless(collected.get("boot_device"))
    yield "hardware", _hardware(collected.get("platform"))
    yield "bootbank_free", _free(collected.get("filesystems"), collected.get("altbootbank"))
    yield "reboot_pending", _pending(collected.get("rebooting_vibs"), collected.get("vibs"))
    yield "pending_vibs", _pending_vibs(collected.get("rebooting_vibs"), collected.get("vibs"))
    yield "vibs", _vibs(collected.get("vibs"), collected.get("descriptors"))


def fields_of(table: object) -> dict[str, Any]:
    """Return what a command told in a table, by names without blanks and capitals."""
    if not isinstance(table, dict):
        return {}
    return {
        "".join(char for char in str(name).lower() if char.isalnum()): value
        for name, value in table.items()
    }


def _field(table: object, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return fields_of(table).get(name)


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _version(table: object) -> str | None:
    """Return the version with its update, which hosts before 7.0 print separately."""
    version, update = _field(table, "version"), _field(table, "update")
    if not isinstance(version, str):
        return None
    line = ".".join(version.split(".")[:2])
    return f"{line}.{update}" if isinstance(update, str) and update.isdigit() else version


def _switch(value: object) -> bool | None:
    word = _text(value)
    if word is None:
        return None
    return {"enabled": True, "disabled": False}.get(word.split()[0].lower().strip(".:,"))


def _stateless(table: object) -> bool | None:
    nic = _field(table, "statelessbootnic")
    return bool(nic.strip()) if isinstance(nic, str) else None


def _hardware(table: object) -> dict[str, str] | None:
    vendor, model = _field(table, "vendorname"), _field(table, "productname")
    if not (isinstance(vendor, str) and isinstance(model, str)):
        return None
    return {"vendor": vendor, "model": model}


def _free(filesystems: object, altbootbank: object) -> int | None:
    if not (isinstance(filesystems, list) and isinstance(altbootbank, str)):
        return None
    for filesystem in filesystems:
        fields = fields_of(filesystem)
        if fields.get("mountpoint") == altbootbank.strip():
            free = fields.get("free")
            return free if isinstance(free, int) else None
    return None


def _pending(rebooting: object, running: object) -> bool | None:
    """Return whether the image of the next boot differs from the running image."""
    if not isinstance(running, list):
        return None
    if rebooting is None or rebooting == []:
        return False
    return _ids(rebooting) != _ids(running) if isinstance(rebooting, list) else None


def _pending_vibs(rebooting: object, running: object) -> list[str] | None:
    """Return what the next boot installs and removes; None if nothing."""
    if not (isinstance(rebooting, list) and isinstance(running, list) and rebooting):
        return None
    after, now = _ids(rebooting), _ids(running)
    changes = [f"+ {vib}" for vib in sorted(after - now)]
    return [*changes, *(f"- {vib}" for vib in sorted(now - after))] or None


def _ids(vibs: Sequence[object]) -> set[str]:
    return {str(_field(vib, "id")) for vib in vibs}


def _vibs(listed: object, descriptors: object) -> list[dict[str, Any]] | None:
    if not isinstance(listed, list):
        return None
    texts = (
        [text for text in descriptors if isinstance(text, str)]
        if isinstance(descriptors, list)
        else []
    )
    entries: list[dict[str, Any]] = [{"descriptor": text} for text in texts]
    names = ("id", "name", "version", "vendor")
    for vib in listed:
        fields = fields_of(vib)
        entry = {name: fields.get(name) for name in names}
        entries.append(entry | {"acceptance_level": fields.get("acceptancelevel")})
    return entries


def contradictions(host: Host) -> Iterator[str]:
    """Yield contradictions among the facts; they do not prevent a plan."""
    base = base_of(host.installed)
    if base is not None and (other := _release_of(base)) and other != host.release.line:
        yield (
            f"the facts name ESXi {host.release}, but the installed {base.id} belongs to "
            f"{'.'.join(map(str, other))}: they come from two releases or two hosts. The plan "
            "uses the rules of the first and the VIBs of the second; collect the facts again"
        )
    if host.secure_boot and host.acceptance_level is AcceptanceLevel.COMMUNITY:
        yield (
            "Secure Boot is on and the acceptance level is CommunitySupported, but a host with "
            "Secure Boot refuses this level; collect the facts again"
        )
    if host.secure_boot and (unsigned := _of_community(host)):
        yield (
            f"Secure Boot is on and {unsigned[0].id} is CommunitySupported, but a host with Secure "
            "Boot does not boot with such a VIB; collect the facts again"
        )
    if host.reboot_pending is False and host.pending:
        yield (
            f"no change waits for a reboot, but the next boot changes VIBs: {host.pending[0]}; "
            "collect the facts again"
        )


def _of_community(host: Host) -> list[Package]:
    return [vib for vib in host.installed if vib.level is AcceptanceLevel.COMMUNITY]


def _release_of(base: Package) -> tuple[int, int] | None:
    """Return major and minor version of esx-base; None if its version has another form."""
    words = base.descriptor.version.split(".")[:2]
    if len(words) < len(("major", "minor")) or not all(map(_is_number, words)):
        return None
    return int(words[0]), int(words[1])


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 4  # noqa: PLR2004 - digits of a part


FORMAT = "vibforge/host-facts/1"
SIZE_LIMIT = 16 * 1024 * 1024
"""Most bytes in a file of facts; the descriptors of about 200 VIBs have two million."""

_BOOLEANS = {
    "secure_boot": "whether UEFI Secure Boot is on",
    "tpm": "whether there is a TPM",
    "maintenance_mode": "whether the host is in maintenance mode",
    "reboot_pending": "whether a change waits for a reboot",
    "stateless": "whether the host boots over the network",
    "managed_by_image": "whether vLCM manages the host with an image",
}
_OTHERS = {
    "version": "the release of ESXi",
    "acceptance_level": "the acceptance level",
    "hardware": "vendor and model",
    "bootbank_free": "the free bytes of the alternative bootbank",
    "vibs": "the installed VIBs",
    "pending_vibs": "what the next boot changes",
}
_PENDING_LIMIT = 10
"""Most changes of the next boot that are listed."""
_COLLECT = "run the script that `vibforge host-facts` prints on the host, and pass its output"
_FRAME = frozenset({"format", "collector", "collected", "name"})
FACTS = frozenset({*_FRAME, *_BOOLEANS, *_OTHERS})
"""Every key that a file of facts may have."""


def read_facts(document: bytes, where: str = "facts.json") -> Host:
    """Read the facts of a host.

    Raises:
        ModelError: it is not JSON, not a file of facts, or lacks the release.
    """
    given = read_document(document, where)
    reader = _Reader(where)
    facts = reader.merged(given)
    release = reader.release(facts.pop("version", None))
    for name in facts.keys() - FACTS:
        reader.note(name, "is not a known fact; vibforge ignores it")
    host = Host(
        release=release,
        acceptance_level=reader.level(facts.get("acceptance_level")),
        hardware=reader.hardware(facts.get("hardware")),
        bootbank_free=reader.number("bootbank_free", facts.get("bootbank_free")),
        secure_boot=reader.boolean("secure_boot", facts),
        tpm=reader.boolean("tpm", facts),
        maintenance_mode=reader.boolean("maintenance_mode", facts),
        reboot_pending=reader.boolean("reboot_pending", facts),
        pending=reader.pending(facts.get("pending_vibs")),
        stateless=reader.boolean("stateless", facts),
        managed_by_image=reader.boolean("managed_by_image", facts),
    )
    installed = read_installed(facts.get("vibs"), where)
    known = replace(host, installed=installed.packages, installed_known=installed.complete)
    odd = (Problem(what=what, where=where) for what in contradictions(known))
    return replace(known, notes=(*odd, *reader.notes, *installed.notes))


def read_document(document: bytes, where: str) -> dict[str, Any]:
    """Return a file of facts as it stands there.

    Raises:
        ModelError: it is not JSON, or no file of facts.
    """
    if len(document) > SIZE_LIMIT:
        raise ModelError(f"{len(document)} bytes of facts, more than {SIZE_LIMIT}", where=where)
    try:
        given = json.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"not JSON: {error}",
            where=where,
            remedy=_COLLECT,
        ) from error
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        actual = given.get("format") if isinstance(given, dict) else type(given).__name__
        raise ModelError(
            f"not a file of host facts: the format is {actual!r:.80}, not {FORMAT!r}",
            where=where,
            remedy=f'{_COLLECT}, or set "format": "{FORMAT}"',
        )
    return given


class _Reader(Struct):
    """Turns JSON values into facts, and notes those that are missing or malformed."""

    where: str
    notes: list[Problem] = field(default_factory=list)

    def note(self, name: str, what: str) -> None:
        self.notes.append(Problem(what=what, where=f"{self.where}: {name:.80}"))

    def merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the collected and the given facts, without those that contradict each other."""
        facts = {name: value for name, value in given.items() if name not in _FRAME}
        collected = given.get("collected")
        if collected is None:
            return facts
        if not isinstance(collected, dict):
            self.note("collected", "is not a table; vibforge ignores it")
            return facts
        self._check_collector(given.get("collector"))
        for name, value in from_esxcli(collected).items():
            if name in facts and facts[name] != value:
                self.note(
                    name,
                    f"is given as {facts[name]!r:.80}, but collected as {value!r:.80}; "
                    "vibforge treats it as not known",
                )
                facts[name] = None
            else:
                facts[name] = value
        return facts

    def _check_collector(self, number: object) -> None:
        if not isinstance(number, int) or number not in _ENOUGH_FOR_PLANS:
            self.note(
                "collector",
                f"the facts come from collector {number!r:.20}, but vibforge expects {COLLECTOR}; "
                "facts that it did not collect are not known",
            )

    def release(self, value: object) -> Release:
        if not isinstance(value, str):
            raise ModelError(
                "the facts lack the release of ESXi",
                where=self.where,
                remedy='add "version": "8.0.3"',
            )
        return Release.parse(value)

    def level(self, value: object) -> AcceptanceLevel | None:
        if value is None:
            self.note("acceptance_level", "is not known")
            return None
        try:
            return AcceptanceLevel.parse(str(value))
        except ModelError as error:
            what = f"{error.problems[0].what:.120}; vibforge treats it as not known"
            self.note("acceptance_level", what)
            return None

    def boolean(self, name: str, facts: Mapping[str, Any]) -> bool | None:
        value = facts.get(name)
        if isinstance(value, bool):
            return value
        odd = "" if value is None else f" ({value!r:.80} is neither true nor false)"
        self.note(name, f"{_BOOLEANS[name]} is not known{odd}")
        return None

    def number(self, name: str, value: object) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        odd = "" if value is None else f" ({value!r:.80} is not a number of bytes)"
        self.note(name, f"{_OTHERS[name]} are not known{odd}")
        return None

    def pending(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if not (isinstance(value, list) and all(isinstance(change, str) for change in value)):
            self.note("pending_vibs", f"{value!r:.80} is not a list of VIBs; vibforge ignores it")
            return ()
        more = len(value) - _PENDING_LIMIT
        named = tuple(str(change)[:200] for change in value[:_PENDING_LIMIT])
        return (*named, f"and {more} more") if more > 0 else named

    def hardware(self, value: object) -> Hardware | None:
        if isinstance(value, dict):
            vendor, model = value.get("vendor"), value.get("model")
            strings = value.get("oem_strings")
            if isinstance(vendor, str) and isinstance(model, str):
                known = tuple(strings) if isinstance(strings, list) else None
                return Hardware(vendor=vendor, model=model, oem_strings=known)
        self.note("hardware", "vendor and model are not known")
        return None
