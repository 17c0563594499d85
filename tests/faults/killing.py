"""Stop a command at a moment of its work, and look at what it leaves behind.

The commands run in forks of a process that has everything loaded, so that every moment lies in
the work and not in the imports.
"""

import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from tests.faults.scenario import OUTPUT, Scenario, seen
from vibforge.cli import main
from vibforge.project.ledger import RECORD_NAME, WrittenKind, read_record, serialise_record

LEFT_BY_KILL = re.compile(r"(.*/)?\.vibforge-\d+-\d+\.partial")
"""What SIGKILL may leave beside the results: whole files on the way to their names."""

_MEASURED = 3
"""Runs, the quickest of which counts: others waited for a busy machine."""
_MARGIN = 1.05
_GLANCE = 50e-6
_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
"""SIGKILL, from which nothing can be cleaned up, at every second point."""


class Tally(Struct):
    """What became of a command that was stopped at many points."""

    name: str
    points: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    leftovers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.outcomes.items()))
        left = sum(self.leftovers.values())
        return f"{self.name}: {self.points} points: {told}; {left} left; {len(self.faults)} faults"


class Bench(Struct, frozen=True):
    """A scenario made ready: the folder to copy, and what it holds before and after a whole run.

    `halfway` is what it holds after the first step of a command that works in steps.
    """

    name: str
    scenario: Scenario
    pristine: Path
    before: dict[str, str]
    after: dict[str, str]
    halfway: dict[str, str]
    seconds: float

    @classmethod
    def of(cls, name: str, scenario: Scenario, folder: Path) -> "Bench":
        pristine = folder / "pristine"
        pristine.mkdir(parents=True)
        scenario.prepare(pristine)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # as a command finds them
        before = seen(pristine / OUTPUT, scenario.look)
        took = []
        after, halfway = before, {}
        for _ in range(_MEASURED):
            with copied(pristine) as work:
                code, seconds = forked(scenario.words, work)
                took.append(seconds)
                assert code == 0, f"{name}: exit code {code}: {_log_of(work)}"
                after = seen(work / OUTPUT, scenario.look)
                if scenario.in_steps:
                    halfway = _without_bundle(work / OUTPUT)
        return cls(name, scenario, pristine, before, after, halfway, min(took))

    def stop(self, tally: Tally, number: int, moment: float) -> None:
        """Stop the command with the signal `number` after `moment` seconds of its work."""
        with copied(self.pristine) as work:
            code, _ = forked(self.scenario.words, work, number, moment)
            self.judge(tally, work, number, code)

    def judge(self, tally: Tally, work: Path, number: int, code: int) -> None:
        """Note what the stopped command left, and whether the next one does its work."""
        found = seen(work / OUTPUT, self.scenario.look)
        tally.points += 1
        outcome = self._outcome(found)
        tally.outcomes[f"{signal.Signals(number).name} {outcome}"] += 1
        strays = self._strays(tally, work, found, number)
        for fault in (*strays, *self._manners(number, code, outcome, _log_of(work))):
            tally.faults.append(f"{signal.Signals(number).name}, exit code {code}: {fault}")
        if self.scenario.once and outcome == "new":
            return
        if self.scenario.fresh and outcome != "old":
            shutil.rmtree(work / OUTPUT, ignore_errors=True)
        words = self.scenario.words if outcome == "old" else self.scenario.after_a_kill
        again, _ = forked(words, work)
        missing = self.after.items() - seen(work / OUTPUT, self.scenario.look).items()
        if again or missing:
            told = f"exit code {again}, {sorted(missing)}, {_log_of(work)}"
            tally.faults.append(f"the next run: {told}")

    def _outcome(self, found: dict[str, str]) -> str:
        named = {path: it for path, it in found.items() if path in self.before | self.after}
        if named == self.before and not (found and not self.before and set(found) != set(named)):
            return "old"
        return "new" if named == self.after else "between"

    def _strays(
        self, tally: Tally, work: Path, found: dict[str, str], number: int
    ) -> Iterator[str]:
        """Yield the files that may not be there, or not like that."""
        whole = {it.split()[-1] for it in self.after.values()}
        for path, it in found.items():
            if path in self.before or path in self.after:
                if it not in {self.before.get(path), self.after.get(path), self.halfway.get(path)}:
                    yield f"{path} is neither old nor new: {it}"
                continue
            tally.leftovers[LEFT_BY_KILL.sub("partial", path)] += 1
            may_be = it == "folder" or it.split()[-1] in whole
            if number != signal.SIGKILL or not LEFT_BY_KILL.fullmatch(path) or not may_be:
                yield f"{path} is left: {it}"
        for folder in work.glob(".vibforge-*"):
            tally.leftovers["partial folder"] += 1
            if number != signal.SIGKILL:
                yield f"{folder.name} is left"
        lost = (self.before.keys() & self.after.keys()) - found.keys()
        yield from (f"{path} is gone" for path in sorted(lost))

    def _manners(self, number: int, code: int, outcome: str, log: str) -> Iterator[str]:
        """Yield how the command did not end as one ends that is asked to."""
        if number != signal.SIGKILL and outcome == "between" and not self.scenario.in_steps:
            yield "some files are new and some old"
        if code not in {0, -number, 128 + number}:
            yield f"the exit code: {log}"


def _without_bundle(folder: Path) -> dict[str, str]:
    """Make a folder what a build leaves before it makes the bundle, and return what is in it."""
    record = read_record(folder)
    assert record is not None
    bundle = record.find(WrittenKind.BUNDLE)
    assert bundle is not None
    (folder / bundle.name).unlink()
    others = [file for file in record.files if file is not bundle]
    (folder / RECORD_NAME).write_bytes(serialise_record(record.facts, others))
    return seen(folder)


def _log_of(work: Path) -> str:
    log = work / "log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


@contextmanager
def copied(pristine: Path) -> Iterator[Path]:
    """Give a copy of a folder to work in."""
    work = pristine.with_name("work")
    shutil.copytree(pristine, work, symlinks=True)
    try:
        yield work
    finally:
        shutil.rmtree(work)


def forked(
    words: Sequence[str], folder: Path, number: int = 0, moment: float = 0.0
) -> tuple[int, float]:
    """Run a command in a fork; return its code and the seconds of work that it took.

    The signal `number` is sent after `moment` seconds of its own work, however busy the machine is.
    """
    child = os.fork()
    if child == 0:
        _be_the_command(words, folder)
    if number:
        while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.clock_gettime(_clock_of(child)) >= moment:
                break
            time.sleep(_GLANCE)
        os.kill(child, number)  # it waits for us as a zombie if it has ended
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime


def _clock_of(process: int) -> int:
    """Return the clock of a process's work: clock_getcpuclockid(3), as Linux makes it."""
    return ~process << 3 | 2


def _be_the_command(words: Sequence[str], folder: Path) -> None:
    code = 3
    try:
        os.chdir(folder)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = main(words)
    finally:
        os._exit(code)


def stopped_by_chance(bench: Bench, points: int, seed: int) -> Tally:
    """Stop a command at random points of its work."""
    chance = random.Random(f"{seed} {bench.name}")
    tally = Tally(bench.name)
    for point in range(points):
        number = _SIGNALS[point % len(_SIGNALS)]
        bench.stop(tally, number, chance.uniform(0, bench.seconds * _MARGIN))
    return tally
