"""Collect the tree of a payload and pack it."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NewType, Protocol, Self

from msgspec import Struct, field

from vibforge.errors import PayloadError, Problem, is_file, is_folder
from vibforge.formats import deflating, gnu_tar, vmtar
from vibforge.formats.deflating import DEFAULT_LEVEL, CompressionLevel, GzipMember, compress
from vibforge.formats.gnu_tar import PATH_LIMIT, ArchiveEntry, EntryKind
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.formats.toml_keys import dotted
from vibforge.project.mapped_files import (
    Positions,
    SourcePattern,
    below,
    is_excluded,
    place_of_file,
)
from vibforge.project.recipe import (
    ContentType,
    FileMapping,
    PayloadRecipe,
    PayloadType,
    path_fault,
)
from vibforge.vib.scan import ChangedMode


class TarLayout(Protocol):
    """A format of archive: the layout of its entries, and its size."""

    def image(self, entries: Sequence[ArchiveEntry]) -> Iterator[bytes | ArchiveEntry]:
        """Yield bytes as they are, and entries whose content is due."""

    def image_size(self, entries: Sequence[ArchiveEntry]) -> int:
        """Return the bytes that an image takes."""


ARCHIVES: Mapping[PayloadType, TarLayout] = {PayloadType.TGZ: gnu_tar, PayloadType.VGZ: vmtar}


ENTRY_LIMIT = 200_000
"""Most entries of a payload to build, at 2 KiB of memory each; large ones have 10,000."""
SEARCH_LIMIT = 1_000_000
"""Most names that all patterns of a payload's `files` look at; each takes a microsecond."""
DEPTH_LIMIT = 100
"""Deepest nesting of folders in a payload to build; vendors need a dozen."""
_PROBLEM_LIMIT = 50
_READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_FOLDER_MODE = _PROGRAM_MODE = 0o755
_FILE_MODE = 0o644


FileState = NewType("FileState", int)
"""State of a file when it was listed, in one number; it must be the same when it is packed."""


def state_of(status: os.stat_result) -> FileState:
    """Return a number that changes with every write to a file.

    A program can set the time of the last write back, but not the time of the last change of the
    inode (ctime). Windows lists folders without inodes, and its ctime is the time of creation.
    """
    inode = (0, 0) if os.name == "nt" else (status.st_ino, status.st_ctime_ns)
    return FileState(hash((*inode, status.st_size, status.st_mtime_ns)))


class PayloadTree(Struct, frozen=True, kw_only=True, dict=True):
    """A tree ready to be packed: entries in the order of the archive, parents first."""

    recipe: PayloadRecipe
    root: Path
    entries: tuple[ArchiveEntry, ...]
    states: tuple[FileState | None, ...]
    """For each entry, the state of its file; None for folders and links."""
    changed_modes: Mapping[str, ChangedMode] = field(default_factory=dict)
    """The modes that the build widens or removes a set-id bit from, by the path in the tree."""
    origins: Mapping[str, Path | bytes] = field(default_factory=dict)
    """Source of an entry's content if it is not the entry's own path below the root."""

    def source_of(self, path: str) -> Path | bytes:
        """Return the file with an entry's content, or the content itself."""
        return self.origins.get(path, self.root / path)

    @cached_property
    def image_size(self) -> int:
        """Bytes of the unpacked payload."""
        return ARCHIVES[self.recipe.type].image_size(self.entries)

    @property
    def content_size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)

    def files(self) -> Iterator[str]:
        """Yield the paths that a descriptor lists: everything but folders."""
        return (entry.path for entry in self.entries if entry.kind is not EntryKind.DIRECTORY)


