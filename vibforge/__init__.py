"""Make, read and judge VIBs, the packages of VMware ESXi.

What stands here is public; everything else may move. A name is loaded when it is first used, so
that `import vibforge` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vibforge.depot.create import create_bundle
    from vibforge.depot.verify import judge_bundle
    from vibforge.errors import Problem, VibforgeError
    from vibforge.model.acceptance import AcceptanceLevel
    from vibforge.model.bundle_recipe import BundleRecipe, ComponentRecipe
    from vibforge.model.recipe import Mode, PathRule, PayloadRecipe, PayloadType, Recipe
    from vibforge.model.recipe_reading import read_recipe
    from vibforge.model.release_date import ReleaseDate
    from vibforge.model.vib import Vib
    from vibforge.operations.build import Built, build
    from vibforge.operations.plan_build import BuildPlan, plan_build
    from vibforge.operations.sign import sign_vib
    from vibforge.operations.verification import Fact, Outcome, Verification
    from vibforge.operations.verify import verify
    from vibforge.signing.key_source import KeySource, open_signer
    from vibforge.trust.policy import TrustPolicy
    from vibforge.trust.store import read_store

_HOMES = {
    "AcceptanceLevel": "vibforge.model.acceptance",
    "BuildPlan": "vibforge.operations.plan_build",
    "Built": "vibforge.operations.build",
    "BundleRecipe": "vibforge.model.bundle_recipe",
    "ComponentRecipe": "vibforge.model.bundle_recipe",
    "Fact": "vibforge.operations.verification",
    "KeySource": "vibforge.signing.key_source",
    "Mode": "vibforge.model.recipe",
    "Outcome": "vibforge.operations.verification",
    "PathRule": "vibforge.model.recipe",
    "PayloadRecipe": "vibforge.model.recipe",
    "PayloadType": "vibforge.model.recipe",
    "Problem": "vibforge.errors",
    "Recipe": "vibforge.model.recipe",
    "ReleaseDate": "vibforge.model.release_date",
    "TrustPolicy": "vibforge.trust.policy",
    "Verification": "vibforge.operations.verification",
    "Vib": "vibforge.model.vib",
    "VibforgeError": "vibforge.errors",
    "build": "vibforge.operations.build",
    "create_bundle": "vibforge.depot.create",
    "judge_bundle": "vibforge.depot.verify",
    "open_signer": "vibforge.signing.key_source",
    "plan_build": "vibforge.operations.plan_build",
    "read_recipe": "vibforge.model.recipe_reading",
    "read_store": "vibforge.trust.store",
    "sign_vib": "vibforge.operations.sign",
    "verify": "vibforge.operations.verify",
}

__all__ = [
    "AcceptanceLevel",
    "BuildPlan",
    "Built",
    "BundleRecipe",
    "ComponentRecipe",
    "Fact",
    "KeySource",
    "Mode",
    "Outcome",
    "PathRule",
    "PayloadRecipe",
    "PayloadType",
    "Problem",
    "Recipe",
    "ReleaseDate",
    "TrustPolicy",
    "Verification",
    "Vib",
    "VibforgeError",
    "__version__",
    "build",
    "create_bundle",
    "judge_bundle",
    "open_signer",
    "plan_build",
    "read_recipe",
    "read_store",
    "sign_vib",
    "verify",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
