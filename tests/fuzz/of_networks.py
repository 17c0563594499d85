"""Readers of what networks and the programs on them say."""

import io

from tests.fuzz.target import Target, printable
from tests.trx.log.making import phc_sample, sample, summary, text
from tests.trx.network.ptp_examples import AS_TLV, ethernet, ipv4, ipv6, message, pcap, pcapng, udp
from vibforge.report.documents.trx_log import TrxLog
from vibforge.report.documents.trx_network import TrxSniff
from vibforge.report.paint import Paint
from vibforge.report.trx_log import log_text
from vibforge.report.trx_rehearse import hearing_text
from vibforge.trx.check import check
from vibforge.trx.log.assess import assess
from vibforge.trx.log.limits import known_limits
from vibforge.trx.log.order import Part
from vibforge.trx.log.prometheus import prometheus_text
from vibforge.trx.log.reading import LogReader, SourceLog, read_parts
from vibforge.trx.log.verdict import ErrorBudget
from vibforge.trx.network.capture import LINK_TYPES, Capture, find_ptp
from vibforge.trx.network.listener import Listener
from vibforge.trx.network.message import MessageType, PtpMessage
from vibforge.trx.network.settings import fit_domain, trx_conf_of_fit
from vibforge.trx.rehearsal.data_sets import data_sets_of

_KINDS = (
    MessageType.ANNOUNCE,
    MessageType.SYNC,
    MessageType.FOLLOW_UP,
    MessageType.DELAY_REQ,
    MessageType.DELAY_RESP,
    MessageType.PDELAY_REQ,
)


def read_message(data: bytes) -> None:
    found = PtpMessage.parse(data)
    assert PtpMessage.parse(found.serialise()) == found
    assert found.announce is None or found.announce.serialise() == found.body


def read_frame(data: bytes) -> None:
    for link in LINK_TYPES.values():
        found = find_ptp(link, data)
        assert found is None or found.payload in data


def hear_capture(data: bytes) -> None:
    """Hear a capture to its end, as `trx sniff` does, and write the trx.conf that fits."""
    listener = Listener()
    capture = Capture(io.BytesIO(data))
    for packet in capture:
        listener.packets += 1
        link = LINK_TYPES.get(packet.link_type)
        datagram = find_ptp(link, packet.data) if link else None
        if datagram:
            listener.hear(packet.time, datagram, cut=packet.cut)
    heard = listener.hearing(capture.trouble)
    fits = [fit_domain(each) for each in heard.domains]
    confs = [trx_conf_of_fit(fit).serialise() for fit in fits]
    for conf in confs:
        check(conf)
    texts = [conf.decode("utf-8") for conf in confs]
    facts = TrxSniff.of(heard, fits, texts, path="fuzz.pcap", interface="")
    printable(facts, hearing_text(heard, fits, "fuzz.pcap", Paint()))


def read_log(data: bytes) -> None:
    """Read a clock log to its end, as `trx log` does, and show it in both forms."""
    reader = LogReader()
    found = list(read_parts([Part("fuzz.log", "fuzz", lambda: iter([data]))], reader))
    sources = [each for each in found if isinstance(each, SourceLog)]
    assessment = assess(reader.result(sources), known_limits(), ErrorBudget())
    shown = log_text(assessment, Paint(), everything=True)
    printable(TrxLog.of(assessment), shown)
    prometheus_text(assessment.reading, assessment.judgement)


def _logs() -> list[bytes]:
    said = text(1, "port 1: UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED")
    lines = sample(2, -12) + phc_sample(2.5, 7, 1) + summary(3, 4, 5) + said + sample(9, 3)
    dated = b"".join(b"Nov 28 01:02:03 esx " + line for line in lines.splitlines(keepends=True))
    return [lines, dated, dated.replace(b"Nov 28 01:02:03", b"2026-11-28T01:02:03.456Z")]


def read_answer(data: bytes) -> None:
    data_sets_of(data.decode("utf-8", "replace"))


def _messages() -> list[bytes]:
    return [message(kind, tlvs=(AS_TLV,)).serialise() for kind in MessageType]


def _frames() -> list[bytes]:
    said = message(MessageType.ANNOUNCE).serialise()
    return [
        ethernet(said),
        ethernet(said, tags=(7, 8)),
        ethernet(ipv4(udp(said)), 0x0800),
        ethernet(ipv6(udp(said)), 0x86DD),
        ipv4(udp(said)),
    ]


def _captures() -> list[bytes]:
    frames = [
        (second * 1_000_000_000, ethernet(message(kind, log_interval=0).serialise()))
        for second in range(3)
        for kind in _KINDS
    ]
    return [pcap(frames), pcapng(frames), pcap(frames, ">", unit=1), pcapng(frames, ">", power=6)]


_ANSWER = b"""
\tportIdentity 001b21.fffe.aabbcc-1
\tportState SLAVE
\tparentPortIdentity 001b21.fffe.aabbcd-1
\tgrandmasterIdentity 001b21.fffe.aabbcd
\tgmPresent true
\toffsetFromMaster 12.0
\tmeanPathDelay 40.0
\tpeerMeanPathDelay 0
\tstepsRemoved 1
\trx_Announce 5
\ttx_Announce 0
"""

NETWORKS = {
    "message": Target(read_message, _messages),
    "frame": Target(read_frame, _frames),
    "capture": Target(hear_capture, _captures, each=30),
    "log": Target(read_log, _logs, each=30),
    "answer": Target(read_answer, lambda: [_ANSWER]),
}
