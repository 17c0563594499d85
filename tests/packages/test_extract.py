"""Taking files out of payloads: what is kept, what is refused, and that nothing leaks."""

import contextlib
import errno
import gzip
import os
import stat
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import vibs
from tests.budgets import limit
from tests.formats.test_tar_reading import changed
from tests.vibs import File, folder
from vibforge.errors import FormatError, LimitError, OutputError, VibforgeError
from vibforge.files import folder_handle
from vibforge.files.folder_handle import FolderHandle
from vibforge.files.inputs import BytesSource
from vibforge.files.unpack_folder import UnpackFolder
from vibforge.formats import gnu_tar
from vibforge.formats.budget import Work
from vibforge.formats.gnu_tar import BLOCK, ArchiveEntry, EntryKind, header_blocks
from vibforge.packages.extract import Extracted, ExtractOptions, extract, extract_members, leads_out
from vibforge.packages.inspect import print_file
from vibforge.packages.subjects import LoosePayload
from vibforge.vib.archive import Vib

ROOT = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may do this")


def link(path: str, target: str, kind: EntryKind = EntryKind.SYMLINK) -> File:
    return File(path=path, content=None, kind=kind, mode=0o777, link=target)


def file(path: str, size: int = 1, mode: int = 0o644) -> File:
    return File(path=path, content=b"x" * size, mode=mode)


def special(path: str, kind: EntryKind, mode: int = 0o600) -> File:
    return File(path=path, content=None, kind=kind, mode=mode)


def take_out(folder: Path, data: bytes, **wishes: object) -> Extracted:
    return extract([Vib.from_bytes(data)], folder, ExtractOptions(**wishes))  # type: ignore[arg-type] # tests name few of them


def from_entries(target: Path, *entries: File, **wishes: object) -> Extracted:
    return take_out(target, vibs.vib(entries), **wishes)


def named(name: bytes, flag: bytes = b"0", target: bytes = b"") -> bytes:
    """Return a tar with one entry of any name, which no writer here would write."""
    block = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644), gnu_tar.MAGIC)
    fields = name.ljust(100, b"\0") + block[100:156] + flag + target.ljust(100, b"\0")
    return changed(fields + block[257:], 0, name) + bytes(2 * BLOCK)


