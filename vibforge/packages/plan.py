"""Say what hosts will do with VIBs, and the least that makes them install."""

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
from vibforge.host.command import NO_FLAGS, Flags
from vibforge.host.host import Host, stock_host
from vibforge.host.image import ALREADY_INSTALLED, Verb, names_of_all, old_files
from vibforge.host.install import removal as install_removal
from vibforge.host.offer import InstallCandidate, joint_offer, offer_of_scan
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


def read_offer(path: Path, policy: TrustPolicy = NO_POLICY) -> InstallCandidate:
    """Read a file with VIBs in it.

    Args:
        path: the file.
        policy: whom the hosts trust; without a store, what a signature is worth stays unknown.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        if len(subjects) == 1 and isinstance(subjects[0], Vib):
            return offer_of(VibScan(subjects[0]), path.name, policy)
        bundles = [subject for subject in subjects if isinstance(subject, OpenBundle)]
        if len(bundles) != 1:
            raise FormatError("neither a VIB nor one offline bundle", where=str(path))
        return _bundle_offer(bundles[0], path, policy)


def unread_offer(path: Path) -> InstallCandidate | None:
    """Return what a host says of a file that vibforge cannot read; None where that is not known."""
    try:
        found = refused_file(FileSource.of(path)) if path.is_file() else None
    except OSError:  # a file whose reading fails is no file that a host would refuse
        found = None
    if found is None:
        return None
    return InstallCandidate(
        name=path.name, refusals=(refusal(refused_by_reader, found, path.name),)
    )


def offer_of(scan: VibScan, name: str, policy: TrustPolicy = NO_POLICY) -> InstallCandidate:
    """Return what a scanned VIB offers to hosts that trust as the policy says."""
    offer = offer_of_scan(scan, name)
    packages = tuple(_judged(package, scan.vib, policy) for package in offer.packages)
    return replace(offer, packages=packages)


def _judged(package: Package, vib: Vib, policy: TrustPolicy) -> Package:
    """Hold a signature against the store, or against the vendor's signers where there is none."""
    if package.signature is not Signature.UNKNOWN or not package.level.needs_signature:
        return package
    if policy.store is None:
        return _known(package, vib)

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


def _known(package: Package, vib: Vib) -> Package:
    """Name the vendor's signers that are known by fingerprint: hosts tell whether they trust them.

    Blocks without a known signer count as well: a host may read the first block alone.
    """
    blocks = [block.certificates[:1] for block in signature_blocks(vib)]
    signers = tuple(
        known_signer(first[0].sha256, first[0].issuer) if first else "" for first in blocks
    )
    return replace(package, known_signers=signers if any(signers) else ())


_STATES = {True: Signature.TRUSTED, False: Signature.UNTRUSTED, None: Signature.UNKNOWN}


def _printed(subject: str) -> str:
    """Return a name as the host prints it: with a blank behind each comma between its parts."""
    return re.sub(r"(?<!\\),(?! )", ", ", subject)


def _bundle_offer(opened_bundle: OpenBundle, path: Path, policy: TrustPolicy) -> InstallCandidate:
    scan = bundle_scan(opened_bundle.bundle, opened_bundle.sources, inside=False)
    offers = [offer_of(VibScan(vib), path.name, policy) for _member, vib in scan.vibs]
    if not offers:
        raise FormatError("a zip without VIBs, not an offline bundle", where=str(path))
    return bundle_offer(scan, offers, path.name)


def bundle_offer(
    scan: BundleScan, offers: Sequence[InstallCandidate], name: str
) -> InstallCandidate:
    """Return what a bundle offers, of what each of its VIBs does."""
    return InstallCandidate(
        name=name,
        packages=tuple(package for offer in offers for package in offer.packages),
        refusals=(*loading_refusals(scan), *_all(offer.refusals for offer in offers)),
        damage=(*staging_refusals(scan), *_all(offer.damage for offer in offers)),
        is_bundle=True,
        is_component=any(bulletin.is_component for bulletin in scan.bundle.bulletins),
        of_readers=bundle_refusals(scan),
        of_payloads=tuple(_all(offer.of_payloads for offer in offers)),
    )


def _all(found: Iterable[tuple[Refusal, ...]]) -> Iterator[Refusal]:
    return chain.from_iterable(found)


