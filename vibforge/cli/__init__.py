"""The command line: arguments in, one call of the library, a report out, an exit code.

Exit codes: 0 good, 1 done but the verdict is bad, 2 could not be done, 3 a bug in vibforge,
4 not possible on this machine.
A command that a signal stops exits with 128 + the signal's number, SIGPIPE among them: whoever
read the output went away.
"""

import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Annotated, NoReturn

import typer

from vibforge import __version__
from vibforge.cli.streams import Stopped
from vibforge.errors import NotPossibleHereError, VibforgeError

_USAGE_OR_INPUT = 2
_BUG = 3
_NOT_POSSIBLE_HERE = 4

_COMMANDS = {
    "build": "build:build",
    "schema": "build:schema",
    "lint": "lint:lint",
    "plan": "hosts:plan",
    "host-facts": "hosts:host_facts",
    "explain": "hosts:explain",
    "init": "init:init",
    "inspect": "inspect:inspect",
    "verify": "verify:verify",
    "extract": "extract:extract",
    "bundle": "bundle:app",
    "trx": "trx:app",
    "sign": "sign:sign",
    "pki": "pki:app",
}
"""Each command, or group of commands, with the module below this one that has it."""


def application(argv: Sequence[str]) -> typer.Typer:
    """Return the program with the command that `argv` names, or with all where it names none.

    Declaring a command takes longer than carrying out a short one.
    """
    app = typer.Typer(
        name="vibforge",
        help="Make, read and judge VIBs, the packages of VMware ESXi.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    asked = next((word for word in argv if not word.startswith("-")), "")
    for name in [asked] if asked in _COMMANDS else [] if "--version" in argv else _COMMANDS:
        module, attribute = _COMMANDS[name].split(":")
        found = getattr(import_module(f"vibforge.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _stop_on_signals()
    try:
        application(argv)(list(argv))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except Stopped as stop:
        return stop.exit_code
    except VibforgeError as error:
        _say_error(error)
        here = isinstance(error, NotPossibleHereError)
        return _NOT_POSSIBLE_HERE if here else _USAGE_OR_INPUT
    except Exception:  # noqa: BLE001 - the last one to see it: everything else is a bug
        traceback.print_exc()
        sys.stderr.write("vibforge: this is a bug; please report it with the lines above.\n")
        return _BUG
    return 0


def _say_error(error: VibforgeError) -> None:
    from vibforge.cli.arguments import paint, tell  # noqa: PLC0415 - only where something failed

    label = paint(sys.stderr)("error:", "bad")
    for problem in error.problems:
        tell(f"{label} {problem}")


def _stop_on_signals() -> None:
    """Turn the signals that ask for an end into an exception, so that clean-up code runs."""

    def stop(signum: int, _frame: FrameType | None) -> NoReturn:
        raise Stopped(signum)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - the shape of a Typer callback
    if asked:
        typer.echo(f"vibforge {__version__}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Make, read and judge VIBs, the packages of VMware ESXi."""
