"""Deflate a stream into one gzip member, in parallel blocks, and compute the digests of both.

A new compressor deflates each block of 512 KiB, primed with the 32 KiB before it, and ends at a
byte boundary. So the bytes depend only on the content, the level and the version of zlib-ng, not on
the number of threads, the processor or the platform. The header is the vendor's, without name and
time (format.md#gzip).
"""

import hashlib
import os
import struct
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from enum import IntEnum
from typing import TYPE_CHECKING

import zlib_ng as codec_package
from msgspec import Struct, field
from zlib_ng import zlib_ng

from vibforge.errors import FormatError, ModelError

if TYPE_CHECKING:
    from concurrent.futures import Future

BLOCK_SIZE = 512 * 1024
SIZE_LIMIT = 2**32 - 1
"""The length fields of gzip and of the boot loader have 32 bits."""

_WINDOW = 32 * 1024
_THREAD_LIMIT = 8
_RAW_DEFLATE = -15


class CompressionLevel(IntEnum):
    """How hard to compress: BEST is never larger than `gzip -9`, FAST about three times as fast."""

    BEST = 9
    FAST = 6

    @classmethod
    def named(cls, word: str) -> "CompressionLevel":
        """Return the level of `fast` or `best`.

        Raises:
            ModelError: it is neither.
        """
        if word not in {level.name.lower() for level in cls}:
            raise ModelError(f"{word!r} is no compression", remedy="use fast or best")
        return cls[word.upper()]


DEFAULT_LEVEL = CompressionLevel.FAST
"""Smaller than gzip's default output; BEST takes twice the time for about 2% less."""


class GzipMember(Struct, frozen=True, kw_only=True):
    """Sizes in bytes and digests in hex of a gzip member and of its content."""

    size: int
    sha256: str
    content_size: int
    content_sha256: str
    content_sha1: str


class _Content(Struct):
    """The size and digests of the content."""

    size: int = 0
    crc: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    sha1: "hashlib._Hash" = field(default_factory=lambda: hashlib.sha1(usedforsecurity=False))

    def take(self, block: memoryview) -> None:
        self.sha256.update(block)
        self.sha1.update(block)
        self.crc = zlib_ng.crc32(block, self.crc)
        self.size += len(block)


class _Output(Struct):
    """The member that is being written, with its size and digest so far."""

    write: Callable[[bytes], object]
    level: CompressionLevel
    content: _Content = field(default_factory=_Content)
    size: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def put(self, data: bytes) -> None:
        self.write(data)
        self.sha256.update(data)
        self.size += len(data)

    def deflate(self, block: memoryview, dictionary: bytes, *, last: bool) -> bytes:
        method, bits = zlib_ng.DEFLATED, _RAW_DEFLATE
        if dictionary:
            deflater = zlib_ng.compressobj(self.level, method, bits, zdict=dictionary)
        else:
            deflater = zlib_ng.compressobj(self.level, method, bits)
        body: bytes = deflater.compress(block)
        return body + deflater.flush(zlib_ng.Z_FINISH if last else zlib_ng.Z_SYNC_FLUSH)


def compress(
    fill: Callable[[memoryview], int],
    size: int,
    write: Callable[[bytes], object],
    *,
    level: CompressionLevel = DEFAULT_LEVEL,
    threads: int | None = None,
) -> GzipMember:
    """Write one gzip member.

    Args:
        fill: writes the next bytes of the content into a buffer, as many as fit or are left, and
            returns their number.
        size: total bytes of content that `fill` gives.
        write: called with the member piece by piece, in order.
        level: how hard to compress.
        threads: compressing threads; None for one per processor, at most 8.

    Raises:
        FormatError: the content is 4 GiB or larger, or `fill` gives fewer bytes than `size`.
    """
    if size > SIZE_LIMIT:
        raise FormatError(
            f"the content has {size} bytes, which is too large for one gzip member",
            remedy="split the payload: its unpacked image must stay below 4 GiB",
        )
    output = _Output(write, level)
    output.put(
        b"\x1f\x8b\x08\0\0\0\0\0" + (b"\x02" if level is CompressionLevel.BEST else b"\0") + b"\xff"
    )
    if size <= BLOCK_SIZE:
        _compress_inline(fill, size, output)
    else:
        _compress_parallel(fill, size, output, threads or _processors())
    output.put(struct.pack("<II", output.content.crc, output.content.size))
    return GzipMember(
        size=output.size,
        sha256=output.sha256.hexdigest(),
        content_size=output.content.size,
        content_sha256=output.content.sha256.hexdigest(),
        content_sha1=output.content.sha1.hexdigest(),
    )


def codec_release() -> str:
    """Return the release of the Python package that compresses, as pip wants it named."""
    return f"zlib-ng=={codec_package.__version__}"


def codec_version() -> str:
    """Return name and version of the library in it, which determines the compressed bytes."""
    return f"zlib-ng {zlib_ng.ZLIBNG_VERSION}"


def _compress_inline(fill: Callable[[memoryview], int], size: int, output: _Output) -> None:
    block = memoryview(bytearray(size))
    _fill_whole(fill, block)
    output.content.take(block)
    output.put(output.deflate(block, b"", last=True))


def _compress_parallel(
    fill: Callable[[memoryview], int], size: int, output: _Output, threads: int
) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - small builds use no threads

    in_flight: deque[tuple[memoryview, Future[bytes], Future[None]]] = deque()

    def land() -> memoryview:
        buffer, deflated, hashed = in_flight.popleft()
        output.put(deflated.result())
        hashed.result()
        return buffer

    with ExitStack() as stack:
        compressors = stack.enter_context(ThreadPoolExecutor(threads))
        hasher = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(compressors.shutdown, wait=False, cancel_futures=True)
        dictionary = b""
        for start in range(0, size, BLOCK_SIZE):
            full = len(in_flight) > threads + 1
            buffer = land() if full else memoryview(bytearray(BLOCK_SIZE))
            block = buffer[: min(BLOCK_SIZE, size - start)]
            _fill_whole(fill, block)
            last = start + BLOCK_SIZE >= size
            job = compressors.submit(output.deflate, block, dictionary, last=last)
            in_flight.append((buffer, job, hasher.submit(output.content.take, block)))
            dictionary = bytes(block[-_WINDOW:])
        while in_flight:
            land()


def _fill_whole(fill: Callable[[memoryview], int], block: memoryview) -> None:
    filled = 0
    while filled < len(block):
        count = fill(block[filled:])
        if count <= 0:
            raise FormatError("the content ended before its announced size")
        filled += count


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _THREAD_LIMIT)
    return min(os.cpu_count() or 1, _THREAD_LIMIT)
