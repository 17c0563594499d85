"""Decide the one date in a VIB; the wall clock and the times of a checkout never do."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vibforge.errors import ModelError
from vibforge.model.release_date import ReleaseDate

FIXED = ReleaseDate.parse("2000-01-01")
_GIT_SECONDS = 30
_GIT_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


class DateSource(StrEnum):
    """Where the date comes from, the first that has one."""

    RECIPE = "the recipe"
    ENVIRONMENT = "SOURCE_DATE_EPOCH"
    COMMIT = "the last commit that touched the project"
    FIXED = "a fixed date, since nothing else names one"


@dataclass(frozen=True, slots=True)
class DatedBy:
    """A release date and where it comes from."""

    date: ReleaseDate
    source: DateSource


def release_date(
    of_recipe: ReleaseDate | None, project: Path, environment: Mapping[str, str]
) -> DatedBy:
    """Choose the release date of what is built from the folder `project`.

    Raises:
        ModelError: SOURCE_DATE_EPOCH is not a number of seconds.
    """
    if of_recipe:
        return DatedBy(of_recipe, DateSource.RECIPE)
    if text := environment.get("SOURCE_DATE_EPOCH"):
        try:
            return DatedBy(ReleaseDate.parse(text), DateSource.ENVIRONMENT)
        except ModelError as error:
            raise ModelError(
                f"SOURCE_DATE_EPOCH is {text!r}", remedy="set it to seconds since 1970, or unset it"
            ) from error
    if committed := _last_commit(project):
        return DatedBy(committed, DateSource.COMMIT)
    return DatedBy(FIXED, DateSource.FIXED)


def _last_commit(project: Path) -> ReleaseDate | None:
    """Return the committer's date of the last commit that touched the folder, if git knows one.

    The settings of the repository come with the project, and must not make git run a program: not
    to check a signature, to watch the file system, or to fetch what a partial clone lacks.
    """
    if not _may_be_in_git(project):
        return None
    settings = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
    command = ["git", "-C", str(project), *settings, "log", "-1", "--format=%ct", "--", "."]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the path is one argument
            command,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
            env={**os.environ, **_GIT_ENVIRONMENT},
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    text = done.stdout.strip()
    return ReleaseDate.parse(text) if done.returncode == 0 and text.isdigit() else None


def _may_be_in_git(project: Path) -> bool:
    """Whether asking git is worth a process: whoever builds thousands pays for each."""
    folder = project.resolve()
    return "GIT_DIR" in os.environ or any(
        (at / ".git").exists() for at in (folder, *folder.parents)
    )
