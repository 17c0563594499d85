"""Sign a VIB: put a signature of its descriptor into `sig.pkcs7`, and touch nothing else."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from vibforge.errors import FormatError, ModelError, SigningError
from vibforge.formats.ar import member_padding
from vibforge.formats.ar_reading import Member, read_archive
from vibforge.formats.pkcs7 import check_block, read_blocks
from vibforge.formats.pkcs7_making import append_block
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.descriptor import Descriptor
from vibforge.model.descriptor_reading import parse as read_descriptor
from vibforge.model.release_date import ReleaseDate
from vibforge.operations.publish import Publication
from vibforge.signing.making import make_block
from vibforge.signing.signer import Signer
from vibforge.trust.judging import judge
from vibforge.trust.ruling import TrustJudgement

DESCRIPTOR_SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of a descriptor; that of 50,000 files takes 4 MB."""
SIGNATURE_SIZE_LIMIT = 1024 * 1024
"""Bytes of the signatures in a VIB, which is what readers take."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Signable:
    """A VIB as a signer sees it: its descriptor, what signs it now, and where all that lies."""

    path: Path
    descriptor_bytes: bytes
    descriptor: Descriptor
    signatures: bytes
    signature_member: Member

    @property
    def level(self) -> AcceptanceLevel:
        """The level that it claims; without a word it is community (vib-format 2.2)."""
        try:
            return AcceptanceLevel.parse(self.descriptor.acceptance_level or "community")
        except ModelError:
            return AcceptanceLevel.COMMUNITY

    def signing_time(self, wanted: datetime | None = None) -> datetime:
        """Return the wanted time, else the release date, so that signing again gives the same.

        Raises:
            SigningError: the descriptor has no release date that can be read.
        """
        if wanted is not None:
            return wanted
        text = self.descriptor.release_date or ""
        try:
            return datetime.fromtimestamp(ReleaseDate.parse(text).epoch, UTC)
        except ModelError as error:
            raise SigningError(
                f"the VIB's release date is {text!r}, which is no signing time",
                where=str(self.path),
                remedy="name one with --signing-time",
            ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A VIB that was signed; `judgement` says what its signatures carry, as far as is known."""

    path: Path
    vib_id: str
    signing_time: datetime
    judgement: TrustJudgement


def read_signable(path: Path) -> Signable:
    """Read what signing a VIB needs; its payloads are not read.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise SigningError(f"cannot be read: {error.strerror}", where=str(path)) from error


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
        output: the signed VIB; `path` itself if None.
        signing_time: what the signature states; the VIB's release date if None.
        existing: what becomes of signatures that it has.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: the key or certificate cannot sign it, or it is signed already.
        OutputError: the result cannot be written; the VIB is as it was.
    """
    signable = read_signable(path)
    moment = signable.signing_time(signing_time)
    kept = _kept(signable, existing)
    block = make_block(signable.descriptor_bytes, signer, moment)
    signatures = append_block(kept, block)
    target = (output or path).resolve()
    _write(signable, signatures, target)
    blocks = read_blocks(signatures)
    return Signed(
        path=output or path,
        vib_id=signable.descriptor.vib_id,
        signing_time=moment,
        judgement=judge(blocks, signable.descriptor_bytes, signable.level, None),
    )


def _read(file: BinaryIO, path: Path) -> Signable:
    size = file.seek(0, 2)
    file.seek(0)
    archive = read_archive(file, size)
    if archive.faults:
        raise FormatError.of(archive.faults)
    if archive.tail_size:
        raise FormatError(f"{archive.tail_size} bytes follow the last member", where=str(path))
    first, second = _first_two(archive.members, path)
    text = _member_bytes(file, first, DESCRIPTOR_SIZE_LIMIT)
    return Signable(
        path=path,
        descriptor_bytes=text,
        descriptor=read_descriptor(text),
        signatures=_member_bytes(file, second, SIGNATURE_SIZE_LIMIT),
        signature_member=second,
    )


def _first_two(members: Sequence[Member], path: Path) -> tuple[Member, Member]:
    """Insist on the order that every host insists on (vib-format 1)."""
    names = [member.name for member in members[:2]]
    if names != ["descriptor.xml", "sig.pkcs7"]:
        raise FormatError(
            f"not a VIB: its first members are {', '.join(names) or 'none'}, not descriptor.xml "
            "and sig.pkcs7",
            where=str(path),
        )
    return members[0], members[1]


def _member_bytes(file: BinaryIO, member: Member, limit: int) -> bytes:
    if member.size > limit:
        raise FormatError(f"{member.size} bytes, more than {limit}", where=f"member {member.name}")
    file.seek(member.data_offset)
    return file.read(member.size)


def _kept(signable: Signable, existing: Existing) -> bytes:
    """Return the signatures that stay; those that do not hold must not stand before a new one."""
    blocks = read_blocks(signable.signatures) if existing is not Existing.REPLACE else ()
    if blocks and existing is Existing.REFUSE:
        raise SigningError(
            f"it has {len(blocks)} signature{'s' if len(blocks) > 1 else ''} already",
            where=str(signable.path),
            remedy="--append adds one, --replace drops what is there",
        )
    for number, block in enumerate(blocks, start=1):
        check = check_block(block, signable.descriptor_bytes)
        if check.held is False or block.fault:
            raise SigningError(
                f"signature {number} does not hold: {check.reason}",
                where=str(signable.path),
                remedy="--replace drops it",
            )
    return signable.signatures if blocks else b""


def _write(signable: Signable, signatures: bytes, target: Path) -> None:
    """Write the VIB anew, member by member as it was, but for the signatures."""
    member = signable.signature_member
    header = member.header[:48] + f"{len(signatures):<10}".encode("ascii") + member.header[58:]
    with Publication(target.parent) as publication:
        with publication.create(target.name) as file, signable.path.open("rb") as source:
            file.write(source.read(member.header_offset))
            file.write(header + signatures + member_padding(len(signatures)))
            source.seek(member.data_offset + member.size + len(member.padding))
            shutil.copyfileobj(source, file, 1024 * 1024)
            _insist(file, signable, signatures)
        publication.publish()


def _insist(file: BinaryIO, signable: Signable, signatures: bytes) -> None:
    """Read back what was written, and refuse to publish anything but the signed VIB."""
    file.flush()
    end = file.tell()
    file.seek(0)
    found = _read(file, signable.path)
    same = (found.descriptor_bytes, found.signatures) == (signable.descriptor_bytes, signatures)
    held = [check_block(one, found.descriptor_bytes).held for one in read_blocks(found.signatures)]
    if not same or not held or held[-1] is not True:
        raise SigningError("the VIB changed while it was signed", where=str(signable.path))
    file.seek(end)
