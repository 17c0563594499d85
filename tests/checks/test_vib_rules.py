"""For every rule a VIB that breaks it, and nothing that the good VIB breaks."""

import tarfile
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest
from msgspec.structs import replace

from tests.vibs import FILES, GNU, File, image, make, packed, payload, related, requires, swap, tree
from vibforge import checks
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.findings.check import Check as CheckType
from vibforge.packages.lint import CHECKS, CheckSelection, lint
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Checksum, Url
from vibforge.vib.relationships import Constraint, Relationships
from vibforge.vib.scan import VibScan

MODULES = [
    *(import_module(f"vibforge.checks.{found.name}") for found in iter_modules(checks.__path__)),
    import_module("vibforge.bundle.checks"),
]
ABOUT, STORED = payload(image()), packed(image())
SIGNED = b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"


def with_file(path: str = "etc/vmware/firewall/acme.xml", **changes: object) -> Vib:
    return make(tree(replace(File(path=path), **changes)))


def elf(machine: int, kind: int = 2) -> bytes:
    numbers = kind.to_bytes(2, "little") + machine.to_bytes(2, "little")
    return b"\x7fELF\x02\x01\x01" + bytes(9) + numbers + bytes(44)


def cut() -> Vib:
    return Vib.from_bytes(make().to_bytes()[:-20], "acme.vib")


def swapped_digests() -> tuple[Checksum, ...]:
    gunzip, plain, sha1 = ABOUT.checksums
    return (plain, gunzip, sha1)


def relation(relation: str, version: str = "1") -> Relationships:
    return Relationships(depends=(Constraint(name="a", relation=relation, version=version),))


def both_machines() -> Vib:
    machines = {"opt/a": 62, "opt/b": 183}
    files = (File(path=path, content=elf(of), mode=0o755) for path, of in machines.items())
    return make(tree(*files))


