"""VF6xx: offline bundles: indexes, bulletins, and metadata compared with the VIBs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vibforge.bundle import index, recipe
from vibforge.bundle.contradictions import (
    bulletins_contradicted_by_vmware_xml,
    disagreements,
    odd_platforms,
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
    """An index lacks a required element.

    Why: hosts stop with MetadataFormatError, "{ELEMENT_EXPECTED.title}".

    Remedy: write name, code, indexfile and relativePath in index.xml, and productId, version,
    locale and url in the vendor index; leave elements without a value empty.

    Evidence: tried on 6.7.
    """
    for problem in subject.bundle.faults:
        if isinstance(problem, index.MissingElement):
            where = problem.where.partition(":")[2]
            yield Fault(where, problem.what, values={"name": problem.element})


@check("VF602", Severity.WARNING, Certainty.DOCUMENTED, minds=has_components)
def not_a_component(subject: BundleScan) -> Iterator[Fault]:
    """No bulletin of the bundle is a component.

    Why: vLCM and `esxcli software component` install only components, and 9.0 offers hardly any
    other way. `esxcli software vib install -d` works without components.

    Remedy: add componentNameSpec and componentVersionSpec to the bulletin, as `vibforge bundle`
    does.

    Evidence: vendor bundles from 6.7 to 9.0 and the vendor's documentation.
    """
    if not subject.bundle.components:
        count = len(subject.bundle.bulletins)
        plural = "" if count == 1 else "s"
        yield Fault("bulletins/", f"contains {count or 'no'} bulletin{plural}, but no component")
    for bulletin in subject.bundle.components:
        if not bulletin.component_version:
            yield Fault(bulletin.member, "is a component without a version")


@check("VF603", Severity.WARNING, Certainty.DOCUMENTED)
def odd_vendor_code(subject: BundleScan) -> Iterator[Fault]:
    """The vendor code is not three letters or digits.

    Why: PowerCLI requires exactly three characters; hosts accept any code.

    Remedy: use a code such as VMW.

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
    """The metadata does not match a VIB in the bundle, or does not describe it.

    Why: hosts compare them during the install: "{UNEQUAL_METADATA.title}".

    Remedy: create the bundle again from its VIBs, with `vibforge bundle create`.

    Evidence: tried on 6.7.
    """
    announced = {vib.relative_path: vib.descriptor for vib in subject.bundle.vibs}
    for member, vib in subject.vibs:
        if member not in announced:
            yield Fault(member, "is not described in the metadata", claim=_AGREES)
            continue
        unequal = disagreements(vib.descriptor, announced[member])
        for attribute in unequal:
            what = f"has a {attribute} that differs from the metadata"
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
    """The metadata describes a VIB that the bundle does not contain at this path.

    Why: hosts look for the VIB at its relative-path, and stop if it is not there.

    Remedy: create the bundle again, with `vibforge bundle create`.

    Evidence: tried on 6.7.
    """
    present = set(subject.bundle.members)
    for vib in subject.bundle.vibs:
        if vib.relative_path in present:
            yield Held(vib.relative_path, _IS_THERE)
        else:
            place = f"at {vib.relative_path:.200}" if vib.relative_path else "(it has no path)"
            what = f"the bundle does not contain {vib.descriptor.vib_id} {place}"
            yield Fault(vib.relative_path or vib.member, what, claim=_IS_THERE)


@check("VF606", Severity.WARNING, Certainty.DOCUMENTED)
def only_for_old_hosts(subject: BundleScan) -> Iterator[Fault]:
    """The bundle declares no release after ESXi 5.

    Why: Update Manager and vLCM compare the declared releases with the host's, and refuse the
    bundle for newer hosts; esxcli does not check them.

    Remedy: add the releases to both vendor indexes and to the bulletin.

    Evidence: public reports.
    """
    versions = [p.version for p in subject.bundle.platforms if p.product_id == PRODUCT]
    if not any(_major(version) > _LAST_OLD_MAJOR for version in versions):
        named = ", ".join(sorted(set(versions))) or "no release"
        yield Fault("vendor-index.xml", f"declares only {named}")


@check("VF607", Severity.ERROR, Certainty.DOCUMENTED)
def bundle_in_zip(subject: BundleScan) -> Iterator[Fault]:
    """The bundle is inside another zip.

    Why: hosts and vCenter look for index.xml in the top folder of the zip.

    Remedy: unpack the outer zip, and use the inner zip.

    Evidence: a vendor publishes a bundle in this form.
    """
    if subject.inside:
        inner = subject.bundle.name.rpartition(":")[2]
        yield Fault(inner, "is the bundle; unpack it from the outer zip")


@check("VF608", Severity.WARNING, Certainty.DOCUMENTED)
def bulletin_field_missing(subject: BundleScan) -> Iterator[Fault]:
    """A bulletin lacks a field that publishing tools require.

    Why: the tools require a value in each of these fields. Hosts do not check them, and one vendor
    bulletin has no kbUrl.

    Remedy: fill in the fields.

    Evidence: observed on the tools of 6.7; vendor bundles.
    """
    for bulletin in subject.bundle.bulletins:
        empty = [name for name in _BULLETIN_FIELDS if not bulletin.value(name)]
        if empty:
            yield Fault(bulletin.member, f"has no value for {', '.join(empty)}")
        for name, words in (("severity", BulletinSeverity), ("releaseType", ReleaseType)):
            if bulletin.value(name) not in set(words):
                what = f"has the invalid {name} {bulletin.value(name)!r:.40}"
                yield Fault(bulletin.member, what)


