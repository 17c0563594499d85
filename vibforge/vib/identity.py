"""Names, versions, IDs and the release date of a VIB."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import takewhile
from urllib.parse import unquote

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.formats.xml_writing import is_xml_text

NAME_LIMIT = 35
"""Limit of VMware's descriptor template for names and vendors; the host's database allows 48."""
PAYLOAD_NAME_LIMIT = 15
"""Enforced by ESXi's reader."""
BOOTBANK_STEM = 8
"""Characters of a payload's name from which its file name in the bootbank is made."""
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
"""Characters of base64 that the shortest private key has at least."""
DER_SEQUENCE = b"\x30"
_KEY_NAME_REMEDY = "name a file, env:NAME for a key in the environment, or a pkcs11: URI"
_VFAT_NAME = re.compile(r"[0-9A-Za-z_~-]{1,8}(\.[0-9A-Za-z_~-]{1,3})?")


def check_name(text: str) -> None:
    """Check that a VIB's or vendor's name meets VMware's template and is safe in shells and paths.

    Raises:
        ModelError: the name is empty or too long, has other characters, starts or ends with a dash
            or a dot, or is the name of a Windows device.
    """
    _check(text, "name", NAME_LIMIT)


def fits_template(text: str) -> bool:
    """Whether a text is not empty and has only characters that VMware's template allows."""
    return _ALPHABET.fullmatch(text) is not None


def check_payload_name(text: str) -> None:
    """Check that every reader accepts a payload's name and that it is safe in shells and paths.

    Raises:
        ModelError: as `check_name`.
    """
    _check(text, "payload name", PAYLOAD_NAME_LIMIT)


def check_vfat_name(text: str) -> None:
    """Check that a payload's bootbank file name, if given, has the 8.3 form.

    Raises:
        ModelError: it has another form.
    """
    if text and not _VFAT_NAME.fullmatch(text):
        raise ModelError(
            f"{text!r} is not an 8.3 file name",
            remedy="use up to 8 characters, a dot, and up to 3 characters",
        )


def check_text(text: str) -> None:
    """Check that a text has only characters that XML allows.

    Raises:
        ModelError: it has a control character.
    """
    if not is_xml_text(text):
        raise ModelError(
            "the text has a control character, which XML does not allow", remedy="remove it"
        )


def check_one_line(text: str) -> None:
    """Check that a text has no line break or other control character.

    Raises:
        ModelError: it has one.
    """
    if not text.isprintable():
        raise ModelError(
            f"{text!r} has a line break or a control character", remedy="write it on one line"
        )


def check_filled_line(text: str) -> None:
    """Check that a text is one line and not empty: ESXi's reader crashes on an empty tag.

    Raises:
        ModelError: it is empty, too long, or has control characters.
    """
    check_one_line(text)
    if not text.strip():
        raise ModelError("the text is empty")
    if len(text) > TAG_OR_KEY_LIMIT:
        raise ModelError(f"the text has {len(text)} characters; the limit is {TAG_OR_KEY_LIMIT}")


def check_key_name(text: str) -> None:
    """Check that a text names a key and is not a secret itself. The message never repeats the text.

    Raises:
        ModelError: it is empty, has control characters, looks like a private key, or has a PIN.
    """
    check_no_secret(text)
    if not text.strip() or not text.isprintable() or text.startswith("-"):
        raise ModelError("the text does not name a key", remedy=_KEY_NAME_REMEDY)


def check_no_secret(text: str) -> None:
    """Refuse a key, certificate or PIN in place of a name. The message never repeats the text.

    Raises:
        ModelError: the text is PEM, or the base64 of DER, or has a PIN.
    """
    if "pin-value" in unquote(text).lower():
        raise ModelError(
            "the URI contains a PIN, which others can see",
            remedy="leave pin-value out, and use a passphrase file, descriptor or variable",
        )
    if looks_like_a_key(text):
        raise ModelError(
            "this is a key or a certificate itself, not its name", remedy=_KEY_NAME_REMEDY
        )


def looks_like_a_key(text: str) -> bool:
    """Whether a text is PEM, or the base64 of DER."""
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
    """Check that the name of a new folder is safe in shells, terminals and paths.

    Raises:
        ModelError: it starts with a dash, or has a backslash or a control character.
    """
    if text.startswith("-") or "\\" in text or not text.isprintable():
        raise ModelError(
            f"{text!r} is not a name for a folder",
            remedy="use a name without a leading dash, backslashes and control characters",
        )


