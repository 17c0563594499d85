"""Predict which readers of offline bundles accept a bundle.

`esxcli software vib` was tried on 6.7. Verdicts about components, Lifecycle Manager, Image Builder
and Update Manager come from the vendor's documentation and bundles and from reports; the certainty
says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle import checks as of_bundle
from vibforge.bundle.scan import BundleScan
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.messages import NOT_ON_RECORD
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import STOCK_TARGETS, TABLE
from vibforge.findings.check import Check
from vibforge.host.candidate import BundleReader, InstallCandidate
from vibforge.host.command import NO_FLAGS, Flags
from vibforge.host.host import stock_host
from vibforge.host.prediction import Branch, Cause, Prediction, Refusal
from vibforge.host.reading import refusal
from vibforge.host.routes import Delivery, Route, predict_route, routes_of
from vibforge.vib.archive import Vib

_LOADING = (
    of_bundle.bundle_in_zip,
    of_bundle.index_element_missing,
    of_bundle.bundle_fault,
    of_bundle.no_vib_announced,
)
"""Faults with which ESXi's library does not load a bundle; all readers use this library."""
_STAGING = (
    of_bundle.vib_not_in_bundle,
    of_bundle.unreadable_vib,
    of_bundle.metadata_unlike_vib,
)
"""Faults that stop an install when the host downloads VIBs and compares them with the metadata."""
_COMPONENTS = (of_bundle.not_a_component, of_bundle.bulletin_lists_unknown_vib)


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
"""How certain it is that a reader accepts a bundle without findings."""


class Verdict(StrEnum):
    """What a reader does with a bundle."""

    TAKES = "takes it"
    REFUSES = "refuses it"
    OPEN = "not known"


class ReaderVerdict(Struct, frozen=True, kw_only=True):
    """The verdict of one reader on a bundle; `says` is the reader's message, if it is known."""

    reader: BundleReader
    verdict: Verdict
    certainty: Certainty
    says: str = ""
    causes: tuple[Cause, ...] = ()
    remarks: tuple[str, ...] = ()


_ROUTES = {
    BundleReader.ESXCLI: Route.INSTALL,
    BundleReader.COMPONENT: Route.COMPONENT,
    BundleReader.VLCM: Route.VLCM,
    BundleReader.IMAGE_BUILDER: Route.IMAGE_BUILDER,
}
"""The route by which each reader installs the VIBs of a bundle."""
_OTHERS = tuple(
    release for release in TABLE if release not in STOCK_TARGETS and release >= STOCK_TARGETS[0]
)
_ATTEMPTS = (
    (STOCK_TARGETS, NO_FLAGS),
    (_OTHERS, NO_FLAGS),
    (STOCK_TARGETS, Flags(no_live_install=True)),
    (STOCK_TARGETS, Flags(force=True, no_sig_check=True, no_live_install=True)),
)
"""The releases and flags to try in turn until the VIBs install."""


def bundle_refusals(scan: BundleScan) -> dict[BundleReader, tuple[Refusal, ...]]:
    """Return why each reader refuses the bundle itself, apart from its VIBs."""
    return {reader: tuple(_refusals(_CHECKS[reader], scan)) for reader in BundleReader}


def reader_verdicts(scan: BundleScan, candidate: InstallCandidate) -> tuple[ReaderVerdict, ...]:
    """Return the verdict of each reader on a bundle.

    A reader refuses the bundle because of its own faults, or if its VIBs install by the reader's
    route on no release, with any flags and at any level of the host.

    Args:
        scan: the bundle.
        candidate: the bundle as an install candidate.
    """
    return tuple(_judged(reader, scan, candidate) for reader in BundleReader)


def _judged(reader: BundleReader, scan: BundleScan, candidate: InstallCandidate) -> ReaderVerdict:
    remarks = tuple(_remarks(reader, scan))
    refused = candidate.reader_refusals[reader]
    if refused:
        says = next(filter(None, map(_says, refused)), "")
        return _refusing(reader, [refusal.cause for refusal in refused], says, remarks)
    if reader not in _ROUTES:
        return _accepting(reader, _CERTAINTY[reader], remarks)
    predictions, flags = _predict_releases(_ROUTES[reader], candidate)
    certainties = _install_certainties(predictions)
    if not certainties:
        results = [branch.result for branches in predictions.values() for branch in branches]
        last = min(results, key=lambda result: result.certainty.doubt)
        says = f"[{last.message.error}] {last.message.text}" if last.message else last.says.strip()
        return _refusing(reader, last.causes, says, remarks)
    surest = min(certainties, key=lambda certainty: certainty.doubt)
    certainty = surest if surest is Certainty.UNKNOWN else _CERTAINTY[reader]
    doubts = tuple(_conditions(predictions, flags)) if surest is Certainty.UNKNOWN else ()
    return _accepting(reader, certainty, (*remarks, *doubts, *_refusing_releases(predictions)))


