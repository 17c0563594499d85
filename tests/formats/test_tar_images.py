import io
import tarfile
from types import ModuleType
from typing import Any

import pytest
from dissect.hypervisor.util.vmtar import VisorTarFile, VisorTarInfo
from hypothesis import given
from hypothesis import strategies as st

from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.gnu_tar import (
    BLOCK,
    PATH_LIMIT,
    ArchiveEntry,
    EntryKind,
    header_blocks,
    signed_checksum,
)

MTIME = 1_700_000_000

names = st.text("abcdefgh.-_ 0", min_size=1, max_size=60).filter(
    lambda name: name not in {".", ".."}
)
paths = st.lists(names, min_size=1, max_size=8).map("/".join).filter(lambda p: len(p) < PATH_LIMIT)


@st.composite
def entries(draw: st.DrawFn) -> list[tuple[ArchiveEntry, bytes]]:
    found = []
    for path in sorted(draw(st.sets(paths, max_size=12))):
        mode = draw(st.integers(0, 0o7777))
        kind = draw(st.sampled_from(["file", "folder", "link"]))
        if kind == "file":
            content = draw(st.binary(max_size=5000))
            entry = ArchiveEntry(path, EntryKind.FILE, mode, size=len(content), mtime=MTIME)
        elif kind == "folder":
            content, entry = b"", ArchiveEntry(path, EntryKind.DIRECTORY, mode, mtime=MTIME)
        else:
            link = draw(paths)
            content, entry = (
                b"",
                ArchiveEntry(path, EntryKind.SYMLINK, 0o777, link=link, mtime=MTIME),
            )
        found.append((entry, content))
    return found


def image_of(layout: ModuleType, tree: list[tuple[ArchiveEntry, bytes]]) -> bytes:
    contents = {entry.path: content for entry, content in tree}
    pieces = layout.image([entry for entry, _ in tree])
    return b"".join(p if isinstance(p, bytes) else contents[p.path] for p in pieces)


class SteadyTarInfo(VisorTarInfo):  # type: ignore[misc] # dissect has no types
    """dissect's headers on each Python.

    From 3.13.13 on (and where that was brought to older releases), tarfile reads a header by
    `_frombuf`, which dissect does not know: lead it to dissect's `frombuf`, which comes back here.
    """

    inside = False

    @classmethod
    def _frombuf(cls, buf: bytes, encoding: str, errors: str, **options: bool) -> tarfile.TarInfo:
        if cls.inside:
            found = super()._frombuf(buf, encoding, errors, **options)
        else:
            cls.inside = True
            try:
                found = cls.frombuf(buf, encoding, errors)
            finally:
                cls.inside = False
        assert isinstance(found, tarfile.TarInfo)
        return found


class SteadyTarFile(VisorTarFile):  # type: ignore[misc] # dissect has no types
    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - TarFile's
        tarfile.TarFile.__init__(self, *given, **named | {"tarinfo": SteadyTarInfo})


def opened(layout: ModuleType, image: bytes) -> tarfile.TarFile:
    """Open an image with Python's reader, or with the independent one."""
    if layout is gnu_tar:
        return tarfile.open(fileobj=io.BytesIO(image))
    archive = SteadyTarFile.taropen("image", "r", io.BytesIO(image))
    assert isinstance(archive, tarfile.TarFile)
    return archive


def assert_reads_back(archive: tarfile.TarFile, tree: list[tuple[ArchiveEntry, bytes]]) -> None:
    members = archive.getmembers()
    assert [member.name.rstrip("/") for member in members] == [entry.path for entry, _ in tree]
    for member, (entry, content) in zip(members, tree, strict=True):
        assert member.mode == entry.mode
        assert member.mtime == entry.mtime
        assert member.linkname == entry.link
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "root", "root")
        if entry.kind is EntryKind.FILE:
            file = archive.extractfile(member)
            assert file is not None
            assert file.read() == content


@given(entries())
def test_python_reads_back_our_gnu_tar(tree: list[tuple[ArchiveEntry, bytes]]) -> None:
    image = image_of(gnu_tar, tree)
    assert len(image) == gnu_tar.image_size([entry for entry, _ in tree])
    assert len(image) % (20 * BLOCK) == 0
    with opened(gnu_tar, image) as archive:
        assert_reads_back(archive, tree)


