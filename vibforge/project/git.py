"""Ask git about a project: its last commit, its tags, and its files that differ from the commit.

The settings of a repository come with the project, and must not make git start a program: not to
check a signature, to watch the file system, to convert files, or to fetch what a clone lacks. So
every call is one of the plumbing commands below, with these settings off, and files are compared
here: `git status` and `git diff` run the filters that a repository names.
"""

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from threading import Thread, Timer
from typing import BinaryIO

from msgspec import Struct

from vibforge.errors import ModelError, escaped
from vibforge.vib.identity import ReleaseDate

_SECONDS = 30
_ANSWER_LIMIT = 128 * 1024 * 1024
"""Most bytes of an answer: 400,000 paths of 300 characters; a payload has at most 200,000."""
_SUBMODULE_DEPTH = 8
"""Submodules in submodules that are compared; deeper ones count as changed."""
_TEXT_LIMIT = 16 * 1024 * 1024
"""Largest file whose line ends are compared."""
_CHUNK_SIZE = 1 << 20
_SAID_LIMIT = 4096
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "log.showSignature=false",
    "safe.bareRepository=explicit",
)
_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    *(word for setting in _SETTINGS for word in ("-c", setting)),
)
_NO_REPOSITORY = "not a git repository (or any"
_NO_COMMITS = ("does not have any commits yet", "bad default revision")
_SHA256_LENGTH = 64
"""Hexadecimal digits of an object's name in a repository that uses SHA-256."""
_FATAL = "fatal: "
_SUBMODULE, _LINK, _PROGRAM = "160000", "120000", "100755"
_LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
"""What Git LFS commits in place of a file (git-lfs, docs/spec.md)."""
_DATE_REMEDY = "set SOURCE_DATE_EPOCH or the recipe's release-date"
UNSHALLOW = "run `git fetch --unshallow` (in CI: fetch-depth: 0)"


class Commit(Struct, frozen=True, kw_only=True):
    """The last commit that touched a project, as far as the clone's history goes."""

    name: str
    seconds: str
    """The committer's date, in seconds since 1970."""
    is_boundary: bool
    """Whether the history ends here because the clone is shallow: an older commit may be meant."""


class Changes(Struct, frozen=True):
    """Files of a project that differ from the commit, relative to its folder, sorted."""

    files: tuple[str, ...] = ()
    """Files that are new, missing or have another content or mode."""
    line_ends: tuple[str, ...] = ()
    """Files that have CRLF here and LF in the commit, although no attribute asks for it."""

    def __bool__(self) -> bool:
        return bool(self.files or self.line_ends)

    @property
    def all(self) -> tuple[str, ...]:
        """Both kinds, sorted."""
        return tuple(sorted({*self.files, *self.line_ends}))


class Tag(Struct, frozen=True):
    """A tag of the history, and the commit that it names."""

    name: str
    commit: str


class Checkout(Struct, frozen=True, dict=True):
    """A project in a git checkout; git is asked when something is first needed.

    Attributes:
        project: the folder.
        parts: the files and folders, relative to it, that become part of the VIB.
    """

    project: Path
    parts: tuple[str, ...] = (".",)

    @cached_property
    def commit(self) -> Commit | None:
        """The last commit that touched the folder; None without git, or without a commit.

        Raises:
            ModelError: git cannot tell.
        """
        if not _may_be_in_git(self.project):
            return None
        # The only decoration left is "grafted": the clone does not have this commit's parents.
        words = ("--decorate=full", "--decorate-refs=refs/none", "--format=%H %ct %D", "--", ".")
        answer = _asked(self.project, "log", "-1", *words)
        if answer is None or not answer.strip():
            return None
        name, date, *grafted = answer.decode("ascii", "replace").split()
        is_boundary = bool(grafted) and self._has_parents(name)
        return Commit(name=name, seconds=date, is_boundary=is_boundary)

    def _has_parents(self, commit: str) -> bool:
        """Whether a commit has parents, be they in the clone or not."""
        head, _, _message = _required(self.project, "cat-file", "commit", commit).partition(b"\n\n")
        return b"\nparent " in head

    def date(self) -> ReleaseDate | None:
        """Return the committer's date of the last commit; None without git, or without a commit.

        Raises:
            ModelError: git cannot tell, the clone is shallow and its history may end before the
                commit, or the date is none that a VIB can have.
        """
        commit = self.commit
        if commit is None:
            return None
        if commit.is_boundary:
            raise ModelError(
                "this is a shallow clone, and the last commit that touched the project may be "
                "older than its history: the release date is not known",
                where=str(self.project),
                remedy=f"{UNSHALLOW}, or {_DATE_REMEDY}",
            )
        try:
            return ReleaseDate.parse(commit.seconds)
        except ModelError as error:
            what = f"the last commit that touched the project has the date {commit.seconds}"
            raise ModelError(
                f"{what}, which is not between 1970 and 2200",
                where=str(self.project),
                remedy=_DATE_REMEDY,
            ) from error

    @cached_property
    def changes(self) -> Changes:
        """The files of the VIB that differ from the commit that is checked out.

        Files that git ignores do not count, and neither does what lies outside of the project.

        Raises:
            ModelError: git cannot tell.
        """
        return _changes(self.project, "HEAD", self._own_parts, 0)

    @property
    def _own_parts(self) -> tuple[str, ...]:
        parts = [Path(os.path.normpath(part)) for part in self.parts]
        inside = {
            part.as_posix()
            for part in parts
            if not part.is_absolute() and part.parts[:1] != (os.pardir,)
        }
        return (".",) if "." in inside else tuple(sorted(inside))

    def head(self) -> tuple[str, bool]:
        """Return the commit that is checked out, and whether the clone is shallow.

        Raises:
            ModelError: git cannot tell.
        """
        words = _required(self.project, "rev-parse", "--is-shallow-repository", "HEAD").split()
        return words[1].decode("ascii", "replace"), words[0] == b"true"

    def tags(self) -> tuple[Tag, ...]:
        """Return the tags of the commit that is checked out and of its ancestors.

        Raises:
            ModelError: git cannot tell.
        """
        form = "--format=%(objectname) %(*objectname) %(refname:strip=2)"
        found = _required(self.project, "for-each-ref", "--merged=HEAD", form, "refs/tags")
        lines = (os.fsdecode(line).split(" ", 2) for line in found.splitlines())
        return tuple(Tag(name, peeled or direct) for direct, peeled, name in lines)

    def distance(self, commit: str) -> int:
        """Return the number of commits since an ancestor.

        Raises:
            ModelError: git cannot tell.
        """
        return int(_required(self.project, "rev-list", "--count", f"{commit}..HEAD", "--"))


