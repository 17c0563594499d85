"""Unpack what a payload holds, as far as its bytes ask for: gzip, zstd in gzip, or nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from vibforge.formats.budget import Budget
from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.inflating import GZIP_MAGIC, ZSTD_MAGIC, gunzip, unzstd

THREAD_WORTH = 1024 * 1024
"""Bytes of a payload below which a thread costs more than it gives."""

Relay = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Passes pieces on, unchanged."""


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


@contextmanager
def unpacked_ahead(
    stored: Iterator[bytes], stored_size: int, budget: Budget, taps: Taps = NO_TAPS
) -> Iterator[Unpacked]:
    """Unpack a payload as `unpack` does, a large one in a thread of its own.

    The thread reads, inflates and calls the taps of what is stored and gunzipped; whoever reads the
    content calls that of the content. The thread has ended when the context is left.

    Raises:
        FormatError, LimitError: on entering or while reading, as for `unpack`.
    """
    if stored_size < THREAD_WORTH:
        yield unpack(stored, budget, taps)
        return
    from vibforge.formats.read_ahead import ReadAhead  # noqa: PLC0415 - not for what is small

    with ExitStack() as stack:
        yield unpack(stored, budget, taps, lambda pieces: stack.enter_context(ReadAhead(pieces)))


def unpack(
    stored: Iterator[bytes], budget: Budget, taps: Taps = NO_TAPS, relay: Relay = iter
) -> Unpacked:
    """Unpack a payload while its content is read.

    Args:
        stored: the stored bytes.
        budget: that of the file which the payload is in.
        taps: who sees the bytes pass.
        relay: what passes on the pieces of the content.

    Raises:
        FormatError: now or while reading: damaged, cut, or with too large a zstd window.
        LimitError: while reading: the budget is spent.
    """
    head, chunks = _start(_tapped(stored, taps.stored))
    compression = []
    if head.startswith(GZIP_MAGIC):
        compression.append(Compression.GZIP)
        gunzipped = gunzip(chunks, budget)
        head, chunks = _start(_tapped(gunzipped, taps.gunzipped))
    if head.startswith(ZSTD_MAGIC):
        compression.append(Compression.ZSTD)
        chunks = unzstd(chunks, budget)
    content = ByteStream(_tapped(relay(chunks), taps.content))
    return Unpacked(compression=tuple(compression), content=content)


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
