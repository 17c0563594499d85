"""VF6xx: what an offline bundle says of itself and of the VIBs in it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vibforge.bundle import index, recipe
from vibforge.bundle.contradictions import (
    disagreements,
    odd_platforms,
    unlike_response,
    unlisted_vibs,
)
from vibforge.bundle.scan import BundleScan
from vibforge.bundle.words import BulletinSeverity, ReleaseType
from vibforge.esxi import messages
from vibforge.esxi.release import PRODUCT, Certainty
from vibforge.esxi.table import has_components
from vibforge.findings.check import (
    Contradiction,
    Fault,
    Held,
    InstallStep,
    Reaction,
    Result,
    Severity,
    Topic,
    check,
)
from vibforge.formats.streams import ALGORITHMS, Hasher

if TYPE_CHECKING:
    from vibforge.bundle.index import DepotVib
    from vibforge.bundle.metadata import Bundle
    from vibforge.vib.archive import Vib

_AGREES = "the metadata states what the VIB states"
_IS_THERE = "the announced file is there"
_LAST_OLD_MAJOR = 5
_BULLETIN_FIELDS = (
    "id",
    "vendor",
    "summary",
    "category",
    "urgency",
    "description",
    "kbUrl",
    "contact",
)


@check(
    "VF601",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "the indexes have every element"),
    reaction=Reaction(InstallStep.READING, messages.ELEMENT_EXPECTED),
)
def index_element_missing(subject: BundleScan) -> Iterator[Fault]:
    """An index lacks an element that must be there.

    Why: hosts stop with MetadataFormatError, "{ELEMENT_EXPECTED.title}".

    Remedy: in index.xml name, code, indexfile and relativePath; in the vendor index productId,
    version, locale and url; empty where there is nothing to say.

    Evidence: tried on 6.7.
    """
    for problem in subject.bundle.faults:
        if isinstance(problem, index.MissingElement):
            where = problem.where.partition(":")[2]
            yield Fault(where, problem.what, values={"name": problem.element})


@check("VF602", Severity.WARNING, Certainty.DOCUMENTED, minds=has_components)
def not_a_component(subject: BundleScan) -> Iterator[Fault]:
    """No bulletin of the bundle is a component.

    Why: vLCM and `esxcli software component` take components only, and 9.0 has next to nothing
    else. `esxcli software vib install -d` works without.

    Remedy: componentNameSpec and componentVersionSpec in the bulletin; `vibforge bundle` writes
    them.

    Evidence: vendor bundles from 6.7 to 9.0 and the vendor's documentation.
    """
    if not subject.bundle.components:
        count = len(subject.bundle.bulletins)
        plural = "" if count == 1 else "s"
        yield Fault("bulletins/", f"holds {count or 'no'} bulletin{plural} and no component")
    for bulletin in subject.bundle.components:
        if not bulletin.component_version:
            yield Fault(bulletin.member, "the component has no version")


@check("VF603", Severity.WARNING, Certainty.DOCUMENTED)
def odd_vendor_code(subject: BundleScan) -> Iterator[Fault]:
    """The vendor's code is not three letters or digits.

    Why: PowerCLI demands exactly three; hosts take anything.

    Remedy: a code such as VMW.

    Evidence: PowerCLI's New-OfflineBundle.
    """
    for vendor in subject.bundle.vendors:
        if not recipe.is_vendor_code(vendor.code):
            yield Fault("index.xml", f"code {vendor.code!r:.40} is not three letters or digits")


@check(
    "VF604",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.METADATA, _AGREES),
    reaction=Reaction(InstallStep.PAYLOADS, messages.UNEQUAL_METADATA),
)
def metadata_unlike_vib(subject: BundleScan) -> Iterator[Result]:
    """The metadata describes another VIB than the one in the bundle, or does not describe it.

    Why: hosts compare them at the install: "{UNEQUAL_METADATA.title}".

    Remedy: make the bundle anew from its VIBs.

    Evidence: tried on 6.7.
    """
    announced = {vib.relative_path: vib.descriptor for vib in subject.bundle.vibs}
    for member, vib in subject.vibs:
        if member not in announced:
            yield Fault(member, "the metadata does not announce this file", claim=_AGREES)
            continue
        unequal = disagreements(vib.descriptor, announced[member])
        for attribute in unequal:
            what = f"{attribute} differs from the metadata"
            values = {"vib": vib.descriptor.vib_id, "attribute": attribute}
            yield Fault(member, what, claim=_AGREES, values=values)
        if not unequal:
            yield Held(member, _AGREES)


@check(
    "VF605",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.METADATA, _IS_THERE),
)
def vib_not_in_bundle(subject: BundleScan) -> Iterator[Result]:
    """The metadata announces a VIB that is not in the bundle, or at another place.

    Why: hosts look for it at its relative-path and stop.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    present = set(subject.bundle.members)
    for vib in subject.bundle.vibs:
        if vib.relative_path in present:
            yield Held(vib.relative_path, _IS_THERE)
        else:
            place = vib.relative_path or "no relative-path"
            what = f"{vib.descriptor.vib_id} is announced at {place:.200}, but not there"
            yield Fault(vib.relative_path or vib.member, what, claim=_IS_THERE)


