import io
import struct
import tarfile
import time
from itertools import starmap

import pytest
from hypothesis import given

from tests import vibs
from tests.budgets import limit, whole_budget
from tests.formats.test_tar_images import entries, image_of
from vibforge.errors import FormatError, LimitError
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.budget import Work
from vibforge.formats.gnu_tar import BLOCK, ArchiveEntry, EntryKind, header_blocks, signed_checksum
from vibforge.formats.streams import ByteStream
from vibforge.formats.tar_reading import TarEntry, TarForm, TarReader, pax_records, starts_tar

CHECKSUM = slice(148, 156)
LONG_PATH = f"opt/{'x' * 60}/{'y' * 80}"


def reader(data: bytes, step: int = 700) -> TarReader:
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    return TarReader(ByteStream(pieces), whole_budget(len(data)))


def listed(data: bytes) -> list[TarEntry]:
    return list(reader(data).entries())


def contents(data: bytes) -> dict[str, bytes]:
    return {
        found.entry.path: b"".join(bytes(piece) for piece in pieces)
        for found, pieces in reader(data).contents()
    }


def whole(data: bytes) -> TarReader:
    found = reader(data)
    for _ in found.entries():
        pass
    found.finish()
    return found


def changed(block: bytes, start: int, new: bytes) -> bytes:
    """Change a header and make its checksum hold again."""
    data = bytearray(block)
    data[start : start + len(new)] = new
    data[CHECKSUM] = b" " * 8
    data[CHECKSUM] = b"%06o\0 " % signed_checksum(data)
    return bytes(data)


@pytest.mark.parametrize("layout", [vmtar, gnu_tar], ids=["vmtar", "gnu"])
@given(tree=entries())
def test_what_is_written_is_read(layout: object, tree: list[tuple[ArchiveEntry, bytes]]) -> None:
    assert layout in {vmtar, gnu_tar}
    data = image_of(vmtar if layout is vmtar else gnu_tar, tree)
    assert [found.entry for found in listed(data)] == [entry for entry, _ in tree]
    assert contents(data) == {entry.path: content for entry, content in tree}


def python_tar(form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in (("./etc/a.conf", b"one\n"), (LONG_PATH, b"two")):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.uid, info.mtime = len(content), 0o1644, 1000, 1_700_000_000
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("opt/link")
        link.type, link.linkname = tarfile.SYMTYPE, "y" * 150
        if form != tarfile.USTAR_FORMAT:
            archive.addfile(link)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (tarfile.GNU_FORMAT, TarForm.GNU),
        (tarfile.PAX_FORMAT, TarForm.PAX),
        (tarfile.USTAR_FORMAT, TarForm.USTAR),
    ],
)
def test_tars_of_other_writers(form: int, expected: TarForm) -> None:
    data = python_tar(form)
    found = whole(data)
    assert found.form is expected
    assert found.oddities == []
    paths = {entry.entry.path: entry for entry in listed(data)}
    assert list(paths)[:2] == ["etc/a.conf", LONG_PATH]
    assert paths["etc/a.conf"].entry.mode == 0o1644
    assert paths["etc/a.conf"].entry.uid == 1000
    assert paths["etc/a.conf"].name == "./etc/a.conf"
    assert contents(data)[LONG_PATH] == b"two"
    if "opt/link" in paths:
        assert paths["opt/link"].entry.link == "y" * 150


def test_a_v7_tar_has_no_magic() -> None:
    data = bytearray(vibs.image([vibs.CONF], gnu_tar))
    data[:BLOCK] = changed(bytes(data[:BLOCK]), 257, bytes(8))
    assert whole(bytes(data)).form is TarForm.V7
    assert contents(bytes(data)) == {vibs.CONF.path: b"a = b\n"}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_a_device_has_its_numbers(form: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            info = tarfile.TarInfo("dev/x")
            info.type, info.devmajor, info.devminor = kind, 10, 200
            archive.addfile(info)
    found = listed(buffer.getvalue())
    assert [one.entry.kind for one in found] == [EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE]
    assert {one.device for one in found} == {(10, 200)}


def test_a_file_whose_name_ends_in_a_slash_is_a_folder() -> None:
    block = changed(
        header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o755), gnu_tar.MAGIC), 0, b"etc/"
    )
    for flag in (b"0", b"\0"):
        (found,) = listed(changed(block, 156, flag) + bytes(1024))
        assert (found.entry.path, found.entry.kind) == ("etc", EntryKind.DIRECTORY)


