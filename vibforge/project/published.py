"""Read what was built or published before: VIBs, bundles, build.json, SHA256SUMS, folders of them.

Such files may be forged. What they say of a version is compared with a build and never executed,
followed or removed.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from vibforge.bundle.opening import OpenBundle, file_digests, opened_bundles
from vibforge.errors import FormatError, Problem, is_file, is_folder
from vibforge.files.inputs import FileSource, Source, read_file
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind, not_a
from vibforge.project.clean import CHECKSUMS_NAME
from vibforge.project.ledger import (
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    WrittenKind,
    is_plain_name,
    parse_record,
)
from vibforge.project.version_lock import PublishedVersion
from vibforge.vib.archive import Vib
from vibforge.vib.identity import VIB_SUFFIX, PackageName

LINE_LIMIT = 100_000
"""Most lines of a SHA256SUMS."""
VISITED_LIMIT = 100_000
"""Most files and folders in a folder that `--previous` names."""
DEPTH_LIMIT = 16
"""Most folders in each other that `--previous` looks into."""
_PACKAGE_SUFFIXES = (VIB_SUFFIX, ".zip")
_GNU_LINE = re.compile(r"(\\?)([0-9A-Fa-f]{64}) [ *](.+)", re.DOTALL)
_BSD_LINE = re.compile(r"SHA256 \((.+)\) = ([0-9A-Fa-f]{64})", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r"}


def read_releases(
    paths: Iterable[Path], package: PackageName, version: str
) -> tuple[PublishedVersion, ...]:
    """Return the versions of a package that some files and folders know.

    Args:
        paths: VIBs, bundles, records, lists of checksums, and folders with such files.
        package: the package; all others are ignored.
        version: the version whose digest is wanted.

    Raises:
        FormatError: one of them cannot be read, or is none of these.
    """
    reader = _Reader(package, version)
    return tuple(release for path in paths for release in reader.read(path))


class _Reader(Struct, frozen=True):
    package: PackageName
    version: str

    def read(self, path: Path) -> Iterator[PublishedVersion]:
        files = _files_in(path) if is_folder(path) else (path,)
        for file in files:
            yield from self._read_file(file)

    def _read_file(self, path: Path) -> Iterator[PublishedVersion]:
        source = FileSource.from_path(path)
        with source.open() as stream:
            kind = file_kind(stream.read(HEAD_SIZE))
        if kind is FileKind.ARCHIVE:
            yield from self._vib(source, path)
        elif kind is FileKind.ZIP:
            with opened_bundles(path) as bundles:
                for bundle in bundles:
                    _require_vibs(bundle)
                    for member in bundle.sources:
                        yield from self._vib(member, path)
        else:
            data = read_file(path, RECORD_LIMIT, FormatError)
            is_record = data.lstrip()[:1] == b"{"
            yield from self._record(path, data) if is_record else self._checksums(path, data)

    def _vib(self, source: Source, path: Path) -> Iterator[PublishedVersion]:
        vib = Vib.from_source(source)
        if vib.faults:
            where, faults = source.name, vib.faults
            raise FormatError.from_problems(Problem(what=f.what, where=where) for f in faults)
        of = vib.descriptor
        if PackageName(of.vendor, of.type or "", of.name) == self.package:
            version = of.version
            sha256 = file_digests(source)[0] if version == self.version else ""
            yield PublishedVersion(where=source.name, version=version, sha256=sha256, package=path)

    def _record(self, path: Path, data: bytes) -> Iterator[PublishedVersion]:
        record = parse_record(data, FORMAT, str(path), remedy="name the VIB that it describes")
        for file in record.files:
            version = self.package.version_in(file.name, self.version)
            if file.kind is WrittenKind.VIB and version is not None:
                yield PublishedVersion(
                    where=str(path),
                    version=version,
                    sha256=file.sha256,
                    package=_beside(path, file.name),
                    record=record.facts,
                )

    def _checksums(self, path: Path, data: bytes) -> Iterator[PublishedVersion]:
        found = 0
        if data.count(b"\n") > LINE_LIMIT:
            raise FormatError(f"has more than {LINE_LIMIT} lines", where=str(path))
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            where = f"{path}:{number}"
            if not line.strip() or line.startswith("#"):
                continue
            if (entry := _entry(line.removesuffix("\r"))) is None:
                raise _not_checksums(data, path, where, is_first=not found)
            found += 1
            name, sha256 = entry
            version = self.package.version_in(re.split(r"[/\\]", name)[-1], self.version)
            if version is not None:
                beside = _beside(path, name)
                yield PublishedVersion(where=where, version=version, sha256=sha256, package=beside)
        if not found:
            raise _not_checksums(data, path, str(path), is_first=True)


def _require_vibs(bundle: OpenBundle) -> None:
    """Raise an error for what is left of a bundle that was cut off."""
    if not bundle.sources:
        faults = [f"{fault.where}: {fault.what}" for fault in bundle.bundle.faults[:1]]
        what = ": ".join(["an offline bundle without a VIB", *faults])
        raise FormatError(what, where=bundle.container.name)


def _entry(line: str) -> tuple[str, str] | None:
    """Return name and digest of a line that `sha256sum` or `sha256sum --tag` wrote."""
    if found := _GNU_LINE.fullmatch(line):
        mark, sha256, name = found.groups()
        return _unescaped(name) if mark else name, sha256.lower()
    if found := _BSD_LINE.fullmatch(line):
        return found[1], found[2].lower()
    return None


def _unescaped(name: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), name)


def _not_checksums(data: bytes, path: Path, where: str, *, is_first: bool) -> FormatError:
    if is_first:
        wanted = "a VIB, a bundle, a build.json or a list of SHA-256 digests"
        return not_a(wanted, data[:HEAD_SIZE], str(path))
    return FormatError(
        "not a line of sha256sum: 64 hexadecimal digits, two blanks and a name", where=where
    )


def _beside(path: Path, name: str) -> Path | None:
    """Return the VIB that a list names, if it lies below the list's folder."""
    parts = [part for part in re.split(r"[/\\]", name) if part != "."]
    if ".." in parts or name.startswith("/") or not all(map(is_plain_name, parts)):
        return None
    beside = path.parent.joinpath(*parts)
    return beside if is_file(beside) else None


def _files_in(folder: Path) -> list[Path]:
    """Return the files in a folder, and in folders in it, that may tell of releases.

    Raises:
        FormatError: it has files, and none of them does; or it has too many.
    """
    found: list[Path] = []
    visited = 0
    for place, folders, names in os.walk(folder, onerror=_raise):
        visited += len(folders) + len(names)
        if visited > VISITED_LIMIT:
            raise FormatError(
                f"has more than {VISITED_LIMIT} files",
                where=str(folder),
                remedy="name the files of this package, or a folder with fewer",
            )
        at = Path(place)
        if len(at.relative_to(folder).parts) >= DEPTH_LIMIT:
            folders.clear()
        found += [at / name for name in sorted(names) if _may_tell(name)]
        folders.sort()
    if visited and not found:
        raise FormatError(
            "holds no VIB, bundle, build.json or SHA256SUMS",
            where=str(folder),
            remedy="name the folder of the releases; an empty one is one without releases",
        )
    return found


def _may_tell(name: str) -> bool:
    return name.lower().endswith(_PACKAGE_SUFFIXES) or name in {RECORD_NAME, CHECKSUMS_NAME}


def _raise(error: OSError) -> None:
    raise FormatError(
        f"cannot be read: {error.strerror}", where=os.fsdecode(error.filename or "")
    ) from error
