"""Add to, remove from, split and merge bundles; the bytes of the VIBs do not change."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec.structs import replace

from vibforge.bundle.create import Notes, assemble, carried
from vibforge.bundle.index import Vendor, announcement_name
from vibforge.bundle.opening import (
    BundleContent,
    CarriedBulletin,
    CarriedVib,
    Written,
    joined_vibs,
    opened_content,
    write,
)
from vibforge.bundle.recipe import BundleRecipe, check_vendor_code, is_vendor_code
from vibforge.errors import DepotError, ModelError, Problem
from vibforge.formats.zip_archive import unsafe_name

MERGE_LIMIT = 256
"""Bundles in one merge: each is an open file."""
PART_LIMIT = 1_000
"""Bundles of one split; a release has some hundred bulletins."""
COPY_LIMIT = 10_000
"""VIBs, releases and other files in all bundles of one split, where many are in every bundle."""
METADATA_COPY_LIMIT = 32 * 1024 * 1024
"""Bytes of the VIBs' metadata in all bundles of one split; that of a whole release takes 5 MB."""
_RENAME = (
    "leave one out with `vibforge bundle remove`, or give the new one another name or version: "
    "--component NAME, --component-version VERSION"
)


def add(
    bundle: Path, vibs: Sequence[Path], output: Path, recipe: BundleRecipe | None = None
) -> Written:
    """Add VIBs to a bundle; errors and arguments are those of `create`.

    The bundle keeps its vendor, but for a code that is none. New VIBs are for the bundle's
    releases unless the recipe or the VIBs name others.
    """
    notes = Notes()
    given = recipe or BundleRecipe()
    with opened_content(bundle) as old:
        new_vibs = carried(vibs)
        new = assemble(new_vibs, _like(old, given, new_vibs), notes)
        return write(join([old, new], new.vendor), output, tuple(notes.texts))


def remove(bundle: Path, what: Sequence[str], output: Path) -> Written:
    """Leave VIBs and bulletins out of a bundle.

    Args:
        bundle: the bundle.
        what: IDs or names of VIBs, IDs of bulletins or names of components; `*` matches any text.
            With a bulletin go its VIBs that no other bulletin lists, and a bulletin goes with its
            last VIB.
        output: the new bundle.

    Raises:
        DepotError: nothing matches, nothing would be left, or the bundle contradicts itself.
        FormatError: it cannot be read.
        OutputError: the new one cannot be written.
    """
    notes = Notes()
    with opened_content(bundle) as old:
        unmatched = [word for word in what if not _matches_any(old, word)]
        if unmatched:
            raise DepotError(
                f"the bundle has no VIB or bulletin {', '.join(unmatched)}",
                where=str(bundle),
                remedy=f"there are {', '.join(vib.id for vib in old.vibs)}",
            )
        gone = _gone(old, what)
        if gone.issuperset(vib.id for vib in old.vibs):
            raise DepotError("the bundle would have no VIB left", where=str(bundle))
        return write(_without(old, what, gone, notes), output, tuple(notes.texts))


def split(bundle: Path, folder: Path) -> tuple[Written, ...]:
    """Make one bundle of each bulletin, and one of each VIB that no bulletin lists.

    Raises:
        DepotError: the bundle contradicts itself, a file of that name would be written twice, or
            the parts together would be too much.
        FormatError: it cannot be read.
        OutputError: a file cannot be written.
    """
    with opened_content(bundle) as old:
        listed = {vib_id for b in old.bulletins for vib_id in b.bulletin.vib_ids}
        parts: list[tuple[str, tuple[str, ...], tuple[CarriedBulletin, ...]]]
        parts = [(b.bulletin.id, b.bulletin.vib_ids, (b,)) for b in old.bulletins]
        parts += [(vib.id, (vib.id,), ()) for vib in old.vibs if vib.id not in listed]
        names = [file_name(name) for name, _vibs, _bulletins in parts]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise DepotError(f"two parts would be written to {', '.join(twice)}", where=str(bundle))
        if len(parts) > PART_LIMIT:
            raise _too_much(bundle, f"{len(parts)} bundles, more than {PART_LIMIT}")
        contents = [_part(old, vib_ids, bulletins) for _name, vib_ids, bulletins in parts]
        _require_moderate(bundle, contents)
        return tuple(
            write(content, folder / name) for name, content in zip(names, contents, strict=True)
        )


