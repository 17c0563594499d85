"""Private keys in files, with a limit on the work that their passphrases may cause."""

import base64
import binascii
import warnings
from collections.abc import Iterator
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from msgspec import Struct

from vibforge.errors import SigningError
from vibforge.signing.passphrase import Passphrase
from vibforge.signing.signer import belonging_to, chain_of, parse_certificates

ROUNDS_LIMIT = 2_500_000
"""Rounds of all key derivations of a file, 2.5 s of work. OpenSSL writes 2,048 per derivation,
OWASP recommends 600,000, and a PKCS#12 file has three derivations."""
SCRYPT_WORK_LIMIT = 1 << 22
"""scrypt's N times r times p, 2 s of work; OpenSSL writes 131,072."""
SCRYPT_MEMORY_LIMIT = 128 * 1024 * 1024 + 65_536
"""Bytes of memory for scrypt, 128 r (N + p); keys written by OpenSSL need 16 MiB."""
VALUE_LIMIT = 20_000
"""ASN.1 values in a key file; a file with a chain of four has 500."""
DEPTH_LIMIT = 64
"""Levels of nested ASN.1 values in a key file; PKCS#12 has 20."""

_ROUNDS = frozenset(
    bytes.fromhex("2a864886f70d010c01") + bytes((number,)) for number in range(1, 7)
) | frozenset(
    bytes.fromhex("2a864886f70d0105") + bytes((number,)) for number in (1, 3, 4, 6, 10, 11, 12)
)
"""Object identifiers of PBES1 (PKCS#12 and PKCS#5) and PBKDF2; their parameters are a salt, then
the rounds."""
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_INTEGER, _OCTETS, _IDENTIFIER, _SEQUENCE, _CONSTRUCTED = 2, 4, 6, 0x30, 0x20
_PEM_BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def check_derivation(data: bytes, where: str) -> None:
    """Refuse a key file whose passphrase needs too much work to try.

    Raises:
        SigningError: the file exceeds a limit.
    """
    walk = _Walk(where)
    for der in _pem_bodies(data) if b"-----BEGIN " in data else (data,):
        walk.add(der)


def _pem_bodies(data: bytes) -> Iterator[bytes]:
    for part in data.split(_PEM_BEGIN)[1:]:
        lines = part.partition(b"-----END")[0].splitlines()
        try:
            yield base64.b64decode(b"".join(line for line in lines if b":" not in line))
        except binascii.Error:  # the library reports it later
            continue


class _Value(Struct, frozen=True):
    tag: int
    body: bytes
    parts: tuple["_Value", ...] = ()

    @property
    def number(self) -> int:
        return int.from_bytes(self.body) if self.tag == _INTEGER else 0