def _check(text: str, kind: str, limit: int) -> None:
    if not fits_template(text):
        raise ModelError(
            f"{text!r} is not a {kind}", remedy="use letters, digits, dot, dash and underscore"
        )
    if len(text) > limit:
        raise ModelError(
            f"the {kind} {text!r} has {len(text)} characters", remedy=f"use at most {limit}"
        )
    if text[0] in "-." or text[-1] in "-.":
        raise ModelError(
            f"{text!r} is not a {kind}: it starts or ends with a dash or a dot",
            remedy="start and end it with a letter, a digit or an underscore",
        )
    if text.partition(".")[0].lower() in _DEVICES:
        raise ModelError(
            f"{text!r} is not a {kind}: Windows reserves it for a device",
            remedy="choose another name",
        )


LENGTH_LIMIT = 35
"""Limit of VMware's descriptor template for versions; real VIBs exceed it by at most one."""

_FORM = re.compile(r"[0-9][0-9A-Za-z.]*-[0-9][0-9A-Za-z.]*")
_FIELD = re.compile(r"([0-9]*)(.*)", re.DOTALL)
_LEADING_V = re.compile(r"v[0-9]")
_FIRST_RELEASE = 1
_FIELD_LIMIT = 64
"""Digits of one field that are read as a number; real fields are far shorter."""


_Fields = tuple[tuple[int, str], ...]
_Key = tuple[_Fields, _Fields]


class Version(Struct, frozen=True, eq=False):
    """A version, compared as ESXi compares it: the part before the `-`, then the part behind it.

    Each part is split at its dots into fields, and each field into a leading number (-1 if missing)
    and the rest. So 1.10 > 1.9, 1.0 < 1.0.0, 01 == 1 and 1.0-1 > 1.0 (tried on 6.7).
    """

    text: str

    @property
    def parts(self) -> tuple[str, str | None]:
        """The text before the first `-`, and the text behind it or None."""
        version, dash, release = self.text.partition("-")
        return version, release if dash else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and _sort_key(self.text) == _sort_key(other.text)

    def __ne__(self, other: object) -> bool:
        # A Struct has one of its own, which compares identities.
        return not self == other

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
    """Return the sort key of a version; cached, because a plan compares versions very often."""
    version, dash, release = text.partition("-")
    return _fields(version), _fields(release) if dash else ()


def _fields(part: str) -> _Fields:
    fields = []
    for text in part.split("."):
        digits, rest = _FIELD.fullmatch(text).groups()  # type: ignore[union-attr] # matches all text
        fields.append((int(digits[:_FIELD_LIMIT]) if digits else -1, rest))
    return tuple(fields)


def check_version(text: str) -> None:
    """Check that a version has the form of VMware's template: `1.2.0-1`.

    Raises:
        ModelError: it has another form or is too long.
    """
    _check_version(text, text)


def _check_version(text: str, given: str) -> None:
    """Check the version that was made of the text `given`, which the message repeats."""
    if not _FORM.fullmatch(text):
        raise ModelError(
            f"{given!r} is not a VIB version",
            remedy="write VERSION-RELEASE, such as 1.2.0-1: letters, digits and dots, both parts "
            "starting with a digit",
        )
    if len(text) > LENGTH_LIMIT:
        raise ModelError(
            f"the version {text!r} has {len(text)} characters", remedy=f"use at most {LENGTH_LIMIT}"
        )


_ANY_FORM = re.compile(r"[0-9A-Za-z][0-9A-Za-z._]*(-[0-9A-Za-z._]+)?")
_ANY_LENGTH_LIMIT = 64
"""Most characters of a version that exists; the longest real ones have 36."""


def check_any_version(text: str) -> None:
    """Check that hosts read a version, whatever VMware's template says of its form.

    Real VIBs have versions such as `2.4.4` and `8.045a-napi`.

    Raises:
        ModelError: hosts refuse it, or it is not safe in shells and paths.
    """
    if not _ANY_FORM.fullmatch(text) or len(text) > _ANY_LENGTH_LIMIT:
        raise ModelError(
            f"{text[:_ANY_LENGTH_LIMIT]!r} is no version that hosts read",
            remedy="use letters, digits, dots and at most one dash, and at most "
            f"{_ANY_LENGTH_LIMIT} characters",
        )


