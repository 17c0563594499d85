"""What an author decides of an offline bundle: the table `[bundle]` of a recipe."""

import re
from collections import Counter
from typing import Annotated

from msgspec import Struct

from vibforge.bundle.words import BulletinSeverity, ReleaseType, Urgency
from vibforge.errors import ModelError
from vibforge.esxi.release import PRODUCT
from vibforge.formats.toml_keys import key
from vibforge.vib import identity
from vibforge.vib.identity import ReleaseDate

COMPONENT_NAME_LIMIT = 80
"""No limit is on record; vendors' names have 35 characters at the most."""
CODE_LENGTH = 3
"""Letters or digits of a vendor's code."""
_CODE = re.compile(rf"[0-9A-Za-z]{{{CODE_LENGTH}}}")
_PLATFORM = re.compile(r"(\d{1,2})\.(\*|\d{1,2})(?:\.(\*|\d{1,2}))?(?:-\d{1,12})?")
_COMPONENT_VERSION = re.compile(r"[0-9][0-9A-Za-z_.-]*")


def is_vendor_code(text: str) -> bool:
    """Whether a text is three letters or digits, as PowerCLI and public vLCM recipes want it."""
    return _CODE.fullmatch(text) is not None


def check_vendor_code(text: str) -> None:
    """Demand the three letters or digits that PowerCLI's New-OfflineBundle insists on.

    Raises:
        ModelError: it is something else.
    """
    if text and not is_vendor_code(text):
        raise ModelError(
            f"{text!r} is not a vendor code",
            remedy="write exactly three letters or digits, such as ABC; PowerCLI takes no other, "
            "and public recipes for Lifecycle Manager use no other",
        )


def check_platforms(values: tuple[str, ...]) -> None:
    """Demand releases as bundles name them: `7.0`, `8.*`, `6.7.0`, `8.0.3-24449057`.

    Raises:
        ModelError: one is something else.
    """
    for value in values:
        if not _PLATFORM.fullmatch(value):
            raise ModelError(
                f"{value!r} is not a release of ESXi", remedy="write 6.7.0, 7.0, 8.0, 9.0 or 8.*"
            )


def platform_version(text: str) -> str:
    """Return a release as vendors' bundles write it: with three numbers before 7.0, else as given.

    Known are `6.7.0` and `6.5.0`, `7.0`, `8.0` and `9.0` (vendor bundles).
    """
    match = _PLATFORM.fullmatch(text)
    old = match is not None and int(match[1]) < 7 and match[2] != "*"  # noqa: PLR2004 - see above
    return f"{text}.0" if old and match and match[3] is None and "-" not in text else text


def _check_component_name(text: str) -> None:
    if not identity.fits_template(text) or len(text) > COMPONENT_NAME_LIMIT:
        raise ModelError(
            f"{text!r} is not a component name",
            remedy=f"use up to {COMPONENT_NAME_LIMIT} letters, digits, dots, dashes, underscores",
        )


def _check_component_version(text: str) -> None:
    if text and not _COMPONENT_VERSION.fullmatch(text):
        raise ModelError(f"{text!r} is not a component version", remedy="write 1.2.0-1")


class ComponentRecipe(Struct, frozen=True, kw_only=True):
    """One component: VIBs that are installed together."""

    name: Annotated[str, key("Name of the component.", check=_check_component_name)]
    version: Annotated[
        str, key("Its version; if empty, that of its first VIB.", check=_check_component_version)
    ] = ""
    title: Annotated[str, key("Name that people see.", check=identity.check_one_line)] = ""
    vibs: Annotated[
        tuple[str, ...],
        key(
            "Names or IDs of its VIBs, the main one first; if empty, all that no other component "
            "names."
        ),
    ] = ()
    platforms: Annotated[
        tuple[str, ...],
        key("Releases that it is for; if empty, those of the bundle.", check=check_platforms),
    ] = ()
    summary: Annotated[
        str, key("One line; if empty, that of its first VIB.", check=identity.check_one_line)
    ] = ""
    description: Annotated[
        str, key("If empty, that of its first VIB.", check=identity.check_text)
    ] = ""


class BundleRecipe(Struct, frozen=True, kw_only=True):
    """All that decides an offline bundle, but for its VIBs.

    Examples:
        >>> from vibforge import BundleRecipe, ComponentRecipe, create_bundle
        >>> component = ComponentRecipe(name="acme-fleet", version="1.0-1")
        >>> recipe = BundleRecipe(vendor_code="ABC", platforms=("8.0",), components=(component,))
        >>> written = create_bundle("acme.vib", "new.zip", recipe=recipe)
        >>> written.content.bulletins[0].bulletin.component_name
        'acme-fleet'
    """

    vendor: Annotated[
        str,
        key(
            "Name of the vendor of the depot; if empty, that of the first VIB.",
            check=identity.check_one_line,
        ),
    ] = ""
    vendor_code: Annotated[
        str,
        key(
            "Three letters or digits; if empty, the first three of the vendor's name.",
            check=check_vendor_code,
        ),
    ] = ""
    platforms: Annotated[
        tuple[str, ...],
        key(
            "Releases of ESXi that it is for, such as 7.0, 8.0, 9.0; if empty, those that the VIBs "
            "name.",
            check=check_platforms,
        ),
    ] = ()
    product: Annotated[
        str,
        key(
            "Product of the hosts; that of x86 and of Arm hosts alike.",
            check=identity.check_filled_line,
        ),
    ] = PRODUCT
    components: Annotated[
        tuple[ComponentRecipe, ...],
        key("Its components; if there are none, each VIB is one of its own."),
    ] = ()
    severity: Annotated[BulletinSeverity, key("general, security or critical.")] = (
        BulletinSeverity.GENERAL
    )
    category: Annotated[
        str, key("enhancement, bugfix or another word.", check=identity.check_filled_line)
    ] = "enhancement"
    urgency: Annotated[Urgency, key("critical, important, moderate or low.")] = Urgency.IMPORTANT
    release_type: Annotated[ReleaseType, key("extension, patch, ….")] = ReleaseType.EXTENSION
    kb_url: Annotated[
        str,
        key(
            "Page that tells more; if empty, the first link of the VIB.",
            check=identity.check_one_line,
        ),
    ] = ""
    contact: Annotated[
        str, key("Whom to ask; if empty, the vendor's name.", check=identity.check_one_line)
    ] = ""
    image_profile: Annotated[
        str,
        key(
            "Name of an image profile of these VIBs alone; none is made if empty. It boots "
            "nothing.",
            check=identity.check_one_line,
        ),
    ] = ""
    release_date: Annotated[
        ReleaseDate | None,
        key("Date of the bundle and its bulletins; if missing, that of its latest VIB."),
    ] = None


def check_bundle(recipe: BundleRecipe) -> None:
    """Hold the keys of a bundle against each other.

    Raises:
        ModelError: two components have one name, or one VIB is named twice.
    """
    seen = [component.name for component in recipe.components]
    vibs = [vib for component in recipe.components for vib in component.vibs]
    for kind, found in (("components are", seen), ("components name the VIB", vibs)):
        counts = Counter(found)
        for name in sorted(name for name, count in counts.items() if count > 1):
            raise ModelError(f"{counts[name]} {kind} {name!r}")
    rest = [component.name for component in recipe.components if not component.vibs]
    if len(rest) > 1:
        raise ModelError(
            f"components {' and '.join(rest)} both ask for the VIBs that no other names",
            remedy="give each its `vibs`",
        )
