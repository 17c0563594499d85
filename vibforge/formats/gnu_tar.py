"""GNU tar, the content of a `tgz` payload (vib-format 4.1: vmtar refuses the POSIX magic)."""

from collections.abc import Iterator, Sequence

from vibforge.formats.tar_header import BLOCK, Entry, header_blocks, header_count

MAGIC = b"ustar  \0"
_RECORD = 20 * BLOCK
"""GNU tar writes whole records of 20 blocks; at least two zero blocks end the archive."""


def image(entries: Sequence[Entry]) -> Iterator[bytes | Entry]:
    """Yield the archive in order: bytes to write as they are, and entries whose content is due."""
    written = 0
    padding = b""
    for entry in entries:
        head = header_blocks(entry, MAGIC)
        yield padding + head
        written += len(head) + entry.size
        padding = b""
        if entry.size:
            yield entry
            padding = bytes(-entry.size % BLOCK)
            written += len(padding)
    yield padding + bytes(_end(written))


def image_size(entries: Sequence[Entry]) -> int:
    """Return the size in bytes of what `image` yields."""
    body = sum(header_count(entry) * BLOCK + entry.size + -entry.size % BLOCK for entry in entries)
    return body + _end(body)


def _end(written: int) -> int:
    return 2 * BLOCK + -(written + 2 * BLOCK) % _RECORD
