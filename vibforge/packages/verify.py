"""Check VIBs and bundles against their own statements."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.readers import ReaderVerdict, Verdict, reader_verdicts
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.errors import DepotError, FormatError, Problem, VerificationError, VibforgeError
from vibforge.files.inputs import FileSource, Several, require_readable, tried
from vibforge.findings.check import Topic
from vibforge.host.candidate import BundleReader
from vibforge.packages.lint import BUNDLE_CHECKS
from vibforge.packages.plan import bundle_candidate, judged_candidate
from vibforge.packages.subjects import Subject, opened
from vibforge.packages.verification import (
    REQUIRED_SIGNATURE,
    Fact,
    Verification,
    fact,
    signature_facts,
    stated_facts,
)
from vibforge.signing.policy import NO_POLICY, TrustPolicy
from vibforge.vib.archive import Vib
from vibforge.vib.payload_scan import Progress, no_progress
from vibforge.vib.scan import VibScan

if TYPE_CHECKING:
    from vibforge.host.candidate import InstallCandidate


def verify(
    subject: Vib | str | os.PathLike[str],
    policy: TrustPolicy = NO_POLICY,
    progress: Progress = no_progress,
) -> Verification:
    """Verify a VIB, or the VIB or bundle at a path.

    Without a trust store in the `policy`, only the signature itself is checked; whether its signer
    is trusted is reported as not checked.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    if isinstance(subject, Vib):
        return verify_vib(subject.afresh(), progress, policy)
    return verify_path(Path(subject), progress, policy)


