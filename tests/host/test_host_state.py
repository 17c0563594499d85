import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.host.script_hosts import RELEASES
from tests.host.test_facts import json_values
from vibforge.errors import ModelError
from vibforge.host.host_state import (
    ExecInstalledOnly,
    HostFileKind,
    HostState,
    HostTime,
    PtpService,
    read_state,
)

FORMAT = "vibforge/host-facts/1"


def read(**collected: Any) -> HostState:  # noqa: ANN401 - any JSON value
    return read_state(json.dumps({"format": FORMAT, "collected": collected}).encode())


@pytest.mark.parametrize(
    "facts",
    [
        {"format": FORMAT, "version": "8.0"},
        {"format": FORMAT, "collector": 1, "collected": {"version": {"Version": "8.0.2"}}},
        {"format": FORMAT, "collected": []},
    ],
)
def test_what_older_facts_do_not_tell_is_not_known(facts: dict[str, Any]) -> None:
    assert read_state(json.dumps(facts).encode()) == HostState()


def test_what_are_no_facts() -> None:
    with pytest.raises(ModelError, match="not a file of host facts"):
        read_state(b"{}")


FILE = {"path": "/a", "kind": "file", "mode": "1644", "size": 3, "sha256": "a" * 64}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "fifo"}, "kind"),
        ({"kind": []}, "kind"),
        ({"mode": "999"}, "mode"),
        ({"mode": 644}, "mode"),
        ({"size": -1}, "size"),
        ({"size": True}, "size"),
        ({"size": 10**30}, "size"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"sha256": "a" * 63}, "sha256"),
        ({"link": 7}, "link"),
        ({"sticky_copy": "yes"}, "sticky_copy"),
    ],
)
def test_an_odd_fact_of_a_file_is_not_known(change: dict[str, Any], field: str) -> None:
    (found,) = (read(files=[FILE | change]).files or {}).values()
    value = getattr(found, field)
    if field == "sticky_copy":
        value = value.kind
    assert value in {None, HostFileKind.NOT_KNOWN}


@pytest.mark.parametrize("path", [None, 7, []])
def test_a_file_without_a_path_is_left_out(path: object) -> None:
    assert read(files=[FILE | {"path": path}, 7, FILE]).files == read(files=[FILE]).files


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"Int Value": 1}, True),
        ({"IntValue": "0"}, False),
        ({"Int Value": 2}, None),
        ({"Int Value": None}, None),
        ("on", None),
    ],
)
def test_the_runtime_option(told: object, *, known: bool | None) -> None:
    assert read(exec_installed_only_runtime=[told]).exec_installed_only == ExecInstalledOnly(
        at_runtime=known
    )


def test_time_of_a_host_with_ptp() -> None:
    lines = RELEASES["9.0"].host_configuration.splitlines()
    time = read(host_configuration=lines).time
    assert time == HostTime(
        protocol="ptp",
        is_enabled=True,
        is_synchronised=True,
        is_in_fallback=False,
        last_sync="2026-11-28T09:00:00Z",
        service=PtpService(is_running=True, policy="on"),
    )


def test_members_of_inner_objects_are_not_those_of_the_time() -> None:
    lines = [
        "   dateTimeInfo = (vim.host.DateTimeInfo) {",
        "      ptpConfig = (vim.host.PtpConfig) {",
        "         enabled = false,",
        "      },",
        "      serviceSync = <unset>,",
        "   },",
        "      enabled = true",
    ]
    assert read(host_configuration=lines).time == HostTime()


def test_a_configuration_that_ends_early() -> None:
    lines = RELEASES["9.0"].host_configuration.splitlines()
    for count in range(len(lines)):
        read(host_configuration=lines[:count])


KEYS = [
    "time_of_day",
    "host_name",
    "files",
    "encryption",
    "exec_installed_only_boot",
    "exec_installed_only_runtime",
    "host_configuration",
    "ptp",
    "ptp_stats",
    "processes",
    "trx_log",
]


@given(st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4))
def test_no_value_is_a_traceback(collected: dict[str, Any]) -> None:
    read(**collected)


@given(st.lists(st.dictionaries(st.sampled_from([*FILE, "sticky_copy", "link"]), json_values)))
def test_no_file_is_a_traceback(files: list[Any]) -> None:
    read(files=files)


@given(
    st.lists(
        st.sampled_from(RELEASES["9.0"].host_configuration.splitlines()) | st.text(max_size=30)
    )
)
def test_no_configuration_is_a_traceback(lines: list[str]) -> None:
    read(host_configuration=lines)
