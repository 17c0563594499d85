"""Names, versions, IDs and the release date of a VIB."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.formats.xml_writing import is_xml_text

NAME_LIMIT = 35
"""VMware's descriptor template, for names and vendors; 48 is where the bootbank database ends."""
PAYLOAD_NAME_LIMIT = 15
"""Hard, in the reader."""
BOOTBANK_STEM = 8
"""Characters of a payload's name that its file in the bootbank is named after."""
TAG_OR_KEY_LIMIT = 255
DESCRIPTOR_NAME = "descriptor.xml"
SIGNATURE_NAME = "sig.pkcs7"
"""The first two members of a VIB's archive (format.md#member-order)."""
ESX4_NAME = "debian-binary"
"""The first member of a VIB for ESX 4."""
_ALPHABET = re.compile(r"[0-9A-Za-z_.-]+")
ENVIRONMENT_SCHEME = "env:"
"""Start of a key's name when an environment variable holds the key, as PEM."""
TOKEN_SCHEME = "pkcs11:"  # noqa: S105 - of a URI
"""Start of a key's name when the key lies in a token (RFC 7512)."""
_DEVICES = frozenset(
    (
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
    )
)
"""Names that Windows reserves for devices, whatever extension follows."""
_LEAST_KEY = 64
"""Characters of base64 below which no private key fits."""
DER_SEQUENCE = b"\x30"
_WAYS_TO_NAME_A_KEY = "name a file, env:NAME for a key in the environment, or a pkcs11: URI"
_VFAT_NAME = re.compile(r"[0-9A-Za-z_~-]{1,8}(\.[0-9A-Za-z_~-]{1,3})?")


def check_name(text: str) -> None:
    """Check a VIB's or a vendor's name: VMware's template, and no shell or system misreads it.

    Raises:
        ModelError: it is empty, too long, has other characters, starts or ends with a dash or a
            dot, or is the name of a device.
    """
    _check(text, "name", NAME_LIMIT)


def fits_template(text: str) -> bool:
    """Return whether a text has only characters that VMware's template allows, and at least one."""
    return _ALPHABET.fullmatch(text) is not None


def check_payload_name(text: str) -> None:
    """Check a payload's name: what every reader enforces, and no shell or system misreads it.

    Raises:
        ModelError: as `check_name`.
    """
    _check(text, "payload name", PAYLOAD_NAME_LIMIT)


def check_vfat_name(text: str) -> None:
    """Hold the bootbank file name that a payload wishes for against the 8.3 form.

    Raises:
        ModelError: it has another form.
    """
    if text and not _VFAT_NAME.fullmatch(text):
        raise ModelError(
            f"{text!r} is not an 8.3 file name", remedy="use up to 8 characters, a dot, up to 3"
        )


def check_text(text: str) -> None:
    """Demand characters that XML can carry.

    Raises:
        ModelError: a control character is among them.
    """
    if not is_xml_text(text):
        raise ModelError("the text holds a control character, which XML cannot carry")


def check_one_line(text: str) -> None:
    """Demand a text without line breaks and other control characters.

    Raises:
        ModelError: it has some.
    """
    if not text.isprintable():
        raise ModelError(f"{text!r} holds a line break or a control character")


def check_filled_line(text: str) -> None:
    """Demand one line that is not empty: ESXi's reader crashes on an empty tag.

    Raises:
        ModelError: it is empty, too long, or has control characters.
    """
    check_one_line(text)
    if not text.strip():
        raise ModelError("an empty text")
    if len(text) > TAG_OR_KEY_LIMIT:
        raise ModelError(f"{len(text)} characters, more than {TAG_OR_KEY_LIMIT}")


def check_key_name(text: str) -> None:
    """Check that a text names a key and holds no secret itself. The message never repeats the text.

    Raises:
        ModelError: it is empty, has control characters, looks like a private key, or has a PIN.
    """
    check_no_secret(text)
    if not text.strip() or not text.isprintable() or text.startswith("-"):
        raise ModelError("that does not name a key", remedy=_WAYS_TO_NAME_A_KEY)


def check_no_secret(text: str) -> None:
    """Refuse a key, certificate or PIN where a name belongs, without repeating it.

    Raises:
        ModelError: the text is PEM, or the base64 of DER, or has a PIN.
    """
    if "pin-value" in unquote(text).lower():
        raise ModelError(
            "a PIN does not belong into a URI, where others can see it",
            remedy="leave pin-value out, and use a passphrase file, descriptor or variable",
        )
    if looks_like_a_key(text):
        raise ModelError(
            "this is a key or a certificate itself, and not its name", remedy=_WAYS_TO_NAME_A_KEY
        )


def looks_like_a_key(text: str) -> bool:
    """Return whether a text is PEM, or the base64 of DER."""
    if "-----BEGIN" in text or "PRIVATE KEY" in text:
        return True
    import base64  # noqa: PLC0415 - only where a key is named

    packed = "".join(text.removeprefix(ENVIRONMENT_SCHEME).split())
    if len(packed) < _LEAST_KEY:
        return False
    try:
        return base64.b64decode(packed[:_LEAST_KEY], validate=True).startswith(DER_SEQUENCE)
    except ValueError:  # not base64, or not even ASCII
        return False


def check_file_name(text: str) -> None:
    """Check the name of a folder that is made: no shell, terminal or system takes it for another.

    Raises:
        ModelError: it starts with a dash, or has a backslash or a control character.
    """
    if text.startswith("-") or "\\" in text or not text.isprintable():
        raise ModelError(
            f"{text!r} is not a name for a folder",
            remedy="use a name that does not start with a dash, without backslashes and control "
            "characters",
        )


