"""VIBs: the ar archive and the descriptor."""

from collections.abc import Callable, Iterator
from functools import partial

from tests import vibs
from tests.hostile.case import Hostile, file_input

_READ = ("inspect x.vib", "verify x.vib")
_ALL = ("inspect x.vib", "lint x.vib", "plan x.vib --esxi 8.0")


def _archive(n: int, name: str, data: bytes = b"") -> bytes:
    return vibs.archive([("descriptor.xml", vibs.descriptor()), *[(name, data)] * n])


def _header(name: str = "a", size: str = "0", mode: str = "0", end: str = "`\n") -> bytes:
    return f"{name:<16.16}{0:<12}{0:<6}{0:<6}{mode:<8.8}{size:<10.10}{end}".encode("latin-1")


_ARCHIVES: dict[str, Callable[[int], bytes]] = {
    "members": lambda n: _archive(n // 60, "a"),
    "descriptors": lambda n: _archive(n // 60, "descriptor.xml"),
    "signatures": lambda n: _archive(n // 60, "sig.pkcs7"),
    "full-members": lambda n: _archive(n // 120, "payload1", b"x" * 60),
    "no-members": lambda n: b"!<arch>\n" + b"\n" * n,
    "zeros": lambda n: b"!<arch>\n" + bytes(n),
    "size-beyond": lambda n: b"!<arch>\n" + _header(size="9999999999") + bytes(n),
    "size-negative": lambda n: b"!<arch>\n" + _header(size="-1") + bytes(n),
    "size-word": lambda n: b"!<arch>\n" + _header(size="1e9") + bytes(n),
    "mode": lambda n: b"!<arch>\n" + _header(mode="99999999") * (n // 60),
    "long-name-table": lambda n: vibs.archive([("//", b"x/\n" * (n // 3)), ("/0", b"x")]),
    "long-name": lambda n: vibs.archive([("//", b"x" * n), ("/0", b"x")]),
    "long-name-references": lambda n: vibs.archive(
        [("//", b"x" * 200 + b"/\n"), *[("/0", b"")] * (n // 60)]
    ),
    "long-name-far": lambda n: vibs.archive([("//", b"x/\n"), *[("/999999999", b"")] * (n // 60)]),
    "bsd-names": lambda n: b"!<arch>\n" + _header(name="#1/9999999", size="0") * (n // 60),
    "tail": lambda n: vibs.vib() + b"x" * n,
    "vib-in-vib": lambda n: vibs.vib(stored=vibs.vib() * (n // 4000)),
}
"""What an archive can be, by its bytes."""


def _vib(text: bytes) -> bytes:
    return vibs.archive([("descriptor.xml", text), ("sig.pkcs7", b"")])


def _with(before: str, after: Callable[[int], str]) -> Callable[[int], bytes]:
    """Return a descriptor in which a text is replaced by one of about `n` characters."""

    def text(n: int) -> bytes:
        whole = vibs.descriptor(file_list=()).decode()
        assert before in whole
        return whole.replace(before, after(n), 1).encode()

    return text


def _numbered(element: Callable[[int], str]) -> Callable[[int], str]:
    size = len(element(1000))
    return lambda n: "".join(element(i) for i in range(n // size))


def _inside(tag: str, element: Callable[[int], str]) -> Callable[[int], bytes]:
    many = _numbered(element)
    return _with(f"<{tag}/>", lambda n: f"<{tag}>{many(n)}</{tag}>")


def _payload(i: int, checksums: str = "") -> str:
    return f'<payload name="p{i}" type="vgz" size="1">{checksums}</payload>'


_PAYLOADS = "<payloads></payloads>"
_LEVEL = "<acceptance-level>community"
_CHECKSUM = '<checksum checksum-type="sha-256">00</checksum>'
_DESCRIPTORS: dict[str, Callable[[int], bytes]] = {
    "depends": _inside("depends", lambda i: f'<constraint name="a{i}"/>'),
    "depends-versions": _inside(
        "depends", lambda i: f'<constraint name="a" relation="&gt;&gt;" version="{i}.1-1"/>'
    ),
    "depends-known": _inside(
        "depends", lambda i: f'<constraint name="esx-version" relation="&gt;=" version="{i}"/>'
    ),
    "depends-vmkapi": _inside("depends", lambda i: f'<constraint name="vmkapi_{i}_3_0_0"/>'),
    "conflicts": _inside("conflicts", lambda i: f'<constraint name="a{i}"/>'),
    "conflicts-self": _inside("conflicts", lambda _: '<constraint name="acme"/>'),
    "replaces": _inside("replaces", lambda i: f'<constraint name="a{i}"/>'),
    "provides": _inside("provides", lambda i: f'<provide name="a{i}"/>'),
    "compatible": _inside("compatibleWith", lambda i: f'<constraint name="a{i}"/>'),
    "provides-and-depends": lambda n: _inside("depends", lambda i: f'<constraint name="a{i}"/>')(
        n // 2
    ).replace(
        b"<provides/>",
        b"<provides>"
        + "".join(f'<provide name="b{i}"/>' for i in range(n // 50)).encode()
        + b"</provides>",
    ),
    "tags": _inside("software-tags", lambda i: f"<tag>t{i}</tag>"),
    "urls": _inside("urls", lambda i: f'<url key="k{i}">http://x/{i}</url>'),
    "files": lambda n: vibs.descriptor(file_list=[f"etc/f{i}" for i in range(n // 22)]),
    "same-files": lambda n: vibs.descriptor(file_list=["etc/x"] * (n // 20)),
    "deep-files": lambda n: vibs.descriptor(file_list=["a/" * (n // 2)]),
    "dotted-files": lambda n: vibs.descriptor(file_list=["../" * (n // 3)]),
    "payloads": _with(_PAYLOADS, lambda n: f"<payloads>{_numbered(_payload)(n)}</payloads>"),
    "same-payloads": _with(
        _PAYLOADS, lambda n: f"<payloads>{_numbered(lambda _: _payload(1))(n)}</payloads>"
    ),
    "checksums": _with(
        _PAYLOADS,
        lambda n: f"<payloads>{_payload(1, _CHECKSUM * (n // len(_CHECKSUM)))}</payloads>",
    ),
    "payload-size": _with(
        _PAYLOADS, lambda n: f'<payloads><payload name="a" type="vgz" size="{"9" * n}"/></payloads>'
    ),
    "boot-order": _with(
        _PAYLOADS,
        lambda n: f'<payloads><payload name="a" type="vgz" boot-order="{"9" * n}"/></payloads>',
    ),
    "payload-type": _with(
        _PAYLOADS, lambda n: f'<payloads><payload name="a" type="{"v" * n}"/></payloads>'
    ),
    "version": _with("1.0.0-1", lambda n: "9" * n),
    "version-dots": _with("1.0.0-1", lambda n: "1." * (n // 2)),
    "version-dashes": _with("1.0.0-1", lambda n: "1-" * (n // 2)),
    "name": _with(">acme<", lambda n: f">{'a' * n}<"),
    "summary": _with(">Acme<", lambda n: f">{'a ' * (n // 2)}<"),
    "entities": _with(">Acme<", lambda n: f">{'&lt;' * (n // 4)}<"),
    "date": _with("2024-05-01T12:00:00+00:00", lambda n: "2" * n),
    "date-fraction": _with("2024-05-01T12:00:00+00:00", lambda n: f"2024-05-01T12:00:00.{'1' * n}"),
    "level": _with(_LEVEL, lambda n: f"<acceptance-level>{'x' * n}"),
    "two-levels": _with(
        _LEVEL, lambda n: "<acceptance-level>x</acceptance-level>" * (n // 38) + _LEVEL
    ),
    "platforms": _with(
        "<system-requires>",
        lambda n: (
            "<system-requires>"
            + _numbered(lambda i: f'<softwarePlatform version="{i}.*" productLineID="x"/>')(n)
        ),
    ),
    "conflicts-and-provides": lambda n: _inside(
        "conflicts", lambda i: f'<constraint name="test" relation="&gt;&gt;" version="{9**9 + i}"/>'
    )(n).replace(
        b"<provides/>",
        b"<provides>%b</provides>"
        % "".join(f'<provide name="test" version="{i}"/>' for i in range(n // 60)).encode(),
    ),
    "replaces-and-provides": lambda n: _inside(
        "replaces", lambda i: f'<constraint name="esx-base" relation="=" version="{i}"/>'
    )(n // 2).replace(
        b"<provides/>",
        b"<provides>%b</provides>"
        % "".join(f'<provide name="a{i}" version="1.{i}"/>' for i in range(n // 80)).encode(),
    ),
    "conflicts-with-base": _inside(
        "conflicts", lambda i: f'<constraint name="esx-base" relation="&lt;&lt;" version="{i}"/>'
    ),
    "hwplatforms": _with(
        "<system-requires>",
        lambda n: (
            "<system-requires>" + _numbered(lambda i: f'<hwplatform vendor="v{i}" model="m"/>')(n)
        ),
    ),
    "hardware": _with(
        "<system-requires>",
        lambda n: (
            "<system-requires>"
            + _numbered(lambda i: f'<hardwarePlatform vendor="v{i}" model="m"/>')(n)
        ),
    ),
    "unknown": _with("</vib>", lambda n: _numbered(lambda i: f"<x{i}/>")(n) + "</vib>"),
    "unknown-same": _with("</vib>", lambda n: "<x/>" * (n // 4) + "</vib>"),
    "deep": _with("</vib>", lambda n: "<x>" * (n // 7) + "</x>" * (n // 7) + "</vib>"),
    "deep-open": lambda n: b"<vib>" + b"<x>" * (n // 3),
    "attributes": _with("<vib ", lambda n: "<vib " + _numbered(lambda i: f'a{i}="" ')(n)),
    "long-attribute": _with("<vib ", lambda n: f'<vib a="{"x" * n}" '),
    "long-tag": _with("</vib>", lambda n: f"<{'x' * n}/></vib>"),
    "namespaces": _with("<vib ", lambda n: "<vib " + _numbered(lambda i: f'xmlns:a{i}="u" ')(n)),
    "namespaced": _with(
        "</vib>", lambda n: _numbered(lambda i: f'<a:x xmlns:a="u{i}"/>')(n) + "</vib>"
    ),
    "comments": _with("</vib>", lambda n: "<!---->" * (n // 7) + "</vib>"),
    "instructions": _with("</vib>", lambda n: "<?a?>" * (n // 5) + "</vib>"),
    "open-comment": _with("</vib>", lambda n: "<!--" + "- " * (n // 2)),
    "cdata": _with(">Acme<", lambda n: f">{'<![CDATA[]]>' * (n // 12)}<"),
    "blanks": _with("</vib>", lambda n: " " * n + "</vib>"),
    "entity-bomb": lambda n: (
        "<!DOCTYPE vib [<!ENTITY a0 'x'>"
        + "".join(f"<!ENTITY a{i} '&a{i - 1};&a{i - 1};'>" for i in range(1, n // 30))
        + f"]><vib>&a{n // 30 - 1};</vib>"
    ).encode(),
    "attribute-list": lambda n: (
        "<!DOCTYPE vib [<!ATTLIST vib "
        + "".join(f"a{i} CDATA ''" for i in range(n // 15))
        + "]><vib/>"
    ).encode(),
    "utf-16": lambda n: f"<vib><summary>{'x' * (n // 2)}</summary></vib>".encode("utf-16"),
}
"""What a descriptor can say, by the characters of one part."""


def described(name: str, size: int) -> bytes:
    """Return a VIB whose descriptor says one of these things at a length of `size` characters."""
    return _vib(_DESCRIPTORS[name](size))


def packed_in_archive(name: str, size: int) -> bytes:
    """Return one of these archives, of `size` bytes."""
    return _ARCHIVES[name](size)


def archives() -> Iterator[Hostile]:
    """Archives without sense."""
    for name, content in _ARCHIVES.items():
        for size in (3_000, 500_000):
            yield file_input(
                f"ar/{name}/{size}",
                "x.vib",
                partial(content, size),
                *_READ,
                "lint x.vib",
            )


def descriptors() -> Iterator[Hostile]:
    """Descriptors that say one thing far too often, or at far too great a length."""
    for name in _DESCRIPTORS:
        for size in (5_000, 120_000):
            yield file_input(
                f"descriptor/{name}/{size}",
                "x.vib",
                partial(described, name, size),
                *_ALL,
            )


FAMILIES = (archives, descriptors)
