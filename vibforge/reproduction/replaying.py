"""Carry out the build that a build.json describes, and compare the result with the record."""

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path

from msgspec import Struct

from vibforge.comparison.differences import Difference, Section, compare
from vibforge.errors import OutputError
from vibforge.files.inputs import file_sha256
from vibforge.files.publication import temporary_folder
from vibforge.findings.check import Allowance
from vibforge.formats.budget import SIGNATURE_LIMIT
from vibforge.formats.deflating import codec_release, codec_version
from vibforge.project.build import Built, build_plan
from vibforge.project.ledger import BuiltFolder, recorded_modes
from vibforge.project.plan_build import plan_build
from vibforge.reproduction.recorded_build import (
    RecordedBuild,
    RecordedPayload,
    check_trees,
    read_recorded_build,
)
from vibforge.reproduction.signature_of_another import signed_copy
from vibforge.trx.rules import BY_NAME
from vibforge.vib.archive import Vib

DIFFERENCES_LIMIT = 20
"""Most differences that a replay reports."""
_WHY_ALLOWED = "the build that is replayed decided about it"


class ReplayState(StrEnum):
    """What a replay shows."""

    SAME = "same bytes"
    SAME_BUT_SIGNATURE = "same bytes except the signature, which was not there to compare"
    OTHER_CODEC = "same content, compressed by another library"
    DIFFERENT = "other content or bytes"


class ReplayDifference(Struct, frozen=True, kw_only=True):
    """A value of the record that the replay did not give.

    Attributes:
        name: the value, such as `payload1: files`.
        recorded: as the record has it.
        rebuilt: as the replay gave it.
    """

    name: str
    recorded: str
    rebuilt: str


class Replay(Struct, frozen=True, kw_only=True):
    """Whether a project gives the VIB of a build.json again.

    Attributes:
        vib_id: the ID of the VIB.
        state: what the replay shows.
        recorded_sha256: the SHA-256 of the VIB by the record, in hexadecimal.
        sha256: the SHA-256 of the VIB that was built, with the signature of the published one if
            that was there.
        signed: whether the recorded build was signed.
        recorded_codec: the package release that compressed the payloads of the recorded build.
        recorded_codec_library: name and version of the library in it.
        codec: the package release that compresses here.
        codec_library: name and version of the library in it.
        recorded_vibforge: the release of vibforge that made the record.
        differences: the values of the record that came out otherwise.
        compared_with: the published VIB that was there to compare with, if any.
        first_difference: the first difference from the published VIB by meaning.
        more_differences: how many more there are.
        note: why the VIB beside the record was not compared; empty if it was, or is not there.
    """

    vib_id: str
    state: ReplayState
    recorded_sha256: str
    sha256: str
    signed: bool
    recorded_codec: str
    recorded_codec_library: str
    codec: str
    codec_library: str
    recorded_vibforge: str
    differences: tuple[ReplayDifference, ...] = ()
    compared_with: str = ""
    first_difference: Difference | None = None
    more_differences: int = 0
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether everything that could be compared is the same."""
        return self.state in {ReplayState.SAME, ReplayState.SAME_BUT_SIGNATURE}

    @property
    def possible(self) -> bool:
        """Whether the compressing library of the recorded build is here, or not needed to tell."""
        return self.state is not ReplayState.OTHER_CODEC


def replay(
    record: Path,
    project: Path,
    *,
    against: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Replay a build; `api.replay` describes the arguments.

    Raises:
        FormatError: the record cannot be used, or the published VIB cannot be read.
        ModelError: the recipe of the record breaks a rule, or leads out of the project.
        PayloadError: a tree cannot become a payload.
        OutputError: there is no room for the VIB.
    """
    recorded = read_recorded_build(record)
    root = project.parent if project.is_file() else project
    check_trees(recorded.recipe, root, str(record))
    plan = plan_build(
        recorded.recipe,
        root=root,
        environment={},
        allow=[Allowance(rule=rule, because=_WHY_ALLOWED) for rule in BY_NAME],
        instructions=False,
    )
    published, note = (against, "") if against else _published(recorded)
    with temporary_folder() as scratch, temporary_folder() as twins:
        built = build_plan(plan, scratch, level=recorded.level, on_progress=on_progress)
        signature = _signature(recorded, published)
        vib = signed_copy(built.vib_path, signature, twins) if signature else built.vib_path
        found: tuple[Difference, ...] = ()
        if published is not None and file_sha256(vib) != file_sha256(published):
            found = compare(published, vib).differences
        return _told(
            recorded, built, file_sha256(vib), published, found, note=note, signed=bool(signature)
        )


def _published(recorded: RecordedBuild) -> tuple[Path | None, str]:
    """Return the VIB beside the record if it is the recorded one, or why it is not compared."""
    written = recorded.vib
    try:
        with BuiltFolder(recorded.folder, follow=True) as folder:
            why = folder.difference(written)
    except (FileNotFoundError, OutputError) as error:
        return None, str(error)
    if why:
        return None, f"{written.name}: {why}"
    return (None, "") if why is None else (recorded.folder / written.name, "")


