"""The client's ptp4l.conf: the trx.conf, and the options that the rehearsal overrides."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from vibforge.trx.conf import Line, TrxConf, number_of
from vibforge.trx.effective import linuxptp_file
from vibforge.trx.network.settings import ClockSettings, settings_of
from vibforge.trx.option import catalogue
from vibforge.trx.rehearsal.linuxptp import Linuxptp

SOFTWARE_THRESHOLD = 20_000_000
"""Nanoseconds; peer delays by software timestamps stay below it. It is linuxptp's default."""

_STAMP_PATIENCE = 100
"""Milliseconds to wait for a transmit timestamp: a busy machine takes more than 10."""

SOCKET = "client.uds"


class Override(Struct, frozen=True, kw_only=True):
    """One option that the rehearsal sets itself; `line` is the line it replaces, 0 for none."""

    key: str
    value: str
    line: int
    why: str


class Client(Struct, frozen=True, kw_only=True):
    """A client to rehearse, made from a trx.conf.

    `lines` are its ptp4l lines in the order of the configuration file, whose first line is
    `[global]`; `overrides` follow them.
    """

    conf: TrxConf
    settings: ClockSettings
    elects: bool
    text: str
    lines: tuple[Line, ...]
    overrides: tuple[Override, ...]

    @property
    def file(self) -> str:
        """The whole ptp4l.conf: if two lines have the same key, ptp4l uses the last."""
        return self.text + "".join(f"{each.key} {each.value}\n" for each in self.overrides)

    def line_of(self, key: str) -> Line | None:
        """The line that sets an option for ptp4l, under either of its names."""
        return line_of(self.conf, "ptp4l", key)


def client_of(
    conf: TrxConf, linuxptp: Linuxptp, folder: Path, *, keep_threshold: bool = False
) -> Client:
    """Make the client of a trx.conf.

    Args:
        conf: the trx.conf.
        linuxptp: the linuxptp that runs it.
        folder: the folder for the client's sockets.
        keep_threshold: keep neighborPropDelayThresh, although software timestamps may exceed it.

    Raises:
        TrxError: TRX would not start with this trx.conf.
    """
    text = linuxptp_file(conf, "ptp4l")
    lines = tuple(line for line in conf.settings if line.namespace == "ptp4l")
    values = {_name(line.key): line.value for line in lines}
    overrides = [
        Override(key=key, value=value, line=_number_of_line(conf, key), why=why)
        for key, value, why in _overlay(values, linuxptp, folder, keep_threshold=keep_threshold)
    ]
    return Client(
        conf=conf,
        settings=settings_of(values | {each.key: each.value for each in overrides}),
        elects=values.get("BMCA", "").casefold() != "noop",
        text=text,
        lines=lines,
        overrides=tuple(overrides),
    )


def line_of(conf: TrxConf, namespace: str, key: str) -> Line | None:
    """The last line that sets an option, under either of its names."""
    found = (
        line
        for line in reversed(conf.settings)
        if line.namespace == namespace and _name(line.key) == _name(key)
    )
    return next(found, None)


def _number_of_line(conf: TrxConf, key: str) -> int:
    line = line_of(conf, "ptp4l", key)
    return line.number if line else 0


def _name(key: str) -> str:
    option = catalogue().options.get(key)
    return option.setting if option else key


def _overlay(
    values: dict[str, str], linuxptp: Linuxptp, folder: Path, *, keep_threshold: bool
) -> Iterator[tuple[str, str, str]]:
    if values.get("clientOnly") != "1":
        yield "slaveOnly", "1", "the rehearsal runs a client; TRX very likely sets this too"
    yield from common_overlay(linuxptp, folder / SOCKET)
    threshold = number_of(
        catalogue().options["neighborPropDelayThresh"].kind,
        values.get("neighborPropDelayThresh", ""),
    )
    if not keep_threshold and threshold is not None and threshold < SOFTWARE_THRESHOLD:
        why = "software timestamps measure a longer peer delay than hardware timestamps"
        yield "neighborPropDelayThresh", str(SOFTWARE_THRESHOLD), why


def common_overlay(linuxptp: Linuxptp, socket: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the options that both sides of a rehearsal get: (option, value, reason)."""
    yield "time_stamping", "software", "there is no PTP hardware clock here"
    yield "free_running", "1", "no clock is set"
    yield "tx_timestamp_timeout", str(_STAMP_PATIENCE), "software timestamps may come late"
    yield "uds_address", str(socket), "the rehearsal's own socket"
    if linuxptp.knows("4.0"):
        yield "uds_ro_address", f"{socket}.ro", "the rehearsal's own socket"
    yield "use_syslog", "0", "the rehearsal reads the log"
    yield "verbose", "1", "the rehearsal reads the log"
    yield "logging_level", "6", "the rehearsal reads the log"


def values_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the options by their current name; the last value of a name wins."""
    return {_name(key): value for key, value in pairs}
