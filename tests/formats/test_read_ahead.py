"""Pieces that are made in a thread of their own: their order, their errors, and their end."""

import threading
from collections.abc import Iterator

import pytest

from vibforge.errors import FormatError
from vibforge.formats.streams import ReadAhead

MANY = [bytes([number]) for number in range(100)]


def test_pieces_come_whole_and_in_order() -> None:
    with ReadAhead(iter(MANY)) as ahead:
        assert list(ahead) == MANY
        assert list(ahead) == []


@pytest.mark.parametrize("good", [0, 1, 50])
def test_an_error_comes_behind_the_pieces_before_it(good: int) -> None:
    def pieces() -> Iterator[bytes]:
        yield from MANY[:good]
        raise FormatError("damaged")

    with ReadAhead(pieces()) as ahead:
        assert [next(ahead) for _ in range(good)] == MANY[:good]
        with pytest.raises(FormatError, match="damaged"):
            next(ahead)


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_leaving_early_ends_the_thread(taken: int) -> None:
    made: list[None] = []

    def endless() -> Iterator[bytes]:
        while True:
            made.append(None)
            yield b"x"

    before = threading.active_count()
    with ReadAhead(endless()) as ahead:
        for _ in range(taken):
            next(ahead)
    assert threading.active_count() == before
    assert len(made) < taken + 20


def test_no_more_than_a_few_are_made_ahead() -> None:
    made = threading.Semaphore(0)

    def counted() -> Iterator[bytes]:
        for piece in MANY:
            made.release()
            yield piece

    with ReadAhead(counted()) as ahead:
        ahead_of_us = 0
        while made.acquire(timeout=0.2):
            ahead_of_us += 1
        assert 0 < ahead_of_us <= 8
        assert list(ahead) == MANY


def test_an_error_of_the_reader_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), ReadAhead(iter(MANY)):
        raise ZeroDivisionError