def tree(folder: Path) -> dict[str, str]:
    """Return what is below a folder: modes, and where links lead."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else f"{stat.S_IMODE(path.lstat().st_mode):04o}"
        for path in sorted(folder.rglob("*"))
    }


def test_modes_sticky_bits_and_links_are_kept(tmp_path: Path) -> None:
    done = take_out(tmp_path / "out", vibs.MIXED_VIB)
    assert tree(tmp_path / "out") == {
        "etc": "0755",
        "etc/x": "0755",
        "etc/x/x.conf": "1644",
        "etc/x/link": "x.conf",
        "opt": "0755",
        vibs.LONG.path: "0600",
    }
    assert (tmp_path / "out/etc/x/x.conf").read_bytes() == b"a = b\n"
    assert sorted(done.paths) == sorted(entry.path for entry in vibs.MIXED)
    assert done.left_out == []


def test_folders_without_rights_are_filled_first(tmp_path: Path) -> None:
    closed = folder("etc", 0o500)
    from_entries(tmp_path / "out", closed, file("etc/a"))
    assert tree(tmp_path / "out") == {"etc": "0500", "etc/a": "0644"}


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (("etc/x/x.conf",), ["etc/x/x.conf"]),
        (("etc",), ["etc", "etc/x", "etc/x/link", "etc/x/x.conf"]),
        (("etc/x/link", "opt"), ["etc/x/link", vibs.LONG.path]),
    ],
)
def test_chosen_paths(tmp_path: Path, paths: tuple[str, ...], found: list[str]) -> None:
    assert sorted(take_out(tmp_path / "out", vibs.MIXED_VIB, paths=paths).paths) == found


@pytest.mark.parametrize("path", ["et", "etc/x/x.con", "x.conf", "etc/gone"])
def test_a_path_that_is_not_there_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(FormatError, match="no such path"):
        take_out(tmp_path / "out", vibs.MIXED_VIB, paths=(path,))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "image",
    [
        named(b"../evil"),
        named(b"etc/../../evil"),
        named(b"a\\..\\evil"),
        named(b"/" + b"a/" * 40 + b"../" * 3 + b"evil"),
        named(b"../evil/", b"5"),
        named(b"../evil", b"2", b"x"),
        named(b"../evil", b"1", b"x"),
    ],
    ids=["up", "up in the middle", "backslash", "deep", "folder", "link", "hard link"],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, image: bytes) -> None:
    with pytest.raises(FormatError):
        take_out(tmp_path / "a/out", vibs.vib(content=image))
    assert list(tmp_path.iterdir()) == []


def test_a_leading_slash_stays_inside(tmp_path: Path) -> None:
    take_out(tmp_path / "out", vibs.vib(content=named(b"/etc/a")))
    assert list(tree(tmp_path / "out")) == ["etc", "etc/a"]


@pytest.mark.parametrize(
    "entries",
    [
        [link("a", "/etc")],
        [link("a", "..")],
        [link("x/a", "../../etc")],
        [link("a", "b"), link("b", "a")],
        [link("a", "b/.."), link("b", "x/../..")],
        [link("d", "."), link("a", "d/d/d/../x")],
        [link("a", "")],
    ],
    ids=["absolute", "up", "further up", "circle", "through a link", "through itself", "empty"],
)
def test_links_that_lead_out_are_refused_all_at_once(tmp_path: Path, entries: list[File]) -> None:
    with pytest.raises(FormatError, match="leads out"):
        from_entries(tmp_path / "out", file("etc/a"), *entries)
    assert list(tmp_path.iterdir()) == []


def test_links_that_lead_out_are_made_when_asked(tmp_path: Path) -> None:
    from_entries(tmp_path / "out", link("a", "/etc"), outside_links=True)
    assert tree(tmp_path / "out") == {"a": "/etc"}


@pytest.mark.parametrize("order", [1, -1])
def test_nothing_is_written_through_a_link(tmp_path: Path, order: int) -> None:
    (tmp_path / "outside").mkdir()
    entries = [link("a", str(tmp_path / "outside")), file("a/evil")][::order]
    with pytest.raises(VibforgeError):
        from_entries(tmp_path / "out", *entries, outside_links=True)
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_through_a_link_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/etc").symlink_to(tmp_path / "outside")
    for force in (False, True):
        with pytest.raises(OutputError, match="a folder is needed here"):
            take_out(tmp_path / "out", vibs.MIXED_VIB, force=force)
    assert list((tmp_path / "outside").iterdir()) == []


def test_hard_links_are_names_of_one_file(tmp_path: Path) -> None:
    hard = EntryKind.HARD_LINK
    from_entries(
        tmp_path / "out", file("d/a", 3), link("b", "d/a", hard), link("e/f/c", "./b", hard)
    )
    assert (tmp_path / "out/b").read_bytes() == b"xxx"
    names = ("d/a", "b", "e/f/c")
    assert len({(tmp_path / "out" / name).stat().st_ino for name in names}) == 1


def test_a_system_without_calls_by_handle_extracts_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = (file("d/a", 3), link("d/b", "d/a", EntryKind.HARD_LINK), link("c", "d/a"))
    from_entries(tmp_path / "usual", *entries)
    monkeypatch.setattr(folder_handle, "_BY_HANDLE", False)
    for force in (False, True):
        from_entries(tmp_path / "out", *entries, force=force)
        assert tree(tmp_path / "out") == tree(tmp_path / "usual")
        assert (tmp_path / "out/d/a").samefile(tmp_path / "out/d/b")
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap/d").symlink_to(tmp_path / "usual")
    with pytest.raises(OutputError, match="a folder is needed here"):
        from_entries(tmp_path / "trap", file("d/evil"), force=True)
    assert not (tmp_path / "usual/evil").exists()


def test_200_hard_links_take_the_space_of_one_file(tmp_path: Path) -> None:
    links = [link(f"{n % 20}/b{n}", "a", EntryKind.HARD_LINK) for n in range(200)]
    from_entries(tmp_path / "out", file("a", 1 << 20), *links)
    used = {path.stat().st_ino: path.stat().st_blocks for path in (tmp_path / "out").rglob("*/*")}
    assert len(used) == 1


def test_force_links_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").write_bytes(b"old")
    entries = (file("a", 3), link("b", "a", EntryKind.HARD_LINK))
    from_entries(tmp_path, *entries, force=True)
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"xxx", b"xxx"]
    assert (tmp_path / "a").stat().st_ino == (tmp_path / "b").stat().st_ino
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_file_system_without_hard_links_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(FolderHandle, "link", refuse)
    with pytest.raises(OutputError, match="a file system that has hard links"):
        from_entries(tmp_path / "out", file("a"), link("b", "a", EntryKind.HARD_LINK))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "nothing", "etc"])
def test_hard_links_to_anything_else_are_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(FormatError, match="which is no file here"):
        from_entries(tmp_path / "out", folder("etc"), link("b", target, EntryKind.HARD_LINK))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", [EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE, EntryKind.FIFO]
)
def test_devices_and_pipes_are_left_out(tmp_path: Path, kind: EntryKind) -> None:
    done = from_entries(tmp_path / "out", file("a"), special("dev", kind, 0o666))
    assert list(tree(tmp_path / "out")) == ["a"]
    assert [problem.where for problem in done.left_out] == ["dev"]


def test_a_pipe_is_made_when_asked(tmp_path: Path) -> None:
    from_entries(tmp_path / "out", special("p", EntryKind.FIFO), devices=True)
    assert stat.S_ISFIFO((tmp_path / "out/p").lstat().st_mode)


def test_set_id_bits_and_owners_only_when_asked(tmp_path: Path) -> None:
    from_entries(tmp_path / "out", file("a", mode=0o6755))
    assert tree(tmp_path / "out") == {"a": "0755"}


@ROOT
def test_owners_keep_set_id_bits(tmp_path: Path) -> None:
    entries = [
        replace(entry, uid=12, gid=34)
        for entry in (
            folder("d", 0o2755),
            file("d/a", mode=0o6755),
            link("d/link", "a"),
            special("d/pipe", EntryKind.FIFO),
        )
    ]
    from_entries(tmp_path / "out", *entries, owners=True, devices=True)
    for entry in entries:
        found = (tmp_path / "out" / entry.path).lstat()
        assert (found.st_uid, found.st_gid) == (12, 34)
        assert stat.S_IMODE(found.st_mode) == entry.mode


@ROOT
def test_owners_when_asked(tmp_path: Path) -> None:
    entry = replace(file("a"), uid=1234, gid=4321)
    from_entries(tmp_path / "plain", entry)
    from_entries(tmp_path / "asked", entry, owners=True)
    assert (tmp_path / "plain/a").stat().st_uid == os.geteuid()
    found = (tmp_path / "asked/a").stat()
    assert (found.st_uid, found.st_gid) == (1234, 4321)


def long_number(value: int) -> bytes:
    """Return a number as GNU tar writes those that are too long for octal digits."""
    return b"\x80" + value.to_bytes(7, "big")


@ROOT
@pytest.mark.parametrize("number", [2**32 - 1, 2**32, 2**55])
@pytest.mark.parametrize("position", [108, 116])
def test_an_owner_that_no_system_has_is_refused(tmp_path: Path, number: int, position: int) -> None:
    image = changed(vibs.image([file("a", 0)]), position, long_number(number))
    with pytest.raises(FormatError, match="no system has an owner"):
        take_out(tmp_path / "out", vibs.vib(content=image), owners=True)
    assert not (tmp_path / "out").exists()
    take_out(tmp_path / "out", vibs.vib(content=image))
    assert tree(tmp_path / "out") == {"a": "0644"}


@ROOT
@pytest.mark.parametrize(("position", "number"), [(329, 2**12), (337, 2**20), (329, 2**55)])
def test_a_device_that_no_system_has_is_refused(tmp_path: Path, number: int, position: int) -> None:
    device = special("d", EntryKind.CHARACTER_DEVICE)
    image = changed(vibs.image([device]), position, long_number(number))
    with pytest.raises(FormatError, match="no system has a device"):
        take_out(tmp_path / "out", vibs.vib(content=image), devices=True)
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    (tmp_path / "etc/x").mkdir(parents=True)
    (tmp_path / "etc/x/x.conf").write_bytes(b"mine")
    with pytest.raises(OutputError, match="the path exists"):
        take_out(tmp_path, vibs.MIXED_VIB)
    assert tree(tmp_path) == {"etc": "0755", "etc/x": "0755", "etc/x/x.conf": "0644"}
    assert (tmp_path / "etc/x/x.conf").read_bytes() == b"mine"
    take_out(tmp_path, vibs.MIXED_VIB, force=True)
    assert (tmp_path / "etc/x/x.conf").read_bytes() == b"a = b\n"


def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "etc/x/x.conf").mkdir(parents=True)
    with pytest.raises(OutputError, match="the path exists"):
        take_out(tmp_path, vibs.MIXED_VIB, force=True)


def test_force_replaces_a_link_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "mine")
    from_entries(tmp_path / "out", file("a"), force=True)
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert not (tmp_path / "out/a").is_symlink()


def test_one_path_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="twice"):
        from_entries(tmp_path / "out", file("a"), file("a"), force=True)
    assert list(tmp_path.iterdir()) == []


def test_half_of_the_work_is_removed(tmp_path: Path) -> None:
    for image in (vibs.GNU_IMAGE, vibs.VMTAR_IMAGE):
        packed = gzip.compress(image)
        for end in range(len(packed) - 1, 10, -3):
            with pytest.raises(VibforgeError):
                take_out(tmp_path / "deep/out", vibs.vib(stored=packed[:end]))
            assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_of_the_payload_undoes_all(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(vibs.VMTAR_IMAGE))
    packed[-6] ^= 1
    with pytest.raises(FormatError, match="data check"):
        take_out(tmp_path / "out", vibs.vib(stored=bytes(packed)))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with pytest.raises(VibforgeError):
        take_out(tmp_path, vibs.vib(stored=gzip.compress(vibs.VMTAR_IMAGE)[:-9]))
    assert tree(tmp_path) == {"etc": "0755"}


def test_deep_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="nested more than 100"):
        from_entries(tmp_path / "out", file("a/" * 101 + "b"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_tar_is_left_out(tmp_path: Path) -> None:
    done = take_out(tmp_path / "out", vibs.vib(content=b"microcode", kind="boot"))
    assert [str(left).splitlines()[0] for left in done.left_out] == [
        "acme: the payload is not a tar, so it holds no files"
    ]


def test_members_come_out_as_they_are_stored(tmp_path: Path) -> None:
    vib = Vib.from_bytes(vibs.signed_vib())
    extract_members([vib], tmp_path / "out")
    assert (tmp_path / "out/descriptor.xml").read_bytes() == vib.descriptor_bytes
    assert (tmp_path / "out/sig.pkcs7").read_bytes() == vib.signature
    assert gzip.decompress((tmp_path / "out/acme").read_bytes()) == vibs.image()
    with pytest.raises(OutputError, match="the path exists"):
        extract_members([vib], tmp_path / "out")


@pytest.mark.parametrize("name", ["..", "../evil", "a/b", "/etc", ".hidden", "a b", "a\x1b"])
def test_members_with_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    members = [("descriptor.xml", vibs.descriptor()), ("sig.pkcs7", b""), (name, b"x")]
    with pytest.raises(FormatError):
        extract_members([Vib.from_bytes(vibs.archive(members))], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_loose_payload_is_taken_out(tmp_path: Path) -> None:
    payload = LoosePayload(source=BytesSource.from_bytes(gzip.compress(vibs.VMTAR_IMAGE), "a.vgz"))
    extract([payload], tmp_path / "out", ExtractOptions())
    assert (tmp_path / "out/etc/x/x.conf").exists()
    with pytest.raises(FormatError, match="no members"):
        extract_members([payload], tmp_path / "raw")


def test_one_file_is_printed_without_the_rest() -> None:
    pieces: list[bytes] = []
    cut = vibs.vib(stored=vibs.VMTAR_IMAGE[:-2])
    print_file([Vib.from_bytes(cut)], "/etc/x/x.conf", lambda piece: pieces.append(bytes(piece)))
    assert b"".join(pieces) == b"a = b\n"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("etc/x/link", "a link to x.conf"),
        ("etc/x", "not a file"),
        ("etc/gone", "no payload contains this file"),
    ],
)
def test_what_cannot_be_printed_is_told(path: str, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        print_file([Vib.from_bytes(vibs.MIXED_VIB)], path, lambda _piece: None)


steps = st.sampled_from(["a", "b", "c", ".", "..", "a/b", "../..", "/", "c/.."])


def test_a_link_below_another_link_is_not_trusted() -> None:
    assert leads_out("a/c", {"a/c": "../..", "a": "b"})


@pytest.mark.parametrize("name", [b"a//b", b"a/./b", b"b/.", b"a/.//./b"])
def test_a_link_with_an_odd_path_does_not_lead_out(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(FormatError, match="leads out of the folder, to /etc"):
        take_out(tmp_path / "out", vibs.vib(content=named(name, b"2", b"/etc")))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("order", [1, -1])
def test_links_of_two_payloads_do_not_lead_out_together(tmp_path: Path, order: int) -> None:
    links = [[link("p/up", "..")], [link("z", "p/up/../..")]]
    images = [vibs.image(entries) for entries in links[::order]]
    payloads = [vibs.payload(data, name=f"part{number}") for number, data in enumerate(images)]
    text = vibs.descriptor(vibs.element(*payloads), file_list=("p/up", "z"))
    members = [
        ("descriptor.xml", text),
        ("sig.pkcs7", b""),
        *((f"part{number}", vibs.packed(data)) for number, data in enumerate(images)),
    ]
    with pytest.raises(FormatError, match="z: the link leads out"):
        take_out(tmp_path / "out", vibs.archive(members))
    assert not (tmp_path / "out").exists()


def test_a_link_that_goes_back_and_forth_leads_out() -> None:
    there = "a/../"
    assert not leads_out("l", {"l": there * 90 + "b"})
    assert leads_out("l", {"l": there * 100 + "b"})
    assert leads_out("/".join("a" * 101), {})


def test_folders_that_only_paths_name_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [file(f"{number}/a/b/c/f") for number in range(5)]
    limit(monkeypatch, Work.ENTRIES, 25)
    assert len(from_entries(tmp_path / "out", *entries).paths) == 5
    limit(monkeypatch, Work.ENTRIES, 24)
    with pytest.raises(LimitError, match="more than 24 files, folders and links"):
        from_entries(tmp_path / "again", *entries)
    assert not (tmp_path / "again").exists()
    declared = [folder("a"), file("a/f")]
    limit(monkeypatch, Work.ENTRIES, 2)
    assert len(from_entries(tmp_path / "declared", *declared).paths) == 2


def test_jumping_between_deep_folders_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [file(f"{'ab'[number % 2]}/{'d/' * 31}{number}") for number in range(20)]
    limit(monkeypatch, Work.ENTRIES, 20 + 64 + 18 * 2)  # entries, folders, 18 times 32 opened again
    assert len(from_entries(tmp_path / "out", *entries).paths) == 20
    limit(monkeypatch, Work.ENTRIES, 20 + 64 + 18 * 2 - 1)
    with pytest.raises(LimitError):
        from_entries(tmp_path / "again", *entries)


@given(
    targets=st.dictionaries(
        st.sampled_from(["a", "b", "a/c", "c/a", "c/b/a"]),
        st.lists(steps, max_size=4).map("/".join),
        min_size=1,
        max_size=5,
    )
)
def test_a_link_that_stays_inside_stays_inside_for_the_kernel(
    tmp_path_factory: pytest.TempPathFactory, targets: dict[str, str]
) -> None:
    inside = {path: target for path, target in targets.items() if not leads_out(path, targets)}
    root = tmp_path_factory.mktemp("links")
    with UnpackFolder(root) as folder:
        for path, target in inside.items():
            with contextlib.suppress(OutputError):
                folder.make_link(path, target)
        folder.keep()
    for path in inside:
        if (root / path).is_symlink() and (root / path).exists():
            assert (root / path).resolve().is_relative_to(root.resolve())


def test_a_tar_of_gnu_tar_comes_out_alike(tmp_path: Path) -> None:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"./opt/{'ä' * 70}/{number}")
            info.size = number
            archive.addfile(info, BytesIO(b"x" * number))
    take_out(tmp_path / "out", vibs.vib(content=buffer.getvalue()))
    found = {path.name: path.read_bytes() for path in (tmp_path / "out/opt" / ("ä" * 70)).iterdir()}
    assert found == {"0": b"", "1": b"x", "2": b"xx"}
