"""Make, check and compose offline bundles."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace as replaced

from vibforge.api.arguments import path_of, paths_of, policy_of, present, typed_errors, words_of
from vibforge.bundle import compose, create, modernise, opening
from vibforge.bundle import recipe as bundle_recipe
from vibforge.errors import ModelError, is_folder
from vibforge.formats import toml_keys
from vibforge.host import candidate
from vibforge.packages import verify as packages_verify
from vibforge.project import read_project, recipe_reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from vibforge.bundle.metadata import Bundle
    from vibforge.bundle.opening import UnpackedDepot, Written
    from vibforge.bundle.recipe import BundleRecipe
    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.packages.verify import VerifiedBundles
    from vibforge.signing.store import TrustStore


class BundleListing(Struct, frozen=True, kw_only=True):
    """An offline bundle with what its metadata says.

    Attributes:
        bundle: the members, vendors, platforms, bulletins, components and VIBs.
        size: the bytes of the zip.
    """

    bundle: Bundle
    size: int


@typed_errors
def create_bundle(  # noqa: PLR0913 - each one is a thing that a caller decides
    vibs: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    recipe: str | Path | BundleRecipe | None = None,
    settings: Mapping[str, str] | None = None,
    platforms: str | Iterable[str] = (),
    component: str = "",
    component_version: str = "",
    environment: Mapping[str, str] | None = None,
) -> Written:
    """Make an offline bundle of VIBs; each becomes a component unless told otherwise.

    Args:
        vibs: files of VIBs.
        output: the new bundle.
        recipe: a vibforge.toml or its folder, with a table [bundle]; or a `BundleRecipe`.
        settings: keys of [bundle] to override: `{"vendor-code": "ABC"}`.
        platforms: the ESXi releases that the bundle says it is for: `8.0`.
        component: one component of this name with all VIBs in it.
        component_version: its version; that of the first VIB if none is given.
        environment: the variables for `${NAME}` in the recipe; those of the process if None.

    Raises:
        DepotError: the VIBs do not fit together, or one could not be installed from a bundle.
        FormatError: one of them is not a VIB.
        ModelError: the recipe or an argument breaks a rule.
        OutputError: the file cannot be written.

    Examples:
        >>> from vibforge import Written, create_bundle
        >>> written: Written = create_bundle(
        ...     "acme.vib", "new.zip", settings={"vendor-code": "ABC"}, platforms="8.0"
        ... )
        >>> [platform.version for platform in written.content.platforms]
        ['8.0']
    """
    wanted = _recipe_of(recipe, settings, platforms, component, component_version, environment)
    return create.create_bundle(paths_of(vibs), path_of(output), wanted)


@typed_errors
def add_to_bundle(  # noqa: PLR0913 - each one is a thing that a caller decides
    bundle: str | Path,
    vibs: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    recipe: str | Path | BundleRecipe | None = None,
    settings: Mapping[str, str] | None = None,
    platforms: str | Iterable[str] = (),
    component: str = "",
    component_version: str = "",
    environment: Mapping[str, str] | None = None,
) -> Written:
    """Add VIBs to a bundle; the other arguments are those of `create_bundle`.

    The bundle keeps its vendor; an invalid vendor code is replaced. New VIBs are for the bundle's
    releases unless the recipe or the VIBs name others.

    Raises:
        DepotError: the VIBs do not fit together, or one could not be installed from a bundle.
        FormatError: the bundle or a VIB cannot be read.
        ModelError: the recipe or an argument breaks a rule.
        OutputError: the file cannot be written.

    Examples:
        >>> from vibforge import add_to_bundle
        >>> written = add_to_bundle("fleet.zip", "other.vib", "fleet-2.zip", platforms="8.0")
        >>> [vib.id for vib in written.content.vibs]
        ['custom_bootbank_acme_1.0.0-1', 'custom_bootbank_other_1.0.0-1']
    """
    wanted = _recipe_of(recipe, settings, platforms, component, component_version, environment)
    return compose.add(path_of(bundle), paths_of(vibs), path_of(output), wanted)


def _recipe_of(  # noqa: PLR0913, PLR0917 - the arguments of the two above
    recipe: str | Path | BundleRecipe | None,
    settings: Mapping[str, str] | None,
    platforms: str | Iterable[str],
    component: str,
    component_version: str,
    environment: Mapping[str, str] | None,
) -> BundleRecipe:
    """Return what a bundle shall say: its recipe, and the arguments that override it.

    Raises:
        ModelError: a value breaks a rule, or the recipe cannot be read.
    """
    if component_version and not component:
        raise ModelError("--component-version needs --component")
    chosen = dict(settings or {})
    if words := words_of(platforms):
        chosen["platforms"] = recipe_reading.OptionValue(json.dumps(words), "--platform")
    wanted = _read_recipe(recipe, chosen, environment)
    if not component:
        return wanted
    only = bundle_recipe.ComponentRecipe(name=component, version=component_version)
    options = {"name": "--component", "version": "--component-version"}
    problems = [
        replaced(problem, where=options[str(path[-1])])
        for path, error in toml_keys.broken_keys(only, ())
        for problem in error.problems
    ]
    if problems:
        raise ModelError.from_problems(problems)
    return replaced(wanted, components=(only,))


def _read_recipe(
    recipe: str | Path | BundleRecipe | None,
    settings: Mapping[str, str],
    environment: Mapping[str, str] | None,
) -> BundleRecipe:
    if isinstance(recipe, bundle_recipe.BundleRecipe):
        if settings:
            raise ModelError(
                "settings and platforms override the recipe of a file",
                remedy="set them in the BundleRecipe itself",
            )
        return recipe
    document, where = _document(recipe)
    variables = os.environ if environment is None else environment
    return recipe_reading.read_bundle_recipe(
        document, where, environment=variables, settings=settings
    )


def _document(recipe: str | Path | None) -> tuple[str, str]:
    if recipe is None:
        return "", "the options"
    path = path_of(recipe)
    file = path / read_project.RECIPE_NAME if is_folder(path) else path
    return read_project.recipe_text(file), str(file)


@typed_errors
def inspect_bundle(bundle: str | Path) -> tuple[BundleListing, ...]:
    """Return what offline bundles say of themselves; a zip may hold several bundles.

    Args:
        bundle: the bundle, or a zip of several.

    Raises:
        FormatError: it cannot be read.
        DepotError: it is not a bundle.

    Examples:
        >>> from vibforge import BundleListing, inspect_bundle
        >>> listing: BundleListing = inspect_bundle("fleet.zip")[0]
        >>> [vib.descriptor.vib_id for vib in listing.bundle.vibs]
        ['custom_bootbank_acme_1.0.0-1']
    """
    with packages_verify.opened_bundles(path_of(bundle)) as opened:
        return tuple(BundleListing(bundle=each.bundle, size=each.size) for each in opened)


@typed_errors
def verify_bundle(  # noqa: PLR0913 - each one is a thing that a caller decides
    bundle: str | Path,
    *,
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
    strict: bool = False,
    at: datetime | None = None,
    require_signed: bool = False,
    require_level: str | AcceptanceLevel | None = None,
    now: datetime | None = None,
    reader: str = "",
) -> VerifiedBundles:
    """Check a bundle and its VIBs against their metadata, and say what each reader makes of it.

    Args:
        bundle: an offline bundle, or a zip of several.
        trust: whom to trust; this and the next arguments are those of `verify`.
        strict: fail what strict X.509 rules object to, weak payload digests, and unsigned VIBs.
        at: the moment to check dates at, UTC unless it has a time zone; the signing time if None.
        require_signed: fail VIBs without a valid signature.
        require_level: fail VIBs below this acceptance level, and VIBs whose level no signer in
            `trust` carries.
        now: the moment to warn of expired certificates at; see `verify`.
        reader: also fail where this reader refuses the bundle: `esxcli`, `component`, `vlcm`,
            `image-builder` or `update-manager`.

    Raises:
        FormatError: it, or a file of `trust`, cannot be read.
        DepotError: it is not a bundle.
        ModelError: an argument is malformed.

    Examples:
        >>> from vibforge import JudgedBundle, VerifiedBundles, verify_bundle
        >>> result: VerifiedBundles = verify_bundle("fleet.zip", reader="component")
        >>> result.good
        True
        >>> judged: JudgedBundle = result.require().bundles[0]
        >>> judged.verdicts[0].reader.value, judged.verdicts[0].verdict.value
        ('esxcli software vib install -d', 'takes it')
    """
    policy = policy_of(
        trust,
        at=at,
        strict=strict,
        require_signed=require_signed,
        require_level=require_level,
        now=present(now, at),
    )
    wanted = _reader_of(reader)
    judged = packages_verify.judge_bundle(path_of(bundle), policy)
    return packages_verify.VerifiedBundles(bundles=judged, reader=wanted)


def _reader_of(word: str) -> candidate.BundleReader | None:
    readers = {each.name.lower().replace("_", "-"): each for each in candidate.BundleReader}
    if word and word not in readers:
        raise ModelError(f"{word!r} is no reader", remedy=f"use one of {', '.join(readers)}")
    return readers.get(word)


@typed_errors
def remove_from_bundle(
    bundle: str | Path, names: str | Iterable[str], output: str | Path
) -> Written:
    """Leave VIBs, bulletins or components out of a bundle.

    Args:
        bundle: the bundle.
        names: VIB IDs or names, bulletin IDs or component names; `*` fits all.
        output: the new bundle.

    Raises:
        DepotError: a name fits nothing, nothing is left, or the bundle contradicts itself.
        FormatError: the bundle cannot be read.
        OutputError: the file cannot be written.

    Examples:
        >>> from vibforge import add_to_bundle, remove_from_bundle
        >>> both = add_to_bundle("fleet.zip", "other.vib", "both.zip", platforms="8.0")
        >>> written = remove_from_bundle(both.path, "acme", "fewer.zip")
        >>> [vib.id for vib in written.content.vibs]
        ['custom_bootbank_other_1.0.0-1']
    """
    return compose.remove(path_of(bundle), words_of(names), path_of(output))


@typed_errors
def split_bundle(bundle: str | Path, into: str | Path) -> tuple[Written, ...]:
    """Make one bundle of each bulletin or component.

    Args:
        bundle: the bundle.
        into: the folder for the new bundles.

    Raises:
        DepotError: the bundle contradicts itself, or its parts would be too much.
        FormatError: it cannot be read.
        OutputError: a file cannot be written.

    Examples:
        >>> from vibforge import split_bundle
        >>> [written.path.name for written in split_bundle("fleet.zip", "parts")]
        ['acme_1.0.0-1.zip']
    """
    return compose.split(path_of(bundle), path_of(into))


@typed_errors
def merge_bundles(
    bundles: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    vendor: str | None = None,
    vendor_code: str | None = None,
) -> Written:
    """Make one bundle of several.

    Args:
        bundles: the bundles.
        output: the new one.
        vendor: whose depot it is; needed where the bundles are of several vendors.
        vendor_code: the vendor's three letters or digits; goes with `vendor`.

    Raises:
        DepotError: one ID stands for two contents, or the vendors differ.
        FormatError: a bundle cannot be read.
        ModelError: the vendor is not whole.
        OutputError: the new one cannot be written.

    Examples:
        >>> from vibforge import merge_bundles
        >>> merge_bundles(["fleet.zip"], "merged.zip", vendor="Acme", vendor_code="ACM").path.name
        'merged.zip'
    """
    whose = compose.vendor_of(vendor, vendor_code)
    return compose.merge(paths_of(bundles), path_of(output), whose)


@typed_errors
def modernise_bundle(
    bundle: str | Path,
    output: str | Path,
    *,
    platforms: str | Iterable[str] = (),
    vendor_code: str = "",
) -> Written:
    """Turn an old bundle into one of components for 7.0 to 9.0; `notes` say what was assumed.

    Args:
        bundle: the old bundle.
        output: the new one.
        platforms: the releases that it shall be for; if none is named, those of 7.0, 8.0 and 9.0
            that nothing known speaks against.
        vendor_code: three letters or digits; if empty, the old one, or one made of the name.

    Raises:
        DepotError: no release is left, or one that was named cannot be.
        FormatError: the bundle cannot be read.
        ModelError: the code or a release is not one.
        OutputError: the new one cannot be written.

    Examples:
        >>> from vibforge import modernise_bundle
        >>> modernise_bundle("fleet.zip", "modern.zip", platforms="8.0").path.name
        'modern.zip'
    """
    return modernise.modernise(
        path_of(bundle), path_of(output), platforms=words_of(platforms), vendor_code=vendor_code
    )


@typed_errors
def unpack_bundle(bundle: str | Path, into: str | Path) -> UnpackedDepot:
    """Unpack a bundle to a tree that any web server can serve.

    Args:
        bundle: the bundle.
        into: the folder; nothing there is replaced.

    Raises:
        FormatError: it is not a bundle, is damaged, or its members are unsafe.
        DepotError: there are several bundles in it, or no index.
        OutputError: the folder cannot be written, or holds such files already.

    Examples:
        >>> from vibforge import UnpackedDepot, unpack_bundle
        >>> unpacked: UnpackedDepot = unpack_bundle("fleet.zip", "depot")
        >>> "index.xml" in unpacked.files
        True
    """
    return opening.unpack(path_of(bundle), path_of(into))
