"""The command line: reads arguments, calls the library once, prints a report, exits with a code.

`vibforge.cli.exit_codes` has the table of exit codes.
"""

import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Annotated

import typer
from msgspec import Struct

from vibforge import __version__
from vibforge.cli.exit_codes import SIGNAL_BASE, ExitCode
from vibforge.cli.helping import HelpCommand, HelpGroup
from vibforge.cli.streams import Stopped
from vibforge.errors import NotPossibleHereError, VibforgeError, refused

_COMMANDS = {
    "init": "init:init",
    "build": "build:build",
    "bump": "bump:bump",
    "lint": "lint:lint",
    "plan": "hosts:plan",
    "explain": "hosts:explain",
    "host-facts": "hosts:host_facts",
    "host-check": "host_check:host_check",
    "inspect": "inspect:inspect",
    "diff": "diff:diff",
    "repro": "repro:repro",
    "verify": "verify:verify",
    "extract": "extract:extract",
    "sign": "sign:sign",
    "pki": "pki:app",
    "bundle": "bundle:app",
    "evidence": "evidence:app",
    "trx": "trx:app",
    "schema": "build:schema",
    "make": "make:make",
}
"""Each command or group of commands and the module that defines it, in the order of work: build,
check, read, sign, publish."""


def application(argv: Sequence[str]) -> typer.Typer:
    """Return the program with the command that `argv` names, or with all commands if it names none.

    Only one is declared because declaring a command takes longer than running a short one.
    """
    app = typer.Typer(
        name="vibforge",
        cls=HelpGroup,
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
            for command in found.registered_commands:
                command.cls = HelpCommand
            app.add_typer(found, name=name, cls=HelpGroup)
        else:
            app.command(name, cls=HelpCommand)(found)
    return app


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    stopping = _Stopping()
    try:
        stopping.listen()
        code = _run(argv)
        stopping.begun = True  # the command has ended: ignore later signals
    except Stopped as stop:
        return stop.exit_code
    except BaseException as error:
        if stopping.signum:  # a library replaced Stopped by another exception
            return SIGNAL_BASE + stopping.signum
        if not isinstance(error, Exception):
            raise
        traceback.print_exc()
        sys.stderr.write("vibforge: this is a bug; please report it with the lines above.\n")
        return ExitCode.BUG
    return code


def _run(argv: Sequence[str]) -> int:
    try:
        application(argv)(list(argv))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except VibforgeError as error:
        _say_error(error)
        here = isinstance(error, NotPossibleHereError)
        return ExitCode.NOT_POSSIBLE_HERE if here else ExitCode.COULD_NOT
    except OSError as error:
        _say_error(refused(error))
        return ExitCode.COULD_NOT
    return 0


def _say_error(error: VibforgeError) -> None:
    from vibforge.cli.arguments import paint, tell  # noqa: PLC0415 - only where something failed

    label = paint(sys.stderr)("error:", "bad")
    for problem in error.problems:
        tell(f"{label} {problem}")


class _Stopping(Struct):
    """Turns the first stop signal into an exception, so that clean-up code runs.

    Later signals are ignored: a second Ctrl-C would interrupt the clean-up.
    """

    begun: bool = False
    signum: int = 0

    def listen(self) -> None:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._stop)

    def _stop(self, signum: int, _frame: FrameType | None) -> None:
        if not self.begun:
            self.begun, self.signum = True, signum
            raise Stopped(signum)


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
