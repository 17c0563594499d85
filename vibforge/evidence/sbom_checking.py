"""Check a package against an SBOM in CycloneDX or SPDX, whoever made it.

The subject, the VIBs, payloads and files must be those of the package, each with its SHA-256. What
vibforge's own SBOMs say beyond that (mode, owner, level and so on) must be true as well. Nothing
here needs the libraries that write SBOMs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError, field, json

from vibforge.errors import FormatError, escaped
from vibforge.evidence.contents import (
    ListedFile,
    ListedPayload,
    ListedVib,
    PackageContents,
    PackageKind,
)
from vibforge.evidence.words import facts_of_file, facts_of_vib, one_line, size_of
from vibforge.files.inputs import read_file

SIZE_LIMIT = 24 * 1024 * 1024
"""Bytes of an SBOM; one with 10,000 files has 12 MB."""
_PREFIX = "vibforge:"
_NOT_AN_SBOM = "not an SBOM in CycloneDX or SPDX 2 as JSON"

Facts = frozenset[tuple[str, str]]


class Item(Struct, frozen=True):
    """A package, VIB, payload or file, with its SHA-256 in hex and its facts.

    `sha256` is empty for links and devices, and where an SBOM states none.
    """

    name: str
    sha256: str
    facts: Facts = frozenset()


class Inventory(Struct, frozen=True, kw_only=True):
    """A package, or what an SBOM says of one: the subject, and everything in it."""

    subject: Item
    items: tuple[Item, ...]


class Difference(Struct, frozen=True):
    """What an SBOM says otherwise; `where` is a path or name, empty for the package itself."""

    where: str
    what: str


class _Form(Struct, rename="camel"):
    bom_format: str = ""
    spdx_version: str = ""


class _Named(Struct, rename="camel"):
    name: str = ""
    value: str = ""


class _Digest(Struct, rename="camel"):
    alg: str = ""
    content: str = ""
    algorithm: str = ""
    checksum_value: str = ""


class _Component(Struct, rename="camel"):
    name: str
    version: str = ""
    supplier: _Named | None = None
    hashes: tuple[_Digest, ...] = ()
    properties: tuple[_Named, ...] = ()
    components: "tuple[_Component, ...]" = ()


class _Metadata(Struct, rename="camel"):
    component: _Component


class _CycloneDx(Struct, rename="camel"):
    metadata: _Metadata
    components: tuple[_Component, ...] = ()


class _Package(Struct, rename="camel"):
    name: str
    id: str = field(name="SPDXID")
    version_info: str = ""
    supplier: str = ""
    checksums: tuple[_Digest, ...] = ()
    comment: str = ""


class _File(Struct, rename="camel"):
    file_name: str
    checksums: tuple[_Digest, ...] = ()
    comment: str = ""


class _Relationship(Struct, rename="camel"):
    spdx_element_id: str = ""
    relationship_type: str = ""
    related_spdx_element: str = ""


class _Spdx(Struct, rename="camel"):
    packages: tuple[_Package, ...]
    files: tuple[_File, ...] = ()
    relationships: tuple[_Relationship, ...] = ()
    document_describes: tuple[str, ...] = ()


def read_sbom(path: Path) -> Inventory:
    """Read an SBOM.

    Raises:
        FormatError: it cannot be read, is too long, or is not JSON of CycloneDX or SPDX 2.
    """
    data = read_file(path, SIZE_LIMIT, FormatError)
    try:
        form = json.decode(data, type=_Form)
        if form.bom_format:
            return _of_cyclonedx(json.decode(data, type=_CycloneDx))
        if form.spdx_version:
            return _of_spdx(json.decode(data, type=_Spdx))
    except (DecodeError, ValidationError, RecursionError) as error:
        raise FormatError(f"{_NOT_AN_SBOM}: {error}", where=str(path)) from error
    raise FormatError(_NOT_AN_SBOM, where=str(path))


def _of_cyclonedx(bom: _CycloneDx) -> Inventory:
    root = bom.metadata.component
    items = tuple(map(_component, _below([*root.components, *bom.components])))
    return Inventory(subject=_component(root), items=items)


def _below(components: Iterable[_Component]) -> Iterator[_Component]:
    for component in components:
        yield component
        yield from _below(component.components)


def _component(component: _Component) -> Item:
    facts = [
        (each.name.removeprefix(_PREFIX), each.value)
        for each in component.properties
        if each.name.startswith(_PREFIX)
    ]
    supplier = component.supplier.name if component.supplier else ""
    hashes = {each.alg: each.content.lower() for each in component.hashes}
    return Item(
        _plain(component.name),
        hashes.get("SHA-256", ""),
        _facts([*facts, ("version", component.version), ("supplier", supplier)]),
    )


def _of_spdx(document: _Spdx) -> Inventory:
    described = set(document.document_describes) | {
        each.related_spdx_element
        for each in document.relationships
        if each.relationship_type == "DESCRIBES"
    }
    subjects = [package for package in document.packages if package.id in described]
    if len(subjects) != 1:
        raise ValidationError(f"it describes {len(subjects)} packages instead of one")
    others = [package for package in document.packages if package is not subjects[0]]
    files = (_item(_plain(each.file_name), each.checksums, each.comment) for each in document.files)
    return Inventory(subject=_package(subjects[0]), items=(*map(_package, others), *files))


def _package(package: _Package) -> Item:
    supplier = package.supplier.removeprefix("Organization: ")
    return _item(
        package.name,
        package.checksums,
        package.comment,
        [
            ("version", package.version_info),
            ("supplier", "" if supplier == "NOASSERTION" else supplier),
        ],
    )


def _item(
    name: str, checksums: Iterable[_Digest], comment: str, facts: Iterable[tuple[str, str]] = ()
) -> Item:
    digests = {each.algorithm: each.checksum_value.lower() for each in checksums}
    lines = (
        line.removeprefix(_PREFIX).partition(": ")
        for line in comment.splitlines()
        if line.startswith(_PREFIX)
    )
    stated = [(name, value) for name, _colon, value in lines]
    return Item(name, digests.get("SHA256", ""), _facts([*stated, *facts]))


def _plain(name: str) -> str:
    return name.removeprefix("./").removeprefix("/")


def _facts(facts: Iterable[tuple[str, str]]) -> Facts:
    return frozenset((name, value) for name, value in facts if value)


def inventory_of(contents: PackageContents) -> Inventory:
    """Return what an SBOM of a package has to say."""
    below = tuple(_inside(contents))
    if contents.kind is PackageKind.VIB:
        (vib,) = contents.vibs
        return Inventory(subject=_vib(vib), items=below)
    facts = [("kind", contents.kind), ("supplier", one_line(contents.vendor))]
    digests = contents.digests
    subject = Item(contents.name, digests.sha256, _facts([*facts, *size_of(digests)]))
    return Inventory(subject=subject, items=(*map(_vib, contents.vibs), *below))


def _inside(contents: PackageContents) -> Iterator[Item]:
    for vib in contents.vibs:
        for payload in vib.payloads:
            yield _payload(payload)
            yield from map(_file, payload.files)


def _vib(vib: ListedVib) -> Item:
    descriptor = vib.descriptor
    named = (
        ("version", one_line(descriptor.version)),
        ("supplier", one_line(descriptor.vendor)),
    )
    facts = _facts([*facts_of_vib(vib), *named])
    return Item(one_line(descriptor.name), vib.digests.sha256, facts)


def _payload(payload: ListedPayload) -> Item:
    facts = _facts([("payload-type", payload.type), *size_of(payload.digests)])
    return Item(payload.name, payload.digests.sha256, facts)


def _file(file: ListedFile) -> Item:
    sha256 = file.digests.sha256 if file.digests else ""
    return Item(file.path, sha256, _facts(facts_of_file(file)))


def differences(package: Inventory, sbom: Inventory) -> Iterator[Difference]:
    """Yield where an SBOM differs from a package: the package itself, then its parts by name."""
    for what in _told_apart(package.subject, sbom.subject):
        yield Difference("", what)
    there, stated = _by_name(package.items), _by_name(sbom.items)
    for name in sorted(there.keys() | stated.keys()):
        for what in _compared(there[name], stated[name]):
            yield Difference(escaped(name), what)


def _by_name(items: Iterable[Item]) -> defaultdict[str, list[Item]]:
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.name].append(item)
    return found


def _compared(there: list[Item], stated: list[Item]) -> Iterator[str]:
    """Compare the parts of one name; several of one name are paired by their digests."""
    if not stated:
        yield "is not in the SBOM"
    elif not there:
        yield "is in the SBOM, and not in the package"
    elif len(there) != len(stated):
        yield f"occurs {len(there)} times, and {len(stated)} times in the SBOM"
    else:
        for one, other in zip(sorted(there, key=_key), sorted(stated, key=_key), strict=True):
            yield from _told_apart(one, other)


def _key(item: Item) -> tuple[str, list[tuple[str, str]]]:
    return item.sha256, sorted(item.facts)


def _told_apart(there: Item, stated: Item) -> Iterator[str]:
    if there.sha256 and there.sha256 != stated.sha256:
        said = f"says {escaped(stated.sha256)}" if stated.sha256 else "states none"
        yield f"has SHA-256 {there.sha256}, and the SBOM {said}"
    for name, value in sorted(stated.facts - there.facts):
        yield f"the SBOM says {escaped(name)} {escaped(value)}"
