"""What an upgrade of the host says to a VIB that is installed on it.

The new image is validated with the VIB in it and no flag at hand. Installers print everything that
is wrong at once (reports of ISO upgrades; KB 318056, KB 341609).
"""

from collections.abc import Iterator
from dataclasses import replace

from vibforge.esxi.release import Release
from vibforge.host.host import Host
from vibforge.host.image import Change
from vibforge.host.install.trouble import Group, Trouble
from vibforge.host.install.validation import troubles
from vibforge.host.package import Package
from vibforge.host.prediction import Outcome, Prediction
from vibforge.host.question import Answers, Question, World, worlds
from vibforge.model.certainty import Certainty, least_sure

_CONFLICTING_GROUPS = frozenset({Group.DEPENDENCY, Group.PROFILE})
_LEVEL_GROUPS = frozenset({Group.EXTENSIBILITY, Group.ACCEPTANCE})
_FIRST_WITHOUT_LEVELS = Release(7, 0)
_LEVELS_LEFT_OUT = Question(
    key="upgrade-levels",
    if_yes="the upgrade leaves paths and levels out, as the pre-check on the media of 7.0.0 does",
    if_no="a later validation stops at them, as was reported of upgrades to 6.0 (ghettoVCB #63)",
)
_GUNZIP_CODE = "MISSING_GUNZIP_CHECKSUM_VIB_ERRORS"
_CONFLICTING = (
    "CONFLICTING_VIBS ERROR: Vibs on the host are conflicting with vibs in metadata. Remove the "
    "conflicting vibs or use Image Builder to create a custom ISO providing newer versions of the "
    "conflicting vibs."
)


def predict_upgrade(
    host: Host, packages: tuple[Package, ...], to: Release
) -> tuple[World[Prediction], ...]:
    """Return what an upgrade of `host` to release `to` says to these VIBs, once installed."""
    return worlds(lambda answers: _evaluate(host, packages, to, answers))


def _evaluate(
    host: Host, packages: tuple[Package, ...], to: Release, answers: Answers
) -> Prediction:
    after = replace(host, release=to, installed=(), installed_known=False)
    found = troubles(after, Change(added=(), removed=(), kept=packages, skipped=()), answers)
    levels = [group for group in found if group[0].group in _LEVEL_GROUPS]
    asked = bool(levels) and to >= _FIRST_WITHOUT_LEVELS
    if asked and answers.ask(_LEVELS_LEFT_OUT):
        found = tuple(group for group in found if group not in levels)
    if not found:
        return Prediction(
            outcome=Outcome.REBOOT,
            says="The upgrade goes on and keeps the VIB.",
            certainty=Certainty.UNKNOWN if asked else Certainty.INFERRED,
        )
    every = [trouble for group in found for trouble in group]
    causes = tuple(cause for trouble in every for cause in trouble.causes)
    return Prediction(
        outcome=Outcome.REFUSED,
        says="\n".join(line for group in found for line in _lines(group)),
        certainty=Certainty.UNKNOWN
        if asked and all(group in levels for group in found)
        else least_sure([Certainty.DOCUMENTED, *(cause.certainty for cause in causes)]),
        causes=causes,
    )


def _lines(group: tuple[Trouble, ...]) -> Iterator[str]:
    texts = dict.fromkeys(trouble.message.text for trouble in group)
    if any(not trouble.forcible for trouble in group):
        yield f" <{_GUNZIP_CODE}>"
    elif group[0].group in _CONFLICTING_GROUPS:
        yield f" <{_CONFLICTING}>"
    yield from (f" {text}" for text in texts)
