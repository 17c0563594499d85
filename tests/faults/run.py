"""Stop every command that writes at many points: `python -m tests.faults.run --points 200`.

Prints for each command how often it left what was there (old), what it makes (new) or, after
SIGKILL only, some files of each, and how many files without their final names; a fault is anything
that may not be: half a file, a leftover after SIGINT or SIGTERM, a next run that fails.
"""

import argparse
import pkgutil
import random
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import vibforge
from tests.faults.killing import Bench, stopped_by_chance
from tests.faults.scenario import SCENARIOS


def main() -> int:
    """Stop the chosen commands, all if none is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", choices=[[], *SCENARIOS])
    parser.add_argument("--points", type=int, default=200, help="for each command")
    parser.add_argument("--seed", type=int, default=None, help="for the same points again")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    for module in pkgutil.walk_packages(vibforge.__path__, "vibforge."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    faults = 0
    sys.stdout.write(f"seed {seed}\n")
    for name in arguments.commands or SCENARIOS:
        with TemporaryDirectory() as folder:
            bench = Bench.of(name, SCENARIOS[name], Path(folder, "here"))
            tally = stopped_by_chance(bench, arguments.points, seed)
        sys.stdout.write(f"{tally}\n")
        sys.stdout.writelines(f"  {fault}\n" for fault in tally.faults[:5])
        sys.stdout.flush()
        faults += len(tally.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
