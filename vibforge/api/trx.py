"""Check a trx.conf, and rehearse it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibforge import errors
from vibforge.api.arguments import optional_path, path_of, typed_errors, words_of
from vibforge.esxi import paths, release
from vibforge.files import inputs
from vibforge.trx import check, option
from vibforge.trx.network import sniff
from vibforge.trx.rehearsal import grandmaster, linuxptp, rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from vibforge.trx.check import CheckResult
    from vibforge.trx.rehearsal.rehearse import Rehearsal
    from vibforge.trx.rehearsal.verdict import Sample


@typed_errors
def check_trx(
    trx_conf: str | Path | bytes,
    *,
    linuxptp: str | Iterable[str] = (),
    esxi: str | Iterable[str] = (),
    allow: Mapping[str, str] | None = None,
    configstore: Mapping[str, str] | None = None,
) -> CheckResult:
    """Check a trx.conf: every problem with its line, reason, remedy and how sure it is.

    Args:
        trx_conf: the file, or its bytes; the path `-` is the standard input.
        linuxptp: the linuxptp releases to check for: `4.2`; with `esxi`, those beside the ones
            that TRX of these ESXi releases may carry; all candidates if neither names one.
        esxi: ESXi releases to check for: `8.0U3`.
        allow: rules that may be broken, each with the reason.
        configstore: what the host's ConfigStore says for PTP, by key: `{"domain_number": "24"}`.

    Raises:
        TrxError: the file cannot be read or is larger than any trx.conf, a linuxptp release is not
            known, an ESXi release has no TRX, or `allow` names no rule or gives no reason.
        ModelError: a text is not an ESXi release.

    Examples:
        >>> from vibforge import CheckResult, check_trx
        >>> check_trx("trx.conf", esxi="8.0U3").good
        True
        >>> result: CheckResult = check_trx(b"ptp4l:port0:delay_mechanism P2P")
        >>> result.errors[0].rule, result.errors[0].line
        ('port-section', 1)
    """
    return check.check(
        _bytes_of(trx_conf),
        releases=option.chosen(words_of(linuxptp), release.parse_releases(words_of(esxi))),
        allow=check.allowances(allow or {}),
        configstore=configstore,
    )


@typed_errors
def rehearse_trx(  # noqa: PLR0913 - each one is a thing that a caller decides
    trx_conf: str | Path | bytes,
    *,
    gm_profile: str | None = None,
    gm_conf: str | Path | None = None,
    pcap: str | Path | None = None,
    interface: str | None = None,
    second_profile: str | None = None,
    second_conf: str | Path | None = None,
    domain: int | None = None,
    transport: str | None = None,
    vlan: int | None = None,
    master: str | None = None,
    seconds: float | None = None,
    watch: float = 3.0,
    client_linuxptp: str | Path | None = None,
    gm_linuxptp: str | Path | None = None,
    keep_threshold: bool = False,
    on_sample: Callable[[Sample], None] | None = None,
) -> Rehearsal:
    """Run a trx.conf as a client with the real ptp4l, in private, and say whether it fits.

    No clock is set. The grandmaster is one of `gm_profile`, `gm_conf`, `pcap` and `interface`.

    Args:
        trx_conf: the file, or its bytes; the path `-` is the standard input.
        gm_profile: against a grandmaster of this PTP profile.
        gm_conf: against the grandmaster of a ptp4l.conf.
        pcap: against one like in this capture.
        interface: against a real network; root only.
        second_profile: fail over to a second grandmaster of this profile.
        second_conf: fail over to a second one of a ptp4l.conf.
        domain: the PTP domain of the network in the capture.
        transport: the network over L2, UDPv4 or UDPv6.
        vlan: the network of this VLAN, which the host's port carries untagged; 0: none.
        master: the master of this address or identity.
        seconds: give up after so many seconds, 1 to 600; if None, the grandmaster's Announce
            interval decides.
        watch: go on so many seconds when all is well.
        client_linuxptp: run the client with the linuxptp of this folder.
        gm_linuxptp: run the grandmaster with the linuxptp of this folder.
        keep_threshold: do not raise neighborPropDelayThresh.
        on_sample: called with each sample of the client's state.

    Raises:
        TrxError: TRX would not start with the file, or not one grandmaster is named.
        FormatError: the capture cannot be read.
        NotPossibleHereError: this machine has no linuxptp, no namespaces or no rights.

    Examples:
        >>> from vibforge import NotPossibleHereError, Rehearsal, rehearse_trx
        >>> try:
        ...     rehearsal: Rehearsal = rehearse_trx("trx.conf", gm_profile="default-p2p", watch=0.5)
        ...     assert rehearsal.good, rehearsal.advice
        ... except NotPossibleHereError as error:
        ...     print(error)
    """
    grandmaster.one_source(gm_profile, gm_conf, pcap, interface)
    data = _bytes_of(trx_conf)
    programs = linuxptp.find_programs(optional_path(client_linuxptp), optional_path(gm_linuxptp))
    first = grandmaster.grandmaster_from(
        programs.grandmaster,
        data,
        profile=gm_profile,
        conf=optional_path(gm_conf),
        capture=optional_path(pcap),
        choice=sniff.NetworkFilter(domain=domain, transport=transport, vlan=vlan, master=master),
    )
    second = grandmaster.second_grandmaster(
        programs.grandmaster, second_profile, optional_path(second_conf)
    )
    wish = rehearse.RehearsalOptions(
        seconds=seconds, watch=watch, keep_threshold=keep_threshold, second=second
    )
    against = first or interface or ""
    return rehearse.rehearse_trx(data, against, programs, wish=wish, on_sample=on_sample)


def _bytes_of(trx_conf: str | Path | bytes) -> bytes:
    if isinstance(trx_conf, bytes):
        return trx_conf
    return inputs.read_input(path_of(trx_conf), paths.TRX_CONF_LIMIT, errors.TrxError)
