"""Every real file: read whole, given back byte for byte, and the facts that are known of it."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.budgets import whole_budget
from tests.conftest import CHECKOUT
from vibforge import Outcome, Verification, Vib
from vibforge.errors import VibforgeError
from vibforge.findings.check import Topic
from vibforge.formats.zip_archive import open_zip
from vibforge.packages.extract import ExtractOptions, extract
from vibforge.packages.inspect import BundleInspection, Inspection, VibInspection, inspect
from vibforge.packages.subjects import opened
from vibforge.packages.verify import verify
from vibforge.report.documents.inspect import inspected
from vibforge.report.documents.shape import json_text
from vibforge.report.inspect import inspection_text, listing
from vibforge.report.paint import Paint
from vibforge.vib import descriptor_reading

Manifest = dict[str, Any]

FAILING = {
    "cmu-sei-CMU_bootbank_wmasterd_2.4.4.vib": {Topic.SIZE, Topic.FILES},
}
"""The files whose verdict is bad, and why: the size of the unpacked payload and a file that is not
listed."""
UNSIGNED_CLAIM = "keramix-vmware-esx-vmdkops-0.1.vib"
"""Claims a level that needs a signature, and has none: a warning."""


@pytest.fixture(scope="session")
def manifest(corpus: Path) -> Manifest:
    facts: Manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    return facts


@pytest.fixture(scope="session")
def vibs(corpus: Path, manifest: Manifest) -> dict[str, Vib]:
    return {name: Vib.from_path(corpus / "vibs" / name) for name in manifest["vibs"]}


def look(path: Path) -> tuple[Inspection, ...]:
    with opened(path) as subjects:
        return tuple(inspect(subject) for subject in subjects)


@pytest.fixture(scope="session")
def inspections(corpus: Path, manifest: Manifest) -> dict[str, VibInspection]:
    found = {}
    for name in manifest["vibs"]:
        (found[name],) = look(corpus / "vibs" / name)
    return {name: each for name, each in found.items() if isinstance(each, VibInspection)}


@pytest.fixture(scope="session")
def verifications(vibs: dict[str, Vib]) -> dict[str, Verification]:
    return {name: verify(vib) for name, vib in vibs.items()}


def test_every_vib_comes_back_byte_for_byte(corpus: Path, vibs: dict[str, Vib]) -> None:
    assert len(vibs) == 25
    for name, vib in vibs.items():
        data = (corpus / "vibs" / name).read_bytes()
        assert vib.to_bytes() == data, name
        assert Vib.from_bytes(data).to_bytes() == data, name


def test_every_vib_in_a_bundle_comes_back_byte_for_byte(corpus: Path) -> None:
    count = 0
    for path in sorted((corpus / "bundles").glob("*.zip")):
        with opened(path) as subjects:
            for subject in subjects:
                for source in getattr(subject, "sources", ()):
                    with source.open() as stream:
                        assert Vib.from_source(source).to_bytes() == stream.read(), source.name
                    count += 1
    assert count >= 13


def test_containers_are_as_the_manifest_says(manifest: Manifest, vibs: dict[str, Vib]) -> None:
    for name, facts in manifest["vibs"].items():
        vib = vibs[name]
        assert hashlib.sha256(vib.to_bytes()).hexdigest() == facts["sha256"], name
        assert vib.source.size == facts["size"], name
        assert [member.mode_text for member in vib.archive.members] == facts["ar_mode"], name
        assert any(member.has_slash for member in vib.archive.members) is facts["ar_slash"], name
        assert vib.faults == (), name
        assert vib.is_signed is (facts["signature"] is not None), name


def test_descriptors_are_as_the_manifest_says(manifest: Manifest, vibs: dict[str, Vib]) -> None:
    for name, facts in manifest["vibs"].items():
        of = vibs[name].descriptor
        found = {
            "name": of.name,
            "version": of.version,
            "vendor": of.vendor,
            "acceptance_level": of.acceptance_level,
            "release_date": of.release_date,
            "software_tags": list(of.software_tags),
            "files": len(of.file_list),
        }
        assert found == {key: facts[key] for key in found}, name


def test_payloads_are_as_the_manifest_says(
    manifest: Manifest, inspections: dict[str, VibInspection]
) -> None:
    for name, facts in manifest["vibs"].items():
        found = [
            {
                "name": each.name,
                "type": each.stored.declared.type if each.stored.declared else None,
                "compression": "+".join(each.compression),
                "entries": len(each.entries),
                "size": each.stored_size,
                "tar_magic": list(each.magics),
                "uncompressed_size": each.content_size,
            }
            for each in inspections[name].payloads
        ]
        assert found == [{key: of[key] for key in found[0]} for of in facts["payloads"]], name


def test_sizes_and_digests_are_as_the_manifest_says(
    manifest: Manifest, vibs: dict[str, Vib], verifications: dict[str, Verification]
) -> None:
    for name, facts in manifest["vibs"].items():
        for payload, declared in zip(facts["payloads"], vibs[name].payloads, strict=True):
            found = [fact for fact in verifications[name].facts if fact.subject == payload["name"]]
            digests = [fact for fact in found if fact.topic is Topic.DIGEST]
            assert [fact.statement for fact in digests] == [
                f"{kind} {process}" if process else kind for kind, process, _ in payload["digests"]
            ], name
            assert {fact.outcome for fact in digests} == {Outcome.HELD}, name
            assert all(ok == "ok" for _kind, _process, ok in payload["digests"])
            sizes = [fact for fact in found if fact.statement.startswith("size ")]
            matches = payload["size_attribute_matches"]
            assert [fact.outcome is Outcome.HELD for fact in sizes] == (
                [] if matches is None else [matches]
            ), name
            assert declared.declared is not None


def test_verdicts(verifications: dict[str, Verification]) -> None:
    failed = {
        name: {fact.topic for fact in found.facts if fact.outcome is Outcome.FAILED}
        for name, found in verifications.items()
        if not found.held
    }
    assert failed == FAILING
    warned = {
        (name, fact.topic)
        for name, found in verifications.items()
        for fact in found.facts
        if fact.outcome is Outcome.WARNING
    }
    assert warned == {(UNSIGNED_CLAIM, Topic.LEVEL)}


def test_all_digests_are_checked(verifications: dict[str, Verification]) -> None:
    for name, found in verifications.items():
        topics = {fact.topic for fact in found.facts if fact.outcome is Outcome.NOT_CHECKED}
        assert topics <= {Topic.SIGNER, Topic.DATES, Topic.LEVEL, Topic.STRICT}, name


def test_bundles_are_as_the_manifest_says(corpus: Path, manifest: Manifest) -> None:
    for name, facts in manifest["bundles"].items():
        (found,) = look(corpus / "bundles" / name)
        assert isinstance(found, BundleInspection)
        of = found.bundle
        assert not of.faults, name
        assert found.vibs, name
        if facts["vendor"] is None:
            with (corpus / "bundles" / name).open("rb") as stream:
                size = (corpus / "bundles" / name).stat().st_size
                with open_zip(stream, name, size, whole_budget(size)) as archive:
                    assert list(archive.names) == facts["members"], name
            continue
        assert list(of.members) == facts["members"], name
        assert list(of.metadata_members) == facts["meta_members"], name
        assert [list(pair) for pair in of.vendor] == facts["vendor"], name
        assert [each.version for each in of.platforms] == facts["platform_versions"], name
        if facts["bulletin_elements"] is None:
            assert of.bulletins == (), name
            continue
        bulletin = of.bulletins[0]
        assert bulletin.is_component is facts["component"], name
        assert [tag for tag, _text in bulletin.fields] == facts["bulletin_elements"], name
        for key, value in facts["bulletin_values"].items():
            assert bulletin.value(key) == (value or ""), (name, key)


def test_verdicts_of_bundles(corpus: Path) -> None:
    paths = sorted((corpus / "bundles").glob("*.zip"))
    assert [path.name for path in paths if not verify(path).held] == []


def test_every_file_looks_well_on_narrow_and_wide_terminals(corpus: Path) -> None:
    files = [*sorted((corpus / "vibs").iterdir()), *sorted((corpus / "bundles").iterdir())]
    for path in files:
        for found in look(path):
            assert json_text(inspected(path.name, found))
            assert len(list(listing(found))) > 0
            for width in (80, 200):
                for line in inspection_text(found, Paint(), width).splitlines():
                    assert len(line) <= width or "/" in line, (path.name, line)


def test_every_descriptor_of_an_author_is_read_or_refused_by_line(corpus: Path) -> None:
    refused = []
    for path in sorted((corpus / "descriptors").iterdir()):
        try:
            descriptor_reading.parse(path.read_bytes(), path.name)
        except VibforgeError as error:
            refused.append(error.problems[0].where)
    assert refused == ["ecm4u__ghettoVCB__descriptor.xml.tmpl:1"]


@pytest.fixture
def nine(corpus: Path) -> Path:
    """The VIB of 9.0, the only one with a payload in zstd."""
    (path,) = (corpus / "vibs").glob("*.900.*.vib")
    return path


FILES_OF_NINE = {
    "usr/lib/vmware/vmkmod/vmkusb_nic_fling": (0o444, 1174648),
    "etc/vmware/ihv.map.d/vmkusb_nic_fling_acpi.map": (0o644, 530),
    "etc/vmware/ihv.map.d/vmkusb_nic_fling_pci.map": (0o644, 291),
}


def test_the_files_of_nine_are_listed_and_extracted(nine: Path, tmp_path: Path) -> None:
    (found,) = look(nine)
    lines = list(listing(found))
    assert "0444 0 0 1174648 usr/lib/vmware/vmkmod/vmkusb_nic_fling" in lines
    with opened(nine) as subjects:
        extract(subjects, tmp_path / "out", ExtractOptions())
    written = {
        path.relative_to(tmp_path / "out").as_posix(): (
            path.stat().st_mode & 0o7777,
            path.stat().st_size,
        )
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert written == FILES_OF_NINE
    module = (tmp_path / "out/usr/lib/vmware/vmkmod/vmkusb_nic_fling").read_bytes()
    assert module.startswith(b"\x7fELF")


def test_the_digest_after_one_gunzip_is_checked(nine: Path) -> None:
    statements = {fact.statement: fact.outcome for fact in verify(nine).facts}
    assert statements["sha-256-gunzip1"] is Outcome.HELD
    assert statements["uncompressed-size 1191424"] is Outcome.HELD


@pytest.mark.parametrize("step", [0.1, 0.5, 0.9, 0.999])
def test_real_files_that_were_cut_are_told(corpus: Path, step: float) -> None:
    for path in sorted((corpus / "vibs").glob("*.vib")):
        data = path.read_bytes()
        held = False
        with contextlib.suppress(VibforgeError):
            held = verify(Vib.from_bytes(data[: int(len(data) * step)])).held
        assert not held, path.name


def test_nothing_of_the_corpus_is_in_the_project(manifest: Manifest) -> None:
    known = {facts["sha256"] for kind in manifest.values() for facts in kind.values()}
    for folder in ("tests", "docs", "vibforge", "payloads"):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.is_file() and path.stat().st_size > 1000:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                assert digest not in known, path
