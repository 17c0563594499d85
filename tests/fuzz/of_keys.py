"""Readers of signatures, certificates, revocation lists and keys."""

import contextlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests import vibs
from tests.fuzz.target import Target, as_file
from tests.signing import made
from vibforge.errors import VibforgeError
from vibforge.formats.certificate import parse_certificate
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.signing.key_files import key_signer, parse_key_file
from vibforge.signing.path import chain_certificate, parse_revocation_list
from vibforge.signing.pki import Credential, make_list, revoked_entry
from vibforge.signing.signer import given_signature
from vibforge.signing.store import read_store

_TEXT = vibs.descriptor()
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read_pkcs7(data: bytes) -> None:
    for block in parse_blocks(data):
        check_block(block, _TEXT)


def read_der_certificate(data: bytes) -> None:
    link = chain_certificate(parse_certificate(data))
    link.has_issued(link)


def read_list(data: bytes) -> None:
    found = parse_revocation_list(data)
    authority = made.link(_authority())
    found.is_signed_by(authority)
    found.names(authority)


def read_store_file(data: bytes) -> None:
    as_file(data, "vmpartner.cert", _store_of)


def _store_of(path: Path) -> None:
    read_store([path])


def read_key(data: bytes) -> None:
    found = parse_key_file(data, lambda: b"secret", "fuzz.key")
    if found.certificates:
        key_signer(found, (), "fuzz.key").sign(b"text")


def read_signature(data: bytes) -> None:
    for credential in (_authority(), made.made("rsa", own=made.key(kind="2048"))):
        with contextlib.suppress(VibforgeError):
            given_signature(data, (credential.certificate,))


@cache
def _authority() -> Credential:
    return made.made("Lab", ca=True, extensions=((made.usage("key_cert_sign"), True),))


def _certificates() -> list[bytes]:
    rsa = made.made("rsa/VFG", own=made.key(kind="2048"))
    both = (_authority(), rsa)
    return [each.certificate.public_bytes(serialization.Encoding.DER) for each in both]


def _lists() -> list[bytes]:
    entry = revoked_entry(_authority().certificate, _NOW)
    found = (make_list(_authority(), [], _NOW), make_list(_authority(), [entry], _NOW))
    return [each.public_bytes(serialization.Encoding.DER) for each in found]


def _store() -> list[bytes]:
    listed = make_list(_authority(), [], _NOW).public_bytes(serialization.Encoding.PEM)
    return [_authority().certificate_pem() * 2 + listed]


def _keys() -> list[bytes]:
    signer = vibs.signer()
    key, certificate = signer.key, signer.certificate
    secret = serialization.BestAvailableEncryption(b"secret")
    kind = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    locked = key.private_bytes(serialization.Encoding.PEM, kind, secret)
    der = key.private_bytes(serialization.Encoding.DER, kind, serialization.NoEncryption())
    own = certificate.public_bytes(serialization.Encoding.PEM)
    packed = pkcs12.serialize_key_and_certificates(None, key, certificate, None, secret)
    return [pem + own, locked + own, der, packed]


def _signatures() -> list[bytes]:
    return [bytes(64), bytes(256), b"MEUCIQ" + b"A" * 80]


KEYS = {
    "pkcs7": Target(
        read_pkcs7, lambda: [vibs.sign(_TEXT), vibs.sign(_TEXT, der=True), vibs.sign(_TEXT) * 2]
    ),
    "certificate": Target(read_der_certificate, _certificates),
    "revocation": Target(read_list, _lists),
    "store": Target(read_store_file, _store),
    "key": Target(read_key, _keys),
    "signature": Target(read_signature, _signatures),
}
