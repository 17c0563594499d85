"""Show that neither threads nor processor decide the bytes: the digest of a payload of 300 MB.

usage: python -m benchmarks.digest LEVEL THREADS...

Run it natively and below an emulator, for example `qemu-x86_64 -cpu Nehalem`, or `qemu-aarch64`
with the Python and the zlib-ng wheel of that architecture; all lines must name one digest.
"""

import platform
import sys

from benchmarks.content import SIZE, content
from vibforge.formats.deflating import CompressionLevel, codec_version, compress

_CYCLES = 48


def digest(level: CompressionLevel, threads: int, cycles: int = _CYCLES) -> str:
    """Return the SHA-256 of the gzip member of `cycles` times the benchmarks' content."""
    base, at, size = content(), 0, SIZE * cycles

    def fill(buffer: memoryview) -> int:
        nonlocal at
        start = at % SIZE
        part = base[start : start + len(buffer)]
        buffer[: len(part)] = part
        at += len(part)
        return len(part)

    return compress(fill, size, lambda _: None, level=level, threads=threads).sha256


def main() -> None:
    """Print a line for each number of threads."""
    level = CompressionLevel[sys.argv[1].upper()]
    for threads in map(int, sys.argv[2:]):
        found = digest(level, threads)
        print(f"{found}  {threads} threads, {platform.machine()}, {codec_version()}", flush=True)


if __name__ == "__main__":
    main()