@pytest.mark.parametrize("layout", [vmtar, gnu_tar], ids=["vmtar", "gnu"])
def test_the_start_of_a_tar_is_told_from_other_bytes(layout: object) -> None:
    image = vibs.VMTAR_IMAGE if layout is vmtar else vibs.GNU_IMAGE
    assert starts_tar(image)
    assert starts_tar(image[:BLOCK])
    assert not starts_tar(image[: BLOCK - 1])
    damaged = b"\xff" * 8 + image[8:BLOCK]
    assert starts_tar(damaged), "the magic is enough"
    assert starts_tar(changed(image[:BLOCK], 257, bytes(8))), "the checksum is enough"
    assert not starts_tar(damaged[:257] + bytes(8) + damaged[265:])
    assert not starts_tar(bytes(BLOCK))


def test_an_unsigned_checksum_holds_too() -> None:
    entry = ArchiveEntry("etc/ä", EntryKind.FILE, 0o644)
    block = bytearray(header_blocks(ArchiveEntry("etc/a", EntryKind.FILE, 0o644), gnu_tar.MAGIC))
    block[4:6] = "ä".encode()
    for total in (sum, signed_checksum):
        block[CHECKSUM] = b" " * 8
        block[CHECKSUM] = b"%06o\0 " % total(block)
        assert [found.entry.path for found in listed(bytes(block) + bytes(1024))] == [entry.path]
    block[CHECKSUM] = b"%06o\0 " % 1
    with pytest.raises(FormatError, match="checksum"):
        listed(bytes(block))


def vmtar_with(places: dict[str, tuple[int, bytes]], end: int) -> bytes:
    """Return a vmtar whose data stand where `places` says."""
    headers = b"".join(
        header_blocks(
            ArchiveEntry(path, EntryKind.FILE, 0o644, size=len(data)),
            vmtar.VMTAR_MAGIC,
            struct.pack("<4I", offset, 0, 0, 0),
        )
        for path, (offset, data) in places.items()
    )
    image = bytearray(headers.ljust(end, b"\0"))
    for offset, data in places.values():
        image[offset : offset + len(data)] = data
    return bytes(image[:end])


@pytest.mark.parametrize("offset", [1536, 4096, 4097, 6001], ids=str)
def test_any_alignment_and_order_of_data(offset: int) -> None:
    places = {"b": (offset + 10, b"second"), "a": (offset, b"first")}
    data = vmtar_with(places, offset + 16)
    assert [found.entry.path for found in listed(data)] == ["b", "a"]
    assert contents(data) == {"a": b"first", "b": b"second"}
    whole(data)


@pytest.mark.parametrize(
    ("places", "end", "message"),
    [
        ({"a": (4096, b"12345"), "b": (4100, b"x")}, 5000, "the data of b overlap those of a"),
        ({"a": (4096, b"12345"), "b": (4096, b"12345")}, 5000, "the data of b overlap"),
        ({"a": (600, b"\0")}, 5000, "the data of a overlap the headers"),
        ({"a": (4096, b"12345")}, 4100, "cut short: a ends behind the image"),
        ({"a": (2**32 - 1, b"")}, 4096, ""),
    ],
)
def test_data_that_cannot_be_there(
    places: dict[str, tuple[int, bytes]], end: int, message: str
) -> None:
    data = vmtar_with(places, end)
    if not message:
        whole(data)
        return
    with pytest.raises(FormatError, match=message):
        whole(data)


@pytest.mark.parametrize("layout", [vmtar, gnu_tar], ids=["vmtar", "gnu"])
def test_every_cut_is_told_or_harmless(layout: object) -> None:
    data = vibs.VMTAR_IMAGE if layout is vmtar else vibs.GNU_IMAGE
    complete = contents(data)
    for end in range(0, len(data), 97):
        try:
            found = contents(data[:end])
        except FormatError:
            continue
        assert found == {} or found.items() <= complete.items() or "" in found


@pytest.mark.parametrize(
    ("start", "new", "message"),
    [
        (124, b"99999999999\0", "size"),
        (124, b"\x80" + b"\xff" * 11, "cut short"),
        (100, b"rwxr-x--", "mode"),
        (156, b"S", "sparse"),
    ],
    ids=["no octal", "2^88 bytes", "letters", "sparse"],
)
def test_fields_that_lie(start: int, new: bytes, message: str) -> None:
    data = vibs.image([vibs.CONF], gnu_tar)
    with pytest.raises(FormatError, match=message):
        whole(changed(data[:BLOCK], start, new) + data[BLOCK:])


