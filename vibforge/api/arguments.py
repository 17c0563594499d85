"""What several functions read from their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.errors import ModelError
from vibforge.esxi import acceptance, release, table
from vibforge.signing import policy, store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.esxi.release import Release
    from vibforge.signing.policy import TrustPolicy
    from vibforge.signing.store import TrustStore


def paths_of(files: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """Return the paths of one file or of several.

    Raises:
        ModelError: there is none: an empty list would pass every check.
    """
    paths = (Path(files),) if isinstance(files, str | Path) else tuple(map(Path, files))
    if not paths:
        raise ModelError("no file is named", remedy="name at least one")
    return paths


def words_of(words: str | Iterable[str]) -> tuple[str, ...]:
    """Return one word or several: a text is one word, not its letters."""
    return (words,) if isinstance(words, str) else tuple(words)


def targets_of(esxi: str | Iterable[str]) -> tuple[Release, ...]:
    """Return the ESXi releases that are named, or the stock releases if none is.

    Raises:
        ModelError: a text is not a release.
    """
    return release.parse_releases(words_of(esxi)) or table.STOCK_TARGETS


def policy_of(
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
    *,
    at: datetime | None = None,
    strict: bool = False,
    require_signed: bool = False,
    require_level: str | AcceptanceLevel | None = None,
) -> TrustPolicy:
    """Return the policy that the arguments of `verify` describe.

    Raises:
        FormatError: a file of `trust` cannot be read.
        ModelError: the level is not a level, or `at` has no time zone.
    """
    return policy.TrustPolicy(
        store=_store_of(trust),
        at=aware(at, "at"),
        strict=strict,
        require_signed=require_signed,
        require_level=acceptance.AcceptanceLevel.parse(require_level) if require_level else None,
    )


def _store_of(trust: str | Path | Iterable[str | Path] | TrustStore) -> TrustStore | None:
    if not trust:
        return None
    if isinstance(trust, store.TrustStore):
        return trust
    return store.read_store(paths_of(trust))


def aware(moment: datetime | None, name: str) -> datetime | None:
    """Return a moment whose time zone is known.

    Raises:
        ModelError: it has no time zone, so it would differ from machine to machine.
    """
    if moment is not None and moment.tzinfo is None:
        raise ModelError(
            f"{name}: {moment.isoformat()} has no time zone", remedy="add one: tzinfo=UTC"
        )
    return moment
