"""The text of the check of a host."""

from collections.abc import Iterator

from vibforge.errors import shell_line
from vibforge.host.host_state import HostState
from vibforge.host.timekeeping import Timekeeping, TimeVerdict, log_age
from vibforge.packages.drift import Drift, FileDrift, FileState, InstalledState
from vibforge.packages.host_check import HostCheck
from vibforge.report import units
from vibforge.report.paint import Paint
from vibforge.report.plain import plain

_SHOWN_FILES = 20
_SHOWN_LINES = 5
_SHOWN_FIELDS = 12
_LINE_WIDTH = 200
_ROLES = {Timekeeping.YES: "good", Timekeeping.NO: "bad", Timekeeping.NOT_KNOWN: "warn"}
_INSTALLED = {
    InstalledState.SAME: "is installed",
    InstalledState.OTHER_VERSION: "another version is installed",
    InstalledState.OTHER_BUILD: "this version is installed, but with other content",
    InstalledState.NOT_INSTALLED: "is not installed",
    InstalledState.NOT_KNOWN: "the facts do not show whether it is installed",
}
_ETC = "/etc/"
_KEPT = ": 6.7 keeps such an edit across reboots; whether later releases do is not known"


def check_text(check: HostCheck, paint: Paint, *, everything: bool) -> str:
    """Show the facts of a host, how it differs from its VIBs, and whether it keeps time.

    Args:
        check: the check.
        paint: colour.
        everything: whether to show all files, lines of trx.log and notes on the facts.
    """
    return "\n".join(_lines(check, paint, everything=everything))


def _lines(check: HostCheck, paint: Paint, *, everything: bool) -> Iterator[str]:
    yield from _host_lines(check, paint)
    for drift in check.drifts:
        yield from _drift_lines(drift, paint, everything=everything)
    yield from _time_lines(check.state, paint, everything=everything)
    yield from _verdict_lines(check.time, paint)
    for note in check.host.notes if everything else ():
        yield f"  note: {note}"
    if not everything:
        yield "--verbose adds every file, all lines of trx.log, and what the facts do not show."


def _host_lines(check: HostCheck, paint: Paint) -> Iterator[str]:
    host, state = check.host, check.state
    when = f", {units.utc(state.collected_at)}" if state.collected_at else ""
    yield paint(plain(f"{state.host_name or check.where}: ESXi {host.release}{when}"), "strong")
    level = host.acceptance_level.esxcli_name if host.acceptance_level else "level not known"
    boot = _word(host.secure_boot)
    enforced = ", enforced by the TPM" if state.requires_secure_boot else ""
    yield f"  {level}, Secure Boot {boot}{enforced}"
    only = state.exec_installed_only
    later = ""
    if only.at_next_boot is not None and only.at_next_boot != only.at_boot:
        later = f" ({_word(only.at_next_boot)} from the next boot)"
    enforced = ", enforced by the TPM" if only.enforced else ""
    yield (
        f"  execInstalledOnly: boot option {_word(only.at_boot)}{later},"
        f" runtime option {_word(only.at_runtime)}{enforced}"
    )


def _word(switch: bool | None) -> str:  # noqa: FBT001 - the value that is named
    return {True: "on", False: "off", None: "not known"}[switch]


def _drift_lines(drift: Drift, paint: Paint, *, everything: bool) -> Iterator[str]:
    good = drift.installed is InstalledState.SAME
    yield f"{paint(plain(drift.vib_id), 'strong')}: " + paint(
        _INSTALLED[drift.installed], "good" if good else "bad"
    )
    if drift.installed_id and not good:
        yield f"  installed: {plain(drift.installed_id)}"
    notable = [file for file in drift.files if everything or _words(file)]
    for file in notable if everything else notable[:_SHOWN_FILES]:
        bad = file.state is not FileState.SAME
        words = paint(_words(file) or "as built", "bad" if bad else "dim")
        yield f"  {plain(file.path)}: {words}"
    if not everything and len(notable) > _SHOWN_FILES:
        yield f"  … and {len(notable) - _SHOWN_FILES} more"
    same = sum(file.state is FileState.SAME for file in drift.files)
    yield f"  {same} of {len(drift.files)} files are as built"
    if any(file.state is FileState.NOT_KNOWN for file in drift.files):
        name = drift.vib_id.split("_")[2] if drift.vib_id.count("_") > 2 else "NAME"  # noqa: PLR2004 - vendor, type, name, version
        yield f"  For digests, collect again: {plain(shell_line('sh', 'host-facts.sh', name))}"


def _words(file: FileDrift) -> str:
    """Return how a file differs from the build; empty if it does not."""
    words = {
        FileState.SAME: "",
        FileState.DIFFERENT: "differs from the build",
        FileState.MISSING: "is missing",
        FileState.OTHER_KIND: f"is a {file.found.kind if file.found else '?'}",
        FileState.NOT_KNOWN: "the facts have no digest",
    }[file.state]
    parts = [words] if words else []
    if file.copied_from and words:
        parts.append(f"it is copied at boot from {file.copied_from}")
    if file.has_sticky_copy:
        kept = _KEPT if file.path.startswith(_ETC) else ""
        parts.append(f"it has a sticky copy .#{file.path.rpartition('/')[2]}{kept}")
    mode = file.found.mode if file.found else None
    if file.has_other_mode and mode is not None:
        parts.append(f"mode {mode:04o}, built with {file.built.mode:04o}")
    return plain("; ".join(parts))


def _time_lines(state: HostState, paint: Paint, *, everything: bool) -> Iterator[str]:
    time = state.time
    yield paint("Time service, as the host reports it", "strong")
    runs = {True: "runs", False: "does not run", None: "not known"}[time.service.is_running]
    policy = f" (starts: {time.service.policy})" if time.service.policy else ""
    yield plain(f"  PTP service: {runs}{policy}")
    yield plain(
        f"  protocol {time.protocol or 'not known'}, synchronised: {_yes(time.is_synchronised)},"
        f" fallback to NTP: {_yes(time.is_in_fallback)}, last sync: {time.last_sync or 'not known'}"
    )
    for name, value in list((time.ptp or {}).items())[:_SHOWN_FIELDS]:
        yield plain(f"  esxcli system ptp: {name}: {value}")
    if time.ptp is None:
        yield "  esxcli system ptp: no answer"
    yield from _log_lines(state, everything=everything)


def _yes(switch: bool | None) -> str:  # noqa: FBT001 - the value that is named
    return {True: "yes", False: "no", None: "not known"}[switch]


def _log_lines(state: HostState, *, everything: bool) -> Iterator[str]:
    log = state.trx_log
    if log is None:
        yield "  /var/run/log/trx.log: missing, or not collected"
        return
    age = log_age(state)
    last = "" if age is None else f", last written {age} s before the facts were collected"
    yield f"  /var/run/log/trx.log: lines among the facts: {len(log.lines)}{last}"
    for line in log.lines if everything else log.lines[-_SHOWN_LINES:]:
        yield f"    {plain(line)[:_LINE_WIDTH]}"


def _verdict_lines(time: TimeVerdict, paint: Paint) -> Iterator[str]:
    yield paint("Keeps time as intended: ", "strong") + paint(time.verdict, _ROLES[time.verdict])
    for label, reasons in (
        ("against", time.against),
        ("not known", time.missing),
        ("for", time.shown),
        ("not checked", time.unchecked),
    ):
        for reason in reasons:
            yield f"  {label}: {plain(reason)}"
