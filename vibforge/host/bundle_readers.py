"""What each of those who read offline bundles makes of one.

`esxcli software vib` was tried on 6.7; what is said of components, Lifecycle Manager, Image
Builder and Update Manager comes from the vendor's documentation and bundles and from reports, and
says so by its certainty (vib-format 8 and 9).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vibforge.errors import ModelError
from vibforge.host.messages import HostMessage
from vibforge.host.prediction import Cause, Refusal
from vibforge.model.bulletin_words import PRODUCT, ReleaseType, Severity
from vibforge.model.bundle import Bundle
from vibforge.model.bundle_contradictions import odd_platforms, unlike_response, unlisted_vibs
from vibforge.model.bundle_index import ELEMENT_MISSING
from vibforge.model.bundle_recipe import check_vendor_code
from vibforge.model.certainty import Certainty

NOT_ON_RECORD = "…"
_WANTED_TEXTS = (
    *("id", "vendor", "summary", "category", "urgency"),
    *("description", "kbUrl", "contact"),
)
"""What publishing tools want to be filled in (vib-format 9.5)."""


class BundleReader(StrEnum):
    """Who reads an offline bundle."""

    ESXCLI = "esxcli software vib install -d"
    COMPONENT = "esxcli software component apply -d"
    VLCM = "vLCM import"
    IMAGE_BUILDER = "Image Builder"
    UPDATE_MANAGER = "Update Manager"


class Verdict(StrEnum):
    """What a reader does with a bundle."""

    TAKES = "takes it"
    REFUSES = "refuses it"
    OPEN = "not known"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """What one reader makes of a bundle; `says` is its message where one is on record."""

    reader: BundleReader
    verdict: Verdict
    certainty: Certainty
    says: str = ""
    causes: tuple[Cause, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class VibInBundle:
    """One VIB of a bundle, and how it stands to what the bundle says of it.

    `unequal` names what its descriptor and the metadata disagree on, `refusals` what a host's
    reader says of the file; `is_there` tells whether the announced file exists.
    """

    vib_id: str
    is_there: bool = True
    unequal: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    fault: str = ""
    """Why the file cannot be read as a VIB at all."""
    needs_signature_without: bool = False
    """Whether it claims a level that needs a signature, and has none."""
    is_signed: bool = False
    names_platform: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MetBundle:
    """A bundle as it was found, with its VIBs."""

    bundle: Bundle
    vibs: tuple[VibInBundle, ...]
    within_zip: bool = False
    """Whether it stands in another zip, which is what a person would hand over."""


def receptions(met: MetBundle) -> tuple[Reception, ...]:
    """Return what each reader makes of a bundle."""
    loads = tuple(_loading(met))
    return (
        _esxcli(met, loads),
        _component(met, loads),
        _vlcm(met, loads),
        _image_builder(met, loads),
        _update_manager(met, loads),
    )


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A reason to refuse, and what is printed."""

    cause: Cause
    says: str = ""


def _trouble(
    what: str, certainty: Certainty, *, subject: str = "", says: str = "", rule: str = ""
) -> _Trouble:
    return _Trouble(Cause(what=what, subject=subject, certainty=certainty, rule=rule), says)


def _loading(met: MetBundle) -> Iterator[_Trouble]:
    """Yield what keeps ESXi's library from loading the bundle: it is shared by all readers."""
    if met.within_zip:
        what = "it stands within another zip, where nobody looks for index.xml: take it out first"
        yield _trouble(what, Certainty.INFERRED, rule="VF607")
    yield from map(_of_refusal, loading_refusals(met.bundle))
    if not met.bundle.faults and not met.bundle.vibs:
        yield _trouble("the metadata announces no VIB", Certainty.MEASURED)


def loading_refusals(bundle: Bundle) -> Iterator[Refusal]:
    """Yield what a host's library says when it loads the bundle."""
    for fault in bundle.faults:
        missing = fault.what.startswith(ELEMENT_MISSING)
        yield Refusal(
            message=HostMessage(
                error="MetadataFormatError" if missing else NOT_ON_RECORD,
                text=fault.what if missing else NOT_ON_RECORD,
            ),
            cause=Cause(
                what=fault.what,
                subject=fault.where,
                certainty=Certainty.MEASURED if missing else Certainty.INFERRED,
                rule="VF601" if missing else "VF609",
            ),
        )


