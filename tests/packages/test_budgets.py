"""What is in a file counts against the file's one budget, by whatever way it is read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import bundles, vibs
from tests.budgets import limit
from tests.trees import make_tree
from vibforge import PayloadType
from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.errors import LimitError, PayloadError
from vibforge.files.inputs import BytesSource
from vibforge.formats import gnu_tar
from vibforge.formats.budget import LIMITS, Budget, Work
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind, header_blocks
from vibforge.packages.extract import ExtractOptions, extract
from vibforge.packages.inspect import inspect
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.plan import read_candidate
from vibforge.packages.subjects import Subject, opened
from vibforge.packages.verify import judge_bundle, verify
from vibforge.project.build import amounts, build
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan


def in_bundle(vib: bytes, count: int = 1) -> bytes:
    """Return the zip of a bundle with more VIBs, deflated."""
    return bundles.bundle(outer={f"vib20/more/{number}.vib": vib for number in range(count)})


def linted(subject: Subject) -> None:
    looked: VibScan | BundleScan
    if isinstance(subject, OpenBundle):
        looked = bundle_scan(subject.bundle, subject.sources, inside=False)
    else:
        assert isinstance(subject, Vib)
        looked = VibScan(subject, "x")
    lint([looked], CheckSelection())


def extracted(path: Path) -> None:
    with opened(path) as subjects:
        extract(subjects, path.parent / "out", ExtractOptions())


def each(look: Callable[[Subject], object]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with opened(path) as subjects:
            for subject in subjects:
                look(subject)

    return run


COMMANDS: dict[str, Callable[[Path], object]] = {
    "inspect": each(inspect),
    "lint": each(linted),
    "verify": verify,
    "extract": extracted,
    "plan": read_candidate,
    "bundle verify": judge_bundle,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_descriptors_of_all_vibs_count_together(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elements = b"<a/>" * 400
    vib = vibs.archive([("descriptor.xml", b"<vib>" + elements + b"</vib>"), ("sig.pkcs7", b"")])
    path = tmp_path / "b.zip"
    path.write_bytes(in_bundle(vib, 5))
    limit(monkeypatch, Work.MARKUP, 1500)
    with pytest.raises(LimitError, match="more than 1500 tags and attributes"):
        COMMANDS[command](path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["inspect", "lint", "verify", "bundle verify"])
def test_payloads_of_all_vibs_count_together(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(in_bundle(vibs.vib(content=vibs.image() + bytes(90_000)), 3))
    limit(monkeypatch, Work.UNPACKED, 200_000)
    with pytest.raises(LimitError, match="more than 200000 bytes unpacked"):
        COMMANDS[command](path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["inspect", "lint", "verify", "extract"])
@pytest.mark.parametrize("size", [1000, 2_000_000])
def test_a_bomb_in_a_vib_ends_the_command(
    command: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = header_blocks(ArchiveEntry("x", EntryKind.FILE, 0o644, size=size), gnu_tar.MAGIC)
    path = tmp_path / "a.vib"
    path.write_bytes(vibs.vib(content=header + bytes(size)))
    limit(monkeypatch, Work.UNPACKED, 500)
    with pytest.raises(LimitError, match="more than 500 bytes unpacked"):
        COMMANDS[command](path)
    assert not (tmp_path / "out").exists()


def test_one_vib_that_is_announced_often_is_read_within_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = bundles.announced(vibs.descriptor(), bundles.PATH, vibs.vib())
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.bundle(inner={f"vibs/{number}.xml": text for number in range(50)}))
    limit(monkeypatch, Work.UNPACKED, 30 * len(vibs.vib()) + path.stat().st_size)
    with pytest.raises(LimitError):
        judge_bundle(path)


def test_xml_that_is_kept_as_text_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, Work.NAMES, 25)
    text = b"<vib xmlns:n='urn:n'><a>1</a></vib>"
    data = vibs.archive([("descriptor.xml", text), ("sig.pkcs7", b"")])
    assert Vib.from_bytes(data).descriptor.unknown == ('<a xmlns:n="urn:n">1</a>',)
    data = vibs.archive([("descriptor.xml", text.replace(b"1", b"123")), ("sig.pkcs7", b"")])
    with pytest.raises(LimitError, match="25 characters of names"):
        Vib.from_bytes(data)


def test_a_program_may_verify_one_vib_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    vib = Vib.from_bytes(vibs.vib())
    budget = vib.source.budget
    verify(vib)
    assert budget.left(Work.ENTRIES) == LIMITS[Work.ENTRIES].of(len(vibs.vib()))
    list(vib.contents(vib.payloads[0]))
    assert budget.left(Work.ENTRIES) < vib.afresh().source.budget.left(Work.ENTRIES)
    monkeypatch.setattr(Budget, "__init__", None)
    assert isinstance(vib.source, BytesSource)


@pytest.mark.parametrize(
    ("work", "most", "says"),
    [
        (Work.UNPACKED, 9_999, "10240 bytes unpacked"),
        (Work.ENTRIES, 1, "2 files, folders and links"),
        (Work.NAMES, 8, "9 characters of names"),
    ],
)
def test_a_build_refuses_what_verify_would_refuse(
    work: Work, most: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "tree", {"opt/x": "a"})
    limit(monkeypatch, work, most)
    with pytest.raises(PayloadError, match=rf"{says}, and the limit for a file of .* is {most}\n"):
        build(tree, tmp_path / "out")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", PayloadType)
def test_what_a_build_counts_is_what_verify_spends(kind: PayloadType, tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "opt/x": "a" * 9_000,
        f"opt/{'y' * 95}/z": "-> ../x",
        f"opt/{'x' * 101}": "a",
        "opt/long": f"-> {'x' * 101}",
    }
    tree = make_tree(tmp_path / "tree", files)
    built = build(tree, tmp_path / "out", settings={"payloads[0].type": kind.value})
    vib = Vib.from_path(built.vib_path)
    before = {work: vib.source.budget.left(work) for work in Work}
    list(vib.contents(vib.payloads[0]))
    spent = {work: before[work] - vib.source.budget.left(work) for work in Work}
    for work, amount in amounts(built.plan.trees).items():
        assert spent[work] == amount, work
