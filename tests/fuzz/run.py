"""Look for inputs that break a reader: `python -m tests.fuzz.run --minutes 60`.

Counts what it tried. An input that raises anything but a VibforgeError, or takes longer than it
may, is written to the folder `findings`, to become a case of its own in the tests. Where atheris is
installed, `--coverage TARGET` lets it search along the lines that an input reaches.
"""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, Target
from vibforge.errors import VibforgeError

SECONDS_LIMIT = 5.0
"""An input of a few KiB that keeps a reader busy for longer is a finding."""
_KEPT = 200


def main() -> int:
    """Try each target for its share of the time."""
    arguments = _arguments()
    if arguments.coverage:
        return _along_coverage(arguments.coverage, arguments.minutes)
    names = arguments.targets or list(TARGETS)
    findings = 0
    for name in names:
        findings += _try(name, 60 * arguments.minutes / len(names), arguments)
    return 1 if findings else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS])
    parser.add_argument("--minutes", type=float, default=1.0, help="in all")
    parser.add_argument("--seed", type=int, default=None, help="for the same inputs again")
    parser.add_argument("--corpus", type=Path, help="folder of files to start from as well")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--coverage", choices=TARGETS, help="search with atheris")
    return parser.parse_args()


def _try(name: str, seconds: float, arguments: argparse.Namespace) -> int:
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    chance = random.Random(seed)
    pool = TARGETS[name].seeds() + _files(arguments.corpus)
    outcomes: Counter[str] = Counter()
    findings = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(chance.choice(pool), chance)
        outcome, finding = _outcome(TARGETS[name], data)
        if outcome not in outcomes and len(pool) < _KEPT:
            pool.append(data)
        outcomes[outcome] += 1
        if finding:
            findings += 1
            arguments.findings.mkdir(exist_ok=True)
            (arguments.findings / f"{name}-{seed}-{outcomes.total()}").write_bytes(data)
            sys.stderr.write(f"{name}: {finding}\n")
    read = outcomes["read"]
    tried = f"{outcomes.total()} inputs (seed {seed}), {read} read whole"
    sys.stdout.write(f"{name}: {tried}, {findings} findings\n")
    return findings


def _outcome(target: Target, data: bytes) -> tuple[str, str]:
    begin = time.monotonic()
    try:
        target.read(data)
        outcome = "read"
    except VibforgeError as error:
        outcome = error.problems[0].what[:40]
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return "raised", traceback.format_exc()
    took = time.monotonic() - begin
    return outcome, f"took {took:.1f} s" if took > SECONDS_LIMIT else ""


def _files(folder: Path | None) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder else []


def _along_coverage(name: str, minutes: float) -> int:
    atheris = import_module("atheris")

    def one(data: bytes) -> None:
        outcome, finding = _outcome(TARGETS[name], data)
        if finding:
            raise AssertionError(outcome, finding)

    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={int(60 * minutes)}", "-print_final_stats=1"], one
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