@given(entries())
def test_an_independent_reader_reads_back_our_vmtar(tree: list[tuple[ArchiveEntry, bytes]]) -> None:
    image = image_of(vmtar, tree)
    assert len(image) == vmtar.image_size([entry for entry, _ in tree])
    assert len(image) % BLOCK == 0
    with opened(vmtar, image) as archive:
        assert_reads_back(archive, tree)


def test_gnu_tar_has_the_magic_that_vmtar_takes() -> None:
    image = image_of(gnu_tar, [(ArchiveEntry("a", EntryKind.FILE, 0o644, size=1), b"x")])
    assert image[257:265] == b"ustar  \0"


def test_vmtar_puts_headers_first_and_data_at_pages() -> None:
    tree = [
        (ArchiveEntry("etc", EntryKind.DIRECTORY, 0o755), b""),
        (ArchiveEntry("etc/empty", EntryKind.FILE, 0o644), b""),
        (ArchiveEntry("etc/one", EntryKind.FILE, 0o644, size=3), b"one"),
        (
            ArchiveEntry(
                "etc/two", EntryKind.SHARED_FILE, 0o755, size=5000, text_offset=64, text_pages=1
            ),
            b"2" * 5000,
        ),
    ]
    image = image_of(vmtar, tree)
    headers = [image[n * BLOCK : (n + 1) * BLOCK] for n in range(5)]
    assert [header[257:265] for header in headers[:4]] == [b"visor  \0"] * 4
    assert headers[4] == bytes(BLOCK)
    offsets = [int.from_bytes(header[496:500], "little") for header in headers[:4]]
    assert offsets == [0, 0, 4096, 8192]
    assert image[4096:4099] == b"one"
    assert image[8192:13192] == b"2" * 5000
    assert len(image) == 13312
    assert chr(headers[3][156]) == "7"
    assert headers[3][500:512] == bytes([64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])


def test_vmtar_checksums_are_sums_of_signed_chars() -> None:
    tree = [(ArchiveEntry(f"f{n}", EntryKind.FILE, 0o644, size=1), b"x") for n in range(40)]
    image = image_of(vmtar, tree)
    header = bytearray(image[39 * BLOCK : 40 * BLOCK])
    written = int(header[148:154], 8)
    header[148:156] = b" " * 8
    assert max(header[496:]) >= 0x80, "the case must have a byte that the two sums see differently"
    assert written == signed_checksum(header) == sum(header) - 256 * sum(b > 127 for b in header)


@pytest.mark.parametrize("length", [99, 100, 101, PATH_LIMIT - 1])
@pytest.mark.parametrize("layout", [gnu_tar, vmtar])
def test_long_names_take_one_block(layout: ModuleType, length: int) -> None:
    entry = ArchiveEntry("d" * length, EntryKind.FILE, 0o644, size=1, mtime=MTIME)
    image = image_of(layout, [(entry, b"x")])
    with opened(layout, image) as archive:
        assert_reads_back(archive, [(entry, b"x")])
    assert image[: len("././@LongLink")].startswith(b"././@LongLink") == (length > 100)


@pytest.mark.parametrize(
    "entry",
    [
        ArchiveEntry("etc/a", EntryKind.FILE, 0o1644, size=6, uid=3, gid=4, mtime=MTIME),
        ArchiveEntry("etc", EntryKind.DIRECTORY, 0o755, mtime=MTIME),
        ArchiveEntry("opt/b", EntryKind.SYMLINK, 0o777, link="../etc/a", mtime=MTIME),
        ArchiveEntry("x" * 99, EntryKind.FILE, 0o644, size=8**11 - 1, mtime=8**11 - 1),
        ArchiveEntry("x" * 100, EntryKind.FILE, 0o644, mtime=MTIME),
    ],
    ids=lambda entry: f"{entry.kind.name} {len(entry.path)}",
)
def test_a_header_is_byte_for_byte_that_of_python(entry: ArchiveEntry) -> None:
    theirs = tarfile.TarInfo(entry.path)
    theirs.type = entry.kind.value.encode()
    theirs.mode, theirs.size, theirs.mtime = entry.mode, entry.size, entry.mtime
    theirs.uid, theirs.gid, theirs.linkname = entry.uid, entry.gid, entry.link
    theirs.uname, theirs.gname = ("" if number else "root" for number in (entry.uid, entry.gid))
    assert header_blocks(entry, gnu_tar.MAGIC) == theirs.tobuf(tarfile.GNU_FORMAT)
