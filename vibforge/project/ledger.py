"""Read and write build.json and the ledger, which list every file of builds with its digest."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from msgspec import Struct
from msgspec.structs import asdict

from vibforge import __version__
from vibforge.errors import FormatError, OutputError
from vibforge.files.folder_handle import FolderHandle, OutputFolder
from vibforge.files.publication import Publication, explained, undisturbed
from vibforge.formats.deflating import CompressionLevel, GzipMember, codec_release, codec_version
from vibforge.project.pack import PayloadTree
from vibforge.project.plan_build import BuildPlan
from vibforge.project.recipe_writing import table
from vibforge.trx.check import allowed

if TYPE_CHECKING:
    from vibforge.signing.signer import Signer


RECORD_NAME = "build.json"
FORMAT = "vibforge/record/2"
RECORD_LIMIT = 16 * 1024 * 1024
"""Most bytes of a record; its largest part, the recipe, has at most 4 MiB."""
FILE_LIMIT = 10_000
"""Most files in a list; a build writes eight, a ledger keeps those of older versions."""
MODES_LIMIT = 10_000
"""Most files of a payload whose mode a record lists; with paths of 510 characters, 5 MiB."""
USUAL_MODE = 0o644
"""The mode of files that a record does not list."""
_SHA256 = re.compile("[0-9a-f]{64}")

Facts = dict[str, Any]


class WrittenKind(StrEnum):
    """Kind of a file that a build writes."""

    VIB = "vib"
    DESCRIPTOR = "descriptor"
    SIGNATURE = "signature"
    INSTRUCTIONS = "instructions"
    SCRIPT = "script"
    BUNDLE = "bundle"
    CHECKSUMS = "checksums"


class WrittenFile(Struct, frozen=True, kw_only=True):
    """A file that was written into an output folder; size in bytes, digest in hex."""

    kind: WrittenKind
    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, kind: WrittenKind, name: str, data: bytes) -> Self:
        """Describe a file by its content."""
        return cls(kind=kind, name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


class Record(Struct, frozen=True, kw_only=True):
    """A record that was read. It may be forged: only the form of `files` is checked."""

    facts: Facts
    files: tuple[WrittenFile, ...]

    def find(self, kind: WrittenKind) -> WrittenFile | None:
        """Return the first file of a kind."""
        return next((file for file in self.files if file.kind is kind), None)


def inputs(plan: BuildPlan, level: CompressionLevel, signer: "Signer | None") -> Facts:
    """Return the inputs that determine the VIB, apart from the bytes of its payloads."""
    return {
        "format": FORMAT,
        "vibforge": __version__,
        "codec": codec_release(),
        "codec_library": codec_version(),
        "compression_level": level.name.lower(),
        "release_date": str(plan.dated.date),
        "release_date_source": plan.dated.source.value,
        "certificates": _fingerprints(signer),
        "recipe": table(plan.recipe),
        "allowed": allowed(plan.trx),
    }


def record(
    inputs: Facts,
    trees: Sequence[PayloadTree],
    members: Sequence[GzipMember],
    signed_at: datetime | None,
) -> Facts:
    """Return build.json without its list of files.

    Args:
        inputs: from the function of this name.
        trees: the payloads' trees.
        members: the payloads as packed, in the same order.
        signed_at: the time that the signature states; None if there is no signature.
    """
    payloads = [
        {
            "name": tree.recipe.name,
            "size": member.size,
            "sha256": member.sha256,
            "uncompressed_size": member.content_size,
            "uncompressed_sha256": member.content_sha256,
            "modes": recorded_modes(tree),
        }
        for tree, member in zip(trees, members, strict=True)
    ]
    signing_time = signed_at and signed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**inputs, "signing_time": signing_time, "payloads": payloads}


def recorded_modes(tree: PayloadTree) -> dict[str, list[str]] | None:
    """Return the files of a tree whose mode is not 0644, by mode; None if there are too many.

    A checkout can lose the modes of files, and the digest of a payload does not tell which.
    """
    modes: dict[str, list[str]] = {}
    count = 0
    for entry in tree.entries:
        if entry.kind.is_file and entry.mode != USUAL_MODE:
            modes.setdefault(f"{entry.mode:04o}", []).append(entry.path)
            count += 1
            if count > MODES_LIMIT:
                return None
    return dict(sorted(modes.items()))


def serialise_record(facts: Facts, files: Sequence[WrittenFile]) -> bytes:
    """Return the bytes of a record or ledger; the same values give the same bytes anywhere."""
    whole = {**facts, "files": [asdict(file) for file in files]}
    return json.dumps(whole, indent=2).encode("ascii") + b"\n"


_REMOVE = "remove it by hand if you do not need it; a build writes it again"


def parse_record(data: bytes, shape: str, where: str, *, remedy: str = _REMOVE) -> Record:
    """Read a record or ledger.

    Args:
        data: its bytes.
        shape: the `format` that it must have.
        where: its path, for messages.
        remedy: what to do if it cannot be read.

    Raises:
        FormatError: it is not JSON of this format, or its list of files is malformed or too long.
    """
    try:
        facts = _object(json.loads(data), shape)
        return Record(facts=facts, files=_files(facts.get("files")))
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"not a file that this vibforge wrote: {error}",
            where=where,
            remedy=remedy,
        ) from error


def _object(value: object, shape: str) -> Facts:
    if not isinstance(value, dict) or value.get("format") != shape:
        found = value.get("format") if isinstance(value, dict) else None
        said = f", but {found:.40}" if isinstance(found, str) else ""
        raise ValueError(f"its format is not {shape}{said}")
    return value


def _files(listed: object) -> tuple[WrittenFile, ...]:
    if not isinstance(listed, list) or len(listed) > FILE_LIMIT:
        raise ValueError(f"`files` is not a list of at most {FILE_LIMIT} files")
    return tuple(_file(entry, index) for index, entry in enumerate(listed))


def _file(entry: object, index: int) -> WrittenFile:
    match entry:
        case {"kind": str(kind), "name": str(name), "size": int(size), "sha256": str(sha256)} if (
            _SHA256.fullmatch(sha256) and kind in set(WrittenKind)
        ):
            return WrittenFile(kind=WrittenKind(kind), name=name, size=size, sha256=sha256)
    raise ValueError(f"files[{index}] does not have a known kind, a name, a size and a sha256")


def _fingerprints(signer: "Signer | None") -> list[str]:
    if signer is None:
        return []
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - signed builds only

    return [certificate.fingerprint(SHA256()).hex() for certificate in signer.certificates]


_CHUNK_SIZE = 1 << 20


class BuiltFolder:
    """An open folder; a context manager."""

    def __init__(
        self, path: Path, *, follow: bool = False, parent: "BuiltFolder | None" = None
    ) -> None:
        """Open a folder.

        Args:
            path: the folder.
            follow: whether it may be a link to a folder; a link in it is never followed.
            parent: the folder that it is in, to be reached through its handle.

        Raises:
            FileNotFoundError: there is none.
            OutputError: it is a link that may not be, not a folder, or cannot be opened.
        """
        self.path = path
        try:
            if not follow and path.is_symlink():
                raise OutputError(
                    "this is a link, and vibforge removes nothing through a link",
                    where=str(path),
                    remedy="name the folder that it points to",
                )
            self._handle = _opened(path, parent, follow=follow)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            what = f"cannot be opened: {getattr(error, 'strerror', None) or error}"
            raise OutputError(what, where=str(path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a small file; None if there is no file of this name.

        Raises:
            OutputError: it is a link, not a regular file, longer than `most` bytes, or unreadable.
        """
        try:
            with self._handle.existing_file(name) as file:
                data = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(
                f"cannot be read: {error.strerror or error}", where=str(self.path / name)
            ) from error
        if len(data) > most:
            raise OutputError(f"has more than {most} bytes", where=str(self.path / name))
        return data

    def difference(self, file: WrittenFile) -> str | None:
        """Return why a file is not the one that was written, "" if it is; None if it is gone."""
        return self._compare(file)

    def remove(self, file: WrittenFile) -> str | None:
        """Remove a file if it is the one that was written.

        It gets a hidden name first, so that a file that replaces it meanwhile is kept.

        Returns:
            Why it was kept, "" if it was removed, None if there was none.
        """
        return self._compare(file, self._removed)

    def unlink(self, name: str) -> None:
        """Remove a file of this folder, or the link that has its name.

        Raises:
            OSError: it cannot be removed.
        """
        self._handle.remove_file(name)

    def rmdir(self, name: str) -> None:
        """Remove an empty folder in this one.

        Raises:
            OSError: it cannot be removed, or is not empty.
        """
        self._handle.remove_folder(name)

    def held(self) -> AbstractContextManager[None]:
        """Lock the folder against publications until the context ends."""
        return self._handle.held()

    def _compare(
        self, file: WrittenFile, after: Callable[[str, os.stat_result], str] = lambda *_: ""
    ) -> str | None:
        """Compare a file with what was written, and call `after` if it is unchanged."""
        if not is_plain_name(file.name):
            return "is not the name of a file in this folder"
        try:
            with self._handle.existing_file(file.name) as opened:
                status = os.fstat(opened.fileno())
                if status.st_size != file.size or _sha256(opened, file.size) != file.sha256:
                    return "was changed after it was written"
                return after(file.name, status)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"cannot be removed: {error.strerror or error}"

    def _removed(self, name: str, compared: os.stat_result) -> str:
        """Remove a file if it is still the one that was compared; return why it was kept, or ""."""
        hidden = self._handle.free_name()
        with undisturbed():
            self._handle.rename(name, hidden)
            now = self._handle.status_of(hidden)
            if now is None or _is_same(now, compared):
                self._handle.remove_file(hidden)
                return ""
            if self._handle.mode_of(name) is not None:
                return f"was replaced while it was compared; what was there is {hidden} now"
            self._handle.rename(hidden, name)
        return "was replaced while it was compared"

    def enter(self, name: str) -> FolderHandle:
        """Open a folder in this one, which must not be a link."""
        return self._handle.enter(name)


