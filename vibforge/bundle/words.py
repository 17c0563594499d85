"""The words that bulletins and indexes use (depot-format.md#bulletins)."""

from enum import StrEnum


class BulletinSeverity(StrEnum):
    """How grave what a bulletin mends is."""

    GENERAL = "general"
    SECURITY = "security"
    CRITICAL = "critical"


class Urgency(StrEnum):
    """How soon a bulletin should be applied."""

    CRITICAL = "critical"
    IMPORTANT = "important"
    MODERATE = "moderate"
    LOW = "low"


class ReleaseType(StrEnum):
    """What kind of release a bulletin is."""

    EXTENSION = "extension"
    PATCH = "patch"
    ROLLUP = "rollup"
    UPDATE = "update"
    UPGRADE = "upgrade"
    NOTIFICATION = "notification"
