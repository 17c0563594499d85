"""SBOMs: valid for their own validators, complete, the same everywhere, bounded."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as some
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.spdx_element_utils import calculate_package_verification_code
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests import bundles, vibs
from vibforge.errors import FormatError, LimitError, ModelError, NotPossibleHereError
from vibforge.evidence import contents as evidence_contents
from vibforge.evidence.cyclonedx_writing import cyclonedx
from vibforge.evidence.sbom import SbomFormat, format_of, sbom_of
from vibforge.evidence.spdx_writing import spdx
from vibforge.vib.archive import Vib
from vibforge.vib.relationships import Constraint, Relationships

ODD = vibs.tree(
    vibs.File(path="opt/a\nb\x1b[31m", content=b"control characters"),
    vibs.File(path="opt/ä b#?", content=b""),
    vibs.LINK,
)
WANTED = Relationships(depends=(Constraint.parse("esx-version >= 8.0.0"), Constraint.parse("x")))
PACKAGES = {
    "good.vib": vibs.MIXED_VIB,
    "signed.vib": vibs.signed_vib(),
    "odd.vib": vibs.vib(files=ODD, file_list=["opt/x"]),
    "nameless.vib": vibs.vib(name="", vendor="", version="", summary="<&>\x7f"),
    "bundle.zip": bundles.bundle(vibs.MIXED_VIB, vibs.vib(name="other")),
}


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / request.param
    path.write_bytes(PACKAGES[request.param])
    return path


def cyclonedx_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sbom_of(path, SbomFormat.CYCLONEDX).data)
    return found


def spdx_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sbom_of(path, SbomFormat.SPDX).data)
    return found


def components(of: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in of.get("components", ()):
        yield each
        yield from components(each)


def test_cyclonedx_is_valid_for_its_own_strict_validator(package: Path) -> None:

    data = sbom_of(package, SbomFormat.CYCLONEDX).data.decode("ascii")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data) is None


def test_spdx_is_valid_for_its_own_validator(package: Path) -> None:

    path = package.with_name("sbom.spdx.json")
    path.write_bytes(sbom_of(package, SbomFormat.SPDX).data)
    assert validate_full_spdx_document(parse_file(str(path))) == []


def test_every_file_is_named_with_its_digests(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme", files=vibs.MIXED)
    conf, long, digest = vibs.CONF, vibs.LONG, vibs.checksum(vibs.CONF.data)
    named = {each["name"]: each for each in components(cyclonedx_of(path))}
    assert set(named) == {"acme", f"/{conf.path}", f"/{long.path}", f"/{vibs.LINK.path}"}
    of_conf = named[f"/{conf.path}"]
    assert of_conf["hashes"][1] == {"alg": "SHA-256", "content": digest.digest}
    facts = {each["name"]: each["value"] for each in of_conf["properties"]}
    assert facts["vibforge:mode"] == "1644"
    assert facts["vibforge:size"] == str(len(conf.data))
    assert "hashes" not in named[f"/{vibs.LINK.path}"]
    files = {each["fileName"]: each for each in spdx_of(path)["files"]}
    assert set(files) == {"./acme", f"./{conf.path}", f"./{long.path}", f"./{vibs.LINK.path}"}
    assert files[f"./{conf.path}"]["checksums"][1]["checksumValue"] == digest.digest


def test_the_verification_code_leaves_links_out(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme", files=vibs.MIXED)
    (package,) = spdx_of(path)["packages"]
    code = package["packageVerificationCode"]
    assert code["packageVerificationCodeExcludedFiles"] == [f"./{vibs.LINK.path}"]

    sbom = tmp_path / "sbom.spdx.json"
    sbom.write_bytes(sbom_of(path, SbomFormat.SPDX).data)
    files = [each for each in parse_file(str(sbom)).files if each.name != f"./{vibs.LINK.path}"]
    assert calculate_package_verification_code(files).value == code["packageVerificationCodeValue"]


def test_the_vib_is_the_subject_with_digest_vendor_and_relationships(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme", relationships=WANTED)
    root = cyclonedx_of(path)["metadata"]["component"]
    facts = [(each["name"], each["value"]) for each in root["properties"]]
    assert ("vibforge:depends", "esx-version >= 8.0.0") in facts
    assert ("vibforge:acceptance-level", "CommunitySupported") in facts
    assert root["hashes"][1]["content"] == vibs.checksum(path.read_bytes()).digest
    assert root["purl"].endswith(root["hashes"][1]["content"])


def test_a_bundle_is_described_with_its_vibs(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(PACKAGES["bundle.zip"])
    found = cyclonedx_of(path)
    assert found["metadata"]["component"]["name"] == "bundle.zip"
    assert [each["name"] for each in found["components"]] == ["acme", "other"]
    packages = spdx_of(path)["packages"]
    assert [each["name"] for each in packages] == ["bundle.zip", "acme", "other"]


@pytest.mark.slow
def test_the_bytes_are_the_same_everywhere(tmp_path: Path) -> None:
    package, made = tmp_path / "bundle.zip", set()
    package.write_bytes(PACKAGES["bundle.zip"])
    for seed, locale, zone in (("0", "C", "UTC"), ("1", "C.UTF-8", "Asia/Tokyo")):
        for form in SbomFormat:
            done = subprocess.run(
                [sys.executable, "-m", "vibforge", "evidence", "sbom", package, "--as", form],
                env=os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
                capture_output=True,
                check=True,
            )
            made.add(done.stdout)
            assert done.stdout == sbom_of(package, form).data
    assert len(made) == len(SbomFormat)


def test_a_package_that_cannot_be_listed_whole_has_no_sbom(tmp_path: Path) -> None:
    for name, data in (
        ("damaged.vib", vibs.vib(stored=b"\x1f\x8b\x08\0\0\0\0\0\0\xffdamaged")),
        ("page.vib", b"<!DOCTYPE html>"),
        ("payload", vibs.GNU_IMAGE),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(FormatError):
            sbom_of(path)


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vibs.write(tmp_path, "acme", files=vibs.MIXED)
    monkeypatch.setattr(evidence_contents, "FILE_LIMIT", 2)
    with pytest.raises(LimitError, match="more than 2 files"):
        sbom_of(path)


def test_a_name_that_is_no_format_is_refused() -> None:
    with pytest.raises(ModelError):
        format_of("swid")


@pytest.mark.slow
@pytest.mark.parametrize(("form", "library"), [("cyclonedx", "cyclonedx"), ("spdx", "spdx_tools")])
def test_without_its_library_the_extra_is_named(form: str, library: str, tmp_path: Path) -> None:
    path = vibs.write(tmp_path, "acme")
    script = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from vibforge.cli import main\n"
        f"sys.exit(main(['evidence', 'sbom', {str(path)!r}, '--as', {form!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "vibforge[evidence]" in done.stderr
    assert NotPossibleHereError.__name__ not in done.stderr


ODD_TEXTS = (
    *("", "/", "//", "..", "@", "a@b", "?x", "#y", "%2F", "%", "é", "名", "\xa0", " a ", "a\tb"),
    *("a\nb", "\x7f", "\u202e", "NOASSERTION", "NONE", "Organization: x", "x (y)", "()"),
    *("(mail@x.y)", "x" * 3000, "pkg:", "<&>"),
)
TEXTS = some.sampled_from(ODD_TEXTS)
FIELDS = ("name", "vendor", "version", "summary", "description", "release_date", "type")


@given(texts=some.fixed_dictionaries(dict.fromkeys(FIELDS, TEXTS)))
@settings(max_examples=60)
def test_any_text_of_a_descriptor_stays_valid(texts: dict[str, str]) -> None:
    vib = Vib.from_bytes(vibs.vib(**texts), "x.vib")  # type: ignore[arg-type] # fields of it
    contents = evidence_contents.read_contents(vib)
    data = cyclonedx(contents)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode("ascii")) is None
    parser = JsonLikeDictParser()  # type: ignore[no-untyped-call] # the library's
    assert validate_full_spdx_document(parser.parse(json.loads(spdx(contents)))) == []
