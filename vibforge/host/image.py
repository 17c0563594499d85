"""How a command changes the VIBs of a host (install.md#selection, tried on 6.7)."""

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
ALREADY_INSTALLED = "is already installed"
_OLD_FILES = "the host keeps the OLD FILES and reports success"


class Verb(StrEnum):
    """The commands of `esxcli software vib` that change a host."""

    INSTALL = "install"
    UPDATE = "update"
    REMOVE = "remove"


class ImageChange(Struct, frozen=True, kw_only=True):
    """The change that a command makes to the VIBs of a host."""

    added: tuple[Package, ...]
    removed: tuple[Package, ...]
    kept: tuple[Package, ...]
    skipped: tuple[Package, ...]

    @property
    def profile(self) -> tuple[Package, ...]:
        """The VIBs of the host after the command."""
        return (*self.kept, *self.added)


def change(installed: Sequence[Package], offered: Sequence[Package], verb: Verb) -> ImageChange:
    """Return the change that `esxcli software vib install` or `update` makes with these VIBs.

    An install removes every VIB that a new VIB replaces, and every VIB that would replace a new
    VIB; it therefore upgrades and downgrades. An update installs only VIBs that replace an
    installed VIB. A VIB that is given twice is installed once.
    """
    offered = tuple({package.id: package for package in offered}.values())
    present = {package.id for package in installed}
    provided = _provided(installed)
    added = tuple(
        package
        for package in offered
        if package.id not in present
        and package.is_installable
        and (verb is Verb.INSTALL or _replaces_any(package, provided))
    )
    replaced = Demands(constraint for new in added for constraint in new.replaces)
    newly_provided = _provided(added)
    gone = [
        any(map(replaced.met_by, old.provides)) or _replaces_any(old, newly_provided)
        for old in installed
    ]
    added_ids = {package.id for package in added}
    return ImageChange(
        added=added,
        removed=tuple(old for old, goes in zip(installed, gone, strict=True) if goes),
        kept=tuple(old for old, goes in zip(installed, gone, strict=True) if not goes),
        skipped=tuple(package for package in offered if package.id not in added_ids),
    )


def removal(installed: Sequence[Package], names: Sequence[str]) -> ImageChange:
    """Return the change that `esxcli software vib remove -n NAME…` makes."""
    given = frozenset(names)
    gone = [not given.isdisjoint(names_of(package)) for package in installed]
    return ImageChange(
        added=(),
        removed=tuple(old for old, goes in zip(installed, gone, strict=True) if goes),
        kept=tuple(old for old, goes in zip(installed, gone, strict=True) if not goes),
        skipped=(),
    )


def dependants(change: ImageChange) -> tuple[Package, ...]:
    """Return the remaining VIBs that lose a dependency, and the VIBs that depend on these.

    Dependencies that were unmet before the change are ignored.
    """
    installed = (*change.kept, *change.removed)
    before = Provisions(provide for package in installed for provide in package.provides)
    required: dict[str, list[tuple[int, Constraint]]] = {}
    providing: dict[str, list[tuple[int, Provide]]] = {INSTALLER.name: [(-1, INSTALLER)]}
    for index, package in enumerate(change.kept):
        for provide in package.provides:
            providing.setdefault(provide.name, []).append((index, provide))
        for constraint in package.descriptor.relationships.depends:
            if before.meet(constraint):
                required.setdefault(constraint.name, []).append((index, constraint))
    broken: dict[int, Package] = {}
    lost_packages: Iterable[Package] = change.removed
    while lost := {p.name for package in lost_packages for p in package.provides} & required.keys():
        left = {
            name: Provisions(p for index, p in providing.get(name, ()) if index not in broken)
            for name in lost
        }
        unmet = {i for name in lost for i, need in required[name] if not left[name].meet(need)}
        new = {index: change.kept[index] for index in sorted(unmet - broken.keys())}
        broken |= new
        lost_packages = new.values()
    return tuple(broken.values())


def names_of(package: Package) -> tuple[str, ...]:
    """Return the names that esxcli accepts: name, name:version, vendor:name, or all three."""
    name, version, vendor = package.name, package.descriptor.version, package.descriptor.vendor
    return (name, f"{name}:{version}", f"{vendor}:{name}", f"{vendor}:{name}:{version}")


def names_of_all(packages: Iterable[Package]) -> frozenset[str]:
    """Return every name of these VIBs."""
    return frozenset(name for package in packages for name in names_of(package))


def _provided(packages: Iterable[Package]) -> Provisions:
    return Provisions(provide for package in packages for provide in package.provides)


def _replaces_any(package: Package, others: Provisions) -> bool:
    """Return whether `package` replaces a VIB with one of these provisions (tried on 6.7)."""
    return any(others.meet(constraint) for constraint in package.replaces)


def newest_of_each_name(offered: Iterable[Package]) -> tuple[Package, ...]:
    """Return the newest VIB of each name, in the order in which the names first occur."""
    newest: dict[str, Package] = {}
    for package in offered:
        held = newest.get(package.name)
        if held is None or Version(held.descriptor.version) < Version(package.descriptor.version):
            newest[package.name] = package
    return tuple(newest.values())


def chosen_from_depot(offered: Iterable[Package]) -> tuple[Package, ...]:
    """Return the VIBs of a bundle that a host installs: the newest of each name, none replaced."""
    newest = newest_of_each_name(offered)
    replaced = {old.id for old in _replaced_among(newest)}
    return tuple(package for package in newest if package.id not in replaced)


