"""Clock logs, and archives of them."""

import gzip
import io
import random
import tarfile
from collections.abc import Callable, Iterator
from functools import partial

from tests.hostile.case import Hostile, file_input
from tests.trx.log.making import phc_sample, sample, summary, text


def _lines(n: int, line: Callable[[int], bytes]) -> bytes:
    found = bytearray()
    number = 0
    while len(found) < n:
        found += line(number)
        number += 1
    return bytes(found)


def _tar(n: int, name: Callable[[int], str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for number in range(n):
            info = tarfile.TarInfo(name(number))
            data = sample(number, number)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def _noise(n: int) -> bytes:
    return random.Random(n).randbytes(n)


_LOGS: dict[str, Callable[[int], bytes]] = {
    "noise": lambda n: sample(1, 1) + _noise(n),
    "one-line": lambda n: sample(1, 1) + b"x" * n,
    "brackets": lambda n: sample(1, 1) + b"ptp4l[" * (n // 6),
    "nuls": lambda n: sample(1, 1) + b"\0" * n,
    "empty-lines": lambda n: sample(1, 1) + b"\n" * n,
    "alternating": lambda n: _lines(n, lambda i: sample(i, i) + text(i + 0.1, f"what {i}")),
    "servo-states": lambda n: _lines(n, lambda i: sample(i, i, i % 4)),
    "samples-and-summaries": lambda n: _lines(n, lambda i: sample(i, i) + summary(i, 1, 2)),
    "gaps": lambda n: _lines(n, lambda i: sample(i * i, i)),
    "backwards": lambda n: _lines(n, lambda i: sample(10**9 - 5 * i, i)),
    "jumps": lambda n: _lines(n, lambda i: sample(i * 7919 % 10**6, i)),
    "hosts": lambda n: _lines(n, lambda i: b"Nov 28 01:02:03 h%d " % i + sample(i, i)),
    "places": lambda n: _lines(n, lambda i: b"Nov 28 01:02:03 h p%d " % i + sample(i, i)),
    "clocks": lambda n: _lines(n, lambda i: phc_sample(i, i).replace(b"CLOCK", b"C%d" % i)),
    "ports": lambda n: _lines(n, lambda i: text(i, f"port {i}: SLAVE to LISTENING on X")),
    "grandmasters": lambda n: _lines(n, lambda i: text(i, f"selected best master clock {i:x}")),
    "shapes": lambda n: _lines(n, lambda i: text(i, f"{i:b}".translate({48: "a", 49: "b"}))),
    "large-numbers": lambda n: _lines(n, lambda i: sample(i, 10**17 + i * 10**12, freq=i)),
    "distinct": lambda n: _lines(n, lambda i: sample(i, i * 7919 % 2**40, delay=i * 104729)),
    "times-of-day": lambda n: _lines(
        n, lambda i: b"%04d-01-01T00:00:00Z h " % (i % 9999 + 1) + sample(i, i)
    ),
    "no-times-of-day": lambda n: _lines(n, lambda i: b"Dez 99 99:99:99 h " + sample(i, i)),
    "short-lines-packed": lambda n: gzip.compress(sample(1, 1) + b"a\n" * (n * 60)),
    "long-lines-packed": lambda n: gzip.compress(sample(1, 1) + (b"x" * 4000 + b"\n") * (n // 50)),
    "samples-packed": lambda n: gzip.compress(b"".join(sample(i, i % 9) for i in range(n // 5))),
    "same-sample-packed": lambda n: gzip.compress(sample(1, 1) * n),
    "padded-sample": lambda n: (
        gzip.compress(b"".join(sample(i, i % 9) for i in range(n // 2))) + _noise(n // 4)
    ),
    "bomb": lambda n: gzip.compress(gzip.compress(sample(1, 1) + b"\n" * (n * 100))),
    "members": lambda n: _tar(n // 600, lambda i: f"trx.{i}.log"),
    "fragments": lambda n: _tar(n // 600, lambda i: f"trx.log.FRAG-{i * 7 % 99999:05}"),
    "cut-gzip": lambda n: gzip.compress(_lines(n, lambda i: sample(i, i)))[: n // 20],
}
"""Logs and archives, by their bytes."""


def logs() -> Iterator[Hostile]:
    """Logs that flood or lie."""
    for name, content in _LOGS.items():
        for size in (4_000, 900_000):
            yield file_input(
                f"clock-log/{name}/{size}",
                "trx.log",
                partial(content, size),
                "trx log trx.log --limit g8271-4",
                "trx log trx.log --all --json",
            )


FAMILIES = (logs,)
