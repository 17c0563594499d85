"""Read what is to be planned: a VIB file or an offline bundle."""

from collections.abc import Iterator
from pathlib import Path

from vibforge.errors import FormatError
from vibforge.host.bundle_troubles import loading_refusals, unlike_metadata
from vibforge.host.offer import Offer, offer_of
from vibforge.host.prediction import Refusal
from vibforge.model.agreement import disagreements
from vibforge.model.bundle import Bundle
from vibforge.model.vib import Vib
from vibforge.operations.subjects import OpenBundle, opened


def read_offer(path: Path) -> Offer:
    """Read a file with VIBs in it.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        if len(subjects) == 1 and isinstance(subjects[0], Vib):
            return offer_of(subjects[0], path.name)
        bundles = [subject for subject in subjects if isinstance(subject, OpenBundle)]
        if len(bundles) != 1:
            raise FormatError("neither a VIB nor one offline bundle", where=str(path))
        return _bundle_offer(bundles[0], path)


def _bundle_offer(opened_bundle: OpenBundle, path: Path) -> Offer:
    bundle = opened_bundle.bundle
    vibs = {
        source.name.removeprefix(f"{bundle.name}:"): Vib.from_source(source)
        for source in opened_bundle.sources
    }
    offers = [offer_of(vib, path.name) for vib in vibs.values()]
    if not offers:
        raise FormatError("a zip without VIBs, not an offline bundle", where=str(path))
    return Offer(
        name=path.name,
        packages=tuple(package for offer in offers for package in offer.packages),
        refusals=(
            *loading_refusals(bundle),
            *(refusal for offer in offers for refusal in offer.refusals),
        ),
        damage=(
            *_disagreements(bundle, vibs),
            *(refusal for offer in offers for refusal in offer.damage),
        ),
        is_bundle=True,
        is_component=any(bulletin.is_component for bulletin in bundle.bulletins),
    )


def _disagreements(bundle: Bundle, vibs: dict[str, Vib]) -> Iterator[Refusal]:
    """Yield what a host says when it holds the VIBs against what the bundle says of them."""
    for announced in bundle.vibs:
        vib = vibs.get(announced.relative_path)
        if vib is not None:
            unequal = disagreements(vib.descriptor, announced.descriptor)
            yield from unlike_metadata(vib.descriptor.vib_id, unequal)