def collect(
    recipe: PayloadRecipe, project: Path, mtime: int, place: Callable[[KeyPath], str] = dotted
) -> PayloadTree:
    """List the tree and the files of a payload.

    Args:
        recipe: the payload.
        project: the folder that the recipe's `tree` and `files` are relative to.
        mtime: the time of every entry, in seconds since 1970.
        place: returns where a key of the payload is in the recipe, for messages.

    Raises:
        PayloadError: with all that cannot be part of a payload.
    """
    walker = _Walker(recipe, project, mtime)
    places = [place(("files", index)) for index in range(len(recipe.files))]
    mapped = list(zip(recipe.files, places, strict=True))
    for mapping, where in mapped:  # what they say of a folder goes before what is found
        if mapping.type is ContentType.DIR:
            walker.take_mapping(mapping, where)
    if recipe.tree:
        walker.take_tree()
    for mapping, where in mapped:
        if mapping.type is not ContentType.DIR:
            walker.take_mapping(mapping, where)
    walker.finish()
    if walker.problems:
        raise PayloadError.from_problems(walker.problems)
    root = project / recipe.tree
    if not walker.file_count:
        raise PayloadError(
            f"payload {recipe.name}: the tree holds no files",
            where=str(root),
            remedy="put each file at its path on the host, etc/vmware/trx.conf, or begin with "
            "`vibforge init FOLDER`",
        )
    tree = PayloadTree(
        recipe=recipe,
        root=root,
        entries=tuple(walker.entries),
        states=tuple(walker.states),
        changed_modes=walker.changed_modes,
        origins=walker.origins,
    )
    _check_size(tree)
    return tree


def _check_size(tree: PayloadTree) -> None:
    if tree.image_size > deflating.SIZE_LIMIT:
        raise PayloadError(
            f"payload {tree.recipe.name} is {tree.image_size} bytes unpacked; gzip's length field "
            "and the boot loader's end at 4 GiB",
            where=str(tree.root),
            remedy="spread the files over several payloads",
        )


class _Claim(NamedTuple):
    """What puts an entry at a path: a file of the project, or a line of the recipe."""

    source: str
    kind: EntryKind
    place: str
    """The line of the recipe; empty for what is in the tree."""
    is_dir_mapping: bool

    def __str__(self) -> str:
        is_told = self.place in {"", self.source}
        return self.source if is_told else f"{self.source} ({self.place})"


class _StrangeLink(NamedTuple):
    """A link that leads to nothing in the tree, until all files are known."""

    path: str
    target: str
    where: str


