"""How `--help` looks: whole sentences in lists of commands, and examples below each command."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from typer.core import TyperCommand, TyperGroup

_UNCUT = 1000
"""Characters of a summary: lists break it over lines, and none is cut to one."""


class _Formatter(Protocol):
    """What is needed of click's formatter, whose module typer has moved more than once."""

    @property
    def current_indent(self) -> int: ...
    def section(self, name: str) -> AbstractContextManager[None]: ...
    def write(self, string: str) -> None: ...
    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class Group(TyperGroup):
    """A group whose list says of each command all that its summary says."""

    def format_commands(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write the list of commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, found.get_short_help_str(_UNCUT)) for name, found in commands if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Command(TyperCommand):
    """A command whose help ends with examples."""

    def format_epilog(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write the examples; a line is never broken, so that it can be copied."""
        from vibforge.cli.examples import EXAMPLES  # noqa: PLC0415 - only where help is asked for

        lines = EXAMPLES.get(" ".join(reversed(list(_names(ctx)))), "").splitlines()
        if lines:
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _names(ctx: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the words by which a command is called, the last first, without the program's."""
    while ctx.parent is not None:
        yield ctx.info_name or ""
        ctx = ctx.parent
