"""The routes by which a VIB is delivered to a host, and later upgrades of that host."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import ModelError
from vibforge.esxi import messages
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.esxi.table import DeliveryMethod, is_known, row_of
from vibforge.host.candidate import NO_CANDIDATE, BundleReader, InstallCandidate
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import Host
from vibforge.host.image import ImageChange, Verb, chosen_from_depot
from vibforge.host.install.installer import predict
from vibforge.host.install.staging import TRUSTED
from vibforge.host.install.validation import image_refusals
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Branch,
    Cause,
    ImageRefusal,
    InstallOutcome,
    Prediction,
    ReportGroup,
    UnknownFact,
    branches,
    not_known,
)
from vibforge.vib.signature import Signature

_CONFLICTING_GROUPS = frozenset({ReportGroup.DEPENDENCY, ReportGroup.PROFILE})
_LEVEL_GROUPS = frozenset({ReportGroup.EXTENSIBILITY, ReportGroup.ACCEPTANCE})
_FIRST_WITHOUT_LEVELS = Release(7, 0)
_LEVELS_LEFT_OUT = UnknownFact(
    key="upgrade-levels",
    if_yes="the upgrade does not check paths and levels, like the pre-check on the 7.0.0 media",
    if_no="a later validation refuses them, as reported for upgrades to 6.0 (ghettoVCB #63)",
)
_GUNZIP_CODE = "MISSING_GUNZIP_CHECKSUM_VIB_ERRORS"
_CONFLICTING = (
    "CONFLICTING_VIBS ERROR: Vibs on the host are conflicting with vibs in metadata. Remove the "
    "conflicting vibs or use Image Builder to create a custom ISO providing newer versions of the "
    "conflicting vibs."
)


def predict_upgrade(
    host: Host, packages: tuple[Package, ...], to: Release
) -> tuple[Branch[Prediction], ...]:
    """Predict an upgrade of `host` to release `to` while these VIBs are installed."""
    return branches(lambda assumptions: _evaluate(host, packages, to, assumptions))


def _evaluate(
    host: Host, packages: tuple[Package, ...], to: Release, assumptions: Assumptions
) -> Prediction:
    after = replace(host, release=to, installed=(), installed_known=False)
    change = ImageChange(added=(), removed=(), kept=packages, skipped=())
    groups = image_refusals(after, change, assumptions)
    levels = [group for group in groups if group[0].group in _LEVEL_GROUPS]
    depends = bool(levels) and to >= _FIRST_WITHOUT_LEVELS
    if depends and assumptions.assume(_LEVELS_LEFT_OUT):
        groups = tuple(group for group in groups if group not in levels)
    if not groups:
        return Prediction(
            outcome=InstallOutcome.REBOOT,
            says="The upgrade goes on and keeps the VIB.",
            certainty=Certainty.UNKNOWN if depends else Certainty.INFERRED,
        )
    causes = tuple(cause for group in groups for refusal in group for cause in refusal.causes)
    return Prediction(
        outcome=InstallOutcome.REFUSED,
        says="\n".join(line for group in groups for line in _lines(group)),
        certainty=Certainty.UNKNOWN
        if depends and all(group in levels for group in groups)
        else least_sure([Certainty.DOCUMENTED, *(cause.certainty for cause in causes)]),
        causes=causes,
    )


def _lines(group: tuple[ImageRefusal, ...]) -> Iterator[str]:
    texts = dict.fromkeys(refusal.message.text for refusal in group)
    if any(not refusal.forcible for refusal in group):
        yield f" <{_GUNZIP_CODE}>"
    elif group[0].group in _CONFLICTING_GROUPS:
        yield f" <{_CONFLICTING}>"
    yield from (f" {text}" for text in texts)


class Route(StrEnum):
    """A way to install, remove or upgrade VIBs on a host."""

    INSTALL = "esxcli software vib install"
    UPDATE = "esxcli software vib update"
    REMOVE = "esxcli software vib remove"
    COMPONENT = "esxcli software component apply"
    UPGRADE = "ISO upgrade with the VIB installed"
    VLCM = "vLCM image"
    IMAGE_BUILDER = "Image Builder"


COMMUNITY_IN_VLCM = UnknownFact(
    key="vlcm-community",
    if_yes="vLCM accepts components of this acceptance level",
    if_no="vLCM refuses components of this acceptance level",
)


class Delivery(Struct, frozen=True, kw_only=True):
    """One candidate for one host; `upgrade_to` is the release of a later upgrade."""

    host: Host
    candidate: InstallCandidate = NO_CANDIDATE
    names: tuple[str, ...] = ()
    """The installed VIBs to remove, by a name that esxcli accepts."""
    flags: Flags = NO_FLAGS
    upgrade_to: Release | None = None

    def command(self, verb: Verb = Verb.INSTALL) -> Command:
        """Return the `esxcli software vib` command of this delivery.

        A host selects the VIBs of a bundle itself, and installs single VIBs as they are given.
        """
        packages = self.candidate.packages
        return Command(
            host=self.host,
            packages=chosen_from_depot(packages) if self.candidate.is_bundle else packages,
            names=self.names,
            verb=verb,
            flags=self.flags,
            refusals=self.candidate.refusals,
            damage=self.candidate.damage,
        )


def routes_of(delivery: Delivery) -> tuple[Route, ...]:
    """Return the routes that the host's release supports."""
    cell = row_of(delivery.host.release).deliveries
    methods = cell.value if cell else frozenset(DeliveryMethod)
    routes = [route for route, method in _METHOD_OF.items() if method in methods]
    if delivery.upgrade_to is not None:
        routes += [Route.UPGRADE]
    return tuple(routes)


