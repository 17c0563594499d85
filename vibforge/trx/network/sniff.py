"""Observe the PTP messages of a network, and choose among several networks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import TrxError
from vibforge.files.inputs import STANDARD_INPUT
from vibforge.trx.network.capture import LINK_TYPES, Capture, Transport, find_ptp
from vibforge.trx.network.ear import CaptureSocket
from vibforge.trx.network.listener import Domain, Listener, Observation, Speaker
from vibforge.trx.network.message import clock_text
from vibforge.trx.network.settings import Fit, fit_domain, trx_conf_of_fit

_MOST_NAMED = 8
"""Networks that a message lists; a capture of more needs another look first."""


class NetworkFilter(Struct, frozen=True, kw_only=True):
    """Properties that select one network; None matches every value.

    `master` is a clock identity, a port identity (`001b21.fffe.aabbcc-1`) or an address of a
    sender. `vlan` 0 stands for no tag.
    """

    domain: int | None = None
    transport: str | None = None
    vlan: int | None = None
    master: str | None = None

    def fits(self, domain: Domain) -> bool:
        """True if nothing but `master` rules the network out."""
        tags = tuple(tag for tag in domain.vlans if tag)
        return (
            self.domain in {None, domain.domain}
            and (self.transport is None or self.transport.casefold() == domain.transport.casefold())
            and (self.vlan is None or tags == ((self.vlan,) if self.vlan else ()))
        )

    def names(self, voice: Speaker) -> bool:
        """True if `voice` is the master that is asked for, or none is."""
        if self.master is None:
            return True
        names = {str(voice.port), clock_text(voice.port.clock), voice.port.clock.hex()}
        wanted = self.master.casefold()
        return wanted in names or wanted in voice.addresses


def chosen_domain(hearing: Observation, choice: NetworkFilter, where: str) -> Domain:
    """Return the one network with a master that `choice` leaves, with no masters but the named one.

    Raises:
        TrxError: an unknown transport, nobody gives time there, or several networks are left.
    """
    _check(choice)
    found = list(_left(hearing, choice))
    if len(found) == 1:
        return found[0]
    if found:
        listed = "; ".join(network_text(domain) for domain in found[:_MOST_NAMED])
        raise TrxError(
            f"observed {len(found)} networks with a master: {listed}",
            where=where,
            remedy="Choose one with --domain, --transport, --vlan or --master.",
        )
    raise TrxError(
        f"observed no master{_asked(choice)} in {hearing.packets} packets{_because(hearing)}",
        where=where,
        remedy="Observe for ten seconds or more where the grandmaster's messages pass.",
    )


def _check(choice: NetworkFilter) -> None:
    known = [str(each) for each in Transport]
    if choice.transport and choice.transport.casefold() not in map(str.casefold, known):
        raise TrxError(
            f"{choice.transport!r} is not a PTP transport",
            remedy=f"--transport takes {', '.join(known)}.",
        )


def _left(hearing: Observation, choice: NetworkFilter) -> Iterator[Domain]:
    for domain in hearing.domains:
        masters = [voice for voice in domain.masters if choice.names(voice)]
        if not masters or not choice.fits(domain):
            continue
        others = [voice for voice in domain.voices if not voice.gives_time]
        named = masters if choice.master else domain.masters
        yield replace(domain, voices=(*named, *others))


def network_text(domain: Domain) -> str:
    """Name a network by what tells it from others: domain, transport, VLAN, masters."""
    tags = f", VLAN {'.'.join(map(str, domain.vlans))}" if domain.vlans else ""
    masters = ", ".join(
        f"{voice.port} ({', '.join(voice.addresses) or 'no address'})"
        for voice in domain.masters[:3]
    )
    return f"domain {domain.domain}, {domain.transport}, sdo {domain.sdo}{tags}: {masters}"


def _asked(choice: NetworkFilter) -> str:
    parts = [
        "" if choice.domain is None else f" in domain {choice.domain}",
        f" over {choice.transport}" if choice.transport else "",
        "" if choice.vlan is None else f" in VLAN {choice.vlan}",
        f" of {choice.master}" if choice.master else "",
    ]
    return "".join(parts)


def _because(hearing: Observation) -> str:
    if hearing.cut:
        return f", of which the snap length cut {hearing.cut}: record with tcpdump -s 0"
    if hearing.unread:
        return f": {unread_text(hearing)}"
    return ""


def unread_text(hearing: Observation) -> str:
    """Say how many packets have a link type that vibforge does not read."""
    listed = ", ".join(f"{count} of link type {link}" for link, count in hearing.unread.items())
    return f"{listed} cannot be read (Ethernet, Linux cooked and raw IP can)"


MOST_SECONDS = 60.0
"""For one capture: a gigabyte of small packets takes about 20 s, and more says nothing new."""

_HEADERS = 64
"""Bytes that say whether a packet carries PTP: Ethernet, two VLAN tags, IPv6, the ports of UDP."""

_CHECK_EVERY = 4096
"""Packets between two looks at the clock."""

Progress = Callable[[int, int], None]


def observe(
    capture: Path | None,
    interface: str | None,
    seconds: float,
    on_progress: Progress | None = None,
) -> Observation:
    """Observe a capture, or an interface for `seconds`.

    Raises:
        TrxError: neither or both are named, or the capture cannot be read.
        FormatError: it is no capture.
        NotPossibleHereError: no such interface, or raw sockets are not allowed.
    """
    if capture is not None and interface is None:
        return hear_capture(capture, on_progress)
    if interface is not None and capture is None:
        return hear_interface(interface, seconds)
    raise TrxError("name a capture, or --interface NAME, and not both")


def chosen_fit(hearing: Observation, choice: NetworkFilter, where: str) -> Fit:
    """Return the fit of the one network with a master that `choice` leaves.

    Raises:
        TrxError: nobody gives time there, or several networks are left.
    """
    return fit_domain(chosen_domain(hearing, choice, where), untagged=choice.vlan is not None)


def fitting_conf(fit: Fit) -> str:
    """Return the text of the trx.conf for a network, with a comment for each default in it.

    A default stands for what was not heard. It has no line of its own, since ptp4l uses it anyway,
    and nobody knows how trx-ctl reads comments: they are for whoever reads the file before it goes
    to a host.
    """
    notes = [
        f"# not heard: {key}; the default {value} holds" for key, value in fit.defaults.items()
    ]
    text = trx_conf_of_fit(fit).serialise().decode("utf-8")
    return "".join(f"{note}\n" for note in notes) + text


def hear_capture(path: Path, on_progress: Progress | None = None) -> Observation:
    """Observe a pcap or pcapng capture; `-` is the standard input.

    A damaged capture is read up to the damage; `Observation.end` names it.

    Raises:
        TrxError: it cannot be read.
        FormatError: it is no capture.
    """
    listener = Listener()
    with _opened(path) as (file, size):
        capture = Capture(file, name=str(path))
        late = _hear(capture, listener, size, on_progress)
    end = capture.trouble
    if late:
        end = f"{MOST_SECONDS:.0f} s are over at byte {capture.position}"
    return listener.hearing(end)


def _hear(capture: Capture, listener: Listener, size: int, on_progress: Progress | None) -> bool:
    """Observe every packet; return True if time ran out first."""
    deadline = time.monotonic() + MOST_SECONDS
    for packet in capture:
        listener.packets += 1
        if listener.packets % _CHECK_EVERY == 0:
            if time.monotonic() > deadline:
                return True
            if on_progress:
                on_progress(capture.position, size)
        link = LINK_TYPES.get(packet.link_type)
        if link is None:
            listener.unread[packet.link_type] += 1
            continue
        datagram = find_ptp(link, packet.data)
        if datagram:
            listener.hear(packet.time, datagram, cut=packet.cut)
        elif packet.cut and len(packet.data) < _HEADERS:
            listener.cut += 1
    return False


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    if str(path) == STANDARD_INPUT:
        yield sys.stdin.buffer, 0
        return
    try:
        file = path.open("rb")
        size = path.stat().st_size
    except OSError as error:
        raise TrxError(f"cannot be read: {error.strerror}", where=str(path)) from error
    with file:
        yield file, size


def hear_interface(interface: str, seconds: float) -> Observation:
    """Observe an interface of this machine for `seconds`.

    Raises:
        NotPossibleHereError: no such interface, or raw sockets are not allowed.
    """
    listener = Listener()
    with CaptureSocket.open(interface) as capture_socket:
        capture_socket.listen(listener, seconds)
    return listener.hearing()
