import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trx.log.making import sample, steady
from vibforge.errors import TrxError
from vibforge.trx.log import follow as follow_module
from vibforge.trx.log.follow import Tail, follow
from vibforge.trx.log.reading import LogReader


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_module, "POLL", 0.0)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def do_nothing() -> None:
    pass


def offsets_after(path: Path, steps: list[Callable[[], None]]) -> int:
    """Follow a log; after each look one more thing happens to it. Return the samples seen."""
    reader, waiting = LogReader(), iter([*steps, do_nothing])

    class EnoughError(Exception):
        pass

    def on_look() -> None:
        step = next(waiting, None)
        if step is None:
            raise EnoughError
        step()

    with pytest.raises(EnoughError):
        follow(path, "log", reader, on_look)
    return sum(c.offset.count for c in reader.result().clocks if c.offset)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trx.log"
    path.write_bytes(steady(1, range(5)))
    return path


def test_new_lines_are_read_when_they_are_whole(log: Path) -> None:
    line = sample(6, 1)
    assert offsets_after(log, [lambda: append(log, line[:30]), lambda: append(log, line[30:])]) == 6


def test_a_rotation_loses_no_line(log: Path) -> None:
    def rotate() -> None:
        append(log, sample(6, 1))
        log.rename(log.with_suffix(".0"))

    def begin() -> None:
        log.write_bytes(steady(7, range(3)))

    assert offsets_after(log, [rotate, begin]) == 9


def test_a_log_that_is_emptied_is_read_from_its_start(log: Path) -> None:
    def empty() -> None:
        log.write_bytes(sample(9, 1))

    assert offsets_after(log, [empty]) == 6


def test_it_ends_after_its_time(log: Path) -> None:
    reader = LogReader()
    follow(log, "log", reader, lambda: None, seconds=0.05)
    assert reader.known_lines == 5
    assert reader.now()[0].last == 4


def test_a_log_that_does_not_grow_is_not_locked_any_more(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    reader, seen = LogReader(), []
    follow(log, "log", reader, lambda: seen.append(reader.now()[0].state), seconds=9)
    assert seen == ["s2", "s2", "", "", ""]
    (found,) = reader.result().clocks
    assert not found.locked_at_end


def test_a_look_changes_nothing_of_the_result(log: Path) -> None:
    reader = LogReader()
    looks = []
    follow(log, "log", reader, lambda: looks.append(reader.result()), seconds=0.01)
    assert reader.result() == looks[-1]


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_cannot_be_followed(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrxError, match="cannot be followed"):
        Tail(tmp_path / name)


def test_a_log_that_may_not_be_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TrxError, match="Permission denied"):
        Tail(log)
