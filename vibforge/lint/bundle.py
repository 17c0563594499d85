"""VF6xx: what an offline bundle says of itself and of the VIBs in it."""

import hashlib
import re
from collections.abc import Iterator

from vibforge.host.release import ESXI_70
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import BundleSubject
from vibforge.model.certainty import Certainty
from vibforge.model.descriptor import Descriptor
from vibforge.model.vib import Vib

_VENDOR_ELEMENTS = ("name", "code", "indexfile", "relativePath")
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
_AGREED = ("type", "name", "version", "vendor", "acceptance_level", "overlay")


@rule("VF601", Severity.ERROR, Certainty.MEASURED)
def index_element_missing(subject: BundleSubject) -> Iterator[Fault]:
    """index.xml lacks an element that must be there.

    Why: hosts stop with MetadataFormatError, "Element … was expected, but not found".

    Remedy: name, code, indexfile and relativePath, empty where there is nothing to say.

    Evidence: tried on 6.7.
    """
    present = {name for name, _ in subject.bundle.vendor}
    for element in _VENDOR_ELEMENTS:
        if element not in present:
            yield Fault("index.xml", f"has no <{element}>")


@rule("VF602", Severity.WARNING, Certainty.DOCUMENTED, since=ESXI_70)
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
    announced = {vib.descriptor.vib_id: vib.descriptor for vib in subject.bundle.vibs}
    for _, vib in subject.vibs:
        other = announced.get(vib.descriptor.vib_id)
        if other is not None:
            for attribute in _disagreements(vib.descriptor, other):
                yield Fault(vib.descriptor.vib_id, f"{attribute} differs from the metadata")


def _disagreements(own: Descriptor, announced: Descriptor) -> Iterator[str]:
    for name in _AGREED:
        if (getattr(own, name) or False) != (getattr(announced, name) or False):
            yield name.replace("_", "-")
    if set(own.file_list) != set(announced.file_list):
        yield "file-list"
    if _digests(own) != _digests(announced):
        yield "payloads"


def _digests(of: Descriptor) -> list[tuple[str, str, int | None, frozenset[tuple[str, str]]]]:
    return sorted(
        (p.name, p.type, p.size, frozenset((c.checksum_type, c.digest) for c in p.checksums))
        for p in of.payloads
    )


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
)
