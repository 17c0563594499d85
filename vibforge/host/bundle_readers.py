"""What each of those who read offline bundles makes of one.

`esxcli software vib` was tried on 6.7; what is said of components, Lifecycle Manager, Image
Builder and Update Manager comes from the vendor's documentation and bundles and from reports, and
says so by its certainty (vib-format 8 and 9).
"""

from dataclasses import dataclass
from enum import StrEnum

from vibforge.host.bundle_troubles import (
    MetBundle,
    Trouble,
    empty_texts,
    lacks_components,
    loading,
    lost_vibs,
    staging,
    trouble,
    unlike_platforms,
    unlike_told,
    wrong_code,
    wrong_releases,
)
from vibforge.host.prediction import Cause
from vibforge.model.certainty import Certainty


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


def receptions(met: MetBundle) -> tuple[Reception, ...]:
    """Return what each reader makes of a bundle."""
    loads = tuple(loading(met))
    return (
        _esxcli(met, loads),
        _component(met, loads),
        _vlcm(met, loads),
        _image_builder(met, loads),
        _update_manager(met, loads),
    )


def _esxcli(met: MetBundle, loads: tuple[Trouble, ...]) -> Reception:
    remarks = [
        "it must be on the host, with its full path; over the network only as a depot",
        "tried on 6.7; `vibforge plan` says what a host makes of the VIBs themselves",
    ]
    troubles = [*loads, *staging(met)]
    return _received(BundleReader.ESXCLI, troubles, Certainty.MEASURED, remarks)


def _component(met: MetBundle, loads: tuple[Trouble, ...]) -> Reception:
    troubles = [*loads, *staging(met), *lacks_components(met.bundle), *lost_vibs(met.bundle)]
    remarks = ["hosts from 7.0 on have it; what else it checks is not on record"]
    return _received(BundleReader.COMPONENT, troubles, Certainty.INFERRED, remarks)


def _vlcm(met: MetBundle, loads: tuple[Trouble, ...]) -> Reception:
    bundle = met.bundle
    troubles = [
        *loads,
        *lacks_components(bundle),
        *lost_vibs(bundle),
        *staging(met),
        *wrong_code(bundle),
        *wrong_releases(bundle, lowest=7),
        *unlike_platforms(bundle),
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


def _image_builder(met: MetBundle, loads: tuple[Trouble, ...]) -> Reception:
    remarks = ["`Add-EsxSoftwarePackage` needs -Force for paths outside the level's list"]
    unsigned = [vib.vib_id for vib in met.vibs if vib.needs_signature_without]
    if unsigned:
        remarks.append(
            f"the export refuses {', '.join(unsigned)} unless -NoSignatureCheck is given: "
            "Could not find a trusted signer."
        )
    troubles = [*loads, *staging(met)]
    return _received(BundleReader.IMAGE_BUILDER, troubles, Certainty.INFERRED, remarks)


def _update_manager(met: MetBundle, loads: tuple[Trouble, ...]) -> Reception:
    bundle = met.bundle
    troubles = [*loads]
    if bundle.response is None:
        what = "there is no vmware.xml in the metadata, which Update Manager reads"
        troubles.append(trouble(what, Certainty.DOCUMENTED, rule="VF613"))
    if not bundle.bulletins:
        what = "there are no bulletins, which are what it works with"
        troubles.append(trouble(what, Certainty.DOCUMENTED))
    troubles += [*unlike_platforms(bundle), *unlike_told(bundle)]
    remarks = ["it serves hosts up to 8.x: 9.0 has no baselines any more (KB 379388)"]
    remarks += [f"publishing tools refuse {empty}" for empty in empty_texts(bundle)]
    if any(platform.version.startswith("5.") for platform in bundle.platforms):
        rest = [p.version for p in bundle.platforms if not p.version.startswith("5.")]
        if not rest:
            what = "it is for 5.x alone: Update Manager of 6.7 calls such a bundle invalid"
            troubles.append(trouble(what, Certainty.INFERRED, rule="VF606"))
    return _received(BundleReader.UPDATE_MANAGER, troubles, Certainty.INFERRED, remarks)


def _received(
    reader: BundleReader, troubles: list[Trouble], otherwise: Certainty, remarks: list[str]
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
