"""Read what is to be planned: a VIB file or an offline bundle."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vibforge.checks.reader import refused_by_reader
from vibforge.checks.reader_archive import refused_file
from vibforge.errors import FormatError
from vibforge.esxi.known_signers import known_signer
from vibforge.host.bundle_readers import bundle_refusals, loading_refusals, staging_refusals
from vibforge.host.offer import Offer, offer_of_scan
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal
from vibforge.host.reading import refusal
from vibforge.model.source import FileSource
from vibforge.model.vib import Vib
from vibforge.operations.subjects import OpenBundle, opened
from vibforge.scan.bundle import BundleScan, bundle_scan
from vibforge.scan.signature import Signature, signature_blocks
from vibforge.scan.vib import VibScan
from vibforge.trust.policy import NO_POLICY, TrustPolicy


def read_offer(path: Path, policy: TrustPolicy = NO_POLICY) -> Offer:
    """Read a file with VIBs in it.

    Args:
        path: the file.
        policy: whom the hosts trust; without a store, what a signature is worth stays unknown.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        if len(subjects) == 1 and isinstance(subjects[0], Vib):
            return offer_of(VibScan(subjects[0]), path.name, policy)
        bundles = [subject for subject in subjects if isinstance(subject, OpenBundle)]
        if len(bundles) != 1:
            raise FormatError("neither a VIB nor one offline bundle", where=str(path))
        return _bundle_offer(bundles[0], path, policy)


def unread_offer(path: Path) -> Offer | None:
    """Return what a host says of a file that vibforge cannot read; None where that is not known."""
    try:
        found = refused_file(FileSource.of(path)) if path.is_file() else None
    except OSError:  # a file whose reading fails is no file that a host would refuse
        found = None
    if found is None:
        return None
    return Offer(name=path.name, refusals=(refusal(refused_by_reader, found, path.name),))


def offer_of(scan: VibScan, name: str, policy: TrustPolicy = NO_POLICY) -> Offer:
    """Return what a scanned VIB offers to hosts that trust as the policy says."""
    offer = offer_of_scan(scan, name)
    packages = tuple(_judged(package, scan.vib, policy) for package in offer.packages)
    return replace(offer, packages=packages)


def _judged(package: Package, vib: Vib, policy: TrustPolicy) -> Package:
    """Hold a signature against the store, or against the vendor's signers where there is none."""
    if package.signature is not Signature.UNKNOWN or not package.level.needs_signature:
        return package
    if policy.store is None:
        return _known(package, vib)
    from vibforge.operations.facts.signed import judgement_of  # noqa: PLC0415 - needs OpenSSL

    judgement = judgement_of(vib, policy)
    first = judgement.blocks[0] if judgement.blocks else None
    only, every = judgement.host_first_only.held, judgement.host.held
    state = _STATES[only]
    if first is not None and first.signer.held and only is False:
        state = Signature.UNFIT
    certificate = first.check.certificate if first else None
    return replace(
        package,
        signature=state if every == only else Signature.UNKNOWN,
        first_signature=state,
        signature_says=_printed(certificate.subject) if certificate else "",
    )


def _known(package: Package, vib: Vib) -> Package:
    """Name the vendor's signers that are known by fingerprint: hosts tell whether they trust them.

    Blocks without a known signer count as well: a host may read the first block alone.
    """
    blocks = [block.certificates[:1] for block in signature_blocks(vib)]
    signers = tuple(
        known_signer(first[0].sha256, first[0].issuer) if first else "" for first in blocks
    )
    return replace(package, known_signers=signers if any(signers) else ())


_STATES = {True: Signature.TRUSTED, False: Signature.UNTRUSTED, None: Signature.UNKNOWN}


def _printed(subject: str) -> str:
    """Return a name as the host prints it: with a blank behind each comma between its parts."""
    return re.sub(r"(?<!\\),(?! )", ", ", subject)


def _bundle_offer(opened_bundle: OpenBundle, path: Path, policy: TrustPolicy) -> Offer:
    scan = bundle_scan(opened_bundle.bundle, opened_bundle.sources, inside=False)
    offers = [offer_of(VibScan(vib), path.name, policy) for _member, vib in scan.vibs]
    if not offers:
        raise FormatError("a zip without VIBs, not an offline bundle", where=str(path))
    return bundle_offer(scan, offers, path.name)


def bundle_offer(scan: BundleScan, offers: Sequence[Offer], name: str) -> Offer:
    """Return what a bundle offers, of what each of its VIBs does."""
    return Offer(
        name=name,
        packages=tuple(package for offer in offers for package in offer.packages),
        refusals=(*loading_refusals(scan), *_all(offer.refusals for offer in offers)),
        damage=(*staging_refusals(scan), *_all(offer.damage for offer in offers)),
        is_bundle=True,
        is_component=any(bulletin.is_component for bulletin in scan.bundle.bulletins),
        of_readers=bundle_refusals(scan),
        of_payloads=tuple(_all(offer.of_payloads for offer in offers)),
    )


def _all(found: Iterable[tuple[Refusal, ...]]) -> Iterator[Refusal]:
    return chain.from_iterable(found)
