import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import vibs
from tests.bundles import members
from tests.vibs import swap
from vibforge.bundle.create import create_bundle
from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.readers import Verdict
from vibforge.bundle.recipe import BundleRecipe, ComponentRecipe
from vibforge.bundle.words import BulletinSeverity, Urgency
from vibforge.errors import DepotError, FormatError, VibforgeError
from vibforge.host.candidate import BundleReader
from vibforge.packages.subjects import opened
from vibforge.packages.verify import judge_bundle

CODE = BundleRecipe(vendor_code="ABC", platforms=("8.0",), kb_url="https://x.y", contact="me")


def bundle_of(path: Path) -> OpenBundle:
    with opened(path) as (subject,):
        assert isinstance(subject, OpenBundle)
        return subject


def test_a_bundle_of_one_vib(tmp_path: Path) -> None:
    done = create_bundle([vibs.write(tmp_path)], tmp_path / "x.zip", CODE)
    found = bundle_of(done.path).bundle
    assert [note for note in done.notes if "VF309" not in note] == []
    assert found.members == (
        *("index.xml", "vendor-index.xml", "metadata.zip"),
        "vib20/acme/ACME_bootbank_acme_1.0.0-1.vib",
    )
    assert found.faults == ()
    assert [(v.name, v.code) for v in found.vendors] == [("ACME", "ABC")]
    assert [p.version for p in found.platforms] == ["8.0"]
    (component,) = found.components
    assert (component.component_name, component.component_version) == ("acme", "1.0.0-1")
    assert component.id == "acme_1.0.0-1"
    assert component.value("releaseDate") == "2024-05-01T12:00:00+00:00"
    assert component.value("severity") == BulletinSeverity.GENERAL
    (vib,) = found.vibs
    data = vibs.vib()
    assert vib.packed_size == len(data)
    assert vib.checksums[0].digest == hashlib.sha256(data).hexdigest()


def test_every_reader_takes_what_is_made(tmp_path: Path) -> None:
    vib = vibs.write(tmp_path, system_requires=vibs.requires("8.0"))
    (found,) = judge_bundle(create_bundle([vib], tmp_path / "x.zip", CODE).path)
    verdicts = {reception.reader: reception.verdict for reception in found.verdicts}
    assert found.verification.held
    assert verdicts.pop(BundleReader.VLCM) is Verdict.OPEN, "nobody signed the VIB"
    assert set(verdicts.values()) == {Verdict.TAKES}


def test_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    first = create_bundle([vibs.write(tmp_path / "a")], tmp_path / "one" / "x.zip", CODE)
    second = create_bundle([vibs.write(tmp_path / "b")], tmp_path / "two" / "y.zip", CODE)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.size == first.path.stat().st_size
    with zipfile.ZipFile(first.path) as file:
        assert {info.date_time for info in file.infolist()} == {(2024, 5, 1, 12, 0, 0)}


def test_what_nobody_says_is_assumed_and_told(tmp_path: Path) -> None:
    vib = vibs.write(tmp_path, system_requires=vibs.requires())
    done = create_bundle([vib], tmp_path / "x.zip")
    told = "\n".join(done.notes)
    assert "the vendor code is ACM, derived from the vendor's name ACME" in told
    assert "acme declares no ESXi release: marked for 6.7.0, 7.0, 8.0, 9.0" in told
    assert "the bulletin has no kb-url" in told
    assert "the contact is the vendor's name" in told


def test_the_vibs_own_release_decides(tmp_path: Path) -> None:
    vib = vibs.write(tmp_path, system_requires=vibs.requires("9.0"))
    assert [p.version for p in create_bundle([vib], tmp_path / "x.zip").content.platforms] == [
        "9.0"
    ]
    done = create_bundle([vib], tmp_path / "x.zip", CODE)
    assert "acme is marked for 8.0, but its VIB declares only 9.0" in done.notes
    response = members(members(done.path.read_bytes())["metadata.zip"])["vmware.xml"]
    assert b'<swPlatform version="9.0"' in response


def test_several_components_for_several_releases(tmp_path: Path) -> None:
    """One file for old and new hosts, x86 and Arm: each component names its VIBs and releases."""
    made = [vibs.write(tmp_path, name) for name in ("x86", "arm", "old", "loose")]
    recipe = BundleRecipe(
        vendor_code="ABC",
        platforms=("7.0", "8.0"),
        urgency=Urgency.LOW,
        components=(
            ComponentRecipe(name="both", version="3-1", vibs=("x86", "ACME_bootbank_arm_1.0.0-1")),
            ComponentRecipe(name="old", vibs=("old",), platforms=("6.7",)),
        ),
    )
    found = bundle_of(create_bundle(made, tmp_path / "x.zip", recipe).path).bundle
    told = {
        b.component_name: (b.component_version, len(b.vib_ids), [p.version for p in b.platforms])
        for b in found.components
    }
    assert told == {
        "both": ("3-1", 2, ["7.0", "8.0"]),
        "old": ("1.0.0-1", 1, ["6.7.0"]),
        "loose": ("1.0.0-1", 1, ["7.0", "8.0"]),
    }
    assert [p.version for p in found.platforms] == ["7.0", "8.0", "6.7.0"]
    assert {b.value("urgency") for b in found.components} == {"low"}


def test_an_image_profile_where_asked(tmp_path: Path) -> None:
    recipe = BundleRecipe(vendor_code="ABC", image_profile="my profile")
    done = create_bundle([vibs.write(tmp_path)], tmp_path / "x.zip", recipe)
    metadata = members(members(done.path.read_bytes())["metadata.zip"])
    profile = metadata["profiles/my_profile"].decode()
    assert "<name>my profile</name><creator>ACME</creator>" in profile
    assert "<viblist><vib><vib-id>ACME_bootbank_acme_1.0.0-1</vib-id></vib></viblist>" in profile
    assert any("no host can boot it" in note for note in done.notes)


