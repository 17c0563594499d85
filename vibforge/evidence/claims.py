"""Check packages against evidence: the facts that `verify --sbom` and `--attestation` add."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from vibforge.errors import FormatError, LimitError
from vibforge.evidence.attestation_checking import Attestation, attestation_facts
from vibforge.evidence.contents import digests_of, read_contents
from vibforge.evidence.sbom_checking import Inventory, differences, inventory_of
from vibforge.files.inputs import FileSource
from vibforge.findings.check import Topic
from vibforge.packages.verification import Fact, fact
from vibforge.packages.verify import Verified
from vibforge.signing.policy import TrustPolicy
from vibforge.vib.archive import Vib

_SHOWN = 5
"""Differences from an SBOM that are listed; a last fact counts the others."""
_MATCHES = "the SBOM describes this package and all files in it"


def with_sbom(verified: Verified, subjects: Iterable[Path | Vib], sbom: Inventory) -> Verified:
    """Return a result with the facts of an SBOM, which has to describe each of the subjects."""
    return _with_facts(verified, subjects, lambda subject: sbom_facts(subject, sbom))


def with_attestation(
    verified: Verified,
    subjects: Iterable[Path | Vib],
    attestation: Attestation,
    policy: TrustPolicy,
) -> Verified:
    """Return a result with the facts of an attestation, which has to be about each subject."""
    return _with_facts(
        verified,
        subjects,
        lambda subject: attestation_facts(attestation, _sha256(subject), policy),
    )


def _sha256(subject: Path | Vib) -> str:
    source = subject.source if isinstance(subject, Vib) else FileSource.from_path(subject)
    return digests_of(source).sha256


def _with_facts(
    verified: Verified,
    subjects: Iterable[Path | Vib],
    facts_of: Callable[[Path | Vib], Iterator[Fact]],
) -> Verified:
    in_memory = {Path(each.source.name): each for each in subjects if isinstance(each, Vib)}
    found = tuple(
        (path, replace(each, facts=(*each.facts, *facts_of(in_memory.get(path, path)))))
        for path, each in verified.found
    )
    return replace(verified, found=found)


def sbom_facts(package: Path | Vib, sbom: Inventory) -> Iterator[Fact]:
    """Yield a failed fact for each difference of a package from an SBOM, or that there is none."""
    try:
        contents = read_contents(package)
    except (FormatError, LimitError) as error:
        yield _sbom_fact("", error.problems[0].what)
        return
    found = differences(inventory_of(contents), sbom)
    first = list(islice(found, _SHOWN))
    for difference in first:
        yield _sbom_fact(difference.where, difference.what)
    if more := sum(1 for _ in found):
        yield _sbom_fact("", f"and {more} more differences")
    if not first:
        yield fact(Topic.SBOM, _MATCHES, holds=True)


def _sbom_fact(subject: str, reason: str) -> Fact:
    return fact(Topic.SBOM, _MATCHES, holds=False, reason=reason, subject=subject)
