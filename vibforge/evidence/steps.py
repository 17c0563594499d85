"""The steps that install a package, what hosts then do, and what they record meanwhile."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import shell_line
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.table import is_known
from vibforge.esxi.traces import Act, Detection, Trace, detections_of, traces_of
from vibforge.host.candidate import InstallCandidate
from vibforge.host.command import SKIPS, Flags
from vibforge.host.host import DEFAULT_LEVEL, Host
from vibforge.host.install_needs import InstallNeeds
from vibforge.host.package import Package, seen_by
from vibforge.host.prediction import Branch, Prediction
from vibforge.host.routes import Delivery, Route, predict_route
from vibforge.packages.plan import HostPlan
from vibforge.project.instruct import DATASTORE

_FORCE, _SIG = "--force", "--no-sig-check"
_LONG = {"-f": _FORCE}
_REBOOT = "reboot"


class InstallSteps(Struct, frozen=True, kw_only=True):
    """What an administrator does to install a package.

    Attributes:
        level: the highest acceptance level of a host that installs it.
        flags: the flags of esxcli, as a user types them.
        reasons: why the flags are needed.
        needs_maintenance: whether a live install needs maintenance mode.
        needs_reboot: whether it takes effect at the next boot only.
        commands: the commands on the host, in order.
    """

    level: AcceptanceLevel
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    needs_maintenance: bool
    needs_reboot: bool
    commands: tuple[str, ...]

    @property
    def lowers_level(self) -> bool:
        """Whether a host as it is after a plain installation has to lower its level."""
        return self.level.rank < DEFAULT_LEVEL.rank

    @property
    def long_flags(self) -> tuple[str, ...]:
        """The flags in their long form."""
        return tuple(_LONG.get(flag, flag) for flag in self.flags)


def steps_of(candidate: InstallCandidate, needs: Sequence[InstallNeeds]) -> InstallSteps:
    """Return the steps that install a package, from what each of its VIBs needs."""
    level = min((each.host_level for each in needs), key=lambda level: level.rank)
    flags = tuple(dict.fromkeys(flag for each in needs for flag in each.flags))
    packages = candidate.packages
    live = all(package.descriptor.live_install_allowed for package in packages)
    maintenance = live and any(package.maintenance_mode.on_install for package in packages)
    return InstallSteps(
        level=level,
        flags=flags,
        reasons=tuple(dict.fromkeys(reason for each in needs for reason in each.reasons)),
        needs_maintenance=maintenance,
        needs_reboot=not live,
        commands=tuple(
            _commands(candidate, level, flags, maintenance=maintenance, reboot=not live)
        ),
    )


def _commands(
    candidate: InstallCandidate,
    level: AcceptanceLevel,
    flags: Sequence[str],
    *,
    maintenance: bool,
    reboot: bool,
) -> Iterator[str]:
    yield "esxcli software acceptance get"
    if level.rank < DEFAULT_LEVEL.rank:
        yield shell_line("esxcli", "software", "acceptance", "set", f"--level={level.esxcli_name}")
    if maintenance:
        yield "esxcli system maintenanceMode set --enable true"
    folder = candidate.packages[0].name if len(candidate.packages) == 1 else "FOLDER"
    option = "-d" if candidate.is_bundle else "-v"
    file = f"{DATASTORE}/{folder}/{candidate.name}"
    yield shell_line("esxcli", "software", "vib", "install", option, file, *flags)
    if reboot:
        yield _REBOOT


class HostVerdict(Struct, frozen=True, kw_only=True):
    """What one host does with a package.

    Attributes:
        plan: the plan of `vibforge plan`: the package as it is, without any step.
        with_steps: what `esxcli software vib install` does after the steps.
        with_secure_boot: what it does on the same host with Secure Boot on, without flags; None if
            the host has it on, or its release is not known.
    """

    plan: HostPlan
    with_steps: tuple[Branch[Prediction], ...]
    with_secure_boot: tuple[Branch[Prediction], ...] | None

    @property
    def installs(self) -> bool:
        """Whether the host installs the package with the steps, in every branch."""
        return all(branch.result.outcome.installs for branch in self.with_steps)

    @property
    def may_install(self) -> bool:
        """Whether the host installs the package with the steps, in some branch at least."""
        return any(branch.result.outcome.installs for branch in self.with_steps)


def verdict_of(plan: HostPlan, candidate: InstallCandidate, steps: InstallSteps) -> HostVerdict:
    """Return what a host does with a package as it is, with the steps, and under Secure Boot."""
    host = plan.host
    flags = Flags.parse(" ".join(steps.flags))
    secure = replace(host, secure_boot=True, maintenance_mode=True)
    return HostVerdict(
        plan=plan,
        with_steps=_predict(_prepared(host, steps), candidate, flags),
        with_secure_boot=None
        if host.secure_boot or not is_known(host.release)
        else _predict(secure, candidate, Flags()),
    )


def _prepared(host: Host, steps: InstallSteps) -> Host:
    """Return the host after the steps before the install; Secure Boot keeps it above community."""
    current = host.acceptance_level or DEFAULT_LEVEL
    level = min(current, steps.level, key=lambda level: level.rank)
    if level is AcceptanceLevel.COMMUNITY and host.secure_boot:
        level = current
    return replace(host, acceptance_level=level, maintenance_mode=True)


def _predict(
    host: Host, candidate: InstallCandidate, flags: Flags
) -> tuple[Branch[Prediction], ...]:
    seen = tuple(_seen(host, package) for package in candidate.packages)
    delivery = Delivery(host=host, candidate=replace(candidate, packages=seen), flags=flags)
    return predict_route(delivery, Route.INSTALL)


def _seen(host: Host, package: Package) -> Package:
    return seen_by(host.release, package) if is_known(host.release) else package


class ActTraces(Struct, frozen=True, kw_only=True):
    """What one act leaves in the logs, and whose rules fire.

    Attributes:
        act: what is done.
        is_part: whether it is part of this change or of its way back.
        skips: what a flag makes the host skip; empty for other acts.
        traces: what is left.
        detections: the rules that fire.
    """

    act: Act
    is_part: bool
    skips: str
    traces: tuple[Trace, ...]
    detections: tuple[Detection, ...]


def acts_of(steps: InstallSteps) -> frozenset[Act]:
    """Return what the steps, and the way back, consist of."""
    acts = {Act.INSTALL, Act.REMOVE}
    acts |= {Act.LEVEL} if steps.lowers_level else set()
    acts |= {Act(flag) for flag in steps.long_flags}
    return frozenset(acts)


def traces_of_change(steps: InstallSteps) -> tuple[ActTraces, ...]:
    """Return every act, those of the change first."""
    parts = acts_of(steps)
    told = [
        ActTraces(
            act=act,
            is_part=act in parts,
            skips=SKIPS.get(act, ""),
            traces=traces_of(act),
            detections=detections_of(act),
        )
        for act in Act
    ]
    return tuple(sorted(told, key=lambda each: not each.is_part))
