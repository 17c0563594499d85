"""What a command loads and costs before it does anything: most of a short one's time."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.instructions import RECORD, counts, interpreter, recorded
from tests.trees import make_tree, trx_tree
from vibforge import build

EVERYWHERE = (
    *("argparse", "asyncio", "concurrent.futures", "cryptography", "csv", "email", "http"),
    *("importlib.metadata", "importlib.resources", "jinja2", "logging", "multiprocessing"),
    *("pkcs11", "pydantic", "pygal", "rich", "socket", "ssl", "tarfile", "tempfile", "tomli_w"),
    *("unittest", "urllib.request", "xml", "yaml"),
)
"""Needed by none of these commands, although others, or their libraries, load them."""
READERS_ONLY = ("backports.zstd", "compression.zstd", "lxml", "zipfile")
BUILDS_ONLY = ("tomllib", "vibforge.host.install", "vibforge.model.recipe", "vibforge.operations")
CODECS = ("hashlib", "zlib_ng")


@dataclass(frozen=True, kw_only=True)
class StartUp:
    """A command, the modules that it must do without, and how many more than typer it may load."""

    words: Sequence[str]
    without: Sequence[str]
    most: int
    but: Sequence[str] = ()


COMMANDS = {
    "version": StartUp(
        words=["--version"],
        without=(*READERS_ONLY, *BUILDS_ONLY, *CODECS, "json", "vibforge.model"),
        most=8,
    ),
    "help": StartUp(
        words=["build", "--help"],
        without=(*READERS_ONLY, *BUILDS_ONLY, *CODECS, "vibforge.model"),
        most=21,
    ),
    "build": StartUp(
        words=["build", "{tree}", "-o", "{out}", "--no-instructions"],
        without=(*READERS_ONLY, "vibforge.signing", "vibforge.trust", "vibforge.depot"),
        most=193,
    ),
    "build with instructions": StartUp(
        words=["build", "{tree}", "-o", "{out}"],
        without=("lxml", "vibforge.signing", "vibforge.trust", "vibforge.depot"),
        most=234,
        but=("importlib.resources", "jinja2", "tempfile"),
    ),
    "lint": StartUp(
        words=["lint", "{vib}"],
        without=(*BUILDS_ONLY, "vibforge.model.bundle", "vibforge.trx.check", "vibforge.trust"),
        most=128,
    ),
    "trx check": StartUp(
        words=["trx", "check", "{conf}"],
        without=(
            *READERS_ONLY,
            *CODECS,
            *("tomllib", "vibforge.esxi.table", "vibforge.host", "vibforge.formats.tar_header"),
        ),
        most=56,
    ),
    "verify": StartUp(
        words=["verify", "{vib}"],
        without=("tomllib", "vibforge.host.install", "vibforge.model.recipe", "vibforge.trx"),
        most=145,
    ),
    "inspect": StartUp(
        words=["inspect", "{vib}"],
        without=("tomllib", "vibforge.host.install", "vibforge.model.recipe", "vibforge.trx"),
        most=113,
    ),
    "plan": StartUp(
        words=["plan", "{vib}"],
        without=("tomllib", "vibforge.model.recipe", "vibforge.trx"),
        most=166,
    ),
}

SCRIPT = """
import sys
import typer
before = len(sys.modules)
from vibforge.cli import main
code = main(sys.argv[1:])
print(code, len(sys.modules) - before, *sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("start-up")
    tree = trx_tree(folder / "tree")
    other = make_tree(folder / "other", {"opt/acme/settings": "a = b\n"})
    built = build(other, folder / "built", instructions=False)
    return {
        "tree": str(tree),
        "conf": str(tree / "etc/vmware/trx.conf"),
        "vib": str(built.vib_path),
        "out": str(folder / "out"),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_loads_only_what_it_needs(name: str, places: dict[str, str]) -> None:
    command = COMMANDS[name]
    words = [word.format_map(places) for word in command.words]
    # What measures the coverage of a child would load modules of its own.
    alone = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        capture_output=True,
        text=True,
        check=True,
        env=alone,
    )
    code, count, *loaded = done.stderr.splitlines()[-1].split()
    assert code in {"0", "1"}, done.stderr
    needless = {*EVERYWHERE, *command.without} - {*command.but}
    assert sorted(needless.intersection(loaded)) == []
    assert int(count) <= command.most, loaded


GROWTH = 1.05
"""Counts repeat to a thousandth wherever the checkout lies: what is above this, was put there."""


@pytest.mark.slow
def test_a_start_takes_no_more_instructions_than_it_did(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    tool("valgrind")
    known = recorded()
    if known is None:
        pytest.skip(f"no counts of {interpreter()} in {RECORD.name}; `make instructions` adds them")
    found = dict(counts(tmp_path))
    grown = {name: count for name, count in found.items() if count > known[name] * GROWTH}
    assert grown == {}, f"{known}: if it has to be, `make instructions` writes them anew"


def test_ctrl_c_before_the_commands_are_loaded_leaves_no_traceback() -> None:
    script = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'vibforge.cli':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from vibforge.__main__ import run\n"
        "run()"
    )
    words = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
