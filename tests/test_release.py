"""`make release`: a dry run from a clean clone, and what it refuses."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import vibforge
from tests.conftest import CHECKOUT
from vibforge.evidence.attestation_checking import read_attestation
from vibforge.evidence.provenance import PREDICATE_TYPE

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path, tool: Callable[[str], str]) -> Path:
    tool("ssh-keygen")
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a checkout of git")
    folder = tmp_path / "clone"
    subprocess.run([tool("git"), "clone", "--quiet", CHECKOUT, folder], check=True)
    return folder


def release(clone: Path, version: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", ".ci/release", version],
        cwd=clone,
        env=os.environ | {"PATH": path} | more,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.slow
def test_a_dry_run_makes_files_that_verify(clone: Path) -> None:
    done = release(clone, vibforge.__version__, DRY_RUN="yes")
    assert done.returncode == 0, done.stderr
    made = clone / "dist" / f"release-{vibforge.__version__}"
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    checked = subprocess.run(check, cwd=made, capture_output=True, text=True, check=True)
    assert checked.stdout.count(": OK") == 4
    assert (made / "SHA256SUMS.sig").read_text().startswith("-----BEGIN SSH SIGNATURE-----")

    check_evidence(made)


def check_evidence(made: Path) -> None:
    """The SBOM is valid, and the provenance is about the files of the release."""
    version = vibforge.__version__
    bill = (made / f"vibforge-{version}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    components = {each["name"]: each for each in json.loads(bill)["components"]}
    assert components["cryptography"]["scope"] == "required"
    assert components["hypercorn"]["scope"] == "optional"
    found = read_attestation(made / f"vibforge-{version}.intoto.jsonl")
    assert found.predicate_type == PREDICATE_TYPE
    files = {path.name: path for path in made.iterdir() if path.suffix in {".gz", ".whl", ".json"}}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert dict(found.subjects) == digests
    assert len(digests) == 3
    assert {name for name in components if name in digests} == {
        name for name in digests if not name.endswith(".json")
    }


def test_what_a_release_refuses(clone: Path) -> None:
    refused = release(clone, "9.9.9")
    assert refused.returncode == 1
    for missing in ("__init__.py says", "no heading", "tag v9.9.9", "release-signers is missing"):
        assert missing in refused.stderr
    assert "must look like" in release(clone, "1.0; touch x").stderr
    (clone / "new").touch()
    assert "has changes" in release(clone, vibforge.__version__, DRY_RUN="yes").stderr
    assert not (clone / "dist").exists()
