"""Every option of linuxptp, read from the table that ships with vibforge (`data/options.json`).

The table holds facts of linuxptp's releases 1.6 to 4.4 with its sources and a version of its own.
"""

import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, NamedTuple

from vibforge.trx.option import History, Kind, Number, Option, Standing

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
    """What phc2sys makes of an option of the common table in its own file.

    `since` is the first release that reads it, None where it reads past it for the reason `why`.
    """

    since: str | None
    why: str = ""
    default: float | None = None
    remark: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """The options by name, old names included, with what the programs make of them."""

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
        """Return the options that speak of all of `words`, without regard to case."""
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
        kind=Kind(facts["type"]),
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
