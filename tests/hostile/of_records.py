"""Records of builds: what a stranger writes into a build.json."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.case import Hostile
from vibforge.project.build import build
from vibforge.project.ledger import RECORD_LIMIT

_REPLAY = ("repro", "--build", "build.json", "tree")
_SIZES = (2_000, 900_000, RECORD_LIMIT - 4_000)
Facts = dict[str, Any]
_PLACE = "@@"


def _record(folder: Path) -> Facts:
    """Build a small project, and return its record."""
    (folder / "tree/etc").mkdir(parents=True)
    (folder / "tree/etc/x.conf").write_text("a\n")
    build(folder / "tree", folder / "made", environment={}, instructions=False)
    facts: Facts = json.loads((folder / "made/build.json").read_text())
    return facts


def record(name: str, text: Callable[[Facts], str]) -> Hostile:
    """Return a project with this build.json beside it."""

    def make(folder: Path) -> None:
        (folder / "build.json").write_text(text(_record(folder)))

    return Hostile(f"record/{name}", make, (_REPLAY,))


def _with(text: str, *path: str | int) -> Callable[[Facts], str]:
    """Return the record with a text of JSON at a place of it."""

    def change(facts: Facts) -> str:
        place: Any = facts
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = _PLACE
        return json.dumps(facts).replace(f'"{_PLACE}"', text)

    return change


_FLOODS: dict[str, Callable[[int], Callable[[Facts], str]]] = {
    "nested": lambda n: lambda _: "[" * n,
    "unknown-key": lambda n: _with("[" + "{}," * (n // 3) + "1]", "x"),
    "many-keys": lambda n: _with("1," + ",".join(f'"{i}":1' for i in range(n // 12)), "x"),
    "digits": lambda n: _with("9" * n, "recipe", "payloads", 0, "boot-order"),
    "long-key": lambda n: _with("{" + f'"{"k" * n}":1' + "}", "recipe", "urls"),
    "long-text": lambda n: _with(f'"{"x" * n}"', "recipe", "summary"),
    "tables": lambda n: _with("[" + "{}," * (n // 3) + "{}]", "recipe", "payloads"),
    "tags": lambda n: _with("[" + '"a",' * (n // 4) + '"a"]', "recipe", "software-tags"),
    "unknown-recipe-keys": lambda n: _with(
        "{" + ",".join(f'"{i}":1' for i in range(n // 12)) + "}", "recipe", "system-requires"
    ),
    "nested-recipe": lambda n: _with("[" * (n // 2) + "]" * (n // 2), "recipe", "urls"),
    "patterns": lambda n: _with(
        "[" + ",".join([json.dumps("*a" * 250)] * min(n // 520, 999)) + "]",
        "recipe",
        "payloads",
        0,
        "exclude",
    ),
    "modes": lambda n: _with(
        '{"0755":[' + ",".join(f'"{i}"' for i in range(n // 10)) + "]}", "payloads", 0, "modes"
    ),
    "payloads": lambda n: _with("[" + "{}," * (n // 3) + "{}]", "payloads"),
    "files": lambda n: _with("[" + "{}," * (n // 3) + "{}]", "files"),
    "certificates": lambda n: _with(
        "[" + ",".join([f'"{"0" * 64}"'] * (n // 67)) + "]", "certificates"
    ),
}


def floods() -> Iterator[Hostile]:
    """Yield records with too much of one thing."""
    for name, text in _FLOODS.items():
        for size in _SIZES:
            yield record(
                f"{name}/{size}", partial(lambda make, n, facts: make(n)(facts), text, size)
            )


_PLACES: dict[str, str] = {
    "device": "/dev/zero",
    "root": "/",
    "proc": "/proc/self",
    "up": "../../../../../../etc",
    "home": "~/.ssh",
    "itself": ".",
    "link": "tree-link",
}


def trees() -> Iterator[Hostile]:
    """Yield records whose tree is somewhere else."""
    for name, place in _PLACES.items():
        yield record(f"tree/{name}", _with(json.dumps(place), "recipe", "payloads", 0, "tree"))


FAMILIES = (floods, trees)
