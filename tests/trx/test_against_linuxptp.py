"""Our verdict on every option, value by value, beside that of linuxptp itself."""

import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.trx.linuxptp import accepts, installed
from vibforge.trx.check import check
from vibforge.trx.conf import refusal
from vibforge.trx.effective import linuxptp_file
from vibforge.trx.option import RANK, RELEASES, Option, ValueKind, catalogue
from vibforge.trx.profile import profiles, trx_conf_of

pytestmark = pytest.mark.slow

OPENS_A_FILE = "sa_file"
"""The one known exception: linuxptp 4.3 takes the line and opens the file at once."""

JUNK = ("junk", "yes", "1 # one", "1 2", "= 1", "=1", "1_0", "0x", "08", "\u0663", "-", ".")
NUMBERS = ("0", "1", "+1", "-0", "0x1", "0X1", "010", "1.5", "1e2", "1e-310", "0x1p3")
TINY = (
    "0x1p-1030",
    "0x1p-1075",
    "0x1.fffffffffffffp-1023",
    "0xe.8p-1076",
    "2.2250738585072012e-308",
)
FRACTIONS = ("nan", "-NAN", "nan(7)", "inf", "-infinity", "1e400", "-1e400", ".5", "5.", "0x.8")
HUGE = ("9" * 30, "-" + "9" * 30, str(2**31), str(-(2**31) - 1), str(2**32), "0x80000000")


def values_of(option: Option) -> Iterator[str]:
    """Minimum, maximum, one beyond each, every word in every case, and what is none of these."""
    for release in RELEASES:
        view = option.view(release)
        for word in view.words:
            yield from (word, word.upper(), word.lower(), f"{word}x", word[:-1])
        for bound in (view.minimum, view.maximum):
            if isinstance(bound, int):
                yield from (str(bound), str(bound - 1), str(bound + 1), hex(bound))
            elif bound is not None:
                yield from (repr(bound), repr(bound * 2), repr(bound / 2), repr(bound - 1))
                yield from (repr(bound + sys.float_info.epsilon), repr(-bound))
    yield from (keyword.lower() for keyword in option.keywords)
    yield from (*option.keywords, *JUNK, *NUMBERS, *FRACTIONS, *TINY, *HUGE)


def disagreements(program: str, release: str, option: Option) -> list[tuple[str, str, bool]]:
    def differs(value: str) -> tuple[str, str, bool] | None:
        ours = refusal(option, value, release) is None
        theirs = accepts(program, f"[global]\n{option.name} {value}\n")
        return None if ours == theirs else (option.name, value, theirs)

    values = list(dict.fromkeys(value for value in values_of(option) if value))
    with ThreadPoolExecutor(2) as pool:
        return [each for each in pool.map(differs, values) if each]


@pytest.mark.parametrize("program", ["ptp4l", "phc2sys"])
@pytest.mark.parametrize("name", catalogue().options)
def test_verdict_on_an_option_is_that_of_linuxptp(
    name: str, program: str, tool: Callable[[str], str]
) -> None:
    path, release = installed(program, tool)
    option = catalogue().options[name]
    if name == OPENS_A_FILE and option.known_to(release):
        pytest.skip("linuxptp opens the file at once")
    assert disagreements(path, release, option) == []


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("domainNumber", "0123456789+-xXaf"),
        ("step_threshold", "0123456789+-.eExXpPnaif"),
        ("delay_mechanism", "e2EpPauto_NONE"),
    ],
)
def test_verdict_on_chance_values_is_that_of_linuxptp(
    name: str, letters: str, tool: Callable[[str], str]
) -> None:
    path, release = installed("ptp4l", tool)
    dice = random.Random(name)
    option = catalogue().options[name]
    values = {"".join(dice.choices(letters, k=dice.randint(1, 5))) for _ in range(250)}
    differ = [
        value
        for value in sorted(values)
        if (refusal(option, value, release) is None) != accepts(path, f"[global]\n{name} {value}\n")
    ]
    assert differ == []


@pytest.mark.parametrize(
    "line",
    [
        "delay_mechanism=P2P",
        "delay_mechanism",
        "delayMechanism P2P",
        "domainnumber 1",
        "message_tag " + "x" * 1011,
        "message_tag " + "x" * 1012,
    ],
)
def test_line_is_good_where_linuxptp_takes_it(line: str, tool: Callable[[str], str]) -> None:
    path, release = installed("ptp4l", tool)
    judged = check(f"ptp4l:{line}\n".encode(), releases=[release])
    assert accepts(path, f"[global]\n{line}\ndomainNumber 4\n") is judged.good


@pytest.mark.parametrize("name", [name for name, each in profiles().items() if not each.impossible])
def test_profile_is_taken_by_linuxptp(name: str, tool: Callable[[str], str]) -> None:
    path, release = installed("ptp4l", tool)
    profile = profiles()[name]
    conf = trx_conf_of(profile)
    able = RANK[release] >= RANK[profile.min_linuxptp]
    assert accepts(path, linuxptp_file(conf, "ptp4l")) is able
    assert accepts(tool("phc2sys"), linuxptp_file(conf, "phc2sys")) is able


def test_kinds_are_all_asked() -> None:
    assert {option.kind for option in catalogue().options.values()} == set(ValueKind)
