"""Rehearse a trx.conf: run it with the real ptp4l against a grandmaster, and judge."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import TrxError
from vibforge.findings.check import Finding, Severity
from vibforge.trx.check import check
from vibforge.trx.conf import TrxConf
from vibforge.trx.network.ear import CaptureSocket
from vibforge.trx.network.listener import Listener, Observation
from vibforge.trx.network.settings import ClockSettings, Fit, fit_domain
from vibforge.trx.rehearsal.client import Client, client_of
from vibforge.trx.rehearsal.grandmaster import Grandmaster, electing
from vibforge.trx.rehearsal.linuxptp import Linuxptp, Programs
from vibforge.trx.rehearsal.linuxptp_check import Rejection, rejections
from vibforge.trx.rehearsal.remedy import Advice, advice, failover_advice
from vibforge.trx.rehearsal.sandbox import Sandbox, host_world, private_world
from vibforge.trx.rehearsal.session import Notice, RunResult, Session
from vibforge.trx.rehearsal.verdict import Code

SECONDS = (1.0, 600.0)
"""The shortest and the longest rehearsal: ten minutes suffice for one Announce a minute."""

_PATIENCE = (30.0, 120.0)
"""The least and the most seconds of a rehearsal without --seconds."""


_FIRST, _SECOND = "020000.fffe.000001", "020000.fffe.000002"
"""Identities of two grandmasters on one interface; by its address both would have the same."""


class RehearsalOptions(Struct, frozen=True, kw_only=True):
    """How to rehearse.

    `seconds` None lets the grandmaster's Announce interval decide. `second` takes over from the
    first grandmaster, and gives back to it.
    """

    seconds: float | None = None
    watch: float = 3.0
    keep_threshold: bool = False
    second: Grandmaster | None = None


class Rehearsal(Struct, frozen=True, kw_only=True):
    """The result of a rehearsal.

    `sha256` is the digest of the trx.conf, in hexadecimal. `linuxptp` and `grandmaster_linuxptp`
    are the versions of the two sides, the second one empty if the network has a grandmaster.
    `rejections` are lines that linuxptp refuses; then no run took place. `coupling` are findings
    that ptp4l and phc2sys disagree. `network` has the settings of the other side, None if not
    known. `unlike` lists what the network does but the rehearsal did not, so that a good run proves
    nothing. `heard` is the traffic observed on a real network during the run.
    """

    sha256: str
    code: Code
    advice: Advice
    client: Client
    grandmaster: Grandmaster | None
    interface: str
    world: str
    linuxptp: str
    grandmaster_linuxptp: str
    network: ClockSettings | None
    play: RunResult | None
    rejections: tuple[Rejection, ...]
    coupling: tuple[Finding, ...]
    unlike: tuple[str, ...] = ()
    heard: Observation | None = None

    @property
    def good(self) -> bool:
        return self.code is Code.OK


def rehearse_trx(
    data: bytes,
    against: Grandmaster | str,
    programs: Programs,
    *,
    wish: RehearsalOptions,
    on_sample: Notice | None = None,
) -> Rehearsal:
    """Rehearse the bytes of a trx.conf against a given grandmaster, or on an interface.

    Raises:
        TrxError: TRX would not start with the file, or the grandmaster does not start.
        NotPossibleHereError: this machine makes no private network, or it needs root.
    """
    if isinstance(against, str):
        if wish.second:
            raise TrxError(
                "a second grandmaster does not work with --interface",
                remedy="Give --gm-profile, --gm-conf or --pcap instead of --interface.",
            )
        return rehearse_on_interface(data, against, programs, wish=wish, on_sample=on_sample)
    return rehearse_privately(data, against, programs, wish=wish, on_sample=on_sample)


def rehearse_privately(
    data: bytes,
    grandmaster: Grandmaster,
    programs: Programs,
    *,
    wish: RehearsalOptions,
    on_sample: Notice | None = None,
) -> Rehearsal:
    """Rehearse in a private network against a grandmaster that vibforge runs.

    Raises:
        TrxError: TRX would not start with the file, or the grandmaster does not start.
        NotPossibleHereError: no private network can be made here.
    """
    if wish.second:
        grandmaster = electing(grandmaster, _FIRST)
        wish = replace(wish, second=electing(wish.second, _SECOND))
    with private_world(programs) as world:
        return _rehearse(data, grandmaster, world, programs, wish, on_sample)


def rehearse_on_interface(
    data: bytes,
    interface: str,
    programs: Programs,
    *,
    wish: RehearsalOptions,
    on_sample: Notice | None = None,
) -> Rehearsal:
    """Rehearse on an interface of this machine, without setting its clock.

    Raises:
        TrxError: TRX would not start with the file.
        NotPossibleHereError: not root, or no such interface.
    """
    with host_world(programs, interface) as world, _heard_meanwhile(interface) as listener:
        found = _rehearse(data, None, world, programs, wish, on_sample, listener)
        return replace(found, heard=listener.hearing())


@contextmanager
def _heard_meanwhile(interface: str) -> Iterator[Listener]:
    listener = Listener()
    over = threading.Event()
    with CaptureSocket.open(interface) as ear:
        thread = threading.Thread(
            target=ear.listen, args=(listener, SECONDS[1], over.is_set), daemon=True
        )
        thread.start()
        try:
            yield listener
        finally:
            over.set()
            thread.join()


def _rehearse(  # noqa: PLR0913, PLR0917 - of the two ways above
    data: bytes,
    grandmaster: Grandmaster | None,
    world: Sandbox,
    programs: Programs,
    wish: RehearsalOptions,
    on_sample: Notice | None,
    listener: Listener | None = None,
) -> Rehearsal:
    conf = TrxConf.parse(data)
    client = client_of(conf, programs.client, world.folder, keep_threshold=wish.keep_threshold)
    refused = rejections(conf, world, programs.client)
    seconds = _seconds(wish, grandmaster)

    def network() -> ClockSettings | None:
        return _loudest(listener, client.settings) if listener else None

    rejected = any(each.program == "ptp4l" for each in refused)
    session = Session(
        world=world,
        programs=programs,
        seconds=seconds,
        watch=wish.watch,
        on_sample=on_sample,
        second=wish.second,
    )
    play = None if rejected else session.play(client, grandmaster, network)
    speaks = grandmaster.settings if grandmaster else network()
    coupling = _coupling(data, programs.client)
    unlike = _unlike(grandmaster, client) if grandmaster else ()
    code = _code(play, refused, coupling)
    if code is Code.OK and unlike:
        code = Code.NOT_KNOWN
    return Rehearsal(
        sha256=hashlib.sha256(data).hexdigest(),
        code=code,
        advice=_advice(code, client, speaks, play, wish.second),
        client=client,
        grandmaster=grandmaster,
        interface=world.client_interface,
        world=str(world.kind),
        linuxptp=programs.client.version,
        grandmaster_linuxptp=programs.grandmaster.version if grandmaster else "",
        network=speaks,
        play=play,
        rejections=refused,
        coupling=coupling,
        unlike=unlike,
    )


def _advice(
    code: Code,
    client: Client,
    network: ClockSettings | None,
    play: RunResult | None,
    second: Grandmaster | None,
) -> Advice:
    if code is Code.NO_FAILOVER and play and second:
        return failover_advice(client, play.said, play.failover, second.settings)
    return advice(code, client, network, play.words if play else "")


def _unlike(grandmaster: Grandmaster, client: Client) -> tuple[str, ...]:
    """Return the differences from the real network that may matter to the client."""
    steps = grandmaster.steps_removed
    line = client.line_of("maxStepsRemoved")
    if line and line.value.isdecimal() and steps >= int(line.value[:9]):
        far = (
            f"the grandmaster is {steps} steps away, but line {line.number} allows fewer than"
            f" {line.value[:9]}"
        )
        return (*grandmaster.unlike, far)
    return grandmaster.unlike


def _code(
    play: RunResult | None, refused: tuple[Rejection, ...], coupling: tuple[Finding, ...]
) -> Code:
    if play is None or (play.code is Code.OK and refused):
        return Code.REJECTED
    if play.code is Code.OK and any(each.severity is Severity.ERROR for each in coupling):
        return Code.PHC2SYS
    return play.code


def _seconds(wish: RehearsalOptions, grandmaster: Grandmaster | None) -> float:
    if wish.seconds is not None:
        if not SECONDS[0] <= wish.seconds <= SECONDS[1]:
            raise TrxError(f"--seconds takes {SECONDS[0]:.0f} to {SECONDS[1]:.0f}")
        return wish.seconds
    if grandmaster is None:
        return _PATIENCE[0]
    return min(_PATIENCE[1], max(_PATIENCE[0], 6 * grandmaster.settings.announce_seconds))


def _coupling(data: bytes, linuxptp: Linuxptp) -> tuple[Finding, ...]:
    found = check(data, releases=(linuxptp.release,)).findings
    return tuple(each for each in found if each.rule == "phc2sys-disagrees")


def _loudest(listener: Listener, client: ClockSettings) -> ClockSettings | None:
    """Return the settings of the network with a master that is most like the client's."""
    fits = [fit_domain(domain) for domain in listener.hearing().domains if domain.masters]
    fits.sort(key=lambda fit: _differences(fit, client))
    return fits[0].settings if fits else None


def _differences(fit: Fit, client: ClockSettings) -> int:
    heard = fit.settings
    return sum(
        (
            heard.domain != client.domain,
            heard.sdo != client.sdo,
            heard.transport is not client.transport,
        )
    )
