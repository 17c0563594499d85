"""Sign a VIB, here or where the key is, and touch nothing else of it."""

import hashlib
import os
from collections.abc import Mapping, Sequence
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
from vibforge.formats.pkcs7 import check_block, read_blocks
from vibforge.formats.pkcs7_making import append_block
from vibforge.formats.streams import read_chunks
from vibforge.packages.verification import Outcome, judgement_of
from vibforge.packages.verify import verify_vib
from vibforge.signing.host_rules import TrustJudgement, form_objections
from vibforge.signing.key_source import (
    KeySource,
    open_signer,
    read_certificate_files,
    read_small_file,
)
from vibforge.signing.passphrase import Passphrase
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
"""Where a member's header says how long it is (format.md#member-headers)."""
_VOUCHED_FOR = frozenset(
    {Topic.DESCRIPTOR, Topic.PAYLOAD, Topic.SIZE, Topic.DIGEST, Topic.COVERAGE}
)
"""What must hold before a descriptor is signed: a signature vouches for these."""
_REMEDIES = {
    Topic.COVERAGE: "build it again: `vibforge extract --stage` makes a project of the VIB, and "
    "`vibforge build` declares all digests",
    Topic.DESCRIPTOR: "have the VIB built again",
}
_REBUILD = "fetch the VIB again, or have it built again: what is signed must be what was built"


class Existing(StrEnum):
    """What to do with the signatures that a VIB has."""

    REFUSE = "refuse"
    APPEND = "append"
    REPLACE = "replace"

    @classmethod
    def of(cls, *, append: bool, replace: bool) -> "Existing":
        """Choose by two flags.

        Raises:
            SigningError: both are set.
        """
        if append and replace:
            raise SigningError("a signature is added or takes the place of others, not both")
        return cls.APPEND if append else cls.REPLACE if replace else cls.REFUSE


class Signable(Struct, frozen=True):
    """A VIB as a signer sees it."""

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
                f"the VIB's release date is {text!r}, which is no signing time",
                where=str(self.path),
                remedy="name one with --signing-time",
            ) from error
        return signing_time(released, certificate)


class Signed(Struct, frozen=True, kw_only=True):
    """A VIB that was signed.

    `stated` is the time in the new signature and where it comes from; `judgement` says what the
    signatures carry, as far as is known.
    """

    path: Path
    vib_id: str
    stated: SigningTime
    judgement: TrustJudgement

    @property
    def signing_time(self) -> datetime:
        return self.stated.moment


def read_signable(path: Path) -> Signable:
    """Read a VIB that shall be signed, and insist that it is whole: its payloads too.

    Raises:
        FormatError: it is not a VIB, cannot be read, or is damaged.
        SigningError: a payload is not what the descriptor says, or no SHA-256 or stronger digest
            of its stored bytes is declared.
    """
    vib = Vib.from_path(path)
    if vib.faults:
        raise FormatError.of(
            Problem(what=one.what, where=one.where or str(path)) for one in vib.faults
        )
    wrong = [
        Problem(
            what=one.failure,
            where=f"{path}:{one.subject}" if one.subject else str(path),
            remedy=_REMEDIES.get(one.topic, _REBUILD),
        )
        for one in verify_vib(vib, policy=TrustPolicy(strict=True)).facts
        if one.outcome is Outcome.FAILED and one.topic in _VOUCHED_FOR
    ]
    if wrong:
        raise SigningError.of(wrong)
    return Signable(path, vib)


def sign_vib(
    path: Path,
    signer: Signer,
    *,
    output: Path | None = None,
    signing_time: datetime | None = None,
    existing: Existing = Existing.REFUSE,
) -> Signed:
    """Sign a VIB, in place or into `output`; the file appears only when all of it is verified.

    Args:
        path: the VIB.
        signer: holds the key; see `vibforge.signing`.
        output: the signed VIB; `path` itself if None. A file that is there already is replaced by
            one of the same owner and permissions.
        signing_time: what the signature states; if None, the later of the VIB's release date and
            the notBefore of the signer's certificate.
        existing: what becomes of signatures that it has.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: the key or certificate cannot sign it, or it is signed already.
        OutputError: the result cannot be written; the VIB is as it was.
    """
    signable = read_signable(path)
    vib = signable.vib
    stated = signable.signing_time(signing_time, signer.certificates[0])
    kept = _kept(signable, existing)
    block = make_block(vib.descriptor_bytes, signer, stated.moment)
    signatures = append_block(kept, block)
    with explained(output or path):
        target = behind_links(output or path)
    _write(vib, signatures, target)
    return Signed(
        path=output or path,
        vib_id=vib.descriptor.vib_id,
        stated=stated,
        judgement=judgement_of(replace(vib, signature=signatures)),
    )


