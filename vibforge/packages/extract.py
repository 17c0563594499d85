"""Take files out of VIBs, bundles and payloads, into a folder and nowhere else."""

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.bundle.opening import OpenBundle
from vibforge.errors import FormatError, Problem
from vibforge.files.unpack_folder import DEPTH_LIMIT, Owner, UnpackFolder
from vibforge.formats.budget import Budget, Work
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.formats.inflating import UnpackedPayload, unpacked_ahead
from vibforge.formats.sniffing import HEAD_SIZE
from vibforge.formats.streams import read_chunks
from vibforge.formats.tar_reading import TarEntry, TarReader, starts_tar
from vibforge.packages.subjects import LoosePayload, StageFolder, Subject
from vibforge.vib.archive import Vib
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME

Contents = Iterable[tuple[TarEntry, Iterator[memoryview]]]

_SET_ID = stat.S_ISUID | stat.S_ISGID
_OWNER_LIMIT = 2**32 - 2
"""A system's greatest user or group; to give a file to the next number leaves its owner."""
_DEVICE_LIMITS = (2**12 - 1, 2**20 - 1)
"""Linux' greatest major and minor number; of greater ones it takes a part."""
_FOLDER_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.+-]{0,200}")
_FOLLOW_LIMIT = 40
"""Links that lead to links, as Linux counts them."""
_STEP_LIMIT = 200
"""Names on the way that one link leads, through others too; real links have a dozen."""
_SPECIAL = {
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
    EntryKind.FIFO: stat.S_IFIFO,
}


class ExtractOptions(Struct, frozen=True, kw_only=True):
    """What is wanted beyond files, folders and links that stay inside.

    `paths` are files, or folders with all in them; none means everything. `owners` gives files
    their owners and set-id bits, which only root may; `devices` makes devices and pipes;
    `outside_links` makes links that lead out of the folder; `force` replaces files.
    """

    paths: tuple[str, ...] = ()
    owners: bool = False
    devices: bool = False
    outside_links: bool = False
    force: bool = False


class Extracted(Struct):
    """What was taken out: paths below the folder, and what was left out with the reason."""

    folder: Path
    paths: list[str] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)


class _Part(Struct, frozen=True, kw_only=True):
    """A payload, what goes before the paths in it, and its content where it is a tar."""

    prefix: str
    name: str
    contents: Contents | None
    budget: Budget


def extract(subjects: Iterable[Subject], folder: Path, wishes: ExtractOptions) -> Extracted:
    """Take out the files as they appear on a host; of a bundle, each VIB into a folder of its own.

    Raises:
        FormatError: the subject is damaged, holds paths or links that lead out of the folder, or
            has none of the chosen paths.
        OutputError: something is there already, or cannot be written; nothing was changed but
            files that `force` replaced.
    """
    done = Extracted(folder=folder)
    with UnpackFolder(folder, force=wishes.force) as target:
        unpackings: dict[str, Unpacking] = {}
        for part in chain.from_iterable(map(_parts, subjects)):
            if part.contents is None:
                done.left_out.append(_not_a_tar(part))
                continue
            if part.prefix not in unpackings:
                unpackings[part.prefix] = Unpacking(target, part.prefix, wishes, done)
            unpackings[part.prefix].run(part.contents, part.budget)
        for unpacking in unpackings.values():
            unpacking.make_links()
        _check_all_found(wishes.paths, done)
        target.keep()
    return done


def extract_members(subjects: Iterable[Subject], folder: Path, *, force: bool = False) -> Extracted:
    """Take out the members of a VIB as they are stored: descriptor, signature, packed payloads.

    Raises:
        FormatError: the subject has no members, or one with a name that no file may have.
        OutputError: something is there already, or cannot be written.
    """
    done = Extracted(folder=folder)
    with UnpackFolder(folder, force=force) as target:
        for prefix, vib in chain.from_iterable(map(_vibs, subjects)):
            with vib.source.open() as stream:
                for name, pieces in _members(vib, stream):
                    target.write(f"{prefix}{name}", pieces, 0o644)
                    done.paths.append(f"{prefix}{name}")
        target.keep()
    return done


def contents_of(subject: Subject) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
    """Yield all entries of a subject with their content, to be taken one after the other."""
    for part in _parts(subject):
        yield from part.contents or ()


def _not_a_tar(part: _Part) -> Problem:
    return Problem(
        what="the payload is not a tar, so it holds no files",
        where=part.name,
        remedy="--payloads-only takes it out as it is stored",
    )


