"""Make, read and judge VIBs, the packages of VMware ESXi.

What stands here is public; everything else may move. A name is loaded when it is first used, so
that `import vibforge` costs nothing. docs/reference/api.md describes every name.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vibforge.loading import load_late

__version__ = "0.2.0"

if TYPE_CHECKING:
    from vibforge.api.build import BuildResult, build
    from vibforge.api.bump import bump
    from vibforge.api.bundles import (
        BundleListing,
        add_to_bundle,
        create_bundle,
        inspect_bundle,
        merge_bundles,
        modernise_bundle,
        remove_from_bundle,
        split_bundle,
        unpack_bundle,
        verify_bundle,
    )
    from vibforge.api.compare import compare
    from vibforge.api.evidence import attest, change_record, make_sbom, to_attest
    from vibforge.api.explain import Explanation, explain
    from vibforge.api.inspect import cat, extract, inspect
    from vibforge.api.lint import lint
    from vibforge.api.plan import plan
    from vibforge.api.repro import replay, repro
    from vibforge.api.sign import sign, to_sign
    from vibforge.api.trx import check_trx, rehearse_trx
    from vibforge.api.verify import verify
    from vibforge.bundle.opening import UnpackedDepot, Written
    from vibforge.bundle.recipe import BundleRecipe, ComponentRecipe
    from vibforge.comparison.differences import Comparison
    from vibforge.errors import (
        DepotError,
        FormatError,
        LimitError,
        ModelError,
        NotPossibleHereError,
        OutputError,
        PayloadError,
        Problem,
        SigningError,
        TrxError,
        VerificationError,
        VibforgeError,
    )
    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.evidence.attesting import Attested, ToAttest
    from vibforge.evidence.change_record import ChangeRecord
    from vibforge.evidence.sbom import Sbom
    from vibforge.findings.check import Finding, Severity
    from vibforge.packages.extract import Extracted
    from vibforge.packages.inspect import (
        BundleInspection,
        Inspected,
        StageInspection,
        VibInspection,
    )
    from vibforge.packages.lint import LintResult
    from vibforge.packages.plan import Plan
    from vibforge.packages.sign import Signed, ToSign
    from vibforge.packages.sign_files import SignedFile, SignedFiles
    from vibforge.packages.verification import Fact, Outcome, Verification
    from vibforge.packages.verify import JudgedBundle, Verified, VerifiedBundles
    from vibforge.project.build import Built
    from vibforge.project.bump import Bumped
    from vibforge.project.plan_build import BuildPlan
    from vibforge.project.recipe import (
        ContentType,
        FileMapping,
        Mode,
        PathRule,
        PayloadRecipe,
        PayloadType,
        Recipe,
    )
    from vibforge.project.recipe_reading import read_recipe
    from vibforge.project.version_lock import PublishedVersion, VersionConflict
    from vibforge.reproduction.rebuilding import Rebuild, Reproduction
    from vibforge.reproduction.replaying import Replay
    from vibforge.signing.key_source import KeySource, open_signer
    from vibforge.signing.store import TrustStore, read_store
    from vibforge.trx.check import CheckResult
    from vibforge.trx.rehearsal.rehearse import Rehearsal
    from vibforge.vib.archive import Vib
    from vibforge.vib.identity import ReleaseDate

load_late()

_HOMES = {
    "AcceptanceLevel": "vibforge.esxi.acceptance",
    "Attested": "vibforge.evidence.attesting",
    "BuildPlan": "vibforge.project.plan_build",
    "BuildResult": "vibforge.api.build",
    "Built": "vibforge.project.build",
    "Bumped": "vibforge.project.bump",
    "BundleInspection": "vibforge.packages.inspect",
    "BundleListing": "vibforge.api.bundles",
    "BundleRecipe": "vibforge.bundle.recipe",
    "ChangeRecord": "vibforge.evidence.change_record",
    "CheckResult": "vibforge.trx.check",
    "Comparison": "vibforge.comparison.differences",
    "ComponentRecipe": "vibforge.bundle.recipe",
    "ContentType": "vibforge.project.recipe",
    "DepotError": "vibforge.errors",
    "Explanation": "vibforge.api.explain",
    "Extracted": "vibforge.packages.extract",
    "Fact": "vibforge.packages.verification",
    "FileMapping": "vibforge.project.recipe",
    "Finding": "vibforge.findings.check",
    "FormatError": "vibforge.errors",
    "Inspected": "vibforge.packages.inspect",
    "JudgedBundle": "vibforge.packages.verify",
    "KeySource": "vibforge.signing.key_source",
    "LimitError": "vibforge.errors",
    "LintResult": "vibforge.packages.lint",
    "Mode": "vibforge.project.recipe",
    "ModelError": "vibforge.errors",
    "NotPossibleHereError": "vibforge.errors",
    "Outcome": "vibforge.packages.verification",
    "OutputError": "vibforge.errors",
    "PathRule": "vibforge.project.recipe",
    "PayloadError": "vibforge.errors",
    "PayloadRecipe": "vibforge.project.recipe",
    "PayloadType": "vibforge.project.recipe",
    "Plan": "vibforge.packages.plan",
    "Problem": "vibforge.errors",
    "PublishedVersion": "vibforge.project.version_lock",
    "Rebuild": "vibforge.reproduction.rebuilding",
    "Recipe": "vibforge.project.recipe",
    "Rehearsal": "vibforge.trx.rehearsal.rehearse",
    "ReleaseDate": "vibforge.vib.identity",
    "Sbom": "vibforge.evidence.sbom",
    "Replay": "vibforge.reproduction.replaying",
    "Reproduction": "vibforge.reproduction.rebuilding",
    "Severity": "vibforge.findings.check",
    "Signed": "vibforge.packages.sign",
    "SignedFile": "vibforge.packages.sign_files",
    "SignedFiles": "vibforge.packages.sign_files",
    "SigningError": "vibforge.errors",
    "StageInspection": "vibforge.packages.inspect",
    "ToAttest": "vibforge.evidence.attesting",
    "ToSign": "vibforge.packages.sign",
    "TrustStore": "vibforge.signing.store",
    "TrxError": "vibforge.errors",
    "UnpackedDepot": "vibforge.bundle.opening",
    "Verification": "vibforge.packages.verification",
    "VerificationError": "vibforge.errors",
    "Verified": "vibforge.packages.verify",
    "VerifiedBundles": "vibforge.packages.verify",
    "VersionConflict": "vibforge.project.version_lock",
    "Vib": "vibforge.vib.archive",
    "VibInspection": "vibforge.packages.inspect",
    "VibforgeError": "vibforge.errors",
    "Written": "vibforge.bundle.opening",
    "add_to_bundle": "vibforge.api.bundles",
    "attest": "vibforge.api.evidence",
    "build": "vibforge.api.build",
    "bump": "vibforge.api.bump",
    "cat": "vibforge.api.inspect",
    "change_record": "vibforge.api.evidence",
    "check_trx": "vibforge.api.trx",
    "compare": "vibforge.api.compare",
    "create_bundle": "vibforge.api.bundles",
    "explain": "vibforge.api.explain",
    "extract": "vibforge.api.inspect",
    "inspect": "vibforge.api.inspect",
    "inspect_bundle": "vibforge.api.bundles",
    "lint": "vibforge.api.lint",
    "make_sbom": "vibforge.api.evidence",
    "merge_bundles": "vibforge.api.bundles",
    "modernise_bundle": "vibforge.api.bundles",
    "open_signer": "vibforge.signing.key_source",
    "plan": "vibforge.api.plan",
    "read_recipe": "vibforge.project.recipe_reading",
    "read_store": "vibforge.signing.store",
    "rehearse_trx": "vibforge.api.trx",
    "remove_from_bundle": "vibforge.api.bundles",
    "replay": "vibforge.api.repro",
    "repro": "vibforge.api.repro",
    "sign": "vibforge.api.sign",
    "split_bundle": "vibforge.api.bundles",
    "to_attest": "vibforge.api.evidence",
    "to_sign": "vibforge.api.sign",
    "unpack_bundle": "vibforge.api.bundles",
    "verify": "vibforge.api.verify",
    "verify_bundle": "vibforge.api.bundles",
}

__all__ = [
    "AcceptanceLevel",
    "Attested",
    "BuildPlan",
    "BuildResult",
    "Built",
    "Bumped",
    "BundleInspection",
    "BundleListing",
    "BundleRecipe",
    "ChangeRecord",
    "CheckResult",
    "Comparison",
    "ComponentRecipe",
    "ContentType",
    "DepotError",
    "Explanation",
    "Extracted",
    "Fact",
    "FileMapping",
    "Finding",
    "FormatError",
    "Inspected",
    "JudgedBundle",
    "KeySource",
    "LimitError",
    "LintResult",
    "Mode",
    "ModelError",
    "NotPossibleHereError",
    "Outcome",
    "OutputError",
    "PathRule",
    "PayloadError",
    "PayloadRecipe",
    "PayloadType",
    "Plan",
    "Problem",
    "PublishedVersion",
    "Rebuild",
    "Recipe",
    "Rehearsal",
    "ReleaseDate",
    "Replay",
    "Reproduction",
    "Sbom",
    "Severity",
    "Signed",
    "SignedFile",
    "SignedFiles",
    "SigningError",
    "StageInspection",
    "ToAttest",
    "ToSign",
    "TrustStore",
    "TrxError",
    "UnpackedDepot",
    "Verification",
    "VerificationError",
    "Verified",
    "VerifiedBundles",
    "VersionConflict",
    "Vib",
    "VibInspection",
    "VibforgeError",
    "Written",
    "__version__",
    "add_to_bundle",
    "attest",
    "build",
    "bump",
    "cat",
    "change_record",
    "check_trx",
    "compare",
    "create_bundle",
    "explain",
    "extract",
    "inspect",
    "inspect_bundle",
    "lint",
    "make_sbom",
    "merge_bundles",
    "modernise_bundle",
    "open_signer",
    "plan",
    "read_recipe",
    "read_store",
    "rehearse_trx",
    "remove_from_bundle",
    "replay",
    "repro",
    "sign",
    "split_bundle",
    "to_attest",
    "to_sign",
    "unpack_bundle",
    "verify",
    "verify_bundle",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
