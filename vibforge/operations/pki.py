"""Keep a development CA in a folder: make it, issue and revoke signers, export a trust store.

It is for labs: its keys lie unencrypted beside its certificates, readable by their owner only.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from vibforge.errors import SigningError, is_file
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.operations.publish import Publication, explained
from vibforge.signing.key_files import key_signer, read_key_file
from vibforge.signing.key_source import read_certificate_files, read_small_file
from vibforge.signing.lab_authority import (
    VALID_FROM,
    Credential,
    KeyKind,
    Validity,
    make_intermediate,
    make_list,
    make_root,
    make_signer,
    revoked_entry,
)
from vibforge.signing.passphrase import no_passphrase
from vibforge.trust.store import CERTIFIED_FILE, PARTNER_FILE, PARTNER_LISTS_FILE

CERTIFIED_ROOT = "certified-root"
PARTNER_ROOT = "partner-root"
PARTNER_CA = "partner-ca"
SIGNERS = "signers"
REVOKED = "partner-ca.crl"
YEARS = 20
"""How long what a lab makes is valid, if nothing else is said: longer than the lab."""

WARNING = (
    "For labs only: whoever can read this folder can sign as this CA. Never put its roots into a "
    "host that matters."
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerRequest:
    """A signer that is wanted; without dates it is valid from 2000 and outlives the lab."""

    name: str
    level: AcceptanceLevel
    kind: KeyKind = KeyKind.RSA_2048
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A signer that was issued, and where its files are."""

    wanted: SignerRequest
    certificate: x509.Certificate
    certificate_path: Path
    key_path: Path


def init_authority(folder: Path, now: datetime, kind: KeyKind = KeyKind.RSA_2048) -> None:
    """Make a lab's roots, intermediate and revocation list in a new or empty folder.

    Raises:
        SigningError: something is in the folder.
        OutputError: it cannot be written.
    """
    with explained(folder):
        is_new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_new:
        raise SigningError("the folder is not empty", where=str(folder), remedy="name a new one")
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
        SigningError: no CA is there, the name is taken or odd, or the level needs no signature.
        OutputError: the files cannot be written.
    """
    path = _signer_path(folder, wanted.name)
    if not wanted.level.needs_signature:
        raise SigningError("no host looks at the signature of a community VIB")
    if path.exists():
        raise SigningError(
            "there is a signer of that name", where=str(path), remedy="choose another name"
        )
    validity = Validity(first=wanted.first or VALID_FROM, last=wanted.last or _years_after(now))
    if validity.first > validity.last:
        raise SigningError("it would end before it begins")
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
    """Take a signer back: its serial number goes onto the revocation list.

    Raises:
        SigningError: there is no such signer, or hosts look at no list for its level.
        OutputError: the list cannot be written.
    """
    issuer = _credential(folder, PARTNER_CA)
    certificate = _signer(folder, name)
    if certificate.issuer != issuer.certificate.subject:
        raise SigningError(
            f"{name} signs certified VIBs, for which a host has no revocation list",
            remedy="make a new CA, or issue partner and accepted signers",
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
    """Write the trust store under a host's file names.

    Raises:
        SigningError: no CA is there.
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
            f"{name!r} is not a name for a signer", remedy="use letters, digits, - _ and ."
        )
    return folder / SIGNERS / f"{name}.pem"


def _signer(folder: Path, name: str) -> x509.Certificate:
    path = _signer_path(folder, name)
    if not path.exists():
        known = sorted(other.stem for other in path.parent.glob("*.pem"))
        raise SigningError(
            f"there is no signer {name!r}",
            where=str(folder),
            remedy=f"issued: {', '.join(known)}" if known else "vibforge pki issue",
        )
    return read_certificate_files([path])[0]


def _write_credential(
    publication: Publication,
    name: str,
    credential: Credential,
    chain: tuple[x509.Certificate, ...],
) -> None:
    publication.write(f"{name}.key", credential.key_pem(), private=True)
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    publication.write(f"{name}.pem", credential.certificate_pem() + pem)


def _credential(folder: Path, name: str) -> Credential:
    _check_authority(folder)
    key = folder / f"{name}.key"
    certificates = read_certificate_files([folder / f"{name}.pem"])
    found = read_key_file(read_small_file(key), no_passphrase, str(key))
    signer = key_signer(found, certificates, str(key))
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
            "there is no lab CA in this folder", where=str(folder), remedy="vibforge pki init"
        )


def _list_pem(issuer: Credential, revoked: list[x509.RevokedCertificate], now: datetime) -> bytes:
    return make_list(issuer, revoked, now).public_bytes(serialization.Encoding.PEM)


def _years_after(now: datetime) -> datetime:
    return datetime(now.year + YEARS, 1, 1, tzinfo=UTC)
