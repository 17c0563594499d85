import pytest

from vibforge.errors import TrxError
from vibforge.trx.conf import refusal
from vibforge.trx.option import RANK, catalogue
from vibforge.trx.profile import profile_named, profiles, trx_conf_of


@pytest.mark.parametrize("name", profiles())
def test_profile_is_whole(name: str) -> None:
    profile = profiles()[name]
    assert profile.title
    assert profile.sources
    assert profile.min_linuxptp in RANK
    options = catalogue().options
    for key, value in {**profile.ptp4l, **profile.phc2sys}.items():
        assert refusal(options[key], value, profile.min_linuxptp) is None
        assert refusal(options[key], value, "4.4") is None


def test_role_comes_first_in_the_spelling_that_all_releases_know() -> None:
    text = trx_conf_of(profile_named("default-p2p")).serialise().decode()
    assert text.startswith("ptp4l:slaveOnly 1\nptp4l:delay_mechanism P2P\n")
    assert text.endswith("phc2sys:domainNumber 0\n")


def test_domain_and_changes_reach_phc2sys_too() -> None:
    conf = trx_conf_of(profile_named("g8275-1"), domain=30, changes=["transportSpecific=1"])
    lines = conf.serialise().decode().splitlines()
    assert "ptp4l:domainNumber 30" in lines
    assert "phc2sys:domainNumber 30" in lines
    assert "phc2sys:transportSpecific 1" in lines


def test_change_of_phc2sys_alone_is_left_alone() -> None:
    changes = ["phc2sys:transportSpecific=2", "ptp4l:transportSpecific=1", "sys2vmw:x=y z"]
    lines = trx_conf_of(profile_named("aes67"), changes=changes).serialise().decode().splitlines()
    assert "phc2sys:transportSpecific 2" in lines
    assert lines[-1] == "sys2vmw:x y z"


@pytest.mark.parametrize("name", ["g8265-1", "g8275-2"])
def test_profile_with_a_unicast_table_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(TrxError, match="cannot express") as caught:
        trx_conf_of(profile_named(name))
    assert "unicast_master_table" in caught.value.problems[0].remedy


def test_domain_outside_the_profile_is_refused() -> None:
    with pytest.raises(TrxError, match="24 to 43"):
        trx_conf_of(profile_named("g8275-1"), domain=44)


@pytest.mark.parametrize("change", ["x", "=1", "ptp4l:=1", "foo:x=1", "a b=1", "a=", "a=1\nb 2"])
def test_change_that_sets_nothing_is_refused(change: str) -> None:
    with pytest.raises(TrxError, match="sets nothing"):
        trx_conf_of(profile_named("aes67"), changes=[change])


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(TrxError) as caught:
        profile_named("g8275.1")
    assert "g8275-1" in caught.value.problems[0].remedy
