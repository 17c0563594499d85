"""`vibforge repro`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import repro as api
from vibforge.cli.arguments import (
    Allow,
    Because,
    Compression,
    CompressionOption,
    Json,
    Settings,
    exit_unless,
    progress,
    reasons_of,
    settings_of,
    show,
    words_of,
)
from vibforge.cli.exit_codes import ExitCode
from vibforge.errors import ModelError
from vibforge.report import documents
from vibforge.report import repro as report


def repro(  # noqa: PLR0913 - the options of the command
    project: Annotated[
        Path,
        typer.Argument(metavar="[PROJECT]", help="Recipe, stage directory or payload tree."),
    ] = Path(),
    *,
    build: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Replay the build of this build.json instead, with the files of PROJECT.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="Only this variation: time-zone, locale, umask, directory, copy, order, "
            "hash-seed, threads, user or python; may be repeated.",
        ),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Also build with this Python, which must have vibforge's libraries; may be "
            "repeated.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also compare with this published VIB."),
    ] = None,
    settings: Settings = None,
    compression: Compression = CompressionOption.FAST,
    allow: Allow = None,
    because: Because = None,
    as_json: Json = False,
) -> None:
    """Build again under other circumstances, and compare the bytes.

    Each build is a process of its own: with another time zone, locale, umask, working directory,
    order of folders, hash seed, number of threads and user, in a copy of the project, and with each
    Python 3.11 or later on the PATH. Nothing is written into the project. Exit code 1 means that
    bytes differ; the first difference is shown by meaning.

    With --build, recipe, date and compression come from a build.json of somebody else, and the
    result is compared with its digests. No key is needed, and nothing that the file names is run.
    """
    if build is not None:
        unused = {"vary": vary, "python": python, "set": settings, "allow": allow}
        _replay(build, project, against, unused, as_json=as_json)
        return
    with progress("building") as on_progress:
        found = api.repro(
            project,
            settings=settings_of(settings or []),
            compression=compression.value,
            allow=reasons_of(allow, because),
            vary=words_of(vary),
            pythons=python or (),
            against=against,
            on_progress=on_progress,
        )
    show(
        as_json,
        lambda: documents.repro.Repro.of(found),
        lambda paint: report.repro_text(found, paint),
    )
    exit_unless(good=found.good)


def _replay(
    record: Path,
    project: Path,
    against: Path | None,
    unused: Mapping[str, list[str] | None],
    *,
    as_json: bool,
) -> None:
    """Replay a recorded build, which leaves no choice of variations and settings.

    Raises:
        ModelError: an option contradicts the record.
    """
    for name, values in unused.items():
        if values:
            raise ModelError(
                f"--{name} has no effect with --build: the record decides", remedy="leave it out"
            )
    with progress("packing") as on_progress:
        found = api.replay(record, project, against=against, on_progress=on_progress)
    show(
        as_json,
        lambda: documents.repro.ReproOfRecord.of(found),
        lambda paint: report.replay_text(found, paint),
    )
    if not found.possible:
        raise typer.Exit(ExitCode.NOT_POSSIBLE_HERE)
    exit_unless(good=found.good)
