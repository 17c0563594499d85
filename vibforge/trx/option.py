"""One option of linuxptp: what it takes, since when, and what it means inside TRX."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from vibforge.trx.release import RANK, span

_V = TypeVar("_V")

Number = int | float


class Kind(StrEnum):
    """How linuxptp reads the value of an option."""

    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    WORDS = "words"
    TEXT = "text"


class Standing(StrEnum):
    """What an option is good for inside TRX."""

    USEFUL = "useful"
    ROLE = "role"
    MANAGED = "managed"
    POINTLESS = "pointless"
    DANGEROUS = "dangerous"
    COLON = "colon"
    IMPOSSIBLE = "impossible"


class History(NamedTuple, Generic[_V]):
    """A fact that changed with a release: (first release, fact), oldest first."""

    steps: tuple[tuple[str, _V], ...]

    def at(self, release: str) -> _V:
        """Return the fact as of `release`; before the first step, the first."""
        fact = self.steps[0][1]
        for name, later in self.steps:
            if RANK[name] <= RANK[release]:
                fact = later
        return fact


class View(NamedTuple):
    """What one option takes in one release: numbers between bounds, or words."""

    minimum: Number | None
    maximum: Number | None
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of linuxptp, from its option tables of 1.6 to 4.4.

    `now` is the newer name of the same setting. `why` is the reason for `standing`; `harmless` are
    values that the reason does not speak of. `form` names the check that ptp4l makes of a text only
    when it starts.
    """

    name: str
    does: str
    group: str
    kind: Kind
    default: History[int | float | str | None]
    minimum: History[Number | None]
    maximum: History[Number | None]
    words: History[tuple[str, ...]]
    since: str
    standing: Standing
    why: str
    port: bool = False
    octal: bool = False
    keywords: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    form: str = ""
    now: str = ""
    note: str = ""

    @property
    def setting(self) -> str:
        """The one name of what this option sets, whichever of two names it has itself."""
        return self.now or self.name

    def known_to(self, release: str) -> bool:
        return RANK[self.since] <= RANK[release]

    def view(self, release: str) -> View:
        return View(
            minimum=self.minimum.at(release),
            maximum=self.maximum.at(release),
            words=self.words.at(release),
        )


def default_of(option: Option, releases: Sequence[str]) -> str:
    """Say the default in `releases`: `10`, or `1 (3.0 to 3.1.1), 10 (4.0 to 4.4)`."""
    by_default: dict[str, list[str]] = {}
    for release in releases:
        by_default.setdefault(shown_default(option.default.at(release)), []).append(release)
    if len(by_default) == 1:
        return next(iter(by_default))
    return ", ".join(f"{default} ({span(names)})" for default, names in by_default.items())


def shown_default(value: float | str | None) -> str:
    """Return a default as it would stand in a file; `none` for a text that is not set."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "empty"
