"""Sign a VIB with a local key or a signing service; nothing else in the VIB changes."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from cryptography import x509
from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError, ModelError, Problem, SigningError
from vibforge.files.folder_handle import behind_links
from vibforge.files.publication import Publication, explained
from vibforge.findings.check import Topic
from vibforge.formats.ar import MAGIC, member_padding, read_archive
from vibforge.formats.budget import Budget
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.formats.pkcs7_making import append_block
from vibforge.formats.streams import read_chunks
from vibforge.packages.verification import Outcome, judgement_of
from vibforge.packages.verify import verify_vib
from vibforge.signing.host_rules import TrustJudgement, form_reasons
from vibforge.signing.key_source import (
    KeySource,
    open_signer,
    read_certificate_files,
    read_small_file,
)
from vibforge.signing.passphrase import Passphrase, once
from vibforge.signing.pkcs11_token import TokenSigner
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.signer import (
    Signer,
    chain_of,
    given_signature,
    make_block,
    signing_time,
    text_to_sign,
)
from vibforge.signing.stated_time import SigningTime, TimeSource
from vibforge.vib.archive import Vib
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME, ReleaseDate

_SIZE_FIELD = slice(48, 58)
"""The size field of a member's header (format.md#member-headers)."""
_VOUCHED_FOR = frozenset(
    {Topic.DESCRIPTOR, Topic.PAYLOAD, Topic.SIZE, Topic.DIGEST, Topic.COVERAGE}
)
"""Topics whose facts must hold before a descriptor is signed."""
_REMEDIES = {
    Topic.COVERAGE: "rebuild it: `vibforge extract --stage` makes a project of the VIB, and "
    "`vibforge build` declares all digests",
    Topic.DESCRIPTOR: "rebuild the VIB",
}
_REBUILD = "download the VIB again, or rebuild it; a signature must cover what was built"


class Existing(StrEnum):
    """What to do with the signatures that a VIB has."""

    REFUSE = "refuse"
    APPEND = "append"
    REPLACE = "replace"

    @classmethod
    def of(cls, *, append: bool, replace: bool) -> "Existing":
        """Return the choice that two flags express.

        Raises:
            SigningError: both are set.
        """
        if append and replace:
            raise SigningError("--append and --replace exclude each other; give only one of them")
        return cls.APPEND if append else cls.REPLACE if replace else cls.REFUSE


class Signable(Struct, frozen=True):
    """A VIB that can be signed."""

    path: Path
    vib: Vib

    def signing_time(
        self, wanted: datetime | None, certificate: x509.Certificate | None
    ) -> SigningTime:
        """Return the wanted time, else what `making.signing_time` makes of the release date.

        Raises:
            SigningError: the descriptor has no release date that can be read.
        """
        if wanted is not None:
            return SigningTime(wanted, TimeSource.NAMED)
        text = self.vib.descriptor.release_date or ""
        try:
            released = datetime.fromtimestamp(ReleaseDate.parse(text).epoch, UTC)
        except ModelError as error:
            raise SigningError(
                f"the VIB's release date {text!r} cannot be used as the signing time",
                where=str(self.path),
                remedy="give the signing time with --signing-time",
            ) from error
        return signing_time(released, certificate)


class Signed(Struct, frozen=True, kw_only=True):
    """A VIB that was signed; `path` is its file, `bundle.zip:member` for one in a bundle.

    `stated` is the signing time and its source; `judgement` is that of all signatures of the VIB.
    """

    path: Path
    vib_id: str
    stated: SigningTime
    judgement: TrustJudgement

    @property
    def signing_time(self) -> datetime:
        return self.stated.moment


def read_signable(path: Path) -> Signable:
    """Read the file of a VIB to sign; errors as for `signable`."""
    return signable(Vib.from_path(path))