class RoutePlan(Struct, frozen=True, kw_only=True):
    """What can come of one route: one outcome, or one for each answer to what is not known."""

    route: Route
    worlds: tuple[Branch[Prediction], ...]

    @property
    def installs(self) -> bool:
        """Whether the VIB goes in, or stays in, whatever the unknown facts are."""
        return all(world.result.outcome.installs for world in self.worlds)


class HostPlan(Struct, frozen=True, kw_only=True):
    """One file on one host."""

    host: Host
    label: str
    routes: tuple[RoutePlan, ...]
    remedies: tuple[Remedy, ...] = ()
    """The least that makes the route asked for work, best first; empty where no known step does,
    one remedy without steps where nothing is needed."""
    kept_files: tuple[str, ...] = ()
    """The VIBs whose old files stay though the host reports success: of all answers the most
    dangerous one, so it is said first."""
    hopeless: tuple[str, ...] = ()
    """Why a VIB is of no use on this release, whatever is done to install it."""
    boot_copy: tuple[Remedy, ...] = ()
    """The same for the VIB in the layout `boot-copy`; empty where that layout changes nothing."""
    warnings: tuple[str, ...] = ()
    """What comes later: at the next boot, remediation or audit."""

    @property
    def is_held(self) -> bool:
        """Whether the host holds all of it already, as it is."""
        installs = [route for route in self.routes if route.route is Route.INSTALL]
        return any(
            cause.what == ALREADY_INSTALLED
            for route in installs
            for world in route.worlds
            for cause in world.result.causes
        )

    @property
    def is_known(self) -> bool:
        """Whether the table of releases has the host's release."""
        return is_known(self.host.release)


class FilePlan(Struct, frozen=True, kw_only=True):
    """One file on every host that was asked for."""

    offer: InstallCandidate
    hosts: tuple[HostPlan, ...] = ()


