import ast
import re
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name

import pytest

PACKAGE = Path(__file__).parents[1] / "vibforge"
PAGE = Path(__file__).parents[1] / "docs/architecture.md"
WALKS = PAGE.with_name("walks.md")

ROOMS = (
    ("errors",),
    ("formats", "esxi"),
    ("files",),
    ("vib",),
    ("findings", "signing"),
    ("trx",),
    ("checks",),
    ("host",),
    ("bundle",),
    ("packages",),
    ("project",),
    ("comparison",),
    ("evidence", "reproduction"),
    ("api",),
    ("report",),
    ("cli",),
)
"""Lowest first: a module imports from ranks below its own and from its own folder, and from no
neighbour in its rank. docs/architecture.md draws this."""

ALL = [room for rooms in ROOMS for room in rooms]

FREE = {"resources": "errors", "loading": "errors"}
"""Modules that stand beside the rooms, each with the room it counts as."""


def room_of(dotted: str) -> str:
    name = dotted.split(".")[1]
    return FREE.get(name, name)


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in found if name.startswith("vibforge.")]


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0]
    rank = next(number for number, rooms in enumerate(ROOMS) if own in rooms)
    allowed = {own, "__version__", *(room for rooms in ROOMS[:rank] for room in rooms)}
    wrong = [name for name in imports_of(path) if room_of(name) not in allowed]
    assert wrong == []


def test_every_folder_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} <= set(ALL)


def test_no_modules_import_each_other() -> None:
    paths = {dotted(path): path for path in modules()}
    uses = {
        name: {used if used in paths else used.rpartition(".")[0] for used in imports_of(path)}
        for name, path in paths.items()
    }
    TopologicalSorter(uses).prepare()


def test_only_the_command_line_exits() -> None:
    exits = [
        str(path)
        for path in modules()
        if "cli" not in path.parts and "sys.exit" in path.read_text(encoding="utf-8")
    ]
    assert exits == []


def uses() -> dict[str, set[str]]:
    """The rooms that each room imports."""
    found: dict[str, set[str]] = {room: set() for room in ALL}
    for path in modules():
        own = path.relative_to(PACKAGE).parts[0]
        found[own] |= {room_of(name) for name in imports_of(path)} & found.keys() - {own}
    return found


def reached(direct: dict[str, set[str]], room: str) -> set[str]:
    return direct[room].union(*(reached(direct, below) for below in direct[room]))


def test_the_picture_shows_the_imports() -> None:
    direct = uses()
    needed = {
        (room, below)
        for room, used in direct.items()
        for below in used
        if not any(below in reached(direct, other) for other in used - {below})
    }
    drawn = re.findall(r"^    (\w+) --> (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(drawn) == sorted(needed)


def test_the_page_tells_what_each_room_is() -> None:
    told = re.findall(r"^\| (\w+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[1:]
    assert sorted(name for name, _ in told) == sorted(ALL)
    order = [name for name, _ in told]
    for lower, higher in pairwise(ROOMS):
        assert max(map(order.index, higher)) < min(map(order.index, lower))
    for name, words in told:
        folder = PACKAGE / name
        text = (folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")).read_text(
            encoding="utf-8"
        )
        assert words == (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def test_the_pages_name_what_there_is() -> None:
    pages = PAGE.read_text(encoding="utf-8") + WALKS.read_text(encoding="utf-8")
    spans = re.findall(r"`([\w.]+)`", pages)
    named = [span for span in spans if span.split(".")[0] in ALL and "." in span]
    assert len(named) > 30
    for name in named:
        assert resolve_name(f"vibforge.{name}") is not None


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_field_hides_what_the_annotations_of_its_class_use(path: Path) -> None:
    """Python 3.14 evaluates annotations late, when the names of the fields go first."""
    for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(each, ast.ClassDef):
            fields = [node for node in each.body if isinstance(node, ast.AnnAssign)]
            names = {node.target.id for node in fields if isinstance(node.target, ast.Name)}
            used = {
                name.id
                for node in fields
                for name in ast.walk(node.annotation)
                if isinstance(name, ast.Name)
            }
            assert not names & used, each.name
