"""Let one call to the system fail in every command that writes: `python -m tests.faults.fail`.

strace makes the n-th call of a kind fail with ENOSPC, EIO or EACCES. All calls that change files
are tried, or `--points` of each command; a fault is anything but exit code 0 or 2 with a folder
that is as it was, or as it shall be; where a file cannot take the place of another, each may be.
"""

import argparse
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from tests.faults.killing import Bench, copied
from tests.faults.scenario import OUTPUT, SCENARIOS, seen

_NAMING = frozenset(
    {
        *("linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"),
        *("fchmod", "chmod", "fchown", "symlink", "symlinkat"),
    }
)
_LAST = frozenset({"rename", "renameat", "renameat2", "chmod"})
"""When all is whole: what fails here leaves some files old and some new."""
_WRITING = frozenset({"write", "pwrite64", "ftruncate"})
_CALLS = ",".join([*sorted(_NAMING | _WRITING), "openat"])
_ERRORS = ("ENOSPC", "EIO", "EACCES")
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_STANDARD_STREAM = re.compile(r"[012],")


class Call(Struct, frozen=True):
    """The `number`-th call of one kind, from 1."""

    name: str
    number: int
    error: str


def main() -> int:
    """Let calls of the chosen commands fail, all if none is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", choices=[[], *SCENARIOS])
    parser.add_argument("--points", type=int, default=0, help="for each command; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    faults = 0
    for name in arguments.commands or SCENARIOS:
        with TemporaryDirectory() as folder:
            bench = Bench.of(name, SCENARIOS[name], Path(folder, "here"))
            calls = list(_calls_of(bench))
            if arguments.points:
                calls = random.Random(arguments.seed).sample(calls, arguments.points)
            found = [fault for call in calls for fault in _faults(bench, call)]
        sys.stdout.write(f"{name}: {len(calls)} failing calls, {len(found)} faults\n")
        sys.stdout.writelines(f"  {fault}\n" for fault in found[:5])
        sys.stdout.flush()
        faults += len(found)
    return 1 if faults else 0


def _calls_of(bench: Bench) -> Iterator[Call]:
    """Yield what can fail: calls of the main thread that change files."""
    with copied(bench.pristine) as work:
        _traced(bench, work, "-o", "trace")
        lines = [_LINE.match(line) for line in (work / "trace").read_text("utf-8").splitlines()]
    counts: Counter[str] = Counter()
    calls = [line.groups() for line in lines if line]
    for process, name, rest in calls:
        if process == calls[0][0]:
            counts[name] += 1
            if _changes_files(name, rest):
                yield from (Call(name, counts[name], error) for error in _ERRORS)


def _changes_files(name: str, rest: str) -> bool:
    if name == "openat":
        return "O_TMPFILE" in rest or "O_CREAT" in rest
    return name in _NAMING or not _STANDARD_STREAM.match(rest)


def _traced(bench: Bench, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-B", "-m", "vibforge", *bench.scenario.words)
    return subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-e", f"trace={_CALLS}", *options, *command],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )


def _faults(bench: Bench, call: Call) -> Iterator[str]:
    injected = f"inject={call.name}:error={call.error}:when={call.number}"
    with copied(bench.pristine) as work:
        done = _traced(bench, work, "-o", "trace", "-e", injected)
        if not _was_meant(call, (work / "trace").read_text("utf-8")):
            return
        found = seen(work / OUTPUT, bench.scenario.look)
    if done.returncode not in {0, 2} or "Traceback" in done.stderr:
        yield f"{call}: exit code {done.returncode}: {done.stderr[-300:]}"
        return
    changed = set(found.items()) ^ set(bench.before.items())
    if done.returncode == 0:
        changed = set(found.items()) ^ set(bench.after.items())
    elif bench.scenario.in_steps or call.name in _LAST:
        known = (bench.before, bench.after, bench.halfway)
        changed = set(found.items()).difference(*(state.items() for state in known))
    if changed:
        yield f"{call}: exit code {done.returncode}, but {sorted(changed)}"


def _was_meant(call: Call, trace: str) -> bool:
    """Whether the call that failed changes files: Python opens more or fewer files at times."""
    failed = [line for line in trace.splitlines() if "(INJECTED)" in line]
    return any(_changes_files(call.name, line.partition("(")[2]) for line in failed)


if __name__ == "__main__":
    sys.exit(main())
