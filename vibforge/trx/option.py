"""The options of ptp4l and phc2sys, and the linuxptp that each release of ESXi has."""

import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import Problem, TrxError
from vibforge.esxi import table

if TYPE_CHECKING:
    from vibforge.esxi.release import Release


RELEASES = (
    *("1.6", "1.7", "1.8", "1.9.2", "2.0", "3.0", "3.1", "3.1.1"),
    *("4.0", "4.1", "4.2", "4.3", "4.4", "unreleased"),
)
"""Oldest first; `unreleased` is the development branch of 2026-06-14."""

RANK = {name: place for place, name in enumerate(RELEASES)}

CANDIDATES = RELEASES[RANK["3.0"] : RANK["4.4"] + 1]
"""What TRX may carry if not known: the releases of 2020 to 2024."""


_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+~].*)?", re.ASCII)
"""`4.4`, git's `v4.4-12-g0123abc`, Debian's `3.1.1-4+b2`."""


def numbers_of(version: str) -> tuple[int, int, int] | None:
    """Return the three numbers of a linuxptp version, None if it is not a version."""
    found = _VERSION.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


_NUMBERS = {name: numbers for name in RELEASES if (numbers := numbers_of(name))}


def release_of(version: str) -> str | None:
    """Return the known release with the options of `version`, None if there is none.

    A package or patch release has the options of its release: `v2.0.1` is 2.0.
    """
    ours = numbers_of(version)
    if ours is None:
        return version if version in RANK else None
    same = [name for name, known in _NUMBERS.items() if known[:2] == ours[:2] and known <= ours]
    return same[-1] if same else None


def newest_up_to(version: str) -> str | None:
    """Return the newest known release up to `version`, None if there is none."""
    ours = numbers_of(version)
    older = [name for name, known in _NUMBERS.items() if ours is not None and known <= ours]
    return older[-1] if older else None


def chosen(linuxptp: Iterable[str] = (), esxi: "Iterable[Release]" = ()) -> tuple[str, ...]:
    """Return the linuxptp releases to check against, oldest first.

    Args:
        linuxptp: versions of linuxptp, as `release_of` accepts them.
        esxi: ESXi releases; each adds the linuxptp releases that its TRX may carry, or all
            candidates if they are not known.

    Raises:
        TrxError: a version is of no known release, or an ESXi release has no TRX.
    """
    asked, hosts = {name: release_of(name) for name in linuxptp}, tuple(esxi)
    problems = [
        _unknown("linuxptp", name, RELEASES) for name, release in asked.items() if release is None
    ]
    problems += [
        Problem(what=f"ESXi {host} has no TRX", remedy="Name 7.0 U2 or later, which has TRX.")
        for host in hosts
        if carried_by(host) == ()
    ]
    if problems:
        raise TrxError.from_problems(problems)
    names = {name for name in asked.values() if name}
    names |= {name for host in hosts for name in carried_by(host) or CANDIDATES}
    return tuple(sorted(names, key=RANK.__getitem__)) or CANDIDATES


def carried_by(host: "Release") -> tuple[str, ...] | None:
    """Return the linuxptp releases that TRX of an ESXi release may carry, None if not known."""
    cell = table.row_of(host).linuxptp
    return cell.value if cell else None


def span(releases: Sequence[str]) -> str:
    """Return `releases` as a short text: `3.0 to 3.1.1, 4.3`."""
    runs: list[list[str]] = []
    for name in releases:
        if runs and RANK[name] == RANK[runs[-1][-1]] + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _unknown(what: str, name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=1)
    hint = f"{near[0]}? " if near else ""
    return Problem(
        what=f"{name!r} is no release of {what} that vibforge knows",
        remedy=f"{hint}Known: {', '.join(known)}.",
    )


_V = TypeVar("_V")

Number = int | float


class ValueKind(StrEnum):
    """How linuxptp reads the value of an option."""

    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    WORDS = "words"
    TEXT = "text"


class Standing(StrEnum):
    """How useful an option is inside TRX."""

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
    """The values that one option accepts in one release: numbers within bounds, or words."""

    minimum: Number | None
    maximum: Number | None
    words: tuple[str, ...]


