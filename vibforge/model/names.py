"""What a name may be: of VIBs, vendors and payloads (vib-format 2.3 and 2.7)."""

import re

from vibforge.errors import ModelError
from vibforge.formats.xml_text import is_xml_text

NAME_LIMIT = 35
"""VMware's descriptor template, for names and vendors; 48 is where the bootbank database ends."""
PAYLOAD_NAME_LIMIT = 15
"""Hard, in the reader; the bootbank file name is built from the first 8."""
TAG_OR_KEY_LIMIT = 255
_ALPHABET = re.compile(r"[0-9A-Za-z_.-]+")
_VFAT_NAME = re.compile(r"[0-9A-Za-z_~-]{1,8}(\.[0-9A-Za-z_~-]{1,3})?")


def check_name(text: str) -> None:
    """Hold a VIB's or a vendor's name against VMware's template.

    Raises:
        ModelError: it is empty, too long, or has other characters.
    """
    _check(text, "name", NAME_LIMIT)


def check_payload_name(text: str) -> None:
    """Hold a payload's name against what every reader enforces.

    Raises:
        ModelError: it is empty, too long, or has other characters.
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
    """Refuse a private key in place of its name, and do not repeat it: messages are no secrets.

    Raises:
        ModelError: it is empty, or holds what no name has.
    """
    if not text.strip() or not text.isprintable() or "PRIVATE KEY" in text:
        raise ModelError(
            "that does not name a key",
            remedy="name a file, env:NAME for a key in the environment, or a pkcs11: URI",
        )


def _check(text: str, kind: str, limit: int) -> None:
    if not _ALPHABET.fullmatch(text):
        raise ModelError(
            f"{text!r} is not a {kind}", remedy="use letters, digits, dot, dash and underscore"
        )
    if len(text) > limit:
        raise ModelError(
            f"{kind} {text!r} has {len(text)} characters", remedy=f"use at most {limit}"
        )
