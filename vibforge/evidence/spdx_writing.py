"""Write SPDX 2.3 as JSON, by spdx-tools.

A package stands for the VIB or bundle and for each VIB of a bundle, a file for each payload and for
each file in it. What SPDX has no field for is in the comments, a line each. SPDX demands digests of
links as well: theirs are of the target's path, and the package verification code leaves them out.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO

from msgspec import Struct, field
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.checksum import Checksum, ChecksumAlgorithm
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.file import File, FileType
from spdx_tools.spdx.model.package import (
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
    PackageVerificationCode,
)
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from vibforge import __version__
from vibforge.evidence.contents import (
    Digests,
    ListedFile,
    ListedPayload,
    ListedVib,
    PackageContents,
    PackageKind,
)
from vibforge.evidence.package_url import package_url
from vibforge.evidence.words import (
    document_id,
    facts_of_file,
    facts_of_vib,
    one_line,
    size_of,
)

_DOCUMENT = "SPDXRef-DOCUMENT"
_LINK = "It is not a file: its digests are those of the text of its target."


def spdx(contents: PackageContents) -> bytes:
    """Return the SBOM of a package; the same package gives the same bytes."""
    parts = _Parts()
    if contents.kind is PackageKind.BUNDLE:
        parts.packages.append(_bundle(contents))
        parts.relate(_DOCUMENT, RelationshipType.DESCRIBES, "SPDXRef-Bundle")
    for number, vib in enumerate(contents.vibs, 1):
        vib_ref = f"SPDXRef-Vib-{number}"
        if contents.kind is PackageKind.BUNDLE:
            parts.relate("SPDXRef-Bundle", RelationshipType.CONTAINS, vib_ref)
        else:
            parts.relate(_DOCUMENT, RelationshipType.DESCRIBES, vib_ref)
        parts.add_vib(vib_ref, vib, contents.name)
    document = Document(
        creation_info=_creation(contents),
        packages=parts.packages,
        files=parts.files,
        relationships=parts.relationships,
    )
    stream = StringIO()
    # The library's own check takes time by the square of the files; the tests run it.
    write_document_to_stream(document, stream, validate=False, drop_duplicates=False)
    return json.dumps(json.loads(stream.getvalue()), indent=2, sort_keys=True).encode() + b"\n"


def _creation(contents: PackageContents) -> CreationInfo:
    return CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=contents.name,
        document_namespace=f"urn:uuid:{document_id(contents, 'spdx')}",
        creators=[Actor(ActorType.TOOL, f"vibforge-{__version__}")],
        created=datetime.fromtimestamp(contents.date.epoch, UTC).replace(tzinfo=None),
    )


class _Parts(Struct):
    """The elements of a document, in the order in which they are written."""

    packages: list[Package] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)

    def relate(self, one: str, kind: RelationshipType, other: str) -> None:
        self.relationships.append(Relationship(one, kind, other))

    def add_vib(self, ref: str, vib: ListedVib, file_name: str) -> None:
        begin, links = len(self.files), []
        for number, payload in enumerate(vib.payloads, 1):
            payload_ref = f"{ref}-Payload-{number}"
            self.files.append(_payload(payload_ref, payload))
            self.relate(ref, RelationshipType.CONTAINS, payload_ref)
            for at, file in enumerate(payload.files, 1):
                file_ref = f"{payload_ref}-File-{at}"
                self.files.append(_file(file_ref, file))
                self.relate(payload_ref, RelationshipType.CONTAINS, file_ref)
                links += [] if file.digests else [f"./{file.path}"]
        code = _verification_code(self.files[begin:], links)
        self.packages.append(_vib(ref, vib, file_name, code))


def _verification_code(files: Iterable[File], links: list[str]) -> PackageVerificationCode:
    """Return the package verification code (SPDX 2.3, clause 7.9)."""
    excluded = set(links)
    sha1s = sorted(
        checksum.value
        for file in files
        if file.name not in excluded
        for checksum in file.checksums
        if checksum.algorithm is ChecksumAlgorithm.SHA1
    )
    value = hashlib.sha1("".join(sha1s).encode(), usedforsecurity=False).hexdigest()
    return PackageVerificationCode(value, excluded_files=list(dict.fromkeys(links)))


def _bundle(contents: PackageContents) -> Package:
    return Package(
        spdx_id="SPDXRef-Bundle",
        name=contents.name,
        file_name=contents.name,
        download_location=SpdxNoAssertion(),
        supplier=_supplier(contents.vendor),
        files_analyzed=False,
        checksums=_checksums(contents.digests),
        comment=_comment([("kind", contents.kind), *size_of(contents.digests)]),
        primary_package_purpose=PackagePurpose.ARCHIVE,
        release_date=datetime.fromtimestamp(contents.date.epoch, UTC).replace(tzinfo=None),
    )


def _vib(ref: str, vib: ListedVib, file_name: str, code: PackageVerificationCode) -> Package:
    descriptor = vib.descriptor
    return Package(
        spdx_id=ref,
        name=one_line(descriptor.name),
        version=one_line(descriptor.version) or None,
        file_name=vib.member or file_name,
        download_location=SpdxNoAssertion(),
        supplier=_supplier(descriptor.vendor),
        files_analyzed=True,
        verification_code=code,
        checksums=_checksums(vib.digests),
        license_concluded=SpdxNoAssertion(),
        license_declared=SpdxNoAssertion(),
        copyright_text=SpdxNoAssertion(),
        summary=one_line(descriptor.summary) or None,
        description=one_line(descriptor.description) or None,
        comment=_comment(facts_of_vib(vib)),
        external_references=list(_references(vib)),
        primary_package_purpose=PackagePurpose.INSTALL,
    )


def _references(vib: ListedVib) -> Iterator[ExternalPackageRef]:
    if url := package_url(vib):
        category = ExternalPackageRefCategory.PACKAGE_MANAGER
        yield ExternalPackageRef(category, "purl", url.to_string())


def _supplier(vendor: str) -> Actor | SpdxNoAssertion:
    """Return a vendor; SPDX takes what stands in parentheses for an address, so none has any."""
    name = one_line(vendor)
    if not name or set(name) & set("()"):
        return SpdxNoAssertion()
    return Actor(ActorType.ORGANIZATION, name)


def _payload(ref: str, payload: ListedPayload) -> File:
    return File(
        name=f"./{payload.name}",
        spdx_id=ref,
        checksums=_checksums(payload.digests),
        file_types=[FileType.ARCHIVE],
        comment=_comment([("payload-type", payload.type), *size_of(payload.digests)]),
    )


def _file(ref: str, file: ListedFile) -> File:
    comment = _comment(facts_of_file(file))
    return File(
        name=f"./{file.path}",
        spdx_id=ref,
        checksums=_checksums(file.digests or _digests_of_text(file.link)),
        comment=comment if file.digests else f"{comment}\n{_LINK}",
    )


def _digests_of_text(text: str) -> Digests:
    data = text.encode()
    return Digests(
        size=len(data),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _checksums(digests: Digests) -> list[Checksum]:
    return [
        Checksum(ChecksumAlgorithm.SHA1, digests.sha1),
        Checksum(ChecksumAlgorithm.SHA256, digests.sha256),
    ]


def _comment(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"vibforge:{name}: {value}" for name, value in facts if value)
