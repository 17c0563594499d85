"""Try one target along the lines that its inputs reach: atheris, which is libFuzzer for Python.

A process of its own, since libFuzzer ends the one it runs in: `python -m tests.fuzz.along_coverage
TARGET SECONDS SEED FINDINGS`. `tests.fuzz.run --coverage` starts it and reads its last lines.
"""

import random
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_LONGEST = 1 << 16
_MOST_MIB = 2048
_HANG_SECONDS = 600


def main(name: str, seconds: str, seed: str, findings: str) -> None:
    """Try `name` for so many seconds; libFuzzer ends the process."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["vibforge"]):
        trying = import_module("tests.fuzz.trying")
        target = import_module("tests.fuzz.targets").TARGETS[name]
        for seed_bytes in target.seeds():
            target.read(seed_bytes)  # imports what functions import

    def one(data: bytes) -> None:
        trying.try_one(target, data, Path(findings), name)

    with TemporaryDirectory() as corpus:
        for number, data in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(data)
        options = {
            "max_total_time": seconds,
            "seed": seed,
            "max_len": _LONGEST,
            "timeout": _HANG_SECONDS,
            "rss_limit_mb": _MOST_MIB,
            "report_slow_units": _HANG_SECONDS,
            "artifact_prefix": f"{findings}/{name}-",
        }
        words = [f"-{key}={value}" for key, value in options.items()]
        atheris.Setup([sys.argv[0], *words, corpus], one, custom_mutator=_mutator(atheris))
        atheris.Fuzz()


def _mutator(atheris: Any) -> Callable[[bytes, int, int], bytes]:  # noqa: ANN401 - a module
    """Mix libFuzzer's changes with ours, which know numbers and the size of a tar block."""
    mutated = import_module("tests.fuzz.mutate").mutated

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        changed = mutated(data, chance) if chance.random() < 0.5 else atheris.Mutate(data, longest)
        return bytes(changed[:longest])

    return mutate


if __name__ == "__main__":
    main(*sys.argv[1:])
