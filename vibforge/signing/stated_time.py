"""The time that a signature states. Reports name its sources without loading cryptography."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TimeSource(StrEnum):
    """What a signing time comes from; the values are stable and stand in `--json`."""

    NAMED = "named"
    RELEASE_DATE = "release date"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class SigningTime:
    """The time that a signature states, in whole seconds, and where it comes from."""

    moment: datetime
    source: TimeSource
