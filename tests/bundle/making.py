"""VIB files and bundles for the tests of depots, made from what matters to them."""

import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from tests.vibs import MTIME, archive, descriptor, image, payload_element, zipped
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind

Change = Callable[[bytes], bytes]

_FILE = "opt/x/x.conf"
"""On the list of paths that a community VIB may carry."""
_ENTRIES = (
    *(ArchiveEntry(path, EntryKind.DIRECTORY, 0o755, mtime=MTIME) for path in ("opt", "opt/x")),
    ArchiveEntry(_FILE, EntryKind.FILE, 0o644, size=6, mtime=MTIME),
)


def vib_bytes(
    name: str = "test", filling: bytes = b"a = b\n", *, edit: Change | None = None
) -> bytes:
    """Return a VIB; `edit` changes its descriptor."""
    content = image(entries=_ENTRIES, contents={_FILE: filling.ljust(6)[:6]})
    text = descriptor(payload_element(content, content), name=name, files=(_FILE,))
    text = edit(text) if edit else text
    return archive([("descriptor.xml", text), ("sig.pkcs7", b""), ("payload1", content)])


def vib_file(folder: Path, name: str = "test", **options: object) -> Path:
    """Write a VIB to a file; options are those of `vib_bytes`."""
    path = folder / f"{name}.vib"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vib_bytes(name, **options))  # type: ignore[arg-type] # those of vib_bytes
    return path


def for_platform(version: str) -> Change:
    """Return a change of a descriptor that names a release."""
    platform = (
        f'<softwarePlatform version="{version}" locale="" productLineID="embeddedEsx"/>'
        "</system-requires>"
    ).encode()
    return lambda text: text.replace(b"</system-requires>", platform)


def members(data: bytes) -> dict[str, bytes]:
    """Return what a zip holds."""
    with zipfile.ZipFile(BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def changed(path: Path, outer: Mapping[str, Change], inner: Mapping[str, Change]) -> Path:
    """Change members of a bundle and of its metadata; a change to nothing leaves the member out.

    Names may be beginnings: `vibs/`.
    """
    parts = members(path.read_bytes())
    metadata = _changed(members(parts["metadata.zip"]), inner)
    parts["metadata.zip"] = zipped(list(metadata.items()))
    target = path.with_name(f"changed-{path.name}")
    target.write_bytes(zipped(list(_changed(parts, outer).items())))
    return target


def _changed(parts: dict[str, bytes], changes: Mapping[str, Change]) -> dict[str, bytes]:
    result = {}
    for name, data in parts.items():
        change = next((c for beginning, c in changes.items() if name.startswith(beginning)), None)
        new = change(data) if change else data
        if new:
            result[name] = new
    return result


def text_change(old: str, new: str) -> Change:
    """Return a change of a text that must be there."""

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    return change


def gone(_data: bytes) -> bytes:
    """Leave a member out."""
    return b""
