"""Choose whom to rehearse against: a profile, a ptp4l.conf or what a capture holds."""

from pathlib import Path

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.operations.read_input import read_input
from vibforge.operations.trx_sniff import hear_capture
from vibforge.ptp.fitting import chosen_domain, fit_domain
from vibforge.ptp.settings import settings_of
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
    domain: int | None = None,
) -> Grandmaster | None:
    """Return the grandmaster to play, None where the network has one.

    Of a capture with several domains, `domain` chooses; without it the client's own, if it is
    there, since that is the one that the client would find.

    Raises:
        TrxError: no such profile, a file that cannot be read, or no master in the capture.
        FormatError: it is no capture.
    """
    if profile is not None:
        return of_profile(profile_named(profile), linuxptp)
    if conf is not None:
        text = read_input(conf, TRX_CONF_LIMIT, TrxError).decode("utf-8", "surrogateescape")
        return of_conf(text, str(conf))
    if capture is None:
        return None
    hearing = hear_capture(capture)
    own = _domain_of(client)
    heard = [each for each in hearing.domains if each.masters and each.domain == own]
    wanted = own if domain is None and len(heard) == 1 else domain
    fit = fit_domain(chosen_domain(hearing, wanted, str(capture)))
    return of_fit(fit, f"{capture}, domain {fit.settings.domain}", linuxptp)


def _domain_of(client: bytes) -> int:
    lines = TrxConf.parse(client).settings
    pairs = ((line.key, line.value) for line in lines if line.namespace == "ptp4l")
    return settings_of(values_of(pairs)).domain
