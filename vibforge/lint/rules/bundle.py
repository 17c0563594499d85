"""VF6xx: what an offline bundle says of itself and of the VIBs in it."""

import hashlib
import re
from collections.abc import Iterator

from vibforge.esxi.table import has_components
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import BundleSubject
from vibforge.model.agreement import disagreements
from vibforge.model.bundle_contradictions import odd_platforms, unlike_response, unlisted_vibs
from vibforge.model.bundle_index import ELEMENT_MISSING
from vibforge.model.certainty import Certainty
from vibforge.model.vib import Vib

_CODE = re.compile(r"[0-9A-Za-z]{3}")
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


@rule("VF601", Severity.ERROR, Certainty.MEASURED)
def index_element_missing(subject: BundleSubject) -> Iterator[Fault]:
    """An index lacks an element that must be there.

    Why: hosts stop with MetadataFormatError, "Element … was expected, but not found".

    Remedy: in index.xml name, code, indexfile and relativePath; in the vendor index productId,
    version, locale and url; empty where there is nothing to say.

    Evidence: tried on 6.7.
    """
    for problem in subject.bundle.faults:
        if problem.what.startswith(ELEMENT_MISSING):
            yield Fault(problem.where.partition(":")[2], problem.what)


@rule("VF602", Severity.WARNING, Certainty.DOCUMENTED, minds=has_components)
def not_a_component(subject: BundleSubject) -> Iterator[Fault]:
    """No bulletin of the bundle is a component.

    Why: vLCM and `esxcli software component` take components only, and 9.0 has next to nothing
    else. `esxcli software vib install -d` works without.

    Remedy: componentNameSpec and componentVersionSpec in the bulletin; `vibforge bundle` writes
    them.

    Evidence: vendor bundles from 6.7 to 9.0 and the vendor's documentation.
    """
    if not any(bulletin.is_component for bulletin in subject.bundle.bulletins):
        count = len(subject.bundle.bulletins)
        yield Fault("bulletins/", f"{count} bulletins, and none is a component")


@rule("VF603", Severity.WARNING, Certainty.DOCUMENTED)
def odd_vendor_code(subject: BundleSubject) -> Iterator[Fault]:
    """The vendor's code is not three letters or digits.

    Why: PowerCLI demands exactly three; hosts take anything.

    Remedy: a code such as VMW.

    Evidence: PowerCLI's New-OfflineBundle.
    """
    code = dict(subject.bundle.vendor).get("code")
    if code is not None and not _CODE.fullmatch(code):
        yield Fault("index.xml", f"code {code!r:.40} is not three letters or digits")


@rule("VF604", Severity.ERROR, Certainty.MEASURED)
def metadata_unlike_vib(subject: BundleSubject) -> Iterator[Fault]:
    """The metadata describes another VIB than the one in the bundle.

    Why: hosts compare them at the install: "VIBs … have unequal values of the '…' attribute".

    Remedy: make the bundle anew from its VIBs.

    Evidence: tried on 6.7.
    """
    announced = {vib.relative_path: vib.descriptor for vib in subject.bundle.vibs}
    for member, vib in subject.vibs:
        if member in announced:
            for attribute in disagreements(vib.descriptor, announced[member]):
                yield Fault(vib.descriptor.vib_id, f"{attribute} differs from the metadata")


