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
from vibforge.host.question import Answers, World, worlds
from vibforge.model.certainty import Certainty, least_sure

_CONFLICTING_GROUPS = frozenset({Group.DEPENDENCY, Group.PROFILE})
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
    if not found:
        return Prediction(
            outcome=Outcome.REBOOT,
            says="The upgrade goes on and keeps the VIB.",
            certainty=Certainty.INFERRED,
        )
    every = [trouble for group in found for trouble in group]
    causes = tuple(cause for trouble in every for cause in trouble.causes)
    return Prediction(
        outcome=Outcome.REFUSED,
        says="\n".join(line for group in found for line in _lines(group)),
        certainty=least_sure([Certainty.DOCUMENTED, *(cause.certainty for cause in causes)]),
        causes=causes,
    )


def _lines(group: tuple[Trouble, ...]) -> Iterator[str]:
    texts = dict.fromkeys(trouble.message.text for trouble in group)
    if any(not trouble.forcible for trouble in group):
        yield f" <{_GUNZIP_CODE}>"
    elif group[0].group in _CONFLICTING_GROUPS:
        yield f" <{_CONFLICTING}>"
    yield from (f" {text}" for text in texts)
