"""Texts about builds that were repeated."""

from collections.abc import Iterator

from vibforge import __version__
from vibforge.report.diff import difference_line
from vibforge.report.paint import Paint
from vibforge.report.plain import plain, wrapped
from vibforge.reproduction.rebuilding import REMEDY, Rebuild, RebuildState, Reproduction
from vibforge.reproduction.replaying import Replay, ReplayState
from vibforge.reproduction.variations import Circumstance

_ROLES = {
    RebuildState.SAME: "good",
    RebuildState.DIFFERENT: "bad",
    RebuildState.FAILED: "bad",
    RebuildState.NOT_TRIED: "dim",
}
_STATE_WIDTH = max(map(len, RebuildState))
_WORD_WIDTH = max(map(len, Circumstance))
_INDENT = " " * (2 + _STATE_WIDTH + 2)


def repro_text(found: Reproduction, paint: Paint) -> str:
    """Show what each build gave, and the first difference of those with other bytes."""
    return "\n".join(_lines(found, paint))


def _lines(found: Reproduction, paint: Paint) -> Iterator[str]:
    reference = found.reference
    unsigned = ", built unsigned" if found.signed_by_recipe else ""
    yield (
        paint(found.vib_id, "strong") + f", by {reference.python} with {reference.codec}{unsigned}"
    )
    yield f"  SHA-256 {reference.sha256}"
    for each in found.rebuilds:
        yield from _rebuild_lines(each, paint)
    yield _conclusion(found, paint)
    if any(
        each.state is RebuildState.NOT_TRIED and each.circumstance == Circumstance.PYTHON
        for each in found.rebuilds
    ):
        yield "To build with such a Python:"
        yield from (f"  {line}" for line in wrapped(REMEDY, 76))


def _rebuild_lines(each: Rebuild, paint: Paint) -> Iterator[str]:
    state = paint(f"{each.state:<{_STATE_WIDTH}}", _ROLES[each.state])
    word = each.circumstance or "published"
    python = each.circumstance == Circumstance.PYTHON and each.python
    what = f"{each.python}, {each.what}" if python else each.what
    yield f"  {state}  {word:<{_WORD_WIDTH}}  {plain(what)}"
    if each.difference is not None:
        section = each.difference.section
        yield f"{_INDENT}{section}: {difference_line(each.difference, paint)}"
        for line in each.difference.lines[:_DIFF_LINES]:
            yield f"{_INDENT}  {plain(line)}"
    if each.more_differences:
        plural = "" if each.more_differences == 1 else "s"
        yield f"{_INDENT}and {each.more_differences} more difference{plural}"
    if each.reason:
        yield f"{_INDENT}{plain(each.reason)}"


_DIFF_LINES = 12
"""Lines of a unified diff that are shown; `vibforge diff` shows all."""


def _conclusion(found: Reproduction, paint: Paint) -> str:
    same, skipped = found.count(RebuildState.SAME), found.count(RebuildState.NOT_TRIED)
    tried = len(found.rebuilds) - skipped
    rest = f"; {skipped} could not be tried" if skipped else ""
    if found.good:
        return paint(f"All {tried + 1} builds gave the same bytes", "good") + f"{rest}."
    return paint(f"{tried - same} of {tried} builds differ from the reference", "bad") + f"{rest}."


_SAME = {
    ReplayState.SAME: "The project gives the recorded VIB again, byte by byte.",
    ReplayState.SAME_BUT_SIGNATURE: "The project gives the recorded descriptor and payloads again, "
    "byte by byte. The signature was not there to compare: put the VIB or its sig.pkcs7 beside the "
    "build.json, or name the VIB with --against.",
}


def replay_text(found: Replay, paint: Paint) -> str:
    """Show whether a project gives the VIB of a record again, and what differs if it does not."""
    return "\n".join(_replay_lines(found, paint))


def _replay_lines(found: Replay, paint: Paint) -> Iterator[str]:
    signed = ", signed" if found.signed else ""
    yield (
        paint(found.vib_id, "strong")
        + f", built by vibforge {plain(found.recorded_vibforge)}{signed}"
    )
    yield f"  SHA-256  {found.recorded_sha256} recorded"
    yield f"           {found.sha256} here"
    if found.note:
        yield f"  {plain(found.note)}"
    if (first := found.first_difference) is not None:
        yield f"  {first.section}: {difference_line(first, paint)}"
        for line in first.lines[:_DIFF_LINES]:
            yield f"    {plain(line)}"
        if found.more_differences:
            yield f"  and {found.more_differences} more; see `vibforge diff`"
    for each in found.differences:
        yield f"  {plain(each.name)}"
        yield f"    {plain(each.recorded)} recorded"
        yield f"    {plain(each.rebuilt)} here"
    role = "good" if found.good else "bad" if found.possible else "warn"
    for line in wrapped(_replay_conclusion(found), 78):
        yield paint(line, role)


def _replay_conclusion(found: Replay) -> str:
    if found.good:
        return _SAME[found.state]
    if not found.possible:
        return (
            "The files are the same, but the bytes cannot be compared here: "
            f"{found.recorded_codec} ({found.recorded_codec_library}) compressed the recorded VIB, "
            f"{found.codec} ({found.codec_library}) compresses here. Install the first, then "
            "replay again."
        )
    other = (
        [] if found.recorded_vibforge == __version__ else [f"vibforge {found.recorded_vibforge}"]
    )
    is_other = found.recorded_codec_library != found.codec_library
    other += [found.recorded_codec] if is_other else []
    try_it = f" The record is of {' and '.join(other)}: try that first." if other else ""
    return f"The project does not give the recorded VIB.{try_it}"
