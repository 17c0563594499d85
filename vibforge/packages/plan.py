"""Predict what hosts will do with VIBs, and find the smallest steps that make them install."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.readers import bundle_refusals, loading_refusals, staging_refusals
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.checks.reader import refused_by_reader, refused_file
from vibforge.checks.requirements import vmklinux_driver
from vibforge.errors import FormatError, ModelError
from vibforge.esxi.acceptance import AcceptanceLevel, known_signer
from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS, is_known
from vibforge.files.inputs import FileSource, Unreadable, each_file
from vibforge.host.candidate import InstallCandidate, candidate_from_scan, join_candidates
from vibforge.host.command import NO_FLAGS, Flags
from vibforge.host.host import Host, stock_host
from vibforge.host.image import ALREADY_INSTALLED, Verb, names_of_all, old_files
from vibforge.host.install import removal as install_removal
from vibforge.host.package import Package, seen_by
from vibforge.host.prediction import Branch, Prediction, Refusal
from vibforge.host.reading import refusal
from vibforge.host.remedy import Remedy, as_boot_copy, missing_interfaces, remedies
from vibforge.host.route_remedies import route_remedies
from vibforge.host.routes import Delivery, Route, predict_route, routes_of
from vibforge.packages import verification
from vibforge.packages.subjects import opened
from vibforge.signing.policy import NO_POLICY, TrustPolicy
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan
from vibforge.vib.signature import Signature, signature_blocks


def read_candidate(path: Path, policy: TrustPolicy = NO_POLICY) -> InstallCandidate:
    """Read a VIB or an offline bundle as an install candidate.

    Args:
        path: the file.
        policy: whom the hosts trust; without a trust store, the state of signatures is unknown.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        if len(subjects) == 1 and isinstance(subjects[0], Vib):
            return judged_candidate(VibScan(subjects[0]), path.name, policy)
        bundles = [subject for subject in subjects if isinstance(subject, OpenBundle)]
        if len(bundles) != 1:
            raise FormatError("neither a VIB nor one offline bundle", where=str(path))
        return _read_bundle_candidate(bundles[0], path, policy)


def unread_candidate(path: Path) -> InstallCandidate | None:
    """Return a host's refusal of a file that vibforge cannot read; None if it is not known."""
    try:
        fault = refused_file(FileSource.from_path(path)) if path.is_file() else None
    except OSError:  # the system cannot read the file, which says nothing about a host
        fault = None
    if fault is None:
        return None
    return InstallCandidate(
        name=path.name, refusals=(refusal(refused_by_reader, fault, path.name),)
    )


def judged_candidate(scan: VibScan, name: str, policy: TrustPolicy = NO_POLICY) -> InstallCandidate:
    """Return a scanned VIB as a candidate for hosts that trust the signers of the policy."""
    candidate = candidate_from_scan(scan, name)
    packages = tuple(_judged(package, scan.vib, policy) for package in candidate.packages)
    return replace(candidate, packages=packages)


def _judged(package: Package, vib: Vib, policy: TrustPolicy) -> Package:
    """Judge the signature by the trust store, or by the vendor's known signers without a store."""
    if package.signature is not Signature.UNKNOWN or not package.level.needs_signature:
        return package
    if policy.store is None:
        return _with_known_signers(package, vib)

    judgement = verification.judgement_of(vib, policy)
    first = judgement.blocks[0] if judgement.blocks else None
    only, every = judgement.host_first_only.held, judgement.host.held
    state = _STATES[only]
    if first is not None and first.signer.held and only is False:
        state = Signature.UNFIT
    certificate = first.check.certificate if first else None
    return replace(
        package,
        signature=state if every == only else Signature.UNKNOWN,
        first_signature=state,
        signature_says=_printed(certificate.subject) if certificate else "",
    )


def _with_known_signers(package: Package, vib: Vib) -> Package:
    """Add the vendor's signers with known fingerprints; each release decides whom it trusts.

    Blocks with other signers are included, because a host may read only the first block.
    """
    blocks = [block.certificates[:1] for block in signature_blocks(vib)]
    signers = tuple(
        known_signer(first[0].sha256, first[0].issuer) if first else "" for first in blocks
    )
    return replace(package, known_signers=signers if any(signers) else ())