def unlike_metadata(vib_id: str, unequal: tuple[str, ...]) -> Iterator[Refusal]:
    """Yield what a host says of a VIB whose metadata says something else (tried on 6.7)."""
    if unequal:
        text = f"VIBs {vib_id} and {vib_id} have unequal values of the '{unequal[0]}' attribute"
        yield Refusal(
            message=HostMessage(error="InstallationError", text=text, vibs=(vib_id,)),
            cause=Cause(
                what=f"the metadata disagrees with the VIB on {', '.join(unequal)}",
                subject=vib_id,
                certainty=Certainty.MEASURED,
                rule="VF604",
            ),
        )


def _of_refusal(refusal: Refusal, subject: str = "") -> _Trouble:
    cause, message = refusal.cause, refusal.message
    return _trouble(
        cause.what,
        cause.certainty,
        subject=subject or cause.subject,
        says=f"[{message.error}] {message.text}" if message.text != NOT_ON_RECORD else "",
        rule=cause.rule,
    )


def _staging(met: MetBundle) -> Iterator[_Trouble]:
    """Yield what ends an install when VIBs are fetched and held against the metadata."""
    for vib in met.vibs:
        if not vib.is_there:
            what = "the announced file is not in the bundle"
            yield _trouble(what, Certainty.MEASURED, subject=vib.vib_id, rule="VF605")
        elif vib.fault:
            yield _trouble(vib.fault, Certainty.MEASURED, subject=vib.vib_id)
        for refusal in (*unlike_metadata(vib.vib_id, vib.unequal), *vib.refusals):
            yield _of_refusal(refusal, vib.vib_id)


def _esxcli(met: MetBundle, loads: tuple[_Trouble, ...]) -> Reception:
    remarks = [
        "it must be on the host, with its full path; over the network only as a depot",
        "tried on 6.7; `vibforge plan` says what a host makes of the VIBs themselves",
    ]
    troubles = [*loads, *_staging(met)]
    return _received(BundleReader.ESXCLI, troubles, Certainty.MEASURED, remarks)


def _component(met: MetBundle, loads: tuple[_Trouble, ...]) -> Reception:
    troubles = [*loads, *_staging(met), *_lacks_components(met.bundle), *_lost_vibs(met.bundle)]
    remarks = ["hosts from 7.0 on have it; what else it checks is not on record"]
    return _received(BundleReader.COMPONENT, troubles, Certainty.INFERRED, remarks)


def _vlcm(met: MetBundle, loads: tuple[_Trouble, ...]) -> Reception:
    bundle = met.bundle
    troubles = [
        *loads,
        *_lacks_components(bundle),
        *_lost_vibs(bundle),
        *_staging(met),
        *_wrong_code(bundle),
        *_wrong_releases(bundle, lowest=7),
        *_unlike_platforms(bundle),
    ]
    unsigned = [vib.vib_id for vib in met.vibs if not vib.is_signed]
    remarks = [f"whether it takes the unsigned {', '.join(unsigned)} is open"] if unsigned else []
    if not all(vib.names_platform for vib in met.vibs):
        remarks.append("a public recipe names softwarePlatform in the VIB too")
    remarks += [
        f"{bulletin.id} has no page that tells more; a public recipe gives one"
        for bulletin in bundle.components
        if not bulletin.value("kbUrl").startswith(("http://", "https://"))
    ]
    certainty = Certainty.UNKNOWN if unsigned else Certainty.INFERRED
    return _received(BundleReader.VLCM, troubles, certainty, remarks)


def _image_builder(met: MetBundle, loads: tuple[_Trouble, ...]) -> Reception:
    remarks = ["`Add-EsxSoftwarePackage` needs -Force for paths outside the level's list"]
    unsigned = [vib.vib_id for vib in met.vibs if vib.needs_signature_without]
    if unsigned:
        remarks.append(
            f"the export refuses {', '.join(unsigned)} unless -NoSignatureCheck is given: "
            "Could not find a trusted signer."
        )
    troubles = [*loads, *_staging(met)]
    return _received(BundleReader.IMAGE_BUILDER, troubles, Certainty.INFERRED, remarks)