def signable(vib: Vib) -> Signable:
    """Return a VIB that can be signed: verify that it and its payloads are undamaged.

    Raises:
        FormatError: it is not a VIB, cannot be read, or is damaged.
        SigningError: a payload is not what the descriptor says, or no SHA-256 or stronger digest
            of its stored bytes is declared.
    """
    path = Path(vib.source.name)
    if vib.faults:
        raise FormatError.from_problems(
            Problem(what=fault.what, where=fault.where or str(path)) for fault in vib.faults
        )
    problems = [
        Problem(
            what=fact.failure,
            where=f"{path}:{fact.subject}" if fact.subject else str(path),
            remedy=_REMEDIES.get(fact.topic, _REBUILD),
        )
        for fact in verify_vib(vib, policy=TrustPolicy(strict=True)).facts
        if fact.outcome is Outcome.FAILED and fact.topic in _VOUCHED_FOR
    ]
    if problems:
        raise SigningError.from_problems(problems)
    return Signable(path, vib)


def sign_vib(
    path: Path,
    signer: Signer,
    *,
    output: Path | None = None,
    signing_time: datetime | None = None,
    existing: Existing = Existing.REFUSE,
) -> Signed:
    """Sign a VIB, in place or into `output`; the file is published only after it is verified.

    Args:
        path: the VIB.
        signer: holds the key; see `vibforge.signing`.
        output: the signed VIB; `path` itself if None. An existing file is replaced; its owner and
            permissions are kept.
        signing_time: the time in the signature; if None, the later of the VIB's release date and
            the notBefore of the signer's certificate.
        existing: what to do with existing signatures.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: the key or certificate cannot sign it, or it is signed already.
        OutputError: the result cannot be written; the VIB is as it was.
    """
    subject = read_signable(path)
    made = make_signatures(
        subject, signer, kept_signatures(subject, existing), signing_time=signing_time
    )
    with explained(output or path):
        target = behind_links(output or path)
    with Publication(target.parent) as publication:
        with publication.create(target.name, like_replaced=True) as file:
            write_signed(file, subject.vib, made.signatures)
        publication.publish()
    return made.signed(output or path)


class Signatures(Struct, frozen=True, kw_only=True):
    """The new signature member of a VIB, which is not written yet."""

    vib: Vib
    signatures: bytes
    stated: SigningTime

    def signed(self, path: Path) -> Signed:
        """Return the result, once the VIB is written to `path`."""
        return Signed(
            path=path,
            vib_id=self.vib.descriptor.vib_id,
            stated=self.stated,
            judgement=judgement_of(replace(self.vib, signature=self.signatures)),
        )


def make_signatures(
    subject: Signable, signer: Signer, kept: bytes, *, signing_time: datetime | None = None
) -> Signatures:
    """Sign the descriptor of a VIB; `kept` are the signatures before the new one.

    Raises:
        SigningError: the key or certificate cannot sign it.
    """
    stated = subject.signing_time(signing_time, signer.certificates[0])
    block = make_block(subject.vib.descriptor_bytes, signer, stated.moment)
    return Signatures(vib=subject.vib, signatures=append_block(kept, block), stated=stated)


def kept_signatures(subject: Signable, existing: Existing) -> bytes:
    """Return the existing signatures to keep; refuse invalid ones, which would come first.

    Raises:
        SigningError: it is signed and nothing says what to do with that, or a signature to keep is
            not valid.
    """
    blocks = parse_blocks(subject.vib.signature) if existing is not Existing.REPLACE else ()
    if blocks and existing is Existing.REFUSE:
        raise SigningError(
            f"it has {len(blocks)} signature{'s' if len(blocks) > 1 else ''} already",
            where=str(subject.path),
            remedy="use --append to add a signature, or --replace to drop the existing ones",
        )
    for number, block in enumerate(blocks, start=1):
        check = check_block(block, subject.vib.descriptor_bytes)
        reasons = [*form_reasons(block), *([] if check.held else [check.reason])]
        if reasons:
            raise SigningError(
                f"signature {number} is not valid: {reasons[0]}",
                where=str(subject.path),
                remedy="use --replace to drop it",
            )
    return subject.vib.signature if blocks else b""


def write_signed(file: BinaryIO, vib: Vib, signatures: bytes) -> None:
    """Write the VIB with new signatures; copy every other member unchanged, and read it back.

    Raises:
        SigningError: the VIB changed meanwhile.
    """
    with vib.source.open() as source:
        file.writelines(with_signatures(vib, signatures, source))
    _verify_written(file, vib, signatures)


