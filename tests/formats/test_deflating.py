import gzip
import hashlib
import io
import os
import random
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibforge.errors import FormatError
from vibforge.formats import deflating
from vibforge.formats.deflating import (
    BLOCK_SIZE,
    CompressionLevel,
    GzipMember,
    codec_version,
    compress,
)


def mixed(size: int) -> bytes:
    """Bytes that deflate to about a third: words, runs and noise."""
    chance = random.Random(7)
    words = [chance.randbytes(chance.randint(3, 12)) for _ in range(400)]
    out = bytearray()
    while len(out) < size:
        out += b"".join(chance.choices(words, k=200)) + bytes(chance.randint(0, 300))
        out += chance.randbytes(chance.randint(0, 200))
    return bytes(out[:size])


def packed(data: bytes, **options: int | None) -> tuple[bytes, GzipMember]:
    source, out = io.BytesIO(data), io.BytesIO()
    level = CompressionLevel(options.pop("level", CompressionLevel.BEST) or CompressionLevel.BEST)
    threads = options.pop("threads", None)
    member = compress(source.readinto, len(data), out.write, level=level, threads=threads)
    return out.getvalue(), member


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE])
def test_one_member_with_both_sides_digests(size: int) -> None:
    data = mixed(size)
    out, member = packed(data)
    inflater = zlib.decompressobj(31)
    assert inflater.decompress(out) == data
    assert inflater.eof
    assert inflater.unused_data == b""
    assert member == GzipMember(
        size=len(out),
        sha256=hashlib.sha256(out).hexdigest(),
        content_size=size,
        content_sha256=hashlib.sha256(data).hexdigest(),
        content_sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    )


def test_header_is_the_vendors() -> None:
    assert packed(b"x")[0][:10] == bytes.fromhex("1f8b08 00 00000000 02 ff")


@pytest.mark.parametrize("level", list(CompressionLevel))
def test_the_number_of_threads_does_not_change_the_bytes(level: CompressionLevel) -> None:
    data = mixed(9 * BLOCK_SIZE + 12345)
    digests = {packed(data, level=level, threads=count)[1].sha256 for count in (1, 2, 3, 8)}
    assert len(digests) == 1


def test_the_bytes_of_this_codec_version() -> None:
    if codec_version() != "zlib-ng 2.3.3":
        pytest.skip(f"the digests are those of zlib-ng 2.3.3, not of {codec_version()}")
    data = b"".join(b"line %d of a file\n" % n for n in range(120_000))
    assert packed(data)[1].sha256 == GOLDEN_BEST
    assert packed(data, level=CompressionLevel.FAST)[1].sha256 == GOLDEN_FAST


def test_never_larger_than_gzip_9(tmp_path: Path, tool: Callable[[str], str]) -> None:
    data = mixed(4 * BLOCK_SIZE)
    plain = tmp_path / "plain"
    plain.write_bytes(data)
    peer = subprocess.run([tool("gzip"), "-9nc", plain], capture_output=True, check=True).stdout
    assert len(packed(data)[0]) <= len(peer) * 1.005


def test_gunzip_takes_it(tmp_path: Path, tool: Callable[[str], str]) -> None:
    data = mixed(2 * BLOCK_SIZE + 1)
    (tmp_path / "a.gz").write_bytes(packed(data)[0])
    subprocess.run([tool("gunzip"), "-t", tmp_path / "a.gz"], check=True)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == data


@given(st.binary(max_size=4000))
@settings(max_examples=50)
def test_small_contents_round_trip(data: bytes) -> None:
    assert gzip.decompress(packed(data)[0]) == data


def test_four_gibibytes_are_refused() -> None:
    with pytest.raises(FormatError, match="too large for one gzip member"):
        compress(lambda _: 0, 2**32, lambda _: None)


@pytest.mark.parametrize("missing", [1, BLOCK_SIZE])
def test_a_content_that_ends_early_is_an_error(missing: int) -> None:
    source = io.BytesIO(bytes(3 * BLOCK_SIZE - missing))
    with pytest.raises(FormatError, match="before its announced size"):
        compress(source.readinto, 3 * BLOCK_SIZE, lambda _: None)


def test_an_error_of_the_sink_ends_the_pipeline() -> None:
    source = io.BytesIO(mixed(20 * BLOCK_SIZE))

    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        compress(source.readinto, 20 * BLOCK_SIZE, full, threads=4)


@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (3, 3), (64, 8), (None, 1)])
def test_threads_are_as_many_as_processors_up_to_eight(
    processors: int | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = set()
    parallel = deflating._compress_parallel  # noqa: SLF001 - the number of threads shows nowhere

    def spied(*arguments: Any) -> None:  # noqa: ANN401 - passed on
        chosen.add(arguments[3])
        parallel(*arguments)

    monkeypatch.setattr(deflating, "_compress_parallel", spied)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    data = mixed(2 * BLOCK_SIZE)
    assert gzip.decompress(packed(data)[0]) == data
    assert chosen == {threads}


GOLDEN_BEST = "5c7ed36517775294d4f1cb0361025c15c885f39fd83fa4732aef4d469dc55c14"
GOLDEN_FAST = "996dacdd0c2fb17c5eafa26579edf6d0ef5bd3f76a02e6fd5f0cad93ededd902"
