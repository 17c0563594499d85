"""The grandmaster of a rehearsal: where its settings come from, and its ptp4l.conf."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.files.inputs import read_input
from vibforge.trx.conf import TrxConf
from vibforge.trx.exchange.linuxptp import ConfEntry, entries_of
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.listener import Observation, Speaker
from vibforge.trx.network.message import Announce, HeaderFlags, clock_text
from vibforge.trx.network.settings import (
    DESTINATIONS,
    ClockSettings,
    Fit,
    audible_options,
    fit_domain,
    settings_of,
)
from vibforge.trx.network.sniff import NetworkFilter, chosen_domain, hear_capture, network_text
from vibforge.trx.profile import Profile, profile_named
from vibforge.trx.rehearsal.client import SOFTWARE_THRESHOLD, common_overlay, values_of
from vibforge.trx.rehearsal.linuxptp import Linuxptp

SOCKET = "grandmaster.uds"

_OF_CLIENTS = {
    *("unicast_master_table", "unicast_req_duration", "clientOnly", "slaveOnly", "priority1"),
}
"""Options of a profile that apply to clients only; a client's priority1 is the worst value."""

_NO_IDENTITIES = (bytes(8), b"\xff" * 8)
"""No identity, and the one that means all clocks (7.5.2.4)."""

SLOWEST_ELECTION = 30.0
"""The longest Announce interval, in seconds, that a rehearsal waits for."""

_TABLES = ("unicast_master_table", "message_tag", "nmea", "ts2phc")


class Grandmaster(Struct, frozen=True, kw_only=True):
    """A grandmaster to run: its source, its options and the settings they mean.

    `announced` is what pmc sets while it runs, since no option does. `assumed` are options whose
    value was not observed. `unlike` lists the differences from the real grandmaster: if there are
    any, a rehearsal does not prove that a client works. `changed` are options of its file that the
    rehearsal overrides.
    """

    source: str
    options: tuple[tuple[str, str], ...]
    settings: ClockSettings
    announced: "Announced | None" = None
    assumed: tuple[tuple[str, str], ...] = ()
    unlike: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    steps_removed: int = 0

    def file(self, linuxptp: Linuxptp, folder: Path, socket: str = SOCKET) -> str:
        """Return its ptp4l.conf, followed by the rehearsal's own options."""
        overlay = ((key, value) for key, value, _ in common_overlay(linuxptp, folder / socket))
        lines = (f"{key} {value}\n" for key, value in (*self.options, *overlay))
        return "".join(["[global]\n", *lines])


class Announced(Struct, frozen=True, kw_only=True):
    """The time properties in an Announce (13.5), as in pmc's GRANDMASTER_SETTINGS_NP."""

    clock_class: int = 248
    accuracy: int = 0xFE
    variance: int = 0xFFFF
    utc_offset: int = 37
    flags: HeaderFlags = field(default_factory=lambda: HeaderFlags(bits=0))
    time_source: int = 0xA0

    @property
    def request(self) -> str:
        """The command for pmc."""
        flags = self.flags
        return (
            "SET GRANDMASTER_SETTINGS_NP"
            f" clockClass {self.clock_class} clockAccuracy 0x{self.accuracy:02x}"
            f" offsetScaledLogVariance 0x{self.variance:04x} currentUtcOffset {self.utc_offset}"
            f" leap61 {flags.leap_61:d} leap59 {flags.leap_59:d}"
            f" currentUtcOffsetValid {flags.utc_offset_valid:d}"
            f" ptpTimescale {flags.ptp_timescale:d} timeTraceable {flags.time_traceable:d}"
            f" frequencyTraceable {flags.frequency_traceable:d}"
            f" timeSource 0x{self.time_source:02x}"
        )


def of_profile(profile: Profile, linuxptp: Linuxptp) -> Grandmaster:
    """Return the grandmaster of a PTP profile; it becomes master at once."""
    options = {key: value for key, value in profile.ptp4l.items() if key not in _OF_CLIENTS}
    if "unicast_master_table" in profile.ptp4l:
        options["unicast_listen"] = "1"
    return _grandmaster(f"profile {profile.name}", options, linuxptp)


