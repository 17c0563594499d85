"""The least that has to change for a VIB to reach a host by one of the routes."""

from functools import partial

from msgspec.structs import replace

from vibforge.host.command import Command
from vibforge.host.prediction import Branch, InstallOutcome, Prediction
from vibforge.host.remedy import Remedy, RemedyStep, remedies
from vibforge.host.routes import Delivery, Route, predict_route

_BY_COMPONENT = frozenset({Route.COMPONENT, Route.VLCM})
_INSTALL = RemedyStep(
    key="install",
    what="use `esxcli software vib install`: update only replaces what is installed",
    cost="nothing",
    weight=1,
    apply=lambda command: command,
)


def route_remedies(journey: Delivery, route: Route) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps with which a VIB goes by `route`, best first."""
    if route in _BY_COMPONENT and not journey.offer.is_component:
        offer = replace(journey.offer, is_component=True, is_bundle=True)
        return _after(_bundling(journey), _remedies(replace(journey, offer=offer), route))
    if route is Route.UPDATE and not _updates(journey):
        return _after(_INSTALL, _remedies(journey, Route.INSTALL))
    return _remedies(journey, route)


def _bundling(journey: Delivery) -> RemedyStep:
    makes = "create, which makes an offline bundle with the VIB as a component"
    turns = "modernise, which turns the bundle's bulletins into components"
    return RemedyStep(
        key="bundle",
        what=f"vibforge bundle {turns if journey.offer.is_bundle else makes}",
        cost="another file; the VIB in it stays as it is",
        weight=1,
        apply=lambda command: command,
    )


def _updates(journey: Delivery) -> bool:
    """Whether the host holds, or may hold, an older VIB that this one updates."""
    return any(
        world.result.outcome is not InstallOutcome.SKIPPED
        for world in predict_route(journey, Route.UPDATE)
    )


def _remedies(journey: Delivery, route: Route) -> tuple[Remedy, ...]:
    return remedies(journey.command(), partial(_predict, journey, route))


def _predict(journey: Delivery, route: Route, command: Command) -> tuple[Branch[Prediction], ...]:
    offer = replace(
        journey.offer,
        packages=command.packages,
        refusals=command.refusals,
        damage=command.damage,
    )
    changed = replace(journey, host=command.host, offer=offer, flags=command.flags)
    return predict_route(changed, route)


def _after(first: RemedyStep, found: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    return tuple(replace(remedy, steps=(first, *remedy.steps)) for remedy in found)
