"""The rehearsals that are known: each profile against itself, and one mismatch of each kind."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from vibforge.trx.rehearsal.grandmaster import Grandmaster, of_conf
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.remedy import LineChange
from vibforge.trx.rehearsal.verdict import Code

FAST = {
    "logAnnounceInterval": "-2",
    "logSyncInterval": "-3",
    "logMinDelayReqInterval": "-3",
    "logMinPdelayReqInterval": "-2",
}
"""Intervals that bring a verdict in seconds; they change none."""


class Case(Struct, frozen=True, kw_only=True):
    """A client's options against a grandmaster's: what must come of it."""

    name: str
    client: Mapping[str, str]
    grandmaster: Mapping[str, str] = field(default_factory=dict)
    code: Code
    change: str = ""
    wish: RehearsalOptions = field(default_factory=lambda: RehearsalOptions(watch=0.5))
    fast: bool = True

    def trx_conf(self) -> bytes:
        options = {**(FAST if self.fast else {}), "slaveOnly": "1", **self.client}
        return "".join(f"ptp4l:{key} {value}\n" for key, value in options.items()).encode()

    def master(self) -> Grandmaster:
        options = {"announceReceiptTimeout": "2", **FAST, **self.grandmaster}
        lines = "".join(f"{key} {value}\n" for key, value in options.items())
        return of_conf(f"[global]\nBMCA noop\nmasterOnly 1\n{lines}", "the matrix")

    def play(self, programs: Programs) -> Rehearsal:
        return rehearse_privately(self.trx_conf(), self.master(), programs, wish=self.wish)

    def play_changed(self, found: Rehearsal, programs: Programs) -> Rehearsal:
        """Rehearse again with the lines changed as the first rehearsal advised."""
        conf = changed(self.trx_conf(), found.advice.changes)
        return rehearse_privately(conf, self.master(), programs, wish=self.wish)


def changed(conf: bytes, changes: Iterable[LineChange]) -> bytes:
    """Return a trx.conf with lines replaced, left out and added."""
    lines: dict[int, str] = dict(enumerate(conf.decode().splitlines(), 1))
    added = []
    for change in changes:
        if change.line:
            assert change.old == lines[change.line]
            lines[change.line] = change.new
        else:
            added.append(change.new)
    return "".join(f"{line}\n" for line in (*lines.values(), *added) if line).encode()


P2P = {"delay_mechanism": "P2P"}
L2 = {"network_transport": "L2"}
GPTP = {**P2P, **L2, "transportSpecific": "0x1", "follow_up_info": "1"}
PLAIN_L2 = {**P2P, **L2, "transportSpecific": "0x1"}

GPTP_EXAMPLE = {
    "gmCapable": "1",
    "priority1": "248",
    "priority2": "248",
    "neighborPropDelayThresh": "800",
    "min_neighbor_prop_delay": "-20000000",
    "syncReceiptTimeout": "3",
    "assume_two_step": "1",
    "path_trace_enabled": "1",
    "ptp_dst_mac": "01:80:C2:00:00:0E",
    **GPTP,
}
"""The options of linuxptp's own example of an 802.1AS clock."""

MATCHES = (
    Case(name="E2E over UDPv4", client={}, code=Code.OK),
    Case(
        name="P2P over UDPv4, domain 24",
        code=Code.OK,
        client={**P2P, "domainNumber": "24"},
        grandmaster={**P2P, "domainNumber": "24"},
    ),
    Case(name="P2P over Ethernet", client={**P2P, **L2}, grandmaster={**P2P, **L2}, code=Code.OK),
    Case(
        name="E2E over UDPv6",
        code=Code.OK,
        client={"network_transport": "UDPv6"},
        grandmaster={"network_transport": "UDPv6"},
    ),
    Case(name="802.1AS", client=GPTP, grandmaster=GPTP, code=Code.OK),
    Case(
        name="802.1AS, grandmaster as in linuxptp's example",
        client={**GPTP, "priority1": "255"},
        grandmaster=GPTP_EXAMPLE,
        code=Code.OK,
    ),
    Case(
        name="client priority1 255, grandmaster 248",
        client={"priority1": "255"},
        grandmaster={"priority1": "248"},
        code=Code.OK,
    ),
    Case(name="hybrid client, plain grandmaster", client={"hybrid_e2e": "1"}, code=Code.OK),
    Case(
        name="another destination MAC over Ethernet",
        client=L2,
        code=Code.OK,
        grandmaster={**L2, "ptp_dst_mac": "01:80:C2:00:00:0E"},
    ),
    Case(name="client Auto, grandmaster E2E", client={"delay_mechanism": "Auto"}, code=Code.OK),
    Case(
        name="client Auto, grandmaster P2P",
        client={"delay_mechanism": "Auto"},
        grandmaster=P2P,
        code=Code.OK,
    ),
)