def _signature(recorded: RecordedBuild, published: Path | None) -> bytes:
    """Return the signature of the published VIB, or else the recorded one beside the record."""
    if published is not None:
        return Vib.from_path(published).signature
    written = recorded.signature
    if written is None:
        return b""
    try:
        with BuiltFolder(recorded.folder, follow=True) as folder:
            if folder.difference(written) == "":
                return folder.read(written.name, SIGNATURE_LIMIT) or b""
    except (FileNotFoundError, OutputError):
        pass
    return b""


def _told(  # noqa: PLR0913 - what there is to compare
    recorded: RecordedBuild,
    built: Built,
    sha256: str,
    published: Path | None,
    found: tuple[Difference, ...],
    *,
    note: str,
    signed: bool,
) -> Replay:
    """Compare a finished replay with the record; `found` is what differs from the published VIB."""
    differences = tuple(islice(_differences(recorded, built), DIFFERENCES_LIMIT))
    wanted = recorded.vib.sha256
    if sha256 == wanted and not found:
        state = ReplayState.SAME
    elif not differences and recorded.signed and not signed:
        state = ReplayState.SAME_BUT_SIGNATURE
    else:
        state = _kind_of_difference(recorded, differences, found)
        differences = differences or (_other("VIB", wanted, sha256),)
    return Replay(
        vib_id=built.plan.vib_id,
        state=state,
        recorded_sha256=wanted,
        sha256=sha256,
        signed=recorded.signed,
        recorded_codec=recorded.codec,
        recorded_codec_library=recorded.codec_library,
        codec=codec_release(),
        codec_library=codec_version(),
        recorded_vibforge=recorded.vibforge,
        differences=differences,
        compared_with=str(published) if published else "",
        first_difference=found[0] if found else None,
        more_differences=max(0, len(found) - 1),
        note=note,
    )


_ABOUT_SIGNATURES = {Section.SIGNATURE, Section.VERDICT}
"""What also differs where a signature was taken over to another descriptor."""


def _kind_of_difference(
    recorded: RecordedBuild,
    differences: tuple[ReplayDifference, ...],
    found: tuple[Difference, ...],
) -> ReplayState:
    """Return whether the codec alone explains that the bytes differ."""
    contents = any(
        each.section.is_content and each.section not in _ABOUT_SIGNATURES for each in found
    )
    files = any(each.name.endswith(_FILES) for each in differences)
    stored = any(each.name.endswith(_STORED) for each in differences)
    if stored and not files and not contents and recorded.codec_library != codec_version():
        return ReplayState.OTHER_CODEC
    return ReplayState.DIFFERENT


_FILES = ": files"
_STORED = ": stored bytes"


def _differences(recorded: RecordedBuild, built: Built) -> Iterator[ReplayDifference]:
    """Yield what the record says and the build did not give, the cause before its effects."""
    packed = {
        tree.recipe.name: (tree, member)
        for tree, member in zip(built.plan.trees, built.members, strict=True)
    }
    known = {payload.name: payload for payload in recorded.payloads}
    for name in sorted(packed.keys() | known.keys()):
        if name not in packed or name not in known:
            yield ReplayDifference(
                name=f"{name}{_FILES}",
                recorded="a payload" if name in known else "no such payload",
                rebuilt="a payload" if name in packed else "no such payload",
            )
            continue
        tree, member = packed[name]
        payload = known[name]
        if member.content_sha256 != payload.uncompressed_sha256:
            yield from _modes(payload, recorded_modes(tree))
            yield _other(f"{name}{_FILES}", payload.uncompressed_sha256, member.content_sha256)
        elif member.sha256 != payload.sha256:
            yield _other(f"{name}{_STORED}", payload.sha256, member.sha256)
    descriptor = hashlib.sha256((built.folder / "descriptor.xml").read_bytes()).hexdigest()
    if recorded.descriptor.sha256 != descriptor:
        yield _other("descriptor.xml", recorded.descriptor.sha256, descriptor)


def _other(name: str, recorded: str, rebuilt: str) -> ReplayDifference:
    """Return the difference of two digests."""
    return ReplayDifference(name=name, recorded=f"sha-256 {recorded}", rebuilt=f"sha-256 {rebuilt}")


def _modes(
    payload: RecordedPayload, here: dict[str, list[str]] | None
) -> Iterator[ReplayDifference]:
    """Yield the files whose mode differs, as far as both lists are there."""
    if payload.modes is None or here is None:
        return
    before = {path: mode for mode, paths in payload.modes.items() for path in paths}
    now = {path: mode for mode, paths in here.items() for path in paths}
    for path in sorted(before.keys() | now.keys()):
        old, new = before.get(path, "0644"), now.get(path, "0644")
        if old != new:
            yield ReplayDifference(name=f"mode of /{path}", recorded=old, rebuilt=new)
