"""Unpack what a payload holds, as far as its bytes ask for: gzip, zstd in gzip, or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.inflating import GZIP_MAGIC, ZSTD_MAGIC, Budget, gunzip, unzstd


class Compression(StrEnum):
    """What was taken off, from the outside in."""

    GZIP = "gzip"
    ZSTD = "zstd"


def _ignore(_chunk: bytes) -> None:
    """Take no notice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taps:
    """Who sees the bytes pass: as stored, after exactly one gunzip, fully unpacked."""

    stored: Callable[[bytes], None] = _ignore
    gunzipped: Callable[[bytes], None] = _ignore
    content: Callable[[bytes], None] = _ignore


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A payload's content, which is unpacked while it is read."""

    compression: tuple[Compression, ...]
    content: ByteStream


NO_TAPS = Taps()


def unpack(stored: Iterator[bytes], stored_size: int, taps: Taps = NO_TAPS) -> Unpacked:
    """Unpack a payload while its content is read.

    Args:
        stored: the stored bytes.
        stored_size: how many they are, which bounds how many may come out.
        taps: who sees the bytes pass.

    Raises:
        FormatError: now or while reading: damaged, cut, or beyond the limits of `inflating`.
    """
    head, chunks = _start(_tapped(stored, taps.stored))
    compression = []
    if head.startswith(GZIP_MAGIC):
        compression.append(Compression.GZIP)
        gunzipped = gunzip(chunks, Budget(stored_size))
        head, chunks = _start(_tapped(gunzipped, taps.gunzipped))
    if head.startswith(ZSTD_MAGIC):
        compression.append(Compression.ZSTD)
        chunks = unzstd(chunks, Budget(stored_size))
    return Unpacked(
        compression=tuple(compression), content=ByteStream(_tapped(chunks, taps.content))
    )


def _start(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, enough to tell what they are, and all of them again."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(ZSTD_MAGIC):
            break
    return head, chain([head] if head else [], chunks)


def _tapped(chunks: Iterator[bytes], tap: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        tap(chunk)
        yield chunk