def _check(text: str, kind: str, limit: int) -> None:
    if not fits_template(text):
        raise ModelError(
            f"{text!r} is not a {kind}", remedy="use letters, digits, dot, dash and underscore"
        )
    if len(text) > limit:
        raise ModelError(
            f"{kind} {text!r} has {len(text)} characters", remedy=f"use at most {limit}"
        )
    if text[0] in "-." or text[-1] in "-.":
        raise ModelError(
            f"{text!r} is not a {kind}: dashes and dots go between other characters",
            remedy="start and end it with a letter, a digit or an underscore",
        )
    if text.partition(".")[0].lower() in _DEVICES:
        raise ModelError(
            f"{text!r} is not a {kind}: Windows reserves it for a device",
            remedy="choose another name",
        )


LENGTH_LIMIT = 35
"""VMware's descriptor template; real data exceed it by one at the most."""

_FORM = re.compile(r"[0-9][0-9A-Za-z.]*-[0-9][0-9A-Za-z.]*")
_FIELD = re.compile(r"([0-9]*)(.*)", re.DOTALL)
_FIELD_LIMIT = 64
"""Digits of one field that are read as a number; no real field comes near."""


_Fields = tuple[tuple[int, str], ...]
_Key = tuple[_Fields, _Fields]


class Version(Struct, frozen=True, eq=False):
    """A version as ESXi compares it: the part before the `-`, then the release behind it.

    Each part is split at its dots, each field into a leading number (-1 where there is none) and
    the rest; so 1.10 > 1.9, 1.0 < 1.0.0, 01 == 1 and 1.0-1 > 1.0 (tried on 6.7).
    """

    text: str

    @property
    def parts(self) -> tuple[str, str | None]:
        """The text before the first `-` and the release behind it, None where there is none."""
        version, dash, release = self.text.partition("-")
        return version, release if dash else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and _sort_key(self.text) == _sort_key(other.text)

    def __lt__(self, other: "Version") -> bool:
        return _sort_key(self.text) < _sort_key(other.text)

    def __le__(self, other: "Version") -> bool:
        return _sort_key(self.text) <= _sort_key(other.text)

    def __gt__(self, other: "Version") -> bool:
        return _sort_key(self.text) > _sort_key(other.text)

    def __ge__(self, other: "Version") -> bool:
        return _sort_key(self.text) >= _sort_key(other.text)

    def __hash__(self) -> int:
        return hash(_sort_key(self.text))


@lru_cache(maxsize=4096)
def _sort_key(text: str) -> _Key:
    """Return what versions are compared by; a plan compares the same ones thousands of times."""
    version, dash, release = text.partition("-")
    return _fields(version), _fields(release) if dash else ()


def _fields(part: str) -> _Fields:
    fields = []
    for text in part.split("."):
        digits, rest = _FIELD.fullmatch(text).groups()  # type: ignore[union-attr] # matches all text
        fields.append((int(digits[:_FIELD_LIMIT]) if digits else -1, rest))
    return tuple(fields)


def check_version(text: str) -> None:
    """Hold a version against the form that VMware's template asks for: `1.2.0-1`.

    Raises:
        ModelError: it has another form or is too long.
    """
    if not _FORM.fullmatch(text):
        raise ModelError(
            f"{text!r} is not a VIB version",
            remedy="write VERSION-RELEASE, both starting with a digit, of letters, digits and "
            "dots: 1.2.0-1",
        )
    if len(text) > LENGTH_LIMIT:
        raise ModelError(
            f"version {text!r} has {len(text)} characters",
            remedy=f"use {LENGTH_LIMIT} at the most",
        )


_EPOCH = re.compile(r"[0-9]{1,11}")
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
"""A tar header's time field ends in 2242; a later date than this is a mistake."""


class ReleaseDate(Struct, frozen=True):
    """A moment in whole seconds since 1970 UTC, between 1970 and 2200.

    Examples:
        >>> from vibforge import ReleaseDate
        >>> str(ReleaseDate.parse("2024-05-01"))
        '2024-05-01T00:00:00+00:00'
    """

    epoch: int

    @classmethod
    def parse(cls, text: str) -> "ReleaseDate":
        """Read an ISO 8601 date and time (UTC unless it names a zone), a date, or an epoch.

        Raises:
            ModelError: the text is none of these, or out of range.
        """
        if _EPOCH.fullmatch(text):
            return cls._checked(int(text), text)
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise _not_a_date(text) from None
        return cls.of(moment)

    @classmethod
    def of(cls, moment: datetime) -> "ReleaseDate":
        """Take a moment; one without a zone is UTC.

        Raises:
            ModelError: it is out of range.
        """
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls._checked(int(aware.timestamp()), moment.isoformat())

    @classmethod
    def _checked(cls, epoch: int, text: str) -> "ReleaseDate":
        if not 0 <= epoch < _LAST.timestamp():
            raise _not_a_date(text)
        return cls(epoch)

    def __str__(self) -> str:
        """Write it as descriptors have it, for every reader since 5.x (format.md#release-date)."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _not_a_date(text: str) -> ModelError:
    return ModelError(
        f"{text!r} is not a release date between 1970 and 2200",
        remedy="write 2026-05-01T12:00:00+00:00, a date, or seconds since 1970",
    )