_STATES = {True: Signature.TRUSTED, False: Signature.UNTRUSTED, None: Signature.UNKNOWN}


def _printed(subject: str) -> str:
    """Return a distinguished name as the host prints it: with a blank after each comma."""
    return re.sub(r"(?<!\\),(?! )", ", ", subject)


def _read_bundle_candidate(
    opened_bundle: OpenBundle, path: Path, policy: TrustPolicy
) -> InstallCandidate:
    scan = bundle_scan(opened_bundle.bundle, opened_bundle.sources, inside=False)
    candidates = [judged_candidate(VibScan(vib), path.name, policy) for _member, vib in scan.vibs]
    if not candidates:
        raise FormatError("a zip without VIBs, not an offline bundle", where=str(path))
    return bundle_candidate(scan, candidates, path.name)


def bundle_candidate(
    scan: BundleScan, candidates: Sequence[InstallCandidate], name: str
) -> InstallCandidate:
    """Return a bundle as a candidate, made from the candidates of its VIBs."""
    return InstallCandidate(
        name=name,
        packages=tuple(package for candidate in candidates for package in candidate.packages),
        refusals=(*loading_refusals(scan), *_flatten(c.refusals for c in candidates)),
        damage=(*staging_refusals(scan), *_flatten(c.damage for c in candidates)),
        is_bundle=True,
        is_component=any(bulletin.is_component for bulletin in scan.bundle.bulletins),
        reader_refusals=bundle_refusals(scan),
        payload_refusals=tuple(_flatten(c.payload_refusals for c in candidates)),
    )


def _flatten(groups: Iterable[tuple[Refusal, ...]]) -> Iterator[Refusal]:
    return chain.from_iterable(groups)


class RoutePlan(Struct, frozen=True, kw_only=True):
    """The possible results of one route: one for each branch of the unknown facts."""

    route: Route
    branches: tuple[Branch[Prediction], ...]

    @property
    def installs(self) -> bool:
        """Whether the VIB installs, or remains installed, in every branch."""
        return all(branch.result.outcome.installs for branch in self.branches)


class HostPlan(Struct, frozen=True, kw_only=True):
    """The plan of one file on one host."""

    host: Host
    label: str
    routes: tuple[RoutePlan, ...]
    remedies: tuple[Remedy, ...] = ()
    """The smallest sets of steps for the requested route, best first; empty if no known step
    helps, one remedy without steps if none is needed."""
    kept_files: tuple[str, ...] = ()
    """The VIBs whose old files remain although the host reports success. This is the most
    dangerous result, so reports print it first."""
    hopeless: tuple[str, ...] = ()
    """Why a VIB cannot work on this release, even if it is installed."""
    boot_copy: tuple[Remedy, ...] = ()
    """The remedies for the VIB in the `boot-copy` layout; empty if the layout changes nothing."""
    warnings: tuple[str, ...] = ()
    """Later consequences: at the next boot, remediation or audit."""

    @property
    def is_held(self) -> bool:
        """Whether the host already has all these VIBs installed."""
        installs = [route for route in self.routes if route.route is Route.INSTALL]
        return any(
            cause.what == ALREADY_INSTALLED
            for route in installs
            for branch in route.branches
            for cause in branch.result.causes
        )

    @property
    def is_known(self) -> bool:
        """Whether the host's release is in the table of releases."""
        return is_known(self.host.release)


class FilePlan(Struct, frozen=True, kw_only=True):
    """The plan of one file on every requested host."""

    candidate: InstallCandidate
    hosts: tuple[HostPlan, ...] = ()


