"""VIBs that become projects again, which build to the same."""

from pathlib import Path

import pytest

from tests import vibs
from tests.formats.test_tar_reading import changed
from tests.trees import make_tree
from vibforge.comparison.differences import Section, compare
from vibforge.errors import FormatError, VibforgeError
from vibforge.files.inputs import FileSource
from vibforge.formats import gnu_tar
from vibforge.formats.gnu_tar import BLOCK, ArchiveEntry, EntryKind, header_blocks
from vibforge.packages.subjects import LoosePayload, opened
from vibforge.packages.verify import verify
from vibforge.project.build import build
from vibforge.project.stage import extract_stage
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Descriptor

RECIPE = """\
name = "agent"
version = "1.2.0-1"
vendor = "ACME"
summary = "An agent"
release-date = "2024-05-01T12:00:00+00:00"
software-tags = ["driver"]

[[payloads]]
name = "agent"
tree = "agent"

[[payloads.rules]]
paths = ["etc/state"]
mode = "1644"

[[payloads.rules]]
paths = ["opt/agent/[[]1]*"]
owner = 201
group = 201

[[payloads]]
name = "second"
tree = "second"
type = "vgz"
"""


def built(folder: Path) -> Path:
    make_tree(
        folder / "project",
        {
            "vibforge.toml": RECIPE,
            "agent/etc/init.d/agent": "#!/bin/sh\n",
            "agent/etc/state": "",
            "agent/opt/agent/[1]*": "odd name",
            "second/opt/second/a": "1",
        },
    )
    (folder / "project/agent/etc/link").symlink_to("state")
    (folder / "project/agent/etc/init.d/agent").chmod(0o755)
    return build(folder / "project", folder / "dist").vib_path


def test_what_was_built_here_builds_to_the_same_bytes(tmp_path: Path) -> None:
    path = built(tmp_path)
    with opened(path) as (subject,):
        done = extract_stage(subject, tmp_path / "again")
    assert done.left_out == []
    again = build(tmp_path / "again", tmp_path / "dist-again").vib_path
    assert again.read_bytes() == path.read_bytes()


def meaning(of: Descriptor) -> dict[str, object]:
    """Return what a build must carry over."""
    names = (
        "name version type vendor summary description urls relationships software_tags "
        "system_requires acceptance_level live_install_allowed live_remove_allowed cimom_restart "
        "stateless_ready overlay"
    )
    found = {name: getattr(of, name) for name in names.split()}
    return found | {"files": sorted(of.file_list), "payloads": [each.name for each in of.payloads]}


def entries(vib: Vib) -> dict[str, object]:
    return {
        found.entry.path: (
            found.entry.kind in {"0", "7"} or found.entry.kind,
            found.entry.mode,
            found.entry.size,
            found.entry.link,
            found.entry.uid,
            found.entry.gid,
        )
        for payload in vib.payloads
        for found, _ in vib.contents(payload)
    }


_ALLOWED = {Section.PAYLOADS, Section.SIGNATURE, Section.VERDICT}
"""What differs after a build: the packing, the signature, and what hosts say because of them."""


def test_every_real_vib_becomes_a_project_of_the_same_content(corpus: Path, tmp_path: Path) -> None:
    refused = {}
    for number, path in enumerate(sorted((corpus / "vibs").glob("*.vib"))):
        vib = Vib.from_path(path)
        project, dist = tmp_path / f"{number}", tmp_path / f"dist{number}"
        try:
            extract_stage(vib, project, outside_links=True)
            again = Vib.from_path(build(project, dist).vib_path)
        except VibforgeError as error:
            refused[path.name] = str(error)
            continue
        listed = vib.descriptor.file_list
        same = meaning(vib.descriptor) | {"files": sorted(found.strip("/") for found in listed)}
        kept = meaning(again.descriptor)
        if path.name.startswith("cmu-sei"):
            assert set(kept.pop("files")) > set(same.pop("files"))  # type: ignore[call-overload] # a list
        assert kept == same, path.name
        found = entries(again)
        assert {place: found[place] for place in entries(vib)} == entries(vib), path.name
        differences = compare(path, dist / f"{again.descriptor.vib_id}.vib").differences
        names = {each.name for each in differences if each.section not in _ALLOWED}
        assert names <= {"release-date"}, path.name
    assert refused == {}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (vibs.vib(kind="boot"), "type boot cannot be built"),
        (vibs.vib(content=b"text"), "not a tar"),
        (vibs.vib(stored=vibs.packed(vibs.image())[:-30]), "cut short"),
    ],
)
def test_what_cannot_become_a_project_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        extract_stage(Vib.from_bytes(data), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_carried_over_is_told(tmp_path: Path) -> None:
    done = extract_stage(Vib.from_bytes(vibs.signed_vib()), tmp_path / "out")
    assert [str(left) for left in done.left_out] == [
        "the signature: it is only valid for the old VIB; sign the new one"
    ]


def test_only_a_vib_becomes_a_project(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(vibs.VMTAR_IMAGE)
    payload = LoosePayload(source=FileSource.from_path(tmp_path / "a"))
    with pytest.raises(FormatError, match="only a VIB"):
        extract_stage(payload, tmp_path / "out")


def test_what_builds_again_verifies(tmp_path: Path) -> None:
    extract_stage(Vib.from_bytes(vibs.vib()), tmp_path / "out")
    assert verify(build(tmp_path / "out", tmp_path / "dist").vib_path).held


def test_a_name_that_no_recipe_can_hold_is_refused(tmp_path: Path) -> None:
    header = header_blocks(ArchiveEntry("opt/x", EntryKind.FILE, 0o1644), gnu_tar.MAGIC)
    image = changed(header, len("opt/"), b"\xff") + bytes(2 * BLOCK)
    vib = Vib.from_bytes(vibs.vib(content=image, file_list=("opt/x",)))
    with pytest.raises(FormatError, match=r"udcff.*is not UTF-8"):
        extract_stage(vib, tmp_path / "out")
    assert not (tmp_path / "out").exists()
