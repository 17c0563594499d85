"""Where in a project's own files the cause of a finding or a problem is, for annotations.

A finding names a path in the VIB, a payload or an element of the descriptor. A person edits the
payload tree, the recipe or a stage's descriptor.xml.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from vibforge.errors import ModelError, Problem, VibforgeError, is_file, is_folder
from vibforge.files.inputs import read_file
from vibforge.findings.check import Finding, SourcePlace
from vibforge.formats import toml_keys, xml_reading
from vibforge.formats.gnu_tar import EntryKind
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.packages.lint import LintResult
from vibforge.project.pack import PayloadTree
from vibforge.project.plan_build import BuildPlan
from vibforge.project.read_project import (
    RECIPE_NAME,
    STAGE_DESCRIPTOR,
    ProjectKind,
    recipe_text,
)
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME

_SET_BY_RULES = {
    "VF331": "mode",
    "VF332": "mode",
    "VF334": "mode",
    "VF335": "mode",
    "VF341": "mode",
    "VF342": "mode",
    "VF333": "owner",
}
"""Checks of what a rule of the recipe may have set, with the key of that rule."""
_TABLES: tuple[KeyPath, ...] = ((), ("relationships",), ("system-requires",))
"""The tables of a recipe that hold elements of the descriptor."""
_STAGE_LIMIT = 4 * 1024 * 1024
"""Bytes of a stage's descriptor.xml, as `read_stage` allows."""
_PLACES_TRIED = 8
"""Most colons of a problem's `where` that are tried as the end of a path."""
_LINE_IN_WHERE = re.compile(r":([0-9]{1,7})(?::([0-9]{1,7}))?(?=$|:)")
_LINE_IN_WHAT = re.compile(r"\bline ([0-9]{1,7})(?:, column ([0-9]{1,7}))?")


def with_sources(result: LintResult, plan: BuildPlan) -> LintResult:
    """Return the findings about a project's VIB, each with the place to edit."""
    places = _Places(plan, {finding.where for finding in result.findings})
    found = (replace(each, source=places.of(each)) for each in result.findings)
    return replace(result, findings=tuple(found))


def place_of(problem: Problem, path: Path) -> SourcePlace:
    """Return the place to edit for a problem that prevented `path` from being checked.

    Args:
        problem: its `where` is `vibforge.toml:12: name`, `trx.conf:4:7`, a path, or none of these.
        path: what was to be checked; a folder stands for its recipe or descriptor.xml.
    """
    folder = path.parent if is_file(path) else path
    for end in list(_LINE_IN_WHERE.finditer(problem.where))[:_PLACES_TRIED]:
        before = problem.where[: end.start()]
        if is_file(Path(before)) and Path(before).is_relative_to(folder):
            return SourcePlace(before, int(end[1]), int(end[2] or 0))
    named = _is_there(problem.where) and Path(problem.where).is_relative_to(folder)
    file = problem.where if named else str(_main_file(path))
    line = _LINE_IN_WHAT.search(problem.what) if named else None
    return SourcePlace(file, int(line[1]), int(line[2] or 0)) if line else SourcePlace(file)


def _is_there(path: str) -> bool:
    """Whether a path names something other than a folder; also a link that leads nowhere."""
    return bool(path) and "\0" not in path and os.path.lexists(path) and not is_folder(Path(path))


def _main_file(path: Path) -> Path:
    """Return the file that describes a project; the path itself if there is none."""
    candidates = (path, path / RECIPE_NAME, path / STAGE_DESCRIPTOR)
    return next(filter(is_file, candidates), path)


class _Places:
    """Finds the place of each finding about the VIB of a plan."""

    def __init__(self, plan: BuildPlan, wanted: Iterable[str]) -> None:
        self._plan = plan
        paths = {_without_line(where) for where in wanted}
        self._trees = {
            entry.path: (tree, entry.kind)
            for tree in plan.trees
            for entry in tree.entries
            if entry.path in paths
        }

    def of(self, finding: Finding) -> SourcePlace:
        path = _without_line(finding.where)
        key = self._ruled_key(finding.rule, path)
        if key:
            return self._at_key(key)
        if path not in self._trees:
            return self._described(finding)
        tree, kind = self._trees[path]
        origin = tree.source_of(path)
        if isinstance(origin, bytes):  # made by the layout
            return self._at_key(("layout",))
        if kind is EntryKind.DIRECTORY or not os.path.lexists(origin):
            return self._at_key(("payloads", self._index(tree)))
        return SourcePlace(str(origin), finding.line, finding.column if finding.line else 0)

    def _index(self, tree: PayloadTree) -> int:
        names = [payload.name for payload in self._plan.recipe.payloads]
        return names.index(tree.recipe.name)

    def _ruled_key(self, check: str, path: str) -> KeyPath:
        """Return the key of the last rule of the recipe that set what a check found."""
        name = _SET_BY_RULES.get(check)
        keys = [
            ("payloads", number, "rules", index, name)
            for number, payload in enumerate(self._plan.recipe.payloads)
            for index, rule in enumerate(payload.rules)
            if name and getattr(rule, name) is not None
            if not path or any(fnmatchcase(path, pattern) for pattern in rule.paths)
        ]
        return keys[-1] if keys else ()

    def _described(self, finding: Finding) -> SourcePlace:
        """Return the place of what a finding names: an element, a payload, the signature."""
        where = finding.where
        if where.startswith("<"):
            return self._at_element(where.strip("<>").split()[0])
        if where == SIGNATURE_NAME:
            return self._at_key(("signing",))
        names = [payload.name for payload in self._plan.recipe.payloads]
        if where in names and where != DESCRIPTOR_NAME:
            return self._at_key(("payloads", names.index(where)))
        return self._at_key(())

    def _at_element(self, tag: str) -> SourcePlace:
        if self._plan.project.kind is ProjectKind.STAGE:
            return self._at_key((tag,))
        paths = [(*table, tag) for table in _TABLES]
        return self._at_key(next((path for path in paths if path in self._lines), ()))

    def _at_key(self, path: KeyPath) -> SourcePlace:
        """Return the line of a key, or of the nearest table above it that the file has."""
        project = self._plan.project
        if not project.files:
            return SourcePlace(str(next(_files(self._plan.trees), project.root)))
        if len(project.files) > 1 and (end := _LINE_IN_WHERE.search(place := project.place(path))):
            return SourcePlace(place[: end.start()], int(end[1]))
        return SourcePlace(str(project.files[0]), toml_keys.nearest_line(self._lines, path))

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        """The lines of the recipe's keys or of the descriptor's elements; empty if it changed."""
        try:
            file = self._plan.project.files[0]
            if self._plan.project.kind is ProjectKind.STAGE:
                return dict(_element_lines(file))
            return toml_keys.key_lines(recipe_text(file))
        except (VibforgeError, ValueError, IndexError, AttributeError):  # no TOML any more
            return {}


def _without_line(where: str) -> str:
    """Return the path in `etc/vmware/trx.conf:4`."""
    path, _colon, line = where.rpartition(":")
    return path if path and line.isdigit() else where


def _element_lines(file: Path) -> Iterator[tuple[KeyPath, int]]:
    data = read_file(file, _STAGE_LIMIT, ModelError)
    for element in reversed(list(xml_reading.parse(data, str(file)).iter())):
        yield (str(element.tag),), xml_reading.line_of(element)


def _files(trees: Iterable[PayloadTree]) -> Iterator[Path]:
    """Yield the files of the trees, as they are in the project."""
    for tree in trees:
        for path in tree.files():
            origin = tree.source_of(path)
            if not isinstance(origin, bytes):
                yield origin
