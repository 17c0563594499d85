"""`verify --sbom`: an SBOM is held against the package, whoever made it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests import bundles, vibs
from vibforge import Vib, verify
from vibforge.errors import FormatError
from vibforge.evidence.sbom import SbomFormat, sbom_of
from vibforge.evidence.sbom_checking import read_sbom
from vibforge.packages.verification import Outcome

Document = dict[str, Any]


@pytest.fixture(params=["acme.vib", "bundle.zip"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / request.param
    path.write_bytes(vibs.MIXED_VIB if path.suffix == ".vib" else bundles.bundle(vibs.MIXED_VIB))
    return path


def written(package: Path, form: SbomFormat, change: Callable[[Document], object]) -> Path:
    """Write the SBOM of a package with one change."""
    document = json.loads(sbom_of(package, form).data)
    change(document)
    path = package.with_name("sbom.json")
    path.write_text(json.dumps(document))
    return path


def failures(package: Path | Vib, sbom: Path) -> list[str]:
    """Return subject and reason of each fact that failed."""
    ((_path, found),) = verify(package, sbom=sbom).found
    failed = (each for each in found.all_facts if each.outcome is Outcome.FAILED)
    return [f"{each.subject}: {each.reason}" for each in failed]


@pytest.mark.parametrize("form", SbomFormat)
def test_a_package_matches_its_own_sbom(package: Path, form: SbomFormat) -> None:
    sbom = written(package, form, lambda _: None)
    assert failures(package, sbom) == []
    ((_path, found),) = verify(package, sbom=sbom).found
    assert found.facts[-1].statement == "the SBOM describes this package and all files in it"


def test_a_vib_in_memory_is_checked_as_well(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme", files=vibs.MIXED)
    sbom = written(path, SbomFormat.SPDX, lambda _: None)
    assert failures(Vib.from_bytes(path.read_bytes(), "memory"), sbom) == []
    assert failures(Vib.from_bytes(vibs.vib(), "memory"), sbom)


@pytest.mark.parametrize("form", SbomFormat)
def test_the_sbom_of_another_package_is_refused(
    package: Path, form: SbomFormat, tmp_path: Path
) -> None:
    sbom = written(vibs.write(tmp_path, "other"), form, lambda _: None)
    found = failures(package, sbom)
    assert "has SHA-256" in found[0]
    assert found[-1].endswith("more differences")


def first_file(document: Document) -> Document:
    """Return the component of a file with content."""
    (found,) = (each for each in below(document) if each["name"] == f"/{vibs.CONF.path}")
    return found


def below(document: Document) -> Iterator[Document]:
    for each in document.get("components", ()):
        yield each
        yield from below(each)


def first_spdx_file(document: Document) -> Document:
    (found,) = (each for each in document["files"] if each["fileName"] == f"./{vibs.CONF.path}")
    file: Document = found
    return file


ZERO = "0" * 64
CYCLONEDX: dict[str, tuple[Callable[[Document], object], str]] = {
    "digest": (lambda d: first_file(d)["hashes"][1].update(content=ZERO), f"says {ZERO}"),
    "no digest": (lambda d: first_file(d)["hashes"].pop(1), "states none"),
    "path": (lambda d: first_file(d).update(name="/etc/other"), "etc/other: is in the SBOM, and"),
    "mode": (lambda d: first_file(d)["properties"][1].update(value="7777"), "says mode 7777"),
    "version": (lambda d: d["metadata"]["component"].update(version="9"), "says version 9"),
    "nothing": (lambda d: d.update(components=[]), "is not in the SBOM"),
    "twice": (lambda d: d["components"].append(d["components"][0]), "2 times in the SBOM"),
}
SPDX: dict[str, tuple[Callable[[Document], object], str]] = {
    "digest": (
        lambda d: first_spdx_file(d)["checksums"][1].update(checksumValue=ZERO),
        f"says {ZERO}",
    ),
    "path": (lambda d: first_spdx_file(d).update(fileName="./x"), "x: is in the SBOM, and"),
    "mode": (
        lambda d: first_spdx_file(d).update(comment="vibforge:mode: 7777"),
        "says mode 7777",
    ),
    "supplier": (lambda d: d["packages"][0].update(supplier="Organization: X"), "says supplier X"),
    "nothing": (lambda d: d.update(files=[]), "is not in the SBOM"),
}


@pytest.mark.parametrize("name", CYCLONEDX)
def test_a_false_cyclonedx_is_refused(package: Path, name: str) -> None:
    change, reason = CYCLONEDX[name]
    sbom = written(package, SbomFormat.CYCLONEDX, change)
    assert any(reason in each for each in failures(package, sbom))


@pytest.mark.parametrize("name", SPDX)
def test_a_false_spdx_is_refused(package: Path, name: str) -> None:
    change, reason = SPDX[name]
    sbom = written(package, SbomFormat.SPDX, change)
    assert any(reason in each for each in failures(package, sbom))


def test_a_foreign_sbom_needs_names_and_digests_only(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme", payload_name="files")
    conf, (payload,) = vibs.FILES[-1], Vib.from_path(path).payloads
    assert payload.declared
    stored = next(each for each in payload.declared.checksums if not each.verify_process)
    hashes = {
        "acme": vibs.checksum(path.read_bytes()).digest,
        payload.name: stored.digest,
        conf.path: vibs.checksum(conf.data).digest,
    }
    parts = [
        {"name": name, "hashes": [{"alg": "SHA-256", "content": digest.upper()}]}
        for name, digest in hashes.items()
    ]
    root = {"name": "x", "hashes": parts[0]["hashes"]}
    sbom = tmp_path / "sbom.json"
    document = {"bomFormat": "CycloneDX", "metadata": {"component": root}, "components": parts[1:]}
    sbom.write_text(json.dumps(document))
    assert failures(path, sbom) == []


BAD = {
    "empty": b"",
    "not JSON": b"<bom/>",
    "another JSON": b'{"format": "vibforge/verify/1"}',
    "a list": b"[]",
    "no subject": b'{"bomFormat": "CycloneDX", "components": []}',
    "a number": b'{"bomFormat": "CycloneDX", "metadata": 3}',
    "deep": b'{"bomFormat": "C", "metadata": {"component": ' + b'{"name":"a","components":[' * 5000,
    "SPDX of nothing": b'{"spdxVersion": "SPDX-2.3", "packages": []}',
    "SPDX of two": b'{"spdxVersion": "SPDX-2.3", "packages": [{"name": "a", "SPDXID": "a"}, '
    b'{"name": "b", "SPDXID": "b"}], "documentDescribes": ["a", "b"]}',
    "SPDX 3": b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}',
    "UTF-16": '{"bomFormat": "CycloneDX"}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sbom_cannot_be_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"
    path.write_bytes(BAD[name])
    with pytest.raises(FormatError):
        read_sbom(path)


def test_an_sbom_that_is_absent_or_long_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FormatError):
        read_sbom(tmp_path / "absent")
    path = tmp_path / "sbom.json"
    path.write_bytes(b" " * 65)
    monkeypatch.setattr("vibforge.evidence.sbom_checking.SIZE_LIMIT", 64)
    with pytest.raises(FormatError, match="64 bytes"):
        read_sbom(path)


def test_a_damaged_package_matches_no_sbom(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme")
    sbom = written(path, SbomFormat.CYCLONEDX, lambda _: None)
    vibs.write(tmp_path, "acme", stored=b"\x1f\x8bdamaged")
    assert any("cannot be listed" in each for each in failures(path, sbom))


PATHS = some.lists(
    some.text(some.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=9),
    max_size=4,
    unique=True,
)


@given(names=PATHS, content=some.binary(max_size=20), form=some.sampled_from(list(SbomFormat)))
def test_any_package_matches_its_own_sbom_and_no_other(
    names: list[str], content: bytes, form: SbomFormat, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sbom")
    files = [vibs.File(path=f"opt/{name}", content=content) for name in names]
    path = vibs.write(folder, "acme", files=files, file_list=["opt/x"])
    sbom = written(path, form, lambda _: None)
    assert not [each for each in failures(path, sbom) if "SBOM" in each]
    files.append(vibs.File(path="opt/one-more-file", content=content))
    vibs.write(folder, "acme", files=files, file_list=["opt/x"])
    assert any("opt/one-more-file: is not in" in each for each in failures(path, sbom))
