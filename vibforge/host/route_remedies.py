"""The least that has to change for a VIB to reach a host by one of the routes."""

from functools import partial

from msgspec.structs import replace

from vibforge.host.command import Command
from vibforge.host.prediction import Outcome, Prediction, World
from vibforge.host.remedy import Remedy, Step, remedies
from vibforge.host.routes import Journey, Route, travel

_BY_COMPONENT = frozenset({Route.COMPONENT, Route.VLCM})
_INSTALL = Step(
    key="install",
    what="use `esxcli software vib install`: update only replaces what is installed",
    cost="nothing",
    weight=1,
    apply=lambda command: command,
)


def route_remedies(journey: Journey, route: Route) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps with which a VIB goes by `route`, best first."""
    if route in _BY_COMPONENT and not journey.offer.is_component:
        offer = replace(journey.offer, is_component=True, is_bundle=True)
        return _after(_bundling(journey), _remedies(replace(journey, offer=offer), route))
    if route is Route.UPDATE and not _updates(journey):
        return _after(_INSTALL, _remedies(journey, Route.INSTALL))
    return _remedies(journey, route)


def _bundling(journey: Journey) -> Step:
    makes = "create, which makes an offline bundle with the VIB as a component"
    turns = "modernise, which turns the bundle's bulletins into components"
    return Step(
        key="bundle",
        what=f"vibforge bundle {turns if journey.offer.is_bundle else makes}",
        cost="another file; the VIB in it stays as it is",
        weight=1,
        apply=lambda command: command,
    )


def _updates(journey: Journey) -> bool:
    """Whether the host holds, or may hold, an older VIB that this one updates."""
    return any(
        world.result.outcome is not Outcome.SKIPPED for world in travel(journey, Route.UPDATE)
    )


def _remedies(journey: Journey, route: Route) -> tuple[Remedy, ...]:
    return remedies(journey.command(), partial(_predict, journey, route))


def _predict(journey: Journey, route: Route, command: Command) -> tuple[World[Prediction], ...]:
    offer = replace(
        journey.offer,
        packages=command.packages,
        refusals=command.refusals,
        damage=command.damage,
    )
    changed = replace(journey, host=command.host, offer=offer, flags=command.flags)
    return travel(changed, route)


def _after(first: Step, found: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    return tuple(replace(remedy, steps=(first, *remedy.steps)) for remedy in found)