def read_record(folder: Path) -> Record | None:
    """Return the record of the build in a folder; None if there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(RECORD_NAME, RECORD_LIMIT)
            return None if data is None else parse_record(data, FORMAT, str(folder / RECORD_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return None


def _opened(path: Path, parent: BuiltFolder | None, *, follow: bool) -> FolderHandle:
    if parent is not None:
        return parent.enter(path.name)
    return FolderHandle.open(path, follow=follow)


def is_plain_name(name: str) -> bool:
    """Return whether a text is the name of an entry in a folder, without a path out of it."""
    if name in {"", ".", ".."} or any(char in name for char in "/\\\0"):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate of a forged list
        return False
    return os.name != "nt" or ":" not in name  # a drive, or a stream of NTFS


def _is_same(now: os.stat_result, compared: os.stat_result) -> bool:
    """Return whether this is the file that was compared, unchanged since."""
    return os.path.samestat(now, compared) and now.st_mtime_ns == compared.st_mtime_ns


def _sha256(file: BinaryIO, size: int) -> str:
    """Hash at most one byte more than `size`, so that a growing file ends."""
    digest, left = hashlib.sha256(), size + 1
    while left and (chunk := file.read(min(_CHUNK_SIZE, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


LEDGER_NAME = ".vibforge.json"
LEDGER_FORMAT = "vibforge/ledger/1"


class Ledger(Struct, frozen=True, kw_only=True):
    """Files that make's targets wrote into a folder before the latest build."""

    made_folder: bool = False
    """Whether a target made the folder; `clean` removes only such folders."""
    files: tuple[WrittenFile, ...] = ()


