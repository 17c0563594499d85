"""Streams: pieces of a size, digests, and pieces that are made in a thread of their own."""

import hashlib
import io
import threading
from collections.abc import Iterator

import pytest

from vibforge.errors import FormatError
from vibforge.formats.streams import (
    ALGORITHMS,
    CHUNK_SIZE,
    ByteStream,
    Hasher,
    HashingThread,
    ReadAhead,
    read_chunks,
)

DATA = bytes(range(256)) * (CHUNK_SIZE // 128)


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, len(DATA)])
def test_as_many_bytes_as_asked_for_and_no_more(size: int) -> None:
    stream = io.BytesIO(DATA + b"rest")
    chunks = list(read_chunks(stream, size))
    assert b"".join(chunks) == DATA[:size]
    assert all(0 < len(chunk) <= CHUNK_SIZE for chunk in chunks)
    assert stream.tell() == size


def test_a_stream_that_ends_gives_what_it_has() -> None:
    assert b"".join(read_chunks(io.BytesIO(DATA), 2 * len(DATA))) == DATA


def test_nothing_follows_what_was_passed_over() -> None:
    stream = ByteStream(iter([b"abc", b"", b"defg"]))
    assert stream.read(2) == b"ab"
    assert stream.drain() == 5
    assert (stream.read(1), stream.drain(), stream.position) == (b"", 0, 7)


CHUNKS = [b"one", b"", b"two" * 1000]
WHOLE = b"".join(CHUNKS)


@pytest.mark.parametrize("threaded", [False, True])
def test_the_digests_are_hashlib_s(threaded: bool) -> None:  # noqa: FBT001 - one of two ways
    hasher = Hasher(ALGORITHMS)
    if threaded:
        with HashingThread() as thread:
            for chunk in CHUNKS:
                thread.take(hasher, chunk)
    else:
        for chunk in CHUNKS:
            hasher.take(chunk)
    assert hasher.size == len(WHOLE)
    assert {name: hasher.digest(name) for name in ALGORITHMS} == {
        name: hashlib.new(name.replace("-", ""), WHOLE, usedforsecurity=False).hexdigest()
        for name in ALGORITHMS
    }


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
