"""Both sides of the line that a rule draws, and the words that it finds for it."""

import hashlib
import tarfile
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from tests.checks.test_vib_rules import ABOUT, SIGNED, STORED, elf, with_file
from tests.checks.test_vib_rules import BAD as BAD_VIBS
from tests.vibs import (
    FILES,
    File,
    archive,
    folder,
    image,
    make,
    sign,
    swap,
    tree,
    zstd_compressed,
    zstd_in_gzip,
)
from vibforge.findings.check import Finding
from vibforge.formats import vmtar
from vibforge.packages.lint import CheckSelection, lint
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Checksum
from vibforge.vib.relationships import Constraint, Relationships
from vibforge.vib.scan import VibScan

CONF = FILES[3].path
SIZE = len(make().to_bytes())


def findings(rule: str, vib: Vib) -> tuple[Finding, ...]:
    result = lint([VibScan(vib, "acme.vib")], CheckSelection(select=(rule,)))
    assert result.files == ("acme.vib",)
    return result.findings


def told(rule: str, vib: Vib) -> list[str]:
    return [f"{one.severity} {one.where}: {one.what}" for one in findings(rule, vib)]


NOT_OURS = {"VF104", "VF108", "VF308", "VF502"}
"""Rules whose words hold a size that the compressor decides, or a message of a library."""


def test_every_rule_says_what_and_where(golden: Callable[[str, str], None]) -> None:
    rules = [rule for rule in BAD_VIBS if rule not in NOT_OURS]
    lines = [
        f"{rule} {one.severity} ({one.certainty}) {one.where}: {one.what}\n"
        for rule in rules
        for one in findings(rule, BAD_VIBS[rule]())
    ]
    golden("lint-of-bad-vibs.txt", "".join(lines))


def related(**kinds: Sequence[Constraint]) -> Vib:
    found = {kind: tuple(constraints) for kind, constraints in kinds.items()}
    return make(relationships=Relationships(**found))  # type: ignore[arg-type] # no provides


def named(name: str) -> Vib:
    return make(text=swap("<name>acme<", f"<name>{name}<"))


def cut(count: int) -> Vib:
    return Vib.from_bytes(make().to_bytes()[: SIZE - len(STORED) % 2 - count], "acme.vib")


def with_folder(path: str, mode: int) -> Vib:
    return make(tree(folder(path, mode)))


def programs(*machines: int) -> Vib:
    files = (File(path=f"opt/{one}", content=elf(one), mode=0o755) for one in machines)
    return make(tree(*files))


def members(*found: tuple[str, bytes]) -> Vib:
    return Vib.from_bytes(archive([("descriptor.xml", make().descriptor_bytes), *found]), "a.vib")


def stored_as(content: bytes, kind: str, pack: Callable[[bytes], bytes]) -> Vib:
    return make(content=content, kind=kind, pack=pack, declared={"checksums": ()})


LETTERS = "a" * 60
DEPENDS = {
    "one half": (Constraint(name="a", relation=">="), "'a >='"),
    "the other half": (Constraint(name="a", version="1"), "'a 1'"),
    "an unknown word": (Constraint(name="a", relation="~", version="1"), "'a ~ 1'"),
    "no name": (Constraint(name="", relation="=", version="1"), "'= 1'"),
}
SHA1 = Checksum(checksum_type="sha-1", digest="0" * 40, verify_process="gunzip")


def digests(algorithm: str, process: str, data: bytes) -> list[tuple[Checksum, list[str]]]:
    """A digest as declared, in capitals, and wrong; with what is told of each."""
    function = algorithm.removesuffix("-gunzip1").replace("-", "")
    right = hashlib.new(function, data, usedforsecurity=False).hexdigest()
    wrong = "0" * len(right)
    kind = f"{algorithm} {process}".strip()
    return [
        (Checksum(checksum_type=algorithm, digest=right, verify_process=process), []),
        (Checksum(checksum_type=algorithm, digest=right.upper(), verify_process=process), []),
        (
            Checksum(checksum_type=algorithm, digest=wrong, verify_process=process),
            [f"error acme: {kind} is {right}, not {wrong}"],
        ),
    ]


DIGESTS = [
    *digests("sha-256", "", STORED),
    *digests("sha-256", "gunzip", image()),
    *digests("sha-1", "gunzip", image()),
    *digests("sha-256-gunzip1", "", image()),
    *digests("md5", "", STORED),
    *digests("sha-512", "gunzip", image()),
    (Checksum(checksum_type="sha-256", digest="0" * 64, verify_process="bunzip"), []),
]