_METHOD_OF = {
    Route.INSTALL: DeliveryMethod.VIB,
    Route.UPDATE: DeliveryMethod.VIB,
    Route.COMPONENT: DeliveryMethod.COMPONENT,
    Route.VLCM: DeliveryMethod.VLCM,
    Route.IMAGE_BUILDER: DeliveryMethod.IMAGE_BUILDER,
}


def predict_route(delivery: Delivery, route: Route) -> tuple[Branch[Prediction], ...]:
    """Return the possible results of a delivery by one route."""
    releases = {delivery.host.release, delivery.upgrade_to or delivery.host.release}
    unknown = sorted(release for release in releases if not is_known(release))
    if unknown:
        return (Branch(Assumptions(), not_known(unknown[0])),)
    match route:
        case Route.INSTALL:
            return predict(delivery.command())
        case Route.UPDATE:
            return predict(delivery.command(Verb.UPDATE))
        case Route.REMOVE:
            return predict(delivery.command(Verb.REMOVE))
        case Route.COMPONENT:
            return _component(delivery)
        case Route.VLCM:
            return _vlcm(delivery)
        case Route.IMAGE_BUILDER:
            return branches(lambda assumptions: _image_builder(delivery, assumptions))
        case Route.UPGRADE:
            to = delivery.upgrade_to or delivery.host.release
            return predict_upgrade(delivery.host, delivery.candidate.packages, to)


def _component(delivery: Delivery) -> tuple[Branch[Prediction], ...]:
    if (refused := _refused_by(delivery, BundleReader.COMPONENT)) is not None:
        return (Branch(Assumptions(), refused),)
    return tuple(
        Branch(branch.assumptions, _at_most(branch.result, Certainty.INFERRED))
        for branch in predict(delivery.command())
    )


def _vlcm(delivery: Delivery) -> tuple[Branch[Prediction], ...]:
    if (refused := _refused_by(delivery, BundleReader.VLCM)) is not None:
        return (Branch(Assumptions(), refused),)
    return branches(lambda assumptions: _vlcm_import(delivery, assumptions))


def _vlcm_import(delivery: Delivery, assumptions: Assumptions) -> Prediction:
    """Predict an import; vLCM's own treatment of levels is unknown, whatever the host's level."""
    levels = [package.level for package in delivery.candidate.packages]
    lowest = min(levels, key=lambda level: level.rank, default=delivery.host.acceptance_level)
    at_level = replace(delivery, host=replace(delivery.host, acceptance_level=lowest))
    refused = _validated(at_level, assumptions)
    if refused is not None:
        return _at_most(refused, Certainty.INFERRED)
    signed = {Signature.TRUSTED, Signature.UNKNOWN}
    below = [p for p in delivery.candidate.packages if p.signature not in signed]
    if below and not assumptions.assume(COMMUNITY_IN_VLCM):
        what = "has no valid signature; vLCM may refuse that, and has no --force"
        causes = tuple(
            Cause(what=what, subject=package.id, certainty=Certainty.UNKNOWN) for package in below
        )
        return _refused(causes, "")
    return Prediction(
        outcome=InstallOutcome.REBOOT,
        says="imported, and installed at the next remediation of the cluster",
        certainty=Certainty.UNKNOWN if below else Certainty.INFERRED,
    )


