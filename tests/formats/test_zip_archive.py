import io
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.budgets import whole_budget
from vibforge.errors import FormatError, LimitError
from vibforge.formats.zip_archive import ZipArchive, ZipWriter, open_zip, unsafe_name, zip_bytes

MEMBERS = [("index.xml", b"<a/>"), ("vib20/x/x.vib", b"!<arch>\n" * 100)]


@contextmanager
def opened(data: bytes) -> Iterator[ZipArchive]:
    with open_zip(io.BytesIO(data), "x.zip", len(data), whole_budget(len(data))) as archive:
        yield archive


def written(*infos: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for info, data in infos:
            file.writestr(info, data)
    return buffer.getvalue()


def link() -> bytes:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return written((info, b"/etc/passwd"))


def read_all(data: bytes) -> None:
    with opened(data) as archive:
        for member in archive.members:
            archive.read(member, 1000)


def patched(data: bytes, signature: bytes, offset: int, new: bytes) -> bytes:
    """Write over a field of the last structure with that signature."""
    at = data.rindex(signature) + offset
    return data[:at] + new + data[at + len(new) :]


def test_the_bytes_of_a_zip_are_decided_by_what_goes_in() -> None:
    assert zip_bytes(MEMBERS, 0) == zip_bytes(MEMBERS, 0)
    assert zip_bytes(MEMBERS, 0)[:39].hex() == (
        "504b030414000000000000002100d41cd101040000000400000009000000696e6465782e786d6c"
    )


@pytest.mark.parametrize(
    ("epoch", "date"),
    [
        (0, (1980, 1, 1, 0, 0, 0)),
        (1_714_564_801, (2024, 5, 1, 12, 0, 0)),
        (7_258_118_399, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_dates_stay_in_what_a_zip_can_say(epoch: int, date: tuple[int, ...]) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_bytes(MEMBERS, epoch))) as file:
        assert {info.date_time for info in file.infolist()} == {date}


def test_other_tools_read_what_is_written(tmp_path: Path, tool: Callable[[str], str]) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zip_bytes(MEMBERS, 0))
    with zipfile.ZipFile(path) as file:
        assert [(name, file.read(name)) for name in file.namelist()] == MEMBERS
    listed = subprocess.run([tool("bsdtar"), "-tf", path], capture_output=True, check=True)
    assert listed.stdout.decode().split() == [name for name, _ in MEMBERS]
    subprocess.run([tool("unzip"), "-tq", path], capture_output=True, check=True)
    info = subprocess.run([tool("unzip"), "-Z", path], capture_output=True, check=True)
    assert info.stdout.count(b"-rw-r--r--") == len(MEMBERS)


def test_more_or_fewer_bytes_than_announced() -> None:
    for size in (3, 5):
        with ZipWriter(io.BytesIO(), 0) as writer, pytest.raises(FormatError, match="4 bytes"):
            writer.add("a", [b"abcd"], size)


def test_a_name_twice_or_unsafe() -> None:
    with ZipWriter(io.BytesIO(), 0) as writer:
        writer.add("a", [], 0)
        for name in ("a", "../a", "/a", "a//b", ""):
            with pytest.raises(FormatError):
                writer.add(name, [], 0)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../x",
        "a/../../x",
        "C:/x",
        "C:x",
        "a\\b",
        "",
        "a//b",
        "./a",
        "a\nb",
        "a/" * 40,
    ],
)
def test_unsafe_names(name: str) -> None:
    assert unsafe_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty, too long or too deep"),
        ("a" * 512, ""),
        ("a" * 513, "the name is empty, too long or too deep"),
        ("/".join("a" * 32), ""),
        ("/".join("a" * 33), "the name is empty, too long or too deep"),
        ("C:x", "the name is absolute"),
        ("CC:x", ""),
        ("a/..", "the name leads upwards"),
        ("a/..b", ""),
        ("a/./b", "the name is not a plain path"),
    ],
)
def test_why_a_name_is_unsafe(name: str, reason: str) -> None:
    assert unsafe_name(name) == reason


@given(st.text())
def test_a_safe_name_stays_below_its_folder(name: str) -> None:
    if not unsafe_name(name):
        steps = name.split("/")
        assert ".." not in steps
        assert "" not in steps
        assert "\\" not in name


ODD = {
    "twins": (
        written(("a", b"1"), ("b", b"2")).replace(b"b", b"a"),
        "more than one member has this name",
    ),
    "absolute": (written(("/a", b"1")), "absolute"),
    "upwards": (written(("../a", b"1")), "leads upwards"),
    "backslash": (written(("a_b", b"1")).replace(b"a_b", b"a\\b"), "not a plain path"),
    "link": (link(), "symbolic link"),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_odd_members_are_told_and_not_carried_on(case: str) -> None:
    data, reason = ODD[case]
    with opened(data) as archive:
        assert reason in str(archive.oddities[0])
        assert archive.oddities[0].where.startswith("x.zip:")
        with pytest.raises(FormatError, match=reason):
            archive.require_fit()


def test_a_good_zip_has_no_oddities() -> None:
    with opened(written(("folder/", b""), ("folder/a", b"1"))) as archive:
        archive.require_fit()
        assert [member.name for member in archive.members] == ["folder/a"]


CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"
GOOD = written(("a", b"1" * 100), ("b", b"2" * 100))
BROKEN = {
    "overlapping": patched(GOOD, CENTRAL, 42, struct.pack("<I", 0)),
    "behind the end": patched(GOOD, CENTRAL, 20, struct.pack("<I", 10**6)),
    "another disk": patched(GOOD, CENTRAL, 34, struct.pack("<H", 3)),
    "zip64 without its sizes": patched(GOOD, CENTRAL, 24, b"\xff" * 4),
    "a directory of 4 GiB": patched(GOOD, END, 12, b"\xff\xff\xff\xfe"),
    "cut": GOOD[: len(GOOD) // 2],
    "empty": b"",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_zip_that_lies_is_refused(case: str) -> None:
    with pytest.raises((FormatError, LimitError)) as caught:
        read_all(BROKEN[case])
    wheres = [problem.where for problem in caught.value.problems]
    assert all(where.startswith(("x.zip", "a file")) for where in wheres)


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("overlapping", "x.zip: the members overlap"),
        ("behind the end", "x.zip: the members overlap"),
        ("another disk", "x.zip: one part of a zip that was split into several"),
    ],
)
def test_what_a_zip_lies_about_is_said(case: str, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_all(BROKEN[case])
    assert str(caught.value.problems[0]) == problem


def test_another_method_is_named_with_its_member() -> None:
    data = patched(GOOD, CENTRAL, 10, struct.pack("<H", 99))
    with pytest.raises(FormatError, match=r"x\.zip:b: zip method 99 is not supported"):
        read_all(data)


def test_a_damaged_member_is_named() -> None:
    data = bytearray(written(("a", b"1" * 100)))
    data[35] ^= 0xFF
    with opened(bytes(data)) as archive, pytest.raises(FormatError) as caught:
        archive.read(archive.members[0], 1000)
    assert caught.value.problems[0].where == "x.zip:a"


def test_an_encrypted_member_is_named() -> None:
    data = patched(GOOD, CENTRAL, 8, b"\x01\x00")
    with opened(data) as archive, pytest.raises(FormatError, match="b: the member is encrypted"):
        archive.read(archive.members[1], 1000)