def of_fit(fit: Fit, source: str, linuxptp: Linuxptp) -> Grandmaster:
    """Return a grandmaster that sends the same messages as the observed one."""
    settings = fit.settings
    options = {
        "domainNumber": str(settings.domain),
        "transportSpecific": str(settings.sdo),
        **audible_options(settings),
    }
    if not settings.announces:
        options["inhibit_announce"] = "1"
    if settings.unicast:
        options |= {"unicast_listen": "1", "inhibit_multicast_service": "1"}
    unlike = [*fit.unlike]
    group = DESTINATIONS[settings.transport][0]
    if group in options and settings.transport is not Transport.L2 and not linuxptp.knows("4.3"):
        unlike.append(
            f"the master sends to {options.pop(group)}, but linuxptp {linuxptp.version} has no"
            f" option {group}"
        )
    announce = fit.master.announce if fit.master else None
    steps = announce.steps_removed if announce else 0
    if fit.master and announce:
        options |= _rank(fit.master, announce)
    played = _grandmaster(source, options, linuxptp)
    if announce and settings.announce_seconds <= SLOWEST_ELECTION:
        played = replace(played, options=tuple(_electing(played.options, "2")))
    elif announce:
        unlike.append(
            f"the master announces every {settings.announce_seconds:.0f} s, too rarely to set its"
            " clock class, its flags and its UTC offset"
        )
        announce = None
    return replace(
        played,
        settings=settings,
        announced=_announced(announce, fit.master.flags) if fit.master and announce else None,
        assumed=tuple(fit.defaults.items()),
        unlike=tuple(unlike),
        steps_removed=steps,
    )


def electing(grandmaster: Grandmaster, identity: str = "") -> Grandmaster:
    """Return the grandmaster, changed to become master after its announce timeout.

    Raises:
        TrxError: it sends no Announce, so no client can choose it.
    """
    if not grandmaster.settings.announces:
        raise TrxError(
            "a failover needs grandmasters that send Announce, but this one does not",
            where=grandmaster.source,
            remedy="Rehearse it without a second grandmaster.",
        )
    options = tuple(_electing(grandmaster.options, ""))
    if identity:
        options = (*options, ("clockIdentity", identity))
    return replace(grandmaster, options=options)


def _electing(
    options: Iterable[tuple[str, str]], announce_timeout: str
) -> Iterator[tuple[str, str]]:
    """Yield the options without `BMCA noop`, under which ptp4l ignores changes of its time."""
    yield from ((key, value) for key, value in options if key != "BMCA")
    if announce_timeout:
        yield "announceReceiptTimeout", announce_timeout


def _rank(master: Speaker, announce: Announce) -> dict[str, str]:
    options = {"priority1": str(announce.priority1), "priority2": str(announce.priority2)}
    if master.port.clock not in _NO_IDENTITIES:
        options["clockIdentity"] = clock_text(master.port.clock)
    return options


def _announced(announce: Announce, flags: HeaderFlags | None) -> Announced:
    quality = announce.quality
    return Announced(
        clock_class=quality.clock_class,
        accuracy=quality.accuracy,
        variance=quality.variance,
        utc_offset=announce.utc_offset,
        flags=flags or HeaderFlags(bits=0),
        time_source=announce.time_source,
    )


def _grandmaster(source: str, options: dict[str, str], linuxptp: Linuxptp) -> Grandmaster:
    role = "serverOnly" if linuxptp.knows("4.0") else "masterOnly"
    options |= {"BMCA": "noop", role: "1", "gmCapable": "1"}
    if "neighborPropDelayThresh" in options:
        options["neighborPropDelayThresh"] = str(SOFTWARE_THRESHOLD)
    return Grandmaster(source=source, options=tuple(options.items()), settings=settings_of(options))


def of_conf(text: str, source: str) -> Grandmaster:
    """Return the grandmaster of a ptp4l.conf: `[global]`, overridden by its one interface.

    Raises:
        TrxError: it is too large, has several interfaces, or is the file of a client.
    """
    if len(text) > TRX_CONF_LIMIT:
        raise TrxError(
            f"it has more than {TRX_CONF_LIMIT} characters",
            remedy="Check that this is a ptp4l.conf.",
        )
    entries = tuple(entries_of(text))
    interfaces = {entry.section for entry in entries} - {"", "global", *_TABLES}
    if len(interfaces) > 1:
        raise TrxError(
            "it has several interfaces, but a rehearsal has one",
            where=source,
            remedy="Keep only the section of the port that serves the client.",
        )
    options = tuple(_in_order(entries, interfaces))
    values = values_of(options)
    if values.get("clientOnly") == "1":
        raise TrxError(
            "it is the configuration of a client, which never becomes master",
            where=source,
            remedy="Give the grandmaster's ptp4l.conf, or --gm-profile.",
        )
    options, changed = _within_reach(options, values)
    return Grandmaster(
        source=source, options=options, settings=settings_of(values), changed=changed
    )


