"""Build a project several times, each in a process of its own, and compare the VIBs."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from vibforge.comparison.differences import Comparison, Difference, compare
from vibforge.errors import ModelError, NotPossibleHereError, Problem, VibforgeError, escaped
from vibforge.files.inputs import file_sha256
from vibforge.files.publication import explained, temporary_folder
from vibforge.formats.deflating import DEFAULT_LEVEL, CompressionLevel
from vibforge.project.plan_build import BuildPlan, plan_build
from vibforge.reproduction import start
from vibforge.reproduction.child import Reply, Request, bytes_of, message_of
from vibforge.reproduction.project_copy import copy_project
from vibforge.reproduction.pythons import found_pythons
from vibforge.reproduction.signature_of_another import same_signature
from vibforge.reproduction.variations import (
    HASH_SEED,
    Circumstance,
    User,
    Variation,
    variations,
)
from vibforge.trx.check import allowances
from vibforge.vib.archive import Vib

_PASSABLE = 0o711
"""Mode of the scratch folder: another user may pass through, and lists nothing."""
_LAST_WORDS = 300
"""Characters of what a process said at its end."""
_LEAST_SECONDS = 120
_TIMES_AS_LONG = 20
"""How long a build may take: this many times as long as the reference, and two minutes at least."""
_BY_CHANCE = "random"
REMEDY = (
    "make it an environment with vibforge's libraries (-m venv ENV, ENV/bin/pip install vibforge), "
    "and name it: --python ENV/bin/python"
)


class RebuildState(StrEnum):
    """What became of one build."""

    SAME = "same bytes"
    DIFFERENT = "other bytes"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class Rebuild(Struct, frozen=True, kw_only=True):
    """One build, or a published VIB, compared with the reference.

    Attributes:
        circumstance: what was different; empty for the published VIB.
        what: the same in words.
        state: what became of it.
        sha256: the SHA-256 of the VIB in hexadecimal; empty without one.
        python: the interpreter, such as `CPython 3.13.0`; empty without a build.
        codec: what compressed the payloads; empty without a build.
        reason: why it failed or was not tried.
        difference: the first difference by meaning; None if only the order of bytes differs.
        more_differences: how many more there are.
    """

    circumstance: str
    what: str
    state: RebuildState
    sha256: str = ""
    python: str = ""
    codec: str = ""
    reason: str = ""
    difference: Difference | None = None
    more_differences: int = 0


class Reproduction(Struct, frozen=True, kw_only=True):
    """Whether a project gives the same VIB under all circumstances.

    Attributes:
        vib_id: the ID of the VIB.
        signed_by_recipe: whether the recipe names a key; the builds do without.
        reference: the build under the circumstances of this process.
        rebuilds: the other builds, in the order in which they were tried.
    """

    vib_id: str
    signed_by_recipe: bool
    reference: Rebuild
    rebuilds: tuple[Rebuild, ...]

    @property
    def good(self) -> bool:
        """Whether every build that was tried gave the bytes of the reference."""
        return all(
            each.state in {RebuildState.SAME, RebuildState.NOT_TRIED} for each in self.rebuilds
        )

    def count(self, state: RebuildState) -> int:
        """Return how many builds have this state."""
        return sum(each.state is state for each in self.rebuilds)


Progress = Callable[[int, int], None]
"""Callback with the builds done so far and the builds in total."""


def rebuild(  # noqa: PLR0913 - each one is a thing that a caller decides
    project: Path,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    allow: Mapping[str, str] | None = None,
    level: CompressionLevel = DEFAULT_LEVEL,
    vary: Sequence[str] = (),
    pythons: Sequence[str] = (),
    against: Path | None = None,
    on_progress: Progress | None = None,
) -> Reproduction:
    """Build a project once as usual and once for each variation; `api.repro` describes it."""
    variables = {**(os.environ if environment is None else environment)}
    # A seed by chance would differ in every build, not only in that with another seed.
    if variables.get(HASH_SEED, _BY_CHANCE) == _BY_CHANCE:
        variables[HASH_SEED] = "0"
    plan = plan_build(
        project,
        settings=settings,
        environment=variables,
        allow=allowances(allow) if allow else (),
        instructions=False,
        keyless=True,
    )
    tries = variations(
        Circumstance.read(vary), variables, found_pythons(variables.get("PATH", "")), pythons
    )
    with temporary_folder() as scratch, explained(scratch):
        scratch.chmod(_PASSABLE)
        builder = _Builder(
            project=project,
            plan=plan,
            variables=variables,
            request=Request(
                project=str(project),
                output="",
                settings=dict(settings or {}),
                allow=dict(allow or {}),
                level=level.name,
            ),
            scratch=scratch,
        )
        reference = builder.reference()
        rebuilds = []
        for number, variation in enumerate(tries):
            if on_progress:
                on_progress(number, len(tries))
            rebuilds.append(builder.compared(variation, reference))
        if against is not None:
            rebuilds.append(_published(against, reference))
    if rebuilds and all(each.state is RebuildState.NOT_TRIED for each in rebuilds):
        raise NotPossibleHereError.from_problems(
            Problem(what=each.reason, where=each.what) for each in rebuilds
        )
    return Reproduction(
        vib_id=plan.vib_id,
        signed_by_recipe=plan.recipe.signing is not None,
        reference=reference.told,
        rebuilds=tuple(rebuilds),
    )


class _Reference(Struct, frozen=True, kw_only=True):
    """The VIB that all others are compared with."""

    vib: Path
    told: Rebuild
    seconds: float = 0.0


class _Ended(NamedTuple):
    """A process that ended: its reply, or what it said last."""

    reply: Reply | None
    last_words: str = ""


class _Builder(Struct, frozen=True, kw_only=True):
    """Builds one project in processes, each into a folder of its own in `scratch`."""

    project: Path
    plan: BuildPlan
    variables: Mapping[str, str]
    request: Request
    scratch: Path

    def reference(self) -> _Reference:
        """Build under the circumstances of this process.

        Raises:
            VibforgeError: the build fails.
        """
        usual = Variation(circumstance=Circumstance.DIRECTORY, what="as usual")
        begun = time.monotonic()
        ended = self._run(usual, self._folder("reference", None), None)
        reply = ended.reply or Reply()
        if reply.problems:
            raise VibforgeError.from_problems(reply.problems)
        if not reply.vib:
            why = f"lacks {reply.lacks}" if reply.lacks else ended.last_words
            raise VibforgeError(f"a build in a process of its own failed: {why}")
        vib = Path(reply.vib)
        told = Rebuild(
            circumstance="",
            what=usual.what,
            state=RebuildState.SAME,
            sha256=file_sha256(vib),
            python=reply.python,
            codec=reply.codec,
        )
        return _Reference(vib=vib, told=told, seconds=time.monotonic() - begun)

    def compared(self, variation: Variation, reference: _Reference) -> Rebuild:
        """Build under a variation and compare the VIB with the reference.

        Raises:
            ModelError: it is a Python that the user named, and it cannot run vibforge.
        """
        told = Rebuild(
            circumstance=variation.circumstance.value,
            what=variation.what,
            state=RebuildState.NOT_TRIED,
            reason=variation.blocked,
        )
        if variation.blocked:
            return told
        with temporary_folder() as folder, explained(folder):
            folder.chmod(_PASSABLE)
            try:
                seconds = max(_LEAST_SECONDS, _TIMES_AS_LONG * reference.seconds)
                ended = self._run(variation, folder, seconds)
            except NotPossibleHereError as error:
                return replace(told, reason=_first(error))
            return self._judged(variation, ended, told, reference)

    def _judged(
        self, variation: Variation, ended: _Ended, told: Rebuild, reference: _Reference
    ) -> Rebuild:
        reply = ended.reply
        if reply is None or reply.lacks:
            why = f"lacks {reply.lacks}" if reply else ended.last_words
            if variation.named:
                raise ModelError(
                    f"this Python cannot run vibforge: {why}",
                    where=variation.python,
                    remedy=REMEDY,
                )
            state = RebuildState.NOT_TRIED if variation.may_be_missing else RebuildState.FAILED
            return replace(told, state=state, reason=escaped(why))
        told = replace(told, python=reply.python, codec=reply.codec)
        if reply.problems:
            return replace(
                told,
                state=RebuildState.FAILED,
                reason=_first(VibforgeError.from_problems(reply.problems)),
            )
        return _against(Path(reply.vib), reference, told)

    def _run(self, variation: Variation, folder: Path, seconds: float | None) -> _Ended:
        """Build once in a process, which may take so many seconds.

        Raises:
            NotPossibleHereError: the project cannot be copied.
        """
        environment = {**self.variables, **variation.environment}
        project, settings = self.project, self.request.settings
        if variation.on_copy:
            place = self._folder("copy", None, folder)
            project = copy_project(
                project, self.plan, place, umask=variation.umask, user=variation.user
            )
            # A copy has no history, which may give the version and the date.
            settings = {**settings, "version": self.plan.recipe.version}
            environment["SOURCE_DATE_EPOCH"] = str(self.plan.dated.date.epoch)
        if variation.directory is not None:
            project = project.absolute()
        request = replace(
            self.request,
            project=str(project),
            settings=settings,
            output=str(self._folder("out", variation.user, folder)),
            threads=variation.threads,
            reverse=variation.reverse,
        )
        return _process(variation, environment, bytes_of(request), seconds)

    def _folder(self, name: str, user: User | None, parent: Path | None = None) -> Path:
        folder = (parent or self.scratch) / name
        folder.mkdir(mode=_PASSABLE, exist_ok=True)
        folder.chmod(_PASSABLE)
        if user is not None:
            os.chown(folder, user.uid, user.gid)
        return folder


def _process(
    variation: Variation, environment: Mapping[str, str], request: bytes, seconds: float | None
) -> _Ended:
    """Run one build in a process; the request, which may hold secrets, is no argument."""
    user = variation.user
    identity = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
    try:
        done = subprocess.run(  # type: ignore[call-overload] # noqa: S603 - the interpreters of this machine
            [variation.python, "-B", start.__file__],
            input=request,
            capture_output=True,
            check=False,
            cwd=variation.directory,
            env=environment,
            umask=variation.umask,
            timeout=seconds,
            **identity,
        )
    except subprocess.TimeoutExpired as error:
        return _Ended(None, f"did not end within {error.timeout:.0f} seconds")
    except OSError as error:
        return _Ended(None, f"cannot be run: {error.strerror or error}")
    try:
        return _Ended(message_of(done.stdout, Reply))
    except ValueError:
        return _Ended(None, _words(done.stderr) or f"it ended with code {done.returncode}")


def _words(stderr: bytes) -> str:
    """Return the line of an error output that says why: of a traceback the last, else the first."""
    lines = stderr.decode("utf-8", "backslashreplace").strip().splitlines() or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0][:_LAST_WORDS]


def _first(error: VibforgeError) -> str:
    problem = error.problems[0]
    return escaped(f"{problem.where}: {problem.what}" if problem.where else problem.what)


def _published(path: Path, reference: _Reference) -> Rebuild:
    """Compare a published VIB with the reference, which gets its signature."""
    told = Rebuild(circumstance="", what=str(path), state=RebuildState.SAME)
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        twin = same_signature(reference.vib, path, folder)
        return _against(
            path, _Reference(vib=twin, told=replace(reference.told, sha256=file_sha256(twin))), told
        )


def _against(vib: Path, reference: _Reference, told: Rebuild) -> Rebuild:
    """Compare a VIB with the reference, by its bytes and, if they differ, by meaning."""
    told = replace(told, sha256=file_sha256(vib))
    if told.sha256 == reference.told.sha256:
        return replace(told, state=RebuildState.SAME)
    found = compare(reference.vib, vib)
    return replace(
        told,
        state=RebuildState.DIFFERENT,
        reason=_why(found, reference, told),
        difference=found.differences[0] if found.differences else None,
        more_differences=max(0, len(found.differences) - 1),
    )


def _why(found: Comparison, reference: _Reference, told: Rebuild) -> str:
    """Return what the differences do not say by themselves; empty if they say it all."""
    if told.codec and told.codec != reference.told.codec:
        return f"it has {told.codec}, the reference {reference.told.codec}"
    if not found.differences:
        return _first_other_byte(reference.vib, Path(found.new.label))
    if found.same_content:
        return "the files are the same: their order, their times or the compression differ"
    return ""


_CHUNK = 1 << 20


def _first_other_byte(one: Path, other: Path) -> str:
    """Return in which member of a VIB the first byte is that differs."""
    offset = _first_offset(one, other)
    for member in Vib.from_path(one).archive.members:
        if member.data_offset <= offset < member.data_offset + member.size:
            return (
                f"the first other byte is in {member.name}, at offset {offset - member.data_offset}"
            )
    return f"the first other byte is at offset {offset}, outside of the members"


def _first_offset(one: Path, other: Path) -> int:
    """Return the offset of the first byte that differs."""
    offset = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(_CHUNK), right.read(_CHUNK)
            if a != b or not a:
                same = (x == y for x, y in zip(a, b, strict=False))
                return offset + next(
                    (n for n, each in enumerate(same) if not each), min(len(a), len(b))
                )
            offset += len(a)