def _require_moderate(bundle: Path, parts: Sequence[BundleContent]) -> None:
    """Refuse a bundle whose parts would repeat too much of the same content.

    Raises:
        DepotError: they are too many, or their metadata is too large.
    """
    copies = sum(len(part.vibs) + len(part.platforms) + len(part.beside) for part in parts)
    if copies > COPY_LIMIT:
        what = f"{copies} VIBs, releases and other files in all parts, more than {COPY_LIMIT}"
        raise _too_much(bundle, what)
    size = sum(len(vib.metadata) for part in parts for vib in part.vibs)
    if size > METADATA_COPY_LIMIT:
        what = f"{size} bytes of metadata in all parts, more than {METADATA_COPY_LIMIT}"
        raise _too_much(bundle, what)


def _too_much(bundle: Path, what: str) -> DepotError:
    remedy = "remove what you do not need with `vibforge bundle remove`"
    return DepotError(what, where=str(bundle), remedy=remedy)


def merge(bundles: Sequence[Path], output: Path, vendor: Vendor | None = None) -> Written:
    """Make one bundle of several.

    Args:
        bundles: the bundles.
        output: the new one.
        vendor: whose depot it is; needed where the bundles are of several vendors.

    Raises:
        DepotError: one ID stands for two contents, or the vendors differ.
        FormatError: a bundle cannot be read.
        ModelError: the vendor's code is not three letters or digits.
        OutputError: the new one cannot be written.
    """
    if len(bundles) > MERGE_LIMIT:
        raise DepotError(f"{len(bundles)} bundles, more than {MERGE_LIMIT}")
    if vendor is not None:
        check_vendor_code(vendor.code)
    with ExitStack() as stack:
        contents = [stack.enter_context(opened_content(bundle)) for bundle in bundles]
        return write(join(contents, vendor or _one_vendor(contents, bundles)), output)


def join(contents: Sequence[BundleContent], vendor: Vendor) -> BundleContent:
    """Put contents together.

    Raises:
        DepotError: one ID or name stands for two contents; both sources are named.
    """
    vibs = _own_members(joined_vibs(vib for content in contents for vib in content.vibs))
    return BundleContent(
        vendor=vendor,
        platforms=tuple(dict.fromkeys(p for content in contents for p in content.platforms)),
        vibs=vibs,
        bulletins=_joined_bulletins(b for content in contents for b in content.bulletins),
        others=tuple(_joined_others(contents)),
        beside=tuple(dict(each for content in contents for each in content.beside).items()),
        date=max((content.date for content in contents), key=lambda date: date.epoch),
    )


def vendor_of(name: str | None, code: str | None) -> Vendor | None:
    """Return the vendor of options that go together, None where neither is given.

    Raises:
        ModelError: one is missing, or the code is not three letters or digits.
    """
    if name is None and code is None:
        return None
    if not name or not code:
        raise ModelError("--vendor and --vendor-code must be given together")
    check_vendor_code(code)
    return Vendor(name=name, code=code)


def file_name(name: str) -> str:
    """Return a plain file name for the bundle of a part."""
    plain = re.sub(r"[^0-9A-Za-z_.+-]", "_", name).lstrip(".") or "bundle"
    return f"{plain}.zip"


def _like(old: BundleContent, given: BundleRecipe, vibs: tuple[CarriedVib, ...]) -> BundleRecipe:
    """Fill the empty fields of a recipe from the bundle."""
    named = any(vib.announced.descriptor.system_requires.software_platforms for vib in vibs)
    versions = () if named else tuple(platform.version for platform in old.platforms)
    return replace(
        given,
        vendor=given.vendor or old.vendor.name,
        vendor_code=given.vendor_code
        or (old.vendor.code if is_vendor_code(old.vendor.code) else ""),
        platforms=given.platforms or versions,
    )


def _one_vendor(contents: Sequence[BundleContent], paths: Sequence[Path]) -> Vendor:
    found = {(content.vendor.name, content.vendor.code) for content in contents}
    if len(found) > 1:
        told = ", ".join(
            f"{path} of {content.vendor.name} ({content.vendor.code})"
            for path, content in zip(paths, contents, strict=True)
        )
        raise DepotError(
            f"the bundles are of several vendors: {told}",
            remedy="name the vendor of the new bundle: --vendor NAME --vendor-code ABC",
        )
    return contents[0].vendor


def _own_members(vibs: tuple[CarriedVib, ...]) -> tuple[CarriedVib, ...]:
    """Give VIBs whose files in the metadata have one name names of their own."""
    members = Counter(vib.announced.member for vib in vibs)
    return tuple(
        replace(
            vib,
            announced=replace(vib.announced, member=announcement_name(vib.announced.descriptor)),
        )
        if members[vib.announced.member] > 1
        else vib
        for vib in vibs
    )


