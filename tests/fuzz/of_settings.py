"""Readers of what people and their tools write: recipes, settings, facts, logs."""

import contextlib

from tests.conftest import CHECKOUT
from tests.fuzz.target import Target, printable
from tests.host.test_facts import collected
from vibforge.api.explain import Explanation
from vibforge.errors import ModelError, TrxError
from vibforge.host.facts import read_facts
from vibforge.host.known_messages import recognise
from vibforge.project.recipe_reading import read_bundle_recipe, read_recipe
from vibforge.project.recipe_writing import serialise
from vibforge.report import explain, trx_check, trx_tables
from vibforge.report.documents.explain import Explain
from vibforge.report.documents.trx import TrxCheck, TrxExport, TrxImport, TrxShow
from vibforge.report.paint import Paint
from vibforge.trx import effective
from vibforge.trx.check import check
from vibforge.trx.conf import TrxConf
from vibforge.trx.exchange.conversion import import_text
from vibforge.trx.exchange.foreign import Foreign
from vibforge.trx.exchange.linuxptp import export_linuxptp
from vibforge.trx.exchange.ptpconfig import export_ptpconfig
from vibforge.trx.option import CANDIDATES, catalogue, fingerprint


def read_toml(data: bytes) -> None:
    """Read a recipe; what was read is read again from what is written of it."""
    text = _text(data)
    read_bundle_recipe(text, environment={})
    recipe = read_recipe(text, environment={"NAME": "x"})
    assert read_recipe(serialise(recipe), environment={}) == recipe


def read_trx_conf(data: bytes) -> None:
    """Judge a trx.conf, show what it comes to and give it to other tools."""
    conf = TrxConf.parse(data)
    assert TrxConf.parse(conf.serialise()).serialise() == conf.serialise()
    result = check(data)
    printable(TrxCheck.of(result, "x"), trx_check.check_text(result, "x", Paint()))
    effects = effective.effects(conf, releases=CANDIDATES, everything=True)
    stopping = effective.stopping_lines(conf)
    printable(
        TrxShow.of(effects, stopping, CANDIDATES),
        trx_tables.effects_text(effects, stopping, CANDIDATES, Paint()),
    )
    with contextlib.suppress(TrxError):  # it has lines that stop TRX
        effective.linuxptp_file(conf, "ptp4l")
    exported = export_linuxptp(conf)
    printable(TrxExport.of(exported, exported.ptp4l_conf, Foreign.PTP4L_CONF))
    export_ptpconfig(conf, name="x", interface="eth0")


def read_ptp4l_conf(data: bytes) -> None:
    _transfer(data, Foreign.PTP4L_CONF)


def read_options(data: bytes) -> None:
    _transfer(data, Foreign.PHC2SYS)


def read_ptpconfig(data: bytes) -> None:
    _transfer(data, Foreign.PTPCONFIG)


def _transfer(data: bytes, source: Foreign) -> None:
    imported = import_text(data, source)
    check(imported.conf.serialise())
    printable(TrxImport.of(imported), trx_tables.losses_text(imported.losses, Paint()))


def read_host_facts(data: bytes) -> None:
    host = read_facts(data)
    "\n".join(str(note) for note in host.notes).encode("utf-8")


def read_log(data: bytes) -> None:
    found = Explanation(messages=recognise(data.decode("utf-8", "replace")))
    printable(Explain.of(found), explain.explanation_text(found, Paint()))


def read_program(data: bytes) -> None:
    fingerprint(data)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError("the recipe is not UTF-8 text") from error


_RECIPE = b"""# A package
name = "trx-conf"
version = "1.0.0-1"
vendor = "VFG"
summary = "${NAME:-x}"
acceptance-level = "partner"
release-date = 2024-05-01T12:00:00Z
software-tags = ["a", "b"]

[urls]
kb = "https://example.com"

[relationships]
depends = ["esx-version >= 6.5.0"]

[[payloads]]
name = "payload1"
tree = "."
type = "vgz"
boot-order = 100

[[payloads.rules]]
paths = ["etc/**"]
mode = "1644"
owner = 0

[bundle]
vendor-code = "VFG"
severity = "general"

[[allow]]
rule = "VF301"
because = "we know"
"""

_PTPCONFIG = b"""apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: x}
spec:
  profile:
  - name: client
    interface: eth0
    ptp4lOpts: "-2 -s --summary_interval=-4"
    phc2sysOpts: "-a -r -n 24"
    ptp4lConf: |
      [global]
      domainNumber 24
      [eth0]
      delay_mechanism P2P
  recommend: [{profile: client}]
"""

_LOG = b"""2024-05-01T12:00:00Z esxupdate: 123: root: ERROR:
 [InstallationError]
 VFG_bootbank_trx_1.0-1: ('VFG_bootbank_trx_1.0-1', 'Could not find a trusted signer.')
       vibs = VFG_bootbank_trx_1.0-1
"""


def _recipes() -> list[bytes]:
    return [_RECIPE, b'name = "a"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "."\n']


def _trx_confs() -> list[bytes]:
    shipped = CHECKOUT / "payloads/trx-conf"
    return [
        next(shipped.rglob("trx.conf")).read_bytes(),
        b"\xef\xbb\xbfptp4l:domainNumber 24\r\n#c\n;d\n[global]\nphc2sys:a:b c\nptp4l:step 1 2\n",
    ]


SETTINGS = {
    "recipe": Target(read_toml, _recipes),
    "trx-conf": Target(read_trx_conf, _trx_confs, each=25),
    "ptp4l-conf": Target(
        read_ptp4l_conf, lambda: [b"[global]\nslaveOnly 1\n#x\n[eth0]\ndelay_mechanism P2P\n"]
    ),
    "options": Target(read_options, lambda: [b"-a -rr -n 24 --step_threshold=0.1 'x y'"]),
    "ptpconfig": Target(read_ptpconfig, lambda: [_PTPCONFIG]),
    "facts": Target(read_host_facts, lambda: [collected()]),
    "log": Target(read_log, lambda: [_LOG]),
    "program": Target(read_program, lambda: ["\0".join(["", *catalogue().options, ""]).encode()]),
}
