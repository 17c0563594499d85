"""Change the code in small ways and see whether a test fails: `make mutants`.

mutmut makes the mutants, runs the tests that reach each, and keeps the results of the last room in
`mutants/` (`mutmut browse` shows them); what survived is printed at the end of each room. Three
things are added to it here: a sample that is the same on each machine; rooms, so that the code of a
folder is judged by the tests of that folder alone; and mutants of the functions under `@check` and
`@property`, which mutmut leaves alone because it cannot know what a decorator does with a copy of
its function.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from binascii import crc32
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import libcst as cst
import mutmut.__main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import file_mutation
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.runners.harness import TestRunner
from mutmut.stats import status_by_exit_code

DECORATORS = frozenset({"check", "property", "contextmanager"})
"""They take a function and nothing else happens to it, so that a mutant may stand in its place."""
ROOMS: Mapping[str, tuple[str, ...]] = {
    "formats": ("tests/formats",),
    "vib": ("tests/vib",),
    "checks": ("tests/checks",),
    "host": ("tests/host",),
    "signing": ("tests/signing",),
    "trx": ("tests/trx",),
    "bundle": ("tests/bundle",),
    "project": ("tests/project",),
    "packages": ("tests/packages",),
}
"""The folders of `vibforge` whose code is changed, each with the tests that have to notice."""
FOLDER = Path("mutants")
"""mutmut's, with no other name to be had."""
_KILLED = {1, 3}
"""mutmut's results where a test failed; the others are no news of a test, a timeout among them."""

_Statements = Sequence[file_mutation.MODULE_STATEMENT]
_Arranged = tuple[_Statements, _Statements, _Statements, Sequence[str]]
_Found = tuple[
    list[tuple[SourceFileMutationData, str, int | None]], dict[str, SourceFileMutationData]
]


def _name(decorator: cst.Decorator) -> str:
    called = decorator.decorator
    inner = called.func if isinstance(called, cst.Call) else called
    return str(inner.value) if isinstance(inner, cst.Name) else ""


def mutate_decorated_functions() -> None:
    """Let mutmut mutate the functions under DECORATORS; only the trampoline keeps the decorator."""
    arrange = file_mutation.function_trampoline_arrangement
    visitor = file_mutation.MutationVisitor
    skips = visitor._skip_node_and_children  # noqa: SLF001 - mutmut has no setting for it

    def skip(self: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
        bare = node
        if isinstance(node, cst.FunctionDef) and {_name(d) for d in node.decorators} <= DECORATORS:
            bare = node.with_changes(decorators=())
        return bool(skips(self, bare))

    def arranged(
        function: cst.FunctionDef,
        mutants: Iterable[file_mutation.Mutation],
        class_name: str | None,
    ) -> _Arranged:
        if not {_name(d) for d in function.decorators} & DECORATORS:
            as_ever: _Arranged = arrange(function, mutants, class_name)
            return as_ever
        bare = function.with_changes(decorators=())
        before, (trampoline, *copies), after, names = arrange(bare, mutants, class_name)
        kept = [*function.decorators, *trampoline.decorators]
        return before, [trampoline.with_changes(decorators=kept), *copies], after, names

    visitor._skip_node_and_children = skip  # noqa: SLF001 - as above
    file_mutation.function_trampoline_arrangement = arranged


def stay_in(room: str) -> None:
    """Let mutmut change the code of one room, and run the tests of that room.

    What it made of another room is in its way: it takes those copies for done.
    """
    stamp = FOLDER / "room"
    if FOLDER.exists() and not (stamp.exists() and stamp.read_text(encoding="utf-8") == room):
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(exist_ok=True)
    stamp.write_text(room, encoding="utf-8")
    settings = config()
    settings.only_mutate = [f"vibforge/{room}/*"]
    settings.pytest_add_cli_args_test_selection += ROOMS[room]


def stop_after(minutes: int) -> None:
    """Let mutmut stop so many minutes after the last step before the first mutant."""
    step = mutmut.run_forced_fail_test

    def begin(runner: TestRunner) -> None:
        step(runner)
        # mutmut stops at an interrupt, and keeps what it has found until then.
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(minutes * 60)

    mutmut.run_forced_fail_test = begin


def take_a_sample(every: int, *, survivors: bool) -> None:
    """Let mutmut run one mutant in `every`, chosen by its name alone.

    Those without a result are run, or with `survivors` those that no test failed on.
    """
    collect = mutmut.collect_source_file_mutation_data

    def sampled(*, mutant_names: tuple[str, ...] | list[str]) -> _Found:
        mutants, files = collect(mutant_names=mutant_names)
        return [
            (data, name, result)
            for data, name, result in mutants
            if (result not in {None, *_KILLED} if survivors else result is None)
            and crc32(name.encode()) % every == 0
        ], files

    mutmut.collect_source_file_mutation_data = sampled


def summary(every: int) -> str:
    """Return what became of the room's mutants: a line for each module, and what survived."""
    rows = [f"One mutant in {every}:"]
    survivors = []
    for path in mutmut.walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        ran = {name: code for name, code in data.exit_code_by_key.items() if code is not None}
        if not ran:
            continue
        found = Counter(status_by_exit_code[code] for code in ran.values())
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(found.items()))
        rows.append(f"  {path}: {len(ran)} of {len(data.exit_code_by_key)} ran: {outcomes}")
        survivors += [
            f"{name}: {status_by_exit_code[code]}\n{_changed_lines(name, path)}"
            for name, code in ran.items()
            if code not in _KILLED
        ]
    return "\n".join([*survivors, *rows])


def _changed_lines(mutant: str, path: Path) -> str:
    lines = get_diff_for_mutant(mutant, path=path).splitlines()
    return "\n".join(line for line in lines[2:] if line.startswith(("+", "-")))


def rooms_of(patterns: Sequence[str]) -> list[str]:
    """Return the rooms that patterns of mutants' names are about; all where there is none."""
    named = {parts[1] for pattern in patterns if len(parts := pattern.split(".")) > 1}
    return [room for room in ROOMS if not patterns or room in named or "*" in named]


def run_room(room: str, chosen: argparse.Namespace) -> None:
    """Run the mutants of one room until all are done or the time is over."""
    # The tests run in a copy of the checkout, from which the corpus is not a neighbour.
    os.environ.setdefault("VIBFORGE_CORPUS", str(Path.cwd().parent / "shared" / "corpus"))
    stay_in(room)
    mutate_decorated_functions()
    stop_after(chosen.minutes)
    take_a_sample(chosen.every, survivors=chosen.survivors)
    own = [name for name in chosen.names if room in rooms_of([name])]
    # Without names mutmut would take no result for wanting to be made anew.
    mutmut._run(own or [f"vibforge.{room}.*"], chosen.processes)  # noqa: SLF001 - what `mutmut run` does
    signal.alarm(0)
    print(summary(chosen.every))  # noqa: T201 - it is what was asked for


def main() -> None:
    """Run the mutants whose names match, one room after the other."""
    parser = argparse.ArgumentParser(prog="python tests/mutants.py", description=__doc__)
    parser.add_argument("names", nargs="*", help="like 'vibforge.formats.ar*'; all if left out")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="run one mutant in N")
    parser.add_argument("--survivors", action="store_true", help="run those that survived again")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="run N at a time")
    parser.add_argument("--minutes", type=int, default=30, help="time for each room")
    parser.add_argument("--room", choices=ROOMS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.room:
        run_room(chosen.room, chosen)
        return
    for room in rooms_of(chosen.names):
        # mutmut keeps its settings and results in globals: a process for each room.
        command = [sys.executable, *sys.argv, "--room", room]
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