class WrittenVersion(Struct, frozen=True):
    """A version as somebody wrote it, and the VIB version that it stands for."""

    given: str
    version: str
    rules: tuple[str, ...] = ()
    """What was done to get from one to the other, in words."""


def written_version(text: str) -> WrittenVersion:
    """Return the version that `v2.4.0`, `2.4.0` or `2.4.0-1` stands for: 2.4.0-1.

    A `v` before a digit is dropped, and the release `-1` is added where there is none.

    Raises:
        ModelError: the text is no version, or is too long.
    """
    version, rules = text, []
    if _LEADING_V.match(text):
        version = text[1:]
        rules.append("`v` dropped")
    if "-" not in version:
        version = f"{version}-{_FIRST_RELEASE}"
        rules.append(f"`-{_FIRST_RELEASE}` added")
    _check_version(version, text)
    return WrittenVersion(given=text, version=version, rules=tuple(rules))


def next_version(version: Version) -> Version:
    """Return the next release of a version: `1.2.0-2` for `1.2.0-1`. Hosts compare it as higher.

    The last number of the release grows, and what follows it, such as a commit, is dropped. A
    release whose first field has letters grows there and keeps the rest: `2OEM.700.1` for
    `1OEM.700.1`. The result has the form of `check_version` if the version has it and has room.
    """
    base, release = version.parts
    if release is None:
        return Version(f"{base}-1")
    first, *others = release.split(".")
    if first.isdecimal():
        numbers = list(takewhile(str.isdecimal, (first, *others)))
        raised = [*numbers[:-1], _raised(numbers[-1])]
    else:
        raised = [_raised(first), *others]
    following = Version(f"{base}-{'.'.join(raised)}")
    # A number of more than `_FIELD_LIMIT` digits does not grow for a host; one more field does.
    return following if following > version else Version(f"{version.text}.1")


def proposed_version(version: Version) -> str:
    """Return `next_version` as text, empty if it would break the rules of `check_version`."""
    following = next_version(version).text
    fits = _FORM.fullmatch(following) and len(following) <= LENGTH_LIMIT
    return following if fits else ""


def _raised(field: str) -> str:
    """Add 1 to the number at the start of a field; it keeps its leading zeros."""
    digits, rest = _FIELD.fullmatch(field).groups()  # type: ignore[union-attr] # matches all text
    number = int(digits[:_FIELD_LIMIT] or "0") + 1
    return f"{number:0{len(digits)}d}{rest}"


VIB_SUFFIX = ".vib"


class PackageName(Struct, frozen=True):
    """What the IDs of all versions of a package share: vendor, type and name."""

    vendor: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.vendor}_{self.type}_{self.name}"

    def version_in(self, file_name: str, known: str) -> str | None:
        """Return the version in the name of a VIB's file; None if it is not of this package.

        Args:
            file_name: the name.
            known: a version that the package has, in any form. In other versions no `_` can be, for
                `a_b_1.0-1` would be a version of `a` as well as of `a_b`.
        """
        start = f"{self}_"
        if file_name == f"{start}{known}{VIB_SUFFIX}":
            return known
        if not file_name.startswith(start) or not file_name.endswith(VIB_SUFFIX):
            return None
        version = file_name[len(start) : -len(VIB_SUFFIX)]
        try:
            check_version(version)
        except ModelError:
            return None
        return version


_EPOCH = re.compile(r"[0-9]{1,11}")
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
"""The upper limit; the time field of a tar header ends in 2242."""


class ReleaseDate(Struct, frozen=True):
    """A moment between 1970 and 2200, in whole seconds since 1970 UTC.

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
        return cls.from_datetime(moment)

    @classmethod
    def from_datetime(cls, moment: datetime) -> "ReleaseDate":
        """Return the release date of a moment; without a time zone it is UTC.

        Raises:
            ModelError: the moment is out of range.
        """
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls._checked(int(aware.timestamp()), moment.isoformat())

    @classmethod
    def _checked(cls, epoch: int, text: str) -> "ReleaseDate":
        if not 0 <= epoch < _LAST.timestamp():
            raise _not_a_date(text)
        return cls(epoch)

    def __str__(self) -> str:
        """Return the form that every reader since 5.x accepts (format.md#release-date)."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _not_a_date(text: str) -> ModelError:
    return ModelError(
        f"{text!r} is not a release date between 1970 and 2200",
        remedy="write a time such as 2026-05-01T12:00:00+00:00, a date, or seconds since 1970",
    )