BAD: dict[str, Callable[[], Vib]] = {
    "VF101": lambda: make(members={-1: ("readme", b"hi")}),
    "VF102": lambda: make(members={1: ("signature", b"")}),
    "VF103": lambda: make(members={2: ("payload1", STORED)}),
    "VF104": lambda: make(tail=b"more"),
    "VF105": lambda: make(
        members={2: ("b", STORED), 3: ("a", STORED)},
        payloads=(replace(ABOUT, name="a"), replace(ABOUT, name="b")),
    ),
    "VF106": lambda: make(members={3: ("extra", b"x")}),
    "VF107": lambda: make(members={3: ("acme", STORED)}),
    "VF108": cut,
    "VF110": lambda: make(text=swap("<live-install-allowed>true", "<live-install-allowed>on")),
    "VF201": lambda: make(text=swap("<vib", "<?xml version='1.0' encoding='utf-8'?>\n<vib")),
    "VF202": lambda: make(software_tags=("driver", "")),
    "VF203": lambda: make(text=swap("<vib ", '<vib xmlns="b" ')),
    "VF204": lambda: make(vendor=""),
    "VF205": lambda: make(text=swap("<name>acme", f"<name>{'a' * 49}")),
    "VF206": lambda: make(vendor="Acme Corp"),
    "VF207": lambda: make(version="1.0-1-1"),
    "VF208": lambda: make(version="1.0.2"),
    "VF209": lambda: make(release_date="2026-01-01"),
    "VF210": lambda: make(release_date=None),
    "VF211": lambda: make(type="boot"),
    "VF212": lambda: make(acceptance_level="VMwareAccepted"),
    "VF213": lambda: make(text=swap("<overlay>false", "<overlay>maybe")),
    "VF214": lambda: make(urls=(Url(key="", link="https://example.org"),)),
    "VF215": lambda: make(relationships=relation(">")),
    "VF216": lambda: make(text=swap("<summary>Acme", "<summary>Ac\u00e9me")),
    "VF217": lambda: make(text=swap("<overlay>", "<cimon-restart>true</cimon-restart><overlay>")),
    "VF218": lambda: with_file("etc/vmware/trx.txt"),
    "VF219": lambda: make(overlay=True),
    "VF220": lambda: make(relationships=related(depends=["acme"])),
    "VF221": lambda: make(system_requires=requires()),
    "VF222": lambda: make(system_requires=replace(requires("8.*"), maintenance_mode=None)),
    "VF223": lambda: make(summary="x" * 87),
    "VF224": lambda: with_file("etc/init.d/acme", mode=0o755, content=b"#!/bin/sh\n"),
    "VF230": lambda: make(relationships=related(depends=["vmkapi_2_1_0_0"])),
    "VF231": lambda: make(relationships=related(depends=["com.vmware.driverAPI-9.2.2.0"])),
    "VF232": lambda: make(relationships=related(replaces=["acme"])),
    "VF233": lambda: make(relationships=related(conflicts=["acme"])),
    "VF301": lambda: make(payloads=(replace(ABOUT, name="sixteen-letters!"),)),
    "VF302": lambda: make(payload_name="ninechars"),
    "VF303": lambda: make(payloads=(ABOUT, ABOUT)),
    "VF304": lambda: make(declared={"type": "xz"}),
    "VF305": lambda: make(declared={"checksums": ABOUT.checksums[1:]}),
    "VF306": lambda: make(declared={"checksums": swapped_digests()}),
    "VF307": lambda: make(declared={"checksums": ABOUT.checksums[:2]}),
    "VF308": lambda: make(declared={"size": 4}),
    "VF309": lambda: make(FILES[:2] + FILES[3:]),
    "VF310": lambda: make(file_list=()),
    "VF311": lambda: make(file_list=(FILES[3].path, "etc/vmware/firewall/gone.xml")),
    "VF312": lambda: with_file("etc/hosts"),
    "VF313": lambda: make(file_list=("/" + FILES[3].path,)),
    "VF314": lambda: make(content=b"no tar" * 200),
    "VF315": lambda: make(kind="vgz", form=GNU),
    "VF316": lambda: make(form=tarfile.USTAR_FORMAT),
    "VF317": lambda: make(declared={"type": "vzstd"}),
    "VF318": lambda: make(declared={"uncompressed_size": 10241}),
    "VF319": lambda: make(declared={"checksums": ABOUT.checksums[1:2]}),
    "VF324": lambda: make(declared={"checksums": ()}),
    "VF323": lambda: make(
        declared={"checksums": (replace(ABOUT.checksums[0], digest="0" * 64), *ABOUT.checksums[1:])}
    ),
    "VF109": lambda: make(members={2: ("//", b"x/\n")}),
    "VF331": lambda: with_file("opt/a", mode=0o1644),
    "VF348": lambda: with_file("etc/a.conf", mode=0o1644),
    "VF332": lambda: make(
        tree(replace(FILES[3], mode=0o1644)), software_tags=("RestrictStickyFiles",)
    ),
    "VF333": lambda: with_file(uid=1000, owner="dixon"),
    "VF334": lambda: with_file(mode=0o666),
    "VF335": lambda: with_file(mode=0o4755),
    "VF336": lambda: with_file("opt/a.sh", content=b"#!/bin/sh\r\necho\r\n"),
    "VF337": lambda: with_file("opt/a.sh", content=b"#!/usr/bin/env bash\necho\n"),
    "VF338": both_machines,
    "VF339": lambda: with_file("etc/init.d/acme", content=b"#!/bin/sh\n"),
    "VF340": lambda: with_file("../x"),
    "VF225": lambda: make(description="Acme ${version}"),
    "VF341": lambda: with_file("opt/a/bin/tool", content=elf(62)),
    "VF342": lambda: make((replace(FILES[0], mode=0o644), *FILES[1:])),
    "VF343": lambda: with_file("etc/init.d/acme", mode=0o755, content=b"echo\n"),
    "VF344": lambda: with_file(content=b"<ConfigRoot><port>65536</port></ConfigRoot>"),
    "VF345": lambda: with_file("opt/acme/boot-copy/files/etc/rc.local.d/local.sh"),
    "VF346": lambda: with_file("usr/lib/vmware/vmkmod/acme", content=elf(183, kind=1)),
    "VF401": lambda: with_file("etc/vmware/trx.conf", content=b"ptp4l:port0:delay_mechanism P2P\n"),
    "VF501": lambda: make(acceptance_level="partner"),
    "VF502": lambda: make(signature=SIGNED.replace(b"PKCS7", b"CMS"), acceptance_level="partner"),
    "VF505": lambda: make(signature=SIGNED),
    "VF508": lambda: make(signature=b"any text\n" + SIGNED),
}
FROM_CORPUS = {"VF503", "VF504", "VF506", "VF507"}
"""Rules whose bad VIBs are real signatures, patched in test_signature_rules."""