class Removal(Struct, frozen=True, kw_only=True):
    """The removal of installed VIBs by name, on every host that was asked for."""

    names: tuple[str, ...]
    hosts: tuple[HostPlan, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """All files; `route` is the one whose outcome is the verdict.

    Where all go in by one command, `together` has the hosts, and the files have none. Where VIBs
    are to be removed, `removal` has them, and the files are taken as installed.
    """

    files: tuple[FilePlan, ...]
    unreadable: tuple[Unreadable, ...] = ()
    route: Route
    flags: Flags = NO_FLAGS
    together: FilePlan | None = None
    removal: Removal | None = None

    @property
    def good(self) -> bool:
        """Whether every file could be read, and all is carried out on every host as asked for."""
        asked = self.removal or self.together
        judged = (asked,) if asked else self.files
        return not self.unreadable and all(
            each.hosts and all(self._goes(host) for host in each.hosts) for each in judged
        )

    def _goes(self, host: HostPlan) -> bool:
        asked = [route for route in host.routes if route.route is self.route]
        return bool(asked) and all(route.installs for route in asked)


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
    """Plan the way of VIBs and bundles onto a host.

    Args:
        paths: the files; one that cannot be read is part of the result, with what a host says of
            it where that is known.
        host: the facts of a host; if None, a stock host of each of `targets`.
        targets: releases to plan for where there is no `host`.
        flags: what the command line of esxcli would carry.
        route: the route whose outcome is the verdict.
        upgrade_to: a release that the host is upgraded to afterwards.
        policy: whom the hosts trust; see `read_store`.
        together: whether all go in by one command, so that one bad VIB keeps all of them out.

    Raises:
        ModelError: the route is an upgrade and no release is named, or it is an older one; or VIBs
            and bundles are to go in by one command.
    """
    _check_upgrade(route, [host.release] if host else targets, upgrade_to)
    hosts = _hosts(host, targets)
    offers, unreadable = _offers(paths, policy)
    if not together:
        files = tuple(
            plan_offer(offer, hosts, flags=flags, route=route, upgrade_to=upgrade_to)
            for offer in offers
        )
        return Plan(files=files, unreadable=unreadable, route=route, flags=flags)
    if len({offer.is_bundle for offer in offers}) > 1:
        raise ModelError(
            "loose VIBs and bundles in one command: how a host takes both at once is not known",
            remedy="put all into one bundle with `vibforge bundle create`, or plan them in turn",
        )
    joint = plan_offer(joint_offer(offers), hosts, flags=flags, route=route, upgrade_to=upgrade_to)
    return Plan(
        files=tuple(FilePlan(offer=offer) for offer in offers),
        unreadable=unreadable,
        route=route,
        flags=flags,
        together=None if unreadable and len(offers) < len(paths) else joint,
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
    """Plan the removal of VIBs from a host.

    Args:
        names: the VIBs, as `esxcli software vib remove -n` takes them.
        installed: files whose VIBs are taken as installed on the host.
        host: the facts of a host; if None, a stock host of each of `targets`.
        targets: releases to plan for where there is no `host`.
        flags: what the command line of esxcli would carry.
        policy: whom the hosts trust; see `read_store`.

    Raises:
        ModelError: a flag is none of a removal.
    """
    if flags.no_sig_check:
        raise ModelError(
            "--no-sig-check is no flag of `esxcli software vib remove`",
            remedy="leave it out: a removal looks at no signature",
        )
    offers, unreadable = _offers(installed, policy)
    held = tuple(package for offer in offers for package in offer.packages)
    hosts = tuple(
        _plan_removal(label, Delivery(host=each, names=tuple(names), flags=flags))
        for label, each in _holding(_hosts(host, targets), held, names)
    )
    return Plan(
        files=tuple(FilePlan(offer=offer) for offer in offers),
        unreadable=unreadable,
        route=Route.REMOVE,
        flags=flags,
        removal=Removal(names=tuple(names), hosts=hosts),
    )


def _hosts(host: Host | None, targets: Sequence[Release]) -> list[tuple[str, Host]]:
    """Return the hosts to plan for, each with its label."""
    return [("this host", host)] if host else [(f"stock {t}", stock_host(t)) for t in targets]


def _offers(
    paths: Sequence[Path], policy: TrustPolicy
) -> tuple[list[InstallCandidate], tuple[Unreadable, ...]]:
    """Return what the files offer, in their order, and those that cannot be read.

    A file of which a host's answer is known is among both.
    """
    offers = each_file(paths, lambda path: read_offer(path, policy))
    answered = [(each.path, unread_offer(each.path)) for each in offers.unreadable]
    known = [*offers.found, *((path, offer) for path, offer in answered if offer is not None)]
    ordered = sorted(known, key=lambda each: paths.index(each[0]))
    return [offer for _path, offer in ordered], offers.unreadable


def _holding(
    hosts: Sequence[tuple[str, Host]], held: Sequence[Package], names: Sequence[str]
) -> Iterator[tuple[str, Host]]:
    """Yield each host with the VIBs installed that were given as files.

    All that a stock host holds beside them is ESXi's own, which depends on nothing of them.
    """
    coming = {package.name for package in held}
    named = names_of_all(held).issuperset(names)
    for label, host in hosts:
        others = tuple(package for package in host.installed if package.name not in coming)
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
        raise ModelError("an upgrade to which release is not said", remedy="add --to RELEASE")
    if to is not None and (later := [str(source) for source in sources if source > to]):
        raise ModelError(
            f"{to} is older than {', '.join(later)}: a host is upgraded, never taken back",
            remedy="name the release that the host has with --esxi, and a later one with --to",
        )


def plan_offer(
    offer: InstallCandidate,
    hosts: Sequence[tuple[str, Host]],
    *,
    flags: Flags = NO_FLAGS,
    route: Route = Route.INSTALL,
    upgrade_to: Release | None = None,
) -> FilePlan:
    """Plan one offer on several hosts, each with its label; remedies are for the way `route`."""
    if not (offer.packages or offer.refusals):
        return FilePlan(offer=offer)
    return FilePlan(
        offer=offer,
        hosts=tuple(
            _plan_host(
                label, Delivery(host=host, offer=offer, flags=flags, upgrade_to=upgrade_to), route
            )
            for label, host in hosts
        ),
    )


def _plan_host(label: str, journey: Delivery, asked: Route) -> HostPlan:
    if not is_known(journey.host.release):
        routes = (RoutePlan(route=r, worlds=predict_route(journey, r)) for r in routes_of(journey))
        return HostPlan(host=journey.host, label=label, routes=tuple(routes), remedies=())
    seen = tuple(seen_by(journey.host.release, package) for package in journey.offer.packages)
    journey = replace(journey, offer=replace(journey.offer, packages=seen))
    command = journey.command()
    moved = as_boot_copy(command)
    return HostPlan(
        host=journey.host,
        label=label,
        routes=tuple(
            RoutePlan(route=route, worlds=predict_route(journey, route))
            for route in routes_of(journey)
        ),
        remedies=route_remedies(journey, asked),
        kept_files=tuple(old_files(journey.host, command.packages)),
        hopeless=tuple(_hopeless(journey)),
        boot_copy=remedies(moved) if moved is not command else (),
        warnings=tuple(_warnings(journey)),
    )


def _plan_removal(label: str, journey: Delivery) -> HostPlan:
    routes = (RoutePlan(route=Route.REMOVE, worlds=predict_route(journey, Route.REMOVE)),)
    if not is_known(journey.host.release):
        return HostPlan(host=journey.host, label=label, routes=routes)
    return HostPlan(
        host=journey.host,
        label=label,
        routes=routes,
        remedies=remedies(journey.command(Verb.REMOVE)),
        warnings=(
            *install_removal.removal_warnings(journey.host, journey.names),
            *_host_warnings(journey.host),
        ),
    )


def _hopeless(journey: Delivery) -> Iterator[str]:
    release = journey.host.release
    for package in journey.offer.packages:
        gone = [f for f in vmklinux_driver.faults(package) if vmklinux_driver.concerns(release, f)]
        for fault in gone:
            what = f"{fault.what}, and repacking does not help ({vmklinux_driver.id})"
            yield f"{package.id} {what}"
        lacking = missing_interfaces(package, release, surely=True)
        if lacking and not gone:
            yield (
                f"{package.id} needs {', '.join(lacking)}, which ESXi {release} does not provide: "
                f"no flag makes the driver load. Use the driver that was built for ESXi {release}."
            )


def _warnings(journey: Delivery) -> Iterator[str]:
    host = journey.host
    packages = tuple(package for package in journey.offer.packages if package.is_installable)
    yield from _host_warnings(host)
    yield from _package_warnings(packages)
    community = [p for p in packages if p.level is AcceptanceLevel.COMMUNITY]
    if host.managed_by_image:
        yield (
            "vLCM manages this host with an image: the next remediation removes a VIB that is "
            "not part of it."
        )
    if community:
        when = "" if host.secure_boot else " once UEFI Secure Boot is turned on"
        yield (
            f"With this VIB on it the host will not boot{when}: "
            '"UEFI Secure Boot failed: Failed to verify signatures of the following vibs".'
        )
    if host.secure_boot and any(p.signature is Signature.MISSING for p in packages):
        yield (
            "Secure Boot is on: no flag gets past the signature and the paths. What helps is a "
            "signature by a signer whom the host trusts, or a host without Secure Boot."
        )
    if host.tpm and community:
        yield "The host has a TPM: its attestation will differ from that of hosts without the VIB."
    if any(
        package.level.needs_signature and package.signature == "missing" for package in packages
    ):
        yield (
            "Unsigned, it claims a level that needs a signature: `esxcli software vib signature "
            "verify` reports it, and auditors look for just that."
        )


def _host_warnings(host: Host) -> Iterator[str]:
    """Yield what of a host's state counts for whatever is done to its VIBs."""
    if host.stateless:
        yield (
            "The host boots over the network: its next boot loads the image of Auto Deploy again, "
            "and a change of its VIBs is lost. Change that image too."
        )
    if host.reboot_pending:
        pending = f" ({'; '.join(host.pending)})" if host.pending else ""
        yield (
            f"A change waits for a reboot of this host{pending}. The plan is for the VIBs that run "
            "now; whether the host starts from these or from those of its next boot is not known "
            "here. Reboot it first."
        )


def _package_warnings(packages: Iterable[Package]) -> Iterator[str]:
    """Yield what may come of VIBs whose payloads lack folders."""
    for package in packages:
        if package.missing_folders:
            folders = ", ".join(package.missing_folders[:5])
            yield (
                f"{package.id} has no entries for the folders {folders}: "
                'hosts of 8.0 were reported to stop at such a payload with "Failed to mount … '
                'Operation not permitted". Build it anew with vibforge, which packs every folder.'
            )
