"""Lines as linuxptp prints them, and readings of them."""

from collections.abc import Iterable, Iterator

from vibforge.trx.log.lines import Lines
from vibforge.trx.log.order import Part
from vibforge.trx.log.reading import LogReader, LogReading, SourceLog, read_parts

Sample = tuple[float, int, int]
"""Seconds, offset, state of the servo."""


def sample(
    seconds: float, offset: int, servo: int = 2, *, freq: int = 5000, delay: int = 2051
) -> bytes:
    return b"ptp4l[%.3f]: master offset %10d s%d freq %+7d path delay %9d\n" % (
        seconds,
        offset,
        servo,
        freq,
        delay,
    )


def phc_sample(seconds: float, offset: int, servo: int = 2) -> bytes:
    return b"phc2sys[%.3f]: CLOCK_REALTIME phc offset %9d s%d freq %+7d delay %6d\n" % (
        seconds,
        offset,
        servo,
        300,
        1100,
    )


def summary(seconds: float, rms: int, largest: int) -> bytes:
    return b"ptp4l[%.3f]: rms %4d max %4d freq %+6d +/- %3d delay %5d +/- %3d\n" % (
        seconds, rms, largest, 5000, 12, 2051, 3,
    )  # fmt: skip


def text(seconds: float, words: str, program: str = "ptp4l") -> bytes:
    return f"{program}[{seconds:.3f}]: {words}\n".encode()


def steady(start: float, offsets: Iterable[int], interval: float = 1.0) -> bytes:
    return b"".join(sample(start + n * interval, offset) for n, offset in enumerate(offsets))


def reading_of(data: bytes, host: str = "log", chunk: int = 1 << 18) -> LogReading:
    """Read one log, in chunks of that size."""
    return reading_of_parts([Part("log", host, lambda: pieces(data, chunk))])


def reading_of_parts(parts: Iterable[Part]) -> LogReading:
    reader = LogReader()
    read = list(read_parts(parts, reader))
    sources = [each for each in read if isinstance(each, SourceLog)]
    return reader.result(sources, [each for each in read if not isinstance(each, SourceLog)])


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def blocks(data: bytes, size: int) -> list[bytes]:
    return list(Lines().blocks(pieces(data, size)))
