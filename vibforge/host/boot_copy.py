"""The layout that needs no `-f`: files stand under opt/ and are put in place at boot.

A community VIB whose files all stand on the community list installs on a community host with no
flag (tried on 6.7). Open on a real host: whether the script runs before the service that reads a
file, and whether releases from 7.0 on still have etc/init.d on the community list.
"""

from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import BOOT_COPIED, paths_outside
from vibforge.host.package import Package

MANIFEST = "boot-copy.list"


def script_path(name: str) -> str:
    """Where the init script of VIB `name` stands."""
    return f"etc/init.d/{name}"


def store_path(name: str) -> str:
    """The folder below which VIB `name` keeps the files that are put in place at boot."""
    return f"opt/{name}/boot-copy"


def stored_at(name: str, path: str) -> str:
    """Where VIB `name` keeps the file that is put at `path` at boot."""
    return f"opt/{name}{BOOT_COPIED}{path}"


def moved_paths(level: AcceptanceLevel, files: Sequence[str]) -> tuple[str, ...]:
    """Return the files that have to move: those on no list of the level."""
    return paths_outside(level, files)


def boot_copy_package(package: Package) -> Package:
    """Return a VIB as it would be in this layout."""
    descriptor = package.descriptor
    moved = _file_list(package.name, package.level, descriptor.file_list)
    if moved == descriptor.file_list:
        return package
    return replace(package, descriptor=replace(descriptor, file_list=moved))


@lru_cache(maxsize=16)
def _file_list(name: str, level: AcceptanceLevel, listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the list once: a prediction asks again for each remedy."""
    moved = set(moved_paths(level, listed))
    if not moved:
        return listed
    files = {stored_at(name, path) if path in moved else path for path in listed}
    files |= {script_path(name), f"{store_path(name)}/{MANIFEST}"}
    return tuple(sorted(files))
