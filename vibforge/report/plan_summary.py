"""The short form of a plan: the verdict for each host, why, and what helps, on one screen."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from textwrap import shorten
from typing import TypeVar

from vibforge.host.candidate import NO_CANDIDATE, InstallCandidate
from vibforge.host.prediction import Branch, InstallOutcome, Prediction
from vibforge.host.remedy import Remedy
from vibforge.host.routes import Route
from vibforge.packages.plan import HostPlan, Plan, RoutePlan
from vibforge.report.paint import Paint
from vibforge.report.plain import WIDTH, fold
from vibforge.report.plan import (
    ALREADY_THERE,
    NONE_GOES_IN,
    OTHER_VERSION,
    ROLES,
    cause_words,
    host_state,
    host_words,
    line,
    outcome_words,
    package_words,
    remedy_words,
)

_SHOWN_PACKAGES = 3
_SHOWN_CAUSES = 2
_SHOWN_ROUTES = 2
_SHOWN_CONDITIONS = 100
"""Most characters for the unknown facts on which a verdict depends."""
_SHOWN_HELP = 3
"""Number of remedies from which on the costs of the first one are left out."""
_FOR_BUNDLES = frozenset({Route.COMPONENT, Route.VLCM})
_Key = TypeVar("_Key", bound=Hashable)


def plan_summary(plan: Plan, paint: Paint, width: int = WIDTH) -> str:
    """Show the verdicts of a plan, in lines of `width` columns, `WIDTH` at most."""
    return fold("\n".join(_plan_lines(plan, paint)), min(width, WIDTH))


def _plan_lines(plan: Plan, paint: Paint) -> Iterator[str]:
    for number, file in enumerate(plan.files):
        if number:
            yield ""
        packages = file.candidate.packages
        yield line(paint(file.candidate.name, "strong"), "")
        yield from (f"  {package_words(package)}" for package in packages[:_SHOWN_PACKAGES])
        if len(packages) > _SHOWN_PACKAGES:
            yield f"  … and {len(packages) - _SHOWN_PACKAGES} more VIBs"
        yield from _hosts_lines(file.hosts, plan, file.candidate, paint)
    if plan.together:
        yield paint("All of them by one command", "strong")
        yield from _hosts_lines(plan.together.hosts, plan, plan.together.candidate, paint)
    if plan.removal:
        yield line(paint("Removal of ", "strong"), " ".join(plan.removal.names))
        yield from _hosts_lines(plan.removal.hosts, plan, NO_CANDIDATE, paint)
    yield "--verbose adds each host's own message, the other routes and the other remedies."


def _hosts_lines(
    hosts: Sequence[HostPlan], plan: Plan, candidate: InstallCandidate, paint: Paint
) -> Iterator[str]:
    for host in hosts:
        for vib in host.kept_files:
            yield line(f"  {paint('NOT INSTALLED, AND NO ERROR', 'bad')}: ", vib)
    shown = [host for host in hosts if host.is_known]
    for host in hosts:
        if not host.is_known:
            yield line("  ", str(_asked(host, plan).branches[0].result.causes[0]))
    yield from _verdict_lines(shown, plan, paint)
    yield from _because_lines(shown, plan, candidate)
    if len(candidate.packages) > 1 and any(_is_refused(_asked(host, plan)) for host in shown):
        yield f"  {NONE_GOES_IN.format(len(candidate.packages))}"
    yield from _other_route_lines(shown, plan, candidate, paint)
    yield from _note_lines(shown, paint)
    yield from _help_lines(shown, plan, paint)


def _asked(host: HostPlan, plan: Plan) -> RoutePlan:
    """Return the route that the user asked for."""
    return next((each for each in host.routes if each.route == plan.route), host.routes[0])


def _grouped(
    hosts: Iterable[HostPlan], key: Callable[[HostPlan], _Key]
) -> Iterator[tuple[_Key, list[HostPlan]]]:
    """Group hosts with the same outcome, in the order of the first host of each group."""
    groups: dict[_Key, list[HostPlan]] = {}
    for host in hosts:
        groups.setdefault(key(host), []).append(host)
    yield from groups.items()


def _name(hosts: Sequence[HostPlan]) -> str:
    """Return the names of hosts by release."""
    return ", ".join(str(host.host.release) for host in hosts)


def _prefix(some: Sequence[HostPlan], of_all: Sequence[HostPlan]) -> str:
    """Return the names of the hosts that a line is about; empty if it is about all."""
    return "" if len(some) == len(of_all) else f"{_name(some)}: "


def _verdict_lines(hosts: Sequence[HostPlan], plan: Plan, paint: Paint) -> Iterator[str]:
    if not hosts:
        return
    command = _command(_asked(hosts[0], plan), plan)
    about = host_words(hosts[0]) if len(hosts) == 1 else f"a stock host {host_state(hosts[0])}"
    yield paint(f"On {about}: {command}", "strong")
    for verdict, some in _grouped(hosts, lambda host: _verdicts(_asked(host, plan), paint)):
        for words in verdict:
            yield f"{line('  ', _name(some))} {words}"


def _is_refused(route: RoutePlan) -> bool:
    return any(branch.result.outcome is InstallOutcome.REFUSED for branch in route.branches)


def _command(route: RoutePlan, plan: Plan) -> str:
    flags = str(plan.flags) if route.route.startswith("esxcli") else ""
    return " ".join(filter(None, [str(route.route), flags]))


def _verdicts(route: RoutePlan, paint: Paint) -> tuple[str, ...]:
    """Return the possible verdicts of a route, one line each."""
    return tuple(verdict_words(branch, paint) for branch in route.branches)


def verdict_words(branch: Branch[Prediction], paint: Paint) -> str:
    """Return one possible verdict in a line: outcome, certainty, error and conditions."""
    result = branch.result
    outcome = paint(outcome_words(result), ROLES[result.outcome])
    conditions = shorten(
        "; ".join(branch.assumptions.conditions), _SHOWN_CONDITIONS, placeholder=" …"
    )
    words = [f"[{result.certainty}]", _error(result), conditions and f"if {conditions}"]
    return line(f"{outcome} ", " ".join(filter(None, words)))


def _error(result: Prediction) -> str:
    refused = result.outcome is InstallOutcome.REFUSED
    return result.message.error if refused and result.message else ""


def _because_lines(
    hosts: Sequence[HostPlan], plan: Plan, candidate: InstallCandidate
) -> Iterator[str]:
    """Yield each reason once, with the hosts that it applies to."""
    reasons: dict[str, dict[str, HostPlan]] = {}
    for host in hosts:
        for reason in _reasons(_asked(host, plan), candidate):
            reasons.setdefault(reason, {})[host.label] = host
    for reason, some in list(reasons.items())[:_SHOWN_CAUSES]:
        yield line("  because ", f"{_prefix(list(some.values()), hosts)}{reason}")
    more = len(reasons) - _SHOWN_CAUSES
    if more > 0:
        yield f"  … and for {more} more reason{'s' if more > 1 else ''}"


def _reasons(route: RoutePlan, candidate: InstallCandidate) -> Iterator[str]:
    for branch in route.branches:
        for cause in (*branch.result.causes, *branch.result.hidden):
            yield cause_words(cause, candidate)


def _other_route_lines(
    hosts: Sequence[HostPlan], plan: Plan, candidate: InstallCandidate, paint: Paint
) -> Iterator[str]:
    """Yield the routes whose verdict differs from that of the route asked for.

    Routes that only bundles can take are left out for a single VIB.
    """
    closed = frozenset[Route]() if candidate.is_bundle else _FOR_BUNDLES
    lines: dict[tuple[str, str], list[HostPlan]] = {}
    for host in hosts:
        asked = {branch.result.outcome for branch in _asked(host, plan).branches}
        for route in host.routes:
            outcomes = {branch.result.outcome for branch in route.branches}
            differs = outcomes not in (asked, {InstallOutcome.SKIPPED})
            if (differs and route.route not in closed) or route.route is Route.UPGRADE:
                words = " or ".join(_verdicts(route, paint))
                lines.setdefault((str(route.route), words), []).append(host)
    for (route_name, words), some in list(lines.items())[:_SHOWN_ROUTES]:
        yield line("  ", f"{_prefix(some, hosts)}{route_name}: {words}")


def _note_lines(hosts: Sequence[HostPlan], paint: Paint) -> Iterator[str]:
    for role, mark, texts in (
        ("bad", "!", lambda host: host.hopeless),
        ("warn", "?", lambda host: tuple(map(str, host.host.notes))),
        ("warn", "!", lambda host: host.warnings),
    ):
        notes: dict[str, list[HostPlan]] = {}
        for host in hosts:
            for text in texts(host):
                same = text.replace(f"ESXi {host.host.release}", "this release")
                notes.setdefault(same if len(hosts) > 1 else text, []).append(host)
        for text, some in notes.items():
            yield line(f"  {paint(mark, role)} ", f"{_prefix(some, hosts)}{text}")


def _help_lines(hosts: Sequence[HostPlan], plan: Plan, paint: Paint) -> Iterator[str]:
    groups = list(_grouped(hosts, lambda host: _help(host, plan)))
    if all(not remedies for (remedies, _), _ in groups):
        return
    yield paint("What helps", "strong")
    for (remedies, _), some in groups:
        for word, remedy in zip(("", "or ", "or "), remedies, strict=False):
            yield line(f"  {word}", f"{'' if word else _prefix(some, hosts)}{remedy}")
    if sum(len(remedies) for (remedies, _), _ in groups) <= _SHOWN_HELP:
        _, costs = groups[0][0]
        yield from (line("      costs ", cost) for cost in costs)


def _help(host: HostPlan, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the remedies, the best first, and the costs of the best one's steps."""
    if host.is_held:
        return (ALREADY_THERE,), ()
    if host.kept_files:
        return (OTHER_VERSION,), ()
    if not host.remedies:
        kinds = "flag or setting" if plan.removal else "flag, setting or rebuild"
        return (f"no {kinds} that vibforge knows",), ()
    best = host.remedies[0]
    if not (best.steps or best.always):
        return ("no flag or setting; the unknown facts above decide",), ()
    if not best.steps:
        return (), ()
    words = tuple(map(remedy_line, (best, *_within_reach(host.remedies))))
    return words, tuple(f"{step.short}: {step.cost}" for step in best.steps)


def _within_reach(remedies: Sequence[Remedy]) -> Iterator[Remedy]:
    """Yield one more remedy if the best one requires a partner's key, which few people have."""
    if remedies[0].is_signed:
        yield from [each for each in remedies if not each.is_signed and each.is_sure][:1]


def remedy_line(remedy: Remedy) -> str:
    """Return the steps of a remedy, and what comes of them."""
    return f"{remedy_words(remedy)} → {' or '.join(remedy.outcomes)} [{remedy.certainty}]"