def _may_be_in_git(project: Path) -> bool:
    """Return whether the folder is in a git repository; a process for each VIB would be slow."""
    folder = project.resolve()
    return "GIT_DIR" in os.environ or any(
        (at / ".git").exists() for at in (folder, *folder.parents)
    )


def _changes(folder: Path, commit: str, parts: Sequence[str], depth: int) -> Changes:
    """Compare files with a commit."""
    if not parts:
        return Changes()
    where = [] if parts == (".",) else sorted({_submodule_of(folder, part) for part in parts})
    listed = _required(folder, "ls-tree", "-r", "-z", commit, "--", *where)
    present = _required(
        folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *where
    )
    committed = dict(_entries(listed))
    files = {os.fsdecode(path) for path in present.split(b"\0") if path} - committed.keys()
    line_ends: set[str] = set()
    for path, (mode, name) in committed.items():
        if mode == _SUBMODULE:
            inner = _submodule_changes(folder / path, name, depth)
            files.update(os.path.normpath(f"{path}/{each}") for each in inner.files)
            line_ends.update(f"{path}/{each}" for each in inner.line_ends)
        elif difference := _difference(folder / path, mode, name):
            (line_ends if difference is _Difference.LINE_ENDS else files).add(path)
    if line_ends:
        line_ends -= _with_crlf_attribute(folder, where)
    return Changes(tuple(sorted(files)), tuple(sorted(line_ends)))


def _submodule_of(folder: Path, part: str) -> str:
    """Return the submodule that a path is in, which git lists as one entry; else the path."""
    steps = Path(part).parts
    prefixes = ("/".join(steps[:length]) for length in range(1, len(steps) + 1))
    return next((each for each in prefixes if (folder / each / ".git").exists()), part)


def _entries(listed: bytes) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield path, mode and object of each line of `git ls-tree -z`."""
    for line in filter(None, listed.split(b"\0")):
        facts, _, path = line.partition(b"\t")
        mode, _kind, name = facts.decode("ascii").split()
        yield os.fsdecode(path), (mode, name)


def _submodule_changes(folder: Path, commit: str, depth: int) -> Changes:
    """Compare a submodule's files with the commit of it that the project names."""
    whole = Changes(files=(".",))
    if depth >= _SUBMODULE_DEPTH or not (folder / ".git").exists():
        return whole
    try:
        return _changes(folder, commit, (".",), depth + 1)
    except ModelError:  # it lacks the commit, or is broken
        return whole


class _Difference(StrEnum):
    """How a file differs from a committed one."""

    LINE_ENDS = "line ends"
    OTHER = "content or mode"


