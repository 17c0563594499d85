"""The least that has to change for a VIB to install: flags, the host, or the VIB itself.

Every set of up to three steps is tried on the prediction, and the smallest that installs whatever
the unknown facts are wins. `--force` comes first only where nothing else helps.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from vibforge.host.image import Verb
from vibforge.host.install.command import Command
from vibforge.host.install.installer import predict
from vibforge.host.prediction import Outcome, Prediction
from vibforge.host.question import World
from vibforge.host.steps import (
    FORCE,
    OF_THE_VIB,
    SIGN,
    Step,
    steps_of_a_removal,
    steps_of_the_host,
    steps_of_the_vib,
    whole_words,
)
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty, least_sure

STEP_LIMIT = 3
COMBINED_LIMIT = 100
"""VIBs of one file up to which steps are combined; for more, each step is tried alone."""
Predict = Callable[[Command], tuple[World[Prediction], ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """Steps with which the VIB installs, and how it then does."""

    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    certainty: Certainty
    always: bool
    """Whether it installs whatever the unknown facts are."""

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be done, in order."""
        return whole_words(self.steps)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(step.flag for step in self.steps if step.flag)

    @property
    def is_forced(self) -> bool:
        return FORCE in self.flags

    @property
    def is_sure(self) -> bool:
        """Whether it is known how this release treats the steps."""
        return self.certainty is not Certainty.UNKNOWN

    @property
    def is_signed(self) -> bool:
        """Whether it takes a trusted signature, which few people can get."""
        return any(step.key == SIGN for step in self.steps)

    @property
    def is_of_the_host(self) -> bool:
        """Whether it leaves the VIB as it is: flags, and changes of the host."""
        return not any(step.key in OF_THE_VIB for step in self.steps)

    @property
    def host_level(self) -> AcceptanceLevel | None:
        return next((step.host_level for step in self.steps if step.host_level is not None), None)


def remedies(command: Command, predict_by: Predict = predict) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps that make a refused command install, best first.

    Empty: no known step helps. One remedy without steps: the command already works.

    Args:
        command: what is refused.
        predict_by: predicts a command; that of another way to the host than `vib install`.
    """
    if command.verb is Verb.REMOVE:
        return _search(command, tuple(steps_of_a_removal(command)), predict_by)
    if not command.packages:
        return ()
    steps = (*steps_of_the_host(command), *steps_of_the_vib(command))
    return _search(command, steps, predict_by)


def host_remedies(commands: Sequence[Command]) -> tuple[Remedy, ...]:
    """Return the smallest sets of flags and settings with which all these commands install.

    The surest comes first, --force among them: the VIB stays as it is.
    """
    steps = {step.key: step for command in commands for step in steps_of_the_host(command)}
    for size in range(STEP_LIMIT + 1):
        tried = [_try(commands, chosen, predict) for chosen in combinations(steps.values(), size)]
        if working := [remedy for remedy in tried if remedy.always]:
            return tuple(sorted(working, key=_rank))
    return ()


def _search(command: Command, steps: Sequence[Step], predict_by: Predict) -> tuple[Remedy, ...]:
    """Try ever larger sets of steps, until one installs that is sure and not forced."""
    most = STEP_LIMIT if len(command.packages) <= COMBINED_LIMIT else 1
    found: list[Remedy] = []
    partly: list[Remedy] = []
    for size in range(most + 1):
        tried = [_try((command,), chosen, predict_by) for chosen in combinations(steps, size)]
        working = [remedy for remedy in tried if remedy.always]
        if not found:
            partly += [r for r in tried if not r.always and any(out.installs for out in r.outcomes)]
        better = [remedy for remedy in working if remedy.is_sure and not remedy.is_forced]
        found = [*found, *better] if found else working
        if better:
            break
    return (*_ranked(found), *_within_reach(found, partly))


def _ranked(found: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Put the surest and least costly first, and --force behind all that does without it."""
    return tuple(sorted(found, key=lambda remedy: (remedy.is_forced, *_rank(remedy))))


def _rank(remedy: Remedy) -> tuple[int, int]:
    return remedy.certainty.doubt, sum(step.weight for step in remedy.steps)


def _within_reach(found: Sequence[Remedy], partly: Iterable[Remedy]) -> Iterator[Remedy]:
    """Yield what installs in some cases, where all else takes a signature that few can get."""
    if not all(remedy.is_signed for remedy in found):
        return
    reachable = _ranked(remedy for remedy in partly if not remedy.is_signed)
    least = min((len(remedy.steps) for remedy in reachable), default=0)
    yield from (remedy for remedy in reachable if len(remedy.steps) == least)


def _try(commands: Sequence[Command], steps: Sequence[Step], predict_by: Predict) -> Remedy:
    ordered = tuple(sorted(steps, key=lambda step: step.order))
    results: list[Prediction] = []
    for command in commands:
        changed = command
        for step in ordered:
            changed = step.apply(changed)
        results += [world.result for world in predict_by(changed)]
    return Remedy(
        steps=ordered,
        outcomes=tuple(dict.fromkeys(result.outcome for result in results)),
        certainty=least_sure(result.certainty for result in results),
        always=all(result.outcome.installs for result in results),
    )