class _Walker:
    """Lists a payload: its tree, depth first, names in byte order, and the files that are mapped.

    Where files are mapped, it keeps who claims each path, and orders the entries at the end.
    """

    def __init__(self, recipe: PayloadRecipe, project: Path, mtime: int) -> None:
        self.entries: list[ArchiveEntry] = []
        self.states: list[FileState | None] = []
        self.problems: list[Problem] = []
        self.changed_modes: dict[str, ChangedMode] = {}
        self.origins: dict[str, Path | bytes] = {}
        self.file_count = 0
        self._recipe = recipe
        self._project = project
        self._root = project / recipe.tree
        self._mtime = mtime
        self._unused_rules = set(range(len(recipe.rules)))
        self._claims: dict[str, _Claim] | None = {} if recipe.files else None
        self._strange_links: list[_StrangeLink] = []
        self._mapping: FileMapping | None = None
        self._place = ""
        self._searched = 0

    def take_tree(self) -> None:
        """Take in all that is in the tree."""
        if is_folder(self._root):
            self._walk(self._root, "", 0)
            return
        is_other = is_file(self._root)
        self._add_problem(
            "the payload tree is not a folder" if is_other else "there is no such folder",
            str(self._root),
            "make it, and put each file at its path on the host: etc/vmware/trx.conf",
        )

    def take_mapping(self, mapping: FileMapping, place: str) -> None:
        """Take in what one of the payload's `files` maps.

        Args:
            mapping: the source and its place on the host.
            place: where it is in the recipe.

        Raises:
            PayloadError: the patterns look at too much.
        """
        self._mapping, self._place = mapping, place
        known, problems = self.file_count, len(self.problems)
        match mapping.type:
            case ContentType.DIR:
                self._add(mapping.dst.rstrip("/"), EntryKind.DIRECTORY, place)
            case ContentType.SYMLINK:
                self._take_link(mapping.dst, place, mapping.src)
            case _:
                self._take_sources(mapping)
                if (known, problems) == (self.file_count, len(self.problems)):
                    self._refuse_mapping(
                        f"{mapping.src} matches no file, or only files that `exclude` leaves out",
                        "correct `src`, or build first what it names; an empty folder is a "
                        'type = "dir"',
                    )
        self._mapping, self._place = None, ""

    def finish(self) -> None:
        """Check what can be judged only when all entries are known, and order them."""
        if self._claims is not None:
            self._add_parents(self._claims)
            for link in self._strange_links:
                if not _leads_to_one_of(self._claims, link):
                    self._refuse_link(link.where, link.target, "payload")
            pairs = zip(self.entries, self.states, strict=True)
            ordered = sorted(pairs, key=lambda pair: pair[0].path.split("/"))
            self.entries = [entry for entry, _ in ordered]
            self.states = [state for _, state in ordered]
        self._check_rules()

    def _check_rules(self) -> None:
        """Refuse rules that matched nothing: they are misspelt more often than not."""
        for index in sorted(self._unused_rules):
            patterns = ", ".join(self._recipe.rules[index].paths)
            self._add_problem(
                f"no path matches rules[{index}] of payload {self._recipe.name}: {patterns}",
                str(self._root),
                "write paths relative to the tree, without a leading slash, or remove the rule",
            )

    def _add_problem(self, what: str, where: str, remedy: str = "") -> None:
        if len(self.problems) < _PROBLEM_LIMIT:
            self.problems.append(Problem(what=what, where=where, remedy=remedy))

    def _refuse(self, source: str, path: str, what: str, remedy: str = "") -> None:
        self._add_problem(what, self._where(source, path), remedy)

    def _refuse_mapping(self, what: str, remedy: str = "") -> None:
        self._add_problem(what, self._place, remedy)

    def _where(self, source: str, path: str) -> str:
        """Return a file's own place, behind the line of the recipe that maps it."""
        own = str(Path(source)) if source.isprintable() else ascii(path)
        return own if self._place in {"", source} else f"{self._place}: {own}"

    def _take_sources(self, mapping: FileMapping) -> None:
        pattern = SourcePattern.parse(mapping.src)
        fixed = self._project.joinpath(*pattern.fixed)
        try:
            status = fixed.lstat()
            parent = (fixed.parent if pattern.fixed else fixed).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._refuse_mapping(
                f"{fixed} cannot be read: {reason}", "correct `src`, or build first what it names"
            )
            return
        if not parent.is_relative_to(self._project.resolve()):
            self._refuse_mapping(
                f"{fixed} is outside of the project: a link leads to {parent}",
                "copy what is needed into the project",
            )
        elif not stat.S_ISDIR(status.st_mode):
            if pattern.rest or mapping.type is ContentType.TREE:
                self._refuse_mapping(f"{fixed} is not a folder", "name a folder")
            else:
                self._take(os.fspath(fixed), place_of_file(mapping, fixed.name), lambda: status, 0)
        elif pattern.rest:
            self._search(pattern, pattern.start, fixed, "", 0)
        else:
            self._take_folder(fixed, below(mapping.dst, ""))

    def _take_folder(self, folder: Path, path: str) -> None:
        """Take in a folder that is mapped as a whole; its path on the host is '' for /."""
        if path:
            self._add(path, EntryKind.DIRECTORY, os.fspath(folder))
        self._walk(folder, f"{path}/" if path else "", 0)

    def _search(
        self, pattern: SourcePattern, at: Positions, folder: Path, path: str, depth: int
    ) -> None:
        """Take in what matches a pattern in a folder, without following links to folders.

        Args:
            pattern: the pattern.
            at: the positions in it when the folder is reached.
            folder: the folder.
            path: its path below the pattern's fixed part, with a slash at the end, or ''.
            depth: how deep it is below the fixed part.
        """
        assert self._mapping  # noqa: S101 - only mappings have patterns
        if pattern.is_match(at):
            self._take_folder(folder, below(self._mapping.dst, path.rstrip("/")))
            return
        for child in self._children(folder, path, depth):
            self._searched += 1
            reached = pattern.after(at, child.name)
            if pattern.is_match(reached):
                self._take_child(child, below(self._mapping.dst, path + child.name), depth)
            elif reached and child.is_dir(follow_symlinks=False):
                self._search(pattern, reached, Path(child.path), f"{path}{child.name}/", depth + 1)

    def _walk(self, folder: Path | str, prefix: str, depth: int) -> None:
        """Take in the content of `folder`, whose path on the host ends with a slash, or is ''."""
        for child in self._children(folder, prefix, depth):
            self._take_child(child, prefix + child.name, depth)

    def _children(self, folder: Path | str, path: str, depth: int) -> Iterator["os.DirEntry[str]"]:
        """Yield what is in a folder, names in byte order, until there are too many problems."""
        if depth > DEPTH_LIMIT:
            what = f"folders are nested more than {DEPTH_LIMIT} levels deep"
            self._refuse(os.fspath(folder), path, what)
            return
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: os.fsencode(child.name), reverse=True)
        except OSError as error:
            self._refuse(os.fspath(folder), path, f"the folder cannot be read: {error.strerror}")
            return
        if self._searched + len(children) > SEARCH_LIMIT:
            what = f"the patterns of `files` look at more than {SEARCH_LIMIT} names"
            self._refuse_mapping(what, "begin them with the folder that holds the files")
            raise PayloadError.from_problems(self.problems)
        while children and len(self.problems) < _PROBLEM_LIMIT:
            yield children.pop()  # what the system said of it goes with it

    def _take_child(self, child: "os.DirEntry[str]", path: str, depth: int) -> None:
        self._take(child.path, path, lambda: child.stat(follow_symlinks=False), depth)

    def _take(self, source: str, path: str, look: Callable[[], os.stat_result], depth: int) -> None:
        """Take in what is at `source`, with all in it; `path` is its place on the host."""
        if self._is_left_out(path) or not self._fits(source, path):
            return
        try:
            status = look()
        except OSError as error:
            self._refuse(source, path, f"cannot be read: {error.strerror}")
            return
        if stat.S_ISDIR(status.st_mode):
            self._add(path, EntryKind.DIRECTORY, source, mode=status.st_mode)
            self._walk(source, path + "/", depth + 1)
        elif stat.S_ISLNK(status.st_mode):
            self._take_link(path, source, Path(source).readlink().as_posix())
        elif stat.S_ISREG(status.st_mode):
            self._take_file(path, source, status)
        else:
            self._refuse(
                source,
                path,
                f"a {_kind_name(status.st_mode)} cannot be part of a payload",
                "remove it from the tree, or name it in the payload's `exclude`",
            )

    def _is_left_out(self, path: str) -> bool:
        if self._mapping:
            return is_excluded(path, self._recipe.exclude)
        return any(fnmatchcase(path, pattern) for pattern in self._recipe.exclude)

    def _fits(self, source: str, path: str) -> bool:
        if fault := path_fault(path):
            self._refuse(source, path, *fault)
            return False
        if len(self.entries) >= ENTRY_LIMIT:
            what = f"the payload has more than {ENTRY_LIMIT} files, folders and links"
            self._refuse(source, path, what, "spread the files over several packages")
            raise PayloadError.from_problems(self.problems)
        return True

    def _take_link(self, path: str, source: str, target: str) -> None:
        where = self._where(source, path)
        if not (target.isascii() and target.isprintable() and 0 < len(target) < PATH_LIMIT):
            self._add_problem("the link's target is too long or not printable ASCII", where)
            return
        if not self._may_lead_to(path, target):
            if self._claims is None:
                self._refuse_link(where, target, "tree")
                return
            self._strange_links.append(_StrangeLink(path, target, where))
        self._add(path, EntryKind.SYMLINK, source, link=target)

    def _refuse_link(self, where: str, target: str, whole: str) -> None:
        self._add_problem(
            f"the link leads to {target}, which is not in the {whole}",
            where,
            f"link to a file of the {whole}, or name this link in the payload's `outside-links` "
            "if the host has that file",
        )

    def _may_lead_to(self, path: str, target: str) -> bool:
        """Return whether a link leads to something in the tree, or may lead anywhere."""
        is_in_tree = bool(self._recipe.tree) and self._stays_inside(path, target)
        return is_in_tree or any(
            fnmatchcase(path, pattern) for pattern in self._recipe.outside_links
        )

    def _stays_inside(self, path: str, target: str) -> bool:
        """Return whether a link's target is in the tree, with the tree's root as /."""
        steps = _steps_to(path, target)
        if steps is None:
            return False
        parents = [self._root.joinpath(*steps[:count]) for count in range(1, len(steps))]
        return not any(parent.is_symlink() for parent in parents) and os.path.lexists(
            self._root.joinpath(*steps)
        )

    def _take_file(self, path: str, source: str, status: os.stat_result) -> None:
        kind, hints = EntryKind.FILE, vmtar.TextHints()
        try:
            if status.st_mode & _READABLE != _READABLE and not os.access(source, os.R_OK):
                raise PermissionError(13, "permission denied")
            if self._recipe.type is PayloadType.VGZ and status.st_size:
                kind, hints = _look_inside(source)
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            self._refuse(source, path, what, "give yourself access to it")
            return
        is_new = self._add(path, kind, source, mode=status.st_mode, status=status, hints=hints)
        if is_new and self._mapping:
            self.origins[path] = Path(source)

    def _add(  # noqa: PLR0913 - what an entry is made of
        self,
        path: str,
        kind: EntryKind,
        source: str,
        *,
        mode: int = _FOLDER_MODE,
        status: os.stat_result | None = None,
        link: str = "",
        hints: vmtar.TextHints | None = None,
    ) -> bool:
        """Add an entry; return False if its path is taken. Only files have a `status`."""
        if not self._claim(path, kind, source):
            return False
        mode, owner, group = self._attributes(path, kind, mode)
        hints = hints or vmtar.TextHints()
        self.entries.append(
            ArchiveEntry(
                path=path,
                kind=kind,
                mode=mode,
                size=status.st_size if status else 0,
                link=link,
                uid=owner,
                gid=group,
                mtime=self._mtime,
                text_offset=hints.offset,
                text_pages=hints.pages,
            )
        )
        self.states.append(state_of(status) if status else None)
        self.file_count += kind is not EntryKind.DIRECTORY
        return True

    def _claim(self, path: str, kind: EntryKind, source: str) -> bool:
        """Return whether a path is free; refuse a second source, unless both are folders."""
        if self._claims is None:
            return True
        is_dir_mapping = self._mapping is not None and self._mapping.type is ContentType.DIR
        new = _Claim(source, kind, self._place, is_dir_mapping)
        old = self._claims.setdefault(path, new)
        if old is new:
            return True
        both_folders = EntryKind.DIRECTORY is old.kind is kind
        if not both_folders or (old.is_dir_mapping and is_dir_mapping):
            self._add_problem(
                f"/{path} comes from {old} and from {source}",
                self._place or self._where(source, path),
                "remove one of them, or give it another place",
            )
        return False

    def _add_parents(self, claims: dict[str, _Claim]) -> None:
        """Add the folders above all entries; a host mounts no payload without them."""
        for path, claim in sorted(claims.items()):
            for parent in map(str, list(PurePosixPath(path).parents)[:-1]):
                above = claims.get(parent)
                if above is None:
                    self._add(parent, EntryKind.DIRECTORY, parent)
                elif above.kind is not EntryKind.DIRECTORY:
                    self._add_problem(
                        f"{claim.source} goes below /{parent}, but {above} is no folder",
                        claim.place or above.place,
                        "remove one of them, or give it another place",
                    )

    def _attributes(self, path: str, kind: EntryKind, mode_found: int) -> tuple[int, int, int]:
        """Return mode, owner and group: the default, then what rules and mapping say."""
        default = mode = _default_mode(kind, mode_found)
        owner = group = 0
        is_named = False
        for index, rule in enumerate(self._recipe.rules):
            if any(fnmatchcase(path, pattern) for pattern in rule.paths):
                self._unused_rules.discard(index)
                is_named = is_named or rule.mode is not None
                mode = mode if rule.mode is None else rule.mode.bits
                owner = owner if rule.owner is None else rule.owner
                group = group if rule.group is None else rule.group
        if of := self._mapping:
            owner = owner if of.owner is None else of.owner
            group = group if of.group is None else of.group
            if of.mode is not None and (kind.is_file or of.type is ContentType.DIR):
                mode, is_named = of.mode.bits, True
            if of.config and kind.is_file:
                mode |= stat.S_ISVTX
        if not is_named and _is_changed(kind, mode_found, default):
            self.changed_modes[path] = ChangedMode(stat.S_IMODE(mode_found), default)
        return mode, owner, group


