"""What vibforge raises when it cannot do what was asked.

    VibforgeError
    ├── FormatError        bytes are not a valid ar / tar / gzip / XML / PKCS#7
    ├── LimitError         a file asks for more work than its size allows
    ├── ModelError         values break the rules of a VIB or of a recipe
    ├── PayloadError       a payload tree cannot become a payload
    ├── OutputError        the result cannot be written
    ├── SigningError       a key or a certificate cannot sign
    ├── VerificationError  asked to insist, and a fact failed
    ├── DepotError         VIBs do not fit together in a bundle
    ├── TrxError           a trx.conf, a profile or a capture cannot be used
    └── NotPossibleHereError  this machine cannot rehearse or listen

An exception means that the job could not be done. A job that was done and whose verdict is bad
returns a value; anything else that is raised is a bug.
"""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: what it is, where it stands and what to do about it.

    `where` is a place that a person can open: `vibforge.toml:12: payload[0].name`, a path inside
    a payload, a member and an offset. It is empty where the message itself names the place.
    """

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  → {self.remedy}" if self.remedy else ""
        return "\n".join(map(escaped, f"{place}{self.what}{remedy}".split("\n")))


def escaped(text: str) -> str:
    """Return text with every character that a terminal would act upon written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shell_line(*words: object) -> str:
    """Return the words of a command, or one of its words, quoted so that a shell can run them."""
    import shlex  # noqa: PLC0415 - most commands show no other

    return shlex.join(map(str, words))


class VibforgeError(Exception):
    """The job could not be done; `problems` says all that stood in its way.

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
    def of(cls, problems: Iterable[Problem]) -> Self:
        """Make one error of several problems (at least one)."""
        found = tuple(problems)
        error = cls(found[0].what)
        error.problems = found
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


_DISK_ERRORS = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
"""What a read of an open file says of a broken disk or a lost network; it names no path."""


def refused(error: OSError, where: str = "") -> VibforgeError:
    """Return the error for a path that the system refuses, wherever it was met.

    Args:
        error: what the system said.
        where: the file that was being read, if `error` names none.

    Raises:
        OSError: `error` again, if it is about neither a path nor a disk; that is a bug.
    """
    named = isinstance(error.filename, str | bytes)
    if not named and error.errno not in _DISK_ERRORS:
        raise error
    return VibforgeError(
        f"the system refuses it: {error.strerror or error}",
        where=os.fsdecode(error.filename) if named else where,
        remedy="check that the path is right and that you may use it",
    )


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False too where the system refuses to look (a name too long)."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether a regular file is there; False too where the system refuses to look."""
    try:
        return path.is_file()
    except OSError:
        return False


class FormatError(VibforgeError):
    """Bytes are not what their format says.

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

    It is no FormatError: readers take note of a damaged member and go on with the next one, which
    must not happen when the budget of the whole file is spent.

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
    """A fact that was insisted on does not hold."""


class DepotError(VibforgeError):
    """VIBs do not fit together in a bundle.

    Examples:
        >>> from vibforge import DepotError, verify_bundle
        >>> try:
        ...     verify_bundle("acme.vib")
        ... except DepotError as error:
        ...     print(error.problems[0].what)
        this is no offline bundle
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
    """This machine cannot do it: a program or a permission is missing, not a fault of the input."""
