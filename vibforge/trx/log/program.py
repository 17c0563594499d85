"""One program of linuxptp on one host: its ports, its grandmaster, its clocks."""

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from vibforge.trx.log import lines
from vibforge.trx.log.clock import Clock, ClockKey
from vibforge.trx.log.events import EventKind, Events
from vibforge.trx.log.lines import RawRow
from vibforge.trx.log.messages import Messages
from vibforge.trx.log.moments import Moment
from vibforge.trx.log.timeline import Timeline

CLOCKS = 64
"""Clocks and ports that are told apart for one program; TRX has one of each."""

_OF_PTP4L = b"master"
"""What ptp4l calls the clock that it compares its own with; its summaries do not name it."""
_DISORDER = 1.0
"""Seconds by which lines of two processes may stand in the wrong order."""

_PORT = re.compile(rb"^(port \d+(?: \([^)]*\))?): (\w+) to (\w+) on (\w+)")
_ADMINISTRATIVE = b"port 0"
"""The port that pmc and phc2sys talk to; it has no clock."""
_BEST = re.compile(rb"^selected best (?:master|time source) clock (\S+)")
_LOCAL = re.compile(rb"^selected local clock \S+ as best")
_ROLE = re.compile(rb"assuming the grand master role")
_UTC = re.compile(rb"^updating UTC offset to (-?\d+)")
_SLAVE = "SLAVE"


class Port(Struct, frozen=True):
    """A port of ptp4l: how long it was in which state."""

    host: str
    name: str
    state: str
    """The last one."""
    changes: int
    seconds: dict[str, float]


class ChosenGrandmaster(Struct, frozen=True):
    """A grandmaster that was chosen."""

    host: str
    identity: str
    """Empty where the port chose its own clock: then nothing corrects it."""
    since: Moment


class _PortNow(Struct):
    state: str
    since: float
    changes: int
    seconds: dict[str, float]


class LoggedProgram:
    """Takes the lines of one program in, in their order."""

    def __init__(self, host: str, name: str, events: Events) -> None:
        self.host = host
        self.name = name
        self.timeline = Timeline(host, name, events)
        self.messages = Messages(host, name)
        self.clocks: dict[bytes, Clock] = {}
        self.grandmaster: str | None = None
        self.grandmasters: list[ChosenGrandmaster] = []
        self.grandmaster_changes = 0
        self.overlooked = 0
        """Lines about more clocks or ports than are told apart."""
        self._ports: dict[str, _PortNow] = {}
        self._latest: float | None = None

    def take_measurements(self, rows: Sequence[RawRow]) -> None:
        """Take samples and summaries, in their order."""
        times = [float(row[lines.SECONDS]) for row in rows]
        backwards = [
            index
            for index, (before, now) in enumerate(pairwise(times), start=1)
            if now < before - _DISORDER
        ]
        for start, end in pairwise([0, *backwards, len(rows)]):
            self._reach(times[start], rows[start])
            self._share_out(rows[start:end])
            self._reach(times[end - 1], rows[end - 1])

    def take_text(self, row: RawRow) -> None:
        """Take a line that is no measurement."""
        seconds, text = float(row[lines.SECONDS]), row[lines.TEXT].rstrip(b"\r ")
        self._reach(seconds, row)
        at = self.timeline.moment(seconds)
        self.messages.add(text, at)
        for clock in self.clocks.values():
            clock.pass_to(seconds)
        if self.name == "ptp4l":
            self._take_change(text, at)

    def _reach(self, seconds: float, row: RawRow) -> None:
        """Take note of the time of a line, and of a restart of the host before it."""
        if self._latest is not None and seconds < self._latest - _DISORDER:
            before = self.timeline.moment(self._latest)
            passed = self.timeline.restart(self._latest, seconds, row[lines.WALL])
            for clock in self.clocks.values():
                clock.restart(before, seconds, passed)
            for port in self._ports.values():
                port.since = seconds
        else:
            self.timeline.meet(seconds, row[lines.WALL])
        self._latest = seconds

    def _share_out(self, rows: Sequence[RawRow]) -> None:
        """Give each clock its lines."""
        shares: dict[bytes, list[RawRow]] = {}
        for row in rows:
            name = row[lines.CLOCK] or row[lines.SUMMARY_CLOCK] or _OF_PTP4L
            shares.setdefault(name, []).append(row)
        for name, mine in shares.items():
            clock = self.clocks.get(name)
            if clock is None and len(self.clocks) < CLOCKS:
                key = ClockKey(self.host, self.name, name.decode("utf-8", "replace"))
                clock = self.clocks[name] = Clock(key, self.timeline)
            if clock is None:
                self.overlooked += len(mine)
            else:
                clock.take(mine, port_is_slave=self.port_is_slave)

    @property
    def port_is_slave(self) -> bool:
        """Whether a port follows a master, or nothing is known of any port."""
        return not self._ports or any(port.state == _SLAVE for port in self._ports.values())

    def ports(self) -> tuple[Port, ...]:
        """Return the ports, with the times in their states up to the last line."""
        return tuple(
            Port(self.host, name, port.state, port.changes, _spent(port, self._latest or 0.0))
            for name, port in sorted(self._ports.items())
        )

    def _take_change(self, text: bytes, at: Moment) -> None:
        if match := _PORT.match(text):
            if not match[1].startswith(_ADMINISTRATIVE):
                self._change_port(match, at)
        elif match := _BEST.match(text):
            self._choose(match[1].decode("utf-8", "replace"), at)
        elif _LOCAL.match(text):
            self._choose("", at)
        elif _ROLE.search(text):
            self.timeline.tell(at, EventKind.GRANDMASTER, "announces itself as grandmaster")
        elif match := _UTC.match(text):
            self.timeline.tell(at, EventKind.UTC, f"TAI is {int(match[1])} s ahead of UTC")

    def _change_port(self, match: re.Match[bytes], at: Moment) -> None:
        name, was, now, why = (part.decode("utf-8", "replace") for part in match.groups())
        port = self._ports.get(name)
        if port is None:
            if len(self._ports) >= CLOCKS:
                self.overlooked += 1
                return
            port = self._ports[name] = _PortNow(was, at.seconds, 0, {})
        port.seconds = _spent(port, at.seconds)
        port.state, port.since = now, at.seconds
        port.changes += 1
        if not self.port_is_slave:
            for clock in self.clocks.values():
                clock.lose_port()
        self.timeline.tell(at, EventKind.PORT, f"{name}: {was} to {now} on {why}")

    def _choose(self, identity: str, at: Moment) -> None:
        if identity == self.grandmaster:
            return
        chosen = next((each.identity for each in reversed(self.grandmasters) if each.identity), "")
        self.grandmaster_changes += bool(identity and chosen and identity != chosen)
        self.grandmaster = identity
        if len(self.grandmasters) < CLOCKS:
            self.grandmasters.append(ChosenGrandmaster(self.host, identity, at))
        what = f"follows {identity}" if identity else "no grandmaster: its own clock is the best"
        self.timeline.tell(at, EventKind.GRANDMASTER, what)


def _spent(port: _PortNow, until: float) -> dict[str, float]:
    """Return the seconds in each state with those of the present one added."""
    spent = dict(port.seconds)
    spent[port.state] = spent.get(port.state, 0.0) + max(0.0, until - port.since)
    return dict(sorted(spent.items()))