def _joined_bulletins(bulletins: Iterable[CarriedBulletin]) -> tuple[CarriedBulletin, ...]:
    by_id: dict[str, CarriedBulletin] = {}
    by_member: dict[str, CarriedBulletin] = {}
    problems = []
    for carried_bulletin in bulletins:
        of = carried_bulletin.bulletin
        first = by_id.setdefault(of.id, carried_bulletin)
        if replace(first.bulletin, member=of.member) != of:
            what = f"bulletin {of.id} has other content in {first.origin}"
            problems.append(Problem(what=what, where=carried_bulletin.origin, remedy=_RENAME))
        elif by_member.setdefault(of.member, first) is not first:
            what = f"{of.member} is another bulletin in {by_member[of.member].origin}"
            problems.append(Problem(what=what, where=carried_bulletin.origin, remedy=_RENAME))
    if problems:
        raise DepotError.from_problems(problems)
    return tuple(by_id.values())


def _joined_others(contents: Sequence[BundleContent]) -> Iterable[tuple[str, bytes]]:
    found: dict[str, bytes] = {}
    for content in contents:
        for name, data in content.others:
            if found.setdefault(name, data) != data:
                origins = ", ".join(sorted({vib.origin for c in contents for vib in c.vibs}))
                raise DepotError(f"{name} in the metadata has different contents ({origins})")
    return found.items()


def _matches_any(content: BundleContent, word: str) -> bool:
    return any(_is_vib(vib, word) for vib in content.vibs) or any(
        _is_bulletin(bulletin, word) for bulletin in content.bulletins
    )


def _is_vib(vib: CarriedVib, word: str) -> bool:
    return fnmatchcase(vib.id, word) or fnmatchcase(vib.announced.descriptor.name, word)


def _is_bulletin(of: CarriedBulletin, word: str) -> bool:
    names = filter(None, (of.bulletin.id, of.bulletin.component_name))
    return any(fnmatchcase(name, word) for name in names)


def _gone(content: BundleContent, words: Sequence[str]) -> set[str]:
    """Return the IDs of the VIBs to remove."""
    gone = {vib.id for vib in content.vibs if any(_is_vib(vib, word) for word in words)}
    kept_lists = [
        b.bulletin.vib_ids
        for b in content.bulletins
        if not any(_is_bulletin(b, word) for word in words)
    ]
    kept = {vib_id for vib_ids in kept_lists for vib_id in vib_ids}
    for bulletin in content.bulletins:
        if any(_is_bulletin(bulletin, word) for word in words):
            gone |= set(bulletin.bulletin.vib_ids) - kept
    return gone


def _without(
    content: BundleContent, words: Sequence[str], gone: set[str], notes: Notes
) -> BundleContent:
    bulletins = []
    for carried_bulletin in content.bulletins:
        of = carried_bulletin.bulletin
        left = tuple(vib_id for vib_id in of.vib_ids if vib_id not in gone)
        if any(_is_bulletin(carried_bulletin, word) for word in words) or not left:
            continue
        if left != of.vib_ids:
            notes.add(f"bulletin {of.id} lists {len(of.vib_ids) - len(left)} VIBs fewer")
            changed = replace(of, vib_ids=left)
            carried_bulletin = CarriedBulletin.of(changed, carried_bulletin.origin)  # noqa: PLW2901 - the changed one stands for it
        bulletins.append(carried_bulletin)
    if profiles := [name for name, _data in content.others if name.startswith("profiles/")]:
        notes.add(f"{', '.join(profiles)} may list removed VIBs")
    return replace(
        content,
        vibs=tuple(vib for vib in content.vibs if vib.id not in gone),
        bulletins=tuple(bulletins),
    )


def _part(
    content: BundleContent, vib_ids: tuple[str, ...], bulletins: tuple[CarriedBulletin, ...]
) -> BundleContent:
    """Take some VIBs with their bulletins out of a bundle, and the releases that they are for."""
    versions = {p.version for b in bulletins for p in b.bulletin.platforms}
    wanted = frozenset(vib_ids)
    platforms = tuple(p for p in content.platforms if not versions or p.version in versions)
    return replace(
        content,
        platforms=platforms or content.platforms,
        vibs=tuple(vib for vib in content.vibs if vib.id in wanted),
        bulletins=bulletins,
        others=(),
        beside=tuple(each for each in content.beside if not unsafe_name(each[0])),
    )
