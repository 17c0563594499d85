"""What inspecting shows of made VIBs, bundles, payloads and stage folders."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import pytest

from tests import bundles, vibs
from tests.budgets import limit
from tests.report.schemas import Document, facts_of
from tests.vibs import File
from vibforge.errors import FormatError, LimitError
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.budget import Work
from vibforge.formats.streams import read_chunks
from vibforge.formats.tar_reading import TarForm
from vibforge.packages.inspect import (
    BundleInspection,
    Inspection,
    StageInspection,
    VibInspection,
    inspect,
)
from vibforge.packages.subjects import opened
from vibforge.report.documents import inspect as documents
from vibforge.report.inspect import inspection_text, listing
from vibforge.report.paint import Paint
from vibforge.vib import archive as vib_module
from vibforge.vib.payload_scan import ScannedPayload

MANY = [File(path=f"etc/{number}") for number in range(60)]


def look(path: Path) -> Inspection:
    with opened(path) as subjects:
        (found,) = (inspect(subject) for subject in subjects)
    return found


def inspected(folder: Path, data: bytes, name: str = "a.vib") -> Inspection:
    (folder / name).write_bytes(data)
    return look(folder / name)


def inspection_facts(found: Inspection) -> Document:
    return facts_of(documents.inspected("file", found))


def payload(folder: Path, data: bytes) -> ScannedPayload:
    found = inspected(folder, data)
    assert isinstance(found, VibInspection)
    return found.payloads[0]


def text(found: Inspection, width: int = 80) -> str:
    return inspection_text(found, Paint(), width)


def test_a_vib_shows_modes_sticky_bits_sizes_and_links(tmp_path: Path) -> None:
    found = inspected(tmp_path, vibs.MIXED_VIB)
    assert list(listing(found)) == [
        "0755 0 0 0 etc/",
        "0755 0 0 0 etc/x/",
        "1644 0 0 6 etc/x/x.conf",
        "0777 0 0 0 etc/x/link -> x.conf",
        f"0600 0 0 3 {vibs.LONG.path}",
    ]
    shown = text(found)
    assert "  1644  root              6 B  /etc/x/x.conf" in shown
    assert "/etc/x/link -> x.conf" in shown
    assert "Not signed" in shown


@pytest.mark.parametrize(
    ("data", "compression", "form", "odd"),
    [
        (vibs.vib(kind="vgz"), ["gzip"], TarForm.VMTAR, False),
        (vibs.vib(), ["gzip"], TarForm.GNU, False),
        (vibs.vib(kind="vgz", form=vibs.GNU), ["gzip"], TarForm.GNU, True),
        (vibs.vib(kind="vgz", pack=bytes), [], TarForm.VMTAR, True),
        (vibs.vib(kind="vgz", pack=vibs.zstd_compressed), ["zstd"], TarForm.VMTAR, True),
        (vibs.vib(kind="vzstd", pack=vibs.zstd_in_gzip), ["gzip", "zstd"], TarForm.VMTAR, False),
        (vibs.vib(content=b"text"), ["gzip"], None, True),
        (vibs.vib(content=b"text", kind="something"), ["gzip"], None, False),
    ],
)
def test_declared_type_and_real_content(
    tmp_path: Path, data: bytes, compression: list[str], form: TarForm | None, *, odd: bool
) -> None:
    found = payload(tmp_path, data)
    assert list(found.compression) == compression
    assert found.form is form
    assert any("has type" in oddity for oddity in found.oddities) is odd
    layout = vmtar if form is TarForm.VMTAR else vibs.GNU
    size = 4 if form is None else len(vibs.image(form=layout))
    assert found.content_size == size
    assert found.ratio is not None


def test_a_size_that_lies_is_an_oddity(tmp_path: Path) -> None:
    lying = vibs.vib(declared={"size": 999})
    assert "declares 999 bytes" in payload(tmp_path, lying).oddities[0]


def test_long_lists_are_cut_for_people_only(tmp_path: Path) -> None:
    found = inspected(tmp_path, vibs.vib(MANY))
    assert "… and 20 more entries; --files shows all" in text(found)
    assert len(list(listing(found))) == 60
    assert len(inspection_facts(found)["payloads"][0]["entries"]) == 60


def test_unknown_parts_are_kept_and_shown(tmp_path: Path) -> None:
    extra = "<solution>x</solution>"
    found = inspected(tmp_path, vibs.vib(unknown=(extra,)))
    assert "unknown element: <solution>x</solution>" in text(found)
    assert inspection_facts(found)["descriptor"]["unknown"] == [extra]


def test_nothing_that_steers_a_terminal_comes_through(tmp_path: Path) -> None:
    content = vibs.image([File(path="etc/\x1b[31m\n")])
    found = inspected(tmp_path, vibs.vib(content=content, name="a\u202eb"))
    for shown in (text(found), "".join(listing(found))):
        assert not {"\x1b", "\u202e"} & set(shown)
    assert inspection_facts(found)


def test_text_keeps_to_the_window(tmp_path: Path) -> None:
    found = inspected(tmp_path, vibs.signed_vib())
    for width in (60, 80, 200):
        lines = [line for line in text(found, width).splitlines() if "/" not in line]
        assert max(map(len, lines)) <= max(width, 78)


def test_a_damaged_payload_shows_what_was_read(tmp_path: Path) -> None:
    found = payload(tmp_path, vibs.vib(stored=vibs.GNU_IMAGE[:2600]))
    assert found.entries
    assert "cut short" in found.faults[0].what


def test_a_bundle_shows_vendor_platform_component_and_vibs(tmp_path: Path) -> None:
    found = inspected(tmp_path, bundles.bundle(), "b.zip")
    assert isinstance(found, BundleInspection)
    shown = text(found)
    for part in ("ACME (code ACM)", "embeddedEsx 8.0", "component   acme 1.0.0-1", "acme.xml"):
        assert part in shown
    assert len(list(listing(found))) == len(vibs.FILES)
    facts = inspection_facts(found)
    assert facts["kind"] == "bundle"
    assert facts["announced"][0]["size"] == len(vibs.vib())


@pytest.mark.parametrize(
    ("work", "of_one"), [(Work.ENTRIES, 4), (Work.MEMBERS, 4), (Work.PAYLOADS, 1)]
)
def test_all_vibs_of_a_bundle_share_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Work, of_one: int
) -> None:
    data = bundles.zipped([(f"{number}.vib", vibs.vib()) for number in range(2)])
    limit(monkeypatch, work, 2 * of_one)
    assert isinstance(inspected(tmp_path, data, "b.zip"), BundleInspection)
    limit(monkeypatch, work, 2 * of_one - 1)
    with pytest.raises(LimitError, match=f"more than {2 * of_one - 1} {work}"):
        inspected(tmp_path, data, "c.zip")


@pytest.mark.parametrize(
    "data", [vibs.VMTAR_IMAGE, gzip.compress(vibs.VMTAR_IMAGE), vibs.GNU_IMAGE]
)
def test_a_loose_payload_is_looked_into(tmp_path: Path, data: bytes) -> None:
    found = inspected(tmp_path, data, "payload.tgz")
    assert isinstance(found, ScannedPayload)
    assert [entry.entry.path for entry in found.entries] == [entry.path for entry in vibs.MIXED]
    assert "not declared" in text(found)
    assert inspection_facts(found)["kind"] == "payload"


def test_a_stage_folder_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "descriptor.xml").write_bytes(vibs.descriptor('<payload name="p" type="vgz"/>'))
    (tmp_path / "sig.pkcs7").write_bytes(b"\n")
    tree = tmp_path / "payloads/p/etc"
    tree.mkdir(parents=True)
    (tree / "a.conf").write_bytes(b"1\n")
    (tree / "link").symlink_to("a.conf")
    found = look(tmp_path)
    assert isinstance(found, StageInspection)
    assert [line.split()[-1] for line in listing(found)] == ["etc/", "etc/a.conf", "a.conf"]
    assert inspection_facts(found)["trees"][0]["name"] == "p"
    assert "Payload p" in text(found)


def test_other_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"without descriptor\.xml"):
        look(tmp_path)


def test_zips_in_a_zip_are_counted(tmp_path: Path) -> None:
    data = bundles.zipped([(f"{number}.zip", bundles.bundle()) for number in range(17)])
    with pytest.raises(FormatError, match="more than 16 zips"):
        inspected(tmp_path, data, "b.zip")


def short_look(path: Path) -> ScannedPayload:
    with opened(path) as subjects:
        (found,) = (inspect(subject, whole=False) for subject in subjects)
    assert isinstance(found, VibInspection)
    return found.payloads[0]


def large_image(form: ModuleType) -> bytes:
    return vibs.image([File(path=f"opt/{n}", content=bytes(400_000)) for n in range(20)], form)


@pytest.mark.parametrize(
    ("form", "kind", "entries", "complete"),
    [(gnu_tar, "tgz", 3, False), (vmtar, "vgz", 20, True)],
)
def test_a_short_look_lists_the_first_entries_of_a_large_payload(
    tmp_path: Path, form: ModuleType, kind: str, entries: int, *, complete: bool
) -> None:
    content = large_image(form)
    path = tmp_path / "a.vib"
    path.write_bytes(vibs.vib(content=content, kind=kind))
    short, whole = short_look(path), payload(tmp_path, path.read_bytes())
    assert (len(short.entries), short.is_complete) == (entries, complete)
    assert (len(whole.entries), whole.is_complete) == (20, True)
    assert short.content_size == whole.content_size == len(content)
    assert (short.form, short.magics) == (whole.form, whole.magics)


def test_a_short_look_at_a_small_payload_sees_all(tmp_path: Path) -> None:
    for data in (vibs.vib(), vibs.vib(vibs.MIXED), vibs.vib(content=b"text")):
        (tmp_path / "a.vib").write_bytes(data)
        assert short_look(tmp_path / "a.vib") == payload(tmp_path, data)


@pytest.mark.parametrize("content", [large_image(gnu_tar), large_image(vmtar), bytes(20_000_000)])
def test_a_short_look_takes_as_much_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """What is read of 20 MB that do not shrink is what is read of the first 2 MB."""
    read = 0
    whole = read_chunks

    def counted(stream: BinaryIO, size: int) -> Iterator[bytes]:
        nonlocal read
        for chunk in whole(stream, size):
            read += len(chunk)
            yield chunk

    data = vibs.vib(content=content, stored=vibs.packed(content, 0))
    (tmp_path / "a.vib").write_bytes(data)
    monkeypatch.setattr(vib_module, "read_chunks", counted)
    assert short_look(tmp_path / "a.vib").content_size == len(content)
    assert 0 < read <= 2 * 1024 * 1024


def test_people_are_told_that_there_is_more(tmp_path: Path) -> None:
    path = tmp_path / "a.vib"
    path.write_bytes(vibs.vib(content=large_image(gnu_tar)))
    with opened(path) as subjects:
        (found,) = (inspect(subject, whole=False) for subject in subjects)
    assert "… and more entries; --files reads and shows all" in text(found)
    assert inspection_facts(found)["payloads"][0]["complete"] is False
