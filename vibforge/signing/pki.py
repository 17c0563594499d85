"""A certificate authority for a lab, kept in a folder."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from vibforge.errors import SigningError, is_file, shell_line
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.files.publication import Publication, explained
from vibforge.signing.key_files import PrivateKey, key_signer, parse_key_file
from vibforge.signing.key_source import read_certificate_files, read_small_file
from vibforge.signing.passphrase import no_passphrase
from vibforge.signing.store import CERTIFIED_FILE, PARTNER_FILE, PARTNER_LISTS_FILE

VALID_FROM = datetime(2000, 1, 1, tzinfo=UTC)
"""Lab certificates are valid from the earliest default release date of a build: a signature states
the release date, which is older than a lab made today."""

_ORGANISATION = "vibforge LAB - not for production"
_ACCEPTED_ORGANISATION = "VMware Inc"
_ACCEPTED_UNIT = "Acceptance Signing"
_RSA_EXPONENT = 65537


class KeyKind(StrEnum):
    """The kinds of key that ESXi reads."""

    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"
    P256 = "p-256"
    P384 = "p-384"


class Credential(Struct, frozen=True, kw_only=True):
    """A certificate with its key."""

    key: PrivateKey
    certificate: x509.Certificate

    def key_pem(self) -> bytes:
        """Return the key as unencrypted PKCS#8 in PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Validity(Struct, frozen=True, kw_only=True):
    """The first and the last moment of validity, in UTC."""

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
    """Make a self-signed root."""
    key = make_key(kind)
    name = _name(title)
    builder = _with_authority(_certificate(key, name, validity), path_length=None)
    return _signed(builder, key, issuer=name, issuer_key=key)


def make_intermediate(
    title: str, kind: KeyKind, validity: Validity, issuer: Credential
) -> Credential:
    """Make a CA below a root; it issues only signers."""
    key = make_key(kind)
    builder = _with_authority(_certificate(key, _name(title), validity), path_length=0)
    return _signed(builder, key, issuer=issuer.certificate.subject, issuer_key=issuer.key)


def make_signer(
    title: str, level: AcceptanceLevel, kind: KeyKind, validity: Validity, issuer: Credential
) -> Credential:
    """Make a signer for VIBs of a level, with the subject that hosts require for it."""
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
    """Make the issuer's revocation list; its number is the time `now`.

    Like the issuer it is valid from 2000 on: a signature states the release date, which is older
    than a list made today.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(issuer.certificate.not_valid_before_utc)
        .next_update(issuer.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256())


def revoked_entry(certificate: x509.Certificate, now: datetime) -> x509.RevokedCertificate:
    """Return the entry of a revocation list for a certificate."""
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


CERTIFIED_ROOT = "certified-root"
PARTNER_ROOT = "partner-root"
PARTNER_CA = "partner-ca"
SIGNERS = "signers"
REVOKED = "partner-ca.crl"
YEARS = 20
"""Default validity of a lab's certificates in years, longer than a lab lasts."""

WARNING = (
    "For labs only: everyone who can read this folder can sign as this CA. Never put its roots on "
    "a production host."
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}")


class SignerRequest(Struct, frozen=True, kw_only=True):
    """A request for a signer; without dates it is valid from 2000 and outlives the lab."""

    name: str
    level: AcceptanceLevel
    kind: KeyKind = KeyKind.RSA_2048
    first: datetime | None = None
    last: datetime | None = None


class Issued(Struct, frozen=True, kw_only=True):
    """An issued signer, and the paths of its files."""

    wanted: SignerRequest
    certificate: x509.Certificate
    certificate_path: Path
    key_path: Path


def init_authority(folder: Path, now: datetime, kind: KeyKind = KeyKind.RSA_2048) -> None:
    """Make a lab's roots, intermediate CA and revocation list in a new or empty folder.

    Raises:
        SigningError: the folder is not empty.
        OutputError: the folder cannot be written.
    """
    with explained(folder):
        is_new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_new:
        raise SigningError(
            "the folder is not empty", where=str(folder), remedy="name a new or empty folder"
        )
    validity = Validity(last=_years_after(now))
    partner_root = make_root("partner root", kind, validity)
    partner_ca = make_intermediate("partner CA", kind, validity, partner_root)
    credentials = {
        CERTIFIED_ROOT: make_root("certified root", kind, validity),
        PARTNER_ROOT: partner_root,
        PARTNER_CA: partner_ca,
    }
    with Publication(folder) as publication:
        publication.write("README.txt", f"{WARNING}\n".encode("ascii"))
        for name, credential in credentials.items():
            _write_credential(publication, name, credential, ())
        publication.write(REVOKED, _list_pem(partner_ca, [], now))
        publication.publish()


