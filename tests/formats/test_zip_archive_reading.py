import io
import zipfile
from contextlib import nullcontext

import pytest

from tests import bundles
from tests.budgets import limit, whole_budget
from vibforge.errors import FormatError, LimitError
from vibforge.formats.budget import Work
from vibforge.formats.zip_archive import open_zip


def read(data: bytes) -> dict[str, bytes]:
    with open_zip(io.BytesIO(data), "a.zip", len(data), whole_budget(len(data))) as archive:
        return {member.name: archive.read(member, 1000) for member in archive.members}


def test_members_are_read_and_folders_left_out() -> None:
    data = bundles.zipped([("a/", b""), ("a/b", b"1"), ("c", b"2")])
    assert read(data) == {"a/b": b"1", "c": b"2"}
    with open_zip(io.BytesIO(data), "a.zip", len(data), whole_budget(len(data))) as archive:
        assert archive.names == ("a/", "a/b", "c")
        assert archive.find("nothing") is None


def test_every_cut_and_every_changed_byte_is_told_or_harmless() -> None:
    data = bundles.zipped([("a", b"text " * 20)])
    for end in range(len(data)):
        with pytest.raises(FormatError):
            read(data[:end])
    told = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            read(bytes(damaged))
        except (FormatError, LimitError):
            told += 1
    assert told > len(data) / 3


def deflated(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def test_a_bomb_is_refused_by_what_it_announces(monkeypatch: pytest.MonkeyPatch) -> None:
    data = deflated(("bomb", bytes(1000)))
    for most, fits in ((1000, True), (999, False)):
        limit(monkeypatch, Work.UNPACKED, most)
        told = nullcontext() if fits else pytest.raises(LimitError, match="999 bytes unpacked")
        with told:
            assert read(data) == {"bomb": bytes(1000)}


def test_reading_again_ends_when_the_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, Work.UNPACKED, 2500)
    data = deflated(("a", bytes(1000)))
    with open_zip(io.BytesIO(data), "a.zip", len(data), whole_budget()) as archive:
        for _ in range(2):
            assert archive.read(archive.members[0], 1000) == bytes(1000)
        with pytest.raises(LimitError, match="2500 bytes unpacked"):
            archive.read(archive.members[0], 1000)


def test_what_is_read_into_memory_is_counted_before(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, Work.KEPT, 3)
    with pytest.raises(LimitError, match="3 bytes read into memory"):
        read(bundles.zipped([("a", b"12"), ("b", b"34")]))
    assert read(bundles.zipped([("a", b"12"), ("b", b"3")])) == {"a": b"12", "b": b"3"}


def test_seeking_counts_what_is_unpacked_on_the_way() -> None:
    data = deflated(("a", bytes(1000)))
    budget = whole_budget()
    with (
        open_zip(io.BytesIO(data), "a.zip", len(data), budget) as archive,
        archive.open(archive.members[0]) as stream,
    ):
        for offset, cost in ((400, 400), (300, 300), (5000, 700), (1000, 0)):
            before = budget.left(Work.UNPACKED)
            stream.seek(offset)
            assert before - budget.left(Work.UNPACKED) == cost
        assert stream.read() == b""


def test_opening_again_counts_again_and_renewed_starts_anew() -> None:
    data = bundles.zipped([("a", b"text")])
    budget = whole_budget()
    with open_zip(io.BytesIO(data), "a.zip", len(data), budget) as archive:
        before = budget.left(Work.UNPACKED)
        for _ in range(3):
            archive.read(archive.members[0], 4)
        assert before - budget.left(Work.UNPACKED) == 12
        again = archive.renewed()
        assert again.read(again.members[0], 4) == b"text"
        assert before - budget.left(Work.UNPACKED) == 12


def test_overlapping_members_are_refused() -> None:
    data = bytearray(bundles.zipped([("a", bytes(range(256))), ("b", bytes(range(256)))]))
    directory = data.rindex(b"PK\x01\x02")
    first = data.index(b"PK\x01\x02")
    for entry in (first, directory):
        data[entry + 20 : entry + 24] = (400).to_bytes(4, "little")
    with pytest.raises(FormatError, match="overlap"):
        read(bytes(data))


def test_encrypted_and_unusual_members_are_told() -> None:
    for place, value, told in ((8, 1, "encrypted"), (10, 99, "method 99")):
        data = bytearray(bundles.zipped([("a", b"x")]))
        data[data.index(b"PK\x01\x02") + place] = value
        with pytest.raises(FormatError, match=told):
            read(bytes(data))


def test_a_member_is_bounded() -> None:
    assert read(bundles.zipped([("a", bytes(1000))])) == {"a": bytes(1000)}
    with pytest.raises(FormatError, match="1001 bytes; the limit is 1000"):
        read(bundles.zipped([("a", bytes(1001))]))


def test_a_large_directory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bundles.zipped([(f"{number:0200d}", b"") for number in range(400)])
    assert len(read(data)) == 400
    directory = data.rindex(b"PK\x05\x06") - data.index(b"PK\x01\x02")
    limit(monkeypatch, Work.DIRECTORY, directory - 1)
    with pytest.raises(LimitError, match="bytes of zip directories"):
        read(data)
