"""The long form of a plan: every route, the words of every host, and every remedy."""

from collections.abc import Iterator, Sequence

from vibforge.host.candidate import NO_CANDIDATE, InstallCandidate
from vibforge.host.package import Package
from vibforge.host.prediction import Cause, InstallOutcome, Prediction
from vibforge.host.remedy import Remedy
from vibforge.host.routes import Route
from vibforge.packages.plan import FilePlan, HostPlan, Plan, RoutePlan
from vibforge.report.paint import Paint
from vibforge.report.plain import WIDTH, fold, plain

ROLES = {
    InstallOutcome.LIVE: "good",
    InstallOutcome.MAINTENANCE: "good",
    InstallOutcome.REBOOT: "good",
    InstallOutcome.SKIPPED: "warn",
    InstallOutcome.REFUSED: "bad",
    InstallOutcome.NOT_KNOWN: "warn",
}
OTHER_VERSION = (
    "another version: build it again with a higher one, or remove the installed VIB first; no flag "
    "installs other files under the same ID"
)
NONE_GOES_IN = "so none of the {} VIBs goes in"
ALREADY_THERE = "nothing; it is already installed"
_SHOWN_CAUSES = 4
_SHOWN_REMEDIES = 3
_VERBS = frozenset(
    {
        *("is", "asks", "claims", "does", "updates", "conflicts", "has", "was", "may", "needs"),
        *("takes", "replaces", "provides", "leaves", "cannot"),
    }
)


def plan_text(plan: Plan, paint: Paint, width: int = WIDTH) -> str:
    """Show what hosts will do, in lines of `width` columns, `WIDTH` at most."""
    return fold("\n".join(_plan_lines(plan, paint)), min(width, WIDTH))


def _plan_lines(plan: Plan, paint: Paint) -> Iterator[str]:
    for file in plan.files:
        yield from _file_lines(file, plan, paint)
    if plan.together:
        yield paint("All of them by one command", "strong")
        yield from _hosts_lines(plan.together.hosts, plan, plan.together.candidate, paint)
    if plan.removal:
        yield paint(f"Removal of {plain(' '.join(plan.removal.names))}", "strong")
        yield from _hosts_lines(plan.removal.hosts, plan, NO_CANDIDATE, paint)


def _hosts_lines(
    hosts: Sequence[HostPlan], plan: Plan, candidate: InstallCandidate, paint: Paint
) -> Iterator[str]:
    for host in hosts:
        yield ""
        yield from _host_lines(host, plan, candidate, paint)
    yield ""


def _file_lines(file: FilePlan, plan: Plan, paint: Paint) -> Iterator[str]:
    candidate = file.candidate
    yield paint(plain(candidate.name), "strong")
    for package in candidate.packages:
        yield f"  {package_words(package)}"
    yield from _hosts_lines(file.hosts, plan, file.candidate, paint)


def package_words(package: Package) -> str:
    """Name a VIB, its level and who signed it."""
    signers = list(dict.fromkeys(filter(None, package.known_signers)))
    signed = (
        f"signed by {' and by '.join(signers)}" if signers else f"signature {package.signature}"
    )
    return f"{plain(package.id)}, {package.level.esxcli_name}, {signed}"


def _host_lines(
    of: HostPlan, plan: Plan, candidate: InstallCandidate, paint: Paint
) -> Iterator[str]:
    yield paint(f"On {host_words(of)}", "strong")
    for vib in of.kept_files:
        yield line(f"  {paint('NOT INSTALLED, AND NO ERROR', 'bad')}: ", vib)
    for reason in of.hopeless:
        yield line(f"  {paint('!', 'bad')} ", reason)
    for note in of.host.notes:
        yield line(f"  {paint('?', 'warn')} ", str(note))
    if not of.is_known:
        (branch,) = of.routes[0].branches
        yield line("  ", str(branch.result.causes[0]))
        return
    for route in of.routes:
        flags = f" {plan.flags}" if str(plan.flags) and route.route.startswith("esxcli") else ""
        asked = route.route in {plan.route, Route.UPGRADE}
        yield from _route_lines(route, flags, candidate, paint, asked=asked)
    if of.is_held:
        yield f"  {paint('needs', 'strong')}: {ALREADY_THERE}"
    elif of.kept_files:
        yield line(f"  {paint('needs', 'strong')}: ", OTHER_VERSION)
    else:
        yield from _remedy_lines("needs", of.remedies, paint, removes=plan.removal is not None)
    if of.boot_copy:
        yield from _remedy_lines("as boot-copy", of.boot_copy[:1], paint)
    for warning in of.warnings:
        yield line(f"  {paint('!', 'warn')} ", warning)


