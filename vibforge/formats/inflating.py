"""Unpack gzip and zstd piece by piece, within the budget of the file."""

import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct
from zlib_ng import zlib_ng

from vibforge.errors import FormatError
from vibforge.formats import streams
from vibforge.formats.budget import Budget, Work
from vibforge.formats.streams import ByteStream

if TYPE_CHECKING:
    from backports.zstd import ZstdDecompressor as _ZstdDecompressor


CUT_SHORT = "gzip is cut short"
DAMAGED = "gzip is damaged: "
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

GZIP_TRAILER = 8
"""Bytes at the end of a gzip member: a checksum and the size."""

WINDOW_LOG_LIMIT = 27
"""Power of two of a zstd window: 128 MiB as of 9.0's `zstd --long`; it is kept in memory."""

_OUTPUT_SIZE = 256 * 1024
_GZIP_OR_ZLIB_HEADER = 31


def gunzip(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """Yield the content of all members of a gzip file.

    Raises:
        FormatError: the file is damaged or cut short, or other bytes follow a member.
        LimitError: the budget is spent.
    """
    rest = next(chunks, b"")
    while True:
        budget.spend(Work.MEMBERS)
        inflater = zlib_ng.decompressobj(_GZIP_OR_ZLIB_HEADER)
        yield from _gunzip_member(inflater, rest, chunks, budget)
        rest = _start_of_next(inflater.unused_data, chunks)
        if not rest:
            return
        if not rest.startswith(GZIP_MAGIC):
            raise FormatError("bytes that are not gzip follow the gzip member")


def unzstd(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """Yield the content of all frames of a zstd file.

    Raises:
        FormatError: the file is damaged or cut short, or needs too large a window.
        LimitError: the budget is spent.
    """
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - few VIBs need it
    else:
        from backports import zstd  # noqa: PLC0415 - the same

    options = {int(zstd.DecompressionParameter.window_log_max): WINDOW_LOG_LIMIT}
    rest = next(chunks, b"")
    while True:
        budget.spend(Work.MEMBERS)
        inflater = zstd.ZstdDecompressor(options=options)
        try:
            yield from _unzstd_frame(inflater, rest, chunks, budget)
        except zstd.ZstdError as error:
            raise FormatError(f"zstd is damaged: {error}") from error
        rest = inflater.unused_data or next(chunks, b"")
        if not rest:
            return


def _gunzip_member(
    inflater: "zlib_ng._Decompress", data: bytes, chunks: Iterator[bytes], budget: Budget
) -> Iterator[bytes]:
    while True:
        try:
            output = inflater.decompress(data, _OUTPUT_SIZE)
        except zlib_ng.error as error:  # type: ignore[misc] # the stub calls the class an instance
            raise FormatError(f"{DAMAGED}{error}") from error
        if output:
            budget.spend(Work.UNPACKED, len(output))
            yield output
        if inflater.eof:
            return
        data = inflater.unconsumed_tail
        if not data and len(output) < _OUTPUT_SIZE:
            data = next(chunks, b"")
            if not data:
                raise FormatError(CUT_SHORT)


def _unzstd_frame(
    inflater: "_ZstdDecompressor", data: bytes, chunks: Iterator[bytes], budget: Budget
) -> Iterator[bytes]:
    while True:
        output = inflater.decompress(data, _OUTPUT_SIZE)
        if output:
            budget.spend(Work.UNPACKED, len(output))
            yield output
        if inflater.eof:
            return
        data = next(chunks, b"") if inflater.needs_input else b""
        if inflater.needs_input and not data:
            raise FormatError("zstd is cut short")


def _start_of_next(rest: bytes, chunks: Iterator[bytes]) -> bytes:
    """Return the bytes behind a member, enough to recognise another member."""
    while len(rest) < len(GZIP_MAGIC) and (more := next(chunks, b"")):
        rest += more
    return rest


def gzip_content_size(end: bytes) -> int | None:
    """Return the content's size (modulo 4 GiB) from the last bytes of a gzip file, or None."""
    if len(end) < GZIP_TRAILER:
        return None
    size: int = struct.unpack("<I", end[-4:])[0]
    return size


THREAD_WORTH = 1024 * 1024
"""Bytes of a payload from which on a thread saves time."""

Relay = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Passes pieces on, unchanged."""


class Codec(StrEnum):
    """A compression; a payload lists them from the outside in."""

    GZIP = "gzip"
    ZSTD = "zstd"


def _ignore(_chunk: bytes) -> None:
    """Ignore the chunk (the default tap)."""


class Taps(Struct, frozen=True, kw_only=True):
    """Callbacks that get the bytes as stored, after exactly one gunzip, and fully unpacked."""

    stored: Callable[[bytes], None] = _ignore
    gunzipped: Callable[[bytes], None] = _ignore
    content: Callable[[bytes], None] = _ignore


class UnpackedPayload(Struct, frozen=True, kw_only=True):
    """A payload's content, which is unpacked while it is read."""

    compression: tuple[Codec, ...]
    content: ByteStream


NO_TAPS = Taps()


@contextmanager
def unpacked_ahead(
    stored: Iterator[bytes], stored_size: int, budget: Budget, taps: Taps = NO_TAPS
) -> Iterator[UnpackedPayload]:
    """Unpack a payload as `unpack` does; a large payload is unpacked in a thread.

    The thread reads, inflates and calls the taps `stored` and `gunzipped`; the reader of the
    content calls the tap `content`. Leaving the context ends the thread.

    Raises:
        FormatError, LimitError: on entering or while reading, as for `unpack`.
    """
    if stored_size < THREAD_WORTH:
        yield unpack(stored, budget, taps)
        return

    with ExitStack() as stack:
        yield unpack(
            stored, budget, taps, lambda pieces: stack.enter_context(streams.ReadAhead(pieces))
        )


def unpack(
    stored: Iterator[bytes], budget: Budget, taps: Taps = NO_TAPS, relay: Relay = iter
) -> UnpackedPayload:
    """Unpack a payload while its content is read.

    Args:
        stored: the stored bytes.
        budget: the budget of the file that contains the payload.
        taps: called with the bytes of each layer.
        relay: passes on the pieces of the content, for example through a thread.

    Raises:
        FormatError: now or while reading: the payload is damaged or cut short, or needs too large a
            zstd window.
        LimitError: while reading: the budget is spent.
    """
    head, chunks = _start(_tapped(stored, taps.stored))
    compression = []
    if head.startswith(GZIP_MAGIC):
        compression.append(Codec.GZIP)
        gunzipped = gunzip(chunks, budget)
        head, chunks = _start(_tapped(gunzipped, taps.gunzipped))
    if head.startswith(ZSTD_MAGIC):
        compression.append(Codec.ZSTD)
        chunks = unzstd(chunks, budget)
    content = ByteStream(_tapped(relay(chunks), taps.content))
    return UnpackedPayload(compression=tuple(compression), content=content)


def _start(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, enough for the magics, and an iterator over all bytes."""
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
