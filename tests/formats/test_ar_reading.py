import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import vibs
from tests.budgets import limit, whole_budget
from vibforge.errors import FormatError, LimitError
from vibforge.formats.ar import NAME_TABLE_LIMIT, Archive, read_archive
from vibforge.formats.budget import Work


def read(data: bytes) -> Archive:
    return read_archive(io.BytesIO(data), len(data), whole_budget(len(data)))


def header(**fields: str) -> bytes:
    given = {"name": "a", "mtime": "0", "uid": "0", "gid": "0", "mode": "0", "size": "1"} | fields
    widths = {"name": 16, "mtime": 12, "uid": 6, "gid": 6, "mode": 8, "size": 10}
    return "".join(f"{given[name]:<{width}}" for name, width in widths.items()).encode() + b"`\n"


def one(padding: bytes = b"\n", **fields: str) -> bytes:
    return b"!<arch>\n" + header(**fields) + b"x" + padding


def faults(data: bytes) -> list[str]:
    return [str(fault) for fault in read(data).faults]


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "0o0"},
        {"mode": "100644", "mtime": "1714564800", "uid": "201", "gid": "1000"},
        {"mode": "", "mtime": "", "uid": "", "gid": ""},
        {"name": "a/"},
    ],
    ids=["Python's octal", "a real file", "blank", "a slash"],
)
def test_what_hosts_take_is_no_fault(fields: dict[str, str]) -> None:
    archive = read(b"!<arch>\n" + header(**fields) + b"x\n")
    assert archive.faults == ()
    assert [member.name for member in archive.members] == ["a"]
    assert archive.members[0].mode_text == fields.get("mode", "0")
    assert archive.members[0].has_slash is (fields.get("name") == "a/")


def test_a_missing_pad_after_the_last_member_is_no_fault() -> None:
    assert faults(one(padding=b"")) == []


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (one(mode="9"), "member a: mode '9' is not octal"),
        (one(mtime="1.5"), "member a: mtime '1.5' is not a number"),
        (one(uid="0\t"), "member a: uid '0\\t' is not a number"),
        (one(gid="0\x1f"), "member a: gid '0\\x1f' is not a number"),
        (one(mode="0\n"), "member a: mode '0\\n' is not octal"),
        (one(size="1\x0b"), "no member header at offset 8"),
        (one(padding=b"\0"), "member a: the pad byte is b'\\x00', not a newline"),
        (one(size="5"), "member a: the file ends 3 bytes before its end"),
        (one() + b"tail", "no member header at offset 70"),
        (one(size="-1"), "no member header at offset 8"),
        (one(size="1e3"), "no member header at offset 8"),
        (one(name="/7"), "/7 refers to no name in the table of long names"),
    ],
)
def test_what_hosts_refuse_is_a_fault(data: bytes, fault: str) -> None:
    assert faults(data) == [fault]


@pytest.mark.parametrize("blank", ["\t", "\n", "\x0b", "\x1c", "\x1f", "\0"])
def test_only_blanks_pad_a_name(blank: str) -> None:
    """Another character is part of the name, so that it names no payload that is declared."""
    assert [member.name for member in read(one(name=f"a{blank}")).members] == [f"a{blank}"]


def test_the_tail_is_told_apart() -> None:
    archive = read(one() + b"tail")
    assert (archive.tail_offset, archive.tail_size) == (70, 4)


def test_gnu_long_names_and_symbols_are_resolved() -> None:
    names = b"a-name-of-more-than-fifteen/\nanother-very-long-name/\n"
    data = vibs.archive([("/", b"symbols!"), ("//", names), ("/0", b"1"), ("/29", b"2")])
    archive = read(data)
    assert [(member.name, member.is_table) for member in archive.members] == [
        ("/", True),
        ("//", True),
        ("a-name-of-more-than-fifteen", False),
        ("another-very-long-name", False),
    ]


def test_gnu_ar_and_this_reader_agree(tool: Callable[[str], str], tmp_path: Path) -> None:
    names = ["descriptor.xml", "sig.pkcs7", "a-name-of-more-than-fifteen"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    subprocess.run([tool("ar"), "rc", "x.ar", *names], cwd=tmp_path, check=True)
    data = (tmp_path / "x.ar").read_bytes()
    archive = read(data)
    assert [member.name for member in archive.members if not member.is_table] == names
    found = [
        data[member.data_offset :][: member.size].decode()
        for member in archive.members
        if not member.is_table
    ]
    assert found == names


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(FormatError, match="does not start with"):
        read(b"PK\x03\x04")


def test_members_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, Work.MEMBERS, 3)
    assert len(read(b"!<arch>\n" + header(size="0") * 3).members) == 3
    with pytest.raises(LimitError, match="more than 3 members of archives"):
        read(b"!<arch>\n" + header(size="0") * 4)


def test_the_table_of_long_names_is_bounded() -> None:
    table = header(name="//", size=str(NAME_TABLE_LIMIT + 1)) + bytes(NAME_TABLE_LIMIT + 2)
    largest = header(name="//", size=str(NAME_TABLE_LIMIT)) + b"a/\n".ljust(NAME_TABLE_LIMIT)
    assert read(b"!<arch>\n" + largest).faults == ()
    with pytest.raises(FormatError, match=f"names has {NAME_TABLE_LIMIT + 1} bytes"):
        read(b"!<arch>\n" + table)