class Option(Struct, frozen=True, kw_only=True):
    """One option of linuxptp, from its option tables of 1.6 to 4.4.

    `now` is the newer name of the same setting. `why` is the reason for `standing`; `harmless` are
    values that the reason does not speak of. `form` names the check that ptp4l makes of a text only
    when it starts.
    """

    name: str
    does: str
    group: str
    kind: ValueKind
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
        """The current name of the setting, also if this option is an old name."""
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
    """Return the default in `releases` as text: `10`, or `1 (3.0 to 3.1.1), 10 (4.0 to 4.4)`."""
    by_default: dict[str, list[str]] = {}
    for release in releases:
        by_default.setdefault(shown_default(option.default.at(release)), []).append(release)
    if len(by_default) == 1:
        return next(iter(by_default))
    return ", ".join(f"{default} ({span(names)})" for default, names in by_default.items())


def shown_default(value: float | str | None) -> str:
    """Return a default as written in a file; `none` for a text that is not set."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "empty"


_LIMITS = {
    "DBL_MAX": sys.float_info.max,
    "-DBL_MAX": -sys.float_info.max,
    "DBL_MIN": sys.float_info.min,
}

_LONGEST_GUESS: Final = 64
"""Characters of a name that is compared with others: the longest option has 44."""


class Letter(NamedTuple):
    """One command-line letter of ptp4l or phc2sys, and the option that says the same."""

    name: str
    argument: bool = False
    key: str = ""
    value: str = ""
    does: str = ""


class Phc2sysUse(NamedTuple):
    """How phc2sys uses an option of the common table in its own file.

    `since` is the first release that uses it, None if phc2sys ignores it for the reason `why`.
    """

    since: str | None
    why: str = ""
    default: float | None = None
    remark: str = ""


class Catalogue(Struct, frozen=True, kw_only=True):
    """The options by name, old names included, and how the programs use them."""

    version: str
    sources: tuple[str, ...]
    options: Mapping[str, Option]
    reasons: Mapping[str, str]
    phc2sys: Mapping[str, Phc2sysUse]
    ptp4l_letters: Mapping[str, Letter]
    phc2sys_letters: Mapping[str, Letter]

    def reason(self, option: Option) -> str:
        return self.reasons[option.why]

    def search(self, words: Sequence[str]) -> list[Option]:
        """Return the options whose name, group or description contains all `words`; ignore case."""
        wanted = [word.casefold() for word in words]
        return [
            option
            for option in self.options.values()
            if all(
                word in f"{option.name} {option.group} {option.does} {option.standing}".casefold()
                for word in wanted
            )
        ]

    def nearest(self, name: str) -> tuple[str, ...]:
        """Return the names that someone who wrote `name` may have meant, best first."""
        if len(name) > _LONGEST_GUESS:
            return ()
        same = tuple(known for known in self.options if known.casefold() == name.casefold())
        return same or tuple(get_close_matches(name, self.options, n=3, cutoff=0.7))


class _Options(Mapping[str, Option]):
    """The options by name, each made when it is first asked for: a file has few of them."""

    def __init__(self, raw: Mapping[str, Any], aliases: Mapping[str, str]) -> None:
        self._raw = raw
        self._aliases = aliases
        self._made: dict[str, Option] = {}

    def __getitem__(self, name: str) -> Option:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Option:
        now = self._aliases.get(name)
        if now is None:
            return _option(name, self._raw[name])
        return replace(self[now], name=name, now=now)

    def __contains__(self, name: object) -> bool:
        return name in self._raw or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        yield from self._raw
        yield from self._aliases

    def __len__(self) -> int:
        return len(self._raw) + len(self._aliases)


@cache
def catalogue() -> Catalogue:
    """Return the table that ships with vibforge."""
    raw = shipped_table("options")
    return Catalogue(
        version=raw["version"],
        sources=tuple(raw["sources"]),
        options=_Options(raw["options"], raw["aliases"]),
        reasons=raw["reasons"],
        phc2sys={name: Phc2sysUse(**facts) for name, facts in raw["phc2sys_options"].items()},
        ptp4l_letters=_letters(raw["ptp4l_letters"]),
        phc2sys_letters=_letters(raw["phc2sys_letters"]),
    )


def shipped_table(name: str) -> dict[str, Any]:
    """Return a table of `vibforge/trx/data`.

    `pkgutil` reads it wherever the package is installed, a tenth as long in loading as
    `importlib.resources`.
    """
    data = pkgutil.get_data("vibforge.trx", f"data/{name}.json")
    if data is None:
        raise FileNotFoundError(name)
    table: dict[str, Any] = json.loads(data)
    return table


def _letters(raw: Mapping[str, Any]) -> dict[str, Letter]:
    return {name: Letter(name=name, **facts) for name, facts in raw.items()}


def _option(name: str, facts: Mapping[str, Any]) -> Option:
    since = facts["since"]
    words = _history(facts.get("words", []), since)
    return Option(
        name=name,
        does=facts["does"],
        group=facts["group"],
        kind=ValueKind(facts["type"]),
        default=_history(facts["default"], since),
        minimum=_bounds(facts.get("min"), since),
        maximum=_bounds(facts.get("max"), since),
        words=History(tuple((release, tuple(listed)) for release, listed in words.steps)),
        since=since,
        standing=Standing(facts["trx"]),
        why=facts["why"],
        port=facts.get("port", False),
        octal=facts.get("octal", False),
        keywords=tuple(facts.get("keywords", ())),
        harmless=tuple(facts.get("harmless", ())),
        form=facts.get("form", ""),
        now=facts.get("now", ""),
        note=facts.get("note", ""),
    )


def _history(raw: Any, since: str) -> History[Any]:  # noqa: ANN401 - any fact of the JSON table
    steps = raw.items() if isinstance(raw, dict) else [(since, raw)]
    return History(tuple(steps))


def _bounds(raw: Any, since: str) -> History[Number | None]:  # noqa: ANN401 - the same
    steps = _history(raw, since).steps
    return History(tuple((release, _LIMITS.get(bound, bound)) for release, bound in steps))


MAX_BYTES = 64 << 20
"""linuxptp's programs have a few hundred KiB, statically linked a few MiB."""

