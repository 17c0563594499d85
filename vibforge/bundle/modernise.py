"""Turn an ESXi 5-era bundle into a bundle of components, where no known fact forbids it.

The VIBs stay as they are: what a release needs of a VIB itself, nobody can give it without
building it anew.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from vibforge.bundle.create import Notes, assemble, derived_code, note_errors
from vibforge.bundle.index import Vendor, depot_platform
from vibforge.bundle.metadata import Bulletin
from vibforge.bundle.opening import (
    BundleContent,
    CarriedBulletin,
    CarriedVib,
    Written,
    opened_content,
    write,
)
from vibforge.bundle.recipe import (
    BundleRecipe,
    check_platforms,
    check_vendor_code,
    platform_version,
)
from vibforge.checks.vib_checks import doubts, obstacles
from vibforge.errors import DepotError, ModelError, Problem
from vibforge.esxi.release import PRODUCT, Release
from vibforge.esxi.table import STOCK_TARGETS, TABLE, has_components, row_of
from vibforge.vib.descriptor import SoftwarePlatform

TARGETS = tuple(
    str(release)
    for release in STOCK_TARGETS
    if (components := has_components(row_of(release))) and components.value
)


def modernise(
    bundle: Path, output: Path, *, platforms: Sequence[str] = (), vendor_code: str = ""
) -> Written:
    """Make a bundle of components of an old one; `notes` of what comes back tell the assumptions.

    Args:
        bundle: the old bundle.
        output: the new one.
        platforms: the releases that it shall be for; if none are named, those of 7.0, 8.0 and
            9.0 that nothing known speaks against.
        vendor_code: three letters or digits; if empty, the old one, or one made of the name.

    Raises:
        DepotError: no release is left, or one that was named cannot be; every reason is told.
        FormatError: the bundle cannot be read.
        ModelError: the code or a release is not one.
        OutputError: the new one cannot be written.
    """
    notes = Notes()
    with opened_content(bundle) as old:
        versions = _versions(old, platforms, notes, str(bundle))
        vendor = _vendor(old.vendor, vendor_code, notes)
        content = replace(
            _with_bulletins(old, vendor, versions, notes),
            vendor=vendor,
            platforms=tuple(depot_platform(version, PRODUCT) for version in versions),
        )
        return write(content, output, tuple(notes.texts))


def _versions(
    content: BundleContent, wanted: Sequence[str], notes: Notes, where: str
) -> tuple[str, ...]:
    """Return the releases that nothing known speaks against.

    Raises:
        DepotError: one that was asked for is none of them, or there is none.
    """
    good: list[str] = []
    problems: list[Problem] = []
    for version in wanted or TARGETS:
        possible = [r for r in _updates(version) if not any(_all_obstacles(content, r))]
        fit = [r for r in possible if not _has_doubts(content, r)] or possible
        if fit:
            good.append(platform_version(version))
            if fit != _updates(version):
                notes.add(f"of {version}, it is for {', '.join(map(str, fit))}")
        else:
            last = _updates(version)[-1]
            problems += [
                Problem(what=f"not for {version}: {reason}", where=where)
                for reason in _all_obstacles(content, last)
            ]
    if problems and (wanted or not good):
        raise DepotError.from_problems(
            [*problems, Problem(what="the VIBs must be rebuilt", where=where)]
        )
    for problem in problems:
        notes.add(problem.what)
    notes.add(f"marked for {', '.join(good)}: no check rules these releases out; not tried on them")
    note_errors(content.vibs, notes)
    _note_unknown(content, good, notes)
    return tuple(good)


def _updates(version: str) -> list[Release]:
    """Return the updates of a release line: `7.0` stands for all of them, `7.0.3` for itself.

    Raises:
        ModelError: it is no release, or one without components.
    """
    check_platforms((version,))
    release = Release.parse(version.replace("*", "0"))
    components = has_components(row_of(release))
    if components and not components.value:
        raise ModelError(f"{version} has no components", remedy="name 7.0 or later")
    if version.count(".") > 1 and "*" not in version:
        return [release]
    return [known for known in TABLE if known.line == release.line] or [release]


def _all_obstacles(content: BundleContent, release: Release) -> Iterator[str]:
    for vib in content.vibs:
        for fault in obstacles(vib.announced, release):
            yield f"{vib.id}: {fault.what} ({fault.where})"


def _has_doubts(content: BundleContent, release: Release) -> bool:
    return any(any(doubts(vib.announced, release)) for vib in content.vibs)


def _note_unknown(content: BundleContent, versions: list[str], notes: Notes) -> None:
    for vib in content.vibs:
        for version in versions:
            for fault in doubts(vib.announced, _updates(version)[-1]):
                notes.add(f"{vib.id}: {fault.what}? That is not known of {version}")


def _vendor(old: Vendor, code: str, notes: Notes) -> Vendor:
    if code:
        check_vendor_code(code)
        return replace(old, code=code)
    try:
        check_vendor_code(old.code or "-")
    except ModelError:
        return replace(old, code=derived_code(old.name, notes))
    return old


def _with_bulletins(
    old: BundleContent, vendor: Vendor, versions: tuple[str, ...], notes: Notes
) -> BundleContent:
    by_id = {vib.id: vib for vib in old.vibs}
    bulletins = [
        CarriedBulletin.of(_component(carried, by_id, versions, notes), carried.origin)
        for carried in old.bulletins
    ]
    listed = {vib_id for carried in old.bulletins for vib_id in carried.bulletin.vib_ids}
    loose = tuple(vib for vib in old.vibs if vib.id not in listed)
    if loose:
        recipe = BundleRecipe(vendor=vendor.name, vendor_code=vendor.code, platforms=versions)
        bulletins += assemble(loose, recipe, notes).bulletins
        notes.add(f"{', '.join(vib.id for vib in loose)} had no bulletin: each got a component")
    return replace(old, bulletins=tuple(bulletins))


def _component(
    carried: CarriedBulletin,
    vibs: dict[str, CarriedVib],
    versions: tuple[str, ...],
    notes: Notes,
) -> Bulletin:
    """Return a bulletin as a component of these releases; all that it says beside that stays."""
    of = carried.bulletin
    platforms = tuple(
        SoftwarePlatform(version=version, product_line_id=PRODUCT) for version in versions
    )
    if of.is_component:
        return replace(of, platforms=platforms)
    members = [vibs[vib_id] for vib_id in of.vib_ids if vib_id in vibs]
    if not members:
        raise DepotError(f"bulletin {of.id} lists no VIB of the bundle", where=carried.origin)
    main = members[0].announced.descriptor
    name = main.name if len(members) == 1 else of.id
    notes.add(
        f"bulletin {of.id} becomes the component {name} {main.version}, named after "
        + ("its VIB" if len(members) == 1 else f"itself, with the version of {main.name}")
    )
    link = of.value("kbUrl")
    if not link.startswith(("http://", "https://")):
        notes.add(f"the page that tells more is {link!r}, as it was; known recipes give a link")
    new_id = f"{name}_{main.version}"
    fields = tuple((tag, new_id if tag == "id" else text) for tag, text in of.fields)
    return replace(
        of,
        member=f"bulletins/{new_id}.xml",
        fields=fields,
        component_name=name,
        component_version=main.version,
        component_title=of.value("summary") or name,
        component_version_title=main.version,
        platforms=platforms,
    )
