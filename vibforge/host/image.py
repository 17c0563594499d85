"""How a command changes the set of VIBs on a host (install.md#selection, tried on 6.7)."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from vibforge.esxi.paths import host_paths
from vibforge.esxi.table import standing
from vibforge.host.host import Host
from vibforge.host.package import Package
from vibforge.host.prediction import Cause
from vibforge.vib.identity import Version
from vibforge.vib.relationships import INSTALLER, Constraint, Demands, Provide, Provisions

_BASE = "esx-base"
ALREADY_INSTALLED = "is installed already"
_OLD_FILES = "the host keeps the OLD FILES and reports success"


class Verb(StrEnum):
    """The commands of `esxcli software vib` that change a host."""

    INSTALL = "install"
    UPDATE = "update"
    REMOVE = "remove"


class ImageChange(Struct, frozen=True, kw_only=True):
    """What a command would do to the set of VIBs."""

    added: tuple[Package, ...]
    removed: tuple[Package, ...]
    kept: tuple[Package, ...]
    skipped: tuple[Package, ...]

    @property
    def profile(self) -> tuple[Package, ...]:
        """The VIBs that the host would hold afterwards."""
        return (*self.kept, *self.added)


def change(installed: Sequence[Package], offered: Sequence[Package], verb: Verb) -> ImageChange:
    """Return what `esxcli software vib install` or `update` makes of the offered VIBs.

    An install removes every VIB that a new one replaces, and every VIB that would replace a new
    one: so it upgrades, and downgrades too. An update takes only what updates something installed.
    A VIB that is offered twice counts once.
    """
    offered = tuple({package.id: package for package in offered}.values())
    present = {package.id for package in installed}
    there = _provided(installed)
    added = tuple(
        package
        for package in offered
        if package.id not in present
        and package.is_installable
        and (verb is Verb.INSTALL or _replaces_any(package, there))
    )
    replaced = Demands(constraint for new in added for constraint in new.replaces)
    coming = _provided(added)
    gone = [
        any(map(replaced.met_by, old.provides)) or _replaces_any(old, coming) for old in installed
    ]
    coming_in = {package.id for package in added}
    return ImageChange(
        added=added,
        removed=tuple(old for old, goes in zip(installed, gone, strict=True) if goes),
        kept=tuple(old for old, goes in zip(installed, gone, strict=True) if not goes),
        skipped=tuple(package for package in offered if package.id not in coming_in),
    )


def removal(installed: Sequence[Package], names: Sequence[str]) -> ImageChange:
    """Return what `esxcli software vib remove -n NAME…` makes of the installed VIBs."""
    wanted = frozenset(names)
    gone = [not wanted.isdisjoint(names_of(package)) for package in installed]
    return ImageChange(
        added=(),
        removed=tuple(old for old, goes in zip(installed, gone, strict=True) if goes),
        kept=tuple(old for old, goes in zip(installed, gone, strict=True) if not goes),
        skipped=(),
    )


def dependants(change: ImageChange) -> tuple[Package, ...]:
    """Return the VIBs that would stay, and lose what they ask for, and what then depends on them.

    What a VIB lacked before does not count.
    """
    before = Provisions(p for each in (*change.kept, *change.removed) for p in each.provides)
    asking: dict[str, list[tuple[int, Constraint]]] = {}
    providing: dict[str, list[tuple[int, Provide]]] = {INSTALLER.name: [(-1, INSTALLER)]}
    for index, package in enumerate(change.kept):
        for provide in package.provides:
            providing.setdefault(provide.name, []).append((index, provide))
        for constraint in package.descriptor.relationships.depends:
            if before.meet(constraint):
                asking.setdefault(constraint.name, []).append((index, constraint))
    found: dict[int, Package] = {}
    going: Iterable[Package] = change.removed
    while lost := {p.name for package in going for p in package.provides} & asking.keys():
        left = {
            name: Provisions(p for index, p in providing.get(name, ()) if index not in found)
            for name in lost
        }
        more = {i for name in lost for i, each in asking[name] if not left[name].meet(each)}
        new = {index: change.kept[index] for index in sorted(more - found.keys())}
        found |= new
        going = new.values()
    return tuple(found.values())


def names_of(package: Package) -> tuple[str, ...]:
    """Return how esxcli names a VIB: name, name:version, vendor:name, or all three."""
    name, version, vendor = package.name, package.descriptor.version, package.descriptor.vendor
    return (name, f"{name}:{version}", f"{vendor}:{name}", f"{vendor}:{name}:{version}")


def names_of_all(packages: Iterable[Package]) -> frozenset[str]:
    """Return every name of these VIBs."""
    return frozenset(name for package in packages for name in names_of(package))


def _provided(packages: Iterable[Package]) -> Provisions:
    return Provisions(provide for package in packages for provide in package.provides)


def _replaces_any(package: Package, others: Provisions) -> bool:
    """Whether `package` takes the place of one, by what that is or provides (tried on 6.7)."""
    return any(others.meet(constraint) for constraint in package.replaces)


def newest_of_each_name(offered: Iterable[Package]) -> tuple[Package, ...]:
    """Return the newest VIB of each name, in the order in which the names were met."""
    newest: dict[str, Package] = {}
    for package in offered:
        held = newest.get(package.name)
        if held is None or Version(held.descriptor.version) < Version(package.descriptor.version):
            newest[package.name] = package
    return tuple(newest.values())


def chosen_from_depot(offered: Iterable[Package]) -> tuple[Package, ...]:
    """Return what a host takes of a bundle: the newest of each name that no other one replaces."""
    newest = newest_of_each_name(offered)
    replaced = {old.id for old in _replaced_among(newest)}
    return tuple(package for package in newest if package.id not in replaced)


def rivals_of(offered: Sequence[Package]) -> tuple[Package, tuple[Package, ...]] | None:
    """Return the first VIB that replaces others of the same offer, and these; None if none does."""
    replaced = _replaced_among(offered)
    for new in offered if replaced else ():
        demands = Demands(new.replaces)
        olds = tuple(
            old for old in replaced if old is not new and any(map(demands.met_by, old.provides))
        )
        if olds:
            return new, olds
    return None


def _replaced_among(offered: Sequence[Package]) -> tuple[Package, ...]:
    """Return the VIBs that another one of an offer replaces.

    One that replaces itself is left out, as nobody can tell who else does; a host refuses it.
    """
    demands = Demands(constraint for package in offered for constraint in package.replaces)
    return tuple(
        package
        for package in offered
        if any(map(demands.met_by, package.provides))
        and not any(map(Demands(package.replaces).met_by, package.provides))
    )


def base_of(installed: Iterable[Package]) -> Package | None:
    """Return the VIB that makes a host an ESXi, if it is among these."""
    return next((package for package in installed if package.name == _BASE), None)


class Unequal(Struct, frozen=True, kw_only=True):
    """The attribute in which an installed VIB of the same ID differs, by the host's name for it.

    `installed` and `offered` are the two values where a host prints them in words known here.
    """

    attribute: str
    installed: str = "…"
    offered: str = "…"


def unequal_attribute(offered: Package, held: Package) -> Unequal | None:
    """Return in what the installed VIB of this ID differs; None if in nothing."""
    if held.level is not offered.level:
        return Unequal(
            attribute="acceptancelevel", installed=held.level.value, offered=offered.level.value
        )
    if held.files_known and set(held.descriptor.file_list) != set(offered.descriptor.file_list):
        return Unequal(attribute="filelist")
    if held.files_known and held.overlay is not offered.overlay:
        return Unequal(
            attribute="overlay", installed=str(held.overlay), offered=str(offered.overlay)
        )
    if held.payloads_known and _contents(held) != _contents(offered):
        return Unequal(attribute="payloads")
    return None


def _contents(package: Package) -> list[tuple[object, ...]]:
    return [
        (
            *(p.name, p.type, p.boot_order, p.size),
            tuple(sorted((c.checksum_type, c.digest) for c in p.checksums)),
        )
        for p in sorted(package.descriptor.payloads, key=lambda payload: payload.name)
    ]


class FileConflict(Struct, frozen=True, kw_only=True):
    """A path that two VIBs of one group claim: both overlays, or neither."""

    path: str
    owners: tuple[str, ...]
    overlay: bool


def file_conflicts(profile: Sequence[Package]) -> tuple[FileConflict, ...]:
    """Return the paths that more than one VIB claims, in order.

    Paths are compared with `..` and `//` taken out; entries that end in `/` are left out.
    """
    return tuple(
        conflict
        for overlay in (False, True)
        for conflict in _conflicts_among(
            tuple(
                (one.id, one.descriptor.file_list)
                for one in profile
                if one.descriptor.file_list and one.overlay is overlay
            ),
            overlay=overlay,
        )
    )


@lru_cache(maxsize=16)
def _conflicts_among(
    group: tuple[tuple[str, tuple[str, ...]], ...], *, overlay: bool
) -> tuple[FileConflict, ...]:
    """Return what more than one of these VIBs, told by ID and file list, claims.

    A prediction asks for the same profile once for each possible host and each remedy.
    """
    claims = [(vib, host_paths(file_list)) for vib, file_list in group]
    owners: dict[str, list[str]] = {}
    twice = _claimed_twice([paths for _, paths in claims])
    for vib, paths in claims if twice else ():
        for path in paths & twice:
            owners.setdefault(path, []).append(vib)
    return tuple(
        FileConflict(path=path, owners=tuple(sorted(owners[path])), overlay=overlay)
        for path in sorted(owners)
    )


def _claimed_twice(claims: Sequence[frozenset[str]]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for paths in claims if len(claims) > 1 else ():
        twice |= paths & seen
        seen |= paths
    return twice


class Covered(Struct, frozen=True, kw_only=True):
    """The paths of a VIB that an overlay VIB masks."""

    paths: tuple[str, ...]
    overlay: str
    below: str


def uncovered_at_boot(change: ImageChange) -> tuple[Covered, ...]:
    """Return the paths for which an overlay keeps a change from going live (format.md#overlays).

    An overlay that stays may not cover what comes or goes, and one that goes may not have covered
    what stays.
    """
    changed = [p for p in (*change.added, *change.removed) if not p.overlay]
    stays = [package for package in change.kept if not package.overlay]
    return (
        *_covered([package for package in change.kept if package.overlay], changed),
        *_covered([package for package in change.removed if package.overlay], stays),
    )


def _covered(overlays: Sequence[Package], below: Sequence[Package]) -> Iterator[Covered]:
    masking: dict[str, str] = {}
    for overlay in overlays:
        masking.update(dict.fromkeys(host_paths(overlay.descriptor.file_list), overlay.id))
    for package in below if masking else ():
        masked: dict[str, list[str]] = {}
        for path in sorted(masking.keys() & host_paths(package.descriptor.file_list)):
            masked.setdefault(masking[path], []).append(path)
        for overlay_id, paths in masked.items():
            yield Covered(paths=tuple(paths), overlay=overlay_id, below=package.id)


def skipped(host: Host, passed_over: Iterable[Package]) -> Iterator[Cause]:
    """Yield why each VIB is passed over."""
    for package in passed_over:
        yield Cause(what=_why(host, package), subject=package.id, certainty=standing(host.release))


def old_files(host: Host, offered: Iterable[Package]) -> Iterator[str]:
    """Yield the VIBs whose old files would stay though the host reports success."""
    for package in offered:
        if kept := _kept(host, package):
            yield f"{package.id} {kept}"


def _why(host: Host, package: Package) -> str:
    if not package.is_installable:
        return f"is of type {package.descriptor.type or 'none'}, which changes nothing on a host"
    if _held(host, package) is None:
        return "updates nothing that is installed"
    return _kept(host, package) or ALREADY_INSTALLED


def _held(host: Host, package: Package) -> Package | None:
    return next((each for each in host.installed if each.id == package.id), None)


def _kept(host: Host, package: Package) -> str:
    """Say that the old files stay; empty where the same VIB is installed, or none of its ID."""
    held = _held(host, package)
    if held is None or not package.is_installable:
        return ""
    if unequal := unequal_attribute(package, held):
        return (
            f"is installed already with other {unequal.attribute}: {_OLD_FILES}; build it under "
            "another version"
        )
    if held.is_only_listed:
        return (
            f"{ALREADY_INSTALLED} by its ID, and the facts lack its descriptor: if its content is "
            f"another one, {_OLD_FILES}"
        )
    return ""
