"""Errors that vibforge raises when it cannot do a job.

    VibforgeError
    ├── FormatError        bytes are not a valid ar / tar / gzip / XML / PKCS#7
    ├── LimitError         a file asks for more work than its size allows
    ├── ModelError         values break the rules of a VIB or of a recipe
    ├── PayloadError       a payload tree cannot become a payload
    ├── OutputError        the result cannot be written
    ├── SigningError       a key or a certificate cannot sign
    ├── VerificationError  the caller requires a good verdict, and a fact failed
    ├── DepotError         VIBs cannot share a bundle
    ├── TrxError           a trx.conf, a profile or a capture cannot be used
    └── NotPossibleHereError  this machine lacks a program, library or permission

A job that is done returns a value, even if its verdict is bad. Any other exception is a bug.
"""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """One item of an error: what is wrong, where, and what to do about it.

    `where` is a place that a user can open: `vibforge.toml:12: payload[0].name`, a path inside
    a payload, a member and an offset. It is empty if `what` names the place itself.
    """

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  → {self.remedy}" if self.remedy else ""
        return "\n".join(map(escaped, f"{place}{self.what}{remedy}".split("\n")))


def escaped(text: str) -> str:
    """Return the text with its control characters escaped, safe to print on a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shell_line(*words: object) -> str:
    """Return the words joined to a command line and quoted for a shell."""
    import shlex  # noqa: PLC0415 - most commands print no command line

    return shlex.join(map(str, words))


class VibforgeError(Exception):
    """The job could not be done; `problems` lists every reason.

    Examples:
        >>> from vibforge import Problem, VibforgeError, build
        >>> try:
        ...     build("my-trx", settings={"version": "one"})
        ... except VibforgeError as error:
        ...     problem: Problem = error.problems[0]
        >>> problem.where
        '--set version'
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(what=what, where=where, remedy=remedy),)
        super().__init__(what)

    @classmethod
    def from_problems(cls, problems: Iterable[Problem]) -> Self:
        """Make one error from one or more problems."""
        collected = tuple(problems)
        error = cls(collected[0].what)
        error.problems = collected
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


_DISK_ERRORS = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
"""Codes of a broken disk or a lost network, met while an open file is read; they name no path."""


def refused(error: OSError, where: str = "") -> VibforgeError:
    """Return the vibforge error for a path that the operating system refuses.

    Args:
        error: the operating system's error.
        where: the file that was being read, used if `error` names no path.

    Raises:
        OSError: `error` itself, if it is about neither a path nor a disk; that is a bug.
    """
    named = isinstance(error.filename, str | bytes)
    if not named and error.errno not in _DISK_ERRORS:
        raise error
    return VibforgeError(
        f"the operating system refuses access: {error.strerror or error}",
        where=os.fsdecode(error.filename) if named else where,
        remedy="check the path and its permissions",
    )


def is_folder(path: Path) -> bool:
    """Whether the path is a folder; False if the system cannot look it up (a name too long)."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether the path is a regular file; False if the system cannot look it up."""
    try:
        return path.is_file()
    except OSError:
        return False


class FormatError(VibforgeError):
    """Bytes break the rules of their format.

    Examples:
        >>> from vibforge import FormatError, extract
        >>> try:
        ...     extract("page.vib", "out")
        ... except FormatError as error:
        ...     print(error.problems[0].where)
        page.vib
    """


class LimitError(VibforgeError):
    """A file asks for more work than its size allows.

    It is not a FormatError: readers record a damaged member and go on to the next, but they must
    stop once the budget of the whole file is spent.

    Examples:
        >>> from vibforge import LimitError, extract
        >>> try:
        ...     extract("bomb.vib", "out")
        ... except LimitError as error:
        ...     print(error.problems[0].where)
        bomb.vib
    """


class ModelError(VibforgeError):
    """Values break the rules of a VIB or of a recipe.

    Examples:
        >>> from vibforge import ModelError, plan
        >>> try:
        ...     plan("acme.vib", esxi="eight")
        ... except ModelError as error:
        ...     print(error.problems[0].what)
        'eight' is not a release of ESXi
    """


class PayloadError(VibforgeError):
    r"""A payload tree cannot become a payload.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import PayloadError, build
        >>> Path("my-trx/etc/passwd").symlink_to("/etc/passwd\n")
        >>> try:
        ...     build("my-trx")
        ... except PayloadError as error:
        ...     print(error.problems[0].where)
        my-trx/etc/passwd
    """


class OutputError(VibforgeError):
    """The result cannot be written.

    Examples:
        >>> from vibforge import OutputError, build
        >>> try:
        ...     build("my-trx", "my-trx/dist")
        ... except OutputError as error:
        ...     print(error.problems[0].where)
        my-trx/dist
    """


class SigningError(VibforgeError):
    """A key or a certificate cannot sign.

    Examples:
        >>> from vibforge import SigningError, sign
        >>> try:
        ...     sign("signed.vib", key="me.key", certificates="me.pem")
        ... except SigningError as error:
        ...     print(error.problems[0].what)
        it has 1 signature already
    """


class VerificationError(VibforgeError):
    """The caller requires a good verdict, and at least one fact failed."""


class DepotError(VibforgeError):
    """VIBs cannot share a bundle.

    Examples:
        >>> from vibforge import DepotError, verify_bundle
        >>> try:
        ...     verify_bundle("acme.vib")
        ... except DepotError as error:
        ...     print(error.problems[0].what)
        not an offline bundle
    """


class TrxError(VibforgeError):
    """A trx.conf, a profile or a capture cannot be used.

    Examples:
        >>> from vibforge import TrxError, check_trx
        >>> try:
        ...     check_trx("trx.conf", allow={"tab": ""})
        ... except TrxError as error:
        ...     print(error.problems[0].what)
        no reason for allowing tab
    """


class NotPossibleHereError(VibforgeError):
    """This machine cannot do the job: it lacks a program, a library or a permission."""
