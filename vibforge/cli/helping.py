"""How `--help` and usage errors look.

Help has whole sentences in lists of commands, and exit codes and examples below each command. A
usage error never repeats what may be a secret: the value of an option for one, however mistyped.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import typer
from typer.core import TyperCommand, TyperGroup

from vibforge.cli import examples
from vibforge.cli.exit_codes import TABLE
from vibforge.vib import identity

_UNCUT = 1000
"""Characters of a summary: lists break it over lines, and none is cut to one."""
_SECRET_OPTIONS = "--passphrase"  # noqa: S105 - a name
"""Start of the name of every option that leads to a secret."""
_OPTION_NAME = re.compile(r"-{1,2}[A-Za-z-]*")
_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's UsageError, which typer does not pass on by name."""
_NOT_REPEATED = "not repeated here, since it may be a secret"


class _Formatter(Protocol):
    """What is needed of click's formatter, whose module typer has moved more than once."""

    @property
    def current_indent(self) -> int: ...
    def section(self, name: str) -> AbstractContextManager[None]: ...
    def write(self, string: str) -> None: ...
    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class HelpGroup(TyperGroup):
    """A group whose list says of each command all that its summary says."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own classes, which typer has moved more than once
        """Read the words of the command line."""
        with _discreet():
            return list(super().parse_args(ctx, args))

    def format_epilog(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write the exit codes, once for the whole program."""
        if ctx.parent is None:
            _write_exit_codes(formatter)

    def format_commands(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write the list of commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, found.get_short_help_str(_UNCUT)) for name, found in commands if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class HelpCommand(TyperCommand):
    """A command whose help ends with exit codes and examples."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Read the words of the command line."""
        ctx.allow_extra_args = True  # click's own message would repeat them
        with _discreet():
            extra = super().parse_args(ctx, args)
        if extra and not ctx.resilient_parsing:
            words = "word" if len(extra) == 1 else "words"
            ctx.fail(f"{len(extra)} {words} too many on the command line, {_NOT_REPEATED}")
        for parameter in self.params:
            value = ctx.params.get(parameter.name or "")
            values = value if isinstance(value, list | tuple) else (value,)
            if any(str(each).startswith(_SECRET_OPTIONS) for each in values):
                ctx.fail(f"{parameter.opts[0]} lacks its value: another option follows it")
            if parameter.type.name == "path" and any(map(_is_a_key, values)):
                ctx.fail(f"{parameter.opts[0]}: this is a key or certificate itself; name its file")
        return []

    def format_epilog(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write exit codes and examples; an example is never broken, so that it can be copied."""
        _write_exit_codes(formatter)

        lines = examples.EXAMPLES.get(" ".join(reversed(list(_names(ctx)))), "").splitlines()
        if lines:
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _names(ctx: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the words by which a command is called, the last first, without the program's."""
    while ctx.parent is not None:
        yield ctx.info_name or ""
        ctx = ctx.parent


def _write_exit_codes(formatter: _Formatter) -> None:
    with formatter.section("Exit codes"):
        formatter.write_dl(TABLE)


def _is_a_key(value: object) -> bool:
    """Return whether somebody gave a key where a file should be named."""
    text = str(value)
    if not ("-----BEGIN" in text or text.startswith("M")):
        return False  # the base64 of DER starts with M

    return identity.looks_like_a_key(text)


@contextmanager
def _discreet() -> Iterator[None]:
    """Take what may be a secret out of a usage error."""
    try:
        yield
    except _USAGE_ERROR as error:
        unknown = getattr(error, "option_name", "")
        parameter = getattr(error, "param", None)
        if unknown:
            error.message = f"No such option: {_without_value(unknown)}"  # type: ignore[attr-defined] # click's
        elif parameter and any(name.startswith(_SECRET_OPTIONS) for name in parameter.opts):
            error.message = f"the value is of the wrong kind; it is {_NOT_REPEATED}"  # type: ignore[attr-defined] # click's
        raise


def _without_value(option: str) -> str:
    """Return an unknown option without what may be a value stuck to it."""
    name = _OPTION_NAME.match(option)
    shown = name[0] if name else ""
    return _SECRET_OPTIONS + "…" if shown.startswith(_SECRET_OPTIONS) else shown
