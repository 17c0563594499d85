"""The time that a signature states. Reports name its sources without loading cryptography."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class TimeSource(StrEnum):
    """What a signing time comes from; the values are stable and stand in `--json`."""

    NAMED = "named"
    RELEASE_DATE = "release date"
    CERTIFICATE = "certificate"


class SigningTime(Struct, frozen=True):
    """The time that a signature states, in whole seconds, and where it comes from."""

    moment: datetime
    source: TimeSource
