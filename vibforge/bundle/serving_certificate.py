"""The certificate of a served depot: one that is given, or one made for the afternoon."""

import ipaddress
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import Struct

from vibforge.errors import SigningError
from vibforge.files.publication import TEMPORARY, explained
from vibforge.signing.key_source import check_names_a_file

DAYS = 7
"""How long a certificate holds that is made here; it lives no longer than the server."""


class ServerIdentity(Struct, frozen=True):
    """What a server shows: TLS context, and the SHA-256 of its certificate in hex."""

    context: ssl.SSLContext
    fingerprint: str


def given_identity(certificate: Path, key: Path) -> ServerIdentity:
    """Use a certificate (PEM, its chain behind it) and its key (PEM, without passphrase).

    Raises:
        ModelError: a path is no name, but perhaps the key.
        SigningError: a file cannot be read, or the key is not that of the certificate.
    """
    for path in (certificate, key):
        check_names_a_file(path)
    try:
        text = certificate.read_bytes()
        shown = x509.load_pem_x509_certificate(text)
        context = _context(certificate, key)
    except (OSError, ValueError) as error:
        raise SigningError(
            f"cannot be used for HTTPS: {error}",
            where=f"{certificate} and {key}",
            remedy="give a PEM certificate and its PEM key without a passphrase",
        ) from error
    return ServerIdentity(context, shown.fingerprint(hashes.SHA256()).hex())


def made_identity(host: str) -> ServerIdentity:
    """Make a self-signed certificate for an address; its key is nowhere but in memory."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    return ServerIdentity(_loaded(text + pem), made.fingerprint(hashes.SHA256()).hex())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _loaded(pem: bytes) -> ssl.SSLContext:
    """Load certificate and key; the ssl module takes them from a file only."""
    with explained(TEMPORARY):
        descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        return _context(Path(name), None)
    finally:
        Path(name).unlink()


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=_no_passphrase)
    return context


def _no_passphrase() -> str:
    """Answer OpenSSL's question, so that it does not ask at the terminal."""
    return ""
