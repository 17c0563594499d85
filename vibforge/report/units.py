"""Sizes, modes and times as they are written for people and programs."""

from datetime import UTC, datetime

_STEPS = ("KiB", "MiB", "GiB", "TiB")
_BASE = 1024


def size(count: int) -> str:
    """Write a number of bytes: `812 B`, `3.4 MiB`."""
    if count < _BASE:
        return f"{count} B"
    value = float(count)
    unit = ""
    for step in _STEPS:
        value /= _BASE
        unit = step
        if value < _BASE:
            break
    return f"{value:.1f} {unit}"


def utc(when: datetime) -> str:
    """Write a moment in ISO 8601, UTC: `2024-05-01T12:00:00Z`."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def mode(bits: int) -> str:
    """Write permission bits as four octal digits."""
    return f"{bits:04o}"