def _image_builder(delivery: Delivery, assumptions: Assumptions) -> Prediction:
    """Predict an export; --force and --no-sig-check mean -Force and -NoSignatureCheck here."""
    refused = _refused_by(delivery, BundleReader.IMAGE_BUILDER) or _validated(
        delivery, assumptions, {ReportGroup.EXTENSIBILITY} if delivery.flags.force else frozenset()
    )
    if refused is not None:
        return _at_most(refused, Certainty.INFERRED)
    for package in delivery.candidate.packages:
        trusted = package.signature is Signature.TRUSTED or (
            package.signature is Signature.UNKNOWN and assumptions.assume(TRUSTED)
        )
        if package.level.needs_signature and not (trusted or delivery.flags.no_sig_check):
            what = "has no signature that the export trusts; -NoSignatureCheck skips the check"
            cause = Cause(what=what, subject=package.id, certainty=Certainty.DOCUMENTED)
            return _refused((cause,), f" {messages.UNTRUSTED.text}")
    return Prediction(
        outcome=InstallOutcome.REBOOT,
        says="becomes part of the image profile and of an ISO exported from it",
        certainty=Certainty.INFERRED,
    )


def _validated(
    delivery: Delivery, assumptions: Assumptions, skipped: AbstractSet[ReportGroup] = frozenset()
) -> Prediction | None:
    """Return the refusal of an image with these VIBs, without the groups `skipped`; else None."""
    candidate, release = delivery.candidate, delivery.host.release
    reading = [r for r in (*candidate.refusals, *candidate.payload_refusals) if r.holds(release)]
    if reading:
        return _refused((reading[0].cause,), f" {reading[0].message.text}")
    alone = replace(delivery.host, installed=(), installed_known=False)
    added = ImageChange(added=delivery.candidate.packages, removed=(), kept=(), skipped=())
    groups = image_refusals(alone, added, assumptions, skipped=skipped)
    if not groups:
        return None
    first = groups[0]
    text = "\n".join(dict.fromkeys(f" {refusal.message.text}" for refusal in first))
    return _refused(tuple(cause for refusal in first for cause in refusal.causes), text)


def _refused_by(delivery: Delivery, reader: BundleReader) -> Prediction | None:
    """Return why a reader of offline bundles refuses the candidate; None if it accepts it."""
    if not delivery.candidate.is_bundle:
        return None if reader is BundleReader.IMAGE_BUILDER else _no_bundle(reader)
    possible = delivery.candidate.reader_refusals.get(reader, ())
    refusals = [refusal for refusal in possible if refusal.holds(delivery.host.release)]
    if not refusals:
        return None
    texts = dict.fromkeys(f" {refusal.message.text}" for refusal in refusals)
    says = "\n".join(text for text in texts if messages.NOT_ON_RECORD not in text)
    return _refused(tuple(refusal.cause for refusal in refusals), says)


def _no_bundle(reader: BundleReader) -> Prediction:
    what = f"{reader} installs only offline bundles with components, not single VIBs"
    return _refused((Cause(what=what, certainty=Certainty.DOCUMENTED, rule="VF602"),), "")


def _refused(causes: tuple[Cause, ...], says: str) -> Prediction:
    return Prediction(
        outcome=InstallOutcome.REFUSED,
        says=says,
        certainty=least_sure(cause.certainty for cause in causes),
        causes=causes,
    )


def _at_most(prediction: Prediction, certainty: Certainty) -> Prediction:
    """Return a prediction made for another route, with its certainty lowered."""
    return replace(prediction, certainty=least_sure([prediction.certainty, certainty]))


_WORDS = {
    "install": Route.INSTALL,
    "update": Route.UPDATE,
    "component": Route.COMPONENT,
    "upgrade": Route.UPGRADE,
    "vlcm": Route.VLCM,
    "image": Route.IMAGE_BUILDER,
}


def parse_route(text: str) -> Route:
    """Read the short word of a route, such as `install`.

    Raises:
        ModelError: there is no such route.
    """
    if text not in _WORDS:
        raise ModelError(f"{text!r} is not a route", remedy=f"use one of {', '.join(_WORDS)}")
    return _WORDS[text]