def _kept(signable: Signable, existing: Existing) -> bytes:
    """Return the signatures that stay; those that do not hold must not stand before a new one."""
    blocks = read_blocks(signable.vib.signature) if existing is not Existing.REPLACE else ()
    if blocks and existing is Existing.REFUSE:
        raise SigningError(
            f"it has {len(blocks)} signature{'s' if len(blocks) > 1 else ''} already",
            where=str(signable.path),
            remedy="--append adds one, --replace drops what is there",
        )
    for number, block in enumerate(blocks, start=1):
        check = check_block(block, signable.vib.descriptor_bytes)
        objections = [*form_objections(block), *([] if check.held else [check.reason])]
        if objections:
            raise SigningError(
                f"signature {number} does not hold: {objections[0]}",
                where=str(signable.path),
                remedy="--replace drops it",
            )
    return signable.vib.signature if blocks else b""


def _write(vib: Vib, signatures: bytes, target: Path) -> None:
    """Write the VIB anew, member by member as it was, but for the signatures."""
    with Publication(target.parent) as publication:
        with (
            publication.create(target.name, like_replaced=True) as file,
            vib.source.open() as source,
        ):
            file.write(MAGIC)
            for member in vib.archive.members:
                if member.name == SIGNATURE_NAME:
                    size = f"{len(signatures):<10}".encode("ascii")
                    file.write(member.header[: _SIZE_FIELD.start] + size)
                    file.write(member.header[_SIZE_FIELD.stop :] + signatures)
                    file.write(member_padding(len(signatures)))
                    continue
                file.write(member.header)
                source.seek(member.data_offset)
                for chunk in read_chunks(source, member.size):
                    file.write(chunk)
                file.write(member.padding)
            _insist(file, vib, signatures)
        publication.publish()


def _insist(file: BinaryIO, vib: Vib, signatures: bytes) -> None:
    """Read back what was written, and refuse to publish anything but the signed VIB."""
    file.flush()
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    members = {
        one.name: one for one in read_archive(file, end, Budget(vib.source.name, end)).members
    }
    found = {}
    for name in (DESCRIPTOR_NAME, SIGNATURE_NAME):
        file.seek(members[name].data_offset)
        found[name] = file.read(members[name].size)
    same = found == {DESCRIPTOR_NAME: vib.descriptor_bytes, SIGNATURE_NAME: signatures}
    newest = read_blocks(found[SIGNATURE_NAME])[-1]
    if not same or check_block(newest, found[DESCRIPTOR_NAME]).held is not True:
        raise SigningError("the VIB changed while it was signed", where=vib.source.name)


class ToSign(Struct, frozen=True, kw_only=True):
    """What a service elsewhere signs: `text`, or its SHA-256 `digest`.

    `stated` is the time that goes into the signature, and where it comes from.
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
    """Return what is to be signed elsewhere; the same VIB, time and signer give the same again.

    Args:
        path: the VIB.
        signing_time: what the signature will state; see `sign_vib`.
        certificates: files with the signer's certificate first; without it, a signer that is
            younger than the VIB needs a `signing_time`.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: it cannot be read, or has no release date for a signing time.
    """
    signable = read_signable(path)
    signer = next(iter(read_certificate_files(certificates)), None)
    stated = signable.signing_time(signing_time, signer)
    text = text_to_sign(signable.vib.descriptor_bytes, stated.moment)
    return ToSign(signable=signable, stated=stated, text=text)


def write_request(
    request: ToSign, digest: Path | None, attributes: Path | None
) -> tuple[Path, ...]:
    """Write the digest, and the text that it is of, for a service.

    Raises:
        OutputError: a file cannot be written.
    """
    wanted = ((digest, request.digest), (attributes, request.text))
    for path, data in wanted:
        if path is not None:
            with Publication(path.parent) as publication:
                publication.write(path.name, data)
                publication.publish()
    return tuple(path for path, _ in wanted if path is not None)


def choose_signer(
    source: KeySource,
    signature: Path | None,
    passphrase: Passphrase,
    environment: Mapping[str, str],
) -> Signer:
    """Make the signer of a key, or of a signature that was made elsewhere.

    Raises:
        SigningError: neither or both are named, or what is named cannot be used.
    """
    if signature is None and source.key:
        return open_signer(source, passphrase, environment)
    if signature is None or source.key:
        raise SigningError(
            "name one of the two: --key, or --signature-in with a signature made elsewhere",
            remedy="vibforge pki makes a key and certificate for a lab",
        )
    certificates = read_certificate_files(source.certificates)
    if not certificates:
        raise SigningError("--signature-in needs --cert: the certificate of the key that signed")
    chain = chain_of(certificates[0], certificates)
    return given_signature(read_small_file(signature), chain)