def found(vib: Vib, **choice: tuple[str, ...]) -> set[str]:
    result = lint([VibScan(vib, "acme.vib")], CheckSelection(**choice))  # type: ignore[arg-type] # words
    return {finding.rule for finding in result.findings}


def test_the_good_vib_is_good() -> None:
    assert found(make()) == set()


def test_a_good_vgz_is_good() -> None:
    assert found(make(kind="vgz")) == set()


@pytest.mark.parametrize("rule", BAD)
def test_a_rule_finds_its_fault(rule: str) -> None:
    assert rule in found(BAD[rule]())


FROM_BUILD = {"VF347"}
"""What only a build can know; tests/project/test_judge_build.py has its bad example."""


def test_every_rule_has_a_bad_vib() -> None:
    assert {rule.id for rule in VIB_CHECKS} == set(BAD) | FROM_CORPUS | FROM_BUILD


@pytest.mark.parametrize("rule", CHECKS, ids=lambda rule: rule.id)
def test_a_manual_has_all_its_parts(rule: object) -> None:
    manual = rule.manual  # type: ignore[attr-defined] # rules of either kind
    assert all(f"\n\n{part}: " in manual for part in ("Why", "Remedy", "Evidence"))
    assert manual.partition("\n")[0].endswith(".")


def defined(module: ModuleType) -> set[str]:
    """Return the ids of the checks that a module defines or imports."""
    return {each.id for each in vars(module).values() if isinstance(each, CheckType)}


TOPICS = [
    module for module in MODULES if defined(module) & {c.id for c in getattr(module, "CHECKS", ())}
]


def test_every_check_is_in_the_registry() -> None:
    assert {id_ for module in MODULES for id_ in defined(module)} == {rule.id for rule in CHECKS}


def test_ids_and_names_are_unique() -> None:
    assert len({rule.id for rule in CHECKS}) == len({rule.name for rule in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("path", ["opt/a", "etc/vmware/firewall/b"])
def test_a_sticky_file_below_etc_is_good(path: str) -> None:
    assert ("VF331" in found(with_file(path, mode=0o1644))) is not path.startswith("etc/")


def test_releases_choose_rules() -> None:
    eight, old = (t for t in STOCK_TARGETS if str(t) in {"6.5", "8.0"}), BAD["VF305"]()
    targets = tuple(sorted(eight))
    assert "VF305" in found(old, targets=targets[1:])  # type: ignore[arg-type] # releases
    assert "VF305" not in found(old, targets=targets[:1])  # type: ignore[arg-type] # the same
    assert "VF306" not in found(BAD["VF306"](), targets=targets[1:])  # type: ignore[arg-type] # the same


def test_a_descriptor_of_many_faults_gives_all_of_them() -> None:
    bad = make(vendor="", version="1-1-1", release_date="x", software_tags=("",))
    assert {"VF202", "VF204", "VF207", "VF209"} <= found(bad)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_a_topic_lists_all_its_rules(topic: ModuleType) -> None:
    assert defined(topic) == {rule.id for rule in topic.CHECKS}
