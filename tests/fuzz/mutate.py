"""Change good bytes a little, as damage, lies and malice do."""

import random
import re

_ODD_BYTES = b"\x00\x01\x7f\x80\xff<>&/\\ 0789\n"
_NUMBER = re.compile(rb"[0-9]{1,12}")
_ODD_NUMBERS = (b"0", b"1", b"7", b"8", b"99999999999", b"37777777777", b"4294967296", b"-1")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with one to eight changes, the same for the same state of `chance`."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        chance.choice(_CHANGES)(changed, chance)
    return bytes(changed)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(_ODD_BYTES)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _remove(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.choice((1, 2, 60, 512))]


def _insert(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    data[start:start] = chance.randbytes(chance.choice((1, 4, 60)))


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.choice((1, 16, 60, 512))]
    data[start:start] = piece * chance.choice((1, 2, 20))


def _lie(data: bytearray, chance: random.Random) -> None:
    """Put another number in a number's place, of the same width."""
    numbers = list(_NUMBER.finditer(data))
    if numbers:
        found = chance.choice(numbers)
        width = found.end() - found.start()
        data[found.start() : found.end()] = chance.choice(_ODD_NUMBERS)[:width].ljust(width, b"0")


_CHANGES = (_flip, _flip, _set, _set, _cut, _remove, _insert, _repeat, _lie)