@rule("VF605", Severity.ERROR, Certainty.MEASURED)
def vib_not_in_bundle(subject: BundleSubject) -> Iterator[Fault]:
    """The metadata announces a VIB that is not in the bundle, or at another place.

    Why: hosts look for it at its relative-path and stop.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    present = set(subject.bundle.members)
    for vib in subject.bundle.vibs:
        if vib.relative_path not in present:
            place = vib.relative_path or "no relative-path"
            yield Fault(vib.descriptor.vib_id, f"is announced at {place:.200}, and not there")


@rule("VF606", Severity.WARNING, Certainty.DOCUMENTED)
def only_for_old_hosts(subject: BundleSubject) -> Iterator[Fault]:
    """The bundle says that it is for ESXi 5 only.

    Why: Update Manager and vLCM match the platform's version and refuse it for newer hosts; esxcli
    does not look.

    Remedy: name the releases in both vendor indexes and in the bulletin.

    Evidence: public reports.
    """
    versions = [platform.version for platform in subject.bundle.platforms]
    if versions and all(version.startswith(("5.", "4.")) for version in versions):
        yield Fault("vendor-index.xml", f"names {', '.join(sorted(set(versions)))} only")


@rule("VF607", Severity.ERROR, Certainty.DOCUMENTED)
def bundle_in_zip(subject: BundleSubject) -> Iterator[Fault]:
    """The bundle stands inside another zip.

    Why: hosts and vCenter look for index.xml at the top.

    Remedy: unpack the outer zip, and use the inner one.

    Evidence: a vendor bundle is published so.
    """
    if subject.inside:
        yield Fault(subject.bundle.name.rpartition(":")[2], "is the bundle; the outer zip is none")


@rule("VF608", Severity.WARNING, Certainty.DOCUMENTED)
def bulletin_field_missing(subject: BundleSubject) -> Iterator[Fault]:
    """A bulletin lacks what publishing tools ask for.

    Why: they demand each of these filled; hosts do not mind, and one vendor bulletin has no kbUrl.

    Remedy: fill them in.

    Evidence: read off the tools of 6.7; vendor bundles.
    """
    for bulletin in subject.bundle.bulletins:
        empty = [name for name in _BULLETIN_FIELDS if not bulletin.value(name)]
        if empty:
            yield Fault(bulletin.member, f"says nothing for {', '.join(empty)}")


@rule("VF609", Severity.ERROR, Certainty.MEASURED)
def bundle_fault(subject: BundleSubject) -> Iterator[Fault]:
    """A part of the bundle is missing or cannot be read.

    Why: one broken XML file in vibs/ keeps hosts from loading the whole bundle.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    for problem in subject.bundle.faults:
        if not problem.what.startswith(ELEMENT_MISSING):
            yield Fault(problem.where.partition(":")[2] or problem.where, problem.what)


@rule("VF610", Severity.WARNING, Certainty.MEASURED)
def wrong_packed_size(subject: BundleSubject) -> Iterator[Fault]:
    """The metadata tells another size or digest of a VIB's file.

    Why: 6.7 does not compare them; publishing tools do.

    Remedy: make the bundle anew.

    Evidence: tried on 6.7.
    """
    files = dict(subject.vibs)
    for announced in subject.bundle.vibs:
        vib = files.get(announced.relative_path)
        if vib is None:
            continue
        if announced.packed_size not in {None, vib.source.size}:
            what = f"is {vib.source.size} bytes, announced as {announced.packed_size}"
            yield Fault(announced.relative_path, what)
        for checksum in announced.checksums:
            if checksum.checksum_type == "sha-256" and checksum.digest.lower() != _sha256(vib):
                yield Fault(announced.relative_path, "has another sha-256 than announced")


@rule("VF611", Severity.ERROR, Certainty.INFERRED)
def bulletin_lists_unknown_vib(subject: BundleSubject) -> Iterator[Fault]:
    """A bulletin lists a VIB that the metadata does not announce.

    Why: a component without one of its VIBs cannot be installed.

    Remedy: make the bundle anew, or add the VIB.

    Evidence: concluded from the format; nobody is known to have tried it.
    """
    for bulletin, vib_id in unlisted_vibs(subject.bundle):
        yield Fault(bulletin.member, f"lists {vib_id:.200}, which is not announced")


@rule("VF612", Severity.WARNING, Certainty.INFERRED)
def platforms_differ(subject: BundleSubject) -> Iterator[Fault]:
    """The places that say for which releases the bundle is do not say the same.

    Why: Update Manager calls a bundle invalid unless both vendor indexes and the bulletins name its
    release; esxcli does not look.

    Remedy: make the bundle anew with `vibforge bundle create --platform`.

    Evidence: public reports.
    """
    for where, what in odd_platforms(subject.bundle):
        yield Fault(where, what)


@rule("VF613", Severity.WARNING, Certainty.DOCUMENTED)
def legacy_metadata_unlike(subject: BundleSubject) -> Iterator[Fault]:
    """vmware.xml is missing, or says something else than the bulletins.

    Why: Update Manager and vendors' tools read it; hosts do not.

    Remedy: make the bundle anew; `vibforge bundle` writes it.

    Evidence: vendor bundles; public reports.
    """
    if subject.bundle.response is None and not subject.bundle.faults:
        yield Fault("vmware.xml", "is missing")
    for bulletin in unlike_response(subject.bundle):
        yield Fault("vmware.xml", f"does not say what {bulletin.id:.200} says")


def _sha256(vib: Vib) -> str:
    digest = hashlib.sha256()
    for piece in vib.pieces():
        digest.update(piece)
    return digest.hexdigest()


RULES = (
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
)
