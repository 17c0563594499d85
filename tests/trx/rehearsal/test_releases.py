"""Releases of linuxptp beside the machine's own; `make linuxptp` fetches them."""

from pathlib import Path

import pytest

from tests.trx.rehearsal.locking import FOLDER, Encounter
from tests.trx.rehearsal.matrix import (
    GPTP,
    LATER_RELEASES,
    MISMATCHES,
    WHY_NOBODY_IS_FOLLOWED,
    Case,
)
from tests.trx.rehearsal.write_table import failover
from vibforge.trx.profile import profile_named
from vibforge.trx.rehearsal.grandmaster import of_profile
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.verdict import Code

pytestmark = [pytest.mark.linuxptp, pytest.mark.slow, pytest.mark.usefixtures("programs")]

SHORT = RehearsalOptions(seconds=6.0, watch=0.2)
SECURITY_ASSOCIATION = """\
[security_association]
spp 0
seqnum_window 0
1 AES128 B64:MDEyMzQ1Njc4OWFiY2RlZg==
"""
OWN_CLOCK = "master state recommended in slave only mode"


@pytest.fixture(params=["trixie", "sid"])
def release(request: pytest.FixtureRequest) -> Programs:
    """One release for both sides."""
    folder = FOLDER / request.param
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; `make linuxptp` fetches it, VIBFORGE_LINUXPTP moves it")
    return find_programs(folder, folder)


def log_of(found: Rehearsal) -> str:
    return "\n".join(found.play.log if found.play else ())


@pytest.mark.parametrize(("name", "priority"), [("default-e2e", 129), ("gptp", 248)])
def test_a_profile_follows_a_grandmaster_of_a_low_rank(
    name: str, priority: int, release: Programs
) -> None:
    profile = profile_named(name)
    assert Encounter(profile=profile, priority=priority).play(release).code is Code.OK


def test_a_client_without_priority1_follows_128(release: Programs) -> None:
    case = Encounter(profile=profile_named("aes-r16"), priority=128, set=False)
    found = case.play(release)
    assert found.good
    assert OWN_CLOCK not in log_of(found)


def test_a_client_without_priority1_prefers_itself_to_129(release: Programs) -> None:
    case = Encounter(profile=profile_named("aes-r16"), priority=129, set=False)
    found = case.play(release, seconds=5.0)
    assert not found.good
    assert OWN_CLOCK in log_of(found)


def test_a_new_client_follows_an_old_grandmaster(release: Programs, programs: Programs) -> None:
    mixed = Programs(tools=release.tools, client=release.client, grandmaster=programs.grandmaster)
    found = Encounter(profile=profile_named("aes-r16"), priority=248).play(mixed)
    assert found.code is Code.OK
    assert found.linuxptp != found.grandmaster_linuxptp


def test_the_socket_is_silent_from_the_release_that_the_check_names(release: Programs) -> None:
    lines = {key: value for key, value in GPTP.items() if key != "transportSpecific"}
    conf = "".join(f"ptp4l:{key} {value}\n" for key, value in lines.items()).encode()
    master = of_profile(profile_named("gptp"), release.grandmaster)
    found = rehearse_privately(conf, master, release, wish=RehearsalOptions(seconds=3.0, watch=0.2))
    assert found.play
    assert (found.play.samples == ()) == release.client.knows("4.4")
    assert found.code is Code.SDO
    assert "add `ptp4l:transportSpecific 0x1`" in map(str, found.advice.changes)


@pytest.mark.parametrize("case", LATER_RELEASES, ids=lambda case: case.name)
def test_a_clock_class_that_the_client_does_not_follow(case: Case, release: Programs) -> None:
    found = case.play(release)
    assert found.code is case.code
    assert [str(change) for change in found.advice.changes] == (
        [case.change] if case.change else []
    )
    if case.change:
        assert case.play_changed(found, release).code is Code.OK


@pytest.mark.parametrize(
    "name", ["802.1AS client, grandmaster without its TLV", "UDPv6, grandmaster in another scope"]
)
def test_a_verdict_and_its_remedy_are_those_of_other_releases(name: str, release: Programs) -> None:
    (case,) = (each for each in (*MISMATCHES, *WHY_NOBODY_IS_FOLLOWED) if each.name == name)
    found = case.play(release)
    assert found.code is case.code
    assert case.change in map(str, found.advice.changes)
    assert case.play_changed(found, release).code is Code.OK


def test_a_grandmaster_that_signs_is_named(
    release: Programs, programs: Programs, tmp_path: Path
) -> None:
    if not release.grandmaster.knows("4.3"):
        pytest.skip("signed messages came with linuxptp 4.3")
    file = tmp_path / "sa"
    file.write_text(SECURITY_ASSOCIATION)
    signs = {"spp": "0", "active_key_id": "1", "sa_file": str(file)}
    case = Case(name="signed", client={}, grandmaster=signs, code=Code.AUTHENTICATION, wish=SHORT)
    assert case.play(release).code is case.code
    mixed = Programs(tools=release.tools, client=programs.client, grandmaster=release.grandmaster)
    assert case.play(mixed).code is case.code


def test_failover_on_other_releases(release: Programs) -> None:
    found = failover(profile_named("st2059-2"), release)
    assert found.code is Code.OK
    assert found.play
    followed = [change.followed for change in found.play.failover]
    assert followed == ["second", "first", "second", "first", "first", "first"]
