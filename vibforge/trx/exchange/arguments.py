"""The command lines of ptp4l(8) and phc2sys(8), as far as they say what a file can say.

Both take every option of the common table as `--name=value` too, since 2.0.
"""

import shlex
from collections.abc import Iterator, Mapping

from vibforge.errors import TrxError
from vibforge.trx.catalogue import Letter
from vibforge.trx.document import Line
from vibforge.trx.exchange.transfer import Collector

MAX_CHARACTERS = 1 << 16
"""Of one command line; the kernel takes 128 KiB in one argument."""

_OF_TRX = {
    "ptp4l": frozenset({"-f", "-i", "-p", "-h", "-v"}),
    "phc2sys": frozenset(
        {"-a", "-r", "-s", "-c", "-i", "-w", "-f", "-h", "-v", "-C", "-N", "-R", "-u"}
    ),
}
"""What TRX settles itself: its one interface, its clocks, its own file, how often it corrects."""


def take_arguments(collector: Collector, namespace: str, arguments: str) -> None:
    """Take over the command line `arguments` of the program `namespace`.

    Raises:
        TrxError: it is too long, or its quotes do not match.
    """
    if len(arguments) > MAX_CHARACTERS:
        raise TrxError(f"the options of {namespace} have more than {MAX_CHARACTERS} characters")
    try:
        words = iter(shlex.split(arguments))
    except ValueError as error:
        raise TrxError(
            f"the options of {namespace} cannot be taken apart: {error}", remedy="Match the quotes."
        ) from error
    for word in words:
        if word.startswith("--"):
            _take_long(collector, namespace, word[2:], words)
        elif word.startswith("-") and len(word) > 1:
            _take_letters(collector, namespace, word[1:], words)
        else:
            collector.lose(f"{namespace} options", word, "it belongs to no option")


def _take_long(collector: Collector, namespace: str, word: str, words: Iterator[str]) -> None:
    key, sign, value = word.partition("=")
    collector.take(namespace, key, value if sign else next(words, ""), f"{namespace} --{key}")


def _take_letters(collector: Collector, namespace: str, word: str, words: Iterator[str]) -> None:
    table = collector.table
    letters = table.ptp4l_letters if namespace == "ptp4l" else table.phc2sys_letters
    while word:
        name, word = f"-{word[0]}", word[1:]
        letter = letters.get(name)
        argument = ""
        if letter and letter.argument:
            argument, word = (word or next(words, "")), ""
        _take_letter(collector, namespace, name, argument, letters)


def _take_letter(
    collector: Collector, namespace: str, name: str, argument: str, letters: Mapping[str, Letter]
) -> None:
    letter = letters.get(name)
    where = f"{namespace} options"
    if letter and letter.key:
        collector.take(namespace, letter.key, argument or letter.value, f"{namespace} {name}")
    elif name in _OF_TRX[namespace]:
        why = "TRX settles it itself" + (f" ({letter.does})" if letter else "")
        collector.lose(where, f"{name} {argument}", why, harmless=True)
    elif letter:
        why = f"no option of the file does it ({letter.does})"
        collector.lose(where, f"{name} {argument}", why)
    else:
        collector.lose(where, name, f"{namespace} has no such letter")


def arguments_of(settings: Iterator[Line]) -> str:
    """Return settings as `--name=value` arguments."""
    return " ".join(shlex.quote(f"--{line.key}={line.value}") for line in settings)
