"""Certificates of any kind, the odd ones too, with keys that are made once.

Those with EC keys and a serial number of their own have the same bytes in each run.
"""

import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from vibforge.formats.certificate import parse_certificate
from vibforge.signing.key_files import PrivateKey
from vibforge.signing.path import ChainCertificate, chain_certificate
from vibforge.signing.pki import Credential

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
LAST = datetime(2040, 1, 1, tzinfo=UTC)
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def key(number: int = 0, kind: str = "ec") -> PrivateKey:
    """Return one key for each number and kind: `ec`, or bits of RSA."""
    if kind == "ec":
        secret = int.from_bytes(hashlib.sha256(f"key {number}".encode()).digest())
        return ec.derive_private_key(secret, ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind))


def name(title: str) -> x509.Name:
    """Make a name of `O=…, OU=…, CN=…` with the parts between slashes."""
    oids = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
    parts = zip(oids, title.split("/"), strict=False)
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def made(  # noqa: PLR0913 - what a certificate can say
    title: str,
    issuer: Credential | None = None,
    *,
    own: PrivateKey | None = None,
    ca: bool | None = None,
    path_length: int | None = None,
    dates: tuple[datetime, datetime] = (FIRST, LAST),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    serial: int | None = None,
) -> Credential:
    """Make a certificate; without an issuer it signs itself."""
    own = own or key()
    signing_key = issuer.key if issuer else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(title))
        .issuer_name(issuer.certificate.subject if issuer else name(title))
        .public_key(own.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=path_length)
        builder = builder.add_extension(constraints, critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    steady = True if isinstance(signing_key, ec.EllipticCurvePrivateKey) else None
    certificate = builder.sign(signing_key, hashes.SHA256(), ecdsa_deterministic=steady)
    return Credential(key=own, certificate=certificate)


def usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{one: one in allowed for one in USAGES})


def link(credential: Credential) -> ChainCertificate:
    der = credential.certificate.public_bytes(serialization.Encoding.DER)
    return chain_certificate(parse_certificate(der))
