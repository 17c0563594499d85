"""Run whole commands in turn and compare them pair by pair, as the operating system counts them."""

import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from vibforge import __version__
from vibforge.formats.deflating import codec_version


class Run(Struct, frozen=True):
    """One run of a command: seconds of wall clock and of all processors, peak memory in KiB."""

    wall: float
    cpu: float
    peak: int


class Spread(Struct, frozen=True):
    """Median, smallest and largest of several figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(statistics.median(figures), min(figures), max(figures))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def setting() -> str:
    """Return what was measured on what."""
    return (
        f"vibforge {__version__}, {codec_version()}, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors."
    )


def run(command: Sequence[str]) -> Run:
    """Run a command to its end; what it prints is thrown away."""
    begin = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - commands of this folder
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def in_turn(
    commands: Sequence[Sequence[str]], rounds: int, fresh: Sequence[Path] = ()
) -> list[list[Run]]:
    """Run all commands once to warm up, then `rounds` times in turn; a list for each command.

    The folders in `fresh` are removed before each run.
    """
    runs: list[list[Run]] = [[] for _ in commands]
    for turn in range(rounds + 1):
        for found, command in zip(runs, commands, strict=True):
            for folder in fresh:
                shutil.rmtree(folder, ignore_errors=True)
            done = run(command)
            if turn:
                found.append(done)
    return runs


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> Spread:
    """Our wall time over theirs, pair by pair."""
    return Spread.of([one.wall / other.wall for one, other in zip(ours, theirs, strict=True)])