def _update_manager(met: MetBundle, loads: tuple[_Trouble, ...]) -> Reception:
    bundle = met.bundle
    troubles = [*loads]
    if bundle.response is None:
        what = "there is no vmware.xml in the metadata, which Update Manager reads"
        troubles.append(_trouble(what, Certainty.DOCUMENTED, rule="VF613"))
    if not bundle.bulletins:
        what = "there are no bulletins, which are what it works with"
        troubles.append(_trouble(what, Certainty.DOCUMENTED))
    troubles += [*_unlike_platforms(bundle), *_unlike_response(bundle)]
    remarks = ["it serves hosts up to 8.x: 9.0 has no baselines any more (KB 379388)"]
    remarks += [f"publishing tools refuse {empty}" for empty in _empty_texts(bundle)]
    if any(platform.version.startswith("5.") for platform in bundle.platforms):
        rest = [p.version for p in bundle.platforms if not p.version.startswith("5.")]
        if not rest:
            what = "it is for 5.x alone: Update Manager of 6.7 calls such a bundle invalid"
            troubles.append(_trouble(what, Certainty.INFERRED, rule="VF606"))
    return _received(BundleReader.UPDATE_MANAGER, troubles, Certainty.INFERRED, remarks)


def _received(
    reader: BundleReader, troubles: list[_Trouble], otherwise: Certainty, remarks: list[str]
) -> Reception:
    """Conclude: without a trouble a reader takes the bundle, as surely as `otherwise`."""
    if not troubles:
        verdict = Verdict.OPEN if otherwise is Certainty.UNKNOWN else Verdict.TAKES
        return Reception(
            reader=reader, verdict=verdict, certainty=otherwise, remarks=tuple(remarks)
        )
    causes = tuple(trouble.cause for trouble in troubles)
    surest = min((cause.certainty for cause in causes), key=lambda each: each.doubt)
    return Reception(
        reader=reader,
        verdict=Verdict.REFUSES,
        certainty=surest,
        says=next((trouble.says for trouble in troubles if trouble.says), ""),
        causes=causes,
        remarks=tuple(remarks),
    )


def _lacks_components(bundle: Bundle) -> Iterator[_Trouble]:
    if not bundle.components:
        what = "no bulletin is a component (componentNameSpec and componentVersionSpec)"
        yield _trouble(what, Certainty.DOCUMENTED, rule="VF602")
    for bulletin in bundle.components:
        if not bulletin.component_version:
            what = "the component has no version"
            yield _trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF602")


def _lost_vibs(bundle: Bundle) -> Iterator[_Trouble]:
    for bulletin, vib_id in unlisted_vibs(bundle):
        what = f"it lists {vib_id}, which the metadata does not announce"
        yield _trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF611")


def _wrong_code(bundle: Bundle) -> Iterator[_Trouble]:
    for vendor in bundle.vendors:
        try:
            check_vendor_code(vendor.code or "-")
        except ModelError:
            what = f"the vendor code {vendor.code!r} has not three letters or digits"
            yield _trouble(what, Certainty.INFERRED, rule="VF603")


def _wrong_releases(bundle: Bundle, *, lowest: int) -> Iterator[_Trouble]:
    versions = [p.version for p in bundle.platforms if p.product_id == PRODUCT]
    if not any(_major(version) >= lowest for version in versions):
        what = (
            f"it is for {', '.join(versions) or 'no release'}, none of which is {lowest} or later"
        )
        yield _trouble(what, Certainty.INFERRED, rule="VF606")


def _major(version: str) -> int:
    digits = version.partition(".")[0]
    return int(digits) if digits.isdigit() and len(digits) < 4 else 0  # noqa: PLR2004 - a release


def _unlike_platforms(bundle: Bundle) -> Iterator[_Trouble]:
    """Yield where the three places that name platforms differ: Update Manager wants them alike."""
    for where, what in odd_platforms(bundle):
        yield _trouble(what, Certainty.INFERRED, subject=where, rule="VF612")


def _unlike_response(bundle: Bundle) -> Iterator[_Trouble]:
    for bulletin in unlike_response(bundle):
        what = "vmware.xml does not say the same as the bulletin"
        yield _trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF613")


def _empty_texts(bundle: Bundle) -> Iterator[str]:
    """Yield what publishing tools refuse in bulletins; readers are lax."""
    for bulletin in bundle.bulletins:
        empty = [name for name in _WANTED_TEXTS if not bulletin.value(name)]
        if empty:
            yield f"{bulletin.id}: nothing stands for {', '.join(empty)}"
        for name, words in (("severity", Severity), ("releaseType", ReleaseType)):
            if bulletin.value(name) not in set(words):
                yield f"{bulletin.id}: {name} {bulletin.value(name)!r}"
