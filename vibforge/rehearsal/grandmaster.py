"""The other side of a rehearsal: a ptp4l that plays the grandmaster."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.ptp.fitting import Fit, audible_options
from vibforge.ptp.settings import ClockSettings, settings_of
from vibforge.rehearsal.client import SOFTWARE_THRESHOLD, common_overlay, values_of
from vibforge.rehearsal.linuxptp import Linuxptp
from vibforge.trx.exchange.linuxptp import Entry, entries_of
from vibforge.trx.profile import Profile

SOCKET = "grandmaster.uds"

_OF_CLIENTS = {
    *("unicast_master_table", "unicast_req_duration", "clientOnly", "slaveOnly", "priority1"),
}
"""Options of a profile that only its clients have; a client's priority1 is the worst there is."""

_TABLES = ("unicast_master_table", "message_tag", "nmea", "ts2phc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Grandmaster:
    """A grandmaster to play: where it comes from, its options, and what it speaks."""

    source: str
    options: tuple[tuple[str, str], ...]
    settings: ClockSettings

    def file(self, linuxptp: Linuxptp, folder: Path) -> str:
        """Its ptp4l.conf, with the rehearsal's own options behind."""
        overlay = ((key, value) for key, value, _ in common_overlay(linuxptp, folder / SOCKET))
        lines = (f"{key} {value}\n" for key, value in (*self.options, *overlay))
        return "".join(["[global]\n", *lines])


def of_profile(profile: Profile, linuxptp: Linuxptp) -> Grandmaster:
    """A grandmaster of a PTP profile, which takes its role at once."""
    options = {key: value for key, value in profile.ptp4l.items() if key not in _OF_CLIENTS}
    if "unicast_master_table" in profile.ptp4l:
        options["unicast_listen"] = "1"
    return _grandmaster(f"profile {profile.name}", options, linuxptp)


def of_fit(fit: Fit, source: str, linuxptp: Linuxptp) -> Grandmaster:
    """A grandmaster that sounds like the one that was heard."""
    settings = fit.settings
    options = {
        "domainNumber": str(settings.domain),
        "transportSpecific": str(settings.sdo),
        **audible_options(settings),
    }
    if not settings.announces:
        options["inhibit_announce"] = "1"
    return _grandmaster(source, options, linuxptp)


def _grandmaster(source: str, options: dict[str, str], linuxptp: Linuxptp) -> Grandmaster:
    role = "serverOnly" if linuxptp.knows("4.0") else "masterOnly"
    options |= {"BMCA": "noop", role: "1", "gmCapable": "1"}
    if "neighborPropDelayThresh" in options:
        options["neighborPropDelayThresh"] = str(SOFTWARE_THRESHOLD)
    return Grandmaster(source=source, options=tuple(options.items()), settings=settings_of(options))


def of_conf(text: str, source: str) -> Grandmaster:
    """The grandmaster of a ptp4l.conf: `[global]`, and the one interface on top of it.

    Raises:
        TrxError: it is too large, has several interfaces, or is the file of a client.
    """
    if len(text) > TRX_CONF_LIMIT:
        raise TrxError(f"it has more than {TRX_CONF_LIMIT} characters, which no ptp4l.conf has")
    entries = tuple(entries_of(text))
    interfaces = {entry.section for entry in entries} - {"", "global", *_TABLES}
    if len(interfaces) > 1:
        raise TrxError(
            "it has several interfaces, and a rehearsal has one",
            where=source,
            remedy="Leave the section of the port that the client will see.",
        )
    options = tuple(_in_order(entries, interfaces))
    values = values_of(options)
    if values.get("clientOnly") == "1":
        raise TrxError(
            "it is the configuration of a client: it never becomes master",
            where=source,
            remedy="Give the grandmaster's own ptp4l.conf, or --gm-profile.",
        )
    return Grandmaster(source=source, options=options, settings=settings_of(values))


def _in_order(entries: tuple[Entry, ...], interfaces: set[str]) -> Iterable[tuple[str, str]]:
    for section in ("global", *interfaces):
        for entry in entries:
            if entry.section == section:
                yield entry.key, entry.value
