"""Check an offline bundle against its own metadata, and say what its readers make of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import DepotError, FormatError
from vibforge.host.bundle_readers import BundleReader, Reception, Verdict, receptions
from vibforge.host.bundle_troubles import MetBundle, VibInBundle
from vibforge.host.package import Package
from vibforge.host.reading import payload_refusals, refusals
from vibforge.model.agreement import disagreements
from vibforge.model.bundle_vib import DepotVib
from vibforge.model.source import FileSource, Source
from vibforge.model.vib import Vib
from vibforge.operations.subjects import OpenBundle, opened
from vibforge.operations.verification import Verification
from vibforge.operations.verify import verify_subject
from vibforge.trust.policy import NO_POLICY, TrustPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedBundle:
    """The facts of a bundle, and what each of its readers makes of it."""

    verification: Verification
    receptions: tuple[Reception, ...]

    def refused_by(self, reader: BundleReader) -> bool:
        """Whether this reader is known to refuse it."""
        return any(
            each.reader is reader and each.verdict is Verdict.REFUSES for each in self.receptions
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
        return tuple(_judge(bundle, path, policy) for bundle in bundles)


def met_bundle(bundle: OpenBundle) -> MetBundle:
    """Look at a bundle as its readers do."""
    return MetBundle(
        bundle=bundle.bundle,
        vibs=tuple(_vibs(bundle)),
        within_zip=not isinstance(bundle.container, FileSource),
    )


def _judge(bundle: OpenBundle, path: Path, policy: TrustPolicy) -> JudgedBundle:
    return JudgedBundle(
        verification=verify_subject(bundle, str(path), policy=policy),
        receptions=receptions(met_bundle(bundle)),
    )


def _vibs(bundle: OpenBundle) -> Iterator[VibInBundle]:
    name = bundle.bundle.name
    sources = {source.name.removeprefix(f"{name}:"): source for source in bundle.sources}
    for announced in bundle.bundle.vibs:
        source = sources.get(announced.relative_path)
        if source is None:
            yield VibInBundle(vib_id=announced.descriptor.vib_id, is_there=False)
        else:
            yield _vib(announced, source)


def _vib(announced: DepotVib, source: Source) -> VibInBundle:
    vib_id = announced.descriptor.vib_id
    try:
        vib = Vib.from_source(source)
        found = (*refusals(vib), *payload_refusals(vib))
    except FormatError as error:
        return VibInBundle(vib_id=vib_id, fault=error.problems[0].what)
    return VibInBundle(
        vib_id=vib_id,
        unequal=disagreements(vib.descriptor, announced.descriptor),
        refusals=found,
        needs_signature_without=(
            Package(descriptor=vib.descriptor).level.needs_signature and not vib.is_signed
        ),
        is_signed=vib.is_signed,
        names_platform=bool(vib.descriptor.system_requires.software_platforms),
    )
