"""One of each command, and a folder with all that they read."""

import json
import shlex
from pathlib import Path

from tests import bundles, vibs
from tests.cli.test_reading import run
from tests.report.schemas import require_valid
from tests.signing import lab as signing
from tests.signing.lab import Lab
from tests.trees import make_tree, trx_tree
from tests.trx.log.making import steady, text
from tests.trx.network.ptp_examples import pcap
from tests.trx.network.test_sniff import SPEECH
from tests.trx.test_option_fingerprint import table_of

BUNDLE = ("--platform", "8.0", "--vendor-code", "ABC")
COMMANDS = {
    "build": "build tree -o made",
    "build --bundle": "build tree -o made-bundle --bundle --set bundle.vendor-code=ABC",
    "bump": "bump versioned",
    "build --dry-run": "build tree --dry-run",
    "build of a recipe": "build project -o made-project",
    "build that allows": "build bad -o made-bad --allow port-section --because tried",
    "build that signs": "build signing -o made-signing",
    "lint": "lint good.vib bad.vib bundle.zip",
    "lint of a project": "lint project",
    "bundle lint": "bundle lint bundle.zip",
    "plan": "plan good.vib bundle.zip page.vib",
    "plan of all together": "plan --together good.vib good.vib --esxi 6.7",
    "plan of a removal": "plan --remove absent --remove x good.vib --host facts.json",
    "plan of one host": "plan good.vib --host facts.json --to 9.0",
    "host-check": "host-check facts.json --vib good.vib",
    "explain a rule": "explain VF218",
    "explain a message": "explain 'Could not find a trusted signer.'",
    "explain nothing": "explain nothing",
    "inspect": "inspect good.vib signed.vib bad.vib bundle.zip payload stage",
    "diff": "diff good.vib bad.vib",
    "repro": "repro tree --vary hash-seed --against good.vib",
    "repro --build": "repro --build made/build.json tree",
    "verify": "verify good.vib signed.vib bad.vib bundle.zip",
    "verify by a policy": "verify good.vib signed.vib --require-level partner --strict",
    "extract": "extract good.vib -C out",
    "extract --stage": "extract good.vib --stage -C stage-out",
    "sign": "sign community.vib --key me.key --cert me.pem -o signed-now.vib",
    "sign several": "sign community.vib bundle.zip page.vib --key me.key --cert me.pem -o signed",
    "sign elsewhere": "sign community.vib --digest-out digest --attributes-out text",
    "pki init": "pki init ca",
    "pki issue": "pki issue ca me",
    "pki revoke": "pki revoke ca me",
    "pki export": "pki export ca -o store",
    "bundle create": "bundle create one.vib -o one.zip --platform 8.0 --vendor-code ABC",
    "bundle add": "bundle add given.zip two.vib -o added.zip --platform 8.0",
    "bundle remove": "bundle remove added.zip two -o removed.zip",
    "bundle split": "bundle split added.zip -C parts",
    "bundle merge": "bundle merge given.zip other.zip -o merged.zip",
    "bundle modernise": "bundle modernise bundle.zip -o modern.zip --vendor-code ABC",
    "bundle inspect": "bundle inspect bundle.zip",
    "bundle inspect ours": "bundle inspect given.zip",
    "bundle verify": "bundle verify bundle.zip",
    "bundle verify by a policy": "bundle verify bundle.zip --require-signed",
    "bundle unpack": "bundle unpack given.zip -C depot",
    "evidence sbom": "evidence sbom good.vib -o sbom.json",
    "evidence attest": "evidence attest made-signing --key me.key --cert me.pem -o att.json",
    "evidence attest elsewhere": "evidence attest made --cert me.pem --pae-out text.pae",
    "verify --attestation": "verify good.vib --attestation att.json --trust ca",
    "verify --sbom": "verify good.vib community.vib --sbom sbom.json",
    "evidence change-record": "evidence change-record good.vib -o record --date 2026-12-01",
    "trx check": "trx check trx.conf",
    "trx check that allows": "trx check bad.conf --allow port-section --because tried",
    "trx show": "trx show bad.conf --all",
    "trx profiles": "trx profiles",
    "trx options": "trx options",
    "trx import": "trx import ptp4l.conf -o imported.conf",
    "trx export": "trx export bad.conf --as phc2sys",
    "trx host": "trx host --nic 8086:1592",
    "trx fingerprint": "trx fingerprint ptp4l",
    "trx sniff": "trx sniff heard.pcap",
    "trx log": "trx log trx.log --limit g8271-4 --all",
}
"""In an order in which each finds what it needs."""

