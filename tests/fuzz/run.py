"""Look for inputs that break a reader: `python -m tests.fuzz.run --minutes 60`.

Counts what it tried. An input that raises anything but a VibforgeError, or takes longer than it
may, is written to the folder `findings`, to become a case of its own in the tests. With
`--coverage`, atheris searches along the lines that inputs reach.
"""

import argparse
import random
import re
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import try_one

_KEPT = 200
_DONE = re.compile(rb"Done (\d+) runs")


def main() -> int:
    """Try each target for its share of the time."""
    arguments = _arguments()
    if arguments.coverage and not find_spec("atheris"):
        sys.stderr.write("atheris is missing: pip install atheris (it needs Linux on x86-64)\n")
        return 2
    try_target = _along_coverage if arguments.coverage else _by_chance
    names = arguments.targets or list(TARGETS)
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**31)
    findings = 0
    for name in names:
        tried, found = try_target(name, 60 * arguments.minutes / len(names), seed, arguments)
        sys.stdout.write(f"{name}: {tried} (seed {seed}), {found} findings\n")
        sys.stdout.flush()
        findings += found
    return 1 if findings else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS])
    parser.add_argument("--minutes", type=float, default=1.0, help="in all")
    parser.add_argument("--seed", type=int, default=None, help="for the same inputs again")
    parser.add_argument("--corpus", type=Path, help="folder of files to start from as well")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--coverage", action="store_true", help="search with atheris")
    return parser.parse_args()


def _by_chance(
    name: str, seconds: float, seed: int, arguments: argparse.Namespace
) -> tuple[str, int]:
    """Change good bytes, and keep as a beginning what comes to something new."""
    chance = random.Random(seed)
    pool = TARGETS[name].seeds() + _files(arguments.corpus)
    outcomes: Counter[str] = Counter()
    findings = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(chance.choice(pool), chance)
        outcome, finding = try_one(TARGETS[name], data, arguments.findings, name)
        if outcome not in outcomes and len(pool) < _KEPT:
            pool.append(data)
        outcomes[outcome] += 1
        findings += finding
    return f"{outcomes.total()} inputs, {outcomes['read']} read whole", findings


def _files(folder: Path | None) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder else []


def _along_coverage(
    name: str, seconds: float, seed: int, arguments: argparse.Namespace
) -> tuple[str, int]:
    """Let libFuzzer choose, in a process of its own, which it ends."""
    arguments.findings.mkdir(exist_ok=True, parents=True)
    before = set(arguments.findings.iterdir())
    words = ("-m", "tests.fuzz.along_coverage", name, str(int(seconds)), str(seed))
    done = subprocess.run(
        [sys.executable, *words, str(arguments.findings)], check=False, stderr=subprocess.PIPE
    )
    runs = _DONE.search(done.stderr)
    found = len(set(arguments.findings.iterdir()) - before)
    if found or done.returncode or not runs:
        sys.stderr.buffer.write(done.stderr[-20_000:])
        found = max(found, 1)
    return f"{int(runs[1]) if runs else 0} inputs along their coverage", found


if __name__ == "__main__":
    sys.exit(main())
