"""What a caller wants signatures to be held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from vibforge.trust.store import TrustStore


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustPolicy:
    """Whom to trust: a `store` (None: nobody is known), and how strictly.

    `at` is the moment that dates are held against, each signature's own signing time if None;
    `strict` makes a failure of what strict X.509 rules object to, which a 6.7 host lets pass.
    """

    store: TrustStore | None = None
    at: datetime | None = None
    strict: bool = False


NO_POLICY = TrustPolicy()
"""Nobody is known: form, arithmetic and names are judged, chains are not."""
