"""Count the machine instructions of four commands: a measure of start-up that knows no noise.

usage: python -m tests.instructions   writes the counts of this Python into their record
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import tomli_w

from tests.trees import make_tree
from vibforge.trx.profile import profiles, trx_conf_of

RECORD = Path(__file__).with_name("instruction_counts.toml")
_HEAD = (
    "# Written by `make instructions`; counts are in millions of instructions, by Python build.\n"
)
_TRX_CONF = """\
ptp4l:delay_mechanism P2P
ptp4l:network_transport UDPv4
ptp4l:logAnnounceInterval 1
ptp4l:logMinPdelayReqInterval 0
ptp4l:logSyncInterval -3
ptp4l:announceReceiptTimeout 3
ptp4l:domainNumber 0
"""
_COLLECTED = re.compile(r"Collected : (\d+)")


def interpreter() -> str:
    """Return what a count depends on beside our code: how this Python was made."""
    options = re.findall(
        r"--(?:enable|with)[\w-]+(?:=\w+)?", sysconfig.get_config_var("CONFIG_ARGS") or ""
    )
    return ", ".join(
        (
            f"{platform.python_implementation()} {platform.python_version()}",
            platform.machine(),
            platform.python_compiler(),
            *sorted(options),
        )
    )


def counts(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield each command's name and its count, in millions."""
    tree = str(make_tree(folder / "tree", {"etc/vmware/trx.conf": _TRX_CONF}))
    out = str(folder / "out")
    vib = str(folder / "out" / "custom_bootbank_tiny_1.0.0-1.vib")
    conf = folder / "trx.conf"
    conf.write_bytes(fifty_lines())
    commands = {
        "version": ["--version"],
        "trx check": ["trx", "check", str(conf)],
        "build": ["build", tree, "--name", "tiny", "-o", out, "--no-instructions"],
        "lint": ["lint", vib],
    }
    for words in commands.values():  # what is counted finds its bytecode cached
        _run([sys.executable, "-m", "vibforge", *words], folder)
    for name, words in commands.items():
        yield name, _count(words, folder)


def fifty_lines() -> bytes:
    """Return a trx.conf of some fifty lines, one of them wrong."""
    profile = trx_conf_of(profiles()["gptp"]).serialise()
    return (profile * 4)[: profile.index(b"phc2sys")] * 4 + b"ptp4l:foo 1\n"


def recorded() -> dict[str, float] | None:
    """Return the counts that were written down for this Python, None where there are none."""
    known: dict[str, dict[str, float]] = tomllib.loads(RECORD.read_text(encoding="utf-8"))
    return known.get(interpreter())


def _count(words: list[str], folder: Path) -> float:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = _run([*valgrind, sys.executable, "-m", "vibforge", *words], folder)
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise ValueError(done.stderr)
    return round(int(found[1]) / 1e6, 1)


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose environment is the same everywhere; lint's verdict may be bad."""
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": "0",
    }
    done = subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode > 1:
        raise ValueError(done.stderr)
    return done


def main() -> None:
    """Put the counts of this Python into the record, beside those of others."""
    folder = Path(tempfile.mkdtemp())
    try:
        found = dict(counts(folder))
    finally:
        shutil.rmtree(folder)
    known = tomllib.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    known[interpreter()] = found
    RECORD.write_text(_HEAD + "\n" + tomli_w.dumps(known), encoding="utf-8")
    sys.stdout.write(f"{interpreter()}: {found}\n")


if __name__ == "__main__":
    main()
