"""VIBs for tests: a good one by default, of which each part can be another.

A bad VIB is the good one with one part changed: a file, a field of the descriptor or its text, the
payload's content, packing or declaration, the signature, a member, or bytes behind the last one.
"""

import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from msgspec import Struct
from msgspec.structs import replace

from tests.signing import made
from vibforge.formats import ar, gnu_tar, vmtar
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.signing.pki import Credential
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
from vibforge.vib.relationships import Constraint, Provide, Relationships

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GNU = tarfile.GNU_FORMAT

Change = Callable[[bytes], bytes]


class File(Struct, frozen=True, kw_only=True):
    """An entry of a payload: a folder where `content` is None, a link where `link` is given."""

    path: str
    content: bytes | None = b"x\n"
    mode: int = 0o644
    uid: int = 0
    gid: int | None = None
    """That of the user where there is no other."""
    owner: str = "root"
    link: str = ""
    kind: EntryKind | None = None
    """What it is where it is none of these."""

    @property
    def data(self) -> bytes:
        return b"" if self.link else self.content or b""

    @property
    def entry(self) -> ArchiveEntry:
        kind = EntryKind.SYMLINK if self.link else EntryKind.FILE
        return ArchiveEntry(
            path=self.path,
            kind=self.kind or (EntryKind.DIRECTORY if self.content is None else kind),
            mode=self.mode,
            size=len(self.data),
            link=self.link,
            uid=self.uid,
            gid=self.uid if self.gid is None else self.gid,
        )


def folder(path: str, mode: int = 0o755) -> File:
    return File(path=path, content=None, mode=mode)


def tree(*files: File) -> tuple[File, ...]:
    """Return entries in order, with one for each folder that they are in."""
    found = {
        file.path[:at]: folder(file.path[:at])
        for file in files
        for at, letter in enumerate(file.path)
        if letter == "/"
    } | {file.path: file for file in files}
    return tuple(sorted(found.values(), key=lambda file: file.path.split("/")))


FILES = tree(File(path="etc/vmware/firewall/acme.xml", content=b"<ConfigRoot/>\n"))
CONF = File(path="etc/x/x.conf", content=b"a = b\n", mode=0o1644)
LINK = File(path="etc/x/link", link="x.conf", mode=0o777)
LONG = File(path="opt/" + "long-name-" * 12, content=b"abc", mode=0o600)
MIXED = (folder("etc"), folder("etc/x"), CONF, LINK, LONG)
"""Entries of each kind, some of them where a community VIB may have no files."""


def image(files: Sequence[File] = FILES, form: ModuleType | int = GNU) -> bytes:
    """Return a tar of a form of tarfile's, or as one of our own modules writes it."""
    if isinstance(form, ModuleType):
        contents = {file.path: file.data for file in files}
        pieces = form.image([file.entry for file in files])
        return b"".join(p if isinstance(p, bytes) else contents[p.path] for p in pieces)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for file in files:
            about, of = tarfile.TarInfo(file.path), file.entry
            about.mode, about.uid, about.gid = of.mode, of.uid, of.gid
            about.size, about.type, about.linkname = of.size, of.kind.encode(), of.link
            about.uname = about.gname = file.owner
            archive.addfile(about, io.BytesIO(file.data))
    return buffer.getvalue()


VMTAR_IMAGE, GNU_IMAGE = image(MIXED, vmtar), image(MIXED, gnu_tar)


def packed(data: bytes, level: int = 9) -> bytes:
    """Return data in gzip; the same data give the same bytes."""
    return gzip.compress(data, level, mtime=0)


def zstd_compressed(data: bytes, window_log: int | None = None) -> bytes:
    """Return a zstd frame; one with a `window_log` does not tell the size of its content."""
    if window_log is None:
        whole: bytes = zstd.compress(data)
        return whole
    packer = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): window_log})
    frame: bytes = packer.compress(data) + packer.flush()
    return frame


def zstd_in_gzip(data: bytes) -> bytes:
    """Return data as a vzstd payload holds them."""
    return packed(zstd_compressed(data))


def checksum(data: bytes, kind: str = "sha-256", process: str = "") -> Checksum:
    digest = hashlib.new(kind.replace("-", ""), data, usedforsecurity=False).hexdigest()
    return Checksum(checksum_type=kind, digest=digest, verify_process=process)


def payload(
    content: bytes, stored: bytes | None = None, name: str = "acme", kind: str = "tgz"
) -> Payload:
    """Declare a payload with the three digests in VMware's order."""
    stored = packed(content) if stored is None else stored
    return Payload(
        name=name,
        type=kind,
        size=len(stored),
        uncompressed_size=len(content),
        checksums=(
            checksum(content, process="gunzip"),
            checksum(stored),
            checksum(content, "sha-1", "gunzip"),
        ),
    )


def requires(*versions: str) -> SystemRequires:
    """Ask for no maintenance mode, and for a host of these releases."""
    return SystemRequires(
        maintenance_mode=MaintenanceMode(),
        software_platforms=tuple(SoftwarePlatform(version=version) for version in versions),
    )


def related(provides: Sequence[str] = (), **kinds: Sequence[str]) -> Relationships:
    """Return relationships by the words of a recipe: `depends=["a >= 1"]`."""
    return Relationships(
        provides=tuple(map(Provide.parse, provides)),
        **{kind: tuple(map(Constraint.parse, texts)) for kind, texts in kinds.items()},
    )