PROJECT = """\
name = "acme"
version = "1.0.0-1"
[relationships]
depends = ["esx-version >= 7.0.0"]
[system-requires]
software-platforms = [{ version = "8.*", product-line-id = "embeddedEsx" }]
[[allow]]
rule = "VF218"
because = "TRX reads it there"
[[payloads]]
name = "acme"
tree = "tree"
"""


def words_of(name: str) -> list[str]:
    """Return the words of a command, without --json."""
    return shlex.split(COMMANDS[name])


def fill(folder: Path, lab: Lab) -> None:
    """Put all that the commands read into a folder."""
    _vibs(folder)
    _projects(folder, lab)
    (folder / "trx.conf").write_text("ptp4l:delay_mechanism P2P\n")
    (folder / "bad.conf").write_text("ptp4l:port0:delay_mechanism P2P\nptp4l:x 1\nphc2sys:y\n")
    (folder / "ptp4l.conf").write_text("[global]\ndomainNumber 24\n[eth0]\nmasterOnly 1\n")
    (folder / "heard.pcap").write_bytes(pcap(SPEECH))
    (folder / "ptp4l").write_bytes(table_of("4.2"))
    (folder / "trx.log").write_bytes(steady(1, range(9)) + text(10, "port 1: link down"))
    facts = {"format": "vibforge/host-facts/1", "version": "8.0U3", "secure_boot": None}
    require_valid(facts)
    (folder / "facts.json").write_text(json.dumps(facts))


def _vibs(folder: Path) -> None:
    (folder / "good.vib").write_bytes(vibs.MIXED_VIB)
    (folder / "signed.vib").write_bytes(vibs.signed_vib())
    (folder / "community.vib").write_bytes(signing.vib("community"))
    (folder / "bad.vib").write_bytes(vibs.vib(file_list=["etc/gone"]))
    (folder / "page.vib").write_bytes(b"<!DOCTYPE html>")
    (folder / "payload").write_bytes(vibs.GNU_IMAGE)
    (folder / "bundle.zip").write_bytes(bundles.bundle())
    for name in ("one", "two", "three"):
        vibs.write(folder, name, system_requires=vibs.requires("8.0"))
    for name, vib in (("given", "one"), ("other", "three")):
        words = ("bundle", "create", f"{vib}.vib", "-o", f"{name}.zip", *BUNDLE)
        assert run(*words, folder=folder).returncode == 0
    assert run("extract", "good.vib", "--stage", "-C", "stage", folder=folder).returncode == 0


def _projects(folder: Path, lab: Lab) -> None:
    trx_tree(folder / "tree")
    make_tree(folder / "bad", {"etc/vmware/trx.conf": "ptp4l:port0:delay_mechanism P2P\n"})
    trx_tree(folder / "project/tree")
    (folder / "project/vibforge.toml").write_text(PROJECT)
    (folder / "versioned").mkdir()
    (folder / "versioned/vibforge.toml").write_text(PROJECT)
    issued = lab.issued()
    (folder / "me.key").write_bytes(issued.key_path.read_bytes())
    (folder / "me.pem").write_bytes(issued.certificate_path.read_bytes())
    trx_tree(folder / "signing/tree")
    keys = '[signing]\nkey = "../me.key"\ncertificates = ["../me.pem"]\n'
    (folder / "signing/vibforge.toml").write_text(PROJECT + keys)