def test_one_id_with_two_contents_names_both(tmp_path: Path) -> None:
    first, second = vibs.write(tmp_path / "a"), vibs.write(tmp_path / "b", description="Other")
    with pytest.raises(DepotError) as caught:
        create_bundle([first, second], tmp_path / "x.zip", CODE)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)
    assert not (tmp_path / "x.zip").exists()


def test_one_vib_twice_is_there_once(tmp_path: Path) -> None:
    first, second = vibs.write(tmp_path / "a"), vibs.write(tmp_path / "b")
    assert len(create_bundle([first, second], tmp_path / "x.zip", CODE).content.vibs) == 1


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no date": (
        swap("<release-date>2024-05-01T12:00:00+00:00</release-date>", ""),
        "no release-date",
    ),
    "a slash in the version": (swap("1.0.0-1", "1/0"), "cannot name a file"),
    "upwards": (swap(">acme<", ">..<"), "cannot name a file"),
    "no type": (swap("<type>bootbank</type>", ""), "so the VIB has no ID"),
    "no XML": (lambda _text: b"<vib", "not well-formed"),
}


@pytest.mark.parametrize("case", BAD)
def test_vibs_that_no_bundle_can_carry(tmp_path: Path, case: str) -> None:
    edit, reason = BAD[case]
    with pytest.raises(VibforgeError, match=reason):
        create_bundle([vibs.write(tmp_path, text=edit)], tmp_path / "x.zip", CODE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.vib"]


def test_all_problems_at_once(tmp_path: Path) -> None:
    html = tmp_path / "page.vib"
    html.write_text("<!doctype html><html>")
    dateless = vibs.write(tmp_path, text=BAD["no date"][0])
    with pytest.raises(DepotError) as caught:
        create_bundle([html, tmp_path / "missing.vib", dateless], tmp_path / "x.zip", CODE)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (
            BundleRecipe(vendor="A"),
            "no vendor code of three letters or digits can be derived from 'A'",
        ),
        (BundleRecipe(components=(ComponentRecipe(name="a", vibs=("x",)),)), "names the VIB x"),
        (BundleRecipe(vendor_code="long"), "'long' is not a vendor code"),
        (
            BundleRecipe(
                components=(
                    ComponentRecipe(name="a", vibs=("acme",)),
                    ComponentRecipe(name="b"),
                )
            ),
            "no VIB remains for the component b",
        ),
    ],
)
def test_recipes_that_do_not_fit(tmp_path: Path, recipe: BundleRecipe, reason: str) -> None:
    with pytest.raises(VibforgeError, match=reason):
        create_bundle([vibs.write(tmp_path)], tmp_path / "x.zip", recipe)


def test_a_vib_that_changes_on_the_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vib = vibs.write(tmp_path)

    def metadata(*_: object) -> bytes:
        vib.write_bytes(vib.read_bytes()[:-1] + b"?")
        return b""

    monkeypatch.setattr("vibforge.bundle.opening._metadata", metadata)
    with pytest.raises(FormatError, match="changed while it was read"):
        create_bundle([vib], tmp_path / "x.zip", CODE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.vib"]


def test_independent_tools_agree(tmp_path: Path, tool: Callable[[str], str]) -> None:
    made = [vibs.write(tmp_path, name) for name in ("a", "b")]
    done = create_bundle(made, tmp_path / "x.zip", CODE)
    subprocess.run([tool("unzip"), "-tq", done.path], check=True, capture_output=True)
    tar = [tool("bsdtar"), "-xOf", str(done.path), "vib20/b/ACME_bootbank_b_1.0.0-1.vib"]
    assert subprocess.run(tar, check=True, capture_output=True).stdout == vibs.vib(name="b")
    with zipfile.ZipFile(done.path) as file, file.open("metadata.zip") as inner:
        names = zipfile.ZipFile(io.BytesIO(inner.read())).namelist()
    assert names[:2] == ["vendor-index.xml", "vmware.xml"]
    assert names[2:] == sorted(names[2:])


MANY = 200
TOGETHER = 2 * 1024**3
MEMORY = 64 * 1024
"""KiB: the interpreter, lxml and the metadata of 200 VIBs."""


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak of memory")
def test_200_vibs_of_2_gib_in_flat_memory(tmp_path: Path) -> None:
    for number in range(MANY):
        path = vibs.write(tmp_path, f"many{number}", stored=b"", file_list=(), payloads=())
        with path.open("r+b") as file:
            start = path.stat().st_size - 60
            file.seek(start + 48)
            file.write(f"{TOGETHER // MANY:<10}".encode())
            file.truncate(start + 60 + TOGETHER // MANY)
    script = (
        "from pathlib import Path\n"
        "from vibforge.bundle.create import create_bundle\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "done = create_bundle(sorted(folder.glob('*.vib')), folder / 'x.zip')\n"
        "peak = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]\n"
        "print(done.size, peak)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    size, memory = map(int, done.stdout.split())
    (tmp_path / "x.zip").unlink()
    assert size > TOGETHER
    assert memory < MEMORY


def test_no_vib_and_too_many(tmp_path: Path) -> None:
    with pytest.raises(DepotError, match="at least one VIB"):
        create_bundle([], tmp_path / "x.zip")
    with pytest.raises(DepotError, match="more than 10000"):
        create_bundle([tmp_path] * 10_001, tmp_path / "x.zip")
