"""A payload of each type that can be built is what hosts, and the rules of lint, expect of it."""

from pathlib import Path

import pytest

from tests.trees import make_tree
from tests.vibs import make
from vibforge import PayloadRecipe, Recipe, Vib
from vibforge.packages.inspect import inspect_vib
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.verify import verify
from vibforge.project.build import build
from vibforge.project.recipe import PayloadType
from vibforge.vib.scan import UNPACKED_TYPES, VibScan

ABOUT_PAYLOADS = CheckSelection(
    select=("VF304", "VF305", "VF307", "VF314", "VF315", "VF316", "VF323")
)


@pytest.mark.parametrize("kind", list(PayloadType))
def test_a_payload_is_what_its_type_says(tmp_path: Path, kind: PayloadType) -> None:
    make_tree(tmp_path / "t", {"opt/a": "a\n"})
    payload = PayloadRecipe(name="p", tree="t", type=kind)
    recipe = Recipe(name="x", version="1-1", payloads=(payload,))
    built = build(recipe, tmp_path / "dist", root=tmp_path, environment={"SOURCE_DATE_EPOCH": "0"})
    vib = Vib.from_path(built.vib_path)
    assert lint([VibScan(vib, "x")], ABOUT_PAYLOADS).findings == ()
    verify(built.vib_path).require()
    assert kind in UNPACKED_TYPES


@pytest.mark.parametrize("kind", list(PayloadType))
def test_a_payload_that_is_not_what_its_type_says_is_found(kind: PayloadType) -> None:
    vib = make(kind=kind, content=b"no tar" * 200)
    assert {found.rule for found in lint([VibScan(vib, "x")], ABOUT_PAYLOADS).findings} == {"VF314"}
    assert inspect_vib(vib).payloads[0].form is None
