"""The `ar` container of a VIB: a magic line, then members with 60-byte text headers.

VMware's writers leave mtime, uid, gid and mode at 0 and put no slash after a name; the readers of
ESXi 6.x refuse names of more than 15 characters on writing (vib-format 1, tried on 6.7).
"""

from vibforge.errors import FormatError

MAGIC = b"!<arch>\n"
NAME_LIMIT = 15
SIZE_LIMIT = 10**10 - 1
_END = b"`\n"


def member_header(name: str, size: int) -> bytes:
    """Return the 60 bytes that stand before a member of `size` bytes.

    Raises:
        FormatError: the name or the size does not fit its field.
    """
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= NAME_LIMIT):
        raise FormatError(
            f"{name!r} cannot name an archive member",
            remedy=f"use 1 to {NAME_LIMIT} printable ASCII characters",
        )
    if not 0 <= size <= SIZE_LIMIT:
        raise FormatError(f"member {name}: {size} bytes do not fit the size field of 10 digits")
    fields = f"{name:<16}{0:<12}{0:<6}{0:<6}{0:<8}{size:<10}"
    return fields.encode("ascii") + _END


def member_padding(size: int) -> bytes:
    """Return what follows a member of `size` bytes: members start at even offsets."""
    return b"\n" if size % 2 else b""
