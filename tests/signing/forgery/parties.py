"""Certificates with their keys, written field by field."""

import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from tests.signing.forgery.der import BITS, integer, oid, sequence, time, tlv, written
from tests.signing.made import key, name, usage
from vibforge.signing.key_files import PrivateKey

AnyKey = PrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
Extensions = dict[str, bytes]
Dates = tuple[datetime, datetime]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
"""When everything is signed and judged."""
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
AFTER = datetime(2040, 1, 1, tzinfo=UTC)
GOOD: Dates = (BEFORE, AFTER)
PAST: Dates = (BEFORE, datetime(2026, 4, 30, tzinfo=UTC))
FUTURE: Dates = (datetime(2026, 5, 2, tzinfo=UTC), AFTER)

ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
_ALGORITHMS = {
    ("ec", "sha1"): sequence(oid("1.2.840.10045.4.1")),
    ("ec", "sha256"): ECDSA_SHA256,
    ("ec", "sha384"): sequence(oid("1.2.840.10045.4.3.3")),
    ("ec", "sha512"): sequence(oid("1.2.840.10045.4.3.4")),
    ("rsa", "md5"): sequence(oid("1.2.840.113549.1.1.4"), b"\5\0"),
    ("rsa", "sha1"): sequence(oid("1.2.840.113549.1.1.5"), b"\5\0"),
    ("rsa", "sha256"): sequence(oid("1.2.840.113549.1.1.11"), b"\5\0"),
    ("rsa", "sha512"): sequence(oid("1.2.840.113549.1.1.13"), b"\5\0"),
    ("ed", "sha256"): sequence(oid("1.3.101.112")),
    ("dsa", "sha256"): sequence(oid("2.16.840.1.101.3.4.3.2")),
}
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303 - forgeries use it
    "sha1": hashes.SHA1(),  # noqa: S303 - forgeries use it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@cache
