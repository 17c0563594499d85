"""Make keys, certificates and revocation lists for a lab: never for what others shall trust.

The chain is the vendor's in small (vib-format 6): a root for certified VIBs; another root with an
intermediate for partner and accepted ones, whose revocation list hosts look at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vibforge.model.acceptance import AcceptanceLevel
from vibforge.signing.key_files import PrivateKey

VALID_FROM = datetime(2000, 1, 1, tzinfo=UTC)
"""Lab certificates are valid from the earliest release date that a build falls back to: signatures
bear the release date, which is older than a lab that was made today."""

_ORGANISATION = "vibforge LAB - not for production"
_ACCEPTED_ORGANISATION = "VMware Inc"
_ACCEPTED_UNIT = "Acceptance Signing"
_RSA_EXPONENT = 65537


class KeyKind(StrEnum):
    """Keys that ESXi reads."""

    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"
    P256 = "p-256"
    P384 = "p-384"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A certificate with its key."""

    key: PrivateKey
    certificate: x509.Certificate

    def key_pem(self) -> bytes:
        """The key, not encrypted, as PKCS#8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, kw_only=True, slots=True)
class Validity:
    """From when to when, in UTC."""

    first: datetime = VALID_FROM
    last: datetime


def make_key(kind: KeyKind) -> PrivateKey:
    """Make a new key."""
    if kind is KeyKind.P256:
        return ec.generate_private_key(ec.SECP256R1())
    if kind is KeyKind.P384:
        return ec.generate_private_key(ec.SECP384R1())
    bits = 4096 if kind is KeyKind.RSA_4096 else 2048
    return rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=bits)


def make_root(title: str, kind: KeyKind, validity: Validity) -> Credential:
    """Make a root that signs itself."""
    key = make_key(kind)
    name = _name(title)
    builder = _with_authority(_certificate(key, name, validity), path_length=None)
    return _signed(builder, key, issuer=name, issuer_key=key)


def make_intermediate(
    title: str, kind: KeyKind, validity: Validity, issuer: Credential
) -> Credential:
    """Make an authority below a root that issues signers only."""
    key = make_key(kind)
    builder = _with_authority(_certificate(key, _name(title), validity), path_length=0)
    return _signed(builder, key, issuer=issuer.certificate.subject, issuer_key=issuer.key)


def make_signer(
    title: str, level: AcceptanceLevel, kind: KeyKind, validity: Validity, issuer: Credential
) -> Credential:
    """Make a signer for VIBs of a level, with the subject that hosts want for it."""
    key = make_key(kind)
    builder = (
        _certificate(key, _signer_name(title, level), validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    )
    return _signed(builder, key, issuer=issuer.certificate.subject, issuer_key=issuer.key)


def make_list(
    issuer: Credential, revoked: Iterable[x509.RevokedCertificate], now: datetime
) -> x509.CertificateRevocationList:
    """Make the issuer's revocation list, numbered by the time that it is made at.

    Like the issuer it is valid from 2000 on: signatures bear the release date, which is older than
    a list that was made today.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(issuer.certificate.not_valid_before_utc)
        .next_update(issuer.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(one)
    return builder.sign(issuer.key, hashes.SHA256())


def revoked_entry(certificate: x509.Certificate, now: datetime) -> x509.RevokedCertificate:
    """Make the line of a revocation list that takes a certificate back."""
    builder = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
    return builder.revocation_date(now).build()


def _certificate(key: PrivateKey, name: x509.Name, validity: Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.first)
        .not_valid_after(validity.last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _with_authority(
    builder: x509.CertificateBuilder, *, path_length: int | None
) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)


def _signed(
    builder: x509.CertificateBuilder, key: PrivateKey, *, issuer: x509.Name, issuer_key: PrivateKey
) -> Credential:
    finished = builder.issuer_name(issuer).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    return Credential(key=key, certificate=finished.sign(issuer_key, hashes.SHA256()))


def _name(title: str, organisation: str = _ORGANISATION, unit: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]
    parts += [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, f"LAB {title}")])


def _signer_name(title: str, level: AcceptanceLevel) -> x509.Name:
    if level is AcceptanceLevel.ACCEPTED:
        return _name(title, _ACCEPTED_ORGANISATION, _ACCEPTED_UNIT)
    return _name(title)


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
