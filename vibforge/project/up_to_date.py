"""Decide whether a folder already holds what a build would write into it.

The record beside the VIB has the digests of each payload's unpacked image and of each file written.
All are computed again: file times, which copying and checkouts change at will, decide nothing.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.errors import OutputError
from vibforge.formats.deflating import DEFAULT_LEVEL, CompressionLevel
from vibforge.project.ledger import (
    BuiltFolder,
    Facts,
    Record,
    WrittenFile,
    WrittenKind,
    inputs,
    read_record,
)
from vibforge.project.pack import image_sha256
from vibforge.project.plan_build import BuildPlan
from vibforge.project.recipe_writing import table

if TYPE_CHECKING:
    from vibforge.signing.signer import Signer


def is_up_to_date(
    plan: BuildPlan,
    folder: Path,
    *,
    level: CompressionLevel = DEFAULT_LEVEL,
    signer: "Signer | None" = None,
) -> bool:
    """Return whether a build of `plan` would write the VIB and guides that are in `folder`.

    An offline bundle in the folder is not looked at: see `has_bundle`.

    Args:
        plan: the build.
        folder: its output folder; it need not exist.
        level: how hard the build would compress.
        signer: what would sign.

    Raises:
        PayloadError: a file of the project cannot be read, or changes meanwhile.
    """
    found = read_record(folder)
    if found is None or _without_bundle(inputs(plan, level, signer)) != _known(found):
        return False
    written = [file for file in found.files if file.kind is not WrittenKind.BUNDLE]
    if sorted(file.name for file in written) != sorted(plan.recorded_names):
        return False
    return _are_unchanged(folder, written) and _payloads(found) == [
        (tree.recipe.name, image_sha256(tree)) for tree in plan.trees
    ]


def has_bundle(plan: BuildPlan, folder: Path) -> bool:
    """Return whether an up-to-date folder also holds the offline bundle of the plan."""
    found = read_record(folder)
    bundle = found and found.find(WrittenKind.BUNDLE)
    if not found or not bundle or bundle.name != plan.bundle_name:
        return False
    recipe = found.facts.get("recipe")
    known = recipe.get("bundle") if isinstance(recipe, dict) else None
    same = _as_json({"bundle": table(plan.recipe).get("bundle")}) == {"bundle": known}
    return same and _are_unchanged(folder, [bundle])


def _known(found: Record) -> Facts:
    """Return the inputs of a record."""
    results = {"signing_time", "payloads", "files"}
    return _without_bundle({k: v for k, v in found.facts.items() if k not in results})


def _without_bundle(facts: Facts) -> Facts:
    recipe = facts.get("recipe")
    if isinstance(recipe, dict):
        facts = {**facts, "recipe": {k: v for k, v in recipe.items() if k != "bundle"}}
    return _as_json(facts)


def _as_json(facts: Facts) -> Facts:
    plain: Facts = json.loads(json.dumps(facts))
    return plain


def _payloads(found: Record) -> list[tuple[object, object]]:
    listed = found.facts.get("payloads")
    if not isinstance(listed, list):
        return []
    return [
        (each.get("name"), each.get("uncompressed_sha256"))
        for each in listed
        if isinstance(each, dict)
    ]


def _are_unchanged(folder: Path, files: list[WrittenFile]) -> bool:
    try:
        with BuiltFolder(folder, follow=True) as opened:
            return all(opened.difference(file) == "" for file in files)
    except (FileNotFoundError, OutputError):
        return False
