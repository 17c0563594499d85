"""Choose whom to rehearse against: a profile, a ptp4l.conf or what a capture holds."""

from dataclasses import replace
from pathlib import Path

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.operations.read_input import read_input
from vibforge.operations.trx_sniff import hear_capture
from vibforge.ptp.choice import Choice, chosen_domain, network_text
from vibforge.ptp.fitting import fit_domain
from vibforge.ptp.hearing import Hearing
from vibforge.ptp.settings import ClockSettings, settings_of
from vibforge.rehearsal.client import values_of
from vibforge.rehearsal.grandmaster import Grandmaster, of_conf, of_fit, of_profile
from vibforge.rehearsal.linuxptp import Linuxptp
from vibforge.trx.document import TrxConf
from vibforge.trx.profile import profile_named


def one_source(*sources: object) -> None:
    """Insist that just one of the ways to name a grandmaster is used.

    Raises:
        TrxError: none of them, or several.
    """
    if sum(source is not None for source in sources) != 1:
        raise TrxError(
            "a rehearsal needs one grandmaster",
            remedy="Give one of --gm-profile NAME, --gm-conf FILE, --pcap FILE, --interface NAME.",
        )


def grandmaster_from(  # noqa: PLR0913 - the ways to name it
    linuxptp: Linuxptp,
    client: bytes,
    *,
    profile: str | None = None,
    conf: Path | None = None,
    capture: Path | None = None,
    choice: Choice,
) -> Grandmaster | None:
    """Return the grandmaster to play, None where the network has one.

    Of a capture with several networks, `choice` names one; where it leaves several, the client's
    own is taken if it is there, since that is the one that the client would find.

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
    tagged = "the network is tagged with a VLAN, and the rehearsal has no tag (--vlan accepts that)"
    return replace(played, unlike=(*played.unlike, tagged))


def second_grandmaster(
    linuxptp: Linuxptp, profile: str | None, conf: Path | None
) -> Grandmaster | None:
    """Return the grandmaster that takes over, None where none is asked for.

    Raises:
        TrxError: both a profile and a file, no such profile, or a file that cannot be read.
    """
    if profile is not None and conf is not None:
        raise TrxError(
            "a rehearsal has one second grandmaster",
            remedy="Give one of --second-profile NAME and --second-conf FILE.",
        )
    if profile is not None:
        return of_profile(profile_named(profile), linuxptp)
    return _of_file(conf) if conf is not None else None


def _of_file(conf: Path) -> Grandmaster:
    text = read_input(conf, TRX_CONF_LIMIT, TrxError).decode("utf-8", "surrogateescape")
    return of_conf(text, str(conf))


def _narrowed(hearing: Hearing, choice: Choice, client: ClockSettings) -> Choice:
    """Take the client's own domain, then its transport, as far as the choice leaves several."""
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
