"""What the lines of a log mean beside their measurements: known messages, and shapes of the others.

The table is `messages.toml`. A shape is a text with its numbers and identities left out, so that
lines that differ in nothing else are counted together.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files

from msgspec import Struct

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Severity
from vibforge.trx.log.moments import Moment

SHAPES = 2000
"""Shapes that are counted at the same time; when there are more, the rarer half is let go."""

_EXCERPT = 200
_NUMBERS = re.compile(rb"\b[0-9a-f]{6}\.[0-9a-f]{4}\.[0-9a-f]{6}(?:-\d+)?|[0-9]+")


class ClockMessage(Struct, frozen=True):
    """A message, what it means and what to do."""

    id: str
    says: str
    program: str
    severity: Severity
    """How bad the message is for the clock."""
    meaning: str
    remedy: str
    certainty: Certainty

    def is_of(self, program: str) -> bool:
        """Whether `program` prints it; an empty name is any program but linuxptp's."""
        return self.program in {program, "any"} or (self.program == "both" and bool(program))


class Found(Struct, frozen=True):
    """A known message that a log has."""

    message: ClockMessage
    host: str
    program: str
    count: int
    first: Moment | None
    last: Moment | None
    example: str


class Unknown(Struct, frozen=True):
    """Lines of one shape that the table does not know."""

    shape: str
    program: str
    count: int
    example: str


@cache
def known_messages() -> tuple[ClockMessage, ...]:
    """Return the table."""
    text = files("vibforge.trx.log").joinpath("messages.toml").read_text(encoding="utf-8")
    return tuple(
        ClockMessage(
            **{
                **entry,
                "severity": Severity(entry["severity"]),
                "certainty": Certainty(entry["certainty"]),
            }
        )
        for entry in tomllib.loads(text)["message"]
    )


def recognise(text: bytes, program: str) -> ClockMessage | None:
    """Return the message that a line of a program is; an empty program is any other one."""
    for message in known_messages():
        if message.is_of(program) and _pattern(message.says).search(text):
            return message
    return None


@cache
def _pattern(says: str) -> re.Pattern[bytes]:
    return re.compile(says.encode())


class _Tally(Struct):
    """Lines of one shape so far."""

    example: bytes
    message: ClockMessage | None
    count: int = 0
    first: Moment | None = None
    last: Moment | None = None


class Messages:
    """Counts the messages of one log."""

    def __init__(self, host: str = "", program: str = "") -> None:
        self._host = host
        self._program = program
        self._tallies: dict[bytes, _Tally] = {}
        self._known: dict[str, _Tally] = {}
        self.unknown_lines = 0
        self.let_go = 0
        """Unknown lines whose shapes were let go."""

    def add(self, text: bytes, at: Moment | None = None) -> None:
        """Take the text of a line that is no measurement."""
        shape = _NUMBERS.sub(b"#", text)
        tally = self._tallies.get(shape)
        if tally is None:
            tally = self._new(text, shape)
        tally.count += 1
        tally.first = tally.first or at
        tally.last = at or tally.last
        self.unknown_lines += tally.message is None

    def found(self) -> tuple[Found, ...]:
        """Return the known messages, errors first, then by how often they stand there."""
        order = list(Severity)
        found = [
            Found(tally.message, self._host,
                self._program, tally.count, tally.first, tally.last,
                  excerpt(tally.example))
            for tally in self._known.values() if tally.message
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda each: (order.index(each.message.severity),
                                                     -each.count, each.message.id)))  # fmt: skip

    def unknown(self, most: int) -> tuple[Unknown, ...]:
        """Return the commonest shapes that the table does not know."""
        unknown = [(key, tally) for key, tally in self._tallies.items() if tally.message is None]
        unknown.sort(key=lambda pair: (-pair[1].count, pair[0]))
        return tuple(
            Unknown(excerpt(shape), self._program, tally.count, excerpt(tally.example))
            for shape, tally in unknown[:most]
        )

    def _new(self, text: bytes, shape: bytes) -> _Tally:
        if len(self._tallies) >= SHAPES:
            self._let_go()
        message = recognise(text, self._program)
        tally = _Tally(text, message)
        if message is not None:
            tally = self._known.setdefault(message.id, tally)
        self._tallies[shape] = tally
        return tally

    def _let_go(self) -> None:
        by_count = sorted(self._tallies.items(), key=lambda pair: -pair[1].count)
        gone = by_count[SHAPES // 2 :]
        self.let_go += sum(tally.count for _, tally in gone if tally.message is None)
        self._tallies = dict(by_count[: SHAPES // 2])


def excerpt(text: bytes) -> str:
    """Return the beginning of a text as one that can be printed."""
    shown = text[:_EXCERPT].decode("utf-8", "replace").strip()
    return shown if len(text) <= _EXCERPT else shown + " …"
