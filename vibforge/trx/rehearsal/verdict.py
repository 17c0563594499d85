"""Judge a rehearsal by the client's data sets and a few lines of its log.

The checks follow the order of a manual search: does the client receive messages, does it choose a
grandmaster, does anyone answer its delay requests, is there an offset. Each case was tried with
linuxptp 3.1.1 and others.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.trx.network.capture import Transport
from vibforge.trx.network.settings import ClockSettings, Delay
from vibforge.trx.rehearsal.data_sets import DataSets, Said

ENOUGH = 5
"""After so many messages of a kind, a missing answer is no accident: ptp4l needs two or three."""

NEAR = 1_000_000
"""Nanoseconds. Both sides run on one machine's clock, so a larger offset is a measuring error."""

_FOLLOWING = {"UNCALIBRATED", "SLAVE"}

_LONGEST_DOUBT = 10.0
"""The most seconds that a good rehearsal goes on, to see whether the client keeps its master."""


class Code(StrEnum):
    """The verdict on a rehearsal."""

    OK = "ok"
    REJECTED = "conf-rejected"
    REFUSED = "conf-refused"
    DIED = "ptp4l-died"
    SILENT = "ptp4l-silent"
    NO_TRAFFIC = "no-ptp-traffic"
    DOMAIN = "wrong-domain"
    SDO = "wrong-sdo"
    DOMAIN_OR_SDO = "wrong-domain-or-sdo"
    NO_MASTER = "no-master-chosen"
    NOT_AS_CAPABLE = "not-as-capable"
    DELAY = "wrong-delay-mechanism"
    NO_TLV = "no-802.1as-tlv"
    ANNOUNCE_TIMEOUT = "announce-timeout"
    NO_OFFSET = "no-offset"
    FAR_OFFSET = "offset-too-large"
    PHC2SYS = "phc2sys-waits"
    SCOPE = "wrong-udp6-scope"
    DESTINATION = "wrong-destination"
    UNICAST = "unicast-only-master"
    LOCAL_CLOCK = "local-clock-preferred"
    POOR_CLASS = "clock-class-too-poor"
    AUTHENTICATION = "authentication-fails"
    SYNC_TIMEOUT = "sync-timeout"
    NO_FAILOVER = "no-failover"
    NOT_KNOWN = "not-known"


class Sample(Struct, frozen=True):
    """One reading of the client's data sets, in seconds since the client started."""

    seconds: float
    data: DataSets


def on_one_scale(data: DataSets, utc_offset: int) -> DataSets:
    """Return `data` with the whole seconds between TAI and UTC removed from its offset.

    Both sides of a rehearsal share one clock. If the grandmaster announces the PTP time scale, the
    client measures the announced UTC offset, plus one second near a leap second (tried with 4.4).
    """
    seconds = round(data.offset / 1e9)
    rest = data.offset - seconds * 1_000_000_000
    if seconds and abs(abs(seconds) - abs(utc_offset)) <= 1 and abs(rest) < NEAR:
        return replace(data, offset=rest)
    return data