MISMATCHES = (
    Case(
        name="client E2E, grandmaster P2P",
        client={"delay_mechanism": "E2E"},
        grandmaster=P2P,
        code=Code.DELAY,
        change="line 6: `ptp4l:delay_mechanism E2E` → `ptp4l:delay_mechanism P2P`",
    ),
    Case(
        name="client P2P, grandmaster E2E",
        client=P2P,
        code=Code.DELAY,
        change="line 6: `ptp4l:delay_mechanism P2P` → `ptp4l:delay_mechanism E2E`",
    ),
    Case(
        name="wrong domain",
        client={},
        grandmaster={"domainNumber": "24"},
        code=Code.DOMAIN,
        change="add `ptp4l:domainNumber 24`",
    ),
    Case(
        name="client UDPv4, grandmaster Ethernet",
        client={},
        grandmaster=L2,
        code=Code.NO_TRAFFIC,
        change="add `ptp4l:network_transport L2`",
    ),
    Case(
        name="client Ethernet, grandmaster UDPv4",
        client=L2,
        code=Code.NO_TRAFFIC,
        change="line 6: `ptp4l:network_transport L2` → `ptp4l:network_transport UDPv4`",
    ),
    Case(
        name="client UDPv4, grandmaster UDPv6",
        client={},
        code=Code.NO_TRAFFIC,
        grandmaster={"network_transport": "UDPv6"},
        change="add `ptp4l:network_transport UDPv6`",
    ),
    Case(
        name="client transportSpecific 1, grandmaster 0",
        client=PLAIN_L2,
        grandmaster={**P2P, **L2},
        code=Code.SDO,
        change="line 8: `ptp4l:transportSpecific 0x1` → `ptp4l:transportSpecific 0x0`",
    ),
    Case(
        name="client transportSpecific 0, grandmaster 1",
        client={**P2P, **L2},
        grandmaster=PLAIN_L2,
        code=Code.SDO,
        change="add `ptp4l:transportSpecific 0x1`",
    ),
    Case(
        name="802.1AS, peer delay over the threshold",
        client={**GPTP, "neighborPropDelayThresh": "1"},
        grandmaster=GPTP,
        code=Code.NOT_AS_CAPABLE,
        wish=RehearsalOptions(keep_threshold=True),
        change="line 10: `ptp4l:neighborPropDelayThresh 1` → "
        "`ptp4l:neighborPropDelayThresh 20000000`",
    ),
    Case(
        name="802.1AS client, grandmaster without its TLV",
        client={**P2P, **L2, "follow_up_info": "1"},
        grandmaster={**P2P, **L2},
        code=Code.NO_TLV,
        change="line 8: leave out `ptp4l:follow_up_info 1`",
    ),
    Case(
        name="Announce every 2 s, client waits 0.4 s",
        client={"logAnnounceInterval": "-3"},
        grandmaster={"logAnnounceInterval": "1"},
        code=Code.ANNOUNCE_TIMEOUT,
        change="line 1: `ptp4l:logAnnounceInterval -3` → `ptp4l:logAnnounceInterval 1`",
    ),
    Case(
        name="Announce every 8 s, client waits 0.75 s",
        client={},
        grandmaster={"logAnnounceInterval": "3"},
        code=Code.ANNOUNCE_TIMEOUT,
        wish=RehearsalOptions(seconds=40.0),
        change="line 1: `ptp4l:logAnnounceInterval -2` → `ptp4l:logAnnounceInterval 3`",
    ),
)

