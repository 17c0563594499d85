"""The offline bundle that a build makes of its VIB."""

from dataclasses import replace

from vibforge.depot.create import Notes, create_bundle, derived_code
from vibforge.depot.write import Written
from vibforge.errors import DepotError
from vibforge.model.bundle_recipe import BundleRecipe
from vibforge.operations.build import Built
from vibforge.operations.plan_build import BuildPlan


def with_bundle(plan: BuildPlan) -> BuildPlan:
    """Return a plan with a bundle, by the recipe's table if it has one.

    Raises:
        DepotError: the bundle could not be made, which is known before anything is packed.
    """
    bundle = plan.recipe.bundle or BundleRecipe()
    _foresee(plan, bundle)
    return _with(plan, bundle)


def without_bundle(plan: BuildPlan) -> BuildPlan:
    """Return a plan without a bundle, whatever the recipe says."""
    return _with(plan, None)


def bundle_of(built: Built, recipe: BundleRecipe) -> Written:
    """Make the bundle of a VIB that was built, beside it.

    Raises:
        DepotError: it cannot be made.
        OutputError: it cannot be written.
    """
    return create_bundle([built.vib_path], built.folder / built.plan.bundle_name, recipe)


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
                remedy="a build bundles its own VIB; `vibforge bundle create` bundles several",
            )
