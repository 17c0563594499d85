"""The smallest sets of steps with which a VIB installs by a given route."""

from functools import partial

from msgspec.structs import replace

from vibforge.host.command import Command
from vibforge.host.prediction import Branch, InstallOutcome, Prediction
from vibforge.host.remedy import Remedy, RemedyStep, remedies
from vibforge.host.routes import Delivery, Route, predict_route

_BY_COMPONENT = frozenset({Route.COMPONENT, Route.VLCM})
_INSTALL = RemedyStep(
    key="install",
    what="use `esxcli software vib install`; update only replaces installed VIBs",
    cost="nothing",
    weight=1,
    apply=lambda command: command,
)


def route_remedies(delivery: Delivery, route: Route) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps with which a VIB installs by `route`, best first."""
    if route in _BY_COMPONENT and not delivery.candidate.is_component:
        candidate = replace(delivery.candidate, is_component=True, is_bundle=True)
        return _after(_bundling(delivery), _remedies(replace(delivery, candidate=candidate), route))
    if route is Route.UPDATE and not _updates(delivery):
        return _after(_INSTALL, _remedies(delivery, Route.INSTALL))
    return _remedies(delivery, route)


def _bundling(delivery: Delivery) -> RemedyStep:
    create = "create, which makes an offline bundle with the VIB as a component"
    modernise = "modernise, which turns the bundle's bulletins into components"
    return RemedyStep(
        key="bundle",
        what=f"vibforge bundle {modernise if delivery.candidate.is_bundle else create}",
        cost="a new bundle file; the VIB in it does not change",
        weight=1,
        apply=lambda command: command,
    )


def _updates(delivery: Delivery) -> bool:
    """Return whether the host has, or may have, an older VIB that this one updates."""
    return any(
        branch.result.outcome is not InstallOutcome.SKIPPED
        for branch in predict_route(delivery, Route.UPDATE)
    )


def _remedies(delivery: Delivery, route: Route) -> tuple[Remedy, ...]:
    return remedies(delivery.command(), partial(_predict, delivery, route))


def _predict(delivery: Delivery, route: Route, command: Command) -> tuple[Branch[Prediction], ...]:
    candidate = replace(
        delivery.candidate,
        packages=command.packages,
        refusals=command.refusals,
        damage=command.damage,
    )
    changed = replace(delivery, host=command.host, candidate=candidate, flags=command.flags)
    return predict_route(changed, route)


def _after(first: RemedyStep, following: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    return tuple(replace(remedy, steps=(first, *remedy.steps)) for remedy in following)
