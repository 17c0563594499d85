"""VIB files that hosts refuse, one for each refusal that the model knows, and how to mend them.

Each case is a whole file, so that the steps of a remedy can be carried out with vibforge's own
commands: unpack, change the recipe, build, sign, and ask again.
"""

import lzma
import re
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from tests import vibs

Edit = Callable[[str], str]


class Case(Struct, frozen=True, kw_only=True):
    """One VIB file: its paths, its level, and what is wrong with it."""

    name: str
    files: tuple[str, ...] = ("opt/acme/acme.conf",)
    level: str = "community"
    kind: str = "tgz"
    vib_name: str = "acme"
    edits: tuple[tuple[str, str], ...] = ()
    """Patterns in the descriptor, and what takes their place."""
    pack: Callable[[bytes], bytes] = vibs.packed
    signature: str = ""
    """Who signs: `trusted`, `stranger`, `broken` or `garbage`."""
    members: Mapping[int, tuple[str, bytes] | None] = field(default_factory=dict)

    def unsigned(self) -> bytes:
        """Return the file without a signature."""
        return vibs.vib(
            vibs.tree(*(vibs.File(path=path) for path in self.files)),
            kind=self.kind,
            form=vibs.GNU,
            pack=self.pack,
            text=self._edited,
            signature=b"garbage" if self.signature == "garbage" else b"",
            members=self.members,
            name=self.vib_name,
            acceptance_level=self.level,
            system_requires=vibs.requires(),
        )

    def _edited(self, data: bytes) -> bytes:
        text = data.decode()
        for pattern, put in self.edits:
            text, count = re.subn(pattern, put, text)
            assert count, f"{self.name}: {pattern} is not in the descriptor"
        return text.encode()


_GUNZIP_SHA256 = r'<checksum checksum-type="sha-256" verify-process="gunzip">\w+</checksum>'
_PLAIN_SHA256 = r'<checksum checksum-type="sha-256">\w+</checksum>'
_GUNZIP_SHA1 = r'<checksum checksum-type="sha-1" verify-process="gunzip">\w+</checksum>'
_OUTSIDE = ("etc/acme/acme.conf",)


def _related(kind: str, name: str, rest: str = "") -> tuple[tuple[str, str], ...]:
    child = "provide" if kind == "provides" else "constraint"
    return ((f"<{kind}/>", f'<{kind}><{child} name="{name}" {rest}/></{kind}>'),)


def _element(name: str, text: str) -> tuple[tuple[str, str], ...]:
    return ((f"<{name}>[^<]*</{name}>", text),)