def _within_reach(
    options: tuple[tuple[str, str], ...], values: dict[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Raise the peer delay threshold so that software timestamps stay below it."""
    settings = settings_of(values)
    if settings.threshold >= SOFTWARE_THRESHOLD:
        return options, ()
    key = "neighborPropDelayThresh"
    raised = (*options, (key, str(SOFTWARE_THRESHOLD)))
    return raised, (f"{key} {SOFTWARE_THRESHOLD} instead of {settings.threshold}",)


def _in_order(entries: tuple[ConfEntry, ...], interfaces: set[str]) -> Iterable[tuple[str, str]]:
    for section in ("global", *interfaces):
        for entry in entries:
            if entry.section == section:
                yield entry.key, entry.value


def one_source(*sources: object) -> None:
    """Check that exactly one source of a grandmaster is given.

    Raises:
        TrxError: none or several are given.
    """
    if sum(source is not None for source in sources) != 1:
        raise TrxError(
            "a rehearsal needs exactly one grandmaster",
            remedy="Give one of --gm-profile NAME, --gm-conf FILE, --pcap FILE, --interface NAME.",
        )


def grandmaster_from(  # noqa: PLR0913 - the ways to name it
    linuxptp: Linuxptp,
    client: bytes,
    *,
    profile: str | None = None,
    conf: Path | None = None,
    capture: Path | None = None,
    choice: NetworkFilter,
) -> Grandmaster | None:
    """Return the grandmaster to run, None if the network has one.

    `choice` selects one network of a capture. If several match, the network with the client's own
    domain is used, since the client would find that one.

    Raises:
        TrxError: no such profile, a file that cannot be read, or no master in the capture.
        FormatError: it is no capture.
    """
    if profile is not None:
        return of_profile(profile_named(profile), linuxptp)
    if conf is not None:
        return _of_file(conf)
    if capture is None:
        return None
    hearing = hear_capture(capture)
    choice = _narrowed(hearing, choice, _settings_of(client))
    domain = chosen_domain(hearing, choice, str(capture))
    fit = fit_domain(domain, untagged=choice.vlan is not None)
    played = of_fit(fit, f"{capture}, {network_text(domain)}", linuxptp)
    if not any(domain.vlans) or choice.vlan is not None:
        return played
    tagged = "the network has a VLAN tag, but the rehearsal does not (--vlan accepts that)"
    return replace(played, unlike=(*played.unlike, tagged))


def second_grandmaster(
    linuxptp: Linuxptp, profile: str | None, conf: Path | None
) -> Grandmaster | None:
    """Return the second grandmaster, None if none is given.

    Raises:
        TrxError: both a profile and a file, no such profile, or a file that cannot be read.
    """
    if profile is not None and conf is not None:
        raise TrxError(
            "two second grandmasters are given",
            remedy="Give either --second-profile NAME or --second-conf FILE.",
        )
    if profile is not None:
        return of_profile(profile_named(profile), linuxptp)
    return _of_file(conf) if conf is not None else None


def _of_file(conf: Path) -> Grandmaster:
    text = read_input(conf, TRX_CONF_LIMIT, TrxError).decode("utf-8", "surrogateescape")
    return of_conf(text, str(conf))


def _narrowed(hearing: Observation, choice: NetworkFilter, client: ClockSettings) -> NetworkFilter:
    """Narrow the choice to the client's domain, then its transport, until one network is left."""
    for narrower in (
        replace(choice, domain=client.domain) if choice.domain is None else choice,
        replace(choice, domain=client.domain, transport=str(client.transport))
        if choice.domain is None and choice.transport is None
        else choice,
    ):
        left = [
            domain
            for domain in hearing.domains
            if narrower.fits(domain) and any(map(narrower.names, domain.masters))
        ]
        if len(left) == 1:
            return narrower
    return choice


def _settings_of(client: bytes) -> ClockSettings:
    lines = TrxConf.parse(client).settings
    pairs = ((line.key, line.value) for line in lines if line.namespace == "ptp4l")
    return settings_of(values_of(pairs))
