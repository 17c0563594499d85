"""The layout that needs no `-f`: files stand under opt/ and are put in place at boot.

A community VIB whose files all stand on the community list installs on a community host with no
flag (tried on 6.7). Open on a real host: whether the script runs before the service that reads a
file, and whether releases from 7.0 on still have etc/init.d on the community list.
"""

from collections.abc import Sequence
from dataclasses import replace

from vibforge.checks.allowed_paths import paths_outside
from vibforge.esxi.paths import BOOT_COPIED
from vibforge.host.package import Package
from vibforge.model.acceptance import AcceptanceLevel

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
    name = package.name
    moved = set(moved_paths(package.level, package.descriptor.file_list))
    if not moved:
        return package
    files = {
        stored_at(name, path) if path in moved else path for path in package.descriptor.file_list
    }
    files |= {script_path(name), f"{store_path(name)}/{MANIFEST}"}
    return replace(package, descriptor=replace(package.descriptor, file_list=tuple(sorted(files))))
