"""Read the facts of a host: a JSON file that `host-facts.sh` made on it, or that a person wrote.

A file holds the answers of `esxcli` under `collected`, or the facts themselves under their names,
or both. A value that is missing, of the wrong kind, or in contradiction to another one is named in
the host's notes, and counts as not known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vibforge.errors import ModelError, Problem
from vibforge.esxi.release import Release
from vibforge.host.collected import COLLECTOR, from_esxcli
from vibforge.host.contradictions import contradictions
from vibforge.host.host import Hardware, Host
from vibforge.host.installed import read_installed
from vibforge.model.acceptance import AcceptanceLevel

FORMAT = "vibforge/host-facts/1"
SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of a host's facts; the descriptors of its some 200 VIBs take two million."""

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
"""Changes of the next boot that are named."""
_COLLECT = "run the script that `vibforge host-facts` prints on the host, and give what it writes"
_FRAME = frozenset({"format", "collector", "collected", "name"})
FACTS = frozenset({*_FRAME, *_BOOLEANS, *_OTHERS})
"""Every key that a file of facts may have."""


def read_facts(document: bytes, where: str = "facts.json") -> Host:
    """Read the facts of a host.

    Raises:
        ModelError: it is not JSON, not such a file, or does not tell the release.
    """
    given = _document(document, where)
    reader = _Reader(where)
    facts = reader.merged(given)
    release = reader.release(facts.pop("version", None))
    for name in facts.keys() - FACTS:
        reader.note(name, "is not a fact that is known here; it is left out")
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


def _document(document: bytes, where: str) -> dict[str, Any]:
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
        found = given.get("format") if isinstance(given, dict) else type(given).__name__
        raise ModelError(
            f"these are no facts of a host: the format is {found!r:.80}, not {FORMAT!r}",
            where=where,
            remedy=f"{_COLLECT}, or set that format",
        )
    return given


@dataclass(slots=True)
class _Reader:
    """Turns plain values into facts, and notes what cannot be used."""

    where: str
    notes: list[Problem] = field(default_factory=list)

    def note(self, name: str, what: str) -> None:
        self.notes.append(Problem(what=what, where=f"{self.where}: {name:.80}"))

    def merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was collected and what was given, without what contradicts itself."""
        facts = {name: value for name, value in given.items() if name not in _FRAME}
        collected = given.get("collected")
        if collected is None:
            return facts
        if not isinstance(collected, dict):
            self.note("collected", "is not a table; it is left out")
            return facts
        self._check_collector(given.get("collector"))
        for name, value in from_esxcli(collected).items():
            if name in facts and facts[name] != value:
                self.note(
                    name,
                    f"is given as {facts[name]!r:.80} and collected as {value!r:.80}; "
                    "it counts as not known",
                )
                facts[name] = None
            else:
                facts[name] = value
        return facts

    def _check_collector(self, number: object) -> None:
        if number != COLLECTOR:
            self.note(
                "collector",
                f"the facts come from collector {number!r:.20}, this is number {COLLECTOR}; what "
                "the other one did not ask is not known",
            )

    def release(self, value: object) -> Release:
        if not isinstance(value, str):
            raise ModelError(
                "the facts do not tell the release of ESXi",
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
            self.note("acceptance_level", f"{error.problems[0].what:.120}; it counts as not known")
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
        if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            self.note("pending_vibs", f"{value!r:.80} is no list of VIBs; it is left out")
            return ()
        more = len(value) - _PENDING_LIMIT
        named = tuple(str(each)[:200] for each in value[:_PENDING_LIMIT])
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
