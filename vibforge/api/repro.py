"""Build again, under other circumstances or from a build.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vibforge.api.arguments import optional_path, path_of, typed_errors, words_of
from vibforge.formats import deflating
from vibforge.reproduction import rebuilding, replaying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from vibforge.reproduction.rebuilding import Reproduction
    from vibforge.reproduction.replaying import Replay


@typed_errors
def repro(  # noqa: PLR0913 - each one is a thing that a caller decides
    project: str | Path,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    compression: Literal["fast", "best"] = "fast",
    allow: Mapping[str, str] | None = None,
    vary: str | Iterable[str] = (),
    pythons: str | Iterable[str] = (),
    against: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reproduction:
    """Build a project again under other circumstances, and compare the VIBs.

    Each build is a process of its own and writes nothing into the project. All are unsigned: the
    signature is made of the descriptor, so the same descriptor gets the same signature.

    Args:
        project: as for `build`.
        settings: as for `build`.
        environment: the variables of the builds; those of the process if None.
        compression: as for `build`.
        allow: as for `build`.
        vary: `time-zone`, `locale`, `umask`, `directory`, `copy`, `order`, `hash-seed`, `threads`,
            `user`, `python`; all if empty.
        pythons: further interpreters, which must have the libraries that vibforge depends on.
            Those on the PATH that have them are found.
        against: a published VIB to compare, too; its signature is taken over.
        on_progress: called with the builds that are done, and how many there are in all.

    Raises:
        ModelError: the recipe or a setting breaks a rule, `vary` names no variation, or one of
            `pythons` cannot run vibforge.
        PayloadError: a tree cannot become a payload.
        TrxError: the trx.conf in a tree has errors.
        FormatError: the published VIB cannot be read.
        OutputError: there is no room for the builds.

    Examples:
        >>> from vibforge import Rebuild, Reproduction, repro
        >>> result: Reproduction = repro("my-trx", vary=["time-zone", "hash-seed"])
        >>> result.good
        True
        >>> rebuild: Rebuild = result.rebuilds[0]
        >>> rebuild.circumstance, str(rebuild.state)
        ('time-zone', 'same bytes')
    """
    return rebuilding.rebuild(
        path_of(project),
        settings=settings,
        environment=environment,
        allow=allow,
        level=deflating.CompressionLevel.named(compression),
        vary=words_of(vary),
        pythons=tuple(str(path_of(each)) for each in words_of(pythons)),
        against=optional_path(against),
        on_progress=on_progress,
    )


@typed_errors
def replay(
    record: str | Path,
    project: str | Path = ".",
    *,
    against: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Carry out the build that a build.json describes, and compare the result with the record.

    Recipe, date and compression come from the record, the files from the project. The record may
    be forged: nothing that it names is run, no key is opened, and no file outside of the project is
    read, but for the VIB and its signature beside the record.

    Args:
        record: the build.json.
        project: the folder that the recipe of the build was in, or the recipe.
        against: the VIB that was published; if None, the one beside the record, if it is there. A
            signature is taken over from it, since the key is not here.
        on_progress: called with the bytes that are packed, and how many there are in all.

    Raises:
        FormatError: it is not a build.json, lacks what a replay needs, or holds values that no
            build writes; or the published VIB cannot be read.
        ModelError: the recipe in it breaks a rule, or a tree is outside of the project.
        PayloadError: a tree cannot become a payload.
        OutputError: there is no room for the VIB.

    Examples:
        >>> from vibforge import Replay, build, replay
        >>> built = build("my-trx", "published")
        >>> result: Replay = replay("published/build.json", "my-trx")
        >>> result.good, result.sha256 == built.sha256
        (True, True)
    """
    return replaying.replay(
        path_of(record), path_of(project), against=optional_path(against), on_progress=on_progress
    )
