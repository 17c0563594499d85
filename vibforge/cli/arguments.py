"""Arguments that several commands share, and the functions that print results."""

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
from vibforge.project import recipe_reading
from vibforge.report import documents, plain
from vibforge.report.paint import Paint, wants_colour
from vibforge.signing import key_source, passphrase
from vibforge.vib import identity

if TYPE_CHECKING:
    from vibforge.report.documents.shape import Document
    from vibforge.signing.passphrase import Passphrase


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every detail, not only a summary.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only the paths of the written files.")
]
Folder = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="Folder to write into.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set or override a value; may be repeated."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="Allow a trx.conf to break this rule; may be repeated."),
]
Because = Annotated[
    list[str] | None,
    typer.Option(metavar="WHY", help="Reason for --allow: one each, or one for all."),
]


class CompressionOption(StrEnum):
    """Effort of the compression."""

    FAST = "fast"
    BEST = "best"


Compression = Annotated[
    CompressionOption, typer.Option(help="fast, or best: twice the time for about 2% less.")
]
Esxi = Annotated[
    list[str] | None,
    typer.Option(metavar="RELEASE", help="ESXi release: 6.7, 8.0U3, …; may be repeated."),
]
VendorCode = Annotated[
    str | None, typer.Option(metavar="CODE", help="Vendor code: three letters or digits.")
]
Domain = Annotated[int | None, typer.Option(metavar="N", help="The PTP domain.")]


def settings_of(texts: Iterable[str], option: str = "--set") -> dict[str, str]:
    """Read the `KEY=VALUE` texts of an option.

    Raises:
        ModelError: a text has no `=`. The message gives its number only: it may be a secret.
    """
    settings = {}
    for number, text in enumerate(texts, start=1):
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ModelError(f"{option} needs KEY=VALUE; number {number} has no key or no `=`")
        settings[name.strip()] = value
    return settings


def options_of(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the settings of options that have a key's name; messages then name the option."""
    return {
        key: recipe_reading.OptionValue(value, f"--{key}")
        for key, value in given.items()
        if value is not None
    }


def reasons_of(allow: Iterable[str] | None, because: Sequence[str] | None) -> dict[str, str]:
    """Return the reason for each allowed rule, paired in order; one reason may serve all rules.

    Raises:
        TrxError: the number of reasons is neither one nor the number of rules.
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
    """Return the words of an option that may be repeated; `8.0,9.0` is two words."""
    return tuple(word.strip() for text in texts or () for word in text.split(",") if word.strip())


def paint(stream: TextIO | None = None) -> Paint:
    """Return the function that colours text for a stream (default: stdout), if it wants colour."""
    return Paint(wants_colour(stream or sys.stdout))


def columns(otherwise: int) -> int:
    """Return the width of the terminal or the value of COLUMNS; `otherwise` if neither is set."""
    return get_terminal_size((otherwise, 24)).columns


def exit_unless(*, good: bool) -> None:
    """Exit with code 1 if the verdict is bad."""
    if not good:
        raise typer.Exit(ExitCode.BAD_VERDICT)


def print_text(text: str, *, end: str = "\n") -> None:
    """Print a report unchanged; it already has its colours."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def print_report(text: str) -> None:
    """Print a report for people, folded to the width of the terminal or to COLUMNS."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        text = plain.fold(text, columns(sys.maxsize))
    print_text(text)


def tell(text: str, *, end: str = "\n") -> None:
    """Print a text on stderr, unless it is empty."""
    if text:
        sys.stderr.write(text + end)
        sys.stderr.flush()


def print_json(document: "Document | Mapping[str, Any]") -> None:
    """Print a result or a schema as JSON."""
    print_text(documents.shape.json_text(document))


def show(
    as_json: bool,  # noqa: FBT001 - the flag of the command
    document: "Callable[[], Document | Mapping[str, Any]]",
    text: Callable[[Paint], str],
) -> None:
    """Print a result as JSON, or as text for people."""
    print_json(document()) if as_json else print_report(text(paint()))


def moment_of(text: str | None, option: str) -> datetime | None:
    """Return a moment given in the format of a release date; None if no text is given.

    Raises:
        ModelError: the text is no time.
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
        help="Trusted certificates: a host's folder of them, or PEM files; may be repeated.",
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
        help="Also fail certificates that break strict X.509 rules, weak payload digests, and "
        "unsigned VIBs.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Check certificate dates at this time (`now` or ISO 8601), not at the signing time.",
    ),
]
RequireSigned = Annotated[
    bool, typer.Option("--require-signed", help="Fail VIBs without a valid signature.")
]
RequireLevel = Annotated[
    SignedLevel | None,
    typer.Option(
        help="Fail VIBs below this acceptance level, and VIBs without a signer from --trust for "
        "their level.",
    ),
]


def check_moment_of(text: str | None) -> datetime | None:
    """Return the moment of --at: the present for `now`, None for the signing time."""
    return datetime.now(UTC) if text == "now" else moment_of(text, "--at")


SigningKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="The certificate's key: PEM or PKCS#12 file, env:NAME for PEM in the "
        "environment, or a pkcs11: URI.",
    ),
]
Certificates = Annotated[
    list[Path] | None,
    typer.Option("--cert", metavar="FILE", help="Certificate and chain; may be repeated."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File whose first line is the passphrase or PIN."),
]
PassphraseFd = Annotated[
    int | None,
    typer.Option(metavar="N", help="Open file descriptor to read the passphrase from."),
]
PassphraseEnv = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Environment variable that holds the passphrase."),
]
SignatureIn = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Insert the signature that was made elsewhere."),
]
Pkcs11Module = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PKCS#11 library for a key in a token. It overrides PKCS11_MODULE_PATH; a recipe may "
        "use no other.",
    ),
]


def environment_of(pkcs11_module: Path | None) -> Mapping[str, str]:
    """Return the environment for opening keys, with the PKCS#11 library that the user named."""
    if pkcs11_module is None:
        return os.environ

    return {**os.environ, key_source.MODULE_VARIABLE: str(pkcs11_module)}


def passphrase_of(file: Path | None, descriptor: int | None, variable: str | None) -> "Passphrase":
    """Return the passphrase source that the user named, otherwise the terminal if there is one."""
    if file is not None:
        return passphrase.from_file(file)
    if descriptor is not None:
        return passphrase.from_descriptor(descriptor)
    if variable is not None:
        return passphrase.from_environment(variable, os.environ)
    return terminal_passphrase() or passphrase.no_passphrase


def terminal_passphrase() -> "Passphrase | None":
    """Return the function that prompts for a passphrase; None without a terminal."""
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
    """Yield a callback for bytes done and bytes in total; None if stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        yield _Bar(label, stack).update


class _Bar:
    """A progress bar that appears after a second."""

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