def other_key(kind: str) -> AnyKey:
    """Return one key of a kind that no code signer should have, or a curve's."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "dsa":
        return dsa.generate_private_key(2048)
    if kind == "e3":
        return rsa.generate_private_key(3, 2048)
    curves: dict[str, ec.EllipticCurve] = {
        "p192": ec.SECP192R1(),
        "p224": ec.SECP224R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
        "k256": ec.SECP256K1(),
        "brainpool": ec.BrainpoolP256R1(),
    }
    return ec.generate_private_key(curves[kind])


def kind_of(own: AnyKey) -> str:
    if isinstance(own, ec.EllipticCurvePrivateKey):
        return "ec"
    if isinstance(own, rsa.RSAPrivateKey):
        return "rsa"
    return "ed" if isinstance(own, ed25519.Ed25519PrivateKey) else "dsa"


def algorithm(own: AnyKey, digest: str = "sha256") -> bytes:
    return _ALGORITHMS[kind_of(own), digest]


def sign(own: AnyKey, text: bytes, digest: str = "sha256") -> bytes:
    if isinstance(own, rsa.RSAPrivateKey):
        return own.sign(text, padding.PKCS1v15(), DIGESTS[digest])
    if isinstance(own, ec.EllipticCurvePrivateKey):
        return own.sign(text, ec.ECDSA(DIGESTS[digest]))
    if isinstance(own, dsa.DSAPrivateKey):
        return own.sign(text, DIGESTS[digest])
    return own.sign(text)


def public_key(own: AnyKey) -> bytes:
    return own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(own: AnyKey) -> bytes:
    return hashlib.sha1(public_key(own), usedforsecurity=False).digest()


class Party(Struct, frozen=True, kw_only=True):
    """A certificate and its key."""

    key: AnyKey
    subject: bytes
    issuer: bytes
    serial: bytes
    der: bytes


class Odd(Struct, frozen=True, kw_only=True):
    """Fields of a certificate that no library would write so."""

    subject: bytes | None = None
    issuer_name: bytes | None = None
    version: bytes = tlv(0xA0, integer(2))
    serial: bytes | None = None
    digest: str = "sha256"
    inner_algorithm: bytes | None = None
    outer_algorithm: bytes | None = None
    spki: bytes | None = None
    signing_key: AnyKey | None = None
    behind: bytes = b""
    """Fields behind the extensions."""


PLAIN = Odd()


def certificate(  # noqa: PLR0913, PLR0917 - what a certificate can say
    title: str,
    issuer: Party | None,
    own: AnyKey,
    extensions: Extensions,
    dates: Dates = GOOD,
    odd: Odd = PLAIN,
) -> Party:
    """Write a certificate; without an issuer it signs itself."""
    subject = name(title).public_bytes() if odd.subject is None else odd.subject
    issuer_name = odd.issuer_name
    if issuer_name is None:
        issuer_name = issuer.subject if issuer else subject
    signing_key = odd.signing_key or (issuer.key if issuer else own)
    serial = odd.serial or integer(x509.random_serial_number())
    algorithm_of_key = algorithm(signing_key, odd.digest)
    listed = tlv(0xA3, sequence(*extensions.values())) if extensions else b""
    text = sequence(
        odd.version,
        serial,
        odd.inner_algorithm or algorithm_of_key,
        issuer_name,
        sequence(time(dates[0]), time(dates[1])),
        subject,
        odd.spki or public_key(own),
        listed,
        odd.behind,
    )
    signature = tlv(BITS, b"\0", sign(signing_key, text, odd.digest))
    return Party(
        key=own,
        subject=subject,
        issuer=issuer_name,
        serial=serial,
        der=sequence(text, odd.outer_algorithm or algorithm_of_key, signature),
    )


def basic(*, ca: bool, path: int | None = None, critical: bool = True) -> bytes:
    return written(x509.BasicConstraints(ca=ca, path_length=path), critical=critical)


def usages(*allowed: str, critical: bool = True) -> bytes:
    return written(usage(*allowed), critical=critical)


def purposes(*allowed: x509.ObjectIdentifier, critical: bool = False) -> bytes:
    return written(x509.ExtendedKeyUsage(list(allowed)), critical=critical)


def of_ca(own: AnyKey, issuer: AnyKey, path: int | None = None) -> Extensions:
    """Return the extensions of a CA as RFC 5280 wants them."""
    return {
        "basic": basic(ca=True, path=path),
        "usage": usages("key_cert_sign", "crl_sign"),
        **_key_ids(own, issuer),
    }


def of_signer(own: AnyKey, issuer: AnyKey) -> Extensions:
    """Return the extensions of a code signer."""
    return {
        "basic": basic(ca=False),
        "usage": usages("digital_signature"),
        "purpose": purposes(ExtendedKeyUsageOID.CODE_SIGNING),
        **_key_ids(own, issuer),
    }


def _key_ids(own: AnyKey, issuer: AnyKey) -> Extensions:
    return {
        "subject id": written(x509.SubjectKeyIdentifier(key_id(own))),
        "issuer id": written(x509.AuthorityKeyIdentifier(key_id(issuer), None, None)),
    }


ROOT_KEY, MIDDLE_KEY, SIGNER_KEY, OTHER_KEY = (key(number) for number in range(10, 14))

ROOT = certificate("root", None, ROOT_KEY, of_ca(ROOT_KEY, ROOT_KEY))
MIDDLE_EXTENSIONS = of_ca(MIDDLE_KEY, ROOT_KEY)
MIDDLE = certificate("middle", ROOT, MIDDLE_KEY, MIDDLE_EXTENSIONS)
SIGNER_EXTENSIONS = of_signer(SIGNER_KEY, MIDDLE_KEY)
SIGNER = certificate("partner/lab", MIDDLE, SIGNER_KEY, SIGNER_EXTENSIONS)
STRANGER = certificate("stranger", None, OTHER_KEY, of_ca(OTHER_KEY, OTHER_KEY))


def middle(
    changes: Extensions | None = None, *, dates: Dates = GOOD, odd: Odd = PLAIN, drop: str = ""
) -> Party:
    """Return the intermediate with other extensions, dates or fields."""
    extensions = {**MIDDLE_EXTENSIONS, **(changes or {})}
    extensions.pop(drop, None)
    return certificate("middle", ROOT, MIDDLE_KEY, extensions, dates, odd)


def root(
    changes: Extensions | None = None, *, dates: Dates = GOOD, odd: Odd = PLAIN, drop: str = ""
) -> Party:
    """Return the root with other extensions, dates or fields."""
    extensions = {**of_ca(ROOT_KEY, ROOT_KEY), **(changes or {})}
    extensions.pop(drop, None)
    return certificate("root", None, ROOT_KEY, extensions, dates, odd)


def signer(  # noqa: PLR0913 - what a certificate can say
    changes: Extensions | None = None,
    *,
    issuer: Party = MIDDLE,
    own: AnyKey = SIGNER_KEY,
    dates: Dates = GOOD,
    odd: Odd = PLAIN,
    drop: str = "",
    title: str = "partner/lab",
) -> Party:
    """Return the signer with other extensions, dates or fields."""
    extensions = {**of_signer(own, issuer.key), **(changes or {})}
    extensions.pop(drop, None)
    return certificate(title, issuer, own, extensions, dates, odd)
