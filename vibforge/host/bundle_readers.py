"""What each of those who read offline bundles makes of one.

`esxcli software vib` was tried on 6.7. What is said of components, Lifecycle Manager, Image Builder
and Update Manager comes from the vendor's documentation and bundles and from reports, and says so
by its certainty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vibforge.checks import bundle as of_bundle
from vibforge.esxi.messages import NOT_ON_RECORD
from vibforge.findings.check import Check, Step
from vibforge.host.offer import refusals
from vibforge.host.prediction import Cause, Refusal
from vibforge.host.reading import refusal
from vibforge.model.certainty import Certainty
from vibforge.model.vib import Vib
from vibforge.scan.vib import BundleScan, VibScan

_LOADING = (
    of_bundle.bundle_in_zip,
    of_bundle.index_element_missing,
    of_bundle.bundle_fault,
    of_bundle.no_vib_announced,
)
"""What keeps ESXi's library from loading a bundle; all readers share it."""
_STAGING = (
    of_bundle.vib_not_in_bundle,
    of_bundle.unreadable_vib,
    of_bundle.metadata_unlike_vib,
)
"""What ends an install when VIBs are fetched and compared with the metadata."""
_COMPONENTS = (of_bundle.not_a_component, of_bundle.bulletin_lists_unknown_vib)


class BundleReader(StrEnum):
    """Who reads an offline bundle."""

    ESXCLI = "esxcli software vib install -d"
    COMPONENT = "esxcli software component apply -d"
    VLCM = "vLCM import"
    IMAGE_BUILDER = "Image Builder"
    UPDATE_MANAGER = "Update Manager"


_CHECKS: dict[BundleReader, tuple[Check[BundleScan], ...]] = {
    BundleReader.ESXCLI: (*_LOADING, *_STAGING),
    BundleReader.COMPONENT: (*_LOADING, *_STAGING, *_COMPONENTS),
    BundleReader.VLCM: (
        *(*_LOADING, *_COMPONENTS, *_STAGING),
        of_bundle.odd_vendor_code,
        of_bundle.only_for_old_hosts,
        of_bundle.platforms_differ,
    ),
    BundleReader.IMAGE_BUILDER: (*_LOADING, *_STAGING),
    BundleReader.UPDATE_MANAGER: (
        *_LOADING,
        of_bundle.no_bulletins,
        of_bundle.platforms_differ,
        of_bundle.legacy_metadata_unlike,
        of_bundle.only_for_old_hosts,
    ),
}
_CERTAINTY = {
    BundleReader.ESXCLI: Certainty.MEASURED,
    BundleReader.COMPONENT: Certainty.INFERRED,
    BundleReader.VLCM: Certainty.INFERRED,
    BundleReader.IMAGE_BUILDER: Certainty.INFERRED,
    BundleReader.UPDATE_MANAGER: Certainty.INFERRED,
}
"""How certain it is that a reader takes a bundle in which no check finds anything."""


class Verdict(StrEnum):
    """What a reader does with a bundle."""

    TAKES = "takes it"
    REFUSES = "refuses it"
    OPEN = "not known"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderVerdict:
    """What one reader makes of a bundle; `says` is its message where one is on record."""

    reader: BundleReader
    verdict: Verdict
    certainty: Certainty
    says: str = ""
    causes: tuple[Cause, ...] = ()
    remarks: tuple[str, ...] = ()


def vib_refusals(scan: VibScan, where: str) -> tuple[Refusal, ...]:
    """Return what a host's reader says of a VIB of a bundle; `where` names the VIB."""
    found = (*refusals(scan, Step.READING), *refusals(scan, Step.PAYLOADS))
    return tuple(replace(each, cause=replace(each.cause, subject=where)) for each in found)


def reader_verdicts(scan: BundleScan, of_vibs: Sequence[Refusal] = ()) -> tuple[ReaderVerdict, ...]:
    """Return what each reader makes of a bundle.

    Args:
        scan: the bundle.
        of_vibs: what hosts refuse of the VIBs in it (`vib_refusals`).
    """
    return tuple(_judged(reader, scan, of_vibs) for reader in BundleReader)