def host_words(of: HostPlan) -> str:
    """Return a description of a host: `stock 8.0 (PartnerSupported, Secure Boot off)`."""
    release = "" if str(of.host.release) in of.label else f" {of.host.release}"
    return f"{of.label}{release} {host_state(of)}"


def host_state(of: HostPlan) -> str:
    """Return what outcomes depend on besides the release: `(PartnerSupported, Secure Boot off)`."""
    host = of.host
    level = host.acceptance_level.esxcli_name if host.acceptance_level else "level unknown"
    state = {True: "on", False: "off", None: "unknown"}[host.secure_boot]
    return f"({level}, Secure Boot {state})"


def _route_lines(
    of: RoutePlan, flags: str, candidate: InstallCandidate, paint: Paint, *, asked: bool
) -> Iterator[str]:
    for branch in of.branches:
        result = branch.result
        outcome = paint(outcome_words(result), ROLES[result.outcome])
        yield f"  {of.route}{flags}: {outcome} [{result.certainty}]"
        if branch.assumptions.conditions:
            yield line("      if ", "; ".join(branch.assumptions.conditions))
        if asked:
            yield from _whole_result(result, candidate)
        else:
            yield from _cause_lines("because", result.causes[:1], candidate)


def outcome_words(result: Prediction) -> str:
    """Return the name of an outcome, marked if it is that of a dry run."""
    return f"{result.outcome}{' (dry run)' if result.dry_run else ''}"


def _whole_result(result: Prediction, candidate: InstallCandidate) -> Iterator[str]:
    if result.says and not result.outcome.installs:
        for text in result.says.splitlines():
            yield line("      | ", text.strip())
    yield from _cause_lines("because", result.causes, candidate)
    yield from _cause_lines("and then", result.hidden, candidate)
    if result.outcome is InstallOutcome.REFUSED and len(candidate.packages) > 1:
        yield f"      {NONE_GOES_IN.format(len(candidate.packages))}"
    if len(result.added) > 1 or (result.added and result.skipped):
        yield line("      installs ", ", ".join(result.added))
    if result.removed:
        yield line("      removes ", ", ".join(result.removed))
    yield from _cause_lines("skips", result.skipped, NO_CANDIDATE)


def _cause_lines(word: str, causes: Sequence[Cause], of: InstallCandidate) -> Iterator[str]:
    for cause in causes[:_SHOWN_CAUSES]:
        yield line(f"      {word} ", f"{cause_words(cause, of)} [{cause.certainty}]")
    if len(causes) > _SHOWN_CAUSES:
        yield f"      … and {len(causes) - _SHOWN_CAUSES} more"


def cause_words(cause: Cause, candidate: InstallCandidate) -> str:
    """Return the reason, with the rule that explains more."""
    rule = f" ({cause.rule})" if cause.rule else ""
    about = _of_the_vib(cause.what) if cause.subject in _ids(candidate) else str(cause)
    return f"{about}{rule}"


def _of_the_vib(what: str) -> str:
    """Return the reason as a sentence about the candidate VIB."""
    return f"it {what}" if what.partition(" ")[0] in _VERBS else what


def _ids(of: InstallCandidate) -> set[str]:
    return {package.id for package in of.packages} if len(of.packages) == 1 else set()


def _remedy_lines(
    word: str, found: Sequence[Remedy], paint: Paint, *, removes: bool = False
) -> Iterator[str]:
    if not found:
        what = "flag or setting" if removes else "flag, setting or rebuild"
        yield f"  {paint(word, 'strong')}: vibforge knows no {what} that helps"
        return
    for remedy in _shown(found):
        if not (remedy.steps or remedy.always):
            yield f'  {word}: the conditions after "if" above decide; no flag or setting helps'
            return
        outcomes = " or ".join(remedy.outcomes)
        yield line(f"  {word}: ", f"{remedy_words(remedy)} → {outcomes} [{remedy.certainty}]")
        for step in remedy.steps if remedy is found[0] else ():
            yield line("      costs ", f"{step.short}: {step.cost}")
        word = "or"


def remedy_words(remedy: Remedy) -> str:
    """Return the steps of a remedy, in order."""
    words = "; ".join(remedy.words) or "nothing"
    return words if remedy.always else f"may help: {words}"


def _shown(found: Sequence[Remedy]) -> Sequence[Remedy]:
    """Return the best remedies, always including a forced one, because people look for it."""
    forced = [remedy for remedy in found if remedy.is_forced]
    if forced and forced[0] not in found[:_SHOWN_REMEDIES]:
        return (*found[: _SHOWN_REMEDIES - 1], forced[0])
    return found[:_SHOWN_REMEDIES]


def line(head: str, text: str) -> str:
    """Return a line of untrusted text, without control characters."""
    return head + plain(" ".join(text.split()))
