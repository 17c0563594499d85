"""A PKCS#7 signature, written field by field, and what it meets: one form to judge."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from tests.signing.forgery.der import OCTETS, SET, integer, oid, sequence, set_of, time, tlv
from tests.signing.forgery.parties import MIDDLE, NOW, ROOT, SIGNER, Party, algorithm, sign
from tests.signing.lab import descriptor
from vibforge.formats.pkcs7_making import pem_block

TEXT = descriptor()
DATA, SIGNED_DATA = oid("1.2.840.113549.1.7.1"), oid("1.2.840.113549.1.7.2")
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
_DIGESTS = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


def digest_algorithm(digest: str) -> bytes:
    return sequence(oid(_DIGESTS[digest]), b"\5\0")


def attribute(dotted: str, *values: bytes) -> bytes:
    return sequence(oid(dotted), tlv(SET, *values))


def digest_of(text: bytes, digest: str = "sha256") -> bytes:
    return tlv(OCTETS, hashlib.new(digest, text, usedforsecurity=False).digest())


TYPE = attribute(CONTENT_TYPE, DATA)
DIGEST = attribute(MESSAGE_DIGEST, digest_of(TEXT))
TIME = attribute(SIGNING_TIME, time(NOW))


class Message(Struct, frozen=True, kw_only=True):
    """The fields of a SignedData; by default one as the vendor writes it."""

    by: Party = SIGNER
    certificates: tuple[bytes, ...] | None = None
    chain: tuple[Party, ...] = (MIDDLE,)
    attributes: tuple[bytes, ...] | None = (TYPE, TIME, DIGEST)
    in_set_order: bool = True
    signed_text: Callable[[bytes], bytes] = bytes
    """What is signed, made of what should be."""
    signature: Callable[[bytes], bytes] = bytes
    """What stands there, made of the real signature."""
    digest: str = "sha256"
    signed_digest: str | None = None
    digest_algorithm: bytes | None = None
    announced: tuple[bytes, ...] | None = None
    signature_algorithm: bytes | None = None
    signer_id: bytes | None = None
    version: int = 1
    signer_version: int = 1
    content: bytes | None = None
    content_type: bytes = DATA
    unsigned: bytes = b""
    lists: bytes = b""
    signers: Callable[[bytes], bytes] = bytes
    """The signerInfos, made of the one."""
    outer_type: bytes = SIGNED_DATA

    def der(self) -> bytes:
        attributes = self.attributes
        if attributes is not None and self.in_set_order:
            attributes = tuple(sorted(attributes))
        covered = TEXT if attributes is None else tlv(SET, *attributes)
        signed_digest = self.signed_digest or self.digest
        signature = sign(self.by.key, self.signed_text(covered), signed_digest)
        of_digest = self.digest_algorithm or digest_algorithm(self.digest)
        info = sequence(
            integer(self.signer_version),
            self.signer_id or sequence(self.by.issuer, self.by.serial),
            of_digest,
            b"" if attributes is None else tlv(0xA0, *attributes),
            self.signature_algorithm or algorithm(self.by.key, signed_digest),
            tlv(OCTETS, self.signature(signature)),
            self.unsigned,
        )
        carried = self.certificates
        if carried is None:
            carried = tuple(one.der for one in (self.by, *self.chain))
        content = b"" if self.content is None else tlv(0xA0, tlv(OCTETS, self.content))
        signed = sequence(
            integer(self.version),
            set_of(*((of_digest,) if self.announced is None else self.announced)),
            sequence(self.content_type, content),
            tlv(0xA0, *sorted(carried)) if carried else b"",
            self.lists,
            tlv(SET, self.signers(info)),
        )
        return sequence(self.outer_type, tlv(0xA0, signed))

    def pem(self) -> bytes:
        return pem_block(self.der())


class Form(Struct, frozen=True, kw_only=True):
    """A signature, the text beside it, and the store that it meets."""

    signature: bytes
    text: bytes = TEXT
    roots: tuple[Party, ...] = (ROOT,)
    lists: tuple[bytes, ...] = ()
    moment: datetime = NOW


def signed(
    by: Party = SIGNER,
    *chain: Party,
    roots: tuple[Party, ...] = (ROOT,),
    lists: tuple[bytes, ...] = (),
) -> Form:
    """Return an ordinary signature by a signer, with the certificates of its chain."""
    return Form(signature=Message(by=by, chain=chain).pem(), roots=roots, lists=lists)
