from pathlib import Path

import pytest

from tests.trx.rehearsal.matrix import MATCHES, MISMATCHES, REFUSALS, WHY_NOBODY_IS_FOLLOWED, Case
from tests.trx.rehearsal.recording import record
from tests.trx.rehearsal.write_table import PAGE
from vibforge.trx.network.settings import fit_domain
from vibforge.trx.network.sniff import NetworkFilter, chosen_domain, fitting_conf, hear_capture
from vibforge.trx.profile import profile_named, profiles, trx_conf_of
from vibforge.trx.rehearsal.grandmaster import grandmaster_from, of_profile
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.verdict import Code

TOO_LONG = 20.0
CASES = [
    # Each takes its seconds by the clock; one of the shortest stands for all in `make quick`.
    pytest.param(case, id=case.name, marks=[] if case.name == "wrong domain" else pytest.mark.slow)
    for case in (*MATCHES, *MISMATCHES, *WHY_NOBODY_IS_FOLLOWED, *REFUSALS)
    if (case.wish.seconds or 0) < TOO_LONG
]


@pytest.mark.rehearsals
@pytest.mark.parametrize("case", CASES)
def test_the_matrix(case: Case, programs: Programs) -> None:
    found = case.play(programs)
    assert found.code is case.code, found.play and found.play.log
    assert found.good == (case.code is Code.OK)
    if case.change:
        assert case.change in [str(change) for change in found.advice.changes]
        again = case.play_changed(found, programs)
        assert again.code is Code.OK, again.play and again.play.log
    if case.code is Code.OK:
        assert found.play
        assert found.play.chosen_after is not None
        assert found.play.offset_after is not None


@pytest.mark.rehearsals
@pytest.mark.slow
@pytest.mark.parametrize("name", ["g8275-1", "st2059-2", "automotive-client"])
def test_quick_profiles_and_their_captures(name: str, programs: Programs, tmp_path: Path) -> None:
    """The whole way: rehearse and record, sniff the capture, rehearse what it says."""
    profile = profile_named(name)
    target = tmp_path / f"{name}.pcap"
    conf = trx_conf_of(profile)
    play, used = record(profile, conf, programs, target, wish=RehearsalOptions(watch=0.5))
    assert play.code is Code.OK, play.log
    hearing = hear_capture(target)
    fit = fit_domain(chosen_domain(hearing, NetworkFilter(), name))
    heard = fit.settings
    assert name in fit.profiles
    assert (heard.domain, heard.sdo, heard.transport, heard.delay) == (
        *(used.domain, used.sdo, used.transport, used.delay),
    )
    assert heard.follow_up_information == used.follow_up_information
    fitting = fitting_conf(fit).encode()
    assert f"ptp4l:domainNumber {used.domain}\n".encode() in fitting
    again = grandmaster_from(programs.grandmaster, fitting, capture=target, choice=NetworkFilter())
    assert again
    found = rehearse_privately(fitting, again, programs, wish=RehearsalOptions(watch=0.5))
    assert found.code is Code.OK, found.play and found.play.log


@pytest.mark.rehearsals
@pytest.mark.slow
def test_gptp(programs: Programs) -> None:
    profile = profile_named("gptp")
    conf = trx_conf_of(profile, changes=["logMinPdelayReqInterval=-2"])
    found = rehearse_privately(
        conf.serialise(),
        of_profile(profile, programs.grandmaster),
        programs,
        wish=RehearsalOptions(watch=0.5),
    )
    assert found.code is Code.OK
    raised = {override.key: override for override in found.client.overrides}
    assert raised["neighborPropDelayThresh"].line > 0


@pytest.mark.slow
def test_phc2sys_that_would_wait_is_a_bad_verdict(programs: Programs) -> None:
    case = MATCHES[1]
    conf = case.trx_conf() + b"phc2sys:domainNumber 25\n"
    found = rehearse_privately(conf, case.master(), programs, wish=RehearsalOptions(watch=0.2))
    assert found.code is Code.PHC2SYS
    assert "waits for ever" in found.coupling[0].what


@pytest.mark.slow
def test_a_line_that_phc2sys_rejects_is_named(programs: Programs) -> None:
    case = MATCHES[0]
    conf = case.trx_conf() + b"phc2sys:domainNumber 400\n"
    found = rehearse_privately(conf, case.master(), programs, wish=RehearsalOptions(watch=0.2))
    assert found.code is Code.REJECTED
    (rejection,) = found.rejections
    assert (rejection.program, rejection.line.number) == ("phc2sys", 6)
    assert rejection.words == "400 is an out of range value for option domainNumber"


def test_every_rejected_line_is_named(programs: Programs) -> None:
    conf = b"ptp4l:delay_mechanism NOPE\nptp4l:domainNumber 0\nptp4l:nonsense 1\n"
    found = rehearse_privately(conf, MATCHES[0].master(), programs, wish=RehearsalOptions())
    assert found.code is Code.REJECTED
    assert [rejection.line.number for rejection in found.rejections] == [1, 3]
    assert found.play is None


def test_the_page_has_every_profile_case_and_verdict() -> None:
    page = PAGE.read_text(encoding="utf-8")
    cases = (*MATCHES, *MISMATCHES, *WHY_NOBODY_IS_FOLLOWED, *REFUSALS)
    names = [*profiles(), *(case.name for case in cases)]
    names += Code
    assert [name for name in names if f"| {name} |" not in page] == []