class Trace(Struct):
    """The data that a verdict is based on.

    `network` has the settings of the other side, None if not known. `parent` is the port that the
    client must choose, empty if any will do. `near` is true if both sides share one clock, `elects`
    if the client chooses its master by Announce messages. `said` grows with the client's log.
    `quiet_socket` is true if this client does not answer on its management socket: linuxptp 4.4 and
    later with the 802.1AS TLV and without transportSpecific 1.
    """

    client: ClockSettings
    network: ClockSettings | None
    parent: str
    near: bool
    elects: bool
    watch: float
    said: set[Said] = field(default_factory=set)
    quiet_socket: bool = False
    samples: list[Sample] = field(default_factory=list)

    @property
    def chosen_after(self) -> float | None:
        """The seconds until the client had its grandmaster."""
        return _first(self.samples, self.has_master)

    @property
    def offset_after(self) -> float | None:
        """The seconds until the first offset with a path delay."""
        return _first(self.samples, self._has_offset)

    @property
    def times_lost(self) -> int:
        """How often the client had a grandmaster and then had none."""
        present = [self.has_master(sample.data) for sample in self.samples]
        return sum(was and not now for was, now in pairwise(present))

    def has_master(self, data: DataSets) -> bool:
        """True if the port follows the grandmaster; ptp4l keeps its name after a timeout."""
        if not self.elects:
            return data.received.get("Sync", 0) > 0
        return self.parent in {"", data.parent} and self.follows(data)

    def follows(self, data: DataSets) -> bool:
        """True if the port follows any grandmaster that announces itself."""
        return data.grandmaster_present and data.state in _FOLLOWING

    def _has_offset(self, data: DataSets) -> bool:
        near = abs(data.offset) < NEAR or not self.near
        return self.has_master(data) and self.has_delay(data) and data.offset != 0 and near

    def has_delay(self, data: DataSets) -> bool:
        match self.client.delay:
            case Delay.NONE:
                return True
            case Delay.AUTO:
                return data.path_delay > 0 or data.peer_delay > 0
            case Delay.E2E:
                return data.path_delay > 0
            case _:
                return data.peer_delay > 0

    def followed_up(self) -> int:
        """The Follow_Up messages received since the client had a master and a path delay."""
        ready = [
            sample.data.received.get("Follow_Up", 0)
            for sample in self.samples
            if self.has_master(sample.data) and self.has_delay(sample.data)
        ]
        return ready[-1] - ready[0] if ready else 0

    def watched_long_enough(self) -> bool:
        """True after more than the announce timeout, so that a lost grandmaster would show."""
        if self.chosen_after is None or self.offset_after is None:
            return False
        doubt = min(self.client.patience + 0.5, _LONGEST_DOUBT) if self.elects else 0.0
        end = max(self.chosen_after + doubt, self.offset_after + self.watch)
        return self.samples[-1].seconds >= end

    def differs(self, setting: str) -> bool:
        """True if the other side is known to have another value of a `ClockSettings` field.

        Then the verdict is certain at once; otherwise a busy machine may only be late.
        """
        return self.network is not None and getattr(self.network, setting) != getattr(
            self.client, setting
        )

    def waited_for_announce(self) -> bool:
        """True after enough Announce intervals of a grandmaster whose settings are known."""
        if self.network is None:
            return False
        return self.samples[-1].seconds > ENOUGH * self.network.announce_seconds + 1


def _first(samples: Sequence[Sample], holds: Callable[[DataSets], bool]) -> float | None:
    return next((sample.seconds for sample in samples if holds(sample.data)), None)


def judge(scene: Trace, *, final: bool = False) -> Code | None:
    """Return the verdict on the samples, None if they are not enough yet (never with `final`).

    The symptom of a grandmaster that signs its messages depends on the release: 3.1.1 drops its
    Sync as malformed; 4.4 accepts it, but the grandmaster drops the unsigned delay requests.
    """
    code = _judge(scene, final=final)
    signed = scene.network is not None and scene.network.authenticated
    return Code.AUTHENTICATION if signed and code in _OF_SIGNED else code


_OF_SIGNED = {Code.DELAY, Code.NO_OFFSET, Code.NO_MASTER, Code.NO_TRAFFIC, Code.ANNOUNCE_TIMEOUT}


def _judge(scene: Trace, *, final: bool) -> Code | None:
    if not scene.samples:
        return _unanswered(scene) if final or scene.quiet_socket else None
    now = scene.samples[-1]
    if scene.offset_after is not None and scene.times_lost == 0:
        return Code.OK if final or scene.watched_long_enough() else None
    if not now.data.received.get("Announce", 0) and not now.data.received.get("Sync", 0):
        apart = _apart(scene)
        if apart and (final or scene.waited_for_announce()):
            return apart
    if now.data.hears_nothing:
        return Code.NO_TRAFFIC if final else None
    if scene.times_lost:
        return _lost(scene, final=final)
    if scene.elects and not scene.has_master(now.data):
        return _stated(scene, now.data, final=final) or _listening(scene, now.data, final=final)
    return _uncalibrated(scene, now.data, final=final)


