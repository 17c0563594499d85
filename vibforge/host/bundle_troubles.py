"""What keeps those who read offline bundles from taking one (vib-format 8 and 9)."""

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason to refuse, and what is printed."""

    cause: Cause
    says: str = ""


def trouble(
    what: str, certainty: Certainty, *, subject: str = "", says: str = "", rule: str = ""
) -> Trouble:
    """Return a reason to refuse; `says` is what is printed, where that is on record."""
    return Trouble(Cause(what=what, subject=subject, certainty=certainty, rule=rule), says)


def loading(met: MetBundle) -> Iterator[Trouble]:
    """Yield what keeps ESXi's library from loading the bundle: it is shared by all readers."""
    if met.within_zip:
        what = "it stands within another zip, where nobody looks for index.xml: take it out first"
        yield trouble(what, Certainty.INFERRED, rule="VF607")
    yield from map(_of_refusal, loading_refusals(met.bundle))
    if not met.bundle.faults and not met.bundle.vibs:
        yield trouble("the metadata announces no VIB", Certainty.MEASURED)


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


def _of_refusal(refusal: Refusal, subject: str = "") -> Trouble:
    cause, message = refusal.cause, refusal.message
    return trouble(
        cause.what,
        cause.certainty,
        subject=subject or cause.subject,
        says=f"[{message.error}] {message.text}" if message.text != NOT_ON_RECORD else "",
        rule=cause.rule,
    )


def staging(met: MetBundle) -> Iterator[Trouble]:
    """Yield what ends an install when VIBs are fetched and held against the metadata."""
    for vib in met.vibs:
        if not vib.is_there:
            what = "the announced file is not in the bundle"
            yield trouble(what, Certainty.MEASURED, subject=vib.vib_id, rule="VF605")
        elif vib.fault:
            yield trouble(vib.fault, Certainty.MEASURED, subject=vib.vib_id)
        for refusal in (*unlike_metadata(vib.vib_id, vib.unequal), *vib.refusals):
            yield _of_refusal(refusal, vib.vib_id)


def lacks_components(bundle: Bundle) -> Iterator[Trouble]:
    """Yield what is missing where components are wanted."""
    if not bundle.components:
        what = "no bulletin is a component (componentNameSpec and componentVersionSpec)"
        yield trouble(what, Certainty.DOCUMENTED, rule="VF602")
    for bulletin in bundle.components:
        if not bulletin.component_version:
            what = "the component has no version"
            yield trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF602")


def lost_vibs(bundle: Bundle) -> Iterator[Trouble]:
    """Yield the VIBs that bulletins list and the metadata does not announce."""
    for bulletin, vib_id in unlisted_vibs(bundle):
        what = f"it lists {vib_id}, which the metadata does not announce"
        yield trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF611")


def wrong_code(bundle: Bundle) -> Iterator[Trouble]:
    """Yield the vendor codes that are not three letters or digits."""
    for vendor in bundle.vendors:
        try:
            check_vendor_code(vendor.code or "-")
        except ModelError:
            what = f"the vendor code {vendor.code!r} has not three letters or digits"
            yield trouble(what, Certainty.INFERRED, rule="VF603")


def wrong_releases(bundle: Bundle, *, lowest: int) -> Iterator[Trouble]:
    """Yield that the bundle is for no release of major number `lowest` or above."""
    versions = [p.version for p in bundle.platforms if p.product_id == PRODUCT]
    if not any(_major(version) >= lowest for version in versions):
        what = (
            f"it is for {', '.join(versions) or 'no release'}, none of which is {lowest} or later"
        )
        yield trouble(what, Certainty.INFERRED, rule="VF606")


def _major(version: str) -> int:
    digits = version.partition(".")[0]
    return int(digits) if digits.isdigit() and len(digits) < 4 else 0  # noqa: PLR2004 - a release


def unlike_platforms(bundle: Bundle) -> Iterator[Trouble]:
    """Yield where the three places that name platforms differ: Update Manager wants them alike."""
    for where, what in odd_platforms(bundle):
        yield trouble(what, Certainty.INFERRED, subject=where, rule="VF612")


def unlike_told(bundle: Bundle) -> Iterator[Trouble]:
    """Yield the bulletins of which vmware.xml says something else."""
    for bulletin in unlike_response(bundle):
        what = "vmware.xml does not say the same as the bulletin"
        yield trouble(what, Certainty.INFERRED, subject=bulletin.id, rule="VF613")


def empty_texts(bundle: Bundle) -> Iterator[str]:
    """Yield what publishing tools refuse in bulletins; readers are lax."""
    for bulletin in bundle.bulletins:
        empty = [name for name in _WANTED_TEXTS if not bulletin.value(name)]
        if empty:
            yield f"{bulletin.id}: nothing stands for {', '.join(empty)}"
        for name, words in (("severity", Severity), ("releaseType", ReleaseType)):
            if bulletin.value(name) not in set(words):
                yield f"{bulletin.id}: {name} {bulletin.value(name)!r}"
