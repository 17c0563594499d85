"""The ways by which a VIB reaches a host, and what a later upgrade says to it."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import ModelError
from vibforge.esxi import messages
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.esxi.table import DeliveryMethod, is_known, row_of
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import Host
from vibforge.host.image import ImageChange, Verb, chosen_from_depot
from vibforge.host.install.installer import predict
from vibforge.host.install.staging import TRUSTED
from vibforge.host.install.validation import troubles
from vibforge.host.offer import NOTHING, BundleReader, InstallCandidate
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Branch,
    Cause,
    InstallOutcome,
    Prediction,
    ReportGroup,
    Trouble,
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
    if_yes="the upgrade leaves paths and levels out, as the pre-check on the media of 7.0.0 does",
    if_no="a later validation stops at them, as was reported of upgrades to 6.0 (ghettoVCB #63)",
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
    """Return what an upgrade of `host` to release `to` says to these VIBs, once installed."""
    return branches(lambda answers: _evaluate(host, packages, to, answers))


def _evaluate(
    host: Host, packages: tuple[Package, ...], to: Release, answers: Assumptions
) -> Prediction:
    after = replace(host, release=to, installed=(), installed_known=False)
    found = troubles(after, ImageChange(added=(), removed=(), kept=packages, skipped=()), answers)
    levels = [group for group in found if group[0].group in _LEVEL_GROUPS]
    asked = bool(levels) and to >= _FIRST_WITHOUT_LEVELS
    if asked and answers.ask(_LEVELS_LEFT_OUT):
        found = tuple(group for group in found if group not in levels)
    if not found:
        return Prediction(
            outcome=InstallOutcome.REBOOT,
            says="The upgrade goes on and keeps the VIB.",
            certainty=Certainty.UNKNOWN if asked else Certainty.INFERRED,
        )
    every = [trouble for group in found for trouble in group]
    causes = tuple(cause for trouble in every for cause in trouble.causes)
    return Prediction(
        outcome=InstallOutcome.REFUSED,
        says="\n".join(line for group in found for line in _lines(group)),
        certainty=Certainty.UNKNOWN
        if asked and all(group in levels for group in found)
        else least_sure([Certainty.DOCUMENTED, *(cause.certainty for cause in causes)]),
        causes=causes,
    )


def _lines(group: tuple[Trouble, ...]) -> Iterator[str]:
    texts = dict.fromkeys(trouble.message.text for trouble in group)
    if any(not trouble.forcible for trouble in group):
        yield f" <{_GUNZIP_CODE}>"
    elif group[0].group in _CONFLICTING_GROUPS:
        yield f" <{_CONFLICTING}>"
    yield from (f" {text}" for text in texts)


class Route(StrEnum):
    """A way to a host."""

    INSTALL = "esxcli software vib install"
    UPDATE = "esxcli software vib update"
    REMOVE = "esxcli software vib remove"
    COMPONENT = "esxcli software component apply"
    UPGRADE = "ISO upgrade with the VIB installed"
    VLCM = "vLCM image"
    IMAGE_BUILDER = "Image Builder"


COMMUNITY_IN_VLCM = UnknownFact(
    key="vlcm-community",
    if_yes="vLCM takes components of this acceptance level",
    if_no="vLCM refuses components of this acceptance level",
)


class Delivery(Struct, frozen=True, kw_only=True):
    """One offer on its way to one host; `upgrade_to` is the release of a later upgrade."""

    host: Host
    offer: InstallCandidate = NOTHING
    names: tuple[str, ...] = ()
    """The installed VIBs that are to be removed, as esxcli takes their names."""
    flags: Flags = NO_FLAGS
    upgrade_to: Release | None = None

    def command(self, verb: Verb = Verb.INSTALL) -> Command:
        """Return the `esxcli software vib` command of this journey.

        A host picks the VIBs of a bundle itself, and takes loose ones as they are given.
        """
        packages = self.offer.packages
        return Command(
            host=self.host,
            packages=chosen_from_depot(packages) if self.offer.is_bundle else packages,
            names=self.names,
            verb=verb,
            flags=self.flags,
            refusals=self.offer.refusals,
            damage=self.offer.damage,
        )


def routes_of(journey: Delivery) -> tuple[Route, ...]:
    """Return the routes that exist for a host of this release."""
    ways = row_of(journey.host.release).deliveries
    exist = ways.value if ways else frozenset(DeliveryMethod)
    routes = [route for route, way in _DELIVERY_OF.items() if way in exist]
    if journey.upgrade_to is not None:
        routes += [Route.UPGRADE]
    return tuple(routes)


_DELIVERY_OF = {
    Route.INSTALL: DeliveryMethod.VIB,
    Route.UPDATE: DeliveryMethod.VIB,
    Route.COMPONENT: DeliveryMethod.COMPONENT,
    Route.VLCM: DeliveryMethod.VLCM,
    Route.IMAGE_BUILDER: DeliveryMethod.IMAGE_BUILDER,
}


def predict_route(journey: Delivery, route: Route) -> tuple[Branch[Prediction], ...]:
    """Return what can come of a journey by one route."""
    involved = {journey.host.release, journey.upgrade_to or journey.host.release}
    unknown = sorted(release for release in involved if not is_known(release))
    if unknown:
        return (Branch(Assumptions(), not_known(unknown[0])),)
    match route:
        case Route.INSTALL:
            return predict(journey.command())
        case Route.UPDATE:
            return predict(journey.command(Verb.UPDATE))
        case Route.REMOVE:
            return predict(journey.command(Verb.REMOVE))
        case Route.COMPONENT:
            return _component(journey)
        case Route.VLCM:
            return _vlcm(journey)
        case Route.IMAGE_BUILDER:
            return branches(lambda answers: _image_builder(journey, answers))
        case Route.UPGRADE:
            to = journey.upgrade_to or journey.host.release
            return predict_upgrade(journey.host, journey.offer.packages, to)


def _component(journey: Delivery) -> tuple[Branch[Prediction], ...]:
    if (refused := _unread(journey, BundleReader.COMPONENT)) is not None:
        return (Branch(Assumptions(), refused),)
    return tuple(
        Branch(world.answers, _at_most(world.result, Certainty.INFERRED))
        for world in predict(journey.command())
    )


def _vlcm(journey: Delivery) -> tuple[Branch[Prediction], ...]:
    if (refused := _unread(journey, BundleReader.VLCM)) is not None:
        return (Branch(Assumptions(), refused),)
    return branches(lambda answers: _vlcm_import(journey, answers))


def _vlcm_import(journey: Delivery, answers: Assumptions) -> Prediction:
    """Predict an import; what vLCM makes of a level is asked, not read off the host's level."""
    levels = [package.level for package in journey.offer.packages]
    lowest = min(levels, key=lambda each: each.rank, default=journey.host.acceptance_level)
    at_level = replace(journey, host=replace(journey.host, acceptance_level=lowest))
    refused = _validated(at_level, answers)
    if refused is not None:
        return _at_most(refused, Certainty.INFERRED)
    signed = {Signature.TRUSTED, Signature.UNKNOWN}
    below = [p for p in journey.offer.packages if p.signature not in signed]
    if below and not answers.ask(COMMUNITY_IN_VLCM):
        what = "has no signature that holds; whether vLCM takes that is open, and it has no --force"
        causes = tuple(
            Cause(what=what, subject=package.id, certainty=Certainty.UNKNOWN) for package in below
        )
        return _refused(causes, "")
    return Prediction(
        outcome=InstallOutcome.REBOOT,
        says="imported, and installed at the next remediation of the cluster",
        certainty=Certainty.UNKNOWN if below else Certainty.INFERRED,
    )


