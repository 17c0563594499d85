"""Make the offline bundle of a build's VIB."""

from pathlib import Path

from msgspec.structs import replace

from vibforge.bundle.create import Notes, assemble, carried, derived_code
from vibforge.bundle.opening import Written, write_unpublished
from vibforge.bundle.recipe import BundleRecipe
from vibforge.errors import DepotError, FormatError
from vibforge.files.publication import Publication
from vibforge.project.ledger import (
    RECORD_NAME,
    WrittenFile,
    WrittenKind,
    read_record,
    serialise_record,
)
from vibforge.project.plan_build import BuildPlan
from vibforge.project.recipe_writing import table


def with_bundle(plan: BuildPlan) -> BuildPlan:
    """Return a plan with a bundle, described by the recipe's [bundle] if it has one.

    Raises:
        DepotError: the bundle could not be made, which is known before anything is packed.
    """
    bundle = plan.recipe.bundle or BundleRecipe()
    _foresee(plan, bundle)
    return _with(plan, bundle)


def without_bundle(plan: BuildPlan) -> BuildPlan:
    """Return a plan without a bundle, whatever the recipe says."""
    return _with(plan, None)


def bundle_of(plan: BuildPlan, folder: Path) -> Written:
    """Make the bundle of a plan from the VIB that was built, and list it in build.json.

    Bundle and record get their names together.

    Args:
        plan: with a bundle.
        folder: holds the VIB and its record.

    Raises:
        DepotError: it cannot be made.
        FormatError: the record or the VIB is gone, or not what the build wrote.
        OutputError: it cannot be written.
    """
    found = read_record(folder)
    if found is None:
        raise FormatError(
            "the record of the build is missing or damaged",
            where=str(folder / RECORD_NAME),
            remedy="build again",
        )
    notes = Notes()
    recipe = plan.recipe.bundle or BundleRecipe()
    content = assemble(carried([folder / plan.vib_name]), recipe, notes)
    with Publication(folder) as publication:
        path = folder / plan.bundle_name
        written = write_unpublished(publication, content, path, tuple(notes.texts))
        bundle = WrittenFile(
            kind=WrittenKind.BUNDLE, name=path.name, size=written.size, sha256=written.sha256
        )
        others = [file for file in found.files if file.kind is not WrittenKind.BUNDLE]
        facts = {**found.facts, "recipe": table(plan.recipe)}
        publication.write(RECORD_NAME, serialise_record(facts, [*others, bundle]))
        publication.publish()
    return written


def _with(plan: BuildPlan, bundle: BundleRecipe | None) -> BuildPlan:
    recipe = replace(plan.recipe, bundle=bundle)
    return replace(plan, project=replace(plan.project, recipe=recipe))


def _foresee(plan: BuildPlan, bundle: BundleRecipe) -> None:
    if not bundle.vendor_code:
        derived_code(bundle.vendor or plan.recipe.vendor, Notes())
    known = {plan.recipe.name, plan.vib_id}
    for component in bundle.components:
        if strange := [name for name in component.vibs if name not in known]:
            raise DepotError(
                f"component {component.name} names the VIB {', '.join(strange)}",
                where="bundle.components",
                remedy="name only this VIB, or use `vibforge bundle create` to bundle several",
            )