@check(
    "VF609",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every part of the bundle can be read"),
)
def bundle_fault(subject: BundleScan) -> Iterator[Fault]:
    """A part of the bundle is missing or cannot be read.

    Why: one malformed XML file in vibs/ keeps hosts from loading the whole bundle.

    Remedy: create the bundle again, with `vibforge bundle create`.

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
    """The declared size or digest of a VIB's file is wrong.

    Why: publishing tools compare them with the file; 6.7 does not.

    Remedy: create the bundle again, with `vibforge bundle create`.

    Evidence: tried on 6.7.
    """
    vibs = dict(subject.vibs)
    for path, announced in _by_path(subject.bundle).items():
        vib = vibs.get(path)
        if vib is not None:
            yield from _sizes(path, announced, vib.source.size)
            yield from _digests(path, announced, vib)


def _major(version: str) -> int:
    """Return the first number of a platform's version: 8 for `8.*`, 0 if there is none."""
    digits = version.partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 2 else 0  # noqa: PLR2004 - two digits are enough for a release


def _by_path(bundle: "Bundle") -> "dict[str, list[DepotVib]]":
    vibs: dict[str, list[DepotVib]] = defaultdict(list)
    for vib in bundle.vibs:
        vibs[vib.relative_path].append(vib)
    return vibs


def _sizes(path: str, announced: "Sequence[DepotVib]", size: int) -> Iterator[Result]:
    for packed in {vib.packed_size for vib in announced if vib.packed_size is not None}:
        claim = f"packed-size {packed}"
        what = f"has {size} bytes, but the metadata declares {packed}"
        yield Held(path, claim) if packed == size else Fault(path, what, claim=claim)


def _digests(path: str, announced: "Sequence[DepotVib]", vib: "Vib") -> Iterator[Result]:
    """Compare the digests; reads the file once, even if the metadata declares it several times."""
    declared = {
        (checksum.checksum_type, checksum.digest.lower()): None
        for depot_vib in announced
        for checksum in depot_vib.checksums
        if checksum.checksum_type in ALGORITHMS
    }
    hasher = Hasher(dict.fromkeys(algorithm for algorithm, _digest in declared))
    for piece in vib.pieces() if declared else ():
        hasher.take(piece)
    for algorithm, digest in declared:
        claim, actual = f"{algorithm} of the file", hasher.digest(algorithm)
        what = f"its {algorithm} is {actual}, not {digest:.128}"
        yield Held(path, claim) if digest == actual else Fault(path, what, claim=claim)


@check("VF611", Severity.ERROR, Certainty.INFERRED)
def bulletin_lists_unknown_vib(subject: BundleScan) -> Iterator[Fault]:
    """A bulletin lists a VIB that the metadata does not describe.

    Why: hosts cannot install a component that lacks one of its VIBs.

    Remedy: add the VIB, or create the bundle again, with `vibforge bundle create`.

    Evidence: inferred from the format; not tried.
    """
    for bulletin, vib_id in unlisted_vibs(subject.bundle):
        yield Fault(bulletin.member, f"lists {vib_id:.200}, which the metadata does not describe")


@check("VF612", Severity.WARNING, Certainty.INFERRED)
def platforms_differ(subject: BundleScan) -> Iterator[Fault]:
    """The vendor indexes and the bulletins declare different releases.

    Why: Update Manager refuses a bundle as invalid unless both vendor indexes and the bulletins
    declare its release; esxcli does not check them.

    Remedy: create the bundle again, with `vibforge bundle create --platform`.

    Evidence: public reports.
    """
    for where, what in odd_platforms(subject.bundle):
        yield Fault(where, what)


@check("VF613", Severity.WARNING, Certainty.DOCUMENTED)
def legacy_metadata_unlike(subject: BundleScan) -> Iterator[Fault]:
    """vmware.xml is missing, or contradicts the bulletins.

    Why: Update Manager and vendors' tools read vmware.xml; hosts do not.

    Remedy: create the bundle again; `vibforge bundle create` writes vmware.xml.

    Evidence: vendor bundles; public reports.
    """
    if subject.bundle.response is None and not subject.bundle.faults:
        yield Fault("vmware.xml", "is missing")
    for bulletin in bulletins_contradicted_by_vmware_xml(subject.bundle):
        yield Fault("vmware.xml", f"contradicts the bulletin {bulletin.id:.200}, or lacks it")


@check(
    "VF614",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every VIB of the bundle can be read"),
)
def unreadable_vib(subject: BundleScan) -> Iterator[Fault]:
    """A VIB of the bundle cannot be read.

    Why: the install of that VIB stops; the other VIBs of the bundle are not affected.

    Remedy: download the bundle again; if you created it, create it again.

    Evidence: tried on 6.7.
    """
    for member, reason in subject.unreadable:
        yield Fault(member, reason)


@check("VF615", Severity.ERROR, Certainty.MEASURED)
def no_vib_announced(subject: BundleScan) -> Iterator[Fault]:
    """The metadata describes no VIB.

    Why: hosts find nothing to install.

    Remedy: create the bundle again from its VIBs, with `vibforge bundle create`.

    Evidence: tried on 6.7.
    """
    if not subject.bundle.faults and not subject.bundle.vibs:
        yield Fault("metadata.zip", "describes no VIB")


@check("VF616", Severity.WARNING, Certainty.DOCUMENTED)
def no_bulletins(subject: BundleScan) -> Iterator[Fault]:
    """The bundle has no bulletins.

    Why: Update Manager and vLCM require bulletins; `esxcli software vib install -d` does not.

    Remedy: create the bundle again; `vibforge bundle create` writes bulletins.

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
