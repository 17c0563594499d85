"""What several functions read from their arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from vibforge.errors import ModelError, refused
from vibforge.esxi import acceptance, release, table
from vibforge.signing import policy, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.esxi.release import Release
    from vibforge.signing.policy import TrustPolicy
    from vibforge.signing.store import TrustStore


_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Given = TypeVar("_Given")
_Taken = TypeVar("_Taken")


def typed_errors(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Let a function raise children of VibforgeError only: a path that the system refuses, too."""

    @wraps(function)
    def call(*args: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **named)
        except OSError as error:
            raise refused(error) from error

    return call


def path_of(file: str | Path) -> Path:
    """Return the path of a file.

    Raises:
        ModelError: it holds a NUL, so no file can have this name.
    """
    if "\0" in str(file):
        raise ModelError("a name with a NUL character, which no file has", where=repr(str(file)))
    return Path(file)


def optional_path(file: str | Path | None) -> Path | None:
    """Return the path of a file, None where there is none."""
    return None if file is None else path_of(file)


def paths_of(files: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """Return the paths of one file or of several.

    Raises:
        ModelError: there is none, or one is no path.
    """
    return some_of((files,) if isinstance(files, str | Path) else files, path_of)


def some_of(files: Iterable[_Given], read: Callable[[_Given], _Taken]) -> tuple[_Taken, ...]:
    """Read the files that are given.

    Raises:
        ModelError: there is none: an empty list would pass every check.
    """
    found = tuple(map(read, files))
    if not found:
        raise ModelError("no file is named", remedy="name at least one")
    return found


def words_of(words: str | Iterable[str]) -> tuple[str, ...]:
    """Return one word or several: a text is one word, not its letters."""
    return (words,) if isinstance(words, str) else tuple(words)


def targets_of(esxi: str | Iterable[str]) -> tuple[Release, ...]:
    """Return the ESXi releases that are named, or the stock releases if none is.

    Raises:
        ModelError: a text is not a release.
    """
    return release.parse_releases(words_of(esxi)) or table.STOCK_TARGETS


def policy_of(  # noqa: PLR0913 - the arguments of `verify`
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
    *,
    at: datetime | None = None,
    strict: bool = False,
    require_signed: bool = False,
    require_level: str | AcceptanceLevel | None = None,
    now: datetime | None = None,
) -> TrustPolicy:
    """Return the policy that the arguments of `verify` describe.

    `now` is the time from `present`; None to warn of no expired certificate.

    Raises:
        FormatError: a file of `trust` cannot be read.
        ModelError: the level is not a level.
    """
    return policy.TrustPolicy(
        store=_store_of(trust),
        at=aware(at),
        strict=strict,
        require_signed=require_signed,
        require_level=acceptance.AcceptanceLevel.parse(require_level) if require_level else None,
        now=now,
    )


def _store_of(trust: str | Path | Iterable[str | Path] | TrustStore) -> TrustStore | None:
    if not trust:
        return None
    if isinstance(trust, store.TrustStore):
        return trust
    return store.read_store(paths_of(trust))


def present(*named: datetime | None) -> datetime:
    """Return the first moment that a caller named, else the time of the clock.

    The only clock that results depend on: it decides which certificates are warned of.
    """
    given = next((moment for moment in named if moment is not None), None)
    return aware(given) or datetime.now(UTC)


def aware(moment: datetime | None) -> datetime | None:
    """Return a moment with a time zone: one without a zone is UTC, on every machine."""
    return moment.replace(tzinfo=UTC) if moment is not None and not moment.tzinfo else moment