def listed(files: Sequence[File]) -> tuple[str, ...]:
    return tuple(file.path for file in files if file.content is not None or file.link)


GOOD = Descriptor(
    name="acme",
    version="1.0.0-1",
    vendor="ACME",
    summary="Acme",
    description="Acme",
    release_date="2024-05-01T12:00:00+00:00",
    file_list=listed(FILES),
    acceptance_level="community",
    live_install_allowed=True,
    live_remove_allowed=True,
    cimom_restart=False,
    stateless_ready=True,
    overlay=False,
    system_requires=requires("8.*"),
)
"""What a VIB says of itself, but for its payloads."""


def descriptor(payloads: str = "", **changes: object) -> bytes:
    """Return a descriptor.xml with changes of its fields, and payloads as they are given."""
    text = serialise(replace(GOOD, **changes))
    return text.replace(b"<payloads/>", f"<payloads>{payloads}</payloads>".encode())


def element(*payloads: Payload) -> str:
    """Return payloads as a descriptor declares them."""
    text = serialise(replace(GOOD, payloads=payloads)).decode()
    return text.partition("<payloads>")[2].partition("</payloads>")[0]


def swap(old: str, new: str) -> Change:
    """Return a change of a text that must be there."""

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    return change


def archive(members: Sequence[tuple[str, bytes]], tail: bytes = b"") -> bytes:
    """Return an ar archive as VMware writes it; any names, as no builder of ours would."""
    parts = [ar.MAGIC]
    for name, data in members:
        parts += [f"{name:<16}{0:<12}{0:<6}{0:<6}{0:<8}{len(data):<10}`\n".encode(), data]
        parts += [ar.member_padding(len(data))]
    return b"".join(parts) + tail


def vib(  # noqa: PLR0913 - each is one thing that a test changes
    files: Sequence[File] = FILES,
    *,
    kind: str = "tgz",
    form: ModuleType | int | None = None,
    content: bytes | None = None,
    pack: Change = packed,
    stored: bytes | None = None,
    payload_name: str = "acme",
    declared: Mapping[str, object] | None = None,
    text: bytes | Change = bytes,
    signature: bytes | Change = b"",
    members: Mapping[int, tuple[str, bytes] | None] | None = None,
    tail: bytes = b"",
    **changes: object,
) -> bytes:
    """Make a VIB that is good but for what is asked for.

    Args:
        files: the entries of its payload.
        kind: the payload's type.
        form: the form of its tar, where it is not the one of its type.
        content: the unpacked payload, in place of a tar of `files`.
        pack: what is done to the content, in place of gzip.
        stored: the payload's bytes, in place of the packed content.
        payload_name: the payload's name.
        declared: fields of the payload's declaration.
        text: descriptor.xml in place of the one that fits, or a change of it.
        signature: sig.pkcs7, or what signs the descriptor.
        members: members in place of those at these positions, or around them; None for no member.
        tail: bytes behind the last member.
        changes: fields of the descriptor.
    """
    if content is None:
        usual = vmtar if kind in {"vgz", "vzstd"} else GNU
        content = image(files, usual if form is None else form)
    stored = pack(content) if stored is None else stored
    about = replace(payload(content, stored, payload_name, kind), **(declared or {}))
    of = replace(GOOD, **{"payloads": (about,), "file_list": listed(files), **changes})
    data = text if isinstance(text, bytes) else text(serialise(of))
    block = signature if isinstance(signature, bytes) else signature(data)
    standard = [("descriptor.xml", data), ("sig.pkcs7", block), (payload_name, stored)]
    placed = {**dict(enumerate(standard)), **(members or {})}
    return archive([member for _, member in sorted(placed.items()) if member], tail)


def make(files: Sequence[File] = FILES, **parts: object) -> Vib:
    """Make a VIB and read it."""
    return Vib.from_bytes(vib(files, **parts), "acme.vib")  # type: ignore[arg-type] # those of vib


def write(folder: Path, name: str = "acme", **parts: object) -> Path:
    """Make a VIB of this name in a file of the folder."""
    path = folder / f"{name}.vib"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vib(name=name, **parts))  # type: ignore[arg-type] # those of vib
    return path


MIXED_VIB = vib(MIXED, kind="vgz")


@cache
def signer() -> Credential:
    """Return a certificate that signed itself, with its key."""
    return made.made("Tester", serial=4711)


def sign(text: bytes, *options: pkcs7.PKCS7Options, der: bool = False) -> bytes:
    """Return a detached PKCS#7 signature, in PEM with the label that ESXi asks for."""
    by = signer()
    encoding = serialization.Encoding.DER if der else serialization.Encoding.PEM
    builder = pkcs7.PKCS7SignatureBuilder().set_data(text)
    chosen = options or (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary)
    return builder.add_signer(by.certificate, by.key, hashes.SHA256()).sign(encoding, list(chosen))


def signed_vib(level: str = "partner", **parts: object) -> bytes:
    """Make a VIB that `signer` signed."""
    return vib(signature=sign, acceptance_level=level, **parts)  # type: ignore[arg-type] # those of vib
