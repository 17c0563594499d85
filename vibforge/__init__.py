"""Make, read and judge VIBs, the packages of VMware ESXi.

What stands here is public; everything else may move. A name is loaded when it is first used, so
that `import vibforge` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vibforge.loading import load_late

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vibforge.bundle.create import create_bundle
    from vibforge.bundle.recipe import BundleRecipe, ComponentRecipe
    from vibforge.errors import Problem, VibforgeError
    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.packages.sign import sign_vib
    from vibforge.packages.verification import Fact, Outcome, Verification
    from vibforge.packages.verify import judge_bundle, verify
    from vibforge.project.build import Built, build
    from vibforge.project.plan_build import BuildPlan, plan_build
    from vibforge.project.recipe import Mode, PathRule, PayloadRecipe, PayloadType, Recipe
    from vibforge.project.recipe_reading import read_recipe
    from vibforge.signing.key_source import KeySource, open_signer
    from vibforge.signing.policy import TrustPolicy
    from vibforge.signing.store import read_store
    from vibforge.vib.archive import Vib
    from vibforge.vib.identity import ReleaseDate

load_late()

_HOMES = {
    "AcceptanceLevel": "vibforge.esxi.acceptance",
    "BuildPlan": "vibforge.project.plan_build",
    "Built": "vibforge.project.build",
    "BundleRecipe": "vibforge.bundle.recipe",
    "ComponentRecipe": "vibforge.bundle.recipe",
    "Fact": "vibforge.packages.verification",
    "KeySource": "vibforge.signing.key_source",
    "Mode": "vibforge.project.recipe",
    "Outcome": "vibforge.packages.verification",
    "PathRule": "vibforge.project.recipe",
    "PayloadRecipe": "vibforge.project.recipe",
    "PayloadType": "vibforge.project.recipe",
    "Problem": "vibforge.errors",
    "Recipe": "vibforge.project.recipe",
    "ReleaseDate": "vibforge.vib.identity",
    "TrustPolicy": "vibforge.signing.policy",
    "Verification": "vibforge.packages.verification",
    "Vib": "vibforge.vib.archive",
    "VibforgeError": "vibforge.errors",
    "build": "vibforge.project.build",
    "create_bundle": "vibforge.bundle.create",
    "judge_bundle": "vibforge.packages.verify",
    "open_signer": "vibforge.signing.key_source",
    "plan_build": "vibforge.project.plan_build",
    "read_recipe": "vibforge.project.recipe_reading",
    "read_store": "vibforge.signing.store",
    "sign_vib": "vibforge.packages.sign",
    "verify": "vibforge.packages.verify",
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
