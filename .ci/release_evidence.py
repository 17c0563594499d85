"""Write the SBOM and the signed provenance of a release beside its sdist and wheel.

    release_evidence.py FOLDER VERSION COMMIT EPOCH KEY CERTIFICATE TRUSTED

KEY and CERTIFICATE sign as in `vibforge evidence attest`; the passphrase of an encrypted key is the
first line of the file that ATTESTATION_PASSPHRASE_FILE names. TRUSTED has the certificates that
whoever verifies a release trusts; the release fails if they do not lead to the signer.
"""

import hashlib
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from vibforge.errors import SigningError
from vibforge.evidence import attestation_checking, dsse
from vibforge.evidence.provenance import PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE
from vibforge.signing.key_source import KeySource, open_signer
from vibforge.signing.passphrase import from_file, no_passphrase
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import read_store

CHECKOUT = Path(__file__).parents[1]
BUILD_TYPE = "urn:vibforge:release:1"
LOCK = "requirements-dev.lock"


def main() -> None:
    """Write both files."""
    folder, version, commit, epoch, key, certificate, trusted = sys.argv[1:]
    made = sorted(Path(folder).iterdir())
    moment = datetime.fromtimestamp(int(epoch), UTC)
    sbom = Path(folder) / f"vibforge-{version}.cdx.json"
    sbom.write_bytes(bill(made, version, moment))
    payload = statement([*made, sbom], version, commit, moment)
    attestation = Path(folder) / f"vibforge-{version}.intoto.jsonl"
    attestation.write_bytes(signed(payload, key, Path(certificate)))
    policy = TrustPolicy(store=read_store([Path(trusted)]))
    ruling = attestation_checking.signature_ruling(
        attestation_checking.read_attestation(attestation), policy
    )
    if not ruling.held:
        sys.exit(f"release: the attestation does not hold: {'; '.join(ruling.reasons)}")


def signed(payload: bytes, key: str, certificate: Path) -> bytes:
    """Return the statement in an envelope."""
    secret = os.environ.get("ATTESTATION_PASSPHRASE_FILE")
    source = KeySource(key=key, certificates=(certificate,))
    try:
        signer = open_signer(
            source, from_file(Path(secret)) if secret else no_passphrase, os.environ
        )
        return dsse.sign(PAYLOAD_TYPE, payload, signer)
    except SigningError as error:
        sys.exit(f"release: {error}")


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def statement(subjects: list[Path], version: str, commit: str, moment: datetime) -> bytes:
    """Return the provenance of the files: SLSA v1, about a commit of this repository."""
    whole: dict[str, Any] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": path.name, "digest": {"sha256": sha256(path)}} for path in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"version": version},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": commit}},
                    {"name": LOCK, "digest": {"sha256": sha256(CHECKOUT / LOCK)}},
                ],
            },
            "runDetails": {
                "builder": {"id": "urn:vibforge:builder:maintainer"},
                "metadata": {"finishedOn": f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
            },
        },
    }
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode("ascii")


def bill(made: list[Path], version: str, moment: datetime) -> bytes:
    """Return the SBOM: the files, and the tested releases of all that vibforge may use."""
    root = Component(
        type=ComponentType.APPLICATION,
        bom_ref="vibforge",
        name="vibforge",
        version=version,
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
        purl=PackageURL("pypi", name="vibforge", version=version),
    )
    files = [
        Component(
            type=ComponentType.FILE,
            bom_ref=path.name,
            name=path.name,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(path))],
        )
        for path in made
    ]
    packages = list(dependencies())
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, "".join(map(sha256, made))),
        metadata=BomMetaData(timestamp=moment, component=root),
        components=[*files, *packages],
    )
    needed = [each for each in packages if each.scope is ComponentScope.REQUIRED]
    bom.register_dependency(root, needed)
    text = JsonV1Dot6(bom).output_as_string()
    return json.dumps(json.loads(text), indent=2, sort_keys=True).encode("ascii") + b"\n"


def dependencies() -> Iterator[Component]:
    """Yield what `pip install -c constraints.txt vibforge[…]` installs at most."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {re.split(r"[^\w.-]", text)[0].lower() for text in project["dependencies"]}
    pin = re.compile(r"^([\w.-]+)==([\w.+]+)", re.MULTILINE)
    for name, version in pin.findall((CHECKOUT / "constraints.txt").read_text(encoding="utf-8")):
        is_direct = name.lower() in {each.replace(".", "-") for each in direct} | direct
        yield Component(
            type=ComponentType.LIBRARY,
            bom_ref=f"{name}=={version}",
            name=name,
            version=version,
            scope=ComponentScope.REQUIRED if is_direct else ComponentScope.OPTIONAL,
            purl=PackageURL("pypi", name=name, version=version),
        )


if __name__ == "__main__":
    main()