def rivals_of(offered: Sequence[Package]) -> tuple[Package, tuple[Package, ...]] | None:
    """Return the first VIB that replaces others of the same command, and those; else None."""
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
    """Return the VIBs that another VIB of the same command replaces.

    A VIB that replaces itself is left out; hosts refuse it anyway.
    """
    demands = Demands(constraint for package in offered for constraint in package.replaces)
    return tuple(
        package
        for package in offered
        if any(map(demands.met_by, package.provides))
        and not any(map(Demands(package.replaces).met_by, package.provides))
    )


def base_of(installed: Iterable[Package]) -> Package | None:
    """Return esx-base, if it is among these VIBs."""
    return next((package for package in installed if package.name == _BASE), None)


class Unequal(Struct, frozen=True, kw_only=True):
    """The attribute, by the host's name, in which an installed VIB of the same ID differs.

    `installed` and `offered` are the two values as a host prints them; `…` if that is not known.
    """

    attribute: str
    installed: str = "…"
    offered: str = "…"


def unequal_attribute(offered: Package, held: Package) -> Unequal | None:
    """Return the attribute in which the installed VIB of this ID differs; None if it is equal."""
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
    """A path that several VIBs contain; either all of them are overlays, or none."""

    path: str
    owners: tuple[str, ...]
    overlay: bool


def file_conflicts(profile: Sequence[Package]) -> tuple[FileConflict, ...]:
    """Return the paths that more than one VIB contains, sorted.

    Paths are normalised before they are compared; entries that end in `/` are ignored.
    """
    return tuple(
        conflict
        for overlay in (False, True)
        for conflict in _conflicts_among(
            tuple(
                (package.id, package.descriptor.file_list)
                for package in profile
                if package.descriptor.file_list and package.overlay is overlay
            ),
            overlay=overlay,
        )
    )


@lru_cache(maxsize=16)
def _conflicts_among(
    group: tuple[tuple[str, tuple[str, ...]], ...], *, overlay: bool
) -> tuple[FileConflict, ...]:
    """Return the paths that more than one VIB of a group contains.

    Cached, as a prediction asks for the same profile once per branch and remedy.

    Args:
        group: the ID and file list of each VIB.
        overlay: whether these VIBs are overlays.
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


class Masked(Struct, frozen=True, kw_only=True):
    """The paths of the VIB `below` that an overlay VIB masks."""

    paths: tuple[str, ...]
    overlay: str
    below: str


def masked_paths(change: ImageChange) -> tuple[Masked, ...]:
    """Return the masked paths that keep a change from being made live (format.md#overlays).

    A remaining overlay may not mask files of a VIB that the change adds or removes, and a removed
    overlay may not mask files of a remaining VIB.
    """
    changed = [p for p in (*change.added, *change.removed) if not p.overlay]
    kept = [package for package in change.kept if not package.overlay]
    return (
        *_masked([package for package in change.kept if package.overlay], changed),
        *_masked([package for package in change.removed if package.overlay], kept),
    )


def _masked(overlays: Sequence[Package], below: Sequence[Package]) -> Iterator[Masked]:
    masking: dict[str, str] = {}
    for overlay in overlays:
        masking.update(dict.fromkeys(host_paths(overlay.descriptor.file_list), overlay.id))
    for package in below if masking else ():
        masked: dict[str, list[str]] = {}
        for path in sorted(masking.keys() & host_paths(package.descriptor.file_list)):
            masked.setdefault(masking[path], []).append(path)
        for overlay_id, paths in masked.items():
            yield Masked(paths=tuple(paths), overlay=overlay_id, below=package.id)


def skip_causes(host: Host, skipped: Iterable[Package]) -> Iterator[Cause]:
    """Yield why the host skips each VIB."""
    for package in skipped:
        what = _why_skipped(host, package)
        yield Cause(what=what, subject=package.id, certainty=standing(host.release))


def old_files(host: Host, offered: Iterable[Package]) -> Iterator[str]:
    """Yield the VIBs whose old files remain although the host reports success."""
    for package in offered:
        if warning := _old_files_warning(host, package):
            yield f"{package.id} {warning}"


def _why_skipped(host: Host, package: Package) -> str:
    if not package.is_installable:
        return f"has type {package.descriptor.type or 'none'}, which hosts do not install"
    if installed_with_id(host, package) is None:
        return "does not update an installed VIB"
    return _old_files_warning(host, package) or ALREADY_INSTALLED


def installed_with_id(host: Host, package: Package) -> Package | None:
    """Return the installed VIB with the ID of a VIB; None if there is none."""
    return next((installed for installed in host.installed if installed.id == package.id), None)


def _old_files_warning(host: Host, package: Package) -> str:
    """Return the warning that old files remain; empty if none do."""
    installed = installed_with_id(host, package)
    if installed is None or not package.is_installable:
        return ""
    if unequal := unequal_attribute(package, installed):
        return (
            f"is already installed, but differs in {unequal.attribute}: {_OLD_FILES}; rebuild it "
            "with a new version"
        )
    if installed.is_only_listed:
        return (
            f"{ALREADY_INSTALLED} by its ID, but the facts lack its descriptor: if its content "
            f"differs, {_OLD_FILES}"
        )
    return ""
