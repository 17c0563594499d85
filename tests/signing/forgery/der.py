"""Pieces of DER, so that a test can write what no library would."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat import asn1

INTEGER, BITS, OCTETS, NULL, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x05, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME, BOOLEAN, ENUMERATED = 0x17, 0x18, 0x01, 0x0A
FIRST_GENERALIZED_YEAR = 2050


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def sequence(*parts: bytes) -> bytes:
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(SET, *sorted(parts))


def integer(value: int) -> bytes:
    size = (value.bit_length() // 8) + 1
    return tlv(INTEGER, value.to_bytes(size, "big", signed=True))


def oid(dotted: str) -> bytes:
    return asn1.encode_der(x509.ObjectIdentifier(dotted))


def time(moment: datetime) -> bytes:
    moment = moment.astimezone(UTC)
    if moment.year >= FIRST_GENERALIZED_YEAR:
        return tlv(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode())
    return tlv(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = tlv(BOOLEAN, b"\xff") if critical else b""
    return sequence(oid(dotted), flag, tlv(OCTETS, value))


def written(value: x509.ExtensionType, *, critical: bool = False) -> bytes:
    """Write an extension that the library knows."""
    return extension(value.oid.dotted_string, value.public_bytes(), critical=critical)
