"""Sizes, modes and times as they are written for people, and curves of text."""

from collections.abc import Sequence
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


_BLOCKS = "▁▂▃▄▅▆▇█"


def curve(values: Sequence[float], width: int = 40) -> str:
    """Draw the last `width` values, the smallest at the bottom."""
    shown = values[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    step = (high - low) / (len(_BLOCKS) - 1) or 1
    return "".join(_BLOCKS[round((value - low) / step)] for value in shown)


def nanoseconds(value: float) -> str:
    """Write a duration: `-400 ns`, `2.8 µs`, `1.20 ms`, `3.4 s`."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(value) >= size:
            return (
                f"{value / size:.3g} {unit}"
                if abs(value) < 1000 * size
                else (f"{value / size:.0f} {unit}")
            )
    return f"{value:.0f} ns"


def interval(log2_seconds: int) -> str:
    """Write an interval: `-3` is `1/8 s`."""
    return f"1/{2**-log2_seconds} s" if log2_seconds < 0 else f"{2**log2_seconds} s"