def _steps_to(path: str, target: str) -> list[str] | None:
    """Return the names on the way from / to a link's target; None if it leads above /."""
    steps: list[str] = []
    for step in (PurePosixPath("/", path).parent / target).parts[1:]:
        if step != "..":
            steps.append(step)
        elif steps:
            steps.pop()
        else:
            return None
    return steps


def _leads_to_one_of(claims: Mapping[str, _Claim], link: _StrangeLink) -> bool:
    steps = _steps_to(link.path, link.target)
    if steps is None:
        return False
    above = ("/".join(steps[:count]) for count in range(1, len(steps)))
    has_links = any(path in claims and claims[path].kind.is_link for path in above)
    return not has_links and (not steps or "/".join(steps) in claims)


def _look_inside(source: str) -> tuple[EntryKind, vmtar.TextHints]:
    with Path(source).open("rb", buffering=0) as file:
        head = file.read(vmtar.HEAD_SIZE)
    if not head.startswith(vmtar.ELF_MAGIC):
        return EntryKind.FILE, vmtar.TextHints()
    return EntryKind.SHARED_FILE, vmtar.text_hints(head)


def _is_changed(kind: EntryKind, found: int, default: int) -> bool:
    """Return whether the mode lets more people read the file, or lacks a set-id bit of the tree.

    That the group or others lose the right to write is what a umask decides.
    """
    wider = default & _READABLE & ~found
    return kind is not EntryKind.SYMLINK and bool(wider or found & (stat.S_ISUID | stat.S_ISGID))


