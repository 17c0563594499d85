"""The time that a signature states; separate, so that reports need not load cryptography."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class TimeSource(StrEnum):
    """The source of a signing time; the values are stable and appear in `--json`."""

    NAMED = "named"
    RELEASE_DATE = "release date"
    CERTIFICATE = "certificate"


class SigningTime(Struct, frozen=True):
    """The time that a signature states, in whole seconds, and its source."""

    moment: datetime
    source: TimeSource
