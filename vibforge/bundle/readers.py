"""What each of those who read offline bundles makes of one.

`esxcli software vib` was tried on 6.7. What is said of components, Lifecycle Manager, Image Builder
and Update Manager comes from the vendor's documentation and bundles and from reports, and says so
by its certainty.
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
"""What keeps ESXi's library from loading a bundle; all readers share it."""
_STAGING = (
    of_bundle.vib_not_in_bundle,
    of_bundle.unreadable_vib,
    of_bundle.metadata_unlike_vib,
)
"""What ends an install when VIBs are fetched and compared with the metadata."""
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
"""How certain it is that a reader takes a bundle in which no check finds anything."""


class Verdict(StrEnum):
    """What a reader does with a bundle."""

    TAKES = "takes it"
    REFUSES = "refuses it"
    OPEN = "not known"


class ReaderVerdict(Struct, frozen=True, kw_only=True):
    """What one reader makes of a bundle; `says` is its message where one is on record."""

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
"""What becomes of the VIBs behind a reader, as `plan` says it."""
_OTHERS = tuple(
    release for release in TABLE if release not in STOCK_TARGETS and release >= STOCK_TARGETS[0]
)
_ATTEMPTS = (
    (STOCK_TARGETS, NO_FLAGS),
    (_OTHERS, NO_FLAGS),
    (STOCK_TARGETS, Flags(no_live_install=True)),
    (STOCK_TARGETS, Flags(force=True, no_sig_check=True, no_live_install=True)),
)
"""The releases and flags that are tried, one after the other, until something installs."""


def bundle_refusals(scan: BundleScan) -> dict[BundleReader, tuple[Refusal, ...]]:
    """Return what each reader refuses of a bundle itself."""
    return {reader: tuple(_refusals(_CHECKS[reader], scan)) for reader in BundleReader}


def reader_verdicts(scan: BundleScan, candidate: InstallCandidate) -> tuple[ReaderVerdict, ...]:
    """Return what each reader makes of a bundle.

    A reader refuses it where the bundle itself is wrong, or where its VIBs go by the reader's route
    to no release, whatever flags are given there and whatever level the host has.

    Args:
        scan: the bundle.
        candidate: what it candidates to hosts.
    """
    return tuple(_judged(reader, scan, candidate) for reader in BundleReader)


def _judged(reader: BundleReader, scan: BundleScan, candidate: InstallCandidate) -> ReaderVerdict:
    remarks = tuple(_remarks(reader, scan))
    refused = candidate.reader_refusals[reader]
    if refused:
        says = next(filter(None, map(_says, refused)), "")
        return _refusing(reader, [each.cause for each in refused], says, remarks)
    if reader not in _ROUTES:
        return _taking(reader, _CERTAINTY[reader], remarks)
    found, flags = _arrivals(_ROUTES[reader], candidate)
    going = _certainties(found)
    if not going:
        results = [branch.result for branches in found.values() for branch in branches]
        last = min(results, key=lambda each: each.certainty.doubt)
        says = f"[{last.message.error}] {last.message.text}" if last.message else last.says.strip()
        return _refusing(reader, last.causes, says, remarks)
    surest = min(going, key=lambda each: each.doubt)
    certainty = surest if surest is Certainty.UNKNOWN else _CERTAINTY[reader]
    doubts = tuple(_conditions(found, flags)) if surest is Certainty.UNKNOWN else ()
    return _taking(reader, certainty, (*remarks, *doubts, *_but(found)))


def _arrivals(
    route: Route, candidate: InstallCandidate
) -> tuple[dict[Release, tuple[Branch[Prediction], ...]], Flags]:
    """Return what becomes of the VIBs on hosts of their level, and the flags that were given last.

    Releases and flags are tried in turn, until the VIBs go in somewhere.
    """
    found: dict[Release, tuple[Branch[Prediction], ...]] = {}
    given = NO_FLAGS
    for releases, flags in _ATTEMPTS:
        given = flags
        for release in releases:
            host = replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)
            delivery = Delivery(host=host, candidate=candidate, flags=flags)
            if route in routes_of(delivery):
                found[release] = predict_route(delivery, route)
        if _certainties(found):
            break
    return found, given


def _certainties(found: Mapping[Release, Sequence[Branch[Prediction]]]) -> list[Certainty]:
    """Return how certain each way is on which the VIBs are installed."""
    results = (branch.result for branches in found.values() for branch in branches)
    return [result.certainty for result in results if result.outcome.installs]


def _goes(branches: Sequence[Branch[Prediction]]) -> bool:
    return any(branch.result.outcome.installs for branch in branches)


def _but(found: Mapping[Release, Sequence[Branch[Prediction]]]) -> Iterator[str]:
    """Name the releases to which the VIBs do not go, each reason once."""
    kept: dict[str, list[str]] = {}
    for release, branches in found.items():
        if release in STOCK_TARGETS and not _goes(branches):
            reason = "; ".join(map(str, branches[0].result.causes[:1]))
            kept.setdefault(reason, []).append(str(release))
    for reason, releases in kept.items():
        yield f"not for {', '.join(releases)}: {reason}"


def _conditions(
    found: Mapping[Release, Sequence[Branch[Prediction]]], flags: Flags
) -> Iterator[str]:
    """Name what the VIBs' way depends on, for the first release to which they may go."""
    forced = f" with {' '.join(flags.words)}" if flags.words else ""
    for release, branches in found.items():
        for branch in branches:
            if branch.result.outcome.installs:
                conditions = (
                    "; ".join(branch.assumptions.conditions)
                    or "it checks what `vib install` checks"
                )
                yield f"on {release}{forced} if {conditions}"
                return


def _taking(reader: BundleReader, certainty: Certainty, remarks: tuple[str, ...]) -> ReaderVerdict:
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
            key=lambda each: each.doubt,
            default=Certainty.INFERRED,
        ),
        says=says,
        causes=tuple(causes),
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