def _members(vib: Vib, stream: "BinaryIO") -> Iterator[tuple[str, Iterator[bytes]]]:
    yield DESCRIPTOR_NAME, iter([vib.descriptor_bytes])
    yield SIGNATURE_NAME, iter([vib.signature])
    for payload in vib.payloads:
        if payload.member is not None:
            yield _as_file_name(payload.name), vib.stored(payload, stream)


def _parts(subject: Subject) -> Iterator[_Part]:
    match subject:
        case LoosePayload():
            with subject.source.open() as stream:
                chunks = read_chunks(stream, subject.source.size)
                budget = subject.source.budget
                with unpacked_ahead(chunks, subject.source.size, budget) as unpacked:
                    yield _part("", subject.source.name, unpacked, budget)
        case Vib() | OpenBundle():
            for prefix, vib in _vibs(subject):
                for payload in vib.payloads:
                    if payload.member is not None:
                        with vib.unpacked(payload) as unpacked:
                            yield _part(prefix, payload.name, unpacked, vib.source.budget)
        case StageFolder():
            raise FormatError("a stage folder holds its files already", where=str(subject.path))


def _part(prefix: str, name: str, unpacked: UnpackedPayload, budget: Budget) -> _Part:
    is_tar = starts_tar(unpacked.content.peek(HEAD_SIZE))
    contents = TarReader(unpacked.content, budget).contents() if is_tar else None
    return _Part(prefix=prefix, name=name, contents=contents, budget=budget)


def _vibs(subject: Subject) -> Iterator[tuple[str, Vib]]:
    match subject:
        case Vib():
            yield "", subject
        case OpenBundle():
            if not subject.sources:
                raise FormatError("there is no VIB in it", where=subject.bundle.name)
            for source in subject.sources:
                vib = Vib.from_source(source)
                yield f"{_as_file_name(vib.descriptor.vib_id)}/", vib
        case LoosePayload():
            raise FormatError("a payload has no members", where=subject.source.name)
        case StageFolder():
            raise FormatError("a folder has no members", where=str(subject.path))


def _as_file_name(name: str) -> str:
    if not _FOLDER_NAME.fullmatch(name):
        raise FormatError("the name cannot be that of a file", where=repr(name))
    return name


