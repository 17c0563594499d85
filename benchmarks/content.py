"""The bytes that benchmark files are made of: like the files of drivers and agents, from no file.

Their shares are set so that they deflate as a set of real drivers, agents and their texts was
measured to: to about 38%, with zlib's level 9 several times as slow as its level 6, and zlib-ng's
level 6 about two and a half times as fast as zlib's.
"""

import random
import struct
from collections.abc import Callable

SIZE = 6 * 1024 * 1024
"""Bytes that are made; more is their repetition, far outside of deflate's window of 32 KiB."""

_SHARES = {
    "_code": 20,
    "_symbols": 26,
    "_relocations": 6,
    "_samples": 16,
    "_text": 22,
    "_noise": 10,
}
_SECTION = (800, 4_000)
"""Bytes of a kind that stand together, a hundredth of its share."""
_SYLLABLES = (
    "ad",
    "con",
    "dev",
    "re",
    "set",
    "get",
    "tx",
    "rx",
    "ptp",
    "clk",
    "nic",
    "vmk",
    "log",
    "buf",
    "init",
    "port",
    "time",
    "sync",
    "msg",
    "ref",
    "id",
    "len",
    "ctl",
    "reg",
    "mac",
    "phy",
    "irq",
    "dma",
    "que",
    "ring",
)
_LINES = (
    "    if ({} == {}) {{\n        return {};\n    }}\n",
    "static int {}(struct {} *{})\n{{\n",
    "    {}->{} = {};\n",
    "/* {} {} {} {} */\n",
    "        {} = {}({}, &{});\n",
    '    log_warning("{}: cannot {} the {}");\n',
    "}}\n\n",
)
_REPEATED = 0.1
"""Share of the lines of a text that repeat what was said."""
_OPCODES = (b"\x48\x89", b"\x48\x8b", b"\x89", b"\x8b", b"\x0f\xb6", b"\x48\x83\xc4", b"\x48\x8d")


def content() -> bytes:
    """Return SIZE bytes, the same on every machine."""
    chance = random.Random(7)
    makers: dict[str, Callable[[int], bytes]] = {
        "_code": _code(chance),
        "_symbols": lambda size: _symbols(chance, size),
        "_relocations": lambda size: _relocations(chance, size),
        "_samples": lambda size: _samples(chance, size),
        "_text": _text(chance),
        "_noise": chance.randbytes,
    }
    out = bytearray()
    while len(out) < SIZE:
        for kind, share in _SHARES.items():
            out += makers[kind](share * chance.randint(*_SECTION))
    return bytes(out[:SIZE])


def _code(chance: random.Random) -> Callable[[int], bytes]:
    """Make instructions as compilers repeat them, with operands that differ."""
    sequences = [
        b"".join(chance.choice(_OPCODES) + chance.randbytes(1) for _ in range(chance.randint(1, 6)))
        for _ in range(600)
    ]
    weights = [(rank + 1) ** -0.8 for rank in range(len(sequences))]

    def make(size: int) -> bytes:
        out = bytearray()
        while len(out) < size:
            out += chance.choices(sequences, weights)[0]
            match chance.choices(("call", "offset", "return", "none"), (25, 20, 5, 50))[0]:
                case "call":
                    out += b"\xe8" + struct.pack("<i", -chance.randrange(1 << 14) * 16)
                case "offset":
                    out.append(chance.randrange(32) * 8)
                case "return":
                    out += b"\xc3" + bytes(chance.randint(1, 8))
                case "none":
                    pass
        return bytes(out)

    return make


def _symbols(chance: random.Random, size: int) -> bytes:
    out, address = bytearray(), 0x201000
    while len(out) < size:
        address += chance.randrange(1, 40) * 16
        name, length = chance.randrange(1 << 16), chance.randrange(64) * 4
        out += struct.pack("<IBBHQQ", name, 0x12, 0, 11, address, length)
    return bytes(out)


def _relocations(chance: random.Random, size: int) -> bytes:
    out, address = bytearray(), 0x201000
    while len(out) < size:
        address += chance.choice((8, 8, 8, 8, 16, 24, 32))
        out += struct.pack("<QQq", address, 8, address - 0x180000 + chance.randrange(64) * 16)
    return bytes(out)


def _samples(chance: random.Random, size: int) -> bytes:
    out, value = bytearray(), 128
    for step in chance.choices((-2, -1, 0, 0, 0, 0, 1, 2), k=size):
        value = max(0, min(255, value + step))
        out.append(value)
    return bytes(out)


def _text(chance: random.Random) -> Callable[[int], bytes]:
    """Make lines of a program's source, some of them said before."""
    names = ["_".join(chance.choices(_SYLLABLES, k=chance.randint(1, 3))) for _ in range(900)]
    weights = [(rank + 1) ** -0.7 for rank in range(len(names))]

    def make(size: int) -> bytes:
        lines: list[str] = []
        length = 0
        while length < size:
            if lines and chance.random() < _REPEATED:
                start = chance.randrange(max(0, len(lines) - 400), len(lines))
                more = lines[start : start + chance.randint(1, 10)]
            else:
                more = [chance.choice(_LINES).format(*chance.choices(names, weights, k=4))]
            lines += more
            length += sum(map(len, more))
        return "".join(lines).encode("ascii")

    return make