def _default_mode(kind: EntryKind, found: int) -> int:
    """Return the bits that a person set on purpose, without those from a umask or checkout."""
    if kind is EntryKind.SYMLINK:
        return 0o777
    if kind is EntryKind.DIRECTORY:
        return _FOLDER_MODE
    mode = _PROGRAM_MODE if found & stat.S_IXUSR else _FILE_MODE
    return mode | (found & stat.S_ISVTX)


def _kind_name(mode: int) -> str:
    names = {
        stat.S_IFSOCK: "socket",
        stat.S_IFIFO: "named pipe",
        stat.S_IFBLK: "block device",
        stat.S_IFCHR: "character device",
    }
    return names.get(stat.S_IFMT(mode), "special file")


_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the file's place must not hang the build
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_HASHED_AT_ONCE = 1 << 20
_LEAVE_ALONE = "do not change the payload tree during the build, then build again"


def pack(
    tree: PayloadTree,
    write: Callable[[bytes], object],
    *,
    level: CompressionLevel = DEFAULT_LEVEL,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> GzipMember:
    """Pack a tree into a payload.

    Args:
        tree: what to pack.
        write: takes the payload's bytes, in order.
        level: how hard to compress.
        threads: compressing threads; the number does not change the bytes.
        on_progress: called with the bytes of the unpacked image read so far.

    Raises:
        PayloadError: a file changed, vanished or cannot be read any more.
    """
    with _Image(tree, on_progress) as image:
        return compress(image.fill, tree.image_size, write, level=level, threads=threads)


def image_sha256(tree: PayloadTree) -> str:
    """Return the SHA-256, in hex, of the unpacked image that `pack` would compress.

    Raises:
        PayloadError: as for `pack`.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_HASHED_AT_ONCE))
    with _Image(tree, None) as image:
        while count := image.fill(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


class _Image:
    """The tar image of a tree as a stream that fills buffers."""

    def __init__(self, tree: PayloadTree, on_progress: Callable[[int], None] | None) -> None:
        self._tree = tree
        self._root = os.fspath(tree.root) + os.sep
        self._pieces: Iterator[bytes | ArchiveEntry] = ARCHIVES[tree.recipe.type].image(
            tree.entries
        )
        self._states = zip(tree.entries, tree.states, strict=True)
        self._rest: bytes | memoryview = b""
        self._file: _OpenFile | None = None
        self._read = 0
        self._on_progress = on_progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def fill(self, buffer: memoryview) -> int:
        """Put the next bytes of the image into a buffer; 0 at the end."""
        filled, size = 0, len(buffer)
        while filled < size:
            if self._file:
                filled += self._take_content(self._file, buffer[filled:])
                continue
            piece = self._rest or self._next_bytes()
            if piece:
                count = min(len(piece), size - filled)
                buffer[filled : filled + count] = piece[:count]
                self._rest = piece[count:]
                filled += count
            elif not self._file:
                break
        self._read += filled
        if self._on_progress:
            self._on_progress(self._read)
        return filled

    def _take_content(self, file: "_OpenFile", buffer: memoryview) -> int:
        count = file.read_into(buffer)
        if not file.left:
            file.finish()
            self._file = None
        return count

    def _next_bytes(self) -> bytes:
        """Return the bytes that come next, or open the file that comes next and return none."""
        piece = next(self._pieces, b"")
        if isinstance(piece, bytes):
            return piece
        origin = self._tree.origins.get(piece.path)
        state = self._state_of(piece)
        if isinstance(origin, bytes):
            return origin
        # A path object for each file would take a tenth of the time of packing small ones.
        self._file = _OpenFile(origin or self._root + piece.path, piece.size, state)
        return b""

    def _state_of(self, wanted: ArchiveEntry) -> FileState | None:
        """Both formats ask for content in the order of the entries, so one pass finds it."""
        for entry, state in self._states:
            if entry is wanted:
                return state
        raise AssertionError(wanted)


class _OpenFile:
    """A file of the tree that must be what it was when it was listed, to its last byte."""

    __slots__ = ("_descriptor", "_expected", "_path", "left")

    def __init__(self, path: Path | str, size: int, expected: FileState | None) -> None:
        self._path = path
        self._expected = expected
        self.left = size
        try:
            self._descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise PayloadError(
                f"cannot be read any more: {error.strerror}", where=str(path), remedy=_LEAVE_ALONE
            ) from error

    def read_into(self, buffer: memoryview) -> int:
        """Read what fits; `left` says how many bytes are still to come."""
        try:
            count = _read_into(self._descriptor, buffer[: self.left])
        except OSError as error:
            raise PayloadError(
                f"cannot be read: {error.strerror}", where=str(self._path)
            ) from error
        if not count:
            raise self._changed()
        self.left -= count
        return count

    def finish(self) -> None:
        """Check the file's state after its last byte: a write or replacement changes it."""
        status = os.fstat(self._descriptor)
        self.close()
        if state_of(status) != self._expected:
            raise self._changed()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _changed(self) -> PayloadError:
        return PayloadError(
            "the file changed while it was read", where=str(self._path), remedy=_LEAVE_ALONE
        )


def _read_into(descriptor: int, buffer: memoryview) -> int:
    if hasattr(os, "readv"):
        return os.readv(descriptor, [buffer])
    data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)