_FEWEST = 40
"""Labels that a linuxptp has at least: 1.6 has 67, and no other program has so many of them."""


_LABEL = re.compile(rb"(?<![A-Za-z0-9_.])([A-Za-z][A-Za-z0-9_.]{2,63})\0")
"""A name that ends in a zero byte; what stands before it may be a number of the table."""


class Fingerprint(Struct, frozen=True, kw_only=True):
    """The releases that a binary may be of.

    `missing` and `extra` are labels that those releases have or have not; a patched build shows
    there, such as Photon OS's 3.1.1 with `clock_class_threshold`.
    """

    releases: tuple[str, ...]
    labels: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.missing and not self.extra


def fingerprint(binary: bytes) -> Fingerprint:
    """Return the releases whose options are nearest to the labels in `binary`.

    Raises:
        TrxError: it is too large, or it is no program of linuxptp.
    """
    if len(binary) > MAX_BYTES:
        raise TrxError(f"the file has more than {MAX_BYTES} bytes, too many for linuxptp")
    options = catalogue().options
    present = {found[1].decode("ascii") for found in _LABEL.finditer(binary)} & set(options)
    if len(present) < _FEWEST:
        raise TrxError(
            f"the file has {len(present)} option labels of linuxptp, too few for one of its"
            " programs",
            remedy="Give the ptp4l, phc2sys or pmc binary itself, not an archive of it.",
        )
    expected = {
        release: {name for name in options if options[name].known_to(release)}
        for release in RELEASES
    }
    distance = {release: len(names ^ present) for release, names in expected.items()}
    least = min(distance.values())
    nearest = tuple(release for release in RELEASES if distance[release] == least)
    names = expected[nearest[0]]
    return Fingerprint(
        releases=nearest,
        labels=len(present),
        missing=tuple(sorted(names - present)),
        extra=tuple(sorted(present - names)),
    )
