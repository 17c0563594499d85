"""`vibforge make`: the targets of vibforge.mk."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from vibforge.cli import application
from vibforge.cli.arguments import exit_unless, print_text, tell
from vibforge.errors import ModelError, Problem, VibforgeError
from vibforge.project import clean as project_clean
from vibforge.project import ledger, make_request

if TYPE_CHECKING:
    from vibforge.project.make_request import MakeRequest

SBOM_NAME = "sbom.cdx.json"
PROVENANCE_NAME = "provenance.dsse.json"
"""Names of the evidence beside a VIB."""
_RESERVED = {"output": "OUT", "dry_run": "make check", "help": "vibforge build --help"}
"""Options that would change what a target does, by parameter, and what to use instead."""


_VARIABLES = {"--version": "VERSION", "--acceptance-level": "ACCEPTANCE"}
"""The variables of vibforge.mk behind options of `build`."""


class Target(StrEnum):
    """A target of vibforge.mk."""

    PACKAGE = "package"
    BUNDLE = "bundle"
    CHECK = "check"
    SBOM = "sbom"
    ATTEST = "attest"
    REPRO = "repro"
    BUMP = "bump"
    LINT = "lint"
    DIST = "dist"
    CLEAN = "clean"


def make(
    target: Annotated[Target, typer.Argument(help="The target.", metavar="TARGET")],
    number: Annotated[int, typer.Argument(help="Which project, from 1.", metavar="[N]", min=1)] = 1,
) -> None:
    """Run a target of vibforge.mk, such as package, bundle, lint, attest or clean.

    vibforge.mk calls this command. It passes make's variables in the environment, as
    VIBFORGE_MAKE_OUT and so on, so that neither make nor a shell expands them. N selects the
    project, where the target has one at a time; a number beyond the last project does nothing.
    """
    request = make_request.read_make_request(os.environ)
    if target is Target.LINT:
        flags = _flags("lint", request.lint_flags, "VIBFORGE_LINT_FLAGS")
        _run("lint", *flags, "--", *(project for project, _folder in request.jobs))
    elif target is Target.DIST:
        _dist(request)
    elif target is Target.CLEAN:
        _clean(request)
    elif number <= len(request.jobs):
        project, folder = request.jobs[number - 1]
        if target in {Target.REPRO, Target.BUMP}:
            _run(target.value, "--", project)
        elif target is Target.SBOM:
            _run("evidence", "sbom", f"--output={folder / SBOM_NAME}", "--", str(_vib_of(folder)))
        elif target is Target.ATTEST:
            flags = _flags("evidence attest", request.attest_flags, "VIBFORGE_ATTEST_FLAGS")
            output = f"--output={folder / PROVENANCE_NAME}"
            _run("evidence", "attest", *flags, output, "--", str(folder))
        else:
            _build(target, request, project, folder)


def _vib_of(folder: Path) -> Path:
    """Return the VIB of the last build in a folder.

    Raises:
        ModelError: nothing was built there.
    """
    record = ledger.read_record(folder)
    vib = record.find(ledger.WrittenKind.VIB) if record else None
    if vib is None:
        raise ModelError("there is no build", where=str(folder), remedy="run make package")
    return folder / vib.name


def _build(target: Target, request: "MakeRequest", project: str, folder: Path) -> None:
    words = ["build", *_flags("build", request.flags, "VIBFORGE_FLAGS")]
    if request.version:
        words.append(f"--version={request.version}")
    if request.acceptance:
        words.append(f"--acceptance-level={request.acceptance}")
    words += [f"--previous={path}" for path in request.previous]
    if request.overwrite:
        words.append("--overwrite")
    with _naming_variables():
        if target is Target.CHECK:
            _run(*words, "--dry-run", "--", project)
            return

        if target is Target.BUNDLE:
            words.append("--bundle")
        with ledger.keeping_ledgers(request.output, folder):
            _run(*words, "--if-changed", f"--output={folder}", "--", project)


@contextmanager
def _naming_variables() -> Iterator[None]:
    """Let errors name the variable of make that somebody set, not the option made of it."""
    try:
        yield
    except VibforgeError as error:
        problems = (
            replace(each, where=_VARIABLES.get(each.where, each.where)) for each in error.problems
        )
        raise type(error).from_problems(problems) from error


def _dist(request: "MakeRequest") -> None:
    """Write checksums of the requested projects and of others that the Makefile has built."""
    asked = {folder for _project, folder in request.jobs}
    folders = asked.union(folder for folder in request.folders if ledger.read_record(folder))
    print_text(str(project_clean.write_checksums(request.output, sorted(folders))))


def _clean(request: "MakeRequest") -> None:
    cleaned = project_clean.clean(request.output, [folder for _project, folder in request.jobs])
    for path in cleaned.removed:
        print_text(f"removed {path}")
    for problem in cleaned.kept:
        tell(str(problem))
    exit_unless(good=not cleaned.kept)


def _flags(command: str, flags: Sequence[str], variable: str) -> Sequence[str]:
    """Return the options that a variable of make holds.

    Raises:
        ModelError: a word is no option, or is an option that would change what the target does.
    """
    declared: Any = typer.main.get_command(application(command.split()))
    for word in command.split():
        declared = declared.commands[word]
    context = typer.Context(declared, info_name=command, help_option_names=["-h", "--help"])
    found, _rest, order = declared.make_parser(context).parse_args(list(flags))
    given = {each.name for each in order if found[each.name] is not None}
    wrong = [
        f"--{name.replace('_', '-')} is not allowed here: use {instead}"
        for name, instead in _RESERVED.items()
        if name in given
    ]
    if "--" in flags or given & {"project", "files", "build"}:
        wrong.append("only options are allowed here, not names of projects or files")
    if wrong:
        raise ModelError.from_problems(Problem(what=each, where=variable) for each in wrong)
    return flags


def _run(*words: str) -> None:
    """Run a command of vibforge in this process."""
    code = application(words)(list(words), standalone_mode=False)
    exit_unless(good=not code)
