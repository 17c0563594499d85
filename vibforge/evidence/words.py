"""What an SBOM says of a VIB and its files, in the words of both formats."""

from collections.abc import Iterator
from uuid import UUID, uuid5

from vibforge import __version__
from vibforge.errors import escaped
from vibforge.evidence.contents import Digests, ListedFile, ListedVib, PackageContents

_NAMESPACE = UUID("5d2dd0f4-5b0b-5d0a-9c56-7e5a8f3c1f0e")
"""Of the identifiers of vibforge's documents: fixed, so that they depend on the package only."""

Facts = Iterator[tuple[str, str]]
"""Names and values; a value may be empty."""


def document_id(contents: PackageContents, form: str) -> UUID:
    """Return the identifier of a document: the same package and vibforge give the same one."""
    return uuid5(_NAMESPACE, f"{form} {__version__} {contents.name} {contents.digests.sha256}")


def one_line(text: str) -> str:
    """Return a text in one line, with the characters escaped that cannot be printed."""
    return escaped(" ".join(text.split()))


def facts_of_vib(vib: ListedVib) -> Facts:
    """Yield what the formats have no field for."""
    descriptor, relationships = vib.descriptor, vib.descriptor.relationships
    yield "vib-id", one_line(descriptor.vib_id)
    yield "member", vib.member
    yield "type", one_line(descriptor.type or "")
    yield "acceptance-level", descriptor.level.esxcli_name
    yield "signed", "yes" if vib.is_signed else "no"
    yield "release-date", one_line(descriptor.release_date or "")
    yield from size_of(vib.digests)
    for name, values in (
        ("depends", relationships.depends),
        ("conflicts", relationships.conflicts),
        ("replaces", relationships.replaces),
        ("provides", relationships.provides),
        ("compatible-with", relationships.compatible_with),
    ):
        for value in values:
            yield name, one_line(str(value))


def facts_of_file(file: ListedFile) -> Facts:
    """Yield kind, mode and owner of a file, and where a link leads."""
    yield "kind", file.kind
    yield "link-target", file.link
    yield "mode", f"{file.mode:04o}"
    yield "owner", f"{file.uid}:{file.gid}"
    if file.digests:
        yield from size_of(file.digests)


def size_of(digests: Digests) -> Facts:
    """Yield the size in bytes."""
    yield "size", str(digests.size)