class Unpacking:
    """Writes the payloads of one folder; their symbolic links come last.

    So nothing is written through a link, and the links of one payload cannot make those of another
    lead out. `taken` are the entries that were written.
    """

    def __init__(
        self, target: UnpackFolder, prefix: str, wishes: ExtractOptions, done: Extracted
    ) -> None:
        self._target = target
        self._prefix = prefix
        self._wishes = wishes
        self._done = done
        self.taken: list[ArchiveEntry] = []
        self._links: list[tuple[ArchiveEntry, Budget]] = []
        self._files: set[str] = set()

    def run(self, contents: Contents, budget: Budget) -> None:
        """Write what is wanted of a payload, all but its symbolic links."""
        hard_links = []
        self._files.clear()
        for found, pieces in contents:
            entry = _shortest(found.entry)
            if not entry.path or not self._is_chosen(entry.path):
                continue
            if entry.kind is EntryKind.SYMLINK:
                self._links.append((entry, budget))
            elif entry.kind is EntryKind.HARD_LINK:
                hard_links.append(entry)
            elif entry.kind in _SPECIAL and not self._wishes.devices:
                self._leave_out(entry, "a device or pipe", "--devices creates it")
            else:
                self._take(entry, found.device, pieces)
                self._finish(entry, budget)
        for entry in hard_links:
            self._take_hard_link(entry)
            self._finish(entry, budget)

    def make_links(self) -> None:
        """Make the symbolic links of all payloads."""
        self._check_links()
        for entry, budget in self._links:
            path = f"{self._prefix}{entry.path}"
            self._target.make_link(path, entry.link, self._owner(entry))
            self._finish(entry, budget)

    def _is_chosen(self, path: str) -> bool:
        chosen = self._wishes.paths
        return not chosen or any(path == each or path.startswith(f"{each}/") for each in chosen)

    def _take(
        self, entry: ArchiveEntry, device: tuple[int, int], pieces: Iterator[memoryview]
    ) -> None:
        path = f"{self._prefix}{entry.path}"
        if entry.kind in _SPECIAL:
            self._take_device(path, entry, device)
        elif entry.kind is EntryKind.DIRECTORY:
            self._target.make_folder(path, self.mode(entry), self._owner(entry))
        else:
            self._target.write(path, pieces, self.mode(entry), self._owner(entry))
            self._files.add(entry.path)

    def _take_device(self, path: str, entry: ArchiveEntry, device: tuple[int, int]) -> None:
        if any(map(int.__gt__, device, _DEVICE_LIMITS)):
            major, minor = device
            raise FormatError(
                f"no system has a device {major}:{minor}",
                where=path,
                remedy="extract without --devices",
            )
        mode = entry.mode | _SPECIAL[entry.kind]
        self._target.make_device(path, mode, device, self._owner(entry))

    def mode(self, entry: ArchiveEntry) -> int:
        """Return the mode that an entry gets on disk."""
        return entry.mode if self._wishes.owners else entry.mode & ~_SET_ID

    def _owner(self, entry: ArchiveEntry) -> Owner | None:
        if not self._wishes.owners:
            return None
        if max(entry.uid, entry.gid) > _OWNER_LIMIT:
            raise FormatError(
                f"no system has an owner {entry.uid}:{entry.gid}",
                where=f"{self._prefix}{entry.path}",
                remedy="extract without --owners",
            )
        return entry.uid, entry.gid

    def _finish(self, entry: ArchiveEntry, budget: Budget) -> None:
        declared = entry.kind is EntryKind.DIRECTORY
        budget.spend(Work.ENTRIES, max(0, self._target.folder_work() - declared))
        self.taken.append(entry)
        self._done.paths.append(f"{self._prefix}{entry.path}")

    def _leave_out(self, entry: ArchiveEntry, what: str, remedy: str) -> None:
        self._done.left_out.append(Problem(what=what, where=entry.path, remedy=remedy))

    def _check_links(self) -> None:
        """Refuse links that lead out, all at once and before any is made."""
        if self._wishes.outside_links:
            return
        links = {entry.path: entry.link for entry, _ in self._links}
        outside = [
            Problem(
                what=f"the link leads out of the folder, to {entry.link}",
                where=entry.path,
                remedy="--outside-links creates it all the same; nothing is written through it",
            )
            for entry, _ in self._links
            if leads_out(entry.path, links)
        ]
        if outside:
            raise FormatError.from_problems(outside)

    def _take_hard_link(self, entry: ArchiveEntry) -> None:
        path = f"{self._prefix}{entry.path}"
        original = str(PurePosixPath(entry.link.strip("/")))
        if original not in self._files:
            raise FormatError(f"a hard link to {entry.link}, which is no file here", where=path)
        self._target.make_hard_link(path, f"{self._prefix}{original}")
        self._files.add(entry.path)


def _shortest(entry: ArchiveEntry) -> ArchiveEntry:
    """Return an entry with its path as a file system has it: `a//b` and `a/./b` are `a/b`."""
    if "//" not in entry.path and "/." not in entry.path:
        return entry
    return replace(entry, path=str(PurePosixPath(entry.path)))


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Whether the symbolic link at `path` leads out of the folder that paths are relative to.

    Args:
        path: one of the links.
        links: all links of the folder with their targets; a link may lead through others.
    """
    here: list[str] = []
    ahead = list(reversed(PurePosixPath(path).parts))
    if len(ahead) > DEPTH_LIMIT or any(above in links for above in _above(ahead)):
        return True  # the archive has a folder there as well as a link: either may come true
    steps = followed = 0
    while ahead:
        steps += 1
        if steps + len(ahead) > _STEP_LIMIT:
            return True
        step = ahead.pop()
        if step == "..":
            if not here:
                return True
            here.pop()
            continue
        here.append(step)
        if len(here) > DEPTH_LIMIT:
            return True
        link = links.get("/".join(here))
        if link is None:
            continue
        followed += 1
        if followed > _FOLLOW_LIMIT or not link or link.startswith("/") or "\\" in link:
            return True
        here.pop()
        ahead += reversed(PurePosixPath(link).parts)
    return False


def _above(steps_back: list[str]) -> Iterator[str]:
    """Yield the folders above a path whose steps are given from the last to the first."""
    return accumulate(reversed(steps_back[1:]), "{}/{}".format)


def _check_all_found(paths: tuple[str, ...], done: Extracted) -> None:
    found = [*done.paths, *(left.where for left in done.left_out)]
    missing = [
        path
        for path in paths
        if not any(each == path or f"/{path}" in f"/{each}" for each in found)
    ]
    if missing:
        what = "there is no such path in it"
        raise FormatError.from_problems(Problem(what=what, where=each) for each in missing)
