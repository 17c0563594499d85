"""Offline bundles for tests: a good one of good VIBs, of which each member can be another."""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests import vibs
from tests.vibs import Change
from vibforge.vib.archive import Vib

Changes = Mapping[str, bytes | Change]
"""Members by name, or changes of those whose name starts so; a change to nothing drops a member."""

INDEX = (
    b"<vendorList><vendor><name>ACME</name><code>ACM</code><indexfile>vendor-index.xml"
    b"</indexfile><relativePath/></vendor></vendorList>"
)
VENDOR_INDEX = (
    b"<metaList><metadata><productId>embeddedEsx</productId><version>8.0</version><locale/>"
    b"<url>metadata.zip</url><channelName>default</channelName></metadata></metaList>"
)
PATH = "vib20/acme/ACME_bootbank_acme_1.0.0-1.vib"
"""Where the good bundle has its VIB."""


def zipped(held: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip file; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in held:
            file.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 12, 0, 0)), data)
    return buffer.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """Return what a zip holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def bundle(*held: bytes, outer: Changes | None = None, inner: Changes | None = None) -> bytes:
    """Return a bundle of VIBs as VMware lays it out, with changes of it and of its metadata."""
    whole, inside = {"index.xml": INDEX, "vendor-index.xml": VENDOR_INDEX, "metadata.zip": b""}, {}
    found = [Vib.from_bytes(data) for data in held or (vibs.vib(),)]
    for each in found:
        about = each.descriptor
        path, data = f"vib20/{about.name}/{about.vib_id}.vib", each.to_bytes()
        whole[path] = data
        inside[f"vibs/{about.name}.xml"] = announced(each.descriptor_bytes, path, data)
    inside["bulletins/acme.xml"] = bulletin(*(each.descriptor.vib_id for each in found))
    whole["metadata.zip"] = zipped({"vendor-index.xml": VENDOR_INDEX, **inside}.items())
    return changed(zipped(whole.items()), outer or {}, inner or {})


def announced(text: bytes, path: str, data: bytes) -> bytes:
    """Return a descriptor with what the metadata of a bundle add to it."""
    digest = vibs.checksum(data)
    place = (
        f"<relative-path>{path}</relative-path><packed-size>{len(data)}</packed-size>"
        f'<checksum checksum-type="{digest.checksum_type}">{digest.digest}</checksum></vib>'
    )
    return text.replace(b"</vib>", place.encode())


def bulletin(*vib_ids: str, name: str = "acme") -> bytes:
    return (
        f"<bulletin><id>{name}_1.0.0-1</id><vendor>ACME</vendor><summary>Acme</summary>"
        f'<componentNameSpec name="{name}" uiString="Acme"/>'
        f'<componentVersionSpec version="1.0.0-1" uiString="1.0.0-1"/>'
        f"<vibList>{''.join(f'<vibID>{each}</vibID>' for each in vib_ids)}</vibList></bulletin>"
    ).encode()


def changed(data: bytes, outer: Changes, inner: Changes) -> bytes:
    """Change members of a bundle and of its metadata."""
    parts = members(data)
    if inner:
        parts["metadata.zip"] = zipped(_changed(members(parts["metadata.zip"]), inner).items())
    return zipped(_changed(parts, outer).items())


def changed_file(path: Path, outer: Changes, inner: Changes) -> Path:
    """Write a bundle with changed members beside the one in a file."""
    target = path.with_name(f"changed-{path.name}")
    target.write_bytes(changed(path.read_bytes(), outer, inner))
    return target


def _changed(parts: Mapping[str, bytes], changes: Changes) -> dict[str, bytes]:
    result = dict(parts)
    for start, change in changes.items():
        if isinstance(change, bytes):
            result[start] = change
        else:
            touched = [name for name in parts if name.startswith(start)]
            result |= {name: change(result[name]) for name in touched}
    return {
        name: data for name, data in result.items() if data or isinstance(changes.get(name), bytes)
    }


def packed_size(size: str) -> Change:
    """Return a change of what the metadata say of the size of a VIB."""
    return lambda text: re.sub(rb"(?<=<packed-size>)\d+", size.encode(), text)


def gone(_data: bytes) -> bytes:
    """Leave a member out."""
    return b""
