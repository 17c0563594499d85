import io
import zipfile

import pytest

from tests import vibs
from vibforge.errors import FormatError
from vibforge.formats import zip_reading
from vibforge.formats.zip_reading import RATIO_FREE, open_zip


def read(data: bytes) -> dict[str, bytes]:
    with open_zip(io.BytesIO(data), "a.zip", len(data)) as archive:
        return {member.name: archive.read(member, 1000) for member in archive.members}


def test_members_are_read_and_folders_left_out() -> None:
    data = vibs.zipped([("a/", b""), ("a/b", b"1"), ("c", b"2")])
    assert read(data) == {"a/b": b"1", "c": b"2"}
    with open_zip(io.BytesIO(data), "a.zip", len(data)) as archive:
        assert archive.names == ("a/", "a/b", "c")
        assert archive.find("nothing") is None


def test_every_cut_and_every_changed_byte_is_told_or_harmless() -> None:
    data = vibs.zipped([("a", b"text " * 20)])
    for end in range(len(data)):
        with pytest.raises(FormatError):
            read(data[:end])
    told = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            read(bytes(damaged))
        except FormatError:
            told += 1
    assert told > len(data) / 3


def test_bombs_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(RATIO_FREE + 1))
    with pytest.raises(FormatError, match="64 times"):
        read(buffer.getvalue())


def test_overlapping_members_are_refused() -> None:
    data = bytearray(vibs.zipped([("a", bytes(range(256))), ("b", bytes(range(256)))]))
    directory = data.rindex(b"PK\x01\x02")
    first = data.index(b"PK\x01\x02")
    for entry in (first, directory):
        data[entry + 20 : entry + 24] = (400).to_bytes(4, "little")
    with pytest.raises(FormatError, match="overlap"):
        read(bytes(data))


def test_encrypted_and_unusual_members_are_told() -> None:
    for place, value, told in ((8, 1, "encrypted"), (10, 99, "method 99")):
        data = bytearray(vibs.zipped([("a", b"x")]))
        data[data.index(b"PK\x01\x02") + place] = value
        with pytest.raises(FormatError, match=told):
            read(bytes(data))


def test_members_and_their_sizes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reading, "MEMBER_LIMIT", 2)
    assert len(read(vibs.zipped([(name, b"") for name in "ab"]))) == 2
    assert read(vibs.zipped([("a", bytes(1000))])) == {"a": bytes(1000)}
    with pytest.raises(FormatError, match="more than 2 members"):
        read(vibs.zipped([(name, b"") for name in "abc"]))
    with pytest.raises(FormatError, match="1001 bytes, more than 1000"):
        read(vibs.zipped([("a", bytes(1001))]))


def test_all_members_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reading, "TOTAL_SIZE_LIMIT", 3)
    with pytest.raises(FormatError, match="4 bytes, more than 3"):
        read(vibs.zipped([("a", b"12"), ("b", b"34")]))


def test_a_large_directory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reading, "DIRECTORY_LIMIT", 65_600)
    data = vibs.zipped([(f"{number:0200d}", b"") for number in range(400)])
    with pytest.raises(FormatError, match="central directory"):
        read(data)
