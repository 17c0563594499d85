import hashlib

import pytest

from vibforge.formats.streams import ALGORITHMS, Hasher, HashingThread

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
