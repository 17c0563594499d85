"""Signatures, certificates, revocation lists and keys."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests import vibs
from tests.hostile.case import Hostile
from tests.signing import made
from vibforge.signing.pki import make_list

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TEXT = vibs.descriptor()


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    body = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(body),)) + body


def der(tag: int, *parts: bytes) -> bytes:
    """Return a value in DER."""
    body = b"".join(parts)
    return bytes((tag,)) + _length(len(body)) + body


def nested(n: int, tag: int = 0x30) -> bytes:
    """Return values in values, as deep as `n` bytes allow."""
    found = b""
    while len(found) < n:
        found = der(tag, found) if len(found) < 60_000 else der(tag, found, bytes(n - len(found)))
    return found


def oid(text: str) -> bytes:
    """Return an object identifier in DER."""
    first, second, *rest = (int(part) for part in text.split("."))
    body = bytes((first * 40 + second,))
    for number in rest:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(0x80 | number & 0x7F)
        body += bytes(reversed(septets))
    return der(6, body)


def number(value: int) -> bytes:
    """Return a positive whole number in DER."""
    return der(2, value.to_bytes(value.bit_length() // 8 + 1))


def pem(label: str, body: bytes) -> bytes:
    """Return a PEM block."""
    text = base64.encodebytes(body).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


@cache
def _key_pem() -> bytes:
    return vibs.signer().key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@cache
def _certificate_der() -> bytes:
    return vibs.signer().certificate.public_bytes(serialization.Encoding.DER)


def _certificate(*extensions: x509.ExtensionType) -> bytes:
    given = tuple((one, False) for one in extensions)
    credential = made.made("Odd", ca=True, extensions=given)
    return credential.certificate.public_bytes(serialization.Encoding.DER)


def _unknown(i: int, size: int = 1) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{i}"), bytes(size))


@cache
def _empty_list() -> bytes:
    authority = made.made("Lab", ca=True, extensions=((made.usage("key_cert_sign"), True),))
    return make_list(authority, [], _NOW).public_bytes(serialization.Encoding.DER)


def _revocations(n: int) -> bytes:
    """Return a list with as many entries as `n` bytes take; its signature is not right."""
    entry = der(0x30, number(4711 << 40), der(0x17, b"260101000000Z"))
    entries = der(0x30, *(entry for _ in range(n // len(entry))))
    algorithm = der(0x30, oid("1.2.840.10045.4.3.2"))
    name = made.name("Lab").public_bytes()
    dates = der(0x17, b"260101000000Z") + der(0x17, b"270101000000Z")
    body = der(0x30, number(1), algorithm, name, dates, entries)
    return der(0x30, body, algorithm, der(3, b"\0" + bytes(64)))


_PEM = "CERTIFICATE"
_STORES: dict[str, Callable[[int], bytes]] = {
    "begins": lambda n: (
        b"-----BEGIN CERTIFICATE-----\n" * (n // 28) + b"-----END CERTIFICATE-----\n"
    ),
    "begins-apart": lambda n: (
        (b"-----BEGIN CERTIFICATE-----\n" + b"A" * (n // 100)) * 100
        + b"-----END CERTIFICATE-----\n"
    ),
    "begins-of-others": lambda n: b"".join(b"-----BEGIN A%d-----\n" % i for i in range(n // 20)),
    "begins-without-line": lambda n: b"-----BEGIN " * (n // 11),
    "blocks": lambda n: pem("A", b"") * (n // 36),
    "empty-certificates": lambda n: pem(_PEM, b"") * (n // 56),
    "certificates": lambda n: pem(_PEM, _certificate_der()) * (n // 500),
    "long-block": lambda n: pem(_PEM, bytes(n)),
    "not-base64": lambda n: (
        b"-----BEGIN CERTIFICATE-----\n" + b"!" * n + b"\n-----END CERTIFICATE-----\n"
    ),
    "nested": lambda n: pem(_PEM, nested(n)),
    "names": lambda n: pem(
        _PEM,
        _certificate(
            x509.SubjectAlternativeName([x509.DNSName(f"h{i}.test") for i in range(n // 12)])
        ),
    ),
    "extensions": lambda n: pem(
        _PEM, _certificate(*(_unknown(i) for i in range(min(n // 12, 1_500))))
    ),
    "long-extension": lambda n: pem(_PEM, _certificate(_unknown(1, n))),
    "policies": lambda n: pem(
        _PEM,
        _certificate(
            x509.CertificatePolicies(
                [
                    x509.PolicyInformation(x509.ObjectIdentifier(f"1.2.3.{i}"), None)
                    for i in range(n // 12)
                ]
            )
        ),
    ),
    "constraints": lambda n: pem(
        _PEM,
        _certificate(
            x509.NameConstraints([x509.DNSName(f"h{i}.test") for i in range(n // 14)], None)
        ),
    ),
    "revocations": lambda n: pem(_PEM, _certificate_der()) + pem("X509 CRL", _revocations(n)),
    "lists": lambda n: pem(_PEM, _certificate_der()) + pem("X509 CRL", _empty_list()) * (n // 600),
    "list-nested": lambda n: pem("X509 CRL", nested(n)),
    "blanks": lambda n: pem(_PEM, b"").replace(b"\n", b"\n" * n),
    "trusted": lambda n: pem("TRUSTED CERTIFICATE", bytes(n)),
}
"""Files of a trust store, by their bytes."""

_SIGNATURES: dict[str, Callable[[int], bytes]] = {
    "begins": lambda n: b"-----BEGIN PKCS7-----\n" * (n // 22) + b"-----END PKCS7-----\n",
    "ends": lambda n: b"-----END PKCS7-----\n" * (n // 20),
    "empty-blocks": lambda n: pem("PKCS7", b"") * (n // 44),
    "blocks": lambda n: vibs.sign(_TEXT) * (n // 1200),
    "nested": lambda n: pem("PKCS7", nested(n)),
    "nested-sets": lambda n: pem("PKCS7", nested(n, 0x31)),
    "nested-open": lambda n: pem("PKCS7", b"\x30\x80" * (n // 2)),
    "length": lambda n: pem("PKCS7", b"\x30\x88" + b"\x7f" * 8 + bytes(n)),
    "length-of-length": lambda n: pem("PKCS7", b"\x30\xff" + b"\xff" * n),
    "long-tag": lambda n: pem("PKCS7", b"\x3f" + b"\xff" * n),
    "long-number": lambda n: pem("PKCS7", _signed_data(der(2, b"\x7f" * n))),
    "long-identifier": lambda n: pem("PKCS7", der(0x30, der(6, b"\xff" * n + b"\x01"))),
    "algorithms": lambda n: pem("PKCS7", _signed_data(number(1), digests=n // 10)),
    "certificates": lambda n: pem("PKCS7", _signed_data(number(1), certificates=n // 400)),
    "signers": lambda n: pem("PKCS7", _signed_data(number(1), signers=n // 4)),
    "tail": lambda n: vibs.sign(_TEXT) + b"x" * n,
    "der-tail": lambda n: vibs.sign(_TEXT, der=True) + bytes(n),
    "zeros": bytes,
}
"""Signature members, by their bytes."""


def _signed_data(
    version: bytes, digests: int = 0, certificates: int = 0, signers: int = 0
) -> bytes:
    data = der(0x30, oid("1.2.840.113549.1.7.1"))
    body = der(
        0x30,
        version,
        der(0x31, *[der(0x30, oid("1.2.3.4.5"))] * digests),
        data,
        der(0xA0, *[_certificate_der()] * certificates),
        der(0x31, *[der(0x30)] * signers),
    )
    return der(0x30, oid("1.2.840.113549.1.7.2"), der(0xA0, body))


_PBKDF2 = "1.2.840.113549.1.5.12"
_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_AES = der(0x30, oid("2.16.840.1.101.3.4.1.42"), der(4, bytes(16)))
_SHA256 = der(0x30, oid("1.2.840.113549.2.9"), der(5))


def pbes2(derivation: bytes) -> bytes:
    """Return PBES2 with a derivation and AES-256."""
    return der(0x30, oid("1.2.840.113549.1.5.13"), der(0x30, derivation, _AES))


def _pbkdf2(rounds: int) -> bytes:
    return der(0x30, oid(_PBKDF2), der(0x30, der(4, bytes(8)), number(rounds), _SHA256))


def scrypt(cost: int, block: int = 8, parallel: int = 1) -> bytes:
    return der(
        0x30,
        oid(_SCRYPT),
        der(0x30, der(4, bytes(8)), number(cost), number(block), number(parallel)),
    )


def _pbes1(rounds: int, kind: str = "1.2.840.113549.1.12.1.3") -> bytes:
    return der(0x30, oid(kind), der(0x30, der(4, bytes(8)), number(rounds)))


def locked(algorithm: bytes) -> bytes:
    """Return an encrypted private key (PKCS#8)."""
    return der(0x30, algorithm, der(4, bytes(64)))


_DATA = "1.2.840.113549.1.7.1"


def _pkcs12(safe: bytes, rounds: int = 1) -> bytes:
    content = der(0x30, safe)
    integrity = der(
        0x30,
        der(0x30, der(0x30, oid("2.16.840.1.101.3.4.2.1"), der(5)), der(4, bytes(32))),
        der(4, bytes(8)),
        number(rounds),
    )
    return der(0x30, number(3), der(0x30, oid(_DATA), der(0xA0, der(4, content))), integrity)


def _encrypted_safe(algorithm: bytes) -> bytes:
    info = der(0x30, oid(_DATA), algorithm, der(0x80, bytes(64)))
    return der(0x30, oid("1.2.840.113549.1.7.6"), der(0xA0, der(0x30, number(0), info)))


def _bag_safe(algorithm: bytes) -> bytes:
    bag = der(0x30, oid("1.2.840.113549.1.12.10.1.2"), der(0xA0, locked(algorithm)))
    return der(0x30, oid(_DATA), der(0xA0, der(4, der(0x30, bag))))


_ALGORITHMS: dict[str, bytes] = {
    "pbkdf2-2^31": _pbkdf2(2**31 - 1),
    "pbkdf2-2^62": _pbkdf2(2**62),
    "pbkdf2-2^4000": _pbkdf2(2**4000),
    "pbkdf2-5e7": _pbkdf2(50_000_000),
    "scrypt-2^30": scrypt(2**30),
    "scrypt-block": scrypt(2**14, 2**20),
    "scrypt-parallel": scrypt(2**14, 8, 2**20),
    "scrypt-2^4000": scrypt(2**4000),
}
_OLD_ALGORITHMS: dict[str, bytes] = {
    "pbes1-2^31": _pbes1(2**31 - 1),
    "pbes1-2^62": _pbes1(2**62),
    "pbes1-rc2": _pbes1(2**31 - 1, "1.2.840.113549.1.12.1.6"),
    "pbes1-des": _pbes1(2**31 - 1, "1.2.840.113549.1.5.3"),
}


def hostile_keys() -> Iterator[tuple[str, bytes]]:
    """Yield key files whose passphrase takes years to try, with their names."""
    for name, derivation in _ALGORITHMS.items():
        yield from _in_every_file(name, pbes2(derivation))
    for name, algorithm in _OLD_ALGORITHMS.items():
        yield from _in_every_file(name, algorithm)
    for rounds in (2**31 - 1, 2**62):
        yield f"pkcs12-mac-{rounds}", _pkcs12(b"", rounds)


def _in_every_file(name: str, algorithm: bytes) -> Iterator[tuple[str, bytes]]:
    sealed = locked(algorithm)
    yield f"{name}/pem", pem("ENCRYPTED PRIVATE KEY", sealed)
    yield f"{name}/der", sealed
    yield f"{name}/pkcs12-safe", _pkcs12(_encrypted_safe(algorithm))
    yield f"{name}/pkcs12-bag", _pkcs12(_bag_safe(algorithm))


_KEY_FILES: dict[str, Callable[[int], bytes]] = {
    "begins": lambda n: b"-----BEGIN PRIVATE KEY-----\n" * (n // 28),
    "blocks": lambda n: _key_pem() * (n // 240),
    "certificates": lambda n: _key_pem() + pem(_PEM, _certificate_der()) * (n // 500),
    "nested": nested,
    "nested-pem": lambda n: pem("PRIVATE KEY", nested(n)),
    "nested-open": lambda n: b"\x30\x80" * (n // 2),
    "long": lambda n: pem("PRIVATE KEY", bytes(n)),
    "rsa-number": lambda n: pem(
        "RSA PRIVATE KEY", der(0x30, number(0), *[der(2, b"\x7f" * (n // 8))] * 8)
    ),
    "dek-info": lambda n: (
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        b"DEK-Info: AES-256-CBC,"
        + b"0" * n
        + b"\n\n"
        + b"A" * 64
        + b"\n-----END RSA PRIVATE KEY-----\n"
    ),
    "headers": lambda n: (
        b"-----BEGIN RSA PRIVATE KEY-----\n"
        + b"A: b\n" * (n // 5)
        + b"\n-----END RSA PRIVATE KEY-----\n"
    ),
    "diffie-hellman": lambda n: der(
        0x30,
        number(0),
        der(
            0x30,
            oid("1.2.840.113549.1.3.1"),
            der(0x30, number((1 << n * 4) + 1), number(2)),
        ),
        der(4, number((1 << n * 4 - 1) + 1)),
    ),
    "pkcs12-bags": lambda n: _pkcs12(_bag_safe(pbes2(_pbkdf2(1000))) * (n // 300)),
}
"""Key files, by their bytes."""
_SIGN = (
    "sign",
    "x.vib",
    "--key",
    "me.key",
    "--cert",
    "me.pem",
    "--passphrase-file",
    "secret",
    "-o",
    "y.vib",
)


def _written(*files: tuple[str, Callable[[], bytes]]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name, content in files:
            (folder / name).write_bytes(content())

    return make


def stores() -> Iterator[Hostile]:
    """Files of certificates to trust."""
    for name, content in _STORES.items():
        for size in (3_000, 400_000):
            make = _written(
                ("x.vib", vibs.signed_vib),
                ("x.pem", partial(content, size)),
            )
            words = ("verify", "x.vib", "--strict", "--trust", "x.pem")
            yield Hostile(f"store/{name}/{size}", make, (words,))


def _with_signature(content: Callable[[int], bytes], size: int) -> bytes:
    return vibs.vib(signature=content(size), acceptance_level="partner")


def signatures() -> Iterator[Hostile]:
    """Signature members."""
    for name, content in _SIGNATURES.items():
        for size in (3_000, 400_000):
            make = _written(
                (
                    "x.vib",
                    partial(_with_signature, content, size),
                )
            )
            words = (("verify", "x.vib"), ("inspect", "x.vib"), ("lint", "x.vib"))
            yield Hostile(f"signature/{name}/{size}", make, words)


def _signing(content: Callable[[], bytes]) -> Callable[[Path], None]:
    return _written(
        ("x.vib", lambda: vibs.vib(acceptance_level="partner")),
        ("me.pem", lambda: pem(_PEM, _certificate_der())),
        ("secret", lambda: b"secret\n"),
        ("me.key", content),
    )


def derivations() -> Iterator[Hostile]:
    """Keys behind a passphrase that takes years to try."""
    for name, content in hostile_keys():
        yield Hostile(f"key/{name}", _signing(partial(bytes, content)), (_SIGN,))


def key_files() -> Iterator[Hostile]:
    """Files that hold a key, or do not."""
    for name, content in _KEY_FILES.items():
        for size in (3_000, 400_000):
            make = _signing(partial(content, size))
            yield Hostile(f"key/{name}/{size}", make, (_SIGN,))


FAMILIES = (stores, signatures, derivations, key_files)
