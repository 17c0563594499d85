"""A client that prefers its own clock, and the page of the grandmasters that profiles follow."""

import pytest

from tests.trx.rehearsal.locking import Encounter, releases_at_hand
from tests.trx.rehearsal.write_locking import PAGE
from vibforge.trx.profile import profile_named, profiles
from vibforge.trx.rehearsal.linuxptp import Programs


def test_releases_are_found_by_their_version(programs: Programs) -> None:
    assert programs.client.version in releases_at_hand()


@pytest.mark.rehearsals
@pytest.mark.slow
def test_priority1_lets_the_client_follow_a_grandmaster_of_a_low_rank(programs: Programs) -> None:
    profile = profile_named("aes-r16")
    assert Encounter(profile=profile, priority=255).play(programs).good
    assert not Encounter(profile=profile, priority=129, set=False).play(programs, seconds=5.0).good


def test_the_page_of_priorities_has_every_profile() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in profiles() if f"| {name} |" not in page] == []
    assert "no-master" not in page
