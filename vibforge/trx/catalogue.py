"""Every option of linuxptp, read from the table that ships with vibforge (`data/options.json`).

The table holds facts of linuxptp's releases 1.6 to 4.4 with its sources and a version of its own.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final

from vibforge.trx.option import History, Kind, Number, Option, Standing

_LIMITS = {
    "DBL_MAX": sys.float_info.max,
    "-DBL_MAX": -sys.float_info.max,
    "DBL_MIN": sys.float_info.min,
}

_LONGEST_GUESS: Final = 64
"""Characters of a name that is compared with others: the longest option has 44."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One command-line letter of ptp4l or phc2sys, and the option that says the same."""

    name: str
    argument: bool = False
    key: str = ""
    value: str = ""
    does: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phc2sysUse:
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

    def nearest(self, name: str) -> tuple[str, ...]:
        """Return the names that someone who wrote `name` may have meant, best first."""
        if len(name) > _LONGEST_GUESS:
            return ()
        same = tuple(known for known in self.options if known.casefold() == name.casefold())
        return same or tuple(get_close_matches(name, self.options, n=3, cutoff=0.7))


@cache
def catalogue() -> Catalogue:
    """Return the table that ships with vibforge."""
    raw = json.loads((files("vibforge.trx") / "data" / "options.json").read_text("utf-8"))
    options = {name: _option(name, facts) for name, facts in raw["options"].items()}
    for old, now in raw["aliases"].items():
        options[old] = replace(options[now], name=old, now=now, renamed=options[now].since)
    return Catalogue(
        version=raw["version"],
        sources=tuple(raw["sources"]),
        options=options,
        reasons=raw["reasons"],
        phc2sys={name: Phc2sysUse(**facts) for name, facts in raw["phc2sys_options"].items()},
        ptp4l_letters=_letters(raw["ptp4l_letters"]),
        phc2sys_letters=_letters(raw["phc2sys_letters"]),
    )


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
        renamed=facts.get("renamed", ""),
        note=facts.get("note", ""),
    )


def _history(raw: Any, since: str) -> History[Any]:  # noqa: ANN401 - any fact of the JSON table
    steps = raw.items() if isinstance(raw, dict) else [(since, raw)]
    return History(tuple(steps))


def _bounds(raw: Any, since: str) -> History[Number | None]:  # noqa: ANN401 - the same
    steps = _history(raw, since).steps
    return History(tuple((release, _LIMITS.get(bound, bound)) for release, bound in steps))
