"""VIBs, payloads, signatures and bundles for tests, put together from readable parts."""

import gzip
import hashlib
import io
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from vibforge.formats import ar, gnu_tar, vmtar
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MTIME = 1_714_564_800

FOLDERS = tuple(
    ArchiveEntry(path, EntryKind.DIRECTORY, 0o755, mtime=MTIME) for path in ("etc", "etc/x")
)
FILE = ArchiveEntry("etc/x/x.conf", EntryKind.FILE, 0o1644, size=6, mtime=MTIME)
LINK = ArchiveEntry("etc/x/link", EntryKind.SYMLINK, 0o777, link="x.conf", mtime=MTIME)
LONG = ArchiveEntry("opt/" + "long-name-" * 12, EntryKind.FILE, 0o600, size=3, mtime=MTIME)
ENTRIES = (*FOLDERS, FILE, LINK, LONG)
CONTENTS = {FILE.path: b"a = b\n", LONG.path: b"abc"}


def image(
    layout: ModuleType = vmtar,
    entries: Sequence[ArchiveEntry] = ENTRIES,
    contents: dict[str, bytes] | None = None,
) -> bytes:
    """Return a tar; entries without a content in `contents` are filled with `x`."""
    given = CONTENTS if contents is None else contents
    return b"".join(
        piece if isinstance(piece, bytes) else given.get(piece.path, b"x" * piece.size)
        for piece in layout.image(list(entries))
    )


def checksum(data: bytes, algorithm: str, process: str = "") -> str:
    """Return a checksum element; `algorithm` is hashlib's name."""
    digest = hashlib.new(algorithm, data).hexdigest()
    name = {"sha1": "sha-1", "sha256": "sha-256"}[algorithm]
    attribute = f' verify-process="{process}"' if process else ""
    return f'<checksum checksum-type="{name}"{attribute}>{digest}</checksum>'


def payload_element(
    stored: bytes, content: bytes, name: str = "payload1", kind: str = "vgz"
) -> str:
    """Return a payload's declaration with the vendor's three digests."""
    digests = (
        checksum(content, "sha256", "gunzip")
        + checksum(stored, "sha256")
        + checksum(content, "sha1", "gunzip")
    )
    return f'<payload name="{name}" type="{kind}" size="{len(stored)}">{digests}</payload>'


def descriptor(
    payloads: str,
    *,
    files: Sequence[str] = (FILE.path, LINK.path, LONG.path),
    level: str = "community",
    extra: str = "",
    name: str = "test",
) -> bytes:
    """Return a descriptor in the vendor's form."""
    listed = "".join(f"<file>{path}</file>" for path in files)
    return (
        f'<vib version="5.0"><type>bootbank</type><name>{name}</name><version>1.0.0-1</version>'
        "<vendor>VFG</vendor><summary>A test</summary><description>A test</description>"
        "<release-date>2024-05-01T12:00:00+00:00</release-date><urls/>"
        "<relationships><depends/><conflicts/><replaces/><provides/><compatibleWith/>"
        "</relationships><software-tags/>"
        "<system-requires><maintenance-mode>false</maintenance-mode></system-requires>"
        f"<file-list>{listed}</file-list><acceptance-level>{level}</acceptance-level>"
        "<live-install-allowed>true</live-install-allowed>"
        "<live-remove-allowed>true</live-remove-allowed><cimom-restart>false</cimom-restart>"
        "<stateless-ready>true</stateless-ready><overlay>false</overlay>"
        f"<payloads>{payloads}</payloads>{extra}</vib>"
    ).encode()