def _unanswered(scene: Trace) -> Code:
    """Return the verdict on a client that does not answer, by the network's known settings."""
    if not scene.quiet_socket or scene.network is None:
        return Code.SILENT
    if scene.differs("sdo"):
        return Code.SDO
    return Code.SILENT if scene.network.follow_up_information else Code.NO_TLV


def _apart(scene: Trace) -> Code | None:
    """Return why the client receives nothing from the grandmaster, None if not known."""
    if scene.differs("transport"):
        return Code.NO_TRAFFIC
    if scene.differs("scope") and scene.client.transport is Transport.UDPV6:
        return Code.SCOPE
    if scene.network and scene.network.unicast:
        return Code.UNICAST
    return Code.DESTINATION if scene.differs("destination") else None


def _lost(scene: Trace, *, final: bool) -> Code | None:
    """Return why the client keeps dropping its grandmaster, None if not clear yet."""
    own, network = scene.client, scene.network
    rare_sync = own.sync_timeout and (network is None or network.sync_seconds > own.sync_patience)
    rare_announce = network is not None and network.announce_seconds > own.patience
    if scene.times_lost < (1 if final or rare_announce or (network and rare_sync) else 2):
        return None
    return Code.SYNC_TIMEOUT if rare_sync and not rare_announce else Code.ANNOUNCE_TIMEOUT


def _stated(scene: Trace, data: DataSets, *, final: bool) -> Code | None:
    """Return the verdict of the client's log, once it has received enough Announce messages."""
    if not final and data.received.get("Announce", 0) < ENOUGH:
        return None
    for said, code in _STATED.items():
        if said in scene.said:
            return code
    return None


_STATED = {
    Said.AUTHENTICATION: Code.AUTHENTICATION,
    Said.POOR_CLASS: Code.POOR_CLASS,
    Said.LOCAL_CLOCK: Code.LOCAL_CLOCK,
}


def _listening(scene: Trace, data: DataSets, *, final: bool) -> Code | None:
    received = data.received.get("Announce", 0) >= ENOUGH and scene.network is not None
    if not (final or received or scene.waited_for_announce()):
        return None
    own, network = scene.client, scene.network
    if network and network.domain != own.domain:
        return Code.DOMAIN
    if network and network.sdo != own.sdo:
        return Code.SDO
    if own.follow_up_information:
        return _not_as_capable(own, network, data, final=final)
    if network and network.announce_seconds > own.patience:
        return Code.ANNOUNCE_TIMEOUT
    if network and network.sync_seconds > own.sync_patience:
        return Code.SYNC_TIMEOUT
    if not final:
        return None
    return Code.DOMAIN_OR_SDO if network is None and data.received["Announce"] else Code.NO_MASTER


def _not_as_capable(
    own: ClockSettings, network: ClockSettings | None, data: DataSets, *, final: bool
) -> Code | None:
    """Return why an 802.1AS port is not asCapable: it then ignores every master."""
    unanswered = data.received.get("Pdelay_Resp", 0) == 0
    if unanswered and network and network.delay.of_peers != own.delay.of_peers:
        return Code.DELAY
    if unanswered and network is None:
        return Code.DOMAIN_OR_SDO
    too_far = data.peer_delay > own.threshold and data.received.get("Pdelay_Resp", 0) >= ENOUGH
    return Code.NOT_AS_CAPABLE if final or too_far else None


def _uncalibrated(scene: Trace, data: DataSets, *, final: bool) -> Code | None:
    least = 1 if final else ENOUGH
    asked = data.sent.get("Delay_Req", 0) + data.sent.get("Pdelay_Req", 0)
    answered = data.received.get("Delay_Resp", 0) + data.received.get("Pdelay_Resp", 0)
    if not scene.has_delay(data) and asked >= least and answered == 0:
        return Code.DELAY if final or scene.differs("delay") else None
    if data.offset == 0 and scene.followed_up() >= least:
        if scene.client.follow_up_information:
            return Code.NO_TLV
        return Code.NO_OFFSET if final else None
    if not final:
        return None
    return Code.FAR_OFFSET if scene.near and abs(data.offset) >= NEAR else Code.NO_OFFSET
