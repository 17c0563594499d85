import gzip
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.budgets import limit, whole_budget
from tests.vibs import zstd_compressed
from vibforge.errors import FormatError, LimitError
from vibforge.formats.budget import Budget, Work
from vibforge.formats.inflating import gunzip, gzip_content_size, unzstd

Unpack = Callable[[Iterator[bytes], Budget], Iterator[bytes]]
TEXT = b"All that glitters is not gold.\n" * 999
BOTH = pytest.mark.parametrize(
    ("unpack", "pack"), [(gunzip, gzip.compress), (unzstd, zstd_compressed)], ids=["gzip", "zstd"]
)


def unpacked(unpack: Unpack, data: bytes, step: int = 1000) -> bytes:
    chunks = (data[start : start + step] for start in range(0, len(data), step))
    return b"".join(unpack(chunks, whole_budget(len(data))))


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
            list(unpack(iter(chunks), whole_budget(1)))
    assert b"".join(unpack(iter([b"", pack(TEXT)]), whole_budget(1))) == TEXT


@BOTH
def test_a_piece_may_hold_more_than_is_given_at_a_time(
    unpack: Unpack, pack: Callable[[bytes], bytes]
) -> None:
    data = TEXT * 100
    packed = pack(data)
    assert len(packed) < len(data) // 50
    pieces = list(unpack(iter([packed]), whole_budget(len(packed))))
    assert b"".join(pieces) == data
    assert len(pieces) > 1


@BOTH
def test_damage_is_told(unpack: Unpack, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError, match="damaged"):
        unpacked(unpack, b"\1" * 10 + pack(TEXT))


def test_what_follows_gzip_is_told() -> None:
    for tail in (b"\0", b"\0\0\0\0", b"rest"):
        with pytest.raises(FormatError, match="bytes that are not gzip follow"):
            unpacked(gunzip, gzip.compress(TEXT) + tail)


def test_a_wrong_checksum_is_told() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-8] ^= 1
    with pytest.raises(FormatError, match="data check"):
        unpacked(gunzip, bytes(data))


def test_a_zstd_window_beyond_the_limit_is_refused() -> None:
    assert unpacked(unzstd, zstd_compressed(TEXT, window_log=27)) == TEXT
    with pytest.raises(FormatError, match="memory"):
        unpacked(unzstd, zstd_compressed(TEXT, window_log=28))


@BOTH
def test_no_more_comes_out_than_the_budget_allows(
    unpack: Unpack, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, Work.UNPACKED, len(TEXT))
    assert unpacked(unpack, pack(TEXT)) == TEXT
    with pytest.raises(LimitError, match=f"more than {len(TEXT)} bytes unpacked"):
        unpacked(unpack, pack(TEXT + b"."))


@BOTH
def test_members_and_frames_are_counted(
    unpack: Unpack, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, Work.MEMBERS, 3)
    assert unpacked(unpack, pack(b"a") * 3) == b"aaa"
    with pytest.raises(LimitError, match="more than 3 members"):
        unpacked(unpack, pack(b"a") * 4)


def test_the_trailer_tells_the_size() -> None:
    assert gzip_content_size(gzip.compress(TEXT)[-8:]) == len(TEXT)
    assert gzip_content_size(gzip.compress(TEXT)) == len(TEXT)
    assert gzip_content_size(gzip.compress(TEXT)[-7:]) is None
    assert gzip_content_size(b"short") is None