def _predict_releases(
    route: Route, candidate: InstallCandidate
) -> tuple[dict[Release, tuple[Branch[Prediction], ...]], Flags]:
    """Return the predictions for hosts at level community, and the last flags tried.

    Releases and flags are tried in turn until the VIBs install on a release.
    """
    predictions: dict[Release, tuple[Branch[Prediction], ...]] = {}
    given = NO_FLAGS
    for releases, flags in _ATTEMPTS:
        given = flags
        for release in releases:
            host = replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)
            delivery = Delivery(host=host, candidate=candidate, flags=flags)
            if route in routes_of(delivery):
                predictions[release] = predict_route(delivery, route)
        if _install_certainties(predictions):
            break
    return predictions, given


def _install_certainties(
    predictions: Mapping[Release, Sequence[Branch[Prediction]]],
) -> list[Certainty]:
    """Return the certainty of each branch in which the VIBs install."""
    results = (branch.result for branches in predictions.values() for branch in branches)
    return [result.certainty for result in results if result.outcome.installs]


def _may_install(branches: Sequence[Branch[Prediction]]) -> bool:
    return any(branch.result.outcome.installs for branch in branches)


def _refusing_releases(
    predictions: Mapping[Release, Sequence[Branch[Prediction]]],
) -> Iterator[str]:
    """Yield a remark for each cause with the releases that refuse the VIBs because of it."""
    refusing: dict[str, list[str]] = {}
    for release, branches in predictions.items():
        if release in STOCK_TARGETS and not _may_install(branches):
            reason = "; ".join(map(str, branches[0].result.causes[:1]))
            refusing.setdefault(reason, []).append(str(release))
    for reason, releases in refusing.items():
        yield f"not for {', '.join(releases)}: {reason}"


def _conditions(
    predictions: Mapping[Release, Sequence[Branch[Prediction]]], flags: Flags
) -> Iterator[str]:
    """Yield the conditions for the first release on which the VIBs may install."""
    forced = f" with {' '.join(flags.words)}" if flags.words else ""
    for release, branches in predictions.items():
        for branch in branches:
            if branch.result.outcome.installs:
                conditions = (
                    "; ".join(branch.assumptions.conditions)
                    or "it checks what `vib install` checks"
                )
                yield f"on {release}{forced} if {conditions}"
                return


def _accepting(
    reader: BundleReader, certainty: Certainty, remarks: tuple[str, ...]
) -> ReaderVerdict:
    verdict = Verdict.OPEN if certainty is Certainty.UNKNOWN else Verdict.TAKES
    return ReaderVerdict(reader=reader, verdict=verdict, certainty=certainty, remarks=remarks)


def _refusing(
    reader: BundleReader, causes: Sequence[Cause], says: str, remarks: tuple[str, ...]
) -> ReaderVerdict:
    return ReaderVerdict(
        reader=reader,
        verdict=Verdict.REFUSES,
        certainty=min(
            (cause.certainty for cause in causes),
            key=lambda certainty: certainty.doubt,
            default=Certainty.INFERRED,
        ),
        says=says,
        causes=tuple(causes),
        remarks=remarks,
    )


def loading_refusals(scan: BundleScan) -> tuple[Refusal, ...]:
    """Return the refusals of a host's library when it loads the bundle."""
    return tuple(_refusals(_LOADING, scan))


def staging_refusals(scan: BundleScan) -> tuple[Refusal, ...]:
    """Return the refusals of a host when it downloads the VIBs and compares the metadata."""
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
            yield "copy it to the host and give its full path; over the network, use a depot"
            yield "tried on 6.7; `vibforge plan` predicts what a host does with the VIBs"
        case BundleReader.COMPONENT:
            yield "available from 7.0 on; its further checks are not known"
        case BundleReader.VLCM:
            yield from _vlcm_remarks(scan)
        case BundleReader.IMAGE_BUILDER:
            yield "`Add-EsxSoftwarePackage` requires -Force for paths that the level does not allow"
            claiming = [vib for vib in _unsigned(scan) if vib.descriptor.level.needs_signature]
            if claiming:
                yield f"its export refuses the unsigned {_names(claiming)}; use -NoSignatureCheck"
        case BundleReader.UPDATE_MANAGER:
            yield "only for hosts up to 8.x; 9.0 no longer has baselines (KB 379388)"
            for fault in of_bundle.bulletin_field_missing.faults(scan):
                yield f"publishing tools refuse {fault.where}: it {fault.what}"


def _vlcm_remarks(scan: BundleScan) -> Iterator[str]:
    if unsigned := _unsigned(scan):
        yield f"it may refuse the unsigned {_names(unsigned)}; that is not known"
    if not all(v.descriptor.system_requires.software_platforms for _member, v in scan.vibs):
        yield "a public guide recommends softwarePlatform in the VIB too"
    for bulletin in scan.bundle.components:
        if not bulletin.value("kbUrl").startswith(("http://", "https://")):
            yield f"{bulletin.id} has no kbUrl; a public guide recommends one"
