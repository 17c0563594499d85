"""Which of the networks in a capture is meant: several may have the same domain number."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vibforge.errors import TrxError
from vibforge.formats.frame import Transport
from vibforge.formats.ptp_message import clock_text
from vibforge.ptp.hearing import Domain, Hearing, Voice

_MOST_NAMED = 8
"""Networks that a message lists; a capture of more needs another look first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What tells one network from the others; None leaves a property open.

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

    def names(self, voice: Voice) -> bool:
        """True if `voice` is the master that is asked for, or none is."""
        if self.master is None:
            return True
        names = {str(voice.port), clock_text(voice.port.clock), voice.port.clock.hex()}
        wanted = self.master.casefold()
        return wanted in names or wanted in voice.addresses


def chosen_domain(hearing: Hearing, choice: Choice, where: str) -> Domain:
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
            f"{len(found)} networks with a master were heard: {listed}",
            where=where,
            remedy="Choose one with --domain, --transport, --vlan or --master.",
        )
    raise TrxError(
        f"no master was heard{_asked(choice)} in {hearing.packets} packets{_because(hearing)}",
        where=where,
        remedy="Listen for ten seconds or more where the grandmaster's messages pass.",
    )


def _check(choice: Choice) -> None:
    known = [str(each) for each in Transport]
    if choice.transport and choice.transport.casefold() not in map(str.casefold, known):
        raise TrxError(
            f"{choice.transport!r} is no transport of PTP",
            remedy=f"--transport takes {', '.join(known)}.",
        )


def _left(hearing: Hearing, choice: Choice) -> Iterator[Domain]:
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


def _asked(choice: Choice) -> str:
    parts = [
        "" if choice.domain is None else f" in domain {choice.domain}",
        f" over {choice.transport}" if choice.transport else "",
        "" if choice.vlan is None else f" in VLAN {choice.vlan}",
        f" of {choice.master}" if choice.master else "",
    ]
    return "".join(parts)


def _because(hearing: Hearing) -> str:
    if hearing.cut:
        return f", of which the snap length cut {hearing.cut}: record with tcpdump -s 0"
    if hearing.unread:
        return f": {unread_text(hearing)}"
    return ""


def unread_text(hearing: Hearing) -> str:
    """Say how many packets have a link type that vibforge does not read."""
    listed = ", ".join(f"{count} of link type {link}" for link, count in hearing.unread.items())
    return f"{listed} cannot be read (Ethernet, Linux cooked and raw IP can)"
