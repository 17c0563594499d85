"""Check VIBs and bundles against their own metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.api.arguments import (
    optional_path,
    path_of,
    policy_of,
    present,
    some_of,
    typed_errors,
)
from vibforge.evidence import attestation_checking, claims, sbom_checking
from vibforge.packages import verify as packages_verify
from vibforge.vib import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.packages.verify import Verified
    from vibforge.signing.store import TrustStore
    from vibforge.vib.archive import Vib


@typed_errors
def verify(  # noqa: PLR0913 - each one is a thing that a caller decides
    files: str | Path | Vib | Iterable[str | Path | Vib],
    *,
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
    strict: bool = False,
    at: datetime | None = None,
    require_signed: bool = False,
    require_level: str | AcceptanceLevel | None = None,
    sbom: str | Path | None = None,
    attestation: str | Path | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Check VIBs and bundles against their own metadata: sizes, digests, file lists, signatures.

    Args:
        files: VIBs and offline bundles, or a `Vib`; a file that cannot be read is listed in
            `unreadable` of the result, and the others are checked.
        trust: whom to trust: a host's folder of certificates, PEM files, or `read_store`; without
            it, whether a signer is to be trusted is not checked.
        strict: fail what strict X.509 rules object to, weak payload digests, and unsigned VIBs.
        at: the moment to check dates at, UTC unless it has a time zone; the signing time if None.
        require_signed: fail VIBs without a valid signature.
        require_level: fail VIBs below this acceptance level, and VIBs whose level no signer in
            `trust` carries.
        sbom: an SBOM in CycloneDX or SPDX, as JSON; fail files that it does not describe.
        attestation: an in-toto attestation in a DSSE envelope; fail files that it is not about, and
            all files if it is not SLSA v1 provenance that a signer in `trust` signed.
        now: the moment to warn of expired certificates at, UTC unless it has a time zone; if None,
            `at`, else the time of the clock. A warning changes no verdict.
        on_progress: called with the bytes that are read, and how many there are in all.

    Raises:
        ModelError: no file is named, an argument is malformed, or there is an attestation and no
            `trust`.
        FormatError: a file of `trust`, the SBOM or the attestation cannot be read.

    Examples:
        >>> from vibforge import Fact, Outcome, Verification, Verified, verify
        >>> result: Verified = verify(["signed.vib", "fleet.zip"], trust="root.pem")
        >>> result.good
        True
        >>> verification: Verification = verify("signed.vib", require_level="partner").found[0][1]
        >>> facts = verification.all_facts
        >>> failed: list[Fact] = [each for each in facts if each.outcome is Outcome.FAILED]
        >>> failed[0].statement
        'the level is PartnerSupported or higher, as the policy requires'

        A VIB in memory:

        >>> from pathlib import Path
        >>> from vibforge import Vib
        >>> verify(Vib.from_bytes(Path("acme.vib").read_bytes(), "memory")).found[0][1].held
        True

        `require` raises if something failed:

        >>> from vibforge import VerificationError
        >>> try:
        ...     verify("acme.vib", require_signed=True).require()
        ... except VerificationError as error:
        ...     print(error.problems[0].where)
        acme.vib
    """
    policy = policy_of(
        trust,
        at=at,
        strict=strict,
        require_signed=require_signed,
        require_level=require_level,
        now=present(now, at),
    )
    given = (files,) if isinstance(files, str | Path | archive.Vib) else files
    subjects = some_of(given, _subject_of)
    bill, claim = optional_path(sbom), optional_path(attestation)
    if claim is not None:
        attestation_checking.require_trust(claim, policy)
    listed = None if bill is None else sbom_checking.read_sbom(bill)
    attested = None if claim is None else attestation_checking.read_attestation(claim)
    verified = packages_verify.verify_all(subjects, on_progress, policy)
    if listed is not None:
        verified = claims.with_sbom(verified, subjects, listed)
    if attested is not None:
        verified = claims.with_attestation(verified, subjects, attested, policy)
    return verified


def _subject_of(file: str | Path | Vib) -> Path | Vib:
    return file if isinstance(file, archive.Vib) else path_of(file)
