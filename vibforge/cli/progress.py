"""A bar for what takes longer than a second, on a terminal only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import typer

_PATIENCE = 1.0


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that takes the bytes done and all bytes; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        yield _Bar(label, stack).update


class _Bar:
    """Starts to draw after a second."""

    def __init__(self, label: str, stack: ExitStack) -> None:
        self._label = label
        self._stack = stack
        self._begin = time.monotonic()
        self._shown = 0
        self._advance: Callable[[int], None] | None = None

    def update(self, done: int, size: int) -> None:
        if self._advance is None:
            if time.monotonic() - self._begin < _PATIENCE:
                return
            bar = self._stack.enter_context(
                typer.progressbar(length=size, label=self._label, file=sys.stderr)
            )
            self._advance = bar.update
        self._advance(done - self._shown)
        self._shown = done
