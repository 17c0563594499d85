"""The record of a build, build.json: its inputs, its tools, and every file that it wrote."""

import hashlib
import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct
from msgspec.structs import asdict

from vibforge import __version__
from vibforge.errors import FormatError
from vibforge.formats.deflating import Level, Member, codec_release
from vibforge.project.plan_build import BuildPlan
from vibforge.project.recipe_writing import table
from vibforge.trx.check import allowed

if TYPE_CHECKING:
    from vibforge.signing.signer import Signer

RECORD_NAME = "build.json"
FORMAT = "vibforge/record/2"
RECORD_LIMIT = 16 * 1024 * 1024
"""Bytes of a record; a recipe, most of it, has at most 4 MiB."""
FILE_LIMIT = 10_000
"""Files that a list may name; a build writes eight, a ledger keeps those of older versions."""
_SHA256 = re.compile("[0-9a-f]{64}")

Facts = dict[str, Any]


class FileKind(StrEnum):
    """What a file that a build writes is."""

    VIB = "vib"
    DESCRIPTOR = "descriptor"
    SIGNATURE = "signature"
    INSTRUCTIONS = "instructions"
    SCRIPT = "script"
    BUNDLE = "bundle"
    CHECKSUMS = "checksums"


class WrittenFile(Struct, frozen=True, kw_only=True):
    """A file that was written into an output folder; size in bytes, digest in hex."""

    kind: FileKind
    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, kind: FileKind, name: str, data: bytes) -> Self:
        """Describe a file by its content."""
        return cls(kind=kind, name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


class Record(Struct, frozen=True, kw_only=True):
    """A record that was read. It may be forged: `files` has the right form, no more."""

    facts: Facts
    files: tuple[WrittenFile, ...]

    def find(self, kind: FileKind) -> WrittenFile | None:
        """Return the first file of a kind."""
        return next((file for file in self.files if file.kind is kind), None)


def inputs(plan: BuildPlan, level: Level, signer: "Signer | None") -> Facts:
    """Return what decides the content of the VIB, apart from the bytes of its payloads."""
    return {
        "format": FORMAT,
        "vibforge": __version__,
        "codec": codec_release(),
        "compression_level": level.name.lower(),
        "release_date": str(plan.dated.date),
        "release_date_source": plan.dated.source.value,
        "certificates": _fingerprints(signer),
        "recipe": table(plan.recipe),
        "allowed": allowed(plan.trx),
    }


def record(inputs: Facts, names: Sequence[str], members: Sequence[Member]) -> Facts:
    """Return build.json without its list of files.

    Args:
        inputs: from the function of this name.
        names: the payloads' names.
        members: the payloads as packed, in the same order.
    """
    payloads = [
        {
            "name": name,
            "size": member.size,
            "sha256": member.sha256,
            "uncompressed_size": member.content_size,
            "uncompressed_sha256": member.content_sha256,
        }
        for name, member in zip(names, members, strict=True)
    ]
    return {**inputs, "payloads": payloads}


def serialise(facts: Facts, files: Sequence[WrittenFile]) -> bytes:
    """Return the bytes of a record or ledger; the same values give the same bytes anywhere."""
    whole = {**facts, "files": [asdict(file) for file in files]}
    return json.dumps(whole, indent=2).encode("ascii") + b"\n"


def parse(data: bytes, shape: str, where: str) -> Record:
    """Read a record or ledger.

    Args:
        data: its bytes.
        shape: the `format` that it must have.
        where: its path, for messages.

    Raises:
        FormatError: it is not JSON of this format, or its list of files is malformed or too long.
    """
    try:
        facts = _object(json.loads(data), shape)
        return Record(facts=facts, files=_files(facts.get("files")))
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"not a file that this vibforge wrote: {error}",
            where=where,
            remedy="remove it by hand if nobody needs it; a build writes it again",
        ) from error


def _object(value: object, shape: str) -> Facts:
    if not isinstance(value, dict) or value.get("format") != shape:
        raise ValueError(f"its format is not {shape}")
    return value


def _files(listed: object) -> tuple[WrittenFile, ...]:
    if not isinstance(listed, list) or len(listed) > FILE_LIMIT:
        raise ValueError(f"`files` is not a list of at most {FILE_LIMIT} files")
    return tuple(_file(entry, index) for index, entry in enumerate(listed))


def _file(entry: object, index: int) -> WrittenFile:
    match entry:
        case {"kind": str(kind), "name": str(name), "size": int(size), "sha256": str(sha256)} if (
            _SHA256.fullmatch(sha256) and kind in set(FileKind)
        ):
            return WrittenFile(kind=FileKind(kind), name=name, size=size, sha256=sha256)
    raise ValueError(f"files[{index}] does not have a known kind, a name, a size and a sha256")


def _fingerprints(signer: "Signer | None") -> list[str]:
    if signer is None:
        return []
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - signed builds only

    return [certificate.fingerprint(SHA256()).hex() for certificate in signer.certificates]
