"""Run hostile inputs: `python -m tests.hostile.runner NAME…` prints one line of JSON for each run.

The process loads vibforge once. It forks a child that makes the input, and one for each command,
which the kernel holds to a processor time and an address space.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import asdict

import vibforge
from tests.hostile.case import Hostile
from tests.hostile.cases import all_cases
from vibforge.cli import main
from vibforge.cli.streams import prepare_streams

CPU_LIMIT = 5
"""Seconds of processor time of one command over an input of less than 1 MB."""
PEAK_LIMIT = 300 * 1024 * 1024
"""Bytes of memory of one command, the interpreter included."""
ADDRESS_LIMIT = 2 * 1024 * 1024 * 1024
"""Bytes of address space: each thread reserves some 70 MB that it never touches."""
_FILE_LIMIT = 256 * 1024 * 1024
_OUTPUT_KEPT = 2000


class Run(Struct, frozen=True):
    """What one command made of an input; `exit` is negative for a signal."""

    name: str
    command: str
    exit: int
    cpu: float
    peak: int
    said: str

    @property
    def held(self) -> bool:
        """Whether the command gave a result or a clean error within its limits."""
        return self.exit in {0, 1, 2, 4} and self.peak <= PEAK_LIMIT and self.cpu <= CPU_LIMIT


def run_case(case: Hostile) -> Iterator[Run]:
    """Run all commands of one case in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        inside = folder / "in"
        inside.mkdir()
        code, _ = _forked(partial(_made, case, inside))
        if code:
            raise RuntimeError(f"{case.name} cannot be made")
        for words in case.commands:
            said = folder / "said"
            code, usage = _forked(partial(_command, words, inside, said))
            yield Run(
                name=case.name,
                command=ascii(" ".join(words)[:60])[1:-1],
                exit=code,
                cpu=round(usage.ru_utime + usage.ru_stime, 3),
                peak=usage.ru_maxrss * 1024,
                said=said.read_text("utf-8", "replace")[-_OUTPUT_KEPT:],
            )


def _forked(work: Callable[[], int]) -> tuple[int, resource.struct_rusage]:
    child = os.fork()
    if child == 0:
        _end(work)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage


def _end(work: Callable[[], int]) -> NoReturn:
    code = 3
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - the child must not go on with its parent's work
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _made(case: Hostile, folder: Path) -> int:
    case.make(folder)
    return 0


def _command(words: tuple[str, ...], folder: Path, said: Path) -> int:
    os.chdir(folder)
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
        os.dup2(os.open(os.devnull, flags), number)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))
    prepare_streams()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_LIMIT, ADDRESS_LIMIT))
    return main(list(words))


def warm() -> None:
    """Load all of vibforge, so that each command costs its own work alone."""
    for module in pkgutil.walk_packages(vibforge.__path__, "vibforge."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def chosen(names: list[str]) -> list[Hostile]:
    """Return the cases whose names begin with one of `names`; all if there is none.

    A `$` behind a name asks for just that case.
    """
    whole = {name.removesuffix("$") for name in names if name.endswith("$")}
    beginnings = tuple(name for name in names if not name.endswith("$"))
    return [
        case
        for case in all_cases()
        if not names or case.name in whole or case.name.startswith(beginnings)
    ]


if __name__ == "__main__":
    warm()
    for one in chosen(sys.argv[1:]):
        for run in run_case(one):
            sys.stdout.write(json.dumps(asdict(run)) + "\n")
            sys.stdout.flush()