def _judged(reader: BundleReader, scan: BundleScan, of_vibs: Sequence[Refusal]) -> ReaderVerdict:
    refused = list(_refusals(_CHECKS[reader], scan))
    if reader is not BundleReader.UPDATE_MANAGER:
        refused += of_vibs
    remarks = tuple(_remarks(reader, scan))
    if not refused:
        certainty = _CERTAINTY[reader]
        if reader is BundleReader.VLCM and _unsigned(scan):
            certainty = Certainty.UNKNOWN
        verdict = Verdict.OPEN if certainty is Certainty.UNKNOWN else Verdict.TAKES
        return ReaderVerdict(reader=reader, verdict=verdict, certainty=certainty, remarks=remarks)
    causes = tuple(each.cause for each in refused)
    return ReaderVerdict(
        reader=reader,
        verdict=Verdict.REFUSES,
        certainty=min((cause.certainty for cause in causes), key=lambda each: each.doubt),
        says=next(filter(None, map(_says, refused)), ""),
        causes=causes,
        remarks=remarks,
    )


def loading_refusals(scan: BundleScan) -> tuple[Refusal, ...]:
    """Return what a host's library says when it loads the bundle."""
    return tuple(_refusals(_LOADING, scan))


def staging_refusals(scan: BundleScan) -> tuple[Refusal, ...]:
    """Return what a host says when it fetches the VIBs and compares them with the metadata."""
    return tuple(_refusals(_STAGING, scan))


def _refusals(checks: Sequence[Check[BundleScan]], scan: BundleScan) -> Iterator[Refusal]:
    for check in checks:
        for fault in check.faults(scan):
            yield refusal(check, fault, "")


def _says(refused: Refusal) -> str:
    message = refused.message
    return f"[{message.error}] {message.text}" if message.text != NOT_ON_RECORD else ""


def _unsigned(scan: BundleScan) -> list[Vib]:
    return [vib for _member, vib in scan.vibs if not vib.is_signed]


def _names(vibs: Sequence[Vib]) -> str:
    return ", ".join(vib.descriptor.vib_id for vib in vibs)


def _remarks(reader: BundleReader, scan: BundleScan) -> Iterator[str]:
    match reader:
        case BundleReader.ESXCLI:
            yield "it must be on the host, with its full path; over the network only as a depot"
            yield "tried on 6.7; `vibforge plan` says what a host makes of the VIBs themselves"
        case BundleReader.COMPONENT:
            yield "hosts from 7.0 on have it; what else it checks is not on record"
        case BundleReader.VLCM:
            yield from _vlcm_remarks(scan)
        case BundleReader.IMAGE_BUILDER:
            yield "`Add-EsxSoftwarePackage` needs -Force for paths outside the level's list"
            claiming = [vib for vib in _unsigned(scan) if vib.descriptor.level.needs_signature]
            if claiming:
                yield f"its export refuses the unsigned {_names(claiming)}: use -NoSignatureCheck"
        case BundleReader.UPDATE_MANAGER:
            yield "it serves hosts up to 8.x: 9.0 has no baselines any more (KB 379388)"
            for fault in of_bundle.bulletin_field_missing.faults(scan):
                yield f"publishing tools refuse {fault.where}: it {fault.what}"


def _vlcm_remarks(scan: BundleScan) -> Iterator[str]:
    if unsigned := _unsigned(scan):
        yield f"whether it takes the unsigned {_names(unsigned)} is not known"
    if not all(v.descriptor.system_requires.software_platforms for _member, v in scan.vibs):
        yield "a public recipe names softwarePlatform in the VIB too"
    for bulletin in scan.bundle.components:
        if not bulletin.value("kbUrl").startswith(("http://", "https://")):
            yield f"{bulletin.id} has no page with more information; a public recipe names one"
