"""Read the request of make: vibforge.mk passes its variables unchanged in the environment.

They come in the environment, so that neither make nor a shell expands them.
"""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from vibforge.errors import ModelError, Problem

PREFIX = "VIBFORGE_MAKE_"
"""Prefix of the environment variables; the rest is the name of make's variable."""


class MakeRequest(Struct, frozen=True, kw_only=True):
    """The values of make's variables, checked."""

    output: Path
    jobs: tuple[tuple[str, Path], ...]
    """The requested projects, each with its output folder."""
    folders: tuple[Path, ...]
    """The output folders of all projects, requested or not."""
    acceptance: str
    version: str
    previous: tuple[str, ...]
    """What was published before."""
    overwrite: bool
    flags: tuple[str, ...]
    lint_flags: tuple[str, ...]
    attest_flags: tuple[str, ...]


def read_make_request(environment: Mapping[str, str]) -> MakeRequest:
    """Read the variables of vibforge.mk.

    PROJECT is one path, whatever characters it has. In PROJECTS, PREVIOUS and the flags, blanks
    separate, and quotes of either kind keep blanks together; no other character is special.

    Raises:
        ModelError: with all that is wrong with the variables.
    """
    problems: list[Problem] = []
    several = _once(_words("PROJECTS", environment, problems))
    previous = _words("PREVIOUS", environment, problems)
    flags = _words("VIBFORGE_FLAGS", environment, problems)
    lint_flags = _words("VIBFORGE_LINT_FLAGS", environment, problems)
    attest_flags = _words("VIBFORGE_ATTEST_FLAGS", environment, problems)
    one, output = _value("PROJECT", environment), _value("OUT", environment)
    asked = several if several and not _value("ONE_PROJECT", environment) else (one,)
    problems += _path_problems("OUT", [output])
    problems += _path_problems("PREVIOUS", previous)
    overwrite = _switch("OVERWRITE", environment, problems)
    problems += _path_problems("PROJECTS" if asked is several else "PROJECT", asked)
    apart = len(several) > 1
    if apart and not problems:
        problems += _name_problems((*several, *asked), output)
    if problems:
        raise ModelError.from_problems(problems)
    return MakeRequest(
        output=Path(output),
        jobs=tuple((each, _folder(each, output, apart=apart)) for each in asked),
        folders=tuple(_folder(each, output, apart=apart) for each in several or asked),
        acceptance=_value("ACCEPTANCE", environment),
        version=_value("VERSION", environment),
        previous=previous,
        overwrite=overwrite,
        flags=flags,
        lint_flags=lint_flags,
        attest_flags=attest_flags,
    )


def _value(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(PREFIX + name, "")


def _switch(name: str, environment: Mapping[str, str], problems: list[Problem]) -> bool:
    value = _value(name, environment)
    if value not in {"", "0", "1"}:
        problems.append(Problem(what=f"{value!r} is neither 1 nor 0", where=name))
    return value == "1"


def _words(name: str, environment: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...]:
    lexer = shlex.shlex(_value(name, environment), posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return tuple(lexer)
    except ValueError:
        remedy = 'enclose a word that has a quote in quotes of the other kind: "it\'s"'
        problems.append(Problem(what="a closing quote is missing", where=name, remedy=remedy))
        return ()


def _path_problems(variable: str, paths: Iterable[str]) -> Iterator[Problem]:
    for path in paths:
        if not path:
            yield Problem(what="is empty", where=variable, remedy="name a folder, or leave it out")
        elif path.startswith("~"):
            yield Problem(
                what=f"{path}: make does not replace `~` by your home folder",
                where=variable,
                remedy=f"write the whole path, or ./{path} for a folder of that name",
            )
        elif reason := _unusable(path):
            yield Problem(what=f"{path}: {reason}", where=variable, remedy="name another path")


def _unusable(path: str) -> str:
    """Return why the system cannot use a path, such as a name that is too long; "" if it can."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _name_problems(projects: Iterable[str], output: str) -> Iterator[Problem]:
    """Yield a problem for each output folder that several projects share or that has no name."""
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for project in _once(projects):
        by_name[_name(project)].append(project)
    for name, same in by_name.items():
        if not name:
            yield Problem(
                what=f"{same[0]} has no name", where="PROJECTS", remedy="name a folder below it"
            )
        elif len(same) > 1:
            yield Problem(
                what=f"{' and '.join(same)} would all be built into {output}/{name}",
                where="PROJECTS",
                remedy="rename all but one, or build each one separately: "
                "make package PROJECTS= PROJECT=… OUT=…",
            )


def _once(projects: Iterable[str]) -> tuple[str, ...]:
    """Return each project once, however its path is written."""
    return tuple({_absolute(each): each for each in projects}.values())


def _folder(project: str, output: str, *, apart: bool) -> Path:
    return Path(output, _name(project)) if apart else Path(output)


def _name(project: str) -> str:
    return Path(_absolute(project)).name


def _absolute(project: str) -> str:
    return os.path.abspath(project)  # noqa: PTH100 - Path.resolve would follow links