def with_signatures(vib: Vib, signatures: bytes, source: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a VIB with other signatures; every other member stays as it is.

    Args:
        vib: the VIB.
        signatures: the new content of `sig.pkcs7`.
        source: the open file of the VIB.
    """
    yield MAGIC
    for member in vib.archive.members:
        if member.name == SIGNATURE_NAME:
            size = f"{len(signatures):<10}".encode("ascii")
            yield member.header[: _SIZE_FIELD.start] + size
            yield member.header[_SIZE_FIELD.stop :] + signatures
            yield member_padding(len(signatures))
            continue
        yield member.header
        source.seek(member.data_offset)
        yield from read_chunks(source, member.size)
        yield member.padding


def _verify_written(file: BinaryIO, vib: Vib, signatures: bytes) -> None:
    """Read the written file back, and raise unless it is the signed VIB."""
    file.flush()
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    members = {
        member.name: member
        for member in read_archive(file, end, Budget(vib.source.name, end)).members
    }
    written = {}
    for name in (DESCRIPTOR_NAME, SIGNATURE_NAME):
        file.seek(members[name].data_offset)
        written[name] = file.read(members[name].size)
    is_equal = written == {DESCRIPTOR_NAME: vib.descriptor_bytes, SIGNATURE_NAME: signatures}
    newest = parse_blocks(written[SIGNATURE_NAME])[-1]
    if not is_equal or check_block(newest, written[DESCRIPTOR_NAME]).held is not True:
        raise SigningError("the VIB changed while it was signed", where=vib.source.name)


class ToSign(Struct, frozen=True, kw_only=True):
    """The input of a signing service: `text`, or its SHA-256 `digest`.

    `stated` is the signing time and its source.
    """

    signable: Signable
    stated: SigningTime
    text: bytes

    @property
    def signing_time(self) -> datetime:
        return self.stated.moment

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text).digest()


def to_sign(
    path: Path, signing_time: datetime | None = None, certificates: Sequence[Path] = ()
) -> ToSign:
    """Return the input of a signing service; equal for the same VIB, time and signer.

    Args:
        path: the VIB.
        signing_time: the time in the signature; see `sign_vib`.
        certificates: files with the signer's certificate first. Without them, pass a
            `signing_time` if the certificate is newer than the VIB.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: it cannot be read, or has no release date for a signing time.
    """
    subject = read_signable(path)
    signer = next(iter(read_certificate_files(certificates)), None)
    stated = subject.signing_time(signing_time, signer)
    text = text_to_sign(subject.vib.descriptor_bytes, stated.moment)
    return ToSign(signable=subject, stated=stated, text=text)


def write_request(
    request: ToSign, digest: Path | None, attributes: Path | None
) -> tuple[Path, ...]:
    """Write the digest, and the text itself, for a signing service.

    Raises:
        OutputError: a file cannot be written.
    """
    outputs = ((digest, request.digest), (attributes, request.text))
    for path, data in outputs:
        if path is not None:
            with Publication(path.parent) as publication:
                publication.write(path.name, data)
                publication.publish()
    return tuple(path for path, _ in outputs if path is not None)


def choose_signer(
    source: KeySource,
    signature: Path | None,
    passphrase: Passphrase,
    environment: Mapping[str, str],
) -> Signer:
    """Return the signer for a key, or for a signature of a signing service.

    Raises:
        SigningError: neither or both are given, or the given one cannot be used.
    """
    if signature is None and source.key:
        signer = open_signer(source, once(passphrase), environment)
        if isinstance(signer, TokenSigner):
            signer.check()
        return signer
    if signature is None or source.key:
        raise SigningError(
            "give either --key, or --signature-in with the signature of a signing service",
            remedy="for a lab, `vibforge pki` makes a key and certificate",
        )
    certificates = read_certificate_files(source.certificates)
    if not certificates:
        raise SigningError("--signature-in requires --cert, the certificate of the signing key")
    chain = chain_of(certificates[0], certificates)
    return given_signature(read_small_file(signature), chain)