def test_oddities_are_told() -> None:
    names = {"/etc/a": "starts with a slash", "a/../b": "leads upwards", "a\x1bb": "control"}
    for name, oddity in names.items():
        block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
        found = listed(changed(block, 0, name.encode()) + bytes(1024))
        assert oddity in found[0].oddities[0]
    block = changed(
        header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC), 156, b"Z"
    )
    assert listed(block + bytes(1024))[0].oddities == ("type flag 'Z' is not known",)


def test_what_follows_the_end_is_told() -> None:
    assert whole(vibs.GNU_IMAGE + b"more").oddities != []
    without_end = vibs.image([vibs.CONF], gnu_tar)[: 2 * BLOCK]
    assert whole(without_end).oddities == ["no zero block ends the headers"]


@pytest.mark.parametrize(
    ("records", "read"),
    [
        ({"path": "opt/long"}, {"path": "opt/long"}),
        ({"linkpath": "to"}, {"link": "to"}),
        ({"size": "6"}, {"size": 6}),
        ({"uid": "4000000"}, {"uid": 4_000_000}),
        ({"gid": "4000001"}, {"gid": 4_000_001}),
        ({"mtime": "1700000000.75"}, {"mtime": 1_700_000_000}),
        ({"mtime": "-1"}, {}),
        ({"uid": "1" * 20}, {}),
        ({"uid": "1" * 19}, {"uid": int("1" * 19)}),
        ({"gid": "²"}, {}),
        ({"comment": "x"}, {}),
    ],
)
def test_a_pax_header_counts_more_than_the_fields(
    records: dict[str, str], read: dict[str, object]
) -> None:
    block = header_blocks(
        ArchiveEntry("x", EntryKind.FILE, 0o644, size=6, uid=1, gid=2, mtime=3), gnu_tar.MAGIC
    )
    if "size" in records:
        block = changed(block, 124, b"%011o" % 999)
    body = b"12345\n".ljust(BLOCK, b"\0")
    (found,) = listed(pax_header("x", records) + block + body + bytes(1024))
    expected = {"path": "x", "link": "", "size": 6, "uid": 1, "gid": 2, "mtime": 3} | read
    assert {name: getattr(found.entry, name) for name in expected} == expected


def pax_header(flag: str, records: dict[str, str]) -> bytes:
    """A header of flag x, for the next entry, or g, for all that follow."""
    data = b""
    for key, value in records.items():
        rest = f" {key}={value}\n".encode()
        size = len(rest) + 1
        while len(str(size)) + len(rest) != size:
            size += 1
        data += str(size).encode() + rest
    head = header_blocks(ArchiveEntry("pax", EntryKind.FILE, 0o644, size=len(data)), gnu_tar.MAGIC)
    return changed(head, 156, flag.encode()) + data + bytes(-len(data) % BLOCK)


def test_a_global_pax_header_holds_for_all_and_another_for_the_next() -> None:
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    data = pax_header("g", {"uid": "7"}) + block + pax_header("x", {"uid": "8"}) + block + block
    assert [found.entry.uid for found in listed(data + bytes(1024))] == [7, 8, 7]


def test_a_number_may_fill_its_field() -> None:
    numbers = b"10001234" + b"12345670" + b"76543210" + b"000000000006" + b"123456701234"
    block = changed(
        header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC), 100, numbers
    )
    (found,) = listed(block + b"12345\n".ljust(BLOCK, b"\0") + bytes(1024))
    entry = found.entry
    assert (entry.mode, entry.uid, entry.gid) == (0o1234, 0o12345670, 0o76543210)
    assert (entry.size, entry.mtime) == (6, 0o123456701234)
    assert found.device == (0, 0)
    device = changed(changed(block, 156, b"3"), 329, b"1000001220000310")
    assert listed(device + bytes(1024))[0].device == (0o10000012, 0o20000310)
    with pytest.raises(FormatError, match="device number b'1000001x'"):
        listed(changed(device, 336, b"x") + bytes(1024))


def test_a_number_beyond_octal_is_binary() -> None:
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    wide = changed(block, 108, b"\x80" + (2**31 + 5).to_bytes(7, "big"))
    wide = changed(wide, 136, b"\x80" + (2**35 + 7).to_bytes(11, "big"))
    (found,) = listed(wide + bytes(1024))
    assert (found.entry.uid, found.entry.mtime) == (2**31 + 5, 2**35 + 7)