def two_payloads(kind: str) -> Vib:
    first, second = replace(ABOUT, name="first", type=kind), replace(ABOUT, name="second")
    return make(
        members={2: ("first", STORED), 3: ("second", STORED)},
        payloads=(first, replace(second, type="vgz")),
    )


EDGES: list[tuple[str, Callable[[], Vib], list[str]]] = [
    (
        "VF102",
        members,
        ["error sig.pkcs7: is missing; it is the second member even if it is empty"],
    ),
    ("VF102", lambda: members(("sig.pkcs7", b"")), []),
    (
        "VF104",
        lambda: make(tail=b"more"),
        [
            f"error : no member header at offset {SIZE}",
            "error : 4 bytes follow the last member",
        ],
    ),
    ("VF105", lambda: make(members={3: ("acme", b"")}), []),
    ("VF106", make, []),
    (
        "VF107",
        lambda: make(members={3: ("acme", b"x"), 4: ("acme", b"y")}),
        ["error acme: occurs 3 times; hosts read the first"],
    ),
    (
        "VF108",
        lambda: cut(20),
        [f"error acme: 20 of {len(STORED)} bytes are missing"],
    ),
    ("VF108", lambda: cut(0), []),
    (
        "VF204",
        lambda: make(text=swap("<name>acme</name>", "<name/>")),
        ["error <name>: is empty or missing"],
    ),
    ("VF204", lambda: make(version=""), ["error <version>: is empty or missing"]),
    ("VF205", lambda: named("a" * 35), []),
    (
        "VF205",
        lambda: named("a" * 36),
        ["note <name>: has 36 characters; VMware's template allows 35"],
    ),
    (
        "VF205",
        lambda: named("a" * 48),
        ["note <name>: has 48 characters; VMware's template allows 35"],
    ),
    ("VF205", lambda: named("a" * 49), ["error <name>: has 49 characters, more than 48"]),
    ("VF206", lambda: named(LETTERS), []),
    ("VF206", lambda: make(vendor=f"{'A' * 34}-Z_.0"), []),
    ("VF206", lambda: make(vendor=""), []),
    (
        "VF206",
        lambda: named("a b"),
        ["warning <name>: 'a b' contains characters other than A-Z a-z 0-9 _ . -"],
    ),
    ("VF207", lambda: make(version="1.0-1"), []),
    ("VF208", lambda: make(version=""), []),
    ("VF210", lambda: make(release_date="soon"), []),
    (
        "VF211",
        lambda: make(type=None),
        ["warning <type>: is missing; the VIB ID will contain None"],
    ),
    ("VF211", lambda: make(type="locker"), []),
    ("VF211", lambda: make(type="meta"), []),
    *(
        (
            "VF215",
            lambda kind=kind, bad=bad: related(**{kind: [bad]}),
            [f"error <{element}>: {text} is not a valid constraint"],
        )
        for kind, element in (
            ("depends", "depends"),
            ("conflicts", "conflicts"),
            ("replaces", "replaces"),
            ("compatible_with", "compatibleWith"),
        )
        for bad, text in DEPENDS.values()
    ),
    (
        "VF215",
        lambda: related(depends=[Constraint(name="a"), Constraint.parse("b << 1-1")]),
        [],
    ),
    (
        "VF213",
        lambda: Vib.from_bytes(
            make(text=swap("<overlay>false", "<overlay>maybe")).to_bytes(), "a/b/acme.vib"
        ),
        ["error acme.vib:descriptor.xml:1: <overlay> is 'maybe', neither true nor false"],
    ),
    ("VF219", lambda: make(overlay=True, acceptance_level="partner"), []),
    ("VF220", lambda: related(depends=[Constraint(name="acme2")]), []),
    ("VF220", lambda: related(conflicts=[Constraint(name="acme")]), []),
    ("VF223", lambda: make(summary="x" * 86), []),
    ("VF223", lambda: make(summary="a\nb"), ["note <summary>: has 3 characters in 2 lines"]),
    ("VF224", lambda: make(file_list=("etc/init.d/a",), acceptance_level="partner"), []),
    ("VF224", lambda: make(file_list=("etc/rc.local.d/a",)), []),
    ("VF301", lambda: make(payload_name="fifteen-letters"), []),
    ("VF301", lambda: make(declared={"name": ""}), ["error : has 0 characters, not 1 to 15"]),
    ("VF302", lambda: make(payload_name="eight-ch"), []),
    (
        "VF302",
        lambda: make(payload_name="fifteen-letters"),
        ["note fifteen-letters: is shortened to fifteen- in the bootbank"],
    ),
    ("VF302", lambda: make(declared={"name": "sixteen-letters!"}), []),
    ("VF304", lambda: make(declared={"type": ""}), ["error acme: has no type"]),
    ("VF304", lambda: make(declared={"type": "vzstd"}), []),
    ("VF304", lambda: make(declared={"type": "installer_vgz"}), []),
    ("VF307", lambda: make(declared={"checksums": (SHA1,)}), []),
    ("VF307", lambda: make(declared={"type": "text", "checksums": ()}), []),
    (
        "VF307",
        lambda: make(declared={"checksums": (replace(SHA1, verify_process=""),)}),
        ['warning acme: has no sha-1 with verify-process="gunzip"'],
    ),
    (
        "VF308",
        lambda: make(declared={"size": 4}),
        [f"error acme: declares 4 bytes, but has {len(STORED)} bytes in the archive"],
    ),
    ("VF308", lambda: make(declared={"size": None}), ["note acme: declares no size"]),
    ("VF308", lambda: make(members={2: ("other", STORED)}, declared={"size": 1}), []),
    (
        "VF309",
        lambda: make(FILES[3:]),
        [
            "error etc: is not an entry of payload acme",
            "error etc/vmware: is not an entry of payload acme",
            "error etc/vmware/firewall: is not an entry of payload acme",
        ],
    ),
    ("VF310", lambda: make(file_list=(f"/{CONF}",)), []),
    ("VF311", lambda: make(file_list=(CONF, "etc/none/")), []),
    ("VF311", lambda: make(content=b"no tar" * 200), []),
    ("VF312", lambda: make(file_list=("etc/hosts",), overlay=True), []),
    (
        "VF312",
        lambda: make(file_list=("/etc/hosts",)),
        ["error /etc/hosts: belongs to ESXi itself"],
    ),
    ("VF313", lambda: make(file_list=("",)), ["error <file-list>: contains an empty path"]),
    ("VF313", lambda: make(file_list=(CONF, CONF)), [f"warning {CONF}: is listed 2 times"]),
    *(
        (
            "VF313",
            lambda path=path: make(file_list=(path,)),
            [f"error {path}: is not a plain relative path of a file"],
        )
        for path in ("./etc/a", "/etc/a", "etc//a", "etc/../a", "etc/a/")
    ),
    ("VF314", lambda: make(content=b"no tar" * 200, declared={"type": "boot"}), []),
    (
        "VF315",
        lambda: make(content=image(form=vmtar)),
        ["warning acme: has type tgz, but contains vmtar in gzip"],
    ),
    ("VF315", lambda: make(form=tarfile.PAX_FORMAT), []),
    ("VF315", lambda: stored_as(image(form=vmtar), "vzstd", zstd_compressed), []),
    (
        "VF315",
        lambda: stored_as(image(form=vmtar), "vgz", zstd_compressed),
        ["warning acme: has type vgz, but contains vmtar in zstd"],
    ),
    (
        "VF315",
        lambda: stored_as(image(), "vgz", bytes),
        ["warning acme: has type vgz, but contains gnu in no compression"],
    ),
    ("VF315", lambda: stored_as(image(form=vmtar), "boot", bytes), []),
    (
        "VF315",
        lambda: two_payloads("boot"),
        ["warning second: has type vgz, but contains gnu in gzip"],
    ),
    (
        "VF315",
        lambda: two_payloads("tgz"),
        ["warning second: has type vgz, but contains gnu in gzip"],
    ),
    (
        "VF315",
        lambda: stored_as(image(), "vgz", zstd_in_gzip),
        ["warning acme: has type vgz, but contains gnu in zstd in gzip"],
    ),
    *(
        ("VF323", lambda checksum=checksum: make(declared={"checksums": (checksum,)}), expected)
        for checksum, expected in DIGESTS
    ),
    ("VF331", lambda: with_folder("opt", 0o1777), []),
    (
        "VF331",
        lambda: with_file("etcetera/a", mode=0o1644),
        ["warning etcetera/a: has mode 1644, but edits outside /etc are lost at a reboot"],
    ),
    ("VF332", lambda: with_file(mode=0o1644), []),
    ("VF333", lambda: with_file(uid=201, owner="mts"), []),
    (
        "VF333",
        lambda: make((*FILES[:3], replace(FILES[3], uid=500, owner=""))),
        ["warning : 1 entry is owned by 500:500, not by root"],
    ),
    (
        "VF333",
        lambda: make(
            (
                *(replace(f, uid=7, owner="b") for f in FILES[:3]),
                replace(FILES[3], uid=5, owner="a"),
            )
        ),
        [
            "warning : 1 entry is owned by 5:5 (a), not by root",
            "warning : 3 entries are owned by 7:7 (b), not by root",
        ],
    ),
    ("VF334", lambda: with_file(link="target", mode=0o777), []),
    ("VF334", lambda: with_folder("opt", 0o1777), []),
    ("VF334", lambda: with_folder("opt", 0o777), ["warning opt: has mode 0777"]),
    ("VF334", lambda: with_file("opt/a", mode=0o1666), ["warning opt/a: has mode 1666"]),
    ("VF335", lambda: with_folder("opt", 0o2755), []),
    ("VF335", lambda: with_file("opt/a", mode=0o2755), ["warning opt/a: has mode 2755"]),
    ("VF335", lambda: with_file("opt/a", mode=0o1755), []),
    *(
        (
            "VF337",
            lambda line=line: with_file("opt/a", content=f"#!{line}\n".encode()),
            [f"error opt/a: starts with #!{line}, but hosts have only /bin/sh"] if bad else [],
        )
        for line, bad in {
            "/bin/bash": True,
            "/usr/local/bin/ksh -e": True,
            "/usr/bin/env zsh": True,
            "/bin/sh": False,
            "/usr/bin/env python": False,
            "/usr/bin/env": False,
            "/bin/sh bash": False,
            "": False,
        }.items()
    ),
    ("VF338", lambda: programs(62, 3), []),
    ("VF338", lambda: programs(183), []),
    ("VF338", lambda: programs(3, 183), []),
    (
        "VF338",
        lambda: programs(62, 183),
        ["error opt/183: is a program for aarch64, but others in the VIB are for x86-64"],
    ),
    ("VF338", lambda: programs(62, 243), ["error opt/243: is a program for machine 243"]),
    ("VF339", lambda: with_file("etc/init.d/a", mode=0o601), []),
    ("VF339", lambda: with_file("etc/init.d/a", mode=0o610), []),
    ("VF339", lambda: with_file("etc/init.d/a", mode=0o700), []),
    ("VF339", lambda: with_file("etc/init.d/a", link="b"), []),
    (
        "VF339",
        lambda: with_file("etc/rc.local.d/a"),
        ["warning etc/rc.local.d/a: has mode 0644; hosts do not run it"],
    ),
    (
        "VF339",
        lambda: with_file("etc/shutdown.d/a"),
        ["warning etc/shutdown.d/a: has mode 0644; hosts do not run it"],
    ),
    ("VF501", lambda: make(signature=SIGNED, acceptance_level="partner"), []),
    ("VF501", make, []),
    (
        "VF502",
        lambda: make(signature=b"signed"),
        ["error sig.pkcs7: the signature is neither PEM nor DER"],
    ),
    (
        "VF502",
        lambda: make(signature=sign(b"x").replace(b"PKCS7", b"CMS")),
        ["error sig.pkcs7: is PEM with the label CMS, not PEM with the label PKCS7"],
    ),
    (
        "VF502",
        lambda: make(signature=sign(b"x", der=True)),
        ["error sig.pkcs7: is DER, not PEM with the label PKCS7"],
    ),
    ("VF502", lambda: make(signature=sign(b"x")), []),
    ("VF502", make, []),
    ("VF505", make, []),
    ("VF505", lambda: make(signature=SIGNED, acceptance_level="partner"), []),
]


@pytest.mark.parametrize(
    ("rule", "vib", "expected"), EDGES, ids=[f"{edge[0]}-{at}" for at, edge in enumerate(EDGES)]
)
def test_a_rule_draws_its_line(rule: str, vib: Callable[[], Vib], expected: list[str]) -> None:
    assert told(rule, vib()) == expected


def test_a_finding_of_trx_keeps_how_sure_it_is() -> None:
    conf = b"ptp4l:domainNumber 300\nptp4l:port0:delay_mechanism P2P\n"
    found = findings("VF401", with_file("etc/vmware/trx.conf", content=conf))
    sure = {one.where.rpartition(":")[2]: (str(one.severity), str(one.certainty)) for one in found}
    assert sure["1"] == ("error", "measured")
    assert sure["2"] == ("error", "documented")
