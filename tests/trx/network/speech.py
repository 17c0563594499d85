"""What a listener hears, made by hand."""

from tests.trx.network.ptp_examples import AS_TLV, CLOCK, TWO_STEP, message
from vibforge.trx.network.capture import Datagram, Transport
from vibforge.trx.network.listener import Listener, Observation
from vibforge.trx.network.message import MessageType, PtpMessage

SECOND = 1_000_000_000
CLIENT = bytes.fromhex("0050c2fffe000001")


def datagram(
    said: PtpMessage | bytes,
    transport: Transport = Transport.L2,
    vlans: tuple[int, ...] = (),
    source: str = "00:1b:21:aa:bb:cc",
    destination: str = "",
) -> Datagram:
    payload = said if isinstance(said, bytes) else said.serialise()
    return Datagram(
        transport=transport,
        vlans=vlans,
        source=source,
        destination=destination,
        payload=payload,
    )


def master(  # noqa: PLR0913 - what tests vary
    listener: Listener,
    *,
    domain: int = 0,
    sdo: int = 0,
    clock: bytes = CLOCK,
    transport: Transport = Transport.L2,
    vlans: tuple[int, ...] = (),
    two_step: bool = True,
    gptp: bool = False,
    announces: bool = True,
    seconds: int = 8,
) -> None:
    """Let a master speak: Announce each second, Sync eight times as often."""

    def say(time: int, kind: MessageType, log: int, flags: int = 0) -> None:
        tlvs = (AS_TLV,) if gptp and kind is MessageType.FOLLOW_UP else ()
        said = message(
            kind, domain=domain, sdo=sdo, clock=clock, log_interval=log, flags=flags, tlvs=tlvs
        )
        listener.hear(time, datagram(said, transport, vlans))

    for eighth in range(seconds * 8):
        time = eighth * SECOND // 8
        if announces and eighth % 8 == 0:
            say(time, MessageType.ANNOUNCE, 0)
        say(time, MessageType.SYNC, -3, TWO_STEP if two_step else 0)
        if two_step:
            say(time, MessageType.FOLLOW_UP, -3)


def client(  # noqa: PLR0913 - what tests vary
    listener: Listener,
    kind: MessageType,
    *,
    domain: int = 0,
    sdo: int = 0,
    each: int = 2,
    flags: int = 0,
) -> None:
    """Let a client ask, once in `each` seconds."""
    for number in range(5):
        said = message(kind, domain=domain, sdo=sdo, clock=CLIENT, flags=flags)
        listener.hear(number * each * SECOND, datagram(said))


def heard(*, p2p: bool = False, **words: bool | int | bytes) -> Observation:
    listener = Listener()
    master(listener, **words)  # type: ignore[arg-type]  # passed on as it came
    if p2p:
        client(listener, MessageType.PDELAY_REQ)
    return listener.hearing()
