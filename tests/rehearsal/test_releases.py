"""Releases of linuxptp beside the machine's own; `make linuxptp` fetches them."""

import pytest

from tests.rehearsal.locking import FOLDER, Encounter
from tests.rehearsal.matrix import GPTP
from vibforge.operations.trx_rehearse import Rehearsal, Wish, rehearse_privately
from vibforge.rehearsal.grandmaster import of_profile
from vibforge.rehearsal.programs import Programs, find_programs
from vibforge.rehearsal.verdict import Code
from vibforge.trx.profile import profile_named

pytestmark = [pytest.mark.linuxptp, pytest.mark.slow, pytest.mark.usefixtures("programs")]

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
    found = rehearse_privately(conf, master, release, wish=Wish(seconds=3.0, watch=0.2))
    assert (found.code is Code.SILENT) == release.client.knows("4.4")
