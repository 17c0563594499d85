"""Payloads: tar images and what packs them."""

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from tests import vibs
from tests.hostile.case import Hostile, file_input
from vibforge.formats import vmtar

_READ = ("inspect x", "inspect x --files", "extract x -C out")
_JUDGE = ("verify x.vib", "lint x.vib")


def _header(  # noqa: PLR0913, PLR0917 - the fields of a header
    name: bytes = b"f",
    kind: bytes = b"0",
    size: bytes = b"0",
    mode: bytes = b"644",
    uid: bytes = b"0",
    link: bytes = b"",
    device: bytes = b"0",
    mtime: bytes = b"0",
) -> bytes:
    head = bytearray(512)
    for offset, width, value in (
        (0, 100, name),
        (100, 8, mode),
        (108, 8, uid),
        (116, 8, uid),
        (124, 12, size),
        (136, 12, mtime),
        (148, 8, b" " * 8),
        (156, 1, kind),
        (157, 100, link),
        (257, 8, b"ustar  \0"),
        (329, 8, device),
        (337, 8, device),
    ):
        head[offset : offset + width] = value[:width].ljust(width, b"\0")
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


_END = bytes(1024)


def _pax(n: int, record: bytes) -> bytes:
    body = record * (n // len(record))
    return (
        _header(kind=b"x", size=b"%o" % len(body))
        + body
        + bytes(-len(body) % 512)
        + _header()
        + _END
    )


def _each(n: int, header: Callable[[int], bytes]) -> bytes:
    return b"".join(header(i) for i in range(n // 512)) + _END


_BINARY = b"\xff" * 12
_BIG = b"\x80" + b"\xff" * 11
_IMAGES: dict[str, Callable[[int], bytes]] = {
    "files": lambda n: _each(n, lambda i: _header(b"f%d" % i)),
    "same-file": lambda n: _each(n, lambda _: _header(b"f")),
    "folders": lambda n: _each(n, lambda i: _header(b"d%d/" % i, b"5")),
    "deep": lambda n: _each(min(n, 60_000), lambda i: _header(b"d/" * min(i + 1, 49), b"5")),
    "deep-names": lambda n: _long_name(b"d/" * (n // 2)),
    "long-name": lambda n: _long_name(b"x" * n),
    "long-link": lambda n: _long_name(b"x" * n, b"K"),
    "long-names": lambda n: _long_name(b"x" * 200) * (n // 1700) + _END,
    "only-long-names": lambda n: (
        (_header(kind=b"L", size=b"144") + b"x" * 100 + bytes(412)) * (n // 1024) + _END
    ),
    "dots": lambda n: _each(n, lambda _: _header(b"../" * 33)),
    "symlinks": lambda n: _each(n, lambda i: _header(b"l%d" % i, b"2", link=b"l%d" % (i + 1))),
    "symlink-loop": lambda n: _each(n, lambda i: _header(b"l%d" % i, b"2", link=b"l%d" % (i - 1))),
    "link-through": lambda n: (
        _header(b"l", b"2", link=b".") + _each(n, lambda i: _header(b"l/" * 40 + b"%d" % i))
    ),
    "hard-links": lambda n: (
        _header(b"f", size=b"1000")
        + bytes(512)
        + _each(n, lambda i: _header(b"h%d" % i, b"1", link=b"f"))
    ),
    "hard-link-self": lambda n: _each(n, lambda _: _header(b"f", b"1", link=b"f")),
    "hard-link-chain": lambda n: (
        _header(b"h-1") + _each(n, lambda i: _header(b"h%d" % i, b"1", link=b"h%d" % (i - 1)))
    ),
    "devices": lambda n: _each(n, lambda i: _header(b"d%d" % i, b"3", device=b"7777777")),
    "device-beyond": lambda n: _each(n, lambda i: _header(b"d%d" % i, b"4", device=_BIG)),
    "device-negative": lambda n: _each(n, lambda i: _header(b"d%d" % i, b"3", device=_BINARY)),
    "uid-beyond": lambda n: _each(n, lambda i: _header(b"f%d" % i, uid=_BIG)),
    "uid-negative": lambda n: _each(n, lambda i: _header(b"f%d" % i, uid=_BINARY)),
    "uid-octal": lambda n: _each(n, lambda i: _header(b"f%d" % i, uid=b"77777777")),
    "uid-each": lambda n: _each(n, lambda i: _header(b"f%d" % i, uid=b"%o" % (i + 1000))),
    "mode-beyond": lambda n: _each(n, lambda i: _header(b"f%d" % i, mode=_BIG)),
    "mtime-beyond": lambda n: _each(n, lambda i: _header(b"f%d" % i, mtime=_BIG)),
    "mtime-negative": lambda n: _each(n, lambda i: _header(b"f%d" % i, mtime=_BINARY)),
    "size-beyond": lambda n: _header(size=_BIG) + bytes(n),
    "size-negative": lambda n: _header(size=_BINARY) + bytes(n),
    "size-octal": lambda n: _header(size=b"77777777777\0") + bytes(n),
    "unknown-kinds": lambda n: _each(n, lambda i: _header(b"f%d" % i, bytes([65 + i % 60]))),
    "pax-empty": lambda n: _pax(n, b"5 a=\n"),
    "pax-size": lambda n: _pax(n, b"9 size=9\n"),
    "pax-length": lambda n: _pax(n, b"9" * 4400 + b" a=b\n"),
    "pax-number": lambda n: _pax(n, b"5000 size=" + b"9" * 4989 + b"\n"),
    "pax-uid": lambda n: _pax(n, b"30 uid=" + b"9" * 22 + b"\n"),
    "pax-mtime": lambda n: _pax(n, b"30 mtime=" + b"9" * 20 + b"\n"),
    "pax-path": lambda n: _pax(4200, b"4095 path=" + b"x/" * 2042 + b"\n") + bytes(n),
    "pax-many": lambda n: (_header(kind=b"x", size=b"0") * (n // 512)) + _END,
    "pax-global": lambda n: (_header(kind=b"g", size=b"0") * (n // 512)) + _END,
    "sparse": lambda n: _each(n, lambda i: _header(b"f%d" % i, b"S", size=b"77777777777")),
    "zeros": bytes,
    "text": lambda n: b"x" * n,
    "vmtar-text-pages": lambda n: _each(
        n, lambda i: _header(b"f%d" % i)[:257] + b"visor  \0" + b"\xff" * 247
    ),
}
"""Tar images, by their bytes."""


def _long_name(name: bytes, kind: bytes = b"L") -> bytes:
    return (
        _header(b"././@LongLink", kind, size=b"%o" % len(name))
        + name
        + bytes(-len(name) % 512)
        + _header(b"x" * 90)
    )


def _zeros(n: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(n)) + packer.flush()


def _packed_file(size: int) -> bytes:
    return vibs.packed(vibs.image([vibs.File(path="f", content=b"x" * size)]))


_PACKED: dict[str, Callable[[int], bytes]] = {
    "bomb": lambda n: _zeros(n * 100),
    "bomb-of-bombs": lambda n: gzip.compress(_zeros(n * 100)),
    "members": lambda n: vibs.packed(b"") * (n // 20),
    "members-of-one": lambda n: vibs.packed(b"x") * (n // 21),
    "cut": lambda n: _zeros(n * 10)[:-9],
    "wrong-check": lambda n: _zeros(n)[:-8] + bytes(8),
    "tail": lambda n: vibs.packed(vibs.VMTAR_IMAGE) + bytes(n),
    "garbage": lambda n: b"\x1f\x8b\x08\0" + b"\xff" * n,
    "names": lambda n: b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * n,
    "comments": lambda n: (
        (b"\x1f\x8b\x08\x10" + bytes(6) + b"x" * 90 + b"\0\x03" + bytes(9)) * (n // 110)
    ),
    "extra": lambda n: (b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff") + bytes(n),
    "stored-blocks": lambda n: b"\x1f\x8b\x08" + bytes(7) + b"\0\0\0\xff\xff" * (n // 5),
    "firewall-rules": lambda n: gzip.compress(
        _settings(b"etc/vmware/firewall/f%d.xml", b"<a>%b</a>" % (b"<port>x</port>" * 17_000), n)
    ),
    "firewall-rules-small": lambda n: gzip.compress(
        _settings(b"etc/vmware/firewall/f%d.xml", b"<port>x</port>", n)
    ),
    "trx-confs": lambda n: gzip.compress(
        _settings(b"d%d/etc/vmware/trx.conf", b"a\n" * 125_000, n)
    ),
    "trx-confs-small": lambda n: gzip.compress(
        _settings(b"d%d/etc/vmware/trx.conf", b"ptp4l:x 1\n", n)
    ),
    "owners": lambda n: vibs.packed(image("uid-each", n * 14)),
    "file": lambda n: _packed_file(n * 20),
    "zstd-window": lambda n: vibs.zstd_compressed(bytes(n), 31 if n > 9999 else 27),
    "zstd-frames": lambda n: vibs.zstd_compressed(b"") * (n // 9),
    "zstd-skippable": lambda n: struct.pack("<II", 0x184D2A50, 0) * (n // 8),
    "zstd-bomb": lambda n: vibs.zstd_compressed(bytes(n * 100)),
    "zstd-cut": lambda n: vibs.zstd_compressed(bytes(n * 10))[:-3],
    "zstd-size": lambda n: b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + bytes(n),
    "gzip-zstd-bomb": lambda n: vibs.zstd_in_gzip(bytes(n * 1000)),
    "vmtar": lambda n: gzip.compress(
        vibs.image([vibs.File(path=f"f{i}", content=b"") for i in range(n // 512)], vmtar)
    ),
}
"""Packed payloads, by the bytes that made them."""


def _settings(name: bytes, content: bytes, n: int) -> bytes:
    """Return a tar of files that `lint` judges: one for each 50 bytes of `n`, of 60 MB at most."""
    count = min(n // 50, 60_000_000 // max(len(content), 512))
    padded = content + bytes(-len(content) % 512)
    return (
        b"".join(_header(name % i, size=b"%o" % len(content)) + padded for i in range(count)) + _END
    )


def _stored(content: Callable[[int], bytes], size: int) -> bytes:
    return vibs.vib(stored=content(size))


def image(name: str, size: int) -> bytes:
    """Return one of these tar images, of `size` bytes."""
    return _IMAGES[name](size)


def images() -> Iterator[Hostile]:
    """Loose tar images."""
    for name, content in _IMAGES.items():
        for size in (2_000, 250_000):
            yield file_input(f"tar/{name}/{size}", "x", partial(content, size), *_READ)


def packed() -> Iterator[Hostile]:
    """Payloads that unpack to more, or to nothing, in a VIB."""
    for name, content in _PACKED.items():
        for size in (3_000, 400_000):
            yield file_input(
                f"payload/{name}/{size}",
                "x.vib",
                partial(_stored, content, size),
                *_JUDGE,
            )


FAMILIES = (images, packed)
