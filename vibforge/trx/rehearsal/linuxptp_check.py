"""Check a trx.conf line by line with the parsers of ptp4l and phc2sys.

Without an interface both read the file and stop: exit code 254 means that they refuse a line, any
other code that they accept it (tried with linuxptp 2.0 to 4.4).
"""

import re
import subprocess
import time
from collections.abc import Sequence

from msgspec import Struct

from vibforge.trx.conf import Line, TrxConf, shown
from vibforge.trx.rehearsal.linuxptp import Linuxptp
from vibforge.trx.rehearsal.sandbox import Sandbox

_REJECTED = 254
_LONGEST_WORDS = 200
_SECONDS = 10.0
"""For all lines of one program; a line takes 5 ms."""


class Rejection(Struct, frozen=True, kw_only=True):
    """A line that a program refuses, and the program's message."""

    program: str
    line: Line
    words: str


def rejections(conf: TrxConf, world: Sandbox, linuxptp: Linuxptp) -> tuple[Rejection, ...]:
    """Return the refused lines; a program names only one, so each line is tried alone."""
    found: list[Rejection] = []
    for program in ("ptp4l", "phc2sys"):
        lines = [line for line in conf.settings if line.namespace == program]
        if lines and _words(program, lines, world, linuxptp):
            found += _each(program, lines, world, linuxptp)
    return tuple(found)


def _each(
    program: str, lines: Sequence[Line], world: Sandbox, linuxptp: Linuxptp
) -> list[Rejection]:
    end = time.monotonic() + _SECONDS
    found = []
    for line in lines:
        words = _words(program, [line], world, linuxptp)
        if words:
            found.append(Rejection(program=program, line=line, words=words))
        if time.monotonic() > end:
            break
    return found


def _words(program: str, lines: Sequence[Line], world: Sandbox, linuxptp: Linuxptp) -> str:
    """Return why the program refuses the lines, empty if it accepts them."""
    file = world.folder / f"{program}.lines"
    text = "".join(["[global]\n", *(f"{line.key} {line.value}\n" for line in lines)])
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    try:
        answer = world.run(*linuxptp.command(program), "-f", str(file))
    except subprocess.TimeoutExpired:
        return "it does not answer"
    if answer.returncode != _REJECTED:
        return ""
    words = re.sub(r" at line \d+( in global section)?$", "", answer.stderr.strip().split("\n")[0])
    return shown(words, _LONGEST_WORDS) or "no reason given"