def _image_builder(journey: Delivery, answers: Assumptions) -> Prediction:
    """Predict an export; -Force and -NoSignatureCheck stand for the flags of the same sense."""
    refused = _unread(journey, BundleReader.IMAGE_BUILDER) or _validated(
        journey, answers, {ReportGroup.EXTENSIBILITY} if journey.flags.force else frozenset()
    )
    if refused is not None:
        return _at_most(refused, Certainty.INFERRED)
    for package in journey.offer.packages:
        trusted = package.signature is Signature.TRUSTED or (
            package.signature is Signature.UNKNOWN and answers.ask(TRUSTED)
        )
        if package.level.needs_signature and not (trusted or journey.flags.no_sig_check):
            what = "has no signature that the export trusts; -NoSignatureCheck leaves it out"
            cause = Cause(what=what, subject=package.id, certainty=Certainty.DOCUMENTED)
            return _refused((cause,), f" {messages.UNTRUSTED.text}")
    return Prediction(
        outcome=InstallOutcome.REBOOT,
        says="goes into the image profile and the ISO made of it",
        certainty=Certainty.INFERRED,
    )


def _validated(
    journey: Delivery, answers: Assumptions, skipped: AbstractSet[ReportGroup] = frozenset()
) -> Prediction | None:
    """Return the refusal of an image with these VIBs in it; `skipped` is not looked at."""
    offer, release = journey.offer, journey.host.release
    reading = [r for r in (*offer.refusals, *offer.of_payloads) if r.holds(release)]
    if reading:
        return _refused((reading[0].cause,), f" {reading[0].message.text}")
    alone = replace(journey.host, installed=(), installed_known=False)
    added = ImageChange(added=journey.offer.packages, removed=(), kept=(), skipped=())
    found = troubles(alone, added, answers, skipped=skipped)
    if not found:
        return None
    first = found[0]
    text = "\n".join(dict.fromkeys(f" {trouble.message.text}" for trouble in first))
    return _refused(tuple(cause for t in first for cause in t.causes), text)


def _unread(journey: Delivery, reader: BundleReader) -> Prediction | None:
    """Return the refusal of one who reads offline bundles; None where there is none."""
    if not journey.offer.is_bundle:
        return None if reader is BundleReader.IMAGE_BUILDER else _no_bundle(reader)
    found = journey.offer.of_readers.get(reader, ())
    refused = [each for each in found if each.holds(journey.host.release)]
    if not refused:
        return None
    texts = dict.fromkeys(f" {each.message.text}" for each in refused)
    says = "\n".join(text for text in texts if messages.NOT_ON_RECORD not in text)
    return _refused(tuple(each.cause for each in refused), says)


def _no_bundle(reader: BundleReader) -> Prediction:
    what = f"{reader} takes offline bundles with components, no loose VIBs"
    return _refused((Cause(what=what, certainty=Certainty.DOCUMENTED, rule="VF602"),), "")


def _refused(causes: tuple[Cause, ...], says: str) -> Prediction:
    return Prediction(
        outcome=InstallOutcome.REFUSED,
        says=says,
        certainty=least_sure(cause.certainty for cause in causes),
        causes=causes,
    )


def _at_most(prediction: Prediction, certainty: Certainty) -> Prediction:
    """Lower how sure a prediction is that was carried over from another route."""
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
    """Read the short word of a route.

    Raises:
        ModelError: there is no such route.
    """
    if text not in _WORDS:
        raise ModelError(f"{text!r} is no route", remedy=f"use one of {', '.join(_WORDS)}")
    return _WORDS[text]
