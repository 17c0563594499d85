"""Where `[[payloads.files]]` finds files in the project, and where they go on the host.

A pattern is matched name by name: `*`, `?` and `[…]` match within one name, `**` any number of
folders. What it matches keeps its path below the pattern's fixed part, the folders before the first
special character, whatever else is in the project.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.formats.toml_keys import Fault
from vibforge.project.recipe import (
    HOST_ROOT,
    PATTERN_LENGTH_LIMIT,
    PROJECT_ROOT,
    ContentType,
    FileMapping,
    PayloadRecipe,
)

_SPECIAL = frozenset("*?[")
_ANY_FOLDERS = "**"

Positions = frozenset[int]
"""The parts of a pattern that the next name may match."""


class SourcePattern(Struct, frozen=True):
    """A path or pattern of `src`: its fixed part, and the parts with special characters."""

    fixed: tuple[str, ...]
    rest: tuple[str, ...]

    @classmethod
    def parse(cls, src: str) -> "SourcePattern":
        """Split a pattern; `.` is the project's folder."""
        parts = tuple(part for part in src.split("/") if part not in {"", PROJECT_ROOT})
        count = next((i for i, part in enumerate(parts) if _SPECIAL & set(part)), len(parts))
        return cls(parts[:count], parts[count:])

    @property
    def start(self) -> Positions:
        """The positions before the first name below the fixed part."""
        return self._with_skipped({0})

    def after(self, positions: Positions, name: str) -> Positions:
        """Return the positions after one more name; none if nothing below can match."""
        found = set()
        for position in positions - {len(self.rest)}:
            part = self.rest[position]
            if part == _ANY_FOLDERS:
                found.add(position)
            elif fnmatchcase(name, part):
                found.add(position + 1)
        return self._with_skipped(found)

    def is_match(self, positions: Positions) -> bool:
        """Return whether what was met so far matches the whole pattern."""
        return len(self.rest) in positions

    def takes(self, parts: Sequence[str]) -> bool:
        """Return whether a path of the project matches, or a folder above it."""
        if tuple(parts[: len(self.fixed)]) != self.fixed:
            return False
        positions = self.start
        for name in parts[len(self.fixed) :]:
            if self.is_match(positions):
                break
            positions = self.after(positions, name)
        return self.is_match(positions)

    def _with_skipped(self, positions: set[int]) -> Positions:
        """Add the positions behind each `**`, which also matches no folder at all."""
        found = set(positions)
        for position, part in enumerate(self.rest):
            if position in found and part == _ANY_FOLDERS:
                found.add(position + 1)
        return frozenset(found)


def below(destination: str, path: str) -> str:
    """Return the path on the host of what is at `path` below a destination."""
    folder = destination.rstrip("/")
    return path if folder == HOST_ROOT else f"{folder}/{path}" if path else folder


def place_of_file(mapping: FileMapping, name: str) -> str:
    """Return the path on the host of a file that `src` names without a pattern."""
    is_folder = mapping.dst.endswith("/") or mapping.dst == HOST_ROOT
    return below(mapping.dst, name if is_folder else "")


def takes(payload: PayloadRecipe, parts: Sequence[str]) -> bool:
    """Return whether `files` of a payload take a path of the project, given by its names."""
    paths = (_host_path(mapping, parts) for mapping in payload.files if _takes(mapping, parts))
    return any(not is_excluded(path, payload.exclude) for path in paths)


def _takes(mapping: FileMapping, parts: Sequence[str]) -> bool:
    return mapping.type.has_source and SourcePattern.parse(mapping.src).takes(parts)


def _host_path(mapping: FileMapping, parts: Sequence[str]) -> str:
    left = parts[len(SourcePattern.parse(mapping.src).fixed) :]
    return below(mapping.dst, "/".join(left)) if left else place_of_file(mapping, parts[-1])


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern matches a path on the host, or a folder above it."""
    steps = [path, *map(str, PurePosixPath(path).parents)]
    return any(fnmatchcase(step, pattern) for pattern in patterns for step in steps)


def mapping_faults(mapping: FileMapping) -> Iterator[Fault]:
    """Yield what is wrong with a mapping by itself, whatever is in the project."""
    match mapping.type:
        case ContentType.DIR:
            yield from _dir_faults(mapping)
        case ContentType.SYMLINK:
            yield from _symlink_faults(mapping)
        case _:
            yield from _source_faults(mapping)
    if mapping.config and not mapping.type.has_source:
        yield (
            ("config",),
            ModelError(
                f"is for files, and a `{mapping.type}` has no content that could be edited",
                remedy="leave `config` out",
            ),
        )


def _dir_faults(mapping: FileMapping) -> Iterator[Fault]:
    if mapping.src:
        remedy = "leave `src` out, or use the type `tree` for a folder with all in it"
        yield ("src",), ModelError("a `dir` is an empty folder and takes no files", remedy=remedy)
    if mapping.dst.rstrip("/") == HOST_ROOT:
        yield ("dst",), ModelError("/ is there on every host", remedy="name a folder below it")


def _symlink_faults(mapping: FileMapping) -> Iterator[Fault]:
    if not mapping.src:
        remedy = "write the path on the host that the link leads to"
        yield ("src",), ModelError("the target of the link is missing", remedy=remedy)
    if mapping.dst.endswith("/") or mapping.dst == HOST_ROOT:
        remedy = "name the link itself: etc/acme/current"
        yield ("dst",), ModelError(f"{mapping.dst!r} is a folder, not a link", remedy=remedy)
    if mapping.mode is not None:
        yield ("mode",), ModelError("a link has no mode of its own", remedy="leave `mode` out")


def _source_faults(mapping: FileMapping) -> Iterator[Fault]:
    src = mapping.src
    pattern = SourcePattern.parse(src)
    if not src:
        yield ("src",), ModelError("the source is missing", remedy="name a file, folder or pattern")
    elif len(src) > PATTERN_LENGTH_LIMIT:
        what = f"a pattern has {len(src)} characters, more than {PATTERN_LENGTH_LIMIT}"
        yield ("src",), ModelError(what)
    elif not src.isprintable() or "\\" in src:
        remedy = "write it with slashes, and `?` for a character that cannot be written"
        yield ("src",), ModelError(f"{src!r} is not a path or pattern", remedy=remedy)
    elif src.startswith("/") or ".." in src.split("/"):
        remedy = "name it relative to the recipe, and copy what is elsewhere into the project"
        yield ("src",), ModelError(f"{src!r} leads out of the project", remedy=remedy)
    elif mapping.type is ContentType.TREE and pattern.rest:
        what = f"{src!r} is a pattern, and a `tree` is one folder"
        yield ("src",), ModelError(what, remedy="leave `type` out for a pattern")
    elif any(_ANY_FOLDERS in part and part != _ANY_FOLDERS for part in pattern.rest):
        remedy = "put it between slashes: lib/**/*.py"
        yield ("src",), ModelError(f"{src!r} has `**` beside other characters", remedy=remedy)