def issue(folder: Path, wanted: SignerRequest, now: datetime) -> Issued:
    """Issue a signer: `signers/NAME.pem` with its chain, and `signers/NAME.key`.

    Raises:
        SigningError: the folder has no CA, the name is taken or malformed, or the level needs no
            signature.
        OutputError: the files cannot be written.
    """
    path = _signer_path(folder, wanted.name)
    if not wanted.level.needs_signature:
        raise SigningError(
            "hosts do not check the signature of a community VIB",
            remedy="issue a signer for level partner, accepted or certified",
        )
    if path.exists():
        raise SigningError(
            "a signer of this name exists", where=str(path), remedy="choose another name"
        )
    validity = Validity(first=wanted.first or VALID_FROM, last=wanted.last or _years_after(now))
    if validity.first > validity.last:
        raise SigningError(
            f"the certificate would end on {validity.last:%Y-%m-%d}, before it begins on "
            f"{validity.first:%Y-%m-%d}"
        )
    issuer = _credential(folder, _issuer_of(wanted.level))
    credential = make_signer(wanted.name, wanted.level, wanted.kind, validity, issuer)
    with Publication(folder / SIGNERS) as publication:
        _write_credential(publication, wanted.name, credential, (issuer.certificate,))
        publication.publish()
    return Issued(
        wanted=wanted,
        certificate=credential.certificate,
        certificate_path=path,
        key_path=path.with_name(f"{wanted.name}.key"),
    )


def revoke(folder: Path, name: str, now: datetime) -> x509.Certificate:
    """Revoke a signer: add its serial number to the revocation list.

    Raises:
        SigningError: there is no such signer, or hosts check no revocation list for its level.
        OutputError: the list cannot be written.
    """
    issuer = _credential(folder, PARTNER_CA)
    certificate = _signer(folder, name)
    if certificate.issuer != issuer.certificate.subject:
        raise SigningError(
            f"{name} signs certified VIBs, for which hosts have no revocation list",
            remedy="make a new CA with vibforge pki init, and install its roots on the lab's hosts",
        )
    old = _read_list(folder)
    if old.get_revoked_certificate_by_serial_number(certificate.serial_number):
        raise SigningError(f"{name} is revoked already")
    with Publication(folder) as publication:
        entries = [*old, revoked_entry(certificate, now)]
        publication.write(REVOKED, _list_pem(issuer, entries, now))
        publication.publish()
    return certificate


def export(folder: Path, output: Path) -> tuple[Path, ...]:
    """Write the trust store with a host's file names, and return the paths.

    Raises:
        SigningError: the folder has no CA.
        OutputError: the files cannot be written.
    """
    certified, root, authority = (
        _certificate_pem(folder, name) for name in (CERTIFIED_ROOT, PARTNER_ROOT, PARTNER_CA)
    )
    files = {
        CERTIFIED_FILE: certified,
        PARTNER_FILE: root + authority,
        PARTNER_LISTS_FILE: _read_list(folder).public_bytes(serialization.Encoding.PEM),
    }
    with Publication(output) as publication:
        for name, data in files.items():
            publication.write(name, data)
        publication.publish()
    return tuple(output / name for name in files)


def _issuer_of(level: AcceptanceLevel) -> str:
    return CERTIFIED_ROOT if level is AcceptanceLevel.CERTIFIED else PARTNER_CA


def _signer_path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise SigningError(
            f"{name!r} is not a name for a signer",
            remedy="use letters, digits, - _ and ., starting with a letter or a digit",
        )
    return folder / SIGNERS / f"{name}.pem"


def _signer(folder: Path, name: str) -> x509.Certificate:
    path = _signer_path(folder, name)
    if not path.exists():
        known = sorted(other.stem for other in path.parent.glob("*.pem"))
        raise SigningError(
            f"there is no signer {name!r}",
            where=str(folder),
            remedy=f"name one of: {', '.join(known)}" if known else "issue one: vibforge pki issue",
        )
    return read_certificate_files([path])[0]


def _write_credential(
    publication: Publication,
    name: str,
    credential: Credential,
    chain: tuple[x509.Certificate, ...],
) -> None:
    publication.write(f"{name}.key", credential.key_pem(), private=True)
    pem = b"".join(issuer.public_bytes(serialization.Encoding.PEM) for issuer in chain)
    publication.write(f"{name}.pem", credential.certificate_pem() + pem)


def _credential(folder: Path, name: str) -> Credential:
    _check_authority(folder)
    key = folder / f"{name}.key"
    certificates = read_certificate_files([folder / f"{name}.pem"])
    key_file = parse_key_file(read_small_file(key), no_passphrase, str(key))
    signer = key_signer(key_file, certificates, str(key))
    return Credential(key=signer.key, certificate=signer.certificates[0])


def _certificate_pem(folder: Path, name: str) -> bytes:
    _check_authority(folder)
    certificate = read_certificate_files([folder / f"{name}.pem"])[0]
    return certificate.public_bytes(serialization.Encoding.PEM)


def _read_list(folder: Path) -> x509.CertificateRevocationList:
    _check_authority(folder)
    try:
        return x509.load_pem_x509_crl(read_small_file(folder / REVOKED))
    except (ValueError, x509.InvalidVersion) as error:
        raise SigningError(f"not a revocation list: {error}", where=REVOKED) from error


def _check_authority(folder: Path) -> None:
    if not is_file(folder / f"{PARTNER_CA}.pem"):
        raise SigningError(
            "the folder has no lab CA",
            where=str(folder),
            remedy=f"make one with {shell_line('vibforge', 'pki', 'init', folder)}",
        )


def _list_pem(issuer: Credential, revoked: list[x509.RevokedCertificate], now: datetime) -> bytes:
    return make_list(issuer, revoked, now).public_bytes(serialization.Encoding.PEM)


def _years_after(now: datetime) -> datetime:
    return datetime(now.year + YEARS, 1, 1, tzinfo=UTC)
