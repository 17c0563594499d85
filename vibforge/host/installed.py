"""Read the installed VIBs from a host's facts: descriptors, or entries of a VIB list."""

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
"""Most installed VIBs in a host's facts; a host has about 200."""
_NOTE_LIMIT = 20
_NAMED_LIMIT = 5
_NO_BASE = (
    "the list is incomplete: it lacks esx-base, which every host has. The prediction also assumes "
    "the VIBs that a stock host of the release has"
)
_WORDS = ("name", "version", "vendor")


class Installed(Struct, frozen=True, kw_only=True):
    """The known installed VIBs, and whether the list is complete."""

    packages: tuple[Package, ...] = ()
    complete: bool = False
    notes: tuple[Problem, ...] = ()


def read_installed(value: object, where: str) -> Installed:
    """Read the `vibs` of a host's facts.

    Args:
        value: a list of entries, each with a `descriptor`, or with name, version and vendor. The
            files, relationships and payloads of a VIB without a descriptor are not known.
        where: the name of the file with the facts.
    """
    place = f"{where}: vibs"
    if not isinstance(value, list):
        return Installed(notes=(Problem(what="the installed VIBs are not known", where=place),))
    if len(value) > VIB_LIMIT:
        what = f"{len(value)} VIBs, more than {VIB_LIMIT}; vibforge ignores them all"
        return Installed(notes=(Problem(what=what, where=place),))
    described: dict[str, Package] = {}
    problems: list[Problem] = []
    for index, entry in enumerate(value):
        package = _described(entry, f"{place}[{index}]", problems)
        if package is not None:
            described[package.id] = package
    listed = {package.id: package for package in _listed(value, place, problems)}
    problems += _undescribed(sorted(listed.keys() - described.keys()), len(listed), place)
    if listed:
        unlisted = sorted(described.keys() - listed.keys())
        what = "has a descriptor, but the host does not list this VIB; vibforge ignores it"
        problems += [Problem(what=what, where=vib_id) for vib_id in unlisted]
    known = {vib_id: described.get(vib_id, vib) for vib_id, vib in listed.items()} or described
    packages = tuple(known[vib_id] for vib_id in sorted(known))
    complete = base_of(packages) is not None
    if packages and not complete:
        problems.insert(0, Problem(what=_NO_BASE, where=place))
    return Installed(packages=packages, complete=complete, notes=_limited(problems, place))


def _undescribed(ids: list[str], count: int, place: str) -> list[Problem]:
    """Return one problem that names the VIBs without a descriptor."""
    if not ids:
        return []
    more = len(ids) - _NAMED_LIMIT
    named = ", ".join(ids[:_NAMED_LIMIT]) + (f" and {more} more" if more > 0 else "")
    what = (
        f"{len(ids)} of {count} VIBs have no descriptor in the facts, so their files, sizes, "
        f"dependencies and flags are not known: {named}"
    )
    return [Problem(what=what, where=place)]


def _limited(problems: list[Problem], place: str) -> tuple[Problem, ...]:
    more = len(problems) - _NOTE_LIMIT
    first = tuple(problems[:_NOTE_LIMIT])
    return (*first, Problem(what=f"and {more} more like these", where=place)) if more > 0 else first


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
            what = "is not an installed VIB: it lacks name, version or vendor"
            problems.append(Problem(what=what, where=f"{place}[{index}]"))
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
    """Return the descriptor's word for a level that esxcli printed."""
    try:
        return AcceptanceLevel.parse(text).value if isinstance(text, str) else None
    except ModelError:
        return None


def _type(entry: object, vendor: str, name: str) -> str:
    """Return the part between vendor and name in the ID: bootbank, locker or meta."""
    vib_id = entry.get("id") if isinstance(entry, dict) else None
    for kind in sorted(VIB_TYPES):
        if isinstance(vib_id, str) and vib_id.startswith(f"{vendor}_{kind}_{name}_"):
            return kind
    return "bootbank"
