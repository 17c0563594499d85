import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "vibforge"

LAYERS = (
    "errors",
    "formats",
    "model",
    "host",
    "trx",
    "ptp",
    "rehearsal",
    "trust",
    "signing",
    "lint",
    "operations",
    "depot",
    "report",
    "cli",
)
"""Lowest first: a module imports from layers below its own, and from its own folder."""

SIBLINGS = {"operations": {"lint"}}
"""Layers of one rank, of which the first must not import the others."""

FREE = {"resources": "errors"}
"""Modules that stand beside the layers, each with the layer it counts as."""


def layer_of(dotted: str) -> str:
    name = dotted.split(".")[1]
    return FREE.get(name, name)


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
    allowed = {*LAYERS[: LAYERS.index(own) + 1], "__version__"} - SIBLINGS.get(own, set())
    wrong = [name for name in imports_of(path) if layer_of(name) not in allowed]
    assert wrong == []


def test_every_folder_is_a_layer() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} <= set(LAYERS)


def test_only_the_command_line_exits() -> None:
    exits = [
        str(path)
        for path in modules()
        if "cli" not in path.parts and "sys.exit" in path.read_text(encoding="utf-8")
    ]
    assert exits == []
