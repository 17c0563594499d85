"""Write CycloneDX 1.6 as JSON, by cyclonedx-python-lib.

A component stands for each thing that has a digest: the package, each VIB of a bundle, each payload
in its VIB, each file in its payload. What CycloneDX has no field for is a property `vibforge:NAME`.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6

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

_VERSION_LENGTH = 1024
"""Most characters of a version since CycloneDX 1.6; the property with the VIB ID has it whole."""


def cyclonedx(contents: PackageContents) -> bytes:
    """Return the SBOM of a package; the same package gives the same bytes."""
    if contents.kind is PackageKind.VIB:
        (vib,) = contents.vibs
        root, parts = _vib("vib-1", vib), _payloads("vib-1", vib)
    else:
        root = _bundle(contents)
        parts = [_whole_vib(f"vib-{number}", vib) for number, vib in enumerate(contents.vibs, 1)]
    bom = Bom(
        serial_number=document_id(contents, "cyclonedx"),
        metadata=BomMetaData(
            timestamp=datetime.fromtimestamp(contents.date.epoch, UTC),
            tools=ToolRepository(components=[_tool()]),
            component=root,
        ),
        components=parts,
    )
    bom.register_dependency(root, parts)
    text: str = JsonV1Dot6(bom).output_as_string()
    return json.dumps(json.loads(text), indent=2, sort_keys=True).encode("ascii") + b"\n"


def _tool() -> Component:
    return Component(type=ComponentType.APPLICATION, name="vibforge", version=__version__)


def _bundle(contents: PackageContents) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref="bundle",
        name=contents.name,
        supplier=_supplier(contents.vendor),
        hashes=_hashes(contents.digests),
        properties=_properties([("kind", contents.kind), *size_of(contents.digests)]),
    )


def _whole_vib(ref: str, vib: ListedVib) -> Component:
    component = _vib(ref, vib)
    component.components = _payloads(ref, vib)
    return component


def _vib(ref: str, vib: ListedVib) -> Component:
    descriptor = vib.descriptor
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref=ref,
        name=one_line(descriptor.name),
        version=_version(descriptor.version),
        description=one_line(descriptor.summary) or None,
        supplier=_supplier(descriptor.vendor),
        purl=package_url(vib),
        hashes=_hashes(vib.digests),
        properties=_properties(facts_of_vib(vib)),
    )


def _version(text: str) -> str | None:
    version = one_line(text)
    return version if 0 < len(version) <= _VERSION_LENGTH else None


def _supplier(vendor: str) -> OrganizationalEntity | None:
    name = one_line(vendor)
    return OrganizationalEntity(name=name) if name else None


def _payloads(ref: str, vib: ListedVib) -> list[Component]:
    return [
        _payload(f"{ref}-payload-{number}", each) for number, each in enumerate(vib.payloads, 1)
    ]


def _payload(ref: str, payload: ListedPayload) -> Component:
    return Component(
        type=ComponentType.FILE,
        bom_ref=ref,
        name=payload.name,
        hashes=_hashes(payload.digests),
        properties=_properties([("payload-type", payload.type), *size_of(payload.digests)]),
        components=[_file(f"{ref}-file-{at}", file) for at, file in enumerate(payload.files, 1)],
    )


def _file(ref: str, file: ListedFile) -> Component:
    return Component(
        type=ComponentType.FILE,
        bom_ref=ref,
        name=f"/{file.path}",
        hashes=_hashes(file.digests) if file.digests else [],
        properties=_properties(facts_of_file(file)),
    )


def _hashes(digests: Digests) -> list[HashType]:
    return [
        HashType(alg=HashAlgorithm.SHA_1, content=digests.sha1),
        HashType(alg=HashAlgorithm.SHA_256, content=digests.sha256),
    ]


def _properties(facts: Iterable[tuple[str, str]]) -> list[Property]:
    return [Property(name=f"vibforge:{name}", value=value) for name, value in facts if value]