class Removal(Struct, frozen=True, kw_only=True):
    """The removal of installed VIBs by name, on every requested host."""

    names: tuple[str, ...]
    hosts: tuple[HostPlan, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """The plans of all files; the outcome of `route` is the verdict.

    If one command installs all files, `together` has the hosts, and the files have none. For a
    removal, `removal` has the hosts, and the files are assumed to be installed.
    """

    files: tuple[FilePlan, ...]
    unreadable: tuple[Unreadable, ...] = ()
    route: Route
    flags: Flags = NO_FLAGS
    together: FilePlan | None = None
    removal: Removal | None = None

    @property
    def good(self) -> bool:
        """Whether every file is readable, and the command succeeds on every requested host."""
        joint = self.removal or self.together
        plans = (joint,) if joint else self.files
        return not self.unreadable and all(
            file.hosts and all(self._succeeds(host) for host in file.hosts) for file in plans
        )

    def _succeeds(self, host: HostPlan) -> bool:
        requested = [route for route in host.routes if route.route is self.route]
        return bool(requested) and all(route.installs for route in requested)


def plan(  # noqa: PLR0913 - each one is a thing that a caller decides
    paths: Sequence[Path],
    *,
    host: Host | None = None,
    targets: Sequence[Release] = STOCK_TARGETS,
    flags: Flags = NO_FLAGS,
    route: Route = Route.INSTALL,
    upgrade_to: Release | None = None,
    policy: TrustPolicy = NO_POLICY,
    together: bool = False,
) -> Plan:
    """Predict the install of VIBs and bundles on hosts.

    Args:
        paths: the files. The result lists unreadable files, with a host's refusal if it is known.
        host: the facts of a host; if None, a stock host of each of `targets`.
        targets: releases to plan for if there is no `host`.
        flags: the flags of the esxcli command.
        route: the route whose outcome is the verdict.
        upgrade_to: the release of a later upgrade of the host.
        policy: whom the hosts trust; see `read_store`.
        together: whether one command installs all files, so that one refused VIB stops them all.

    Raises:
        ModelError: the route is an upgrade without a release or to an older one, or one command is
            to install both VIBs and bundles.
    """
    _check_upgrade(route, [host.release] if host else targets, upgrade_to)
    hosts = _hosts(host, targets)
    candidates, unreadable = _read_candidates(paths, policy)
    if not together:
        files = tuple(
            plan_candidate(candidate, hosts, flags=flags, route=route, upgrade_to=upgrade_to)
            for candidate in candidates
        )
        return Plan(files=files, unreadable=unreadable, route=route, flags=flags)
    if len({candidate.is_bundle for candidate in candidates}) > 1:
        raise ModelError(
            "single VIBs and bundles in one command: the result on a host is not known",
            remedy="put all into one bundle with `vibforge bundle create`, or plan them separately",
        )
    joint = plan_candidate(
        join_candidates(candidates), hosts, flags=flags, route=route, upgrade_to=upgrade_to
    )
    return Plan(
        files=tuple(FilePlan(candidate=candidate) for candidate in candidates),
        unreadable=unreadable,
        route=route,
        flags=flags,
        together=None if unreadable and len(candidates) < len(paths) else joint,
    )


def plan_removal(  # noqa: PLR0913 - each one is a thing that a caller decides
    names: Sequence[str],
    *,
    installed: Sequence[Path] = (),
    host: Host | None = None,
    targets: Sequence[Release] = STOCK_TARGETS,
    flags: Flags = NO_FLAGS,
    policy: TrustPolicy = NO_POLICY,
) -> Plan:
    """Predict the removal of VIBs from hosts.

    Args:
        names: the VIBs, by a name that `esxcli software vib remove -n` accepts.
        installed: files whose VIBs are assumed to be installed on the host.
        host: the facts of a host; if None, a stock host of each of `targets`.
        targets: releases to plan for if there is no `host`.
        flags: the flags of the esxcli command.
        policy: whom the hosts trust; see `read_store`.

    Raises:
        ModelError: `esxcli software vib remove` does not have one of the flags.
    """
    if flags.no_sig_check:
        raise ModelError(
            "`esxcli software vib remove` has no flag --no-sig-check",
            remedy="leave it out; a removal does not check signatures",
        )
    candidates, unreadable = _read_candidates(installed, policy)
    held = tuple(package for candidate in candidates for package in candidate.packages)
    hosts = tuple(
        _plan_removal(label, Delivery(host=target, names=tuple(names), flags=flags))
        for label, target in _with_installed(_hosts(host, targets), held, names)
    )
    return Plan(
        files=tuple(FilePlan(candidate=candidate) for candidate in candidates),
        unreadable=unreadable,
        route=Route.REMOVE,
        flags=flags,
        removal=Removal(names=tuple(names), hosts=hosts),
    )


def _hosts(host: Host | None, targets: Sequence[Release]) -> list[tuple[str, Host]]:
    """Return the hosts to plan for, each with its label."""
    return [("this host", host)] if host else [(f"stock {t}", stock_host(t)) for t in targets]


def _read_candidates(
    paths: Sequence[Path], policy: TrustPolicy
) -> tuple[list[InstallCandidate], tuple[Unreadable, ...]]:
    """Return the candidates in the order of the files, and the unreadable files.

    An unreadable file that a host is known to refuse is in both.
    """
    files = each_file(paths, lambda path: read_candidate(path, policy))
    refused = [(file.path, unread_candidate(file.path)) for file in files.unreadable]
    known = [
        *files.found,
        *((path, candidate) for path, candidate in refused if candidate is not None),
    ]
    ordered = sorted(known, key=lambda pair: paths.index(pair[0]))
    return [candidate for _path, candidate in ordered], files.unreadable


def _with_installed(
    hosts: Sequence[tuple[str, Host]], held: Sequence[Package], names: Sequence[str]
) -> Iterator[tuple[str, Host]]:
    """Yield each host with the given VIBs installed.

    The other VIBs of a stock host belong to ESXi and do not depend on them.
    """
    held_names = {package.name for package in held}
    named = names_of_all(held).issuperset(names)
    for label, host in hosts:
        others = tuple(package for package in host.installed if package.name not in held_names)
        stock = not (host.installed or host.installed_known) and label.startswith("stock")
        yield (
            label,
            replace(
                host,
                installed=(*others, *held),
                installed_known=host.installed_known or (stock and named),
            ),
        )


def _check_upgrade(route: Route, sources: Sequence[Release], to: Release | None) -> None:
    if route is Route.UPGRADE and to is None:
        raise ModelError("the upgrade has no target release", remedy="add --to RELEASE")
    if to is not None and (later := [str(source) for source in sources if source > to]):
        raise ModelError(
            f"{to} is older than {', '.join(later)}; a host cannot be downgraded",
            remedy="pass the host's release with --esxi, and a later one with --to",
        )


def plan_candidate(
    candidate: InstallCandidate,
    hosts: Sequence[tuple[str, Host]],
    *,
    flags: Flags = NO_FLAGS,
    route: Route = Route.INSTALL,
    upgrade_to: Release | None = None,
) -> FilePlan:
    """Plan one candidate on several hosts, each with a label; remedies are for `route`."""
    if not (candidate.packages or candidate.refusals):
        return FilePlan(candidate=candidate)
    return FilePlan(
        candidate=candidate,
        hosts=tuple(
            _plan_host(
                label,
                Delivery(host=host, candidate=candidate, flags=flags, upgrade_to=upgrade_to),
                route,
            )
            for label, host in hosts
        ),
    )


def _plan_host(label: str, delivery: Delivery, asked: Route) -> HostPlan:
    if not is_known(delivery.host.release):
        routes = (
            RoutePlan(route=r, branches=predict_route(delivery, r)) for r in routes_of(delivery)
        )
        return HostPlan(host=delivery.host, label=label, routes=tuple(routes), remedies=())
    seen = tuple(seen_by(delivery.host.release, package) for package in delivery.candidate.packages)
    delivery = replace(delivery, candidate=replace(delivery.candidate, packages=seen))
    command = delivery.command()
    moved = as_boot_copy(command)
    return HostPlan(
        host=delivery.host,
        label=label,
        routes=tuple(
            RoutePlan(route=route, branches=predict_route(delivery, route))
            for route in routes_of(delivery)
        ),
        remedies=route_remedies(delivery, asked),
        kept_files=tuple(old_files(delivery.host, command.packages)),
        hopeless=tuple(_hopeless(delivery)),
        boot_copy=remedies(moved) if moved is not command else (),
        warnings=tuple(_warnings(delivery)),
    )


def _plan_removal(label: str, delivery: Delivery) -> HostPlan:
    routes = (RoutePlan(route=Route.REMOVE, branches=predict_route(delivery, Route.REMOVE)),)
    if not is_known(delivery.host.release):
        return HostPlan(host=delivery.host, label=label, routes=routes)
    return HostPlan(
        host=delivery.host,
        label=label,
        routes=routes,
        remedies=remedies(delivery.command(Verb.REMOVE)),
        warnings=(
            *install_removal.removal_warnings(delivery.host, delivery.names),
            *_host_warnings(delivery.host),
        ),
    )


def _hopeless(delivery: Delivery) -> Iterator[str]:
    release = delivery.host.release
    for package in delivery.candidate.packages:
        faults = vmklinux_driver.faults(package)
        vmklinux = [fault for fault in faults if vmklinux_driver.concerns(release, fault)]
        for fault in vmklinux:
            yield f"{package.id} {fault.what}; repacking does not help ({vmklinux_driver.id})"
        lacking = missing_interfaces(package, release, surely=True)
        if lacking and not vmklinux:
            yield (
                f"{package.id} requires {', '.join(lacking)}, which ESXi {release} does not "
                f"provide: no flag makes the driver load. Use the driver for ESXi {release}."
            )


def _warnings(delivery: Delivery) -> Iterator[str]:
    host = delivery.host
    packages = tuple(package for package in delivery.candidate.packages if package.is_installable)
    yield from _host_warnings(host)
    yield from _package_warnings(packages)
    community = [p for p in packages if p.level is AcceptanceLevel.COMMUNITY]
    if host.managed_by_image:
        yield (
            "vLCM manages this host with an image: the next remediation removes every VIB that is "
            "not part of the image."
        )
    if community:
        when = "" if host.secure_boot else " after UEFI Secure Boot is turned on"
        yield (
            f"With this VIB installed, the host will not boot{when}: "
            '"UEFI Secure Boot failed: Failed to verify signatures of the following vibs".'
        )
    if host.secure_boot and any(p.signature is Signature.MISSING for p in packages):
        yield (
            "Secure Boot is on: no flag overrides the checks of signature and paths. Use a VIB "
            "signed by a signer that the host trusts, or a host without Secure Boot."
        )
    if host.tpm and community:
        yield "The host has a TPM: its attestation will differ from hosts without the VIB."
    if any(
        package.level.needs_signature and package.signature == "missing" for package in packages
    ):
        yield (
            "The VIB is unsigned, but claims a level that requires a signature: `esxcli software "
            "vib signature verify` reports it, and auditors look for such VIBs."
        )


def _host_warnings(host: Host) -> Iterator[str]:
    """Yield warnings about the host's state that apply to every change of its VIBs."""
    if host.stateless:
        yield (
            "The host boots over the network: its next boot loads the image of Auto Deploy again, "
            "and a change of its VIBs is lost. Change that image too."
        )
    if host.reboot_pending:
        pending = f" ({'; '.join(host.pending)})" if host.pending else ""
        yield (
            f"A change waits for a reboot of this host{pending}. The plan uses the running VIBs; "
            "whether the host uses these or those of its next boot is not known. Reboot it first."
        )


def _package_warnings(packages: Iterable[Package]) -> Iterator[str]:
    """Yield warnings about VIBs whose payloads lack folders."""
    for package in packages:
        if package.missing_folders:
            folders = ", ".join(package.missing_folders[:5])
            yield (
                f"{package.id} has no entries for the folders {folders}: "
                'hosts of 8.0 are reported to stop at such a payload with "Failed to mount … '
                'Operation not permitted". Rebuild it with vibforge, which packs every folder.'
            )