@check("VF606", Severity.WARNING, Certainty.DOCUMENTED)
def only_for_old_hosts(subject: BundleScan) -> Iterator[Fault]:
    """The bundle names no release after ESXi 5.

    Why: Update Manager and vLCM match the platform's version and refuse it for newer hosts; esxcli
    does not look.

    Remedy: name the releases in both vendor indexes and in the bulletin.

    Evidence: public reports.
    """
    versions = [p.version for p in subject.bundle.platforms if p.product_id == PRODUCT]
    if not any(_major(version) > _LAST_OLD_MAJOR for version in versions):
        named = ", ".join(sorted(set(versions))) or "no release"
        yield Fault("vendor-index.xml", f"names {named} only")


@check("VF607", Severity.ERROR, Certainty.DOCUMENTED)
def bundle_in_zip(subject: BundleScan) -> Iterator[Fault]:
    """The bundle stands inside another zip.

    Why: hosts and vCenter look for index.xml at the top.

    Remedy: unpack the outer zip, and use the inner one.

    Evidence: a vendor bundle is published so.
    """
    if subject.inside:
        yield Fault(subject.bundle.name.rpartition(":")[2], "is the bundle; the outer zip is none")


@check("VF608", Severity.WARNING, Certainty.DOCUMENTED)
def bulletin_field_missing(subject: BundleScan) -> Iterator[Fault]:
    """A bulletin lacks what publishing tools ask for.

    Why: they demand each of these filled; hosts do not mind, and one vendor bulletin has no kbUrl.

    Remedy: fill them in.

    Evidence: read off the tools of 6.7; vendor bundles.
    """
    for bulletin in subject.bundle.bulletins:
        empty = [name for name in _BULLETIN_FIELDS if not bulletin.value(name)]
        if empty:
            yield Fault(bulletin.member, f"leaves {', '.join(empty)} empty")
        for name, words in (("severity", BulletinSeverity), ("releaseType", ReleaseType)):
            if bulletin.value(name) not in set(words):
                yield Fault(bulletin.member, f"has the {name} {bulletin.value(name)!r:.40}")


@check(
    "VF609",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every part of the bundle can be read"),
)
def bundle_fault(subject: BundleScan) -> Iterator[Fault]:
    """A part of the bundle is missing or cannot be read.

    Why: one broken XML file in vibs/ keeps hosts from loading the whole bundle.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    for problem in subject.bundle.faults:
        if not isinstance(problem, index.MissingElement):
            yield Fault(problem.where.partition(":")[2] or problem.where, problem.what)


@check(
    "VF610",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.METADATA, "every VIB has its announced size and digest"),
)
def wrong_packed_size(subject: BundleScan) -> Iterator[Result]:
    """The metadata states another size or digest of a VIB's file.

    Why: 6.7 does not compare them; publishing tools do.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    vibs = dict(subject.vibs)
    for path, announced in _by_path(subject.bundle).items():
        vib = vibs.get(path)
        if vib is not None:
            yield from _sizes(path, announced, vib.source.size)
            yield from _digests(path, announced, vib)


def _major(version: str) -> int:
    """Return the first number of a platform's version, 0 where it has none: `8.*` is 8."""
    digits = version.partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 2 else 0  # noqa: PLR2004 - two digits are enough for a release


def _by_path(bundle: "Bundle") -> "dict[str, list[DepotVib]]":
    found: dict[str, list[DepotVib]] = defaultdict(list)
    for vib in bundle.vibs:
        found[vib.relative_path].append(vib)
    return found


def _sizes(path: str, announced: "Sequence[DepotVib]", size: int) -> Iterator[Result]:
    for packed in {each.packed_size for each in announced if each.packed_size is not None}:
        claim = f"packed-size {packed}"
        what = f"has {size} bytes, announced as {packed}"
        yield Held(path, claim) if packed == size else Fault(path, what, claim=claim)


