"""PKCS#7 messages: some genuine, most forged."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec.structs import replace

from tests.signing.forgery.der import OCTETS, SET, integer, oid, sequence, tlv
from tests.signing.forgery.der import time as der_time
from tests.signing.forgery.list_forms import List, entry
from tests.signing.forgery.message import (
    CONTENT_TYPE,
    DATA,
    DIGEST,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_TIME,
    TEXT,
    TIME,
    TYPE,
    Form,
    Message,
    attribute,
    digest_algorithm,
    digest_of,
)
from tests.signing.forgery.parties import (
    AFTER,
    ECDSA_SHA256,
    MIDDLE,
    MIDDLE_KEY,
    NOW,
    OTHER_KEY,
    ROOT,
    SIGNER,
    SIGNER_KEY,
    STRANGER,
    Odd,
    key_id,
    signer,
)
from tests.signing.made import key
from vibforge.formats.pkcs7_making import pem_block

Forms = Iterator[tuple[str, Form]]
CAPABILITIES = "1.2.840.113549.1.9.15"
COUNTERSIGNATURE = "1.2.840.113549.1.9.6"
CERTIFICATE_HASH = "1.2.840.113549.1.9.16.2.47"
STAMP = "1.2.840.113549.1.9.16.2.14"
UNKNOWN = "1.2.3.4.5"
OTHER_TEXT = TEXT.replace(b"1.0-1", b"1.0-2")
RSA = oid("1.2.840.113549.1.1.1")


def of(message: Message) -> Form:
    return Form(signature=message.pem())


def with_attributes(*attributes: bytes) -> Form:
    return of(Message(attributes=attributes))


def attributes() -> Forms:
    wrong = attribute(MESSAGE_DIGEST, digest_of(OTHER_TEXT))
    capabilities = attribute(CAPABILITIES, sequence())
    yield "genuine: contentType, signingTime, messageDigest", with_attributes(TYPE, TIME, DIGEST)
    yield "genuine: capabilities too", with_attributes(TYPE, TIME, DIGEST, capabilities)
    yield "no attributes", of(Message(attributes=None))
    yield "empty attributes", with_attributes()
    yield "no contentType", with_attributes(TIME, DIGEST)
    yield "no messageDigest", with_attributes(TYPE, TIME)
    yield "no signingTime", with_attributes(TYPE, DIGEST)
    yield "another contentType", with_attributes(attribute(CONTENT_TYPE, SIGNED_DATA), TIME, DIGEST)
    yield (
        "contentType that is no identifier",
        with_attributes(attribute(CONTENT_TYPE, integer(1)), TIME, DIGEST),
    )
    yield "digest of another text", with_attributes(TYPE, TIME, wrong)
    for order in ((DIGEST, wrong), (wrong, DIGEST), (DIGEST, DIGEST)):
        word = "right" if order[0] is DIGEST else "wrong"
        last = "same" if order[0] is order[1] else "different"
        yield (
            f"two messageDigests, {last}, the {word} one first",
            of(Message(attributes=(TYPE, TIME, *order), in_set_order=False)),
        )
    yield "contentType twice", with_attributes(TYPE, TYPE, TIME, DIGEST)
    yield "signingTime twice", with_attributes(TYPE, TIME, TIME, DIGEST)
    early = attribute(SIGNING_TIME, der_time(NOW - timedelta(days=1)))
    yield "two signing times", with_attributes(TYPE, TIME, early, DIGEST)
    yield "capabilities twice", with_attributes(TYPE, TIME, DIGEST, capabilities, capabilities)
    yield "unknown attribute", with_attributes(TYPE, TIME, DIGEST, attribute(UNKNOWN, integer(1)))
    yield (
        "unknown attribute twice",
        with_attributes(TYPE, TIME, DIGEST, *(attribute(UNKNOWN, integer(1)),) * 2),
    )
    digest = digest_of(TEXT)
    two = sorted((digest, digest_of(OTHER_TEXT)))
    yield (
        "messageDigest with two values",
        with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST, *two)),
    )
    yield (
        "messageDigest with two equal values",
        with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST, digest, digest)),
    )
    yield "messageDigest without a value", with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST))
    yield (
        "contentType with two values",
        with_attributes(attribute(CONTENT_TYPE, DATA, SIGNED_DATA), TIME, DIGEST),
    )
    yield "contentType without a value", with_attributes(attribute(CONTENT_TYPE), TIME, DIGEST)
    times = sorted((der_time(NOW), der_time(NOW - timedelta(days=1))))
    yield (
        "signingTime with two values",
        with_attributes(TYPE, attribute(SIGNING_TIME, *times), DIGEST),
    )
    yield "signingTime without a value", with_attributes(TYPE, attribute(SIGNING_TIME), DIGEST)
    yield (
        "signingTime that is no time",
        with_attributes(TYPE, attribute(SIGNING_TIME, integer(1)), DIGEST),
    )
    yield (
        "messageDigest that is an integer",
        with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST, tlv(2, digest[2:]))),
    )
    yield (
        "half a messageDigest",
        with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST, tlv(OCTETS, digest[2:18]))),
    )
    yield "empty messageDigest", with_attributes(TYPE, TIME, attribute(MESSAGE_DIGEST, tlv(OCTETS)))
    yield (
        "countersignature among the signed attributes",
        with_attributes(TYPE, TIME, DIGEST, attribute(COUNTERSIGNATURE, sequence())),
    )
    yield (
        "hash of another certificate",
        with_attributes(
            TYPE,
            TIME,
            DIGEST,
            attribute(CERTIFICATE_HASH, sequence(sequence(sequence(tlv(OCTETS, b"\1" * 32))))),
        ),
    )
    for stored in ((TYPE, TIME, DIGEST), (DIGEST, TIME, TYPE), (TIME, DIGEST, TYPE)):
        if stored != tuple(sorted(stored)):
            title = f"attributes in the order {[(TYPE, TIME, DIGEST).index(one) for one in stored]}"
            yield title, of(Message(attributes=stored, in_set_order=False))
    yield (
        "attributes stored in another order than signed",
        of(
            Message(
                attributes=(DIGEST, TIME, TYPE),
                in_set_order=False,
                signed_text=lambda _: tlv(SET, *sorted((TYPE, TIME, DIGEST))),
            )
        ),
    )
    yield (
        "signed with the tag that is stored",
        of(Message(signed_text=lambda text: b"\xa0" + text[1:])),
    )


def unsigned_attributes() -> Forms:
    for word, added in {
        "unknown": attribute(UNKNOWN, integer(1)),
        "messageDigest": DIGEST,
        "contentType": TYPE,
        "signingTime": TIME,
        "time stamp": attribute(STAMP, sequence()),
        "countersignature": attribute(COUNTERSIGNATURE, sequence()),
    }.items():
        yield f"unsigned attribute: {word}", of(Message(unsigned=tlv(0xA1, added)))
    yield "empty unsigned attributes", of(Message(unsigned=tlv(0xA1)))
    yield "unsigned attribute that is none", of(Message(unsigned=tlv(0xA1, integer(1))))


def times() -> Forms:
    for word, moment in {
        "before the signer's certificate": NOW - timedelta(days=10000),
        "after the signer's certificate": AFTER + timedelta(days=10),
    }.items():
        when = attribute(SIGNING_TIME, der_time(moment))
        message = Message(attributes=(TYPE, when, DIGEST))
        yield f"signed {word}", Form(signature=message.pem(), moment=moment)
    for word, value in {
        "genuine: signing time as GeneralizedTime": tlv(0x18, b"20260501120000Z"),
        "signing time without seconds": tlv(0x17, b"2605011200Z"),
        "signing time with an offset": tlv(0x17, b"260501120000+0000"),
        "signing time of a month 13": tlv(0x17, b"261301120000Z"),
    }.items():
        yield word, with_attributes(TYPE, attribute(SIGNING_TIME, value), DIGEST)


def digests() -> Forms:
    for digest in ("sha384", "sha512"):
        own = Message(
            digest=digest,
            attributes=(TYPE, TIME, attribute(MESSAGE_DIGEST, digest_of(TEXT, digest))),
        )
        yield f"genuine: {digest} throughout", of(own)
        yield (
            f"digest {digest}, signature over sha256",
            of(replace(own, signed_digest="sha256", signature_algorithm=None)),
        )
        yield f"digest sha256, signature over {digest}", of(Message(signed_digest=digest))
        yield (
            f"digest {digest}, messageDigest sha256",
            of(replace(own, attributes=(TYPE, TIME, DIGEST))),
        )
        yield f"announces {digest} only", of(Message(announced=(digest_algorithm(digest),)))
        yield (
            f"announces {digest} too",
            of(Message(announced=(digest_algorithm("sha256"), digest_algorithm(digest)))),
        )
    by = signer(own=key(30, "2048"))
    for digest in ("md5", "sha1"):
        weak = Message(
            by=by,
            digest=digest,
            attributes=(TYPE, TIME, attribute(MESSAGE_DIGEST, digest_of(TEXT, digest))),
        )
        yield f"{digest} throughout", of(weak)
        yield (
            f"{digest} behind rsaEncryption",
            of(replace(weak, signature_algorithm=sequence(RSA, b"\5\0"))),
        )
    yield (
        "genuine: RSA by rsaEncryption",
        of(Message(by=by, signature_algorithm=sequence(RSA, b"\5\0"))),
    )
    yield "genuine: RSA by sha256WithRSAEncryption", of(Message(by=by))
    yield "RSA, digest sha256, signature over sha512", of(Message(by=by, signed_digest="sha512"))
    yield "RSA key, algorithm of ECDSA", of(Message(by=by, signature_algorithm=ECDSA_SHA256))
    yield "EC key, algorithm of RSA", of(Message(signature_algorithm=sequence(RSA, b"\5\0")))
    yield (
        "EC key, algorithm sha256WithRSAEncryption",
        of(Message(signature_algorithm=sequence(oid("1.2.840.113549.1.1.11"), b"\5\0"))),
    )
    yield (
        "EC key, algorithm id-ecPublicKey",
        of(Message(signature_algorithm=sequence(oid("1.2.840.10045.2.1")))),
    )
    yield (
        "signature by an unknown algorithm",
        of(Message(signature_algorithm=sequence(oid(UNKNOWN)))),
    )
    yield (
        "signature algorithm that is a digest",
        of(Message(signature_algorithm=digest_algorithm("sha256"))),
    )
    yield (
        "RSA-PSS named, PKCS#1 v1.5 made",
        of(Message(by=by, signature_algorithm=sequence(oid("1.2.840.113549.1.1.10"), sequence()))),
    )
    yield "unknown digest", of(Message(digest_algorithm=sequence(oid(UNKNOWN))))
    yield (
        "digest algorithm that is a signature algorithm",
        of(Message(digest_algorithm=ECDSA_SHA256)),
    )
    yield "announces no digest", of(Message(announced=()))
    yield "announces its digest twice", of(Message(announced=(digest_algorithm("sha256"),) * 2))
    yield (
        "digest without parameters",
        of(Message(digest_algorithm=sequence(oid("2.16.840.1.101.3.4.2.1")))),
    )
    yield (
        "digest with odd parameters",
        of(Message(digest_algorithm=sequence(oid("2.16.840.1.101.3.4.2.1"), integer(5)))),
    )
    yield (
        "ECDSA with parameters",
        of(Message(signature_algorithm=sequence(oid("1.2.840.10045.4.3.2"), b"\5\0"))),
    )
    yield "empty algorithm", of(Message(digest_algorithm=sequence()))
    three = sequence(oid("2.16.840.1.101.3.4.2.1"), b"\5\0", b"\5\0")
    yield "digest algorithm of three parts", of(Message(digest_algorithm=three))
    yield "announced digest of three parts", of(Message(announced=(three,)))
    yield (
        "signature algorithm of three parts",
        of(Message(signature_algorithm=sequence(oid("1.2.840.10045.4.3.2"), b"\5\0", b"\5\0"))),
    )


def signatures() -> Forms:
    order = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
    shapes: dict[str, Callable[[bytes], bytes]] = {
        "empty signature": lambda _: b"",
        "signature r = s = 0": lambda _: encode_dss_signature(0, 0),
        "signature r = 0": lambda _: encode_dss_signature(0, 1),
        "signature r = s = 1": lambda _: encode_dss_signature(1, 1),
        "signature r = s = order": lambda _: encode_dss_signature(order, order),
        "negative signature": lambda _: sequence(integer(-1), integer(-1)),
        "byte behind the signature": lambda made: made + b"\0",
        "half a signature": lambda made: made[: len(made) // 2],
        "signature with a changed bit": lambda made: made[:-1] + bytes((made[-1] ^ 1,)),
        "signature in a set": lambda made: b"\x31" + made[1:],
        "signature with a long length": lambda made: b"\x30\x81" + made[1:],
        "raw signature": lambda _: b"\1" * 64,
    }
    for title, shape in shapes.items():
        yield title, of(Message(signature=shape))
    by = signer(own=key(30, "2048"))
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    padded = {
        "RSA signature of zeros": b"\0" * 256,
        "RSA signature of one": b"\1".rjust(256, b"\0"),
        "RSA padding with the digest in the middle": b"\0\1\xff\0" + info + b"\0" * 100,
        "RSA signature one octet short": b"\1" * 255,
        "RSA signature one octet long": b"\0" + b"\1" * 256,
    }
    for title, value in padded.items():
        yield title, of(Message(by=by, signature=lambda _, value=value: value))  # type: ignore[misc] # the default binds it
    yield "signed by another key", of(Message(by=replace(SIGNER, key=OTHER_KEY)))
    yield "signed by the CA's key", of(Message(by=replace(SIGNER, key=MIDDLE_KEY)))


def identities() -> Forms:
    by_key = tlv(0x80, key_id(SIGNER_KEY))
    yield "signer named by its key", of(Message(signer_id=by_key))
    yield (
        "signer named by its key, version 3",
        of(Message(signer_id=by_key, signer_version=3, version=3)),
    )
    yield "signer named by another's key", of(Message(signer_id=tlv(0x80, key_id(MIDDLE_KEY))))
    yield (
        "signer with another serial number",
        of(Message(signer_id=sequence(SIGNER.issuer, integer(1)))),
    )
    yield "signer of another issuer", of(Message(signer_id=sequence(ROOT.subject, SIGNER.serial)))
    yield "signer named as the CA", of(Message(signer_id=sequence(MIDDLE.issuer, MIDDLE.serial)))
    yield "signer's certificate missing", of(Message(certificates=(MIDDLE.der,)))
    yield "no certificates", of(Message(certificates=()))
    twin = signer(own=OTHER_KEY, odd=Odd(serial=SIGNER.serial))
    yield (
        "two certificates of one serial number",
        of(Message(certificates=(SIGNER.der, twin.der, MIDDLE.der))),
    )
    yield "certificate twice", of(Message(certificates=(SIGNER.der, SIGNER.der, MIDDLE.der)))
    yield "a stranger's certificate", of(Message(chain=(MIDDLE, STRANGER)))
    yield (
        "no certificate among the certificates",
        of(Message(certificates=(SIGNER.der, MIDDLE.der, sequence(integer(1))))),
    )
    yield (
        "attribute certificate among the certificates",
        of(Message(certificates=(SIGNER.der, MIDDLE.der, tlv(0xA2, integer(1))))),
    )
    yield "no signers", of(Message(signers=lambda _: b""))
    yield "one signer twice", of(Message(signers=lambda info: info * 2))
    yield (
        "a broken signer behind the good one",
        of(Message(signers=lambda info: info + info[:-1] + bytes((info[-1] ^ 1,)))),
    )


def contents() -> Forms:
    yield "genuine: the descriptor", of(Message())
    yield "another text beside it", replace(of(Message()), text=OTHER_TEXT)
    yield "text with a newline behind", replace(of(Message()), text=TEXT + b"\n")
    yield "text with other line ends", replace(of(Message()), text=TEXT.replace(b"\n", b"\r\n"))
    yield "empty text", replace(of(Message()), text=b"")
    yield "attached text", of(Message(content=TEXT))
    yield "attached text, another beside it", replace(of(Message(content=TEXT)), text=OTHER_TEXT)
    yield "another text attached", of(Message(content=OTHER_TEXT))
    yield "empty text attached", of(Message(content=b""))
    for word, dotted in {
        "SignedData": "1.2.840.113549.1.7.2",
        "a time stamp": "1.2.840.113549.1.9.16.1.4",
        "an unknown type": UNKNOWN,
    }.items():
        kind = oid(dotted)
        own = attribute(CONTENT_TYPE, kind)
        yield f"content of {word}", of(Message(content_type=kind, attributes=(own, TIME, DIGEST)))
        yield f"content of {word}, contentType data", of(Message(content_type=kind))


def versions() -> Forms:
    for number in (0, 2, 3, 4, 5, -1, 2**40):
        yield f"SignedData of version {number}", of(Message(version=number))
        yield f"signer of version {number}", of(Message(signer_version=number))


def lists() -> Forms:
    good = List().der()
    revoking = List(entries=(entry(SIGNER),)).der()
    for word, carried in (("good", good), ("revoking", revoking)):
        form = of(Message(lists=tlv(0xA1, carried)))
        yield f"{word} list in the signature", form
        yield f"{word} list in the signature, good one in the store", replace(form, lists=(good,))
    yield "list in the signature that is none", of(Message(lists=tlv(0xA1, integer(1))))


def encodings() -> Forms:
    der = Message().der()
    yield "byte behind the message", Form(signature=pem_block(der + b"\0"))
    yield "second message behind the first", Form(signature=pem_block(der + der))
    yield "message without its last byte", Form(signature=pem_block(der[:-1]))
    body = der[4:]
    yield "indefinite length", Form(signature=pem_block(b"\x30\x80" + body + b"\0\0"))
    long = b"\x30\x83" + len(body).to_bytes(3, "big") + body
    yield "length with a leading zero", Form(signature=pem_block(long))
    yield "message of type data", of(Message(outer_type=DATA))
    yield "message of an unknown type", of(Message(outer_type=oid(UNKNOWN)))
    yield "empty message", Form(signature=pem_block(b"\x30\0"))
    yield "no message", Form(signature=pem_block(b""))
    yield "set in place of the sequence", Form(signature=pem_block(b"\x31" + der[1:]))


def armours() -> Forms:
    # Two letters of filler: an ECDSA signature is not always of one length.
    der = next(one for one in iter(Message().der, b"") if len(one) % 3 == 1)
    good = pem_block(der)
    letters = base64.b64encode(der)
    head, tail = b"-----BEGIN PKCS7-----\n", b"-----END PKCS7-----\n"
    for title, data in {
        "genuine: text around the block": b"a comment\n" + good + b"another\n",
        "genuine: CRLF": good.replace(b"\n", b"\r\n"),
        "genuine: no newline at the end": good.rstrip(),
        "text before BEGIN on its line": b"x" + good,
        "blank before BEGIN": b" " + good,
        "blank behind BEGIN": good.replace(b"-----\n", b"----- \n", 1),
        "text behind END on its line": good.rstrip() + b"x\n",
        "one long line": head + letters + b"\n" + tail,
        "genuine: lines of 76 letters": head
        + b"\n".join(letters[at : at + 76] for at in range(0, len(letters), 76))
        + b"\n"
        + tail,
        "genuine: lines of four letters": head
        + b"".join(letters[at : at + 4] + b"\n" for at in range(0, len(letters), 4))
        + tail,
        "one letter a line": head + b"".join(bytes((one,)) + b"\n" for one in letters) + tail,
        "blanks in the lines": good.replace(b"A", b"A ", 5),
        "empty line in the block": head + b"\n" + good[len(head) :],
        "empty line before END": good.replace(b"-----END", b"\n-----END"),
        "END on the last line of letters": good.replace(b"\n-----END", b"-----END"),
        "header in the block": head + b"Proc-Type: 4,ENCRYPTED\n\n" + good[len(head) :],
        "END of another label": good.replace(b"END PKCS7", b"END CMS"),
        "label CMS": good.replace(b"PKCS7", b"CMS"),
        "label CERTIFICATE": good.replace(b"PKCS7", b"CERTIFICATE"),
        "label in small letters": good.replace(b"PKCS7", b"pkcs7"),
        "four hyphens": good.replace(b"-----", b"----"),
        "no END": good.replace(tail, b""),
        "a letter that is none": good[:100] + b"!" + good[101:],
        "filler in the middle": good[:100] + b"=" + good[101:],
        "letters behind the filler": good.replace(b"\n-----END", b"\nAAAA\n-----END"),
        "mark before the block": b"\xef\xbb\xbf" + good,
        "BEGIN of another block before the block": b"-----BEGIN X-----\n" + good,
        "empty block before the block": b"-----BEGIN X-----\n-----END X-----\n" + good,
        "block of another label before the block": good.replace(b"PKCS7", b"X") + good,
        "zero octets before the block": b"\0\0\n" + good,
        "tabs behind the lines": good.replace(b"\n", b"\t\n"),
        "only carriage returns": good.replace(b"\n", b"\r"),
    }.items():
        yield title, Form(signature=data)


FAMILIES = (
    attributes,
    unsigned_attributes,
    times,
    digests,
    signatures,
    identities,
    contents,
    versions,
    lists,
    encodings,
    armours,
)