def archive(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an ar archive as the vendor writes it."""
    parts = [ar.MAGIC]
    for name, data in members:
        parts += [ar.member_header(name, len(data)), data, ar.member_padding(len(data))]
    return b"".join(parts)


def vib(  # noqa: PLR0913 - each is one thing that a test varies
    content: bytes | None = None,
    *,
    stored: bytes | None = None,
    signature: bytes = b"",
    level: str = "community",
    kind: str = "vgz",
    name: str = "test",
    files: Sequence[str] = (FILE.path, LINK.path, LONG.path),
) -> bytes:
    """Return a VIB with one payload."""
    content = image() if content is None else content
    stored = gzip.compress(content, mtime=0) if stored is None else stored
    text = descriptor(
        payload_element(stored, content, kind=kind), level=level, name=name, files=files
    )
    return archive([("descriptor.xml", text), ("sig.pkcs7", signature), ("payload1", stored)])


def signed_vib(level: str = "partner") -> bytes:
    """Return a VIB signed by a certificate that signed itself."""
    content = image()
    stored = gzip.compress(content, mtime=0)
    text = descriptor(payload_element(stored, content), level=level)
    return archive([("descriptor.xml", text), ("sig.pkcs7", sign(text)), ("payload1", stored)])


@cache
def signer(common_name: str = "Tester") -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return a key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def sign(text: bytes, *options: pkcs7.PKCS7Options, der: bool = False) -> bytes:
    """Return a detached PKCS#7 signature, in PEM with the label that ESXi asks for."""
    key, certificate = signer()
    encoding = serialization.Encoding.DER if der else serialization.Encoding.PEM
    builder = pkcs7.PKCS7SignatureBuilder().set_data(text)
    chosen = options or (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary)
    return builder.add_signer(certificate, key, hashes.SHA256()).sign(encoding, list(chosen))


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a zip file; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 12, 0, 0)), data)
    return buffer.getvalue()


def bundle(vib_bytes: bytes | None = None, packed_size: str | None = None) -> bytes:
    """Return an offline bundle with one VIB, as the vendor lays it out."""
    data = vib() if vib_bytes is None else vib_bytes
    announced_size = str(len(data)) if packed_size is None else packed_size
    start, end = data.find(b"<vib "), data.find(b"</vib>")
    text = data[start : end + len(b"</vib>")] if 0 < start < end else descriptor("")
    path = "vib20/test/VFG_bootbank_test_1.0.0-1.vib"
    announced = (
        f"<relative-path>{path}</relative-path><packed-size>{announced_size}</packed-size>"
        f"{checksum(data, 'sha256')}"
    )
    vendor_index = (
        b"<metaList><metadata><productId>embeddedEsx</productId><version>8.0</version><locale/>"
        b"<url>metadata.zip</url><channelName>default</channelName></metadata></metaList>"
    )
    bulletin = (
        b"<bulletin><id>test_1.0.0-1</id><vendor>VFG</vendor><summary>A test</summary>"
        b'<componentNameSpec name="test" uiString="Test"/>'
        b'<componentVersionSpec version="1.0.0-1" uiString="1.0.0-1"/>'
        b"<vibList><vibID>VFG_bootbank_test_1.0.0-1</vibID></vibList></bulletin>"
    )
    metadata = zipped(
        [
            ("vendor-index.xml", vendor_index),
            ("vibs/test-1.xml", text.replace(b"</vib>", announced.encode() + b"</vib>")),
            ("bulletins/test.xml", bulletin),
        ]
    )
    index = (
        b"<vendorList><vendor><name>VFG</name><code>VFG</code><indexfile>vendor-index.xml"
        b"</indexfile><relativePath/></vendor></vendorList>"
    )
    return zipped(
        [
            ("index.xml", index),
            ("vendor-index.xml", vendor_index),
            ("metadata.zip", metadata),
            (path, data),
        ]
    )


def gnu_image() -> bytes:
    """Return the usual entries as GNU tar."""
    return image(gnu_tar)


def zstd_compressed(data: bytes, window_log: int | None = None) -> bytes:
    """Return a zstd frame; one with a `window_log` does not tell the size of its content."""
    if window_log is None:
        whole: bytes = zstd.compress(data)
        return whole
    packer = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): window_log})
    frame: bytes = packer.compress(data) + packer.flush()
    return frame
