import gzip
import io
from pathlib import Path

import pytest

from tests.trx.log.making import steady
from vibforge.files.sources import FoundFile, Sources
from vibforge.trx.log.order import is_clock_log, log_name, ordered
from vibforge.trx.log.reading import read_clock_logs


def log_at(start: float, stamp: str = "", host: str = "") -> bytes:
    head = f"{stamp} {host} ".lstrip().encode() if stamp else b""
    return b"".join(head + line for line in steady(start, range(3)).splitlines(keepends=True))


def order_of(files: dict[str, bytes]) -> list[tuple[str, str]]:
    found = [FoundFile(name, "", lambda data=data: iter([data])) for name, data in files.items()]  # type: ignore[misc]
    return [(part.host, part.name) for part in ordered(found)]


@pytest.mark.parametrize(
    "path",
    [
        "var/run/log/trx.log",
        "trx.0",
        "trx-1.log",
        "trx.1",
        "ptp4l.log.8",
        "log/trx.log.3",
        "my-ptp4l.txt",
        "phc2sys",
    ],
)
def test_names_of_clock_logs(path: str) -> None:
    assert is_clock_log(path)


@pytest.mark.parametrize(
    "path",
    ["etc/vmware/trx.conf", "hostd.log", "ptp4l.conf", "trx/hostd.log", "sbin/ptp4l.8", "matrx"],
)
def test_names_of_others(path: str) -> None:
    assert not is_clock_log(path)


def test_rotated_files_are_read_oldest_first() -> None:
    files = {"trx.log": log_at(900), "trx.1.gz": log_at(100), "trx.0.gz": log_at(500)}
    assert [name for _, name in order_of(files)] == ["trx.1.gz", "trx.0.gz", "trx.log"]
    assert {host for host, _ in order_of(files)} == {"trx"}
    files = {"a.log.2": log_at(5), "a.log.10": log_at(77), "a.log": log_at(1)}
    assert [name for _, name in order_of(files)] == ["a.log.10", "a.log.2", "a.log"]


def test_a_time_of_day_goes_before_numbers() -> None:
    files = {
        "a.log": log_at(9, "2026-11-28T01:00:00Z"),
        "a.log.1": log_at(5, "2026-11-29T01:00:00Z"),
    }
    assert [name for _, name in order_of(files)] == ["a.log", "a.log.1"]


def test_a_year_that_is_not_said_begins_behind_the_longest_break() -> None:
    files = {
        f"a.log.{number}": log_at(5, f"{stamp} 01:00:00")
        for number, stamp in enumerate(["Jan  3", "Dec 30", "Dec 15", "Jan 17"])
    }
    names = [name for _, name in order_of(files)]
    assert names == ["a.log.2", "a.log.1", "a.log.0", "a.log.3"]


def test_logs_of_several_hosts_keep_apart() -> None:
    files = {"x/esx01/trx.log": log_at(1), "x/esx02/trx.log": log_at(1), "x/esx02/trx.0": log_at(0)}
    assert order_of(files) == [
        ("esx01", "x/esx01/trx.log"),
        ("esx02", "x/esx02/trx.0"),
        ("esx02", "x/esx02/trx.log"),
    ]
    files = {"a/esx01.log": log_at(1), "b/esx01.log": log_at(1)}
    assert [host for host, _ in order_of(files)] == ["a/esx01", "b/esx01"]


def test_programs_in_one_folder_are_of_one_host() -> None:
    files = {"esx01/ptp4l.log": log_at(1), "esx01/phc2sys.log": log_at(1)}
    assert {host for host, _ in order_of(files)} == {"esx01"}


def test_a_vm_support_archive_names_its_host() -> None:
    name = "v.tgz:esx-host7.example.com-2026-11-28--01.02-2099/var/run/log/trx.log"
    assert order_of({name: log_at(1)}) == [("host7.example.com", name)]


def test_the_name_of_a_followed_log() -> None:
    assert log_name(Path("/var/run/log/trx.log")) == "trx"


def test_a_rotated_set_is_one_log_without_a_gap(tmp_path: Path) -> None:
    lines = steady(100, range(300)).splitlines(keepends=True)
    (tmp_path / "trx.log").write_bytes(b"".join(lines[200:]))
    (tmp_path / "trx.0.gz").write_bytes(gzip.compress(b"".join(lines[100:200])))
    (tmp_path / "trx.1.gz").write_bytes(gzip.compress(b"".join(lines[:100])))
    (clock,) = read_clock_logs([tmp_path / "trx.log", tmp_path], io.BytesIO()).clocks[:1]
    assert (clock.gaps, clock.seconds) == (0, 299)


def test_an_unreadable_beginning_is_no_reason_to_stop() -> None:
    with Sources(is_clock_log) as sources:
        assert ordered(sources.files) == ()
