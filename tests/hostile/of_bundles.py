"""Offline bundles: the zip, its metadata and what they announce."""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from tests import bundles, vibs
from tests.hostile.case import Hostile, file_input
from tests.signing import made
from vibforge.signing.pki import Credential

_READ = ("bundle inspect b.zip", "bundle verify b.zip", "lint b.zip")
_PLAN = (*_READ, "plan b.zip --esxi 8.0", "bundle modernise b.zip -o new.zip --vendor-code ABC")
Members = Sequence[tuple[str, bytes]]


def _bundle(outer: Members = (), inner: Members = ()) -> bytes:
    """Return the usual bundle with some members in the place of its own, or beside them."""
    return bundles.bundle(outer=dict(outer), inner=dict(inner))


def _repeated(n: int, member: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for index in range(n // 120):
            file.writestr(member[0].format(index), member[1])
    return buffer.getvalue()


def _many(n: int, size: int, element: Callable[[int], str]) -> str:
    return "".join(element(i) for i in range(n // size))


def _bulletin(i: int, vib_ids: str = "<vibID>ACME_bootbank_acme_1.0.0-1</vibID>") -> bytes:
    return (
        f"<bulletin><id>b{i}</id><vendor>V</vendor><summary>s</summary>"
        f'<componentNameSpec name="c{i}" uiString="x"/>'
        f'<componentVersionSpec version="1.{i}-1" uiString="x"/>'
        f"<vibList>{vib_ids}</vibList></bulletin>"
    ).encode()


def _announcement(i: int) -> bytes:
    return bundles.announced(vibs.descriptor(name=f"v{i}"), "vib20/a.vib", b"x")


def _index(vendors: str) -> bytes:
    return f"<vendorList>{vendors}</vendorList>".encode()


def _vendor_index(platforms: str) -> bytes:
    return f"<metaList>{platforms}</metaList>".encode()


def _metadata(i: int) -> str:
    return (
        f"<metadata><productId>embeddedEsx</productId><version>8.{i}</version><locale/>"
        f"<url>metadata.zip</url><channelName>c{i}</channelName></metadata>"
    )


_VENDOR = (
    "<vendor><name>V{0}</name><code>V{0}</code><indexfile>vendor-index.xml</indexfile>"
    "<relativePath/></vendor>"
)


def _overlapping(n: int) -> bytes:
    """Return a zip whose central directory names one member again and again."""
    whole = bundles.zipped([("index.xml", b"<vendorList/>" * 50)])
    start, size = whole.find(b"PK\1\2"), len(whole) - 22 - whole.find(b"PK\1\2")
    count = min(n // size, 60_000)
    end = bytearray(whole[-22:])
    end[8:12] = count.to_bytes(2, "little") * 2
    end[12:16] = (count * size).to_bytes(4, "little")
    return whole[:start] + whole[start : start + size] * count + bytes(end)


_BUNDLES: dict[str, Callable[[int], bytes]] = {
    "members": lambda n: _repeated(n, ("a{0}", b"")),
    "vib-members": lambda n: _repeated(n, ("a{0}.vib", b"x")),
    "folders": lambda n: _repeated(n, ("a{0}/", b"")),
    "paths": lambda n: _repeated(n, ("a/" * 40 + "{0}", b"")),
    "zips": lambda n: _repeated(n, ("{0}.zip", bundles.zipped([("index.xml", b"<a/>")]))),
    "upper-and-lower": lambda n: _repeated(n, ("INDEX{0}.xml", b"<a/>")),
    "bomb": lambda n: _bundle([("a", bytes(n * 40))]),
    "index-bomb": lambda n: _bundle([("index.xml", b" " * (n * 20))]),
    "index-elements": lambda n: _bundle([("index.xml", _index("<a/>" * (n // 4)))]),
    "vendors": lambda n: _bundle([("index.xml", _index(_many(n, 110, _VENDOR.format)))]),
    "platforms": lambda n: _bundle([("vendor-index.xml", _vendor_index(_many(n, 150, _metadata)))]),
    "inner-platforms": lambda n: _bundle(
        inner=[("vendor-index.xml", _vendor_index(_many(n, 150, _metadata)))]
    ),
    "metadata-zips": lambda n: _bundle(
        [
            (
                "vendor-index.xml",
                _vendor_index(
                    _many(n, 150, lambda i: _metadata(i).replace("metadata.zip", f"m{i}.zip"))
                ),
            )
        ]
    ),
    "bulletins": lambda n: _bundle(
        inner=[(f"bulletins/b{i}.xml", _bulletin(i)) for i in range(n // 250)]
    ),
    "same-bulletins": lambda n: _bundle(
        inner=[(f"bulletins/b{i}.xml", _bulletin(1)) for i in range(n // 250)]
    ),
    "vib-list": lambda n: _bundle(
        inner=[("bulletins/b.xml", _bulletin(1, _many(n, 20, lambda i: f"<vibID>v{i}</vibID>")))]
    ),
    "vib-list-same": lambda n: _bundle(
        inner=[
            (
                "bulletins/b.xml",
                _bulletin(1, "<vibID>ACME_bootbank_acme_1.0.0-1</vibID>" * (n // 40)),
            )
        ]
    ),
    "lists-of-lists": lambda n: _bundle(
        inner=[
            (
                f"bulletins/b{i}.xml",
                _bulletin(i, _many(n // 40, 20, lambda k: f"<vibID>v{k}</vibID>")),
            )
            for i in range(40)
        ]
    ),
    "announcements": lambda n: _bundle(
        inner=[(f"vibs/v{i}.xml", _announcement(i)) for i in range(n // 1200)]
    ),
    "same-announcements": lambda n: _bundle(
        inner=[(f"vibs/v{i}.xml", _announcement(1)) for i in range(n // 1200)]
    ),
    "announced-size": lambda n: bundles.bundle(inner={"vibs/": bundles.packed_size("9" * n)}),
    "announced-elements": lambda n: _bundle(
        inner=[("vibs/v.xml", _announcement(1).replace(b"</vib>", b"<a/>" * (n // 4) + b"</vib>"))]
    ),
    "vmware-xml": lambda n: _bundle(
        inner=[
            (
                "vmware.xml",
                b"<metadataResponse><version>3.0</version>"
                + b"".join(_bulletin(i) for i in range(n // 250))
                + b"</metadataResponse>",
            )
        ]
    ),
    "profiles": lambda n: _bundle(
        inner=[
            (f"profiles/p{i}.xml", b"<imageprofile><name>p</name></imageprofile>")
            for i in range(n // 150)
        ]
    ),
    "notifications": lambda n: _bundle(
        inner=[("notifications.zip", bundles.zipped([("n.xml", b"<a/>" * (n // 4))]))]
    ),
    "dates": lambda n: _bundle(
        inner=[
            (
                "bulletins/b.xml",
                _bulletin(1).replace(
                    b"<summary>s", b"<releaseDate>" + b"9" * n + b"</releaseDate><summary>s"
                ),
            )
        ]
    ),
    "component-version": lambda n: _bundle(
        inner=[
            ("bulletins/b.xml", _bulletin(1).replace(b'"1.1-1"', b'"' + b"9." * (n // 2) + b'1-1"'))
        ]
    ),
    "no-end": lambda n: bundles.bundle()[:-22] + b"PK\5\6" * (n // 4),
    "comment": lambda n: bundles.bundle() + b"x" * n,
    "zip64": lambda n: (
        bundles.bundle()[:-22]
        + b"PK\6\6"
        + b"\xff" * 52
        + b"PK\6\7"
        + b"\xff" * 16
        + b"PK\5\6"
        + b"\xff" * 18
        + bytes(n)
    ),
    "overlapping": _overlapping,
}
"""What a bundle can be, by the bytes of one part."""


def zips() -> Iterator[Hostile]:
    """Bundles that have far too much of one thing."""
    for name, content in _BUNDLES.items():
        for size in (5_000, 200_000):
            yield file_input(
                f"bundle/{name}/{size}",
                "b.zip",
                partial(content, size),
                *(_PLAN if size < 10_000 else _READ),
            )


def _packed(content: Members) -> bytes:
    """Return a zip whose members are packed, as small as it can be."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, data in content:
            file.writestr(name, data)
    return buffer.getvalue()


def _fleet(texts: Sequence[bytes], bulletins: int, signatures: Sequence[bytes] = ()) -> bytes:
    """Return a bundle of VIBs with these descriptors, all of them in each of its bulletins."""
    inner = {"vendor-index.xml": bundles.VENDOR_INDEX}
    ids = "".join(f"<vibID>ACME_bootbank_v{i}_1.0.0-1</vibID>" for i in range(len(texts)))
    inner |= {f"bulletins/b{i}.xml": _bulletin(i, ids) for i in range(bulletins)}
    outer = {"index.xml": bundles.INDEX, "vendor-index.xml": bundles.VENDOR_INDEX}
    for i, (text, signature) in enumerate(zip_longest(texts, signatures, fillvalue=b"")):
        data = vibs.archive([("descriptor.xml", text), ("sig.pkcs7", signature)])
        inner[f"vibs/v{i}.xml"] = bundles.announced(text, f"{i}.vib", data)
        outer[f"{i}.vib"] = data
    return _packed([("metadata.zip", _packed(list(inner.items()))), *outer.items()])


def _named(i: int, depends: int = 0) -> bytes:
    wanted = "".join(f'<constraint name="w{k}"/>' for k in range(depends))
    text = vibs.descriptor(file_list=(), name=f"v{i}", acceptance_level="partner")
    return text.replace(b"<depends/>", f"<depends>{wanted}</depends>".encode())


def _maze(count: int) -> bytes:
    """Return a bundle of VIBs whose signatures carry certificates that all issued each other."""
    maze = [made.made("A", own=made.key(7), ca=True) for _ in range(20)]
    signer = made.made("Signer", maze[0], own=made.key(8))
    texts = [_named(i) for i in range(count)]
    return _fleet(texts, 1, [16 * _signature(text, signer, maze) for text in texts])


def _signature(text: bytes, signer: Credential, others: Sequence[Credential]) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(text)
    builder = builder.add_signer(signer.certificate, signer.key, hashes.SHA256())
    for one in others:
        builder = builder.add_certificate(one.certificate)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    return builder.sign(serialization.Encoding.PEM, options)


_COMPOSE = (
    "bundle modernise b.zip -o new.zip --vendor-code ABC",
    "bundle split b.zip -C parts",
    "bundle remove b.zip none -o fewer.zip",
    "bundle verify b.zip",
)


def fleets() -> Iterator[Hostile]:
    """Small bundles that say the same thing in many places."""
    for name, content in {
        "bulletins": lambda: _fleet([_named(0)], 2_500),
        "vibs-in-each": lambda: _fleet([_named(i) for i in range(100)], 400),
        "few-vibs-in-each": lambda: _fleet([_named(i) for i in range(20)], 900),
        "depends": lambda: _fleet([_named(i, 60) for i in range(80)], 1),
    }.items():
        yield file_input(f"fleet/{name}", "b.zip", content, *_COMPOSE)
    read = ("verify b.zip", "bundle verify b.zip", "lint b.zip", "plan b.zip")
    yield file_input("fleet/maze", "b.zip", partial(_maze, 100), *read)


FAMILIES = (zips, fleets)
