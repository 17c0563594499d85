"""What a name may be: of VIBs, vendors and payloads (vib-format 2.3 and 2.7)."""

import re
from urllib.parse import unquote

from vibforge.errors import ModelError
from vibforge.formats.xml_text import is_xml_text

NAME_LIMIT = 35
"""VMware's descriptor template, for names and vendors; 48 is where the bootbank database ends."""
PAYLOAD_NAME_LIMIT = 15
"""Hard, in the reader; the bootbank file name is built from the first 8."""
TAG_OR_KEY_LIMIT = 255
DESCRIPTOR_NAME = "descriptor.xml"
SIGNATURE_NAME = "sig.pkcs7"
"""The first two members of a VIB's archive (vib-format 1)."""
ELEMENT_MISSING = "Element "
"""How hosts begin to say that an index lacks an element (tried on 6.7)."""
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
_DER_SEQUENCE = b"\x30"
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
        return base64.b64decode(packed[:_LEAST_KEY], validate=True).startswith(_DER_SEQUENCE)
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
