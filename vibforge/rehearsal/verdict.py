"""What the client's data sets mean. Log words count for nothing: most mismatches have none.

The order of the questions is that of a search by hand: is anything heard, is a grandmaster chosen,
is the delay answered, is there an offset. Each was seen with linuxptp 3.1.1 and others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from vibforge.ptp.settings import ClockSettings, Delay
from vibforge.rehearsal.data_sets import DataSets

ENOUGH = 5
"""Messages of a kind after which an absent answer is no accident: ptp4l needs two or three."""

NEAR = 1_000_000
"""Nanoseconds: two sides of one machine share its clock, so a larger offset is no measurement."""

_FOLLOWING = {"UNCALIBRATED", "SLAVE"}

_LONGEST_DOUBT = 10.0
"""Seconds that a good rehearsal goes on to see whether the grandmaster is kept."""


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


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading, so many seconds after the client was started."""

    seconds: float
    data: DataSets


@dataclass(slots=True)
class Scene:
    """What a verdict is made of.

    `network` is what the other side speaks, None as long as nobody knows. `parent` is the port
    that must be chosen, empty where any may be. `near` says that both sides share one clock, and
    `elects` that the client chooses its master by Announce messages.
    """

    client: ClockSettings
    network: ClockSettings | None
    parent: str
    near: bool
    elects: bool
    watch: float
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
        """Whether the port follows the grandmaster: ptp4l keeps its name beyond a timeout."""
        if not self.elects:
            return data.received.get("Sync", 0) > 0
        chosen = data.grandmaster_present and self.parent in {"", data.parent}
        return chosen and data.state in _FOLLOWING

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
        """The Follow_Up messages since the client had all else that an offset needs."""
        ready = [
            sample.data.received.get("Follow_Up", 0)
            for sample in self.samples
            if self.has_master(sample.data) and self.has_delay(sample.data)
        ]
        return ready[-1] - ready[0] if ready else 0

    def watched_long_enough(self) -> bool:
        """Whether the grandmaster had the time to be given up again."""
        if self.chosen_after is None or self.offset_after is None:
            return False
        doubt = min(self.client.patience + 0.5, _LONGEST_DOUBT) if self.elects else 0.0
        end = max(self.chosen_after + doubt, self.offset_after + self.watch)
        return self.samples[-1].seconds >= end

    def differs(self, setting: str) -> bool:
        """Whether the other side is known to have another value of a `ClockSettings` field.

        What this explains is certain at once; without it a busy machine may just be late.
        """
        return self.network is not None and getattr(self.network, setting) != getattr(
            self.client, setting
        )

    def waited_for_announce(self) -> bool:
        """Whether the grandmaster, as it is known, must have announced itself often enough."""
        if self.network is None:
            return False
        return self.samples[-1].seconds > ENOUGH * self.network.announce_seconds + 1


def _first(samples: Sequence[Sample], holds: Callable[[DataSets], bool]) -> float | None:
    return next((sample.seconds for sample in samples if holds(sample.data)), None)


def judge(scene: Scene, *, final: bool = False) -> Code | None:
    """Say what the samples mean, None while they do not say enough yet (never with `final`)."""
    if not scene.samples:
        return Code.SILENT if final else None
    now = scene.samples[-1]
    if scene.offset_after is not None and scene.times_lost == 0:
        return Code.OK if final or scene.watched_long_enough() else None
    if now.data.hears_nothing:
        clear = scene.waited_for_announce() and scene.differs("transport")
        return Code.NO_TRAFFIC if final or clear else None
    slow = scene.network and scene.network.announce_seconds > scene.client.patience
    if scene.times_lost >= (1 if final or slow else 2):
        return Code.ANNOUNCE_TIMEOUT
    if scene.times_lost:
        return None
    if scene.elects and not scene.has_master(now.data):
        return _listening(scene, now.data, final=final)
    return _uncalibrated(scene, now.data, final=final)


def _listening(scene: Scene, data: DataSets, *, final: bool) -> Code | None:
    heard = data.received.get("Announce", 0) >= ENOUGH and scene.network is not None
    if not (final or heard or scene.waited_for_announce()):
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
    if not final:
        return None
    return Code.DOMAIN_OR_SDO if network is None and data.received["Announce"] else Code.NO_MASTER


def _not_as_capable(
    own: ClockSettings, network: ClockSettings | None, data: DataSets, *, final: bool
) -> Code | None:
    """An 802.1AS port without a good peer delay, measured a few times, listens to nobody."""
    unanswered = data.received.get("Pdelay_Resp", 0) == 0
    if unanswered and network and network.delay.of_peers != own.delay.of_peers:
        return Code.DELAY
    if unanswered and network is None:
        return Code.DOMAIN_OR_SDO
    too_far = data.peer_delay > own.threshold and data.received.get("Pdelay_Resp", 0) >= ENOUGH
    return Code.NOT_AS_CAPABLE if final or too_far else None


def _uncalibrated(scene: Scene, data: DataSets, *, final: bool) -> Code | None:
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