def verify_path(
    path: Path, progress: Progress = no_progress, policy: TrustPolicy = NO_POLICY
) -> Verification:
    """Verify the VIB or the bundle in a file; several bundles in one zip become its parts.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        parts = tuple(verify_subject(subject, str(path), progress, policy) for subject in subjects)
    return parts[0] if len(parts) == 1 else Verification(name=str(path), parts=parts)


def verify_subject(
    subject: Subject,
    where: str,
    progress: Progress = no_progress,
    policy: TrustPolicy = NO_POLICY,
) -> Verification:
    """Verify a subject that `subjects.opened` opened from `where`.

    Raises:
        FormatError: it is neither a VIB nor a bundle.
    """
    match subject:
        case Vib():
            return verify_vib(subject, progress, policy)
        case OpenBundle():
            return _verify_bundle(subject, progress, policy)
        case _:
            raise FormatError("not a VIB or a bundle, so it cannot be verified", where=where)


def verify_vib(
    vib: Vib, progress: Progress = no_progress, policy: TrustPolicy = NO_POLICY
) -> Verification:
    """Verify a VIB; reads its payloads once, in the order of the file.

    Raises:
        FormatError: the file can no longer be read.
    """
    return verify_scan(VibScan(vib, progress=progress), policy)


def verify_scan(scan: VibScan, policy: TrustPolicy = NO_POLICY) -> Verification:
    """Verify a scanned VIB."""
    facts = (
        *stated_facts(VIB_CHECKS, scan, policy=policy),
        *signature_facts(scan.vib, policy),
    )
    return Verification(name=scan.vib.source.name, vib_id=scan.descriptor.vib_id, facts=facts)


def verify_bundle_scan(
    scan: BundleScan, parts: Sequence[Verification], policy: TrustPolicy
) -> Verification:
    """Verify a scanned bundle; `parts` are the verifications of its VIBs."""
    facts = list(stated_facts(BUNDLE_CHECKS, scan))
    if policy.demands_signature and not parts:
        facts.append(_nothing_signed())
    return Verification(name=scan.name, facts=tuple(facts), parts=tuple(parts))


def _verify_bundle(subject: OpenBundle, progress: Progress, policy: TrustPolicy) -> Verification:
    scan = bundle_scan(subject.bundle, subject.sources, inside=False)
    parts = [verify_vib(vib, progress, policy) for _member, vib in scan.vibs]
    return verify_bundle_scan(scan, parts, policy)


def _nothing_signed() -> Fact:
    """Return the failed fact of a bundle without VIBs, which nobody can sign."""
    reason = "the bundle contains no VIB"
    return fact(Topic.POLICY, REQUIRED_SIGNATURE, holds=False, reason=reason)


class Verified(Several[Verification], frozen=True):
    """What was verified of each file.

    Attributes:
        found: each file that could be read, with its `Verification`, in order.
        unreadable: the files that could not be read, each with its `problems`.
    """

    @property
    def good(self) -> bool:
        """Whether every file could be read and no fact failed."""
        return not self.unreadable and all(each.held for _path, each in self.found)

    def require(self) -> Self:
        """Return this result if it is good.

        Raises:
            FormatError: files cannot be read; with the problems of all.
            VerificationError: facts failed; each is a problem.
        """
        require_readable(self.unreadable)
        if failed := [problem for _path, each in self.found for problem in each.problems]:
            raise VerificationError.from_problems(failed)
        return self


class JudgedBundle(Struct, frozen=True, kw_only=True):
    """The facts of a bundle, and the verdicts of its readers."""

    verification: Verification
    verdicts: tuple[ReaderVerdict, ...]

    def refused_by(self, reader: BundleReader) -> bool:
        """Return whether this reader is known to refuse the bundle."""
        return any(
            verdict.reader is reader and verdict.verdict is Verdict.REFUSES
            for verdict in self.verdicts
        )


class VerifiedBundles(Struct, frozen=True, kw_only=True):
    """The bundles in a file; `reader` is the one whose verdict counts too, if any."""

    bundles: tuple[JudgedBundle, ...]
    reader: BundleReader | None = None

    @property
    def good(self) -> bool:
        """Whether no fact failed, and the reader does not refuse a bundle."""
        return all(each.verification.held for each in self.bundles) and not self.refused

    @property
    def refused(self) -> tuple[JudgedBundle, ...]:
        """The bundles that the reader refuses."""
        if self.reader is None:
            return ()
        return tuple(each for each in self.bundles if each.refused_by(self.reader))

    def require(self) -> Self:
        """Return this result if it is good.

        Raises:
            VerificationError: facts failed, or the reader refuses a bundle; each is a problem.
        """
        failed = [problem for each in self.bundles for problem in each.verification.problems]
        failed += [
            Problem(what=f"{self.reader} refuses the bundle", where=each.verification.name)
            for each in self.refused
        ]
        if failed:
            raise VerificationError.from_problems(failed)
        return self


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
                "not an offline bundle", where=str(path), remedy="use `vibforge verify`"
            )
        yield bundles


def judge_bundle(path: Path, policy: TrustPolicy = NO_POLICY) -> tuple[JudgedBundle, ...]:
    """Verify the bundles in a file by a policy, and predict which readers accept them.

    Raises:
        FormatError: it cannot be read.
        DepotError: it is not a bundle.
    """
    with opened_bundles(path) as bundles:
        return tuple(_judge(bundle, policy) for bundle in bundles)


def _judge(bundle: OpenBundle, policy: TrustPolicy) -> JudgedBundle:
    """Read each VIB once, for both its verification and the refusals of hosts."""
    inside = not isinstance(bundle.container, FileSource)
    scan = bundle_scan(bundle.bundle, bundle.sources, inside=inside)
    parts: list[Verification] = []
    candidates: list[InstallCandidate] = []
    for _member, vib in scan.vibs:
        vib_scan = VibScan(vib)
        parts.append(verify_scan(vib_scan, policy))
        candidates.append(judged_candidate(vib_scan, scan.name, policy))
    return JudgedBundle(
        verification=verify_bundle_scan(scan, parts, policy),
        verdicts=reader_verdicts(scan, bundle_candidate(scan, candidates, scan.name)),
    )


_THREAD_LIMIT = 8
"""Files verified at once; each takes up to 25 MiB of memory, and 130 MiB more to unpack zstd."""


class _StoppedError(Exception):
    """Another thread failed, so this one stops."""


class _Share:
    """Counts the bytes that all threads have read."""

    def __init__(self, size: int, on_progress: Callable[[int, int], None] | None) -> None:
        self._size = size
        self._done = 0
        self._lock = Lock()
        self._on_progress = on_progress
        self.stopping = Event()

    def advance(self, count: int) -> None:
        if self.stopping.is_set():
            raise _StoppedError
        if self._on_progress:
            with self._lock:
                self._done = min(self._size, self._done + count)
                self._on_progress(self._done, self._size)


def verify_all(
    subjects: Sequence[Path | Vib],
    on_progress: Callable[[int, int], None] | None = None,
    policy: TrustPolicy = NO_POLICY,
) -> Verified:
    """Verify files; return the verification of each, or why it could not be verified.

    Args:
        subjects: VIBs and bundles, or VIBs that were read already.
        on_progress: called with (bytes read, total bytes).
        policy: whom to trust.
    """
    share = _Share(sum(map(_size, subjects)), on_progress)
    paths = [Path(each.source.name) if isinstance(each, Vib) else each for each in subjects]

    def one(path: Path, subject: Path | Vib) -> Verification | VibforgeError:
        return tried(path, lambda _path: verify(subject, policy, share.advance))

    if len(paths) == 1:
        return Verified.from_results([(paths[0], one(paths[0], subjects[0]))])

    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for several files

    with ThreadPoolExecutor(min(_THREAD_LIMIT, os.cpu_count() or 1)) as pool:
        try:
            return Verified.from_results(zip(paths, pool.map(one, paths, subjects), strict=True))
        except BaseException:
            share.stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _size(subject: Path | Vib) -> int:
    try:
        return subject.source.size if isinstance(subject, Vib) else subject.stat().st_size
    except (OSError, ValueError):
        return 0
