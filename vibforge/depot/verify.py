"""Check an offline bundle against its own metadata, and say what its readers make of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.errors import DepotError
from vibforge.host.bundle_readers import (
    ReaderVerdict,
    Verdict,
    reader_verdicts,
)
from vibforge.host.offer import BundleReader
from vibforge.model.source import FileSource
from vibforge.operations.offers import bundle_offer, offer_of
from vibforge.operations.subjects import OpenBundle, opened
from vibforge.operations.verification import Verification
from vibforge.operations.verify import verify_bundle_scan, verify_scan
from vibforge.scan.bundle import bundle_scan
from vibforge.scan.vib import VibScan
from vibforge.trust.policy import NO_POLICY, TrustPolicy

if TYPE_CHECKING:
    from vibforge.host.offer import Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedBundle:
    """The facts of a bundle, and what each of its readers makes of it."""

    verification: Verification
    verdicts: tuple[ReaderVerdict, ...]

    def refused_by(self, reader: BundleReader) -> bool:
        """Whether this reader is known to refuse it."""
        return any(
            each.reader is reader and each.verdict is Verdict.REFUSES for each in self.verdicts
        )


@contextmanager
def opened_bundles(path: Path) -> Iterator[tuple[OpenBundle, ...]]:
    """Open the bundles in a file.

    Raises:
        FormatError: it cannot be read.
        DepotError: it is not a bundle.
    """
    with opened(path) as subjects:
        bundles = tuple(subject for subject in subjects if isinstance(subject, OpenBundle))
        if not bundles:
            raise DepotError(
                "this is no offline bundle", where=str(path), remedy="use `vibforge verify`"
            )
        yield bundles


def judge_bundle(path: Path, policy: TrustPolicy = NO_POLICY) -> tuple[JudgedBundle, ...]:
    """Verify the bundles in a file by a policy, and say what their readers make of them.

    Raises:
        FormatError: it cannot be read.
        DepotError: it is not a bundle.
    """
    with opened_bundles(path) as bundles:
        return tuple(_judge(bundle, policy) for bundle in bundles)


def _judge(bundle: OpenBundle, policy: TrustPolicy) -> JudgedBundle:
    """Read each VIB once, for the verification and for what hosts refuse of it."""
    inside = not isinstance(bundle.container, FileSource)
    scan = bundle_scan(bundle.bundle, bundle.sources, inside=inside)
    parts: list[Verification] = []
    offers: list[Offer] = []
    for _member, vib in scan.vibs:
        vib_scan = VibScan(vib)
        parts.append(verify_scan(vib_scan, policy))
        offers.append(offer_of(vib_scan, scan.name, policy))
    return JudgedBundle(
        verification=verify_bundle_scan(scan, parts, policy),
        verdicts=reader_verdicts(scan, bundle_offer(scan, offers, scan.name)),
    )
