"""Hear what PTP a network speaks: from a capture, or from an interface."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vibforge.errors import TrxError
from vibforge.formats.capture import Capture
from vibforge.formats.frame import LINK_TYPES, find_ptp
from vibforge.operations.read_input import STANDARD_INPUT
from vibforge.ptp.choice import Choice, chosen_domain
from vibforge.ptp.ear import Ear
from vibforge.ptp.fitting import Fit, fit_domain, trx_conf_of_fit
from vibforge.ptp.hearing import Hearing
from vibforge.ptp.listener import Listener

MOST_SECONDS = 60.0
"""For one capture: a gigabyte of small packets takes about 20 s, and more says nothing new."""

_HEADERS = 64
"""Bytes that say whether a packet carries PTP: Ethernet, two VLAN tags, IPv6, the ports of UDP."""

_CHECK_EVERY = 4096
"""Packets between two looks at the clock."""

Progress = Callable[[int, int], None]


def hear(
    capture: Path | None,
    interface: str | None,
    seconds: float,
    on_progress: Progress | None = None,
) -> Hearing:
    """Hear a capture, or an interface for so many seconds.

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


def chosen_fit(hearing: Hearing, choice: Choice, where: str) -> Fit:
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


def hear_capture(path: Path, on_progress: Progress | None = None) -> Hearing:
    """Hear a pcap or pcapng capture; `-` is the standard input.

    A capture that is cut, or lies, counts up to there; `Hearing.end` says so.

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
    """Hear every packet; say whether time was over first."""
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


def hear_interface(interface: str, seconds: float) -> Hearing:
    """Hear an interface of this machine for so many seconds.

    Raises:
        NotPossibleHereError: no such interface, or raw sockets are not allowed.
    """
    listener = Listener()
    with Ear.open(interface) as ear:
        ear.listen(listener, seconds)
    return listener.hearing()
