"""Check a package against an attestation, offline and by trusted certificates."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import DecodeError, Meta, Struct, ValidationError, field, json
from msgspec.structs import replace

from vibforge.errors import FormatError, ModelError, escaped
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.evidence import dsse
from vibforge.evidence.dsse import Envelope, EnvelopeSignature
from vibforge.evidence.provenance import BUILD_TYPE, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE
from vibforge.findings.check import Topic
from vibforge.formats.budget import Budget, Work
from vibforge.packages.verification import Fact, fact
from vibforge.signing import host_rules, strict_rules
from vibforge.signing.host_rules import Ruling, any_of
from vibforge.signing.path import ChainCertificate, build_chain, chain_certificate
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import StorePart

_STATEMENT_OF_COSIGN = "https://in-toto.io/Statement/v0.1"
"""The older name, which cosign 2.6 still writes; the fields are the same."""
_OTHER_KEY = "the key of the certificate beside the signature did not make it"
_NO_KEY = "no key of a trusted certificate made the signature, and no certificate is beside it"
_SUBJECTS_SHOWN = 3
_NO_TIME = "it states no time at which the signer has to be valid; --at chooses one"
_Moment = Annotated[datetime, Meta(tz=True)]


class _Subject(Struct):
    name: str = ""
    digest: dict[str, str] = {}


class _Statement(Struct, rename="camel"):
    type: str = field(name="_type")
    predicate_type: str
    subject: tuple[_Subject, ...] = ()


class _Definition(Struct, rename="camel"):
    build_type: str


class _Builder(Struct):
    id: str


class _Metadata(Struct, rename="camel"):
    started_on: _Moment | None = None
    finished_on: _Moment | None = None


class _Run(Struct):
    builder: _Builder
    metadata: _Metadata | None = None


class _Provenance(Struct, rename="camel"):
    build_definition: _Definition
    run_details: _Run


class _Whole(Struct):
    predicate: _Provenance


class Attestation(Struct, frozen=True, kw_only=True):
    """An attestation that was read; nothing in it is verified.

    `subjects` are names with SHA-256 digests. Only SLSA v1 provenance has `build_type`, `builder`
    and `moment`, the time that it states.
    """

    envelope: Envelope
    statement_type: str = ""
    predicate_type: str = ""
    subjects: tuple[tuple[str, str], ...] = ()
    build_type: str = ""
    builder: str = ""
    moment: datetime | None = None


def read_attestation(path: Path) -> Attestation:
    """Read an attestation.

    Raises:
        FormatError: it cannot be read, or is not an in-toto statement in a DSSE envelope.
    """
    envelope = dsse.read_envelope(path)
    if envelope.payload_type != PAYLOAD_TYPE:
        return Attestation(envelope=envelope)
    try:
        stated = json.decode(envelope.payload, type=_Statement)
        subjects = tuple((each.name, each.digest.get("sha256", "")) for each in stated.subject)
        found = Attestation(
            envelope=envelope,
            statement_type=stated.type,
            predicate_type=stated.predicate_type,
            subjects=subjects,
        )
        return _with_provenance(found) if stated.predicate_type == PREDICATE_TYPE else found
    except (DecodeError, ValidationError, RecursionError) as error:
        raise FormatError(
            f"its payload is not an in-toto statement: {error}", where=str(path)
        ) from error


def _with_provenance(found: Attestation) -> Attestation:
    predicate = json.decode(found.envelope.payload, type=_Whole).predicate
    metadata = predicate.run_details.metadata or _Metadata()
    return replace(
        found,
        build_type=predicate.build_definition.build_type,
        builder=predicate.run_details.builder.id,
        moment=metadata.finished_on or metadata.started_on,
    )


def require_trust(path: Path, policy: TrustPolicy) -> None:
    """Insist on certificates to trust.

    Raises:
        ModelError: there are none.
    """
    if policy.store is None:
        raise ModelError(
            "an attestation proves nothing without certificates to trust",
            where=str(path),
            remedy="name the signer's root with --trust",
        )


def attestation_facts(attestation: Attestation, sha256: str, policy: TrustPolicy) -> Iterator[Fact]:
    """Yield who signed an attestation, whether it is about a package, and of what type it is.

    Args:
        attestation: the attestation.
        sha256: the digest of the package in hex.
        policy: whom to trust, and the time to check dates at.
    """
    yield _fact("a trusted signer signed the attestation", signature_ruling(attestation, policy))
    yield _fact("the attestation is SLSA v1 provenance", _type_ruling(attestation))
    yield _fact("the attestation is about this package", _subject_ruling(attestation, sha256))
    if attestation.build_type:
        yield _fact("the build is one of vibforge's", _build_ruling(attestation))


def _fact(statement: str, ruling: Ruling) -> Fact:
    reason = "; ".join(map(escaped, ruling.reasons))
    return fact(Topic.PROVENANCE, statement, holds=ruling.held, reason=reason)


def _type_ruling(attestation: Attestation) -> Ruling:
    stated = (
        (attestation.envelope.payload_type, {PAYLOAD_TYPE}),
        (attestation.statement_type, {STATEMENT_TYPE, _STATEMENT_OF_COSIGN}),
        (attestation.predicate_type, {PREDICATE_TYPE}),
    )
    wrong = [found for found, known in stated if found not in known]
    return Ruling.from_reasons(tuple(f"its type is {found or 'not stated'}" for found in wrong[:1]))


def _subject_ruling(attestation: Attestation, sha256: str) -> Ruling:
    if any(digest.lower() == sha256 for _name, digest in attestation.subjects):
        return Ruling(held=True)
    shown = [
        f"{name or 'an unnamed file'}, SHA-256 {digest or 'not stated'}"
        for name, digest in attestation.subjects[:_SUBJECTS_SHOWN]
    ]
    about = "; ".join(shown) or "nothing"
    return Ruling(held=False, reasons=(f"it is about {about}; this package has SHA-256 {sha256}",))


def _build_ruling(attestation: Attestation) -> Ruling:
    if attestation.build_type == BUILD_TYPE:
        return Ruling(held=True)
    return Ruling(held=None, reasons=(f"its build type is {attestation.build_type}",))


def signature_ruling(attestation: Attestation, policy: TrustPolicy) -> Ruling:
    """Return whether one signature is valid and by a trusted signer; one such is enough.

    The signer has to be valid at the time that the provenance states, or at the policy's. The rules
    for paths are the strict ones: no host reads attestations, so none has to be pleased.
    """
    moment = policy.at or attestation.moment
    part = policy.store.part_for(AcceptanceLevel.COMMUNITY) if policy.store else StorePart()
    size = len(attestation.envelope.payload)
    judge = _Judge(
        text=attestation.envelope.signed_text,
        part=part,
        moment=moment,
        budget=Budget("the attestation", size),
    )
    return any_of([judge.ruling(each) for each in attestation.envelope.signatures])


class _Judge(Struct, frozen=True, kw_only=True):
    """Judges the signatures of one envelope."""

    text: bytes
    part: StorePart
    moment: datetime | None
    budget: Budget

    def ruling(self, signature: EnvelopeSignature) -> Ruling:
        carried = tuple(map(chain_certificate, signature.certificates))
        signer = next(
            (each for each in self._candidates(carried) if self._made(each, signature)), None
        )
        if signer is None:
            return Ruling(held=False, reasons=(_OTHER_KEY if carried else _NO_KEY,))
        return Ruling.from_reasons(tuple(dict.fromkeys(self._reasons(signer, carried))))

    def _candidates(self, carried: tuple[ChainCertificate, ...]) -> tuple[ChainCertificate, ...]:
        """Return who may have signed: the first certificate beside it, or else any trusted one."""
        return carried[:1] or self.part.certificates

    def _made(self, certificate: ChainCertificate, signature: EnvelopeSignature) -> bool:
        self.budget.spend(Work.SIGNATURES)
        return certificate.has_signed(dsse.DIGEST, signature.signature, self.text)

    def _reasons(
        self, signer: ChainCertificate, carried: tuple[ChainCertificate, ...]
    ) -> Iterator[str]:
        chain = build_chain(signer, carried, self.part.certificates, self.budget)
        yield from host_rules.chain_reasons(chain, self.part.lists, self.budget)
        if self.moment is None:
            yield _NO_TIME
        yield from strict_rules.chain_reasons(chain, carried, self.part, self.moment)
