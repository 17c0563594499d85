"""Words of the command line: numbers out of range, names without an end, values that nest."""

from collections.abc import Iterator
from pathlib import Path

from tests import vibs
from tests.hostile.case import Hostile
from tests.hostile.of_recipes import recipe

_DIGITS = "9" * 5_000
_LONG = "a" * 100_000
_DOTS = ".".join(["a"] * 20_000)
_VALUES = {
    "digits": _DIGITS,
    "negative": f"-{_DIGITS}",
    "hex": f"0x{'f' * 5_000}",
    "long": _LONG,
    "empty": "",
    "nul-like": "\\0" * 1_000,
    "surrogate": "\udcff",
    "escape": "\x1b[2J\n" * 100,
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "build-version": ("build", ".", "--dry-run", "--version", "{}"),
    "build-name": ("build", ".", "--dry-run", "--name", "{}"),
    "build-vendor": ("build", ".", "--dry-run", "--vendor", "{}"),
    "build-level": ("build", ".", "--dry-run", "--acceptance-level", "{}"),
    "build-allow": ("build", ".", "--dry-run", "--allow", "{}", "--because", "{}"),
    "build-set": ("build", ".", "--dry-run", "--set", "payloads[0].boot-order={}"),
    "build-set-key": ("build", ".", "--dry-run", "--set", "{}=1"),
    "build-set-index": ("build", ".", "--dry-run", "--set", "payloads[{}].type=vgz"),
    "build-output": ("build", ".", "-o", "{}"),
    "init-name": ("init", "new", "--name", "{}"),
    "lint-release": ("lint", "x.vib", "--esxi", "{}"),
    "lint-release-part": ("lint", "x.vib", "--esxi", "8.{}"),
    "lint-select": ("lint", "x.vib", "--select", "{}"),
    "plan-release": ("plan", "x.vib", "--from", "8.0U{}"),
    "plan-flags": ("plan", "x.vib", "--flags", "{}"),
    "verify-at": ("verify", "x.vib", "--at", "{}"),
    "verify-year": ("verify", "x.vib", "--at", "{}-01-01"),
    "inspect-cat": ("inspect", "x.vib", "--cat", "{}"),
    "extract-path": ("extract", "x.vib", "{}", "-C", "out"),
    "explain": ("explain", "{}"),
    "sign-time": ("sign", "x.vib", "--digest-out", "d", "--signing-time", "{}"),
    "sign-descriptor": ("sign", "x.vib", "--key", "k", "--cert", "c", "--passphrase-fd", "{}"),
    "sign-uri": ("sign", "x.vib", "--key", "pkcs11:{}", "--cert", "x.vib"),
    "bundle-version": ("bundle", "create", "x.vib", "-o", "b.zip", "--component-version", "{}"),
    "bundle-platform": ("bundle", "create", "x.vib", "-o", "b.zip", "--platform", "{}"),
    "bundle-code": ("bundle", "create", "x.vib", "-o", "b.zip", "--vendor-code", "{}"),
    "bundle-set": ("bundle", "create", "x.vib", "-o", "b.zip", "--set", "severity={}"),
    "trx-new-set": ("trx", "new", "--profile", "default-p2p", "--set", "domainNumber={}"),
    "trx-new-key": ("trx", "new", "--profile", "default-p2p", "--set", "{}=1"),
    "trx-new-domain": ("trx", "new", "--profile", "default-p2p", "--domain", "{}"),
    "trx-profile": ("trx", "new", "--profile", "{}"),
    "trx-nic": ("trx", "host", "--nic", "{}"),
    "trx-pf": ("trx", "host", "--nic", "8086:1592", "--pf", "{}"),
    "trx-options": ("trx", "options", "{}"),
    "trx-linuxptp": ("trx", "options", "--linuxptp", "{}"),
    "trx-configstore": ("trx", "check", "trx.conf", "--configstore", "domain_number={}"),
    "trx-seconds": ("trx", "sniff", "x.vib", "--seconds", "{}"),
    "schema": ("schema", "{}"),
    "pki-name": ("pki", "issue", ".", "{}"),
}


def _fill(folder: Path) -> None:
    recipe(
        "", lambda: 'name = "a"\nversion = "1.0-1"\n[[payloads]]\nname = "a"\ntree = "tree"\n'
    ).make(folder)
    (folder / "x.vib").write_bytes(vibs.vib())
    (folder / "trx.conf").write_text("ptp4l:domainNumber 24\n")


def options() -> Iterator[Hostile]:
    """Each option with each value."""
    for name, value in _VALUES.items():
        commands = (
            tuple(word.replace("{}", value) for word in words) for words in _OPTIONS.values()
        )
        for option, words in zip(_OPTIONS, commands, strict=True):
            yield Hostile(f"words/{option}/{name}", _fill, (words,))


def settings() -> Iterator[Hostile]:
    """Settings whose keys and values nest."""
    for name, setting in {
        "dotted-key": f"{_DOTS}=1",
        "dotted-value": f"urls={{{_DOTS}=1}}",
        "nested-value": f"urls={'[' * 50_000}",
        "nested-tables": f"urls={'{a=' * 20_000}",
        "lines": "urls=1\n" * 20_000,
        "indices": f"payloads{'[0]' * 20_000}=1",
        "variables": f"summary={'${A:-' * 20_000}",
    }.items():
        words = ("build", ".", "--dry-run", "--set", setting)
        yield Hostile(f"words/set/{name}", _fill, (words,))
    many = tuple(word for i in range(2_000) for word in ("--set", f"urls.u{i}=x"))
    yield Hostile("words/set/many", _fill, (("build", ".", "--dry-run", *many),))


FAMILIES = (options, settings)
