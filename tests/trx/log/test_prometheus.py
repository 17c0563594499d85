import re

from tests.trx.log.making import phc_sample, reading_of, steady, text
from vibforge.trx.log.limits import limits_of
from vibforge.trx.log.prometheus import prometheus_text
from vibforge.trx.log.verdict import ErrorBudget, judge

_SAMPLE = re.compile(
    r'(?P<name>[a-z_]+)\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\} (?P<value>-?[0-9.e+-]+)'
)
"""The grammar of the text format, for what is used of it."""


def values_of(written: str) -> dict[str, float]:
    found, name = {}, ""
    for line in written.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {name} gauge"
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            assert match["name"] == name
            found[line.rpartition(" ")[0]] = float(match["value"])
    return found


def test_gauges_say_what_the_log_says() -> None:
    data = steady(1, [100, -300, 200]) + phc_sample(1, 7) + text(4, "clockcheck: clock jumped x")
    data += text(4, "port 1: UNCALIBRATED to SLAVE on X")
    reading = reading_of(data, host='a "b" \\c')
    written = prometheus_text(reading, judge(reading, limits_of(["g8271-4", "10"]), ErrorBudget()))
    assert written.endswith("\n")
    found = values_of(written)
    host = r'host="a \"b\" \\c"'
    clock = f'{{{host},program="ptp4l",clock="master"}}'
    assert found[f"vibforge_clock_offset_nanoseconds{clock}"] == 200
    assert found[f"vibforge_clock_worst_nanoseconds{clock}"] == 300
    assert found[f"vibforge_clock_locked{clock}"] == 1
    assert found[f'vibforge_ptp_port_state{{{host},port="port 1",state="SLAVE"}}'] == 1
    assert found[f'vibforge_limit_kept{{{host},limit="g8271-4"}}'] == 1
    assert found[f'vibforge_limit_kept{{{host},limit="10"}}'] == 0
    name = f'{{{host},program="ptp4l",message="clockcheck",severity="error"}}'
    assert found[f"vibforge_log_messages{name}"] == 1


def test_nothing_measured_makes_few_gauges() -> None:
    reading = reading_of(text(1, "port 1: INITIALIZING to LISTENING on INIT_COMPLETE"))
    assert len(values_of(prometheus_text(reading, judge(reading, [], ErrorBudget())))) == 1
