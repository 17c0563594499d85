"""What people and their tools write: settings of PTP, facts of hosts, logs."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests import vibs
from tests.hostile.case import Hostile, Make, file_input

_SIZES = (2_000, 100_000)

_TRX: dict[str, Callable[[int], str]] = {
    "same-key": lambda n: "ptp4l:domainNumber 24\n" * (n // 22),
    "two-keys": lambda n: "ptp4l:domainNumber 24\nptp4l:domainNumber 25\n" * (n // 44),
    "unknown-keys": lambda n: "".join(f"ptp4l:x{i} 1\n" for i in range(n // 14)),
    "close-keys": lambda n: "".join(f"ptp4l:domainNumbe{i} 1\n" for i in range(n // 24)),
    "ports": lambda n: "".join(f"ptp4l:port{i}:masterOnly 1\n" for i in range(n // 28)),
    "empty": lambda n: "\n" * n,
    "blanks": lambda n: " " * n + "\n",
    "comments": lambda n: "#\n" * (n // 2),
    "colons": lambda n: ":" * n + "\n",
    "words": lambda n: "ptp4l:a" + " b" * (n // 2) + "\n",
    "number": lambda n: f"ptp4l:domainNumber {'9' * n}\n",
    "hex": lambda n: f"ptp4l:domainNumber 0x{'f' * n}\n",
    "octal": lambda n: f"ptp4l:domainNumber 0{'7' * n}\n",
    "negative": lambda n: f"ptp4l:logSyncInterval -{'9' * n}\n",
    "float": lambda n: f"ptp4l:pi_proportional_const 1e{'9' * n}\n",
    "fraction": lambda n: f"ptp4l:pi_proportional_const 0.{'9' * n}\n",
    "key": lambda n: f"ptp4l:{'a' * n} 1\n",
    "section": lambda n: f"{'a' * n}:b 1\n",
    "nul": lambda n: "\0" * n,
    "long-lines": lambda n: ("ptp4l:" + "a" * 1000 + " 1\n") * (n // 1010),
    "carriage-returns": lambda n: "ptp4l:domainNumber 24\r" * (n // 22),
    "mac": lambda n: f"ptp4l:ptp_dst_mac {'01:' * (n // 3)}\n",
    "phc2sys": lambda n: "phc2sys:step_threshold 1\n" * (n // 25),
}
_LINUXPTP: dict[str, Callable[[int], str]] = {
    "sections": lambda n: "".join(f"[eth{i}]\n" for i in range(n // 10)),
    "sections-with-keys": lambda n: "".join(f"[eth{i}]\nmasterOnly 1\n" for i in range(n // 23)),
    "same-section": lambda n: "[global]\n" * (n // 9),
    "same-key": lambda n: "[global]\n" + "domainNumber 24\n" * (n // 16),
    "unknown-keys": lambda n: "[global]\n" + "".join(f"x{i} 1\n" for i in range(n // 8)),
    "unicast": lambda n: "[unicast_master_table]\ntable_id 1\n" + "UDPv4 1.2.3.4\n" * (n // 14),
    "section-name": lambda n: f"[{'a' * n}]\n",
    "open-section": lambda n: "[" * n,
    "number": lambda n: f"[global]\ndomainNumber {'9' * n}\n",
    "blanks": lambda n: "[global]\na" + " " * n + "b\n",
}
_OPTIONS: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "-" + "a" * n,
    "words": lambda n: "-a " * (n // 3),
    "long": lambda n: "--step_threshold=1 " * (n // 19),
    "numbers": lambda n: f"-n {'9' * n}",
    "quotes": lambda n: "'" * n,
    "pairs-of-quotes": lambda n: "'' " * (n // 3),
    "backslashes": lambda n: "\\" * n,
}
_HEAD = "apiVersion: ptp.openshift.io/v1\nkind: PtpConfig\nspec:\n  profile:\n  - name: a\n"
_YAML: dict[str, Callable[[int], str]] = {
    "aliases": lambda n: "a: &a [x]\n" + "".join(f"b{i}: *a\n" for i in range(n // 8)),
    "alias-bomb": lambda n: (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]\n" for i in range(1, n // 25))
    ),
    "anchors": lambda n: "".join(f"a{i}: &a{i} x\n" for i in range(n // 12)),
    "nested-lists": lambda n: "[" * n,
    "nested-closed": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "nested-maps": lambda n: "{a: " * (n // 4),
    "many-lists": lambda n: "a:\n" + f"- {'[' * 15}{']' * 15}\n" * (n // 33),
    "many-texts": lambda n: f"a: [{'1,' * (n // 2)}]\n",
    "nested-dashes": lambda n: "- " * (n // 2) + "a",
    "nested-questions": lambda n: "? " * (n // 2) + "a",
    "number": lambda n: f"a: {'9' * n}\n",
    "hex": lambda n: f"a: 0x{'f' * n}\n",
    "sexagesimal": lambda n: f"a: 1{':59' * (n // 3)}\n",
    "sexagesimal-float": lambda n: f"a: 1{':59' * (n // 3)}.5\n",
    "underscores": lambda n: f"a: 1{'_' * n}\n",
    "float": lambda n: f"a: 1.{'9' * n}e+99999\n",
    "date": lambda n: f"a: 2001-01-01 00:00:00.{'9' * n}\n",
    "bad-date": lambda _: "a: 2001-13-41\n",
    "bad-zone": lambda _: "a: 2001-01-01 00:00:00 +99:99\n",
    "binary": lambda n: f"a: !!binary {'A' * n}\n",
    "merge": lambda n: "a: {<<: {" + "a: 1, " * (n // 6) + "}}\n",
    "merge-list": lambda n: "a: {<<: [" + "{a: 1}, " * (n // 8) + "]}\n",
    "tags": lambda n: "a: !!python/object/apply:os.system [x]\n" * (n // 40),
    "sets": lambda n: "a: !!set {" + "".join(f"{i}, " for i in range(n // 6)) + "}\n",
    "pairs": lambda n: "a: !!omap [" + "a: 1, " * (n // 6) + "]\n",
    "unhashable": lambda n: "? [a]\n: b\n" * (n // 10),
    "documents": lambda n: "---\n" * (n // 4),
    "documents-of-kind": lambda n: (_HEAD + "---\n") * (n // 70),
    "directives": lambda n: "%YAML 1.1\n" * (n // 10) + "---\n",
    "tag-directives": lambda n: "".join(f"%TAG !a{i}! x\n" for i in range(n // 12)) + "---\n",
    "profiles": lambda n: _HEAD + "  - name: a\n" * (n // 12),
    "keys": lambda n: "".join(f"a{i}: 1\n" for i in range(n // 8)),
    "same-keys": lambda n: "a: 1\n" * (n // 5),
    "colons": lambda n: "a: " * (n // 3),
    "quotes": lambda n: 'a: "' + "\\x41" * (n // 4) + '"\n',
    "folded": lambda n: "a: >\n" + "  x\n" * (n // 4),
    "text": lambda n: "x" * n,
    "tabs": lambda n: "\t" * n,
    "blank-lines": lambda n: "\n" * n,
    "comments": lambda n: "#\n" * (n // 2),
    "options": lambda n: _HEAD + f"    ptp4lOpts: '{'-2 ' * (n // 3)}'\n",
    "conf": lambda n: _HEAD + "    ptp4lConf: |\n" + "      domainNumber 1\n" * (n // 21),
}


def _facts(**more: object) -> bytes:
    whole = {"format": "vibforge/host-facts/1", "version": "8.0U3", "secure_boot": None}
    return json.dumps(whole | more).encode()


def _installed(n: int) -> list[dict[str, str]]:
    return [
        {"id": f"VFG_bootbank_v{i}_1.0-{i}", "name": f"v{i}", "version": f"1.0-{i}", "vendor": "V"}
        for i in range(n // 90)
    ]


def _descriptors(n: int) -> list[str]:
    return [vibs.descriptor(name=f"v{i}").decode() for i in range(n // 1100)]


_FACTS: dict[str, Callable[[int], bytes]] = {
    "nested-lists": lambda n: b"[" * n,
    "nested-closed": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "nested-tables": lambda n: b'{"a":' * (n // 5),
    "number": lambda n: _facts(bootbank_free=1)[:-1].replace(b": 1", b": " + b"9" * n) + b"}",
    "version-number": lambda n: _facts(version="9" * n),
    "version-update": lambda n: _facts(version="8.0U" + "9" * n),
    "version-dots": lambda n: _facts(version="8." * (n // 2)),
    "float": lambda n: _facts()[:-1] + b', "bootbank_free": 1e' + b"9" * n + b"}",
    "infinity": lambda _: _facts(bootbank_free=float("inf")),
    "not-a-number": lambda _: _facts(bootbank_free=float("nan")),
    "surrogates": lambda n: (
        _facts(acceptance_level="x")[:-1] + b', "a": "' + b"\\ud800" * (n // 6) + b'"}'
    ),
    "keys": lambda n: _facts(**{f"k{i}": 1 for i in range(n // 12)}),
    "same-keys": lambda n: _facts()[:-1] + b', "secure_boot": 1' * (n // 18) + b"}",
    "vibs": lambda n: _facts(vibs=_installed(n)),
    "same-vibs": lambda n: _facts(vibs=_installed(100) * (n // 90)),
    "odd-vibs": lambda n: _facts(vibs=[1] * (n // 3)),
    "vib-texts": lambda n: _facts(vibs=["v"] * (n // 5)),
    "collected-number": lambda n: _facts(
        collected={"filesystems": [{"Free": "9" * n, "Mount Point": "/"}], "altbootbank": "/"}
    ),
    "collected-vibs": lambda n: _facts(
        collector=1, collected={"vibs": _installed(n), "descriptors": _descriptors(n)}
    ),
    "collected-rebooting": lambda n: _facts(
        collector=1, collected={"vibs": _installed(n // 2), "rebooting_vibs": _installed(n // 2)}
    ),
    "collected-fields": lambda n: _facts(
        collector=1, collected={"version": {f"k{i}": "x" for i in range(n // 14)}}
    ),
    "collected-filesystems": lambda n: _facts(
        collector=1, collected={"filesystems": [{}] * (n // 4), "altbootbank": "/"}
    ),
    "oem-strings": lambda n: _facts(
        hardware={"vendor": "v", "model": "m", "oem_strings": ["x"] * (n // 5)}
    ),
}
_LOGS: dict[str, Callable[[int], str]] = {
    "no-signer": lambda n: "Could not find a trusted signer. " * (n // 33),
    "error": lambda n: "[DependencyError] VIB " * (n // 22),
    "error-letters": lambda n: "[DependencyError]" + "VIBaVIB" * (n // 7),
    "no-blanks": lambda n: "VIB" + "x" * n,
    "blanks": lambda n: " " * n,
    "newlines": lambda n: "\n" * n,
    "quotes": lambda n: "u'" * (n // 2),
    "brackets": lambda n: "[" * n,
    "conflict": lambda n: "File path of '/a' is claimed by multiple non-overlay VIBs: " * (n // 59),
    "requires": lambda n: "VIB a requires b, but the requirement cannot be satisfied " * (n // 58),
    "acceptance": lambda n: "is of acceptance level community which is not compliant " * (n // 57),
    "lines": lambda n: "VIB x's acceptance level\n" * (n // 25),
    "slashes": lambda n: "/" * n,
    "nul": lambda n: "\0" * n,
    "not-utf-8": lambda n: "\udcff" * n,
    "characters": lambda n: "\u20ac" * (n // 3),
}


def _encoded(text: Callable[[int], str], size: int) -> bytes:
    return text(size).encode("utf-8", "surrogateescape")


def _texts(
    kind: str,
    file: str,
    texts: dict[str, Callable[[int], str]],
    *commands: str,
    sizes: tuple[int, ...] = _SIZES,
) -> Iterator[Hostile]:
    for name, text in texts.items():
        for size in sizes:
            yield file_input(
                f"{kind}/{name}/{size}",
                file,
                partial(_encoded, text, size),
                *commands,
            )


def trx() -> Iterator[Hostile]:
    """Files of TRX."""
    return _texts(
        "trx",
        "trx.conf",
        _TRX,
        "trx check trx.conf",
        "trx show trx.conf --all",
        "trx export trx.conf",
    )


def linuxptp() -> Iterator[Hostile]:
    """Files of ptp4l, and lines of options."""
    yield from _texts("ptp4l", "ptp4l.conf", _LINUXPTP, "trx import ptp4l.conf")
    yield from _texts("phc2sys", "options", _OPTIONS, "trx import options --as phc2sys")


def ptpconfig() -> Iterator[Hostile]:
    """PtpConfigs of OpenShift."""
    command = "trx import ptp.yaml --as ptpconfig"
    return _texts("yaml", "ptp.yaml", _YAML, command, sizes=(2_000, 250_000))


def facts() -> Iterator[Hostile]:
    """Facts of a host."""
    for name, content in _FACTS.items():
        for size in (5_000, 60_000):
            case = file_input(
                f"facts/{name}/{size}",
                "facts.json",
                partial(content, size),
                "plan x.vib --host facts.json",
            )
            yield Hostile(case.name, _beside_a_vib(case.make), case.commands)


def _beside_a_vib(make: Make) -> Make:
    def both(folder: Path) -> None:
        make(folder)
        (folder / "x.vib").write_bytes(vibs.vib())

    return both


def logs() -> Iterator[Hostile]:
    """Logs to explain."""
    return _texts("log", "esxupdate.log", _LOGS, "explain esxupdate.log")


FAMILIES = (trx, linuxptp, ptpconfig, facts, logs)
