"""VIBs made by hand, so that each can have exactly one thing wrong with it."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import (
    Checksum,
    Descriptor,
    MaintenanceMode,
    Payload,
    SoftwarePlatform,
    SystemRequires,
    serialise,
)


class File(Struct, frozen=True, kw_only=True):
    """An entry of a payload; a folder where `content` is None, a link where `link` is given."""

    path: str
    content: bytes | None = b"x\n"
    mode: int = 0o644
    uid: int = 0
    owner: str = "root"
    link: str = ""


FILES = (
    File(path="etc", content=None, mode=0o755),
    File(path="etc/vmware", content=None, mode=0o755),
    File(path="etc/vmware/firewall", content=None, mode=0o755),
    File(path="etc/vmware/firewall/acme.xml", content=b"<ConfigRoot/>\n"),
)


def tar(files: Sequence[File], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.path)
            entry.mode, entry.uid, entry.gid = file.mode, file.uid, file.uid
            entry.uname = entry.gname = file.owner
            if file.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
            elif file.content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(file.content)
            archive.addfile(entry, io.BytesIO(file.content or b""))
    return buffer.getvalue()


def checksums(stored: bytes, content: bytes) -> tuple[Checksum, ...]:
    """The three digests in VMware's order."""
    sha256 = hashlib.sha256(content).hexdigest()
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return (
        Checksum(checksum_type="sha-256", digest=sha256, verify_process="gunzip"),
        Checksum(checksum_type="sha-256", digest=hashlib.sha256(stored).hexdigest()),
        Checksum(checksum_type="sha-1", digest=sha1, verify_process="gunzip"),
    )


def payload(name: str, content: bytes, kind: str = "tgz") -> tuple[Payload, bytes]:
    stored = gzip.compress(content, mtime=0)
    declared = Payload(
        name=name,
        type=kind,
        size=len(stored),
        uncompressed_size=len(content),
        checksums=checksums(stored, content),
    )
    return declared, stored


def descriptor(files: Sequence[File], *payloads: Payload) -> Descriptor:
    return Descriptor(
        name="acme",
        version="1.0.0-1",
        vendor="ACME",
        summary="Acme",
        description="Acme",
        release_date="2026-01-01T00:00:00.000000",
        acceptance_level="community",
        file_list=tuple(f.path for f in files if f.content is not None or f.link),
        live_install_allowed=True,
        live_remove_allowed=True,
        overlay=False,
        system_requires=SystemRequires(
            maintenance_mode=MaintenanceMode(),
            software_platforms=(SoftwarePlatform(version="8.*"),),
        ),
        payloads=payloads,
    )


def archive(members: Sequence[tuple[str, bytes]], tail: bytes = b"") -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{0:<8}{len(data):<10}`\n".encode())
        parts += [data, b"\n" * (len(data) % 2)]
    return b"".join(parts) + tail


def make(  # noqa: PLR0913 - each is one thing that a case changes
    files: Sequence[File] = FILES,
    *,
    kind: str = "tgz",
    name: str = "acme",
    form: int = tarfile.GNU_FORMAT,
    signature: bytes = b"",
    text: bytes | None = None,
    image: bytes | None = None,
    tail: bytes = b"",
    members: Mapping[int, tuple[str, bytes]] | None = None,
    declared: Mapping[str, object] | None = None,
    **changes: object,
) -> Vib:
    """Make a VIB that is good but for what is asked for.

    Args:
        files: the entries of its payload.
        kind: the payload's type.
        name: the payload's name.
        form: the tar's.
        signature: sig.pkcs7.
        text: descriptor.xml, in place of the one that fits.
        image: the unpacked payload, in place of a tar of `files`.
        tail: bytes behind the last member.
        members: members in place of those at these positions, or behind them.
        declared: fields of the payload's declaration.
        changes: fields of the descriptor.
    """
    about, stored = payload(name, tar(files, form) if image is None else image, kind)
    about = replace(about, **(declared or {}))
    of = replace(descriptor(files, about), **changes)
    data = serialise(of) if text is None else text
    found = dict(enumerate([("descriptor.xml", data), ("sig.pkcs7", signature), (name, stored)]))
    found |= members or {}
    return Vib.from_bytes(archive([found[at] for at in sorted(found)], tail), "acme.vib")


def text_with(before: str, after: str, files: Sequence[File] = FILES) -> bytes:
    """The good descriptor with one piece of its text replaced."""
    about, _ = payload("acme", tar(files))
    good = serialise(descriptor(files, about)).decode()
    assert before in good
    return good.replace(before, after, 1).encode()