WHY_NOBODY_IS_FOLLOWED = (
    Case(
        name="client priority1 128, grandmaster 248",
        client={},
        grandmaster={"priority1": "248"},
        code=Code.LOCAL_CLOCK,
        change="add `ptp4l:priority1 255`",
    ),
    Case(
        name="both priority1 255, grandmaster with the class of a client",
        client={"priority1": "255"},
        grandmaster={"priority1": "255", "clockClass": "255", "priority2": "200"},
        code=Code.LOCAL_CLOCK,
        change="add `ptp4l:priority2 255`",
    ),
    Case(
        name="UDPv6, grandmaster in another scope",
        client={"network_transport": "UDPv6"},
        grandmaster={"network_transport": "UDPv6", "udp6_scope": "0x5"},
        code=Code.SCOPE,
        change="add `ptp4l:udp6_scope 0x5`",
    ),
    Case(
        name="UDPv6 and P2P, grandmaster in another scope",
        client={**P2P, "network_transport": "UDPv6"},
        grandmaster={**P2P, "network_transport": "UDPv6", "udp6_scope": "0x5"},
        code=Code.SCOPE,
        change="add `ptp4l:udp6_scope 0x5`",
    ),
    Case(
        name="Sync every 2 s, client waits 0.4 s",
        client={"syncReceiptTimeout": "3"},
        grandmaster={"logSyncInterval": "1"},
        code=Code.SYNC_TIMEOUT,
        change="line 2: `ptp4l:logSyncInterval -3` → `ptp4l:logSyncInterval 1`",
    ),
    Case(
        name="grandmaster that serves by unicast only",
        client={},
        grandmaster={"unicast_listen": "1", "inhibit_multicast_service": "1"},
        code=Code.UNICAST,
    ),
    Case(
        name="802.1AS client, grandmaster with transportSpecific 1 alone",
        client=GPTP,
        grandmaster=PLAIN_L2,
        code=Code.NO_TLV,
        change="line 9: leave out `ptp4l:follow_up_info 1`",
    ),
    Case(
        name="802.1AS client without transportSpecific",
        client={**P2P, **L2, "follow_up_info": "1"},
        grandmaster=GPTP,
        code=Code.SDO,
        change="add `ptp4l:transportSpecific 0x1`",
    ),
    Case(
        name="plain P2P client, 802.1AS grandmaster",
        client={**P2P, **L2},
        grandmaster=GPTP,
        code=Code.SDO,
        change="add `ptp4l:follow_up_info 1`",
    ),
    Case(
        name="default client, 802.1AS grandmaster of priority1 248",
        client={},
        grandmaster={**GPTP, "priority1": "248"},
        code=Code.NO_TRAFFIC,
        change="add `ptp4l:priority1 255`",
    ),
    Case(
        name="wrong domain, grandmaster 248",
        client={"domainNumber": "4"},
        grandmaster={"domainNumber": "24", "priority1": "248"},
        code=Code.DOMAIN,
        change="add `ptp4l:priority1 255`",
    ),
    Case(
        name="E2E over UDPv4, grandmaster P2P over UDPv6",
        client={},
        grandmaster={**P2P, "network_transport": "UDPv6", "domainNumber": "3"},
        code=Code.NO_TRAFFIC,
        change="add `ptp4l:delay_mechanism P2P`",
    ),
)

LATER_RELEASES = (
    Case(
        name="clock class 187, client follows up to 100",
        client={"clock_class_threshold": "100"},
        grandmaster={"clockClass": "187"},
        code=Code.POOR_CLASS,
        change="line 6: `ptp4l:clock_class_threshold 100` → `ptp4l:clock_class_threshold 187`",
    ),
    Case(
        name="grandmaster with the class of a client",
        client={},
        grandmaster={"clockClass": "255"},
        code=Code.POOR_CLASS,
    ),
)
"""Verdicts that take linuxptp 4.0 or later on the client's side."""

REFUSALS = (
    Case(
        name="slaveOnly with gmCapable 0",
        client={"gmCapable": "0"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:gmCapable 0`",
    ),
    Case(
        name="one step with software timestamps",
        client={"twoStepFlag": "0"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:twoStepFlag 0`",
    ),
    Case(
        name="a boundary clock",
        client={"clock_type": "BC"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:clock_type BC`",
    ),
    Case(
        name="a unicast table",
        client={"unicast_master_table": "1"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:unicast_master_table 1`",
    ),
    Case(
        name="clockIdentity zz",
        client={"clockIdentity": "zz"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:clockIdentity zz`",
    ),
    Case(
        name="productDescription foo",
        client={"productDescription": "foo"},
        code=Code.REFUSED,
        change="line 6: leave out `ptp4l:productDescription foo`",
    ),
    Case(name="an unknown word", client={"delay_mechanism": "NONSENSE"}, code=Code.REJECTED),
)