def test_a_long_name_that_is_cut_is_told() -> None:
    block = changed(
        header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644, size=600), gnu_tar.MAGIC), 156, b"L"
    )
    with pytest.raises(FormatError, match="cut short in a long name"):
        listed(block + b"x" * 512)


def test_entries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(listed(vibs.VMTAR_IMAGE))
    limit(monkeypatch, Work.ENTRIES, count)
    assert len(listed(vibs.VMTAR_IMAGE)) == count
    limit(monkeypatch, Work.ENTRIES, 4)
    with pytest.raises(LimitError, match="more than 4 files"):
        listed(vibs.VMTAR_IMAGE)


def test_names_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    linked = ArchiveEntry("four", EntryKind.SYMLINK, 0o777, link="three")
    data = header_blocks(linked, gnu_tar.MAGIC) + bytes(1024)
    limit(monkeypatch, Work.NAMES, 9)
    assert listed(data)[0].entry == linked
    limit(monkeypatch, Work.NAMES, 8)
    with pytest.raises(LimitError, match="more than 8 characters of names"):
        listed(data)
    limit(monkeypatch, Work.NAMES, 100)
    with pytest.raises(LimitError, match="more than 100 characters of names"):
        listed(vibs.VMTAR_IMAGE)


def test_long_names_are_bounded() -> None:
    block = changed(
        header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644, size=5000), gnu_tar.MAGIC), 156, b"L"
    )
    with pytest.raises(FormatError, match="5000 bytes; the limit is 4096"):
        listed(block + b"x" * 6000)


def test_pax_headers_take_linear_time() -> None:
    begin = time.monotonic()
    assert pax_records(b"5 a=\n" * 13_000) == {}
    assert time.monotonic() - begin < 1
    assert pax_records(b"8 a b=c\n" + "11 path=é\n".encode() + b"12 size=1=2\n") == {
        "path": "é",
        "size": "1=2",
    }
    for damaged in (b"5 a=", b"x a=\n", b"99 a=\n", b"5 abc"):
        with pytest.raises(FormatError, match="pax"):
            pax_records(damaged)


def test_many_magics_take_linear_time() -> None:
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    numbers = [b"%06d\0\0" % number for number in range(3000)]
    data = b"".join(starmap(changed, ((block, 257, magic) for magic in numbers)))
    begin = time.monotonic()
    assert len(whole(data).magics) == 16
    assert time.monotonic() - begin < 2


def test_the_checksum_is_the_sum_of_the_bytes_with_a_sign() -> None:
    for block in (bytes(512), b"\x7f" * 512, b"\x80" * 512, b"\xff" * 512, bytes(range(256)) * 2):
        assert signed_checksum(block) == sum(byte - 256 * (byte > 127) for byte in block)


def test_the_prefix_of_a_long_path_is_found_where_the_form_keeps_it() -> None:
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    ustar = changed(changed(block, 257, b"ustar\x0000"), 345, b"opt/a")
    assert [found.name for found in listed(ustar + bytes(1024))] == ["opt/a/x"]
    # GNU keeps times there.
    assert [found.name for found in listed(changed(block, 345, b"opt/a") + bytes(1024))] == ["x"]


def test_a_vmtar_alone_tells_where_its_text_is() -> None:
    tail = struct.pack("<4I", 4096, 7, 3, 0)
    for magic, told in ((vmtar.VMTAR_MAGIC, (7, 3)), (gnu_tar.MAGIC, (0, 0))):
        block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), magic, tail)
        entry = listed(block + bytes(8192))[0].entry
        assert (entry.text_offset, entry.text_pages) == told


def test_a_header_that_is_cut_is_told_with_its_place() -> None:
    data = vibs.GNU_IMAGE
    with pytest.raises(FormatError, match="cut short in the header at offset 0"):
        listed(data[:300])


@pytest.mark.parametrize(("byte", "odd"), [(0x1F, True), (0x20, False), (0x80, True), (0xFF, True)])
def test_a_name_with_a_byte_that_is_no_text_is_odd(byte: int, odd: bool) -> None:  # noqa: FBT001 - the expectation
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    (found,) = listed(changed(block, 0, b"a" + bytes([byte]) + b"b") + bytes(1024))
    assert bool(found.oddities) is odd
