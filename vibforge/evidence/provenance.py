"""The provenance of a build: an in-toto statement with a SLSA v1 predicate.

Sources: https://in-toto.io/Statement/v1 and https://slsa.dev/spec/v1.0/provenance. What is stated
comes from build.json; docs/reference/provenance.md describes each part.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from msgspec import DecodeError, Struct
from msgspec import json as strict_json

from vibforge.errors import FormatError, ModelError, is_folder
from vibforge.evidence.contents import digests_of
from vibforge.files.inputs import FileSource
from vibforge.packages.sign import read_signable
from vibforge.project.ledger import (
    RECORD_NAME,
    Record,
    WrittenFile,
    WrittenKind,
    is_plain_name,
    read_record,
)
from vibforge.signing.signer import check_certificate, signing_time
from vibforge.signing.stated_time import SigningTime
from vibforge.vib.identity import ReleaseDate

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUILD_TYPE = "urn:vibforge:build:1"
"""What `vibforge build` does: docs/reference/provenance.md."""
UNNAMED_BUILDER = "urn:vibforge:builder:unnamed"
"""The builder of a build whose pipeline has no name: whoever holds the key."""
_EXTERNAL = ("recipe", "release_date", "release_date_source", "allowed")
_INTERNAL = ("codec", "codec_library", "compression_level", "certificates")

JsonObject = dict[str, Any]


class Build(Struct, frozen=True, kw_only=True):
    """A build: the VIB as it is now, perhaps signed since, and the record of the build."""

    vib: Path
    sha256: str
    released: datetime
    record: Record


def read_build(path: Path) -> Build:
    """Read a build.

    Args:
        path: the folder of a build, its build.json, or the VIB beside it.

    Raises:
        FormatError: there is no build.json, or it is about another VIB; or the VIB is damaged.
        SigningError: the VIB is not what its descriptor says.
    """
    folder = path if is_folder(path) else path.parent
    record = read_record(folder)
    written = record.find(WrittenKind.VIB) if record else None
    if record is None or written is None or not is_plain_name(written.name):
        raise FormatError(
            "there is no build.json that describes a build",
            where=str(folder),
            remedy="name the folder that `vibforge build` wrote, or the VIB in it",
        )
    vib = folder / written.name if path in {folder, folder / RECORD_NAME} else path
    signable = read_signable(vib)
    _require_same_build(signable.vib.descriptor_bytes, record, vib)
    return Build(
        vib=vib,
        sha256=digests_of(FileSource.from_path(vib)).sha256,
        released=_date(record, folder),
        record=record,
    )


def _require_same_build(descriptor: bytes, record: Record, vib: Path) -> None:
    """Compare the descriptor, which has the digests of all payloads; signing does not change it."""
    written = record.find(WrittenKind.DESCRIPTOR)
    if written is None or written.sha256 != hashlib.sha256(descriptor).hexdigest():
        raise FormatError(
            "the build.json beside this VIB is about another build",
            where=str(vib),
            remedy="build it again, and attest the VIB in the folder of the build",
        )


def _date(record: Record, folder: Path) -> datetime:
    try:
        date = ReleaseDate.parse(str(record.facts.get("release_date")))
    except ModelError as error:
        raise FormatError(
            f"it has no release date: {error.problems[0].what}", where=str(folder / RECORD_NAME)
        ) from error
    return datetime.fromtimestamp(date.epoch, UTC)


def time_of(build: Build, certificate: x509.Certificate) -> SigningTime:
    """Return the time that the provenance states: as a signature of the VIB, without a clock.

    Raises:
        SigningError: the certificate is weak, or not valid at this time.
    """
    stated = signing_time(build.released, certificate)
    check_certificate(certificate, stated.moment)
    return stated


def statement(build: Build, finished: datetime, builder: str = "", commit: str = "") -> bytes:
    """Return the statement about a build as JSON; the same build gives the same bytes.

    Args:
        build: the build.
        finished: the time to state.
        builder: URI of the builder, such as the address of a pipeline.
        commit: the git commit that was built; empty if it is not known.

    Raises:
        FormatError: build.json holds what no statement can.
    """
    whole = {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(build)),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": _definition(build.record.facts, commit),
            "runDetails": {
                "builder": {
                    "id": builder or UNNAMED_BUILDER,
                    "version": {"vibforge": str(build.record.facts.get("vibforge"))},
                },
                "metadata": {"finishedOn": f"{finished.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"},
                "byproducts": [_resource(file) for file in build.record.files],
            },
        },
    }
    try:
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
        strict_json.decode(text)  # other readers refuse lone surrogates and deep nesting
    except (ValueError, RecursionError, DecodeError) as error:
        raise FormatError(
            f"this build.json cannot be stated: {error}",
            where=str(build.vib.parent / RECORD_NAME),
            remedy="build again",
        ) from error
    return text.encode("ascii")


def _subjects(build: Build) -> Iterator[JsonObject]:
    yield {"name": build.vib.name, "digest": {"sha256": build.sha256}}
    bundle = build.record.find(WrittenKind.BUNDLE)
    if bundle is not None and _is_unchanged(build.vib.parent, bundle):
        yield _resource(bundle)


def _is_unchanged(folder: Path, written: WrittenFile) -> bool:
    if not is_plain_name(written.name):
        return False
    try:
        digests = digests_of(FileSource.from_path(folder / written.name))
    except FormatError:  # it is not there any more
        return False
    return digests.sha256 == written.sha256


def _resource(file: WrittenFile) -> JsonObject:
    return {"name": file.name, "digest": {"sha256": file.sha256}}


def _definition(facts: Mapping[str, Any], commit: str) -> JsonObject:
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {name: facts[name] for name in _EXTERNAL if name in facts},
        "internalParameters": {name: facts[name] for name in _INTERNAL if name in facts},
        "resolvedDependencies": list(_dependencies(facts, commit)),
    }


def _dependencies(facts: Mapping[str, Any], commit: str) -> Iterator[JsonObject]:
    """Yield vibforge, the commit, and the content of each payload before it was compressed."""
    yield {"name": "vibforge", "uri": f"pkg:pypi/vibforge@{facts.get('vibforge')}"}
    if commit:
        yield {"name": "source", "digest": {"gitCommit": commit}}
    payloads = facts.get("payloads")
    for payload in payloads if isinstance(payloads, list) else ():
        if isinstance(payload, dict) and "uncompressed_sha256" in payload:
            yield {
                "name": f"content of payload {payload.get('name')}",
                "digest": {"sha256": str(payload["uncompressed_sha256"])},
            }
