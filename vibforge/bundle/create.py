"""Create an offline bundle from VIBs: components, bulletins, platforms, metadata."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from vibforge.bundle.index import Vendor, depot_platform
from vibforge.bundle.metadata import Bulletin
from vibforge.bundle.opening import (
    BundleContent,
    CarriedBulletin,
    CarriedVib,
    Written,
    carry_vib,
    joined_vibs,
    write,
)
from vibforge.bundle.opening import latest as latest_date
from vibforge.bundle.recipe import (
    CODE_LENGTH,
    COMPONENT_NAME_LIMIT,
    BundleRecipe,
    ComponentRecipe,
    check_bundle,
    platform_version,
)
from vibforge.checks.vib_checks import errors_on_every_release, obstacles, sure_obstacles
from vibforge.errors import DepotError, ModelError, Problem, VibforgeError
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import STOCK_TARGETS, row_of
from vibforge.findings.check import Fault
from vibforge.formats.toml_keys import broken_keys
from vibforge.formats.xml_writing import element, leaf
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import SoftwarePlatform
from vibforge.vib.identity import ReleaseDate
from vibforge.vib.scan import Described, VibScan

VIB_LIMIT = 10_000
"""Most VIBs in one bundle; the largest depots of whole releases have a few thousand."""
_ASSUMED_PLATFORMS = tuple(
    row.platform.value
    for row in map(row_of, STOCK_TARGETS)
    if row.platform and row.platform.certainty is Certainty.DOCUMENTED
)
"""The stock releases whose platform string occurs in vendor bundles."""
_NOTED = 3
"""Most errors noted for one VIB; `vibforge lint` lists all."""


class Notes(Struct):
    """Notes about assumed values, without duplicates."""

    texts: dict[str, None] = field(default_factory=dict)

    def add(self, text: str) -> None:
        self.texts.setdefault(text)


def create_bundle(
    vibs: Sequence[Path], output: Path, recipe: BundleRecipe | None = None
) -> Written:
    """Create an offline bundle.

    Args:
        vibs: files of VIBs.
        output: the bundle's file.
        recipe: values of the metadata; without it, each VIB becomes a component of the same name.

    Raises:
        DepotError: the VIBs contradict each other, or hosts cannot install one from a bundle.
        FormatError: one of them is not a VIB.
        ModelError: the recipe breaks rules.
        OutputError: the file cannot be written.
    """
    notes = Notes()
    content = assemble(carried(vibs), recipe or BundleRecipe(), notes)
    note_errors(content.vibs, notes)
    return write(content, output, tuple(notes.texts))


def carried(paths: Sequence[Path]) -> tuple[CarriedVib, ...]:
    """Read the files of VIBs; one error reports the problems of all files.

    Raises:
        VibforgeError: a file cannot be used; see its subclasses.
    """
    if len(paths) > VIB_LIMIT:
        raise DepotError(f"{len(paths)} VIBs, more than {VIB_LIMIT}")
    found: list[CarriedVib] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(carry_vib(path))
        except VibforgeError as error:
            problems += error.problems
    if problems:
        raise DepotError.from_problems(problems)
    return joined_vibs(found)


def assemble(vibs: tuple[CarriedVib, ...], recipe: BundleRecipe, notes: Notes) -> BundleContent:
    """Return the content of a bundle of these VIBs.

    Raises:
        DepotError: a component names a VIB that is not given, or there are no VIBs.
        ModelError: the recipe breaks rules.
    """
    if not vibs:
        raise DepotError("a bundle needs at least one VIB")
    _check_recipe(recipe)
    vendor = _vendor(vibs, recipe, notes)
    date = recipe.release_date or _latest(vibs)
    parts = [
        _Part(component, members, _platforms(component, members, recipe, notes))
        for component, members in _components(vibs, recipe)
    ]
    bulletins = [_bulletin(part, recipe, vendor, notes) for part in parts]
    _check_ids(bulletins)
    versions = dict.fromkeys(version for part in parts for version in part.platforms)
    return BundleContent(
        vendor=vendor,
        platforms=tuple(depot_platform(version, recipe.product) for version in versions),
        vibs=vibs,
        bulletins=tuple(CarriedBulletin.of(bulletin, "the recipe") for bulletin in bulletins),
        others=tuple(_profile(recipe, vendor, vibs, date, notes)),
        date=date,
    )


class _Part(Struct, frozen=True):
    """A component with its VIBs, the main one first, and its releases."""

    component: ComponentRecipe
    vibs: tuple[CarriedVib, ...]
    platforms: tuple[str, ...]


def _check_recipe(recipe: BundleRecipe) -> None:
    problems = [
        problem for _path, error in broken_keys(recipe, ("bundle",)) for problem in error.problems
    ]
    if problems:
        raise ModelError.from_problems(problems)
    check_bundle(recipe)


def _vendor(vibs: tuple[CarriedVib, ...], recipe: BundleRecipe, notes: Notes) -> Vendor:
    name = recipe.vendor or vibs[0].announced.descriptor.vendor
    return Vendor(name=name, code=recipe.vendor_code or derived_code(name, notes))


def derived_code(vendor: str, notes: Notes) -> str:
    """Derive a vendor code from a vendor's name, and note it.

    Raises:
        DepotError: the name has fewer than three letters and digits.
    """
    code = re.sub(r"[^0-9A-Za-z]", "", vendor)[:CODE_LENGTH].upper()
    if len(code) < CODE_LENGTH:
        raise DepotError(
            f"no vendor code of three letters or digits can be derived from {vendor!r}",
            remedy="give a code: --vendor-code ABC",
        )
    notes.add(f"the vendor code is {code}, derived from the vendor's name {vendor}")
    return code


def _components(
    vibs: tuple[CarriedVib, ...], recipe: BundleRecipe
) -> Iterator[tuple[ComponentRecipe, tuple[CarriedVib, ...]]]:
    """Yield the components with their VIBs; each VIB that none names becomes its own component."""
    if not recipe.components:
        yield from ((ComponentRecipe(name=v.announced.descriptor.name), (v,)) for v in vibs)
        return
    by_name = {word: vib for vib in vibs for word in (vib.announced.descriptor.name, vib.id)}
    wanted = [name for component in recipe.components for name in component.vibs]
    if missing := [name for name in wanted if name not in by_name]:
        raise DepotError(
            f"a component names the VIB {', '.join(missing)}, which is not among the files",
            remedy=f"name one of {', '.join(vib.id for vib in vibs)}",
        )
    named = {by_name[name].id for name in wanted}
    rest = tuple(vib for vib in vibs if vib.id not in named)
    for component in recipe.components:
        members = tuple(by_name[name] for name in component.vibs) or rest
        if not members:
            raise DepotError(f"no VIB remains for the component {component.name}")
        yield component, members
    if rest and all(component.vibs for component in recipe.components):
        yield from ((ComponentRecipe(name=v.announced.descriptor.name), (v,)) for v in rest)


def _platforms(
    component: ComponentRecipe, vibs: tuple[CarriedVib, ...], recipe: BundleRecipe, notes: Notes
) -> tuple[str, ...]:
    chosen = component.platforms or recipe.platforms
    own = tuple(
        dict.fromkeys(
            platform.version
            for vib in vibs
            for platform in vib.announced.descriptor.system_requires.software_platforms
            if platform.version
        )
    )
    if not chosen and not own:
        return _assumed(component, vibs, notes)
    _refuse_ruled_out(chosen, vibs)
    for version in chosen:
        for reason in islice(_obstacles(vibs, version), 1):
            notes.add(f"{component.name} is marked for {version} as requested, although {reason}")
    for version in chosen:
        if own and not any(_same_line(version, platform) for platform in own):
            notes.add(
                f"{component.name} is marked for {version}, but its VIB declares only "
                f"{', '.join(own)}"
            )
    return tuple(dict.fromkeys(map(platform_version, chosen or own)))


def _assumed(
    component: ComponentRecipe, vibs: tuple[CarriedVib, ...], notes: Notes
) -> tuple[str, ...]:
    """Return the stock releases that no check of the VIBs rules out.

    Raises:
        DepotError: there is none.
    """
    reasons = {version: list(_obstacles(vibs, version)) for version in _ASSUMED_PLATFORMS}
    allowed = tuple(version for version, found in reasons.items() if not found)
    for version, found in reasons.items():
        if found:
            notes.add(f"{component.name} is not marked for {version}: {found[0]}")
    if not allowed:
        raise DepotError(
            f"{component.name} cannot be used on any of {', '.join(reasons)}",
            remedy="give the releases that it is for: --platform 6.7.0",
        )
    notes.add(f"{component.name} declares no ESXi release: marked for {', '.join(allowed)}")
    return allowed


def _refuse_ruled_out(chosen: Sequence[str], vibs: tuple[CarriedVib, ...]) -> None:
    """Refuse requested releases on which a VIB cannot be used.

    Raises:
        DepotError: each such release with the first reason.
    """
    found = [(version, next(_obstacles(vibs, version, sure_obstacles), "")) for version in chosen]
    problems = [
        Problem(what=f"not for {version}: {reason}", remedy="leave that platform out")
        for version, reason in found
        if reason
    ]
    if problems:
        raise DepotError.from_problems(problems)


def _obstacles(
    vibs: tuple[CarriedVib, ...],
    platform: str,
    found: Callable[[Described, Release], Iterator[Fault]] = obstacles,
) -> Iterator[str]:
    """Yield why VIBs cannot be used on a platform such as `7.0`; nothing for `8.*`."""
    if "*" in platform:
        return
    for vib in vibs:
        for fault in found(vib.announced, Release.parse(platform)):
            yield f"{vib.id}: {fault.what} ({fault.where})"


def note_errors(vibs: tuple[CarriedVib, ...], notes: Notes) -> None:
    """Note the errors of the VIBs, so that a bundle does not hide them."""
    for vib in vibs:
        for finding in islice(
            errors_on_every_release(VibScan(Vib.from_source(vib.source))), _NOTED
        ):
            notes.add(f"{vib.id}: {finding}")


def _same_line(one: str, other: str) -> bool:
    """Whether two releases, possibly with `*`, share major and minor number."""
    pairs = zip(one.split(".")[:2], other.split(".")[:2], strict=False)
    return all(a == b or "*" in {a, b} for a, b in pairs)


def _bulletin(part: _Part, recipe: BundleRecipe, vendor: Vendor, notes: Notes) -> Bulletin:
    date = recipe.release_date or _latest(part.vibs)
    main = part.vibs[0].announced.descriptor
    version = part.component.version or main.version
    summary = part.component.summary or main.summary or part.component.name
    urls = [url.link for url in main.urls if url.link.startswith(("http://", "https://"))]
    link = recipe.kb_url or next(iter(urls), "")
    if not link:
        notes.add("the bulletin has no kb-url, which publishing tools require")
    if not recipe.contact:
        notes.add(f"the contact is the vendor's name, {vendor.name}")
    bulletin_id = f"{part.component.name}_{version}"
    values = {
        "id": bulletin_id,
        "vendor": vendor.name,
        "summary": summary,
        "severity": recipe.severity.value,
        "category": recipe.category,
        "urgency": recipe.urgency.value,
        "releaseType": recipe.release_type.value,
        "description": part.component.description or main.description or summary,
        "kbUrl": link,
        "contact": recipe.contact or vendor.name,
        "releaseDate": str(date),
    }
    return Bulletin(
        member=f"bulletins/{bulletin_id}.xml",
        fields=tuple(values.items()),
        vib_ids=tuple(vib.id for vib in part.vibs),
        component_name=part.component.name,
        component_version=version,
        component_title=part.component.title or summary,
        component_version_title=version,
        platforms=tuple(
            SoftwarePlatform(version=platform, product_line_id=recipe.product)
            for platform in part.platforms
        ),
    )


def _latest(vibs: tuple[CarriedVib, ...]) -> ReleaseDate:
    return latest_date(vib.announced.descriptor.release_date for vib in vibs)


def _check_ids(bulletins: list[Bulletin]) -> None:
    counts = Counter(bulletin.id for bulletin in bulletins)
    if twice := [bulletin_id for bulletin_id, count in counts.items() if count > 1]:
        raise DepotError(
            f"two components have the ID {', '.join(twice)}",
            remedy="give them different names in the recipe: [[bundle.components]]",
        )


def _profile(
    recipe: BundleRecipe,
    vendor: Vendor,
    vibs: tuple[CarriedVib, ...],
    date: ReleaseDate,
    notes: Notes,
) -> Iterator[tuple[str, bytes]]:
    """Yield an image profile if the recipe requests one (depot-format.md#image-profiles)."""
    if not recipe.image_profile:
        return
    name = re.sub(r"[^0-9A-Za-z_.-]", "_", recipe.image_profile)[:COMPONENT_NAME_LIMIT]
    levels = [v.announced.descriptor.acceptance_level or "community" for v in vibs]
    order = ["community", "partner", "accepted", "certified"]
    lowest = min(levels, key=lambda level: order.index(level) if level in order else 0)
    ids = "".join(element("vib", leaf("vib-id", vib.id)) for vib in vibs)
    text = element(
        "imageprofile",
        leaf("name", recipe.image_profile)
        + leaf("creator", vendor.name)
        + leaf("creationtime", str(date))
        + leaf("modifiedtime", str(date))
        + leaf("readonly", "false")
        + element("viblist", ids)
        + leaf("acceptancelevel", lowest),
    )
    notes.add(
        f"the image profile {recipe.image_profile} contains only these VIBs, so no host can boot it"
    )
    yield f"profiles/{name}", text.encode("ascii")
