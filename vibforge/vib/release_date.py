"""The one date in a VIB: the descriptor's release-date, and the time of each tar entry."""

import re
from datetime import UTC, datetime

from msgspec import Struct

from vibforge.errors import ModelError

_EPOCH = re.compile(r"[0-9]{1,11}")
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
"""A tar header's time field ends in 2242; a later date than this is a mistake."""


class ReleaseDate(Struct, frozen=True):
    """A moment in whole seconds since 1970 UTC, between 1970 and 2200."""

    epoch: int

    @classmethod
    def parse(cls, text: str) -> "ReleaseDate":
        """Read an ISO 8601 date and time (UTC unless it names a zone), a date, or an epoch.

        Raises:
            ModelError: the text is none of these, or out of range.
        """
        if _EPOCH.fullmatch(text):
            return cls._checked(int(text), text)
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise _not_a_date(text) from None
        return cls.of(moment)

    @classmethod
    def of(cls, moment: datetime) -> "ReleaseDate":
        """Take a moment; one without a zone is UTC.

        Raises:
            ModelError: it is out of range.
        """
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls._checked(int(aware.timestamp()), moment.isoformat())

    @classmethod
    def _checked(cls, epoch: int, text: str) -> "ReleaseDate":
        if not 0 <= epoch < _LAST.timestamp():
            raise _not_a_date(text)
        return cls(epoch)

    def __str__(self) -> str:
        """Write it as descriptors have it, for every reader since 5.x (format.md#release-date)."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _not_a_date(text: str) -> ModelError:
    return ModelError(
        f"{text!r} is not a release date between 1970 and 2200",
        remedy="write 2026-05-01T12:00:00+00:00, a date, or seconds since 1970",
    )