class _Walk:
    """Reads all ASN.1 values of a file, and adds up the work for its passphrase."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0
        self._rounds = 0

    def add(self, data: bytes) -> None:
        self._values(data, 0, 0)

    def _refuse(self, what: str) -> SigningError:
        return SigningError(
            what,
            where=self._where,
            remedy="write the key with fewer rounds: openssl pkcs8 -topk8 -iter 600000",
        )

    def _values(self, data: bytes, start: int, depth: int) -> tuple[list[_Value], int]:
        """Read values up to the end of the data, or up to the mark of an indefinite length."""
        if depth > DEPTH_LIMIT:
            raise self._refuse(f"the key file nests values more than {DEPTH_LIMIT} deep")
        values: list[_Value] = []
        while start + 1 < len(data) and data[start : start + 2] != b"\0\0":
            value, start = self._value(data, start, depth)
            values.append(value)
        self._add_derivations(values)
        return values, start + 2

    def _value(self, data: bytes, start: int, depth: int) -> tuple[_Value, int]:
        self._count += 1
        if self._count > VALUE_LIMIT:
            raise self._refuse(f"the key file has more than {VALUE_LIMIT} values")
        tag, start = data[start], start + 1
        if tag & 0x1F == 0x1F:  # noqa: PLR2004 - a tag of several bytes
            while start < len(data) and data[start] & 0x80:
                start += 1
            start += 1
        size, start = _length(data, start)
        if size is None:
            parts, end = self._values(data, start, depth + 1)
            return self._joined(tag, parts, depth), end
        body = data[start : start + size]
        if tag & _CONSTRUCTED:
            parts, _ = self._values(body, 0, depth + 1)
            return self._joined(tag, parts, depth), start + size
        if tag == _OCTETS and body[:1] == b"\x30":
            self._values(body, 0, depth + 1)
        return _Value(tag, body), start + size

    def _joined(self, tag: int, parts: list[_Value], depth: int) -> _Value:
        """Return one value from the pieces of a text, which BER may cut anywhere."""
        if tag & ~_CONSTRUCTED == _OCTETS:
            body = b"".join(part.body for part in parts)
            if body[:1] == b"\x30":
                self._values(body, 0, depth + 1)
            return _Value(_OCTETS, body)
        return _Value(tag, b"", tuple(parts))

    def _add_derivations(self, values: list[_Value]) -> None:
        for value, after in pairwise(values):
            if value.tag == _IDENTIFIER and value.body in _ROUNDS:
                self._add_rounds(_rounds(after.parts))
            elif value.tag == _IDENTIFIER and value.body == _SCRYPT:
                self._check_scrypt([part.number for part in after.parts[1:4]])
        kinds = [value.tag for value in values]
        if kinds == [_SEQUENCE, _OCTETS, _INTEGER]:  # MacData
            self._add_rounds(values[2].number)

    def _add_rounds(self, rounds: int) -> None:
        self._rounds += rounds
        if self._rounds > ROUNDS_LIMIT:
            raise self._refuse(
                f"the passphrase needs more rounds to try than the limit of {ROUNDS_LIMIT}"
            )

    def _check_scrypt(self, numbers: list[int]) -> None:
        cost, block, parallel = (*numbers, 0, 0, 0)[:3]
        if cost * block * parallel > SCRYPT_WORK_LIMIT:
            raise self._refuse(
                "the passphrase needs more work with scrypt than the limit: N times r times p "
                f"exceeds {SCRYPT_WORK_LIMIT}"
            )
        if 128 * block * (cost + parallel) > SCRYPT_MEMORY_LIMIT:
            raise self._refuse(
                f"the passphrase needs more memory with scrypt than the limit of "
                f"{SCRYPT_MEMORY_LIMIT} bytes"
            )
        self._add_rounds(cost * block * parallel * ROUNDS_LIMIT // SCRYPT_WORK_LIMIT)


def _rounds(parts: tuple[_Value, ...]) -> int:
    """Return the number behind the salt."""
    return next((part.number for part in parts[1:] if part.tag == _INTEGER), 0)


def _length(data: bytes, start: int) -> tuple[int | None, int]:
    """Return a length and where it ends; None if it is indefinite. Missing bytes are left out."""
    first = data[start] if start < len(data) else 0
    if first < 0x80:  # noqa: PLR2004 - the short form
        return first, start + 1
    if first == 0x80:  # noqa: PLR2004 - BER's indefinite form
        return None, start + 1
    count = first & 0x7F
    return int.from_bytes(data[start + 1 : start + 1 + count]), start + 1 + count


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_UNREADABLE = (ValueError, UnsupportedAlgorithm, InternalError)
"""Errors of `cryptography` about keys; InternalError if OpenSSL refuses a huge number."""
_WRONG_SECRET = "the passphrase is wrong, or the file is damaged"  # noqa: S105 - a message


class KeySigner(Struct, frozen=True):
    """Signs with a private key in memory."""

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...]

    def sign(self, text: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(text, _ecdsa())


class KeyFile(Struct, frozen=True):
    """The content of a key file: the key, and its certificates if there are any."""

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...] = ()


def parse_key_file(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    """Return the key in PEM, DER or PKCS#12 bytes; `passphrase` is called if it is encrypted.

    Raises:
        SigningError: there is no key, the passphrase is wrong, or no VIB can be signed with this
            kind of key.
    """
    with warnings.catch_warnings():
        # Odd encodings that a later version of the library will refuse.
        warnings.simplefilter("ignore")
        return _parse(data, passphrase, where)


def _parse(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    check_derivation(data, where)
    if b"-----BEGIN " in data:
        return KeyFile(_read_pem(data, passphrase, where), parse_certificates(data, where))
    if not data.startswith(b"\x30"):
        raise SigningError(
            "not a key: neither PEM nor PKCS#12",
            where=where,
            remedy="name a private key in PEM, or a .p12 or .pfx file",
        )
    return _read_der(data, where) or _read_pkcs12(data, passphrase, where)


def key_signer(key_file: KeyFile, others: tuple[x509.Certificate, ...], where: str) -> KeySigner:
    """Return a signer from a key and its certificate, found in the key file or in `others`.

    Raises:
        SigningError: no certificate belongs to the key.
    """
    certificates = (*others, *key_file.certificates)
    own = belonging_to(certificates, _public_der(key_file.key))
    if own is None:
        raise SigningError(
            "there is no certificate for the key"
            if not certificates
            else "the key and the certificate do not match: "
            + "; ".join(certificate.subject.rfc4514_string() for certificate in certificates),
            where=where,
            remedy="name the certificate that was issued for this key with --cert",
        )
    return KeySigner(key_file.key, chain_of(own, certificates))


def _ecdsa() -> ec.ECDSA:
    """Return ECDSA with the nonce of RFC 6979 if the library has it: same input, same bytes."""
    if deterministic_ec():
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return ec.ECDSA(hashes.SHA256())


def deterministic_ec() -> bool:
    """Whether signing twice with an elliptic-curve key gives the same bytes on this machine.

    OpenSSL supports it since 3.2; with an older one `cryptography` raises.
    """
    try:
        ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return False
    return True


def _read_pem(data: bytes, passphrase: Passphrase, where: str) -> PrivateKey:
    try:
        return _checked(_load_pem(data, None), where)
    except TypeError:
        secret = passphrase()
    except _UNREADABLE as error:
        raise SigningError(
            "the file holds no private key that can be read",
            where=where,
            remedy="name the file of the private key, not of the certificate",
        ) from error
    try:
        return _checked(_load_pem(data, secret), where)
    except _UNREADABLE as error:
        raise SigningError(_WRONG_SECRET, where=where) from error


def _load_pem(data: bytes, secret: bytes | None) -> object:
    # Checking an RSA key takes 45 ms; a wrong key shows when its signature is verified.
    return serialization.load_pem_private_key(data, secret, unsafe_skip_rsa_key_validation=True)


def _read_der(data: bytes, where: str) -> KeyFile | None:
    try:
        loaded = serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except (TypeError, *_UNREADABLE):
        return None
    return KeyFile(_checked(loaded, where))


def _read_pkcs12(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    try:
        return _from_pkcs12(data, None, where)
    except _UNREADABLE:
        secret = passphrase()
    try:
        return _from_pkcs12(data, secret, where)
    except _UNREADABLE as error:
        raise SigningError(_WRONG_SECRET, where=where) from error


def _from_pkcs12(data: bytes, secret: bytes | None, where: str) -> KeyFile:
    key, certificate, others = pkcs12.load_key_and_certificates(data, secret)
    if key is None:
        raise SigningError("the PKCS#12 file holds no private key", where=where)
    certificates = tuple(filter(None, (certificate, *others)))
    return KeyFile(_checked(key, where), certificates)


def _checked(key: object, where: str) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    kind = type(key).__name__.removesuffix("PrivateKey")
    raise SigningError(
        f"a {kind} key cannot sign a VIB",
        where=where,
        remedy="use an RSA key of 2048 bits or more, or a key on P-256 or P-384",
    )


def _public_der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