def _difference(path: Path, mode: str, name: str) -> _Difference | None:
    """Return how a file differs from a committed one; None if it does not."""
    try:
        if mode == _LINK:
            same = _is_object(name, os.fsencode(path.readlink()))
            return None if same else _Difference.OTHER
        with open(path, "rb", opener=_without_links) as file:
            status = os.fstat(file.fileno())
            is_program = bool(status.st_mode & stat.S_IXUSR)
            mode_differs = os.name != "nt" and is_program != (mode == _PROGRAM)
            if mode_differs or not stat.S_ISREG(status.st_mode):
                return _Difference.OTHER
            return _content_difference(file, status.st_size, name)
    except OSError:
        return _Difference.OTHER


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _content_difference(file: BinaryIO, size: int, name: str) -> _Difference | None:
    """Compare a file's bytes, and then the forms that Git LFS and `autocrlf` give it in a commit.

    Other filters are not known here: a file that one converts counts as changed.
    """
    if _digest(file, _object_hash(name, size)) == name:
        return None
    pointer = _LFS_POINTER.format(_digest(file, hashlib.sha256()), size)
    if _is_object(name, pointer.encode("ascii")):
        return None
    file.seek(0)
    data = file.read(_TEXT_LIMIT) if size <= _TEXT_LIMIT else b""
    is_text = b"\r\n" in data and b"\0" not in data
    same = is_text and _is_object(name, data.replace(b"\r\n", b"\n"))
    return _Difference.LINE_ENDS if same else _Difference.OTHER


def _digest(file: BinaryIO, digest: "hashlib._Hash") -> str:
    file.seek(0)
    while chunk := file.read(_CHUNK_SIZE):
        digest.update(chunk)
    return digest.hexdigest()


def _is_object(name: str, data: bytes) -> bool:
    """Whether git would give this name to a file of these bytes."""
    digest = _object_hash(name, len(data))
    digest.update(data)
    return digest.hexdigest() == name


def _object_hash(name: str, size: int) -> "hashlib._Hash":
    """Return the hash that makes the names of objects in the repository of the object `name`."""
    algorithm = "sha256" if len(name) == _SHA256_LENGTH else "sha1"
    return hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)


def _with_crlf_attribute(folder: Path, where: Sequence[str]) -> set[str]:
    """Return the files that have CRLF in every checkout, because of `eol=crlf`."""
    listed = _required(folder, "ls-files", "-z", "--eol", "--", *where)
    facts = (line.partition(b"\t") for line in listed.split(b"\0") if line)
    return {os.fsdecode(path) for fact, _, path in facts if b"eol=crlf" in fact.split()}


def _required(folder: Path, *words: str) -> bytes:
    """Return git's answer.

    Raises:
        ModelError: git cannot tell, or there is nothing that it could tell about.
    """
    answer = _asked(folder, *words)
    if answer is None:
        raise ModelError("there is no git repository with a commit", where=str(folder))
    return answer


def _asked(folder: Path, *words: str) -> bytes | None:
    """Return git's answer; None where there is no repository, or no commit in it.

    Raises:
        ModelError: git cannot be run, fails, or answers with too much or too late.
    """
    try:
        answer = _run(["git", "-C", str(folder), *_OPTIONS, *words])
    except OSError as error:
        reason = f"git cannot be run: {error.strerror or error}"
    else:
        if answer.code == 0 and len(answer.out) <= _ANSWER_LIMIT:
            return answer.out
        if _NO_REPOSITORY in answer.said or any(each in answer.said for each in _NO_COMMITS):
            return None
        reason = _reason(answer)
    raise ModelError(
        f"the project is in a git repository, but git cannot tell about it: {reason}",
        where=str(folder),
        remedy=f"make `git log` work there, or {_DATE_REMEDY}",
    )


class _Answer(Struct, frozen=True):
    code: int
    out: bytes
    said: str
    """The start of what was printed on stderr."""
    expired: bool


def _reason(answer: _Answer) -> str:
    if answer.expired:
        return f"no answer within {_SECONDS} seconds"
    if len(answer.out) > _ANSWER_LIMIT:
        return f"the answer has more than {_ANSWER_LIMIT} bytes"
    lines = [line.strip() for line in answer.said.splitlines() if line.strip()]
    lines.sort(key=lambda line: not line.startswith(_FATAL))  # warnings come first
    return escaped(lines[0].removeprefix(_FATAL)) if lines else f"exit code {answer.code}"


def _run(command: Sequence[str]) -> _Answer:
    with subprocess.Popen(  # noqa: S603 - fixed words; paths are arguments of their own
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **_ENVIRONMENT},
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe
        said: list[bytes] = []
        timer = Timer(_SECONDS, process.kill)
        listener = Thread(target=_listen, args=(process.stderr, said))
        timer.start()
        listener.start()
        try:
            out = process.stdout.read(_ANSWER_LIMIT + 1)
            if len(out) > _ANSWER_LIMIT:
                process.kill()
            code = process.wait()
            expired = not timer.is_alive()
        finally:
            process.kill()
            timer.cancel()
            listener.join()
    text = b"".join(said).decode("utf-8", "replace")
    return _Answer(code=code, out=out, said=text, expired=expired)


def _listen(stream: BinaryIO, said: list[bytes]) -> None:
    """Keep the start of what git prints on stderr, and read the rest, so that git can go on."""
    said.append(stream.read(_SAID_LIMIT))
    while stream.read(_CHUNK_SIZE):
        pass