def _digests(path: str, announced: "Sequence[DepotVib]", vib: "Vib") -> Iterator[Result]:
    """Hash the file once, however often it is announced."""
    wanted = {
        (checksum.checksum_type, checksum.digest.lower()): None
        for each in announced
        for checksum in each.checksums
        if checksum.checksum_type in ALGORITHMS
    }
    hasher = Hasher(dict.fromkeys(algorithm for algorithm, _digest in wanted))
    for piece in vib.pieces() if wanted else ():
        hasher.take(piece)
    for algorithm, digest in wanted:
        claim, found = f"{algorithm} of the file", hasher.digest(algorithm)
        what = f"its {algorithm} is {found}, not {digest:.128}"
        yield Held(path, claim) if digest == found else Fault(path, what, claim=claim)


@check("VF611", Severity.ERROR, Certainty.INFERRED)
def bulletin_lists_unknown_vib(subject: BundleScan) -> Iterator[Fault]:
    """A bulletin lists a VIB that the metadata does not announce.

    Why: a component without one of its VIBs cannot be installed.

    Remedy: make the bundle anew, or add the VIB.

    Evidence: concluded from the format; nobody is known to have tried it.
    """
    for bulletin, vib_id in unlisted_vibs(subject.bundle):
        yield Fault(bulletin.member, f"lists {vib_id:.200}, which is not announced")


@check("VF612", Severity.WARNING, Certainty.INFERRED)
def platforms_differ(subject: BundleScan) -> Iterator[Fault]:
    """The places that say for which releases the bundle is do not say the same.

    Why: Update Manager calls a bundle invalid unless both vendor indexes and the bulletins name its
    release; esxcli does not look.

    Remedy: make the bundle anew with `vibforge bundle create --platform`.

    Evidence: public reports.
    """
    for where, what in odd_platforms(subject.bundle):
        yield Fault(where, what)


@check("VF613", Severity.WARNING, Certainty.DOCUMENTED)
def legacy_metadata_unlike(subject: BundleScan) -> Iterator[Fault]:
    """vmware.xml is missing, or says something else than the bulletins.

    Why: Update Manager and vendors' tools read it; hosts do not.

    Remedy: make the bundle anew; `vibforge bundle` writes it.

    Evidence: vendor bundles; public reports.
    """
    if subject.bundle.response is None and not subject.bundle.faults:
        yield Fault("vmware.xml", "is missing")
    for bulletin in unlike_response(subject.bundle):
        yield Fault("vmware.xml", f"does not say what {bulletin.id:.200} says")


@check(
    "VF614",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every VIB of the bundle can be read"),
)
def unreadable_vib(subject: BundleScan) -> Iterator[Fault]:
    """A VIB of the bundle cannot be read.

    Why: the install of that VIB stops; the others of the bundle are not affected.

    Remedy: fetch the bundle again; if it is yours, make it anew.

    Evidence: tried on 6.7.
    """
    for member, reason in subject.unreadable:
        yield Fault(member, reason)


@check("VF615", Severity.ERROR, Certainty.MEASURED)
def no_vib_announced(subject: BundleScan) -> Iterator[Fault]:
    """The metadata announces no VIB.

    Why: there is nothing that a host could install.

    Remedy: make the bundle anew from its VIBs.

    Evidence: tried on 6.7.
    """
    if not subject.bundle.faults and not subject.bundle.vibs:
        yield Fault("metadata.zip", "announces no VIB")


@check("VF616", Severity.WARNING, Certainty.DOCUMENTED)
def no_bulletins(subject: BundleScan) -> Iterator[Fault]:
    """The bundle has no bulletins.

    Why: Update Manager and vLCM work with bulletins; `esxcli software vib install -d` does not need
    them.

    Remedy: make the bundle anew; `vibforge bundle` writes them.

    Evidence: vendor bundles and the vendor's documentation.
    """
    if not subject.bundle.bulletins and not subject.bundle.faults:
        yield Fault("bulletins/", "is empty or missing")


CHECKS = (
    index_element_missing,
    not_a_component,
    odd_vendor_code,
    metadata_unlike_vib,
    vib_not_in_bundle,
    only_for_old_hosts,
    bundle_in_zip,
    bulletin_field_missing,
    bundle_fault,
    wrong_packed_size,
    bulletin_lists_unknown_vib,
    platforms_differ,
    legacy_metadata_unlike,
    unreadable_vib,
    no_vib_announced,
    no_bulletins,
)
