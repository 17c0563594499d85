"""How much work a key file asks for before its passphrase turns out right or wrong.

PBES1 and PBES2 (RFC 8018), scrypt (RFC 7914) and the integrity check of PKCS#12 (RFC 7292) each
name their own cost, up to centuries. It is read here, from BER as well as DER, before a library
derives anything. A cost inside encrypted content cannot be seen from outside.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from vibforge.errors import SigningError

ROUNDS_LIMIT = 2_500_000
"""Rounds of all derivations of a key file, 2.5 s of work; OpenSSL writes 2,048 for each,
OWASP asks for 600,000, and a PKCS#12 file has three."""
SCRYPT_WORK_LIMIT = 1 << 22
"""scrypt's N times r times p, 2 s of work; OpenSSL writes 131,072."""
SCRYPT_MEMORY_LIMIT = 128 * 1024 * 1024 + 65_536
"""Bytes that scrypt takes: 128 r (N + p); OpenSSL's own take 16 MiB."""
VALUE_LIMIT = 20_000
"""ASN.1 values in a key file; one with a chain of four has 500."""
DEPTH_LIMIT = 64
"""ASN.1 values within each other in a key file; PKCS#12 has 20."""

_ROUNDS = frozenset(
    bytes.fromhex("2a864886f70d010c01") + bytes((number,)) for number in range(1, 7)
) | frozenset(
    bytes.fromhex("2a864886f70d0105") + bytes((number,)) for number in (1, 3, 4, 6, 10, 11, 12)
)
"""Object identifiers of PBES1 (PKCS#12's and PKCS#5's) and PBKDF2: a salt, then the rounds."""
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_INTEGER, _OCTETS, _IDENTIFIER, _SEQUENCE, _CONSTRUCTED = 2, 4, 6, 0x30, 0x20
_PEM_BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def check_derivation(data: bytes, where: str) -> None:
    """Refuse a key file whose passphrase takes too much work to try.

    Raises:
        SigningError: it is beyond a limit.
    """
    walk = _Walk(where)
    for der in _pem_bodies(data) if b"-----BEGIN " in data else (data,):
        walk.look(der)


def _pem_bodies(data: bytes) -> Iterator[bytes]:
    for part in data.split(_PEM_BEGIN)[1:]:
        lines = part.partition(b"-----END")[0].splitlines()
        try:
            yield base64.b64decode(b"".join(line for line in lines if b":" not in line))
        except binascii.Error:  # the library says so too
            continue


@dataclass(frozen=True, slots=True)
class _Value:
    tag: int
    body: bytes
    parts: tuple["_Value", ...] = ()

    @property
    def number(self) -> int:
        return int.from_bytes(self.body) if self.tag == _INTEGER else 0


class _Walk:
    """Reads all values of a file, and adds up what it asks for."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0
        self._rounds = 0

    def look(self, data: bytes) -> None:
        self._values(data, 0, 0)

    def _refuse(self, what: str) -> SigningError:
        return SigningError(
            what,
            where=self._where,
            remedy="write the key again with fewer rounds: openssl pkcs8 -topk8 -iter 600000",
        )

    def _values(self, data: bytes, start: int, depth: int) -> tuple[list[_Value], int]:
        """Read values up to the end, or to the mark that ends an indefinite length."""
        if depth > DEPTH_LIMIT:
            raise self._refuse(f"the key file nests values more than {DEPTH_LIMIT} deep")
        found: list[_Value] = []
        while start + 1 < len(data) and data[start : start + 2] != b"\0\0":
            value, start = self._value(data, start, depth)
            found.append(value)
        self._add_up(found)
        return found, start + 2

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
        """Put the pieces of a text together, which BER may cut anywhere."""
        if tag & ~_CONSTRUCTED == _OCTETS:
            body = b"".join(part.body for part in parts)
            if body[:1] == b"\x30":
                self._values(body, 0, depth + 1)
            return _Value(_OCTETS, body)
        return _Value(tag, b"", tuple(parts))

    def _add_up(self, values: list[_Value]) -> None:
        for value, after in pairwise(values):
            if value.tag == _IDENTIFIER and value.body in _ROUNDS:
                self._add(_number_after(after.parts))
            elif value.tag == _IDENTIFIER and value.body == _SCRYPT:
                self._check_scrypt([part.number for part in after.parts[1:4]])
        kinds = [value.tag for value in values]
        if kinds == [_SEQUENCE, _OCTETS, _INTEGER]:  # MacData
            self._add(values[2].number)

    def _add(self, rounds: int) -> None:
        self._rounds += rounds
        if self._rounds > ROUNDS_LIMIT:
            raise self._refuse(
                f"the passphrase takes more than {ROUNDS_LIMIT} rounds to try, which is the limit"
            )

    def _check_scrypt(self, numbers: list[int]) -> None:
        cost, block, parallel = (*numbers, 0, 0, 0)[:3]
        if cost * block * parallel > SCRYPT_WORK_LIMIT:
            raise self._refuse(
                f"the passphrase takes more work by scrypt to try than {SCRYPT_WORK_LIMIT}, "
                "N times r times p"
            )
        if 128 * block * (cost + parallel) > SCRYPT_MEMORY_LIMIT:
            raise self._refuse(
                f"the passphrase takes more than {SCRYPT_MEMORY_LIMIT} bytes by scrypt to try"
            )
        self._add(cost * block * parallel * ROUNDS_LIMIT // SCRYPT_WORK_LIMIT)


def _number_after(parts: tuple[_Value, ...]) -> int:
    return next((part.number for part in parts[1:] if part.tag == _INTEGER), 0)


def _length(data: bytes, start: int) -> tuple[int | None, int]:
    """Read a length; None where it is indefinite, and what there is where bytes are missing."""
    first = data[start] if start < len(data) else 0
    if first < 0x80:  # noqa: PLR2004 - the short form
        return first, start + 1
    if first == 0x80:  # noqa: PLR2004 - BER's indefinite form
        return None, start + 1
    count = first & 0x7F
    return int.from_bytes(data[start + 1 : start + 1 + count]), start + 1 + count
