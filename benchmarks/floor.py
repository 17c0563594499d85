"""The physical floor: the same hashing and deflating with the same library, and nothing around.

usage: python -m benchmarks.floor build LEVEL IMAGE | verify PAYLOAD
"""

import hashlib
import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from zlib_ng import zlib_ng

_BLOCK = 512 * 1024


def build(level: int, image: str) -> None:
    """Hash an image twice, deflate it in blocks on two threads, hash and write what comes out."""
    plain256, plain1, packed = (
        hashlib.sha256(),
        hashlib.sha1(usedforsecurity=False),
        hashlib.sha256(),
    )

    def deflate(block: bytes, dictionary: bytes) -> bytes:
        options = {"zdict": dictionary} if dictionary else {}
        deflater = zlib_ng.compressobj(level, zlib_ng.DEFLATED, -15, **options)  # type: ignore[arg-type] # by name
        return bytes(deflater.compress(block) + deflater.flush(zlib_ng.Z_SYNC_FLUSH))

    def digest(block: bytes) -> None:
        plain256.update(block)
        plain1.update(block)
        zlib_ng.crc32(block)

    jobs: deque[Future[bytes]] = deque()
    with (
        open(image, "rb", buffering=0) as source,  # noqa: PTH123 - nothing around
        open(os.devnull, "wb", buffering=0) as sink,  # noqa: PTH123 - nothing around
        ThreadPoolExecutor(2) as workers,
        ThreadPoolExecutor(1) as hasher,
    ):
        dictionary = b""
        while block := source.read(_BLOCK):
            jobs.append(workers.submit(deflate, block, dictionary))
            hasher.submit(digest, block)
            dictionary = block[-32768:]
            if len(jobs) > 4:  # noqa: PLR2004 - blocks in flight
                out = jobs.popleft().result()
                packed.update(out)
                sink.write(out)
        for job in jobs:
            packed.update(job.result())


def verify(payload: str) -> None:
    """Inflate a payload once and hash both sides beside it."""
    plain256, plain1, packed = (
        hashlib.sha256(),
        hashlib.sha1(usedforsecurity=False),
        hashlib.sha256(),
    )
    inflater = zlib_ng.decompressobj(31)
    jobs: deque[Future[None]] = deque()

    def digest(data: bytes, block: bytes) -> None:
        packed.update(data)
        plain256.update(block)
        plain1.update(block)

    with (
        open(payload, "rb", buffering=0) as source,  # noqa: PTH123 - nothing around
        ThreadPoolExecutor(1) as hasher,
    ):
        while data := source.read(256 * 1024):
            jobs.append(hasher.submit(digest, data, inflater.decompress(data)))
            if len(jobs) > 4:  # noqa: PLR2004 - blocks in flight
                jobs.popleft().result()


if __name__ == "__main__":
    if sys.argv[1] == "build":
        build(int(sys.argv[2]), sys.argv[3])
    else:
        verify(sys.argv[2])
