"""Compare a VIB with a host: which version is installed, and which files are as they were built."""

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from vibforge.esxi.paths import BOOT_COPIED, TRX_CONF, host_path
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.host.host import Host
from vibforge.host.host_state import HostFile, HostFileKind, HostState
from vibforge.host.package import Package
from vibforge.host.timekeeping import ConfState
from vibforge.packages.extract import contents_of
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Descriptor


class FileState(StrEnum):
    """How a file on a host compares with the one in the VIB."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"
    OTHER_KIND = "other kind"
    """A folder or a link is where a file belongs, or the other way round."""
    NOT_KNOWN = "not known"


class InstalledState(StrEnum):
    """How the installed VIB of this name compares with the given one."""

    SAME = "same"
    OTHER_VERSION = "other version"
    OTHER_BUILD = "other build"
    """The version is the same, and the digests of the payloads are not."""
    NOT_INSTALLED = "not installed"
    NOT_KNOWN = "not known"


class BuiltFile(Struct, frozen=True, kw_only=True):
    """A file or link of a VIB."""

    mode: int
    size: int
    sha256: str | None = None
    """None for a link."""
    link: str | None = None


class FileDrift(Struct, frozen=True, kw_only=True):
    """A path on the host: what belongs there and what is there."""

    path: str
    state: FileState
    built: BuiltFile
    found: HostFile | None = None
    """None if the facts do not tell."""
    copied_from: str | None = None
    """The file of the VIB that the layout boot-copy copies to this path."""

    @property
    def has_sticky_copy(self) -> bool | None:
        """Whether ESXi keeps an edited copy `.#NAME` beside it; None if not known."""
        copy = self.found.sticky_copy if self.found else None
        if copy is None or copy.kind is HostFileKind.NOT_KNOWN:
            return None
        return copy.kind is not HostFileKind.MISSING

    @property
    def has_other_mode(self) -> bool:
        """Whether the permission bits are known to differ; it is told and not judged."""
        mode = self.found.mode if self.found else None
        return mode is not None and self.built.link is None and mode != self.built.mode


class Drift(Struct, frozen=True, kw_only=True):
    """How a host differs from a VIB."""

    vib_id: str
    installed: InstalledState
    installed_id: str | None
    files: tuple[FileDrift, ...]

    @property
    def good(self) -> bool:
        """Whether the VIB is installed and every file is known to be as it was built."""
        return self.installed is InstalledState.SAME and all(
            file.state is FileState.SAME for file in self.files
        )

    @property
    def settings(self) -> ConfState:
        """How the host's trx.conf compares with the one of this VIB."""
        states = [file.state for file in self.files if file.path == host_path(TRX_CONF)]
        if not states:
            return ConfState.NOT_ASKED
        if states[0] is FileState.NOT_KNOWN:
            return ConfState.NOT_KNOWN
        return ConfState.AS_BUILT if states[0] is FileState.SAME else ConfState.CHANGED


def find_drift(vib: Vib, host: Host, state: HostState) -> Drift:
    """Compare a VIB with the facts of a host.

    Args:
        vib: the VIB as it was built.
        host: the facts about installed VIBs.
        state: the facts about files.

    Raises:
        FormatError: the VIB is damaged.
    """
    installed, installed_id = _installed(vib.descriptor, host)
    built = _built_files(vib)
    return Drift(
        vib_id=vib.descriptor.vib_id,
        installed=installed,
        installed_id=installed_id,
        files=tuple(_file_drifts(built, state)),
    )


def _installed(given: Descriptor, host: Host) -> tuple[InstalledState, str | None]:
    found = next((each for each in host.installed if each.name == given.name), None)
    if found is None:
        known = host.installed_known
        return (InstalledState.NOT_INSTALLED if known else InstalledState.NOT_KNOWN), None
    return _compare_builds(given, found), found.id


def _compare_builds(given: Descriptor, found: Package) -> InstalledState:
    if found.id != given.vib_id:
        return InstalledState.OTHER_VERSION
    if not found.payloads_known:
        return InstalledState.SAME
    here, there = _digests(given), _digests(found.descriptor)
    differs = any(here[key] != there[key] for key in here.keys() & there.keys())
    return InstalledState.OTHER_BUILD if differs else InstalledState.SAME


def _digests(descriptor: Descriptor) -> dict[tuple[str, str, str | None], str]:
    return {
        (payload.name, checksum.checksum_type, checksum.verify_process): checksum.digest.lower()
        for payload in descriptor.payloads
        for checksum in payload.checksums
    }


def _built_files(vib: Vib) -> dict[str, BuiltFile]:
    """Return the files of a VIB by their paths on a host; the last of several counts."""
    found: dict[str, BuiltFile] = {}
    for tar_entry, pieces in contents_of(vib):
        entry = tar_entry.entry
        if not (entry.kind.is_file or entry.kind.is_link):
            continue
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        found[host_path(entry.path)] = _built_file(entry, digest.hexdigest(), found)
    return dict(sorted(found.items()))


def _built_file(entry: ArchiveEntry, sha256: str, before: Mapping[str, BuiltFile]) -> BuiltFile:
    if entry.kind is EntryKind.SYMLINK:
        return BuiltFile(mode=entry.mode, size=0, link=entry.link)
    if entry.kind is EntryKind.HARD_LINK:
        target = before.get(host_path(entry.link))
        return target or BuiltFile(mode=entry.mode, size=0)
    return BuiltFile(mode=entry.mode, size=entry.size, sha256=sha256)


def _file_drifts(built: Mapping[str, BuiltFile], state: HostState) -> Iterator[FileDrift]:
    told = {host_path(path): found for path, found in (state.files or {}).items()}
    for path, file in built.items():
        yield _file_drift(path, file, told.get(path))
        _, copied, target = path.partition(BOOT_COPIED)
        if copied and host_path(target) not in built:
            place = host_path(target)
            yield _file_drift(place, file, told.get(place), copied_from=path)


def _file_drift(
    path: str, built: BuiltFile, found: HostFile | None, copied_from: str | None = None
) -> FileDrift:
    return FileDrift(
        path=path,
        state=_state(built, found),
        built=built,
        found=found,
        copied_from=copied_from,
    )


def _state(built: BuiltFile, found: HostFile | None) -> FileState:
    if found is None or found.kind is HostFileKind.NOT_KNOWN:
        return FileState.NOT_KNOWN
    if found.kind is HostFileKind.MISSING:
        return FileState.MISSING
    if found.kind is not (HostFileKind.FILE if built.link is None else HostFileKind.LINK):
        return FileState.OTHER_KIND
    if built.link is not None:
        return _same_or_not(built.link, found.link)
    if found.size is not None and built.sha256 is not None and found.size != built.size:
        return FileState.DIFFERENT
    return _same_or_not(built.sha256, found.sha256)


def _same_or_not(built: str | None, found: str | None) -> FileState:
    if built is None or found is None:
        return FileState.NOT_KNOWN
    return FileState.SAME if built == found else FileState.DIFFERENT
