from collections.abc import Callable

import pytest

from vibforge.errors import TrxError
from vibforge.report.paint import Paint
from vibforge.report.trx_tables import effects_text
from vibforge.trx.conf import TrxConf
from vibforge.trx.effective import effects, linuxptp_file, stopping_lines
from vibforge.trx.option import CANDIDATES

CONF = TrxConf.parse(
    b"ptp4l:domainNumber 24\n"
    b"ptp4l:slaveOnly 1\n"
    b"phc2sys:domainNumber 24\n"
    b"phc2sys:pi_integral_const 0.1\n"
    b"phc2sys:network_transport L2\n"
    b"sys2vmw:x 1\n"
    b"ptp4l:domainNumber 25\n"
    b"ptp4l:foo 1\n"
)


def test_file_for_linuxptp_has_one_section_and_the_order_of_the_lines() -> None:
    assert linuxptp_file(CONF, "ptp4l") == (
        "[global]\ndomainNumber 24\nslaveOnly 1\ndomainNumber 25\nfoo 1\n"
    )
    assert linuxptp_file(CONF, "phc2sys").startswith("[global]\ndomainNumber 24\n")


@pytest.mark.parametrize("line", [b"ptp4l:port0:BMCA ptp\n", b"ptp4l:[eth0] 1\n"])
def test_there_is_no_file_where_trx_does_not_start(line: bytes) -> None:
    with pytest.raises(TrxError):
        linuxptp_file(TrxConf.parse(line), "ptp4l")


def test_effects_say_value_default_line_and_meaning() -> None:
    found = {(each.namespace, each.key): each for each in effects(CONF)}
    domain = found["ptp4l", "domainNumber"]
    assert (domain.value, domain.default, domain.line) == ("25", "0", 7)
    assert "domain" in domain.does
    assert found["ptp4l", "foo"].note == "linuxptp has no such option"
    assert "sets the gains" in found["phc2sys", "pi_integral_const"].note
    assert found["phc2sys", "pi_integral_const"].default == "0.3"
    assert found["phc2sys", "network_transport"].note == "phc2sys ignores it"
    assert found["sys2vmw", "x"].default == "unknown"


def test_everything_adds_the_defaults_once() -> None:
    found = effects(CONF, releases=["3.1.1"], everything=True)
    keys = [(each.namespace, each.key) for each in found]
    assert len(keys) == len(set(keys))
    assert ("ptp4l", "tx_timestamp_timeout") in keys
    assert ("ptp4l", "clientOnly") not in keys
    assert ("ptp4l", "step_window") not in keys
    assert {each.line for each in found if each.key == "delay_mechanism"} == {0}


def test_stopping_lines_are_the_port_lines() -> None:
    conf = TrxConf.parse(b"ptp4l:a 1\nptp4l:p:b 1\n")
    assert [line.number for line in stopping_lines(conf)] == [2]


def test_a_namespace_gives_a_terminal_nothing_to_obey() -> None:
    conf = TrxConf.parse(b"pt\x1b[31m\xff:key 1\n")
    shown = effects_text(effects(conf, releases=CANDIDATES), (), CANDIDATES, Paint())
    assert "pt\\u001b[31m\\xff:key" in shown
    shown.encode("utf-8")


def test_everything_that_is_in_effect_is_said(golden: Callable[[str, str], None]) -> None:
    found = effects(CONF, releases=["3.1.1", "4.2"], everything=True)
    golden(
        "trx-effects.txt",
        "".join(
            f"{one.namespace}:{one.key} {one.value} (default {one.default}, line {one.line})"
            f"{' ' + one.note if one.note else ''}\n"
            for one in found
        ),
    )