CASES = (
    Case(name="community"),
    Case(name="community, path", files=_OUTSIDE),
    Case(name="community, reboot", edits=_element("live-install-allowed", "")),
    Case(name="community, init script", files=("etc/init.d/acme",)),
    Case(name="community, overlay", edits=_element("overlay", "<overlay>true</overlay>")),
    Case(name="community, path of ESXi", files=("etc/rc.local.d/local.sh",)),
    Case(name="community, allowed path of ESXi", files=("etc/vmware/firewall/service.xml",)),
    Case(
        name="community, maintenance",
        edits=_element("maintenance-mode", "<maintenance-mode>true</maintenance-mode>"),
    ),
    Case(name="partner, unsigned", level="partner"),
    Case(name="partner, unsigned, path", level="partner", files=_OUTSIDE),
    Case(name="partner, trusted", level="partner", signature="trusted"),
    Case(name="partner, trusted, path", level="partner", files=_OUTSIDE, signature="trusted"),
    Case(name="partner, stranger", level="partner", signature="stranger"),
    Case(name="partner, broken", level="partner", signature="broken"),
    Case(name="partner, garbage", level="partner", signature="garbage"),
    Case(name="accepted, unsigned", level="accepted", files=_OUTSIDE),
    Case(name="accepted, partner's signature", level="accepted", signature="trusted"),
    Case(name="certified, unsigned", level="certified", files=_OUTSIDE),
    Case(name="no gunzip sha-256", edits=((_GUNZIP_SHA256, ""),)),
    Case(name="no gunzip sha-256, path", files=_OUTSIDE, edits=((_GUNZIP_SHA256, ""),)),
    Case(name="no gunzip digest", edits=((_GUNZIP_SHA256, ""), (_GUNZIP_SHA1, ""))),
    Case(
        name="digest order",
        edits=((rf"({_GUNZIP_SHA256})({_PLAIN_SHA256})", r"\2\1"),),
    ),
    Case(
        name="digest order, path",
        files=_OUTSIDE,
        edits=((rf"({_GUNZIP_SHA256})({_PLAIN_SHA256})", r"\2\1"),),
    ),
    Case(name="no plain digest", edits=((_PLAIN_SHA256, ""),)),
    Case(
        name="only sha-512",
        edits=((r'"sha-256"(?=>)', '"sha-512"'), (_GUNZIP_SHA256, "")),
    ),
    Case(
        name="wrong digest",
        edits=((_PLAIN_SHA256, f'<checksum checksum-type="sha-256">{"0" * 64}</checksum>'),),
    ),
    Case(
        name="wrong gunzip digest",
        edits=(
            (
                _GUNZIP_SHA256,
                f'<checksum checksum-type="sha-256" verify-process="gunzip">{"0" * 64}</checksum>',
            ),
        ),
    ),
    Case(name="no release date", edits=_element("release-date", "")),
    Case(name="plain tar", pack=bytes),
    Case(name="xz", pack=lzma.compress),
    Case(name="cut gzip", pack=lambda content: vibs.packed(content)[:-20]),
    Case(
        name="bad CRC",
        pack=lambda content: vibs.packed(content)[:-8] + bytes(8),
    ),
    Case(name="type text", kind="text"),
    Case(name="type unknown", kind="xyz"),
    Case(name="type vzstd", kind="vzstd"),
    Case(name="type vgz, GNU tar", kind="vgz"),
    Case(name="driver for vmkapi 3.0", edits=_related("depends", "vmkapi_3_0_0_0")),
    Case(name="driver for vmkapi 2.2", edits=_related("depends", "vmkapi_2_2_0_0")),
    Case(
        name="vmklinux driver",
        edits=_related("depends", "com.vmware.driverAPI-9.2.2.0"),
        files=("usr/lib/vmware/vmkmod/acme",),
    ),
    Case(name="depends on another VIB", edits=_related("depends", "acme-base")),
    Case(
        name="depends on a newer ESXi",
        edits=_related("depends", "esx-version", 'relation=">>" version="9.9"'),
    ),
    Case(name="conflicts with itself", edits=_related("conflicts", "acme")),
    Case(name="replaces itself", edits=_related("replaces", "acme")),
    Case(name="provides esx-version", edits=_related("provides", "esx-version")),
    Case(
        name="other hardware",
        edits=(
            (
                "</maintenance-mode>",
                '</maintenance-mode><hwplatform vendor="ACME" model="Model 1"/>',
            ),
        ),
    ),
    Case(name="name of 50", vib_name="a" * 50),
    Case(name="name with a slash", vib_name="acme/x"),
    Case(name="inbox name", vib_name="net-e1000"),
    Case(name="inbox name, live", vib_name="esx-ui"),
    Case(name="type meta", edits=_element("type", "<type>meta</type>")),
    Case(name="no type", edits=_element("type", "")),
    Case(name="locker", edits=_element("type", "<type>locker</type>")),
    Case(
        name="reader: boolean",
        edits=_element("stateless-ready", "<stateless-ready>yes</stateless-ready>"),
    ),
    Case(
        name="reader: date",
        edits=_element("release-date", "<release-date>2024-02-30T00:00:00</release-date>"),
    ),
    Case(name="reader: constraint", edits=_related("depends", "x", 'version="1"')),
    Case(
        name="reader: empty tag",
        edits=(("<software-tags/>", "<software-tags><tag/></software-tags>"),),
    ),
    Case(name="reader: declaration", edits=(("^", '<?xml version="1.0" encoding="UTF-8"?>'),)),
    Case(
        name="reader: level",
        edits=_element("acceptance-level", "<acceptance-level>gold</acceptance-level>"),
    ),
    Case(name="reader: ESX 4", members={-1: ("debian-binary", b"2.0\n"), 1: None}),
    Case(name="reader: no signature member", members={1: None}),
    Case(name="no payload member", members={2: None}),
)
