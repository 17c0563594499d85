"""Format of `--help` and of usage errors.

Lists of commands have whole sentences; the help of a command ends with exit codes and examples. A
usage error never repeats what may be a secret, such as the value of a mistyped option.
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
"""Longest summary in characters: long enough that click breaks it over lines and never cuts it."""
_SECRET_OPTIONS = "--passphrase"  # noqa: S105 - a name
"""Start of the name of every option that leads to a secret."""
_OPTION_NAME = re.compile(r"-{1,2}[A-Za-z-]*")
_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's UsageError, which typer does not export."""
_NOT_REPEATED = "not repeated here, since it may be a secret"


class _Formatter(Protocol):
    """The part of click's formatter used here; typer has moved its module more than once."""

    @property
    def current_indent(self) -> int: ...
    def section(self, name: str) -> AbstractContextManager[None]: ...
    def write(self, string: str) -> None: ...
    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class HelpGroup(TyperGroup):
    """A group whose list shows the whole summary of each command."""

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
                ctx.fail(f"{parameter.opts[0]} needs a value, but another option follows it")
            if parameter.type.name == "path" and any(map(_is_a_key, values)):
                ctx.fail(f"{parameter.opts[0]} needs the name of a file, not the key itself")
        return []

    def format_epilog(self, ctx: Any, formatter: _Formatter) -> None:  # noqa: ANN401 - as above
        """Write exit codes and examples, each example on one line so that it can be copied."""
        _write_exit_codes(formatter)

        lines = examples.EXAMPLES.get(" ".join(reversed(list(_names(ctx)))), "").splitlines()
        if lines:
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _names(ctx: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the words of a command, the last first, without the name of the program."""
    while ctx.parent is not None:
        yield ctx.info_name or ""
        ctx = ctx.parent


def _write_exit_codes(formatter: _Formatter) -> None:
    with formatter.section("Exit codes"):
        formatter.write_dl(TABLE)


def _is_a_key(value: object) -> bool:
    """Return whether the value is a key or certificate instead of the name of a file."""
    text = str(value)
    if not ("-----BEGIN" in text or text.startswith("M")):
        return False  # the base64 of DER starts with M

    return identity.looks_like_a_key(text)


@contextmanager
def _discreet() -> Iterator[None]:
    """Remove what may be a secret from a usage error."""
    try:
        yield
    except _USAGE_ERROR as error:
        unknown = getattr(error, "option_name", "")
        parameter = getattr(error, "param", None)
        if unknown:
            error.message = f"No such option: {_without_value(unknown)}"  # type: ignore[attr-defined] # click's
        elif parameter and any(name.startswith(_SECRET_OPTIONS) for name in parameter.opts):
            error.message = f"the value has the wrong type; it is {_NOT_REPEATED}"  # type: ignore[attr-defined] # click's
        raise


def _without_value(option: str) -> str:
    """Return the name of an unknown option, without a value attached to it."""
    name = _OPTION_NAME.match(option)
    shown = name[0] if name else ""
    return _SECRET_OPTIONS + "…" if shown.startswith(_SECRET_OPTIONS) else shown
