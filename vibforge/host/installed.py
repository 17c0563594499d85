"""Read the installed VIBs of a host's facts: their descriptors, or the little that a list tells."""

from collections.abc import Iterator

from msgspec import Struct

from vibforge.errors import FormatError, ModelError, Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host.image import base_of
from vibforge.host.package import Package
from vibforge.vib import descriptor_reading
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.scan import VIB_TYPES

VIB_LIMIT = 1_000
"""Installed VIBs of a host's facts; a host has some 200."""
_NOTE_LIMIT = 20
_NAMED_LIMIT = 5
_NO_BASE = (
    "no esx-base is among them, without which no host runs: the list is not whole, and what ESXi "
    "brings beside these VIBs is taken as that of its release"
)
_WORDS = ("name", "version", "vendor")


class Installed(Struct, frozen=True, kw_only=True):
    """The VIBs that are known, and whether there are no others."""

    packages: tuple[Package, ...] = ()
    complete: bool = False
    notes: tuple[Problem, ...] = ()


def read_installed(value: object, where: str) -> Installed:
    """Read the `vibs` of a host's facts: entries with a `descriptor`, or with the words of a list.

    An entry of a list that has no descriptor says nothing of files, relationships and payloads.
    """
    place = f"{where}: vibs"
    if not isinstance(value, list):
        return Installed(notes=(Problem(what="the installed VIBs are not known", where=place),))
    if len(value) > VIB_LIMIT:
        what = f"{len(value)} VIBs, more than {VIB_LIMIT}; they are left out"
        return Installed(notes=(Problem(what=what, where=place),))
    found: dict[str, Package] = {}
    problems: list[Problem] = []
    for index, entry in enumerate(value):
        package = _described(entry, f"{place}[{index}]", problems)
        if package is not None:
            found[package.id] = package
    listed = {package.id: package for package in _listed(value, place, problems)}
    problems += _undescribed(sorted(listed.keys() - found.keys()), len(listed), place)
    unlisted = "there is a descriptor, but the host does not list this VIB; it is left out"
    if listed:
        problems += [Problem(what=unlisted, where=i) for i in sorted(found.keys() - listed.keys())]
    known = {vib_id: found.get(vib_id, package) for vib_id, package in listed.items()} or found
    packages = tuple(known[vib_id] for vib_id in sorted(known))
    whole = base_of(packages) is not None
    if packages and not whole:
        problems.insert(0, Problem(what=_NO_BASE, where=place))
    return Installed(packages=packages, complete=whole, notes=_limited(problems, place))


def _undescribed(ids: list[str], of: int, place: str) -> list[Problem]:
    """Say in one line which VIBs have no descriptor, and what that leaves open."""
    if not ids:
        return []
    more = len(ids) - _NAMED_LIMIT
    named = ", ".join(ids[:_NAMED_LIMIT]) + (f" and {more} more" if more > 0 else "")
    what = (
        f"of {len(ids)} of {of} VIBs the descriptor is not among the facts, so nothing is known of "
        f"their files, sizes, dependencies and flags: {named}"
    )
    return [Problem(what=what, where=place)]


def _limited(problems: list[Problem], place: str) -> tuple[Problem, ...]:
    more = len(problems) - _NOTE_LIMIT
    told = tuple(problems[:_NOTE_LIMIT])
    return (*told, Problem(what=f"and {more} more like these", where=place)) if more > 0 else told


def _described(entry: object, place: str, problems: list[Problem]) -> Package | None:
    text = entry.get("descriptor") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return None

    try:
        return Package(descriptor=descriptor_reading.parse(text.encode("utf-8", "replace"), place))
    except FormatError as error:
        problems += error.problems
        return None


def _listed(value: list[object], place: str, problems: list[Problem]) -> Iterator[Package]:
    for index, entry in enumerate(value):
        if isinstance(entry, dict) and isinstance(entry.get("descriptor"), str):
            continue
        words = [entry.get(word) for word in _WORDS] if isinstance(entry, dict) else []
        if len(words) != len(_WORDS) or not all(isinstance(w, str) and w for w in words):
            problems.append(Problem(what="is not an installed VIB", where=f"{place}[{index}]"))
            continue
        name, version, vendor = (str(word) for word in words)
        level = entry.get("acceptance_level") if isinstance(entry, dict) else None
        yield Package(
            descriptor=Descriptor(
                name=name,
                version=version,
                vendor=vendor,
                type=_type(entry, vendor, name),
                acceptance_level=_level(level),
            ),
            files_known=False,
            relationships_known=False,
            payloads_known=False,
        )


def _level(text: object) -> str | None:
    """Return a level that esxcli printed as the descriptor's word."""
    try:
        return AcceptanceLevel.parse(text).value if isinstance(text, str) else None
    except ModelError:
        return None


def _type(entry: object, vendor: str, name: str) -> str:
    """Return what stands between vendor and name in the ID: bootbank, locker or meta."""
    vib_id = entry.get("id") if isinstance(entry, dict) else None
    for kind in sorted(VIB_TYPES):
        if isinstance(vib_id, str) and vib_id.startswith(f"{vendor}_{kind}_{name}_"):
            return kind
    return "bootbank"
