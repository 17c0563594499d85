import gzip
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vibs import zstd_compressed
from vibforge.errors import FormatError
from vibforge.formats import inflating
from vibforge.formats.inflating import (
    MEMBER_LIMIT,
    RATIO_FREE,
    RATIO_LIMIT,
    Budget,
    gunzip,
    gzip_content_size,
    unzstd,
)

Unpack = Callable[[Iterator[bytes], Budget], Iterator[bytes]]
TEXT = b"All that glitters is not gold.\n" * 999
BOTH = pytest.mark.parametrize(
    ("unpack", "pack"), [(gunzip, gzip.compress), (unzstd, zstd_compressed)], ids=["gzip", "zstd"]
)


def unpacked(unpack: Unpack, data: bytes, step: int = 1000) -> bytes:
    chunks = (data[start : start + step] for start in range(0, len(data), step))
    return b"".join(unpack(chunks, Budget(len(data))))


@BOTH
@given(data=st.binary(max_size=3000), step=st.integers(1, 500), members=st.integers(1, 3))
def test_any_content_in_any_pieces_and_members(
    unpack: Unpack, pack: Callable[[bytes], bytes], data: bytes, step: int, members: int
) -> None:
    assert unpacked(unpack, pack(data) * members, step) == data * members


@BOTH
def test_a_cut_is_told(unpack: Unpack, pack: Callable[[bytes], bytes]) -> None:
    for cut in (1, 9, 100):
        with pytest.raises(FormatError, match="cut short"):
            unpacked(unpack, pack(TEXT)[:-cut])


@BOTH
def test_nothing_is_cut_short_too(unpack: Unpack, pack: Callable[[bytes], bytes]) -> None:
    for chunks in ([], [b""]):
        with pytest.raises(FormatError, match="cut short"):
            list(unpack(iter(chunks), Budget(1)))
    assert b"".join(unpack(iter([b"", pack(TEXT)]), Budget(1))) == TEXT


@BOTH
def test_a_piece_may_hold_more_than_is_given_at_a_time(
    unpack: Unpack, pack: Callable[[bytes], bytes]
) -> None:
    data = TEXT * 100
    packed = pack(data)
    assert len(packed) < len(data) // 50
    pieces = list(unpack(iter([packed]), Budget(len(packed))))
    assert b"".join(pieces) == data
    assert len(pieces) > 1


@BOTH
def test_damage_is_told(unpack: Unpack, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError, match="damaged"):
        unpacked(unpack, b"\1" * 10 + pack(TEXT))


def test_what_follows_gzip_is_told() -> None:
    for tail in (b"\0", b"\0\0\0\0", b"rest"):
        with pytest.raises(FormatError, match="something else follows"):
            unpacked(gunzip, gzip.compress(TEXT) + tail)


def test_a_wrong_checksum_is_told() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-8] ^= 1
    with pytest.raises(FormatError, match="data check"):
        unpacked(gunzip, bytes(data))


def test_a_gzip_bomb_ends_early() -> None:
    inner = gzip.compress(bytes(RATIO_FREE), mtime=0)
    bomb = unzstd_bomb = zstd_compressed(bytes(2 * RATIO_FREE))
    assert len(unzstd_bomb) < RATIO_FREE // 1100
    with pytest.raises(FormatError, match="1100 times"):
        unpacked(unzstd, bomb)
    assert len(unpacked(gunzip, inner, 1 << 18)) == RATIO_FREE


def test_a_zstd_window_beyond_the_limit_is_refused() -> None:
    assert unpacked(unzstd, zstd_compressed(TEXT, window_log=27)) == TEXT
    with pytest.raises(FormatError, match="memory"):
        unpacked(unzstd, zstd_compressed(TEXT, window_log=28))


def test_no_more_comes_out_than_the_limits_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "UNPACKED_LIMIT", len(TEXT))
    assert unpacked(gunzip, gzip.compress(TEXT)) == TEXT
    with pytest.raises(FormatError, match=f"more than {len(TEXT)} bytes"):
        unpacked(gunzip, gzip.compress(TEXT + b"."))


def test_the_ratio_may_be_reached_and_not_passed() -> None:
    stored = RATIO_FREE // RATIO_LIMIT + 1
    budget = Budget(stored)
    budget.spend(stored * RATIO_LIMIT)
    with pytest.raises(FormatError, match=f"{stored} bytes unpack to more than {RATIO_LIMIT}"):
        budget.spend(1)


def test_frames_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "MEMBER_LIMIT", 3)
    assert unpacked(unzstd, zstd_compressed(b"a") * 3) == b"aaa"
    assert unpacked(gunzip, gzip.compress(b"a") * 3) == b"aaa"
    with pytest.raises(FormatError, match="more than 3 zstd frames"):
        unpacked(unzstd, zstd_compressed(b"a") * 4)


def test_many_small_members_end_soon() -> None:
    begin = time.monotonic()
    with pytest.raises(FormatError, match=f"more than {MEMBER_LIMIT} gzip members"):
        unpacked(gunzip, gzip.compress(b"", mtime=0) * (MEMBER_LIMIT + 1), 1 << 18)
    assert time.monotonic() - begin < 10


def test_the_trailer_tells_the_size() -> None:
    assert gzip_content_size(gzip.compress(TEXT)[-8:]) == len(TEXT)
    assert gzip_content_size(gzip.compress(TEXT)) == len(TEXT)
    assert gzip_content_size(gzip.compress(TEXT)[-7:]) is None
    assert gzip_content_size(b"short") is None