def parse_ledger(data: bytes, where: str) -> Ledger:
    """Read a ledger.

    Raises:
        FormatError: it is malformed.
    """
    found = parse_record(data, LEDGER_FORMAT, where)
    return Ledger(made_folder=found.facts.get("made_folder") is True, files=found.files)


def read_ledger(folder: Path) -> Ledger:
    """Return the ledger of a folder; an empty one if there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(LEDGER_NAME, RECORD_LIMIT)
            return Ledger() if data is None else parse_ledger(data, str(folder / LEDGER_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return Ledger()


@contextlib.contextmanager
def keeping_ledgers(output: Path, folder: Path) -> Iterator[None]:
    """Record in the ledgers new folders and files of earlier builds, while a project is built.

    Other targets wait, so that the ledgers list all versions that are built at the same time.

    Args:
        output: the folder of all projects.
        folder: that of the project: `output` itself, or a folder in it.

    Raises:
        OutputError: `output` cannot be made, or a ledger cannot be written.
    """
    made_output = folder != output and _make(output)
    try:
        with alone_in(folder) as made_folder:
            before = read_record(folder)
            yield
            written = before.files if before else ()
            update_ledger(folder, made_folder=made_folder, written=written)
    except BaseException:
        if made_output:
            with contextlib.suppress(OSError):  # another project was built into it meanwhile
                output.rmdir()
        raise
    if made_output:
        update_ledger(output, made_folder=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Make a folder if it is missing, and lock it against other targets; yield whether it is new.

    A new folder that stays empty is removed again.
    """
    keep = True
    while keep:
        place = OutputFolder(folder)
        try:
            with explained(folder):
                handle = place.open()
            with handle.held():
                keep = not handle.is_still(folder)  # `clean` may have removed it meanwhile
                if not keep:
                    yield place.is_made
        finally:
            place.close(keep=keep)


def update_ledger(
    folder: Path, *, made_folder: bool = False, written: Sequence[WrittenFile] = ()
) -> None:
    """Update a folder's ledger: add files, and drop missing ones and those of the latest build.

    Args:
        folder: the folder.
        made_folder: whether this process made the folder.
        written: files that the latest build does not list.

    Raises:
        OutputError: it cannot be written.
    """
    with alone_in(folder):
        before = read_ledger(folder)
        after = _after(before, folder, written, made_folder=made_folder)
        if after == before:
            return
        with Publication(folder) as publication:
            facts = {"format": LEDGER_FORMAT, "made_folder": after.made_folder}
            publication.write(LEDGER_NAME, serialise_record(facts, after.files))
            publication.publish()


def _after(
    before: Ledger, folder: Path, written: Sequence[WrittenFile], *, made_folder: bool
) -> Ledger:
    latest = read_record(folder)
    names = {file.name for file in latest.files} if latest else set()
    files = {file.name: file for file in (*before.files, *written) if file.name not in names}
    present = tuple(file for file in files.values() if _is_there(folder, file))
    return Ledger(made_folder=made_folder or before.made_folder, files=present[-FILE_LIMIT:])


def _make(folder: Path) -> bool:
    """Make a folder, and return whether it is new."""
    output = OutputFolder(folder)
    try:
        with explained(folder):
            output.open()
        return output.is_made
    finally:
        output.close(keep=True)


def _is_there(folder: Path, file: WrittenFile) -> bool:
    return is_plain_name(file.name) and os.path.lexists(folder / file.name)
