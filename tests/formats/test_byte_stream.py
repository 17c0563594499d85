import io

import pytest

from vibforge.formats.streams import CHUNK_SIZE, ByteStream, read_chunks

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
