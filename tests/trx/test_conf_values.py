import math
import sys

import pytest

from vibforge.trx.conf import ValueRefusal, is_octal, number_of, refusal, same_value
from vibforge.trx.option import ValueKind, catalogue

OPTIONS = catalogue().options


@pytest.mark.parametrize(
    ("text", "number"),
    [("24", 24), ("0x18", 24), ("030", 24), ("+5", 5), ("-0x10", -16), ("0", 0), ("-0", 0)],
)
def test_integers_are_read_as_c_does(text: str, number: int) -> None:
    assert number_of(ValueKind.INT, text) == number


@pytest.mark.parametrize("text", ["", "08", "0x", "1.5", "1e3", "1_0", " 1", "1 ", "\u0661", "0b1"])
def test_what_c_calls_no_integer(text: str) -> None:
    assert number_of(ValueKind.INT, text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-6", 1e-6),
        (".5", 0.5),
        ("5.", 5.0),
        ("0x1p3", 8.0),
        ("-0", 0.0),
        ("0x1p-1030", 2.0**-1030),
    ],
)
def test_fractions_are_read_as_c_does(text: str, number: float) -> None:
    assert number_of(ValueKind.DOUBLE, text) == number


@pytest.mark.parametrize("text", ["inf", "1e400", "1e-310", "1e-400", "0x1p99999", "-Infinity"])
def test_fractions_out_of_reach_are_infinite(text: str) -> None:
    number = number_of(ValueKind.DOUBLE, text)
    assert number is not None
    assert math.isinf(number)


def test_longest_numbers_are_not_computed() -> None:
    assert number_of(ValueKind.INT, "9" * 1_000_000) == float("inf")
    assert number_of(ValueKind.DOUBLE, "1e" + "9" * 1_000_000) is None
    assert number_of(ValueKind.DOUBLE, repr(sys.float_info.max)) == sys.float_info.max


@pytest.mark.parametrize(
    ("name", "value", "release", "verdict"),
    [
        ("domainNumber", "127", "3.1.1", None),
        ("domainNumber", "128", "3.1.1", ValueRefusal.OUT_OF_RANGE),
        ("domainNumber", "255", "4.0", None),
        ("delay_mechanism", "p2p", "3.1.1", None),
        ("delay_mechanism", "NONE", "3.1.1", ValueRefusal.BAD_WORD),
        ("delay_mechanism", "NONE", "4.0", None),
        ("delay_mechanism", "COMMON_P2P", "4.2", ValueRefusal.BAD_WORD),
        ("clientOnly", "1", "3.1.1", ValueRefusal.UNKNOWN_OPTION),
        ("clientOnly", "1", "4.0", None),
        ("slaveOnly", "1", "2.0", None),
        ("slaveOnly", "yes", "4.4", ValueRefusal.MALFORMED),
        ("fault_reset_interval", "asap", "3.1.1", None),
        ("step_threshold", "nan", "3.1.1", None),
        ("ptp_dst_mac", "nonsense", "3.1.1", None),
        ("ptp_dst_mac", "", "3.1.1", ValueRefusal.EMPTY),
        ("freq_est_interval", "-1", "3.1.1", ValueRefusal.OUT_OF_RANGE),
        ("freq_est_interval", "-1", "4.0", None),
    ],
)
def test_release_decides(name: str, value: str, release: str, verdict: ValueRefusal | None) -> None:
    assert refusal(OPTIONS[name], value, release) is verdict


def test_octal_is_only_what_reads_otherwise() -> None:
    assert is_octal(ValueKind.INT, "030")
    assert not is_octal(ValueKind.INT, "07")
    assert not is_octal(ValueKind.INT, "0")
    assert not is_octal(ValueKind.DOUBLE, "030")


def test_same_value_looks_past_the_spelling() -> None:
    assert same_value(ValueKind.INT, "0x18", "24")
    assert same_value(ValueKind.WORDS, "p2p", "P2P")
    assert not same_value(ValueKind.TEXT, "a", "A")
    assert not same_value(ValueKind.TEXT, "a", None)
