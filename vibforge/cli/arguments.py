"""What several commands read from their arguments, and how they print."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from vibforge.cli.exit_codes import ExitCode
from vibforge.errors import ModelError, SigningError, TrxError
from vibforge.report import documents, plain
from vibforge.report.paint import Paint, wants_colour
from vibforge.signing import key_source, passphrase
from vibforge.vib import identity

if TYPE_CHECKING:
    from vibforge.report.documents.shape import Document
    from vibforge.signing.passphrase import Passphrase


Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every detail, not only what fits a screen.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the paths of what was written, nothing else.")
]
Folder = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="Folder to write into.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A value on top of what is there; may be repeated."
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="A rule for trx.conf that may be broken; may be repeated."),
]
Because = Annotated[
    list[str] | None,
    typer.Option(metavar="WHY", help="The reason: one for each --allow, or one for all."),
]
Esxi = Annotated[
    list[str] | None,
    typer.Option(metavar="RELEASE", help="For ESXi 6.7, 8.0U3, …; may be repeated."),
]
VendorCode = Annotated[str | None, typer.Option(metavar="CODE", help="Three letters or digits.")]
Domain = Annotated[int | None, typer.Option(metavar="N", help="The PTP domain.")]


def settings_of(texts: Iterable[str], option: str = "--set") -> dict[str, str]:
    """Read the `KEY=VALUE` texts of an option.

    Raises:
        ModelError: a text has no `=`; its number is named and not the text, which may be a secret.
    """
    settings = {}
    for number, text in enumerate(texts, start=1):
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ModelError(
                f"{option} needs KEY=VALUE; number {number} of them has no key or no `=`"
            )
        settings[name.strip()] = value
    return settings


def reasons_of(allow: Iterable[str] | None, because: Sequence[str] | None) -> dict[str, str]:
    """Pair --allow and --because, in their order; one reason may serve all rules.

    Raises:
        TrxError: not as many reasons as rules.
    """
    rules, reasons = words_of(allow), because or ()
    if len(reasons) == 1 and rules:
        reasons = [*reasons] * len(rules)
    if len(rules) != len(reasons):
        raise TrxError(
            f"{len(rules)} rules allowed and {len(reasons)} reasons given",
            remedy='Give each --allow RULE its --because "…".',
        )
    return dict(zip(rules, reasons, strict=True))


def words_of(texts: Iterable[str] | None) -> tuple[str, ...]:
    """Read words of an option that may be repeated: `8.0,9.0` is two of them."""
    return tuple(word.strip() for text in texts or () for word in text.split(",") if word.strip())


def paint(stream: TextIO | None = None) -> Paint:
    """Return colour for a stream, stdout if none is named, where it is wanted."""
    return Paint(wants_colour(stream or sys.stdout))


def columns(otherwise: int) -> int:
    """Return how wide the terminal is, or COLUMNS says; `otherwise` where nobody says."""
    return get_terminal_size((otherwise, 24)).columns


def exit_unless(*, good: bool) -> None:
    """Exit with 1 where the verdict is bad."""
    if not good:
        raise typer.Exit(ExitCode.BAD_VERDICT)


def print_text(text: str, *, end: str = "\n") -> None:
    """Print a report; whether it is in colour was decided when it was written."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def print_report(text: str) -> None:
    """Print a report for people, in lines that fit their terminal, or COLUMNS where that is set."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        text = plain.fold(text, columns(sys.maxsize))
    print_text(text)


def tell(text: str, *, end: str = "\n") -> None:
    """Say something on stderr, if there is anything to say."""
    if text:
        sys.stderr.write(text + end)
        sys.stderr.flush()


def print_json(document: "Document | Mapping[str, Any]") -> None:
    """Print what a command tells programs, or a schema."""
    print_text(documents.shape.json_text(document))


def show(
    as_json: bool,  # noqa: FBT001 - the flag of the command
    document: "Callable[[], Document | Mapping[str, Any]]",
    text: Callable[[Paint], str],
) -> None:
    """Print a result: for programs, or for people."""
    print_json(document()) if as_json else print_report(text(paint()))


def moment_of(text: str | None, option: str) -> datetime | None:
    """Read a moment as a release date is read; None where none is given.

    Raises:
        ModelError: it is none.
    """
    if text is None:
        return None
    try:
        return datetime.fromtimestamp(identity.ReleaseDate.parse(text).epoch, UTC)
    except ModelError as error:
        raise ModelError(
            f"{option}: {text!r} is no time", remedy=error.problems[0].remedy
        ) from error


Trust = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR|FILE",
        help="Whom to trust: a host's folder of certificates, or PEM files; may be repeated.",
    ),
]


class SignedLevel(StrEnum):
    """Levels that need a signature."""

    PARTNER = "partner"
    ACCEPTED = "accepted"
    CERTIFIED = "certified"


Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Fail what strict X.509 rules object to, weak payload digests, and unsigned VIBs.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Check dates at this moment, `now` or ISO 8601, not at the signing time.",
    ),
]
RequireSigned = Annotated[
    bool, typer.Option("--require-signed", help="Fail VIBs without a valid signature.")
]
RequireLevel = Annotated[
    SignedLevel | None,
    typer.Option(
        help="Fail VIBs below this acceptance level, and VIBs whose level no signer of --trust "
        "carries.",
    ),
]


def check_moment_of(text: str | None) -> datetime | None:
    """Read --at: the present for `now`, None for the signing time."""
    return datetime.now(UTC) if text == "now" else moment_of(text, "--at")


Pkcs11Module = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PKCS#11 library of a key in a token; the only one that a recipe may use. It goes "
        "before PKCS11_MODULE_PATH.",
    ),
]


def environment_of(pkcs11_module: Path | None) -> Mapping[str, str]:
    """Return the environment in which keys are opened, with the library that the user named."""
    if pkcs11_module is None:
        return os.environ

    return {**os.environ, key_source.MODULE_VARIABLE: str(pkcs11_module)}


def passphrase_of(file: Path | None, descriptor: int | None, variable: str | None) -> "Passphrase":
    """Choose the source that was named; a terminal is asked if none was."""
    if file is not None:
        return passphrase.from_file(file)
    if descriptor is not None:
        return passphrase.from_descriptor(descriptor)
    if variable is not None:
        return passphrase.from_environment(variable, os.environ)
    return terminal_passphrase() or passphrase.no_passphrase


def terminal_passphrase() -> "Passphrase | None":
    """Return what asks at the terminal; None where there is none."""
    return _ask if sys.stdin.isatty() else None


def _ask() -> bytes:
    try:
        answer: str = typer.prompt("Passphrase", hide_input=True, err=True)
    except typer.Abort as error:
        raise SigningError("no passphrase was given") from error
    return answer.encode("utf-8", "surrogateescape")


_PATIENCE = 1.0


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that takes the bytes done and all bytes; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        yield _Bar(label, stack).update


class _Bar:
    """Starts to draw after a second."""

    def __init__(self, label: str, stack: ExitStack) -> None:
        self._label = label
        self._stack = stack
        self._begin = time.monotonic()
        self._shown = 0
        self._advance: Callable[[int], None] | None = None

    def update(self, done: int, size: int) -> None:
        if self._advance is None:
            if time.monotonic() - self._begin < _PATIENCE:
                return
            bar = self._stack.enter_context(
                typer.progressbar(length=size, label=self._label, file=sys.stderr)
            )
            self._advance = bar.update
        self._advance(done - self._shown)
        self._shown = done
