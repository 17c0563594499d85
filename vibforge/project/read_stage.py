"""Read a VIB Author stage directory: a descriptor, and a tree for each payload in `payloads/`.

What the tree tells, the descriptor need not: file list, sizes and checksums are made anew.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vibforge.errors import ModelError, Problem
from vibforge.files.inputs import read_file
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.formats.toml_keys import dotted
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import read_table
from vibforge.project.recipe_writing import table_of
from vibforge.vib.descriptor import Descriptor, Payload
from vibforge.vib.descriptor_reading import parse

_SIZE_LIMIT = 4 * 1024 * 1024
"""A stage's descriptor has no file list worth that much."""
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*")
_COMPUTED = frozenset({"packed-size", "relative-path", "checksum", "installdate", "install-date"})
"""Elements that depots and hosts add; what they say is true of an older build at best."""


def read_stage(descriptor: Path, settings: Mapping[str, str]) -> Recipe:
    """Read the stage directory in which the file `descriptor` stands.

    Raises:
        FormatError: the descriptor is not XML.
        ModelError: with everything that keeps it from being built.
    """
    where = str(descriptor)
    data = read_file(descriptor, _SIZE_LIMIT, ModelError)
    found = parse(data, where, sizes=False)
    lines = {child.tag: child.sourceline for child in parse_xml(data, where)}

    def place(path: KeyPath) -> str:
        line = lines.get(str(path[0])) if path else 1
        return f"{where}:{line or 1}: {dotted(path)}"

    unfilled = _unfilled(found, settings)
    problems = [*found.faults, *_placeholders(unfilled, where)]
    problems += _cannot_be_built(found, descriptor)
    try:
        recipe = read_table(table_of(found), place, settings=settings)
    except ModelError as error:
        told = {place((name,)) for name in unfilled}
        problems += (problem for problem in error.problems if problem.where not in told)
        raise ModelError.of(problems) from error
    if problems:
        raise ModelError.of(problems)
    return recipe


def _unfilled(found: Descriptor, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders of a template by the names of their keys."""
    matches = ((name, _PLACEHOLDER.search(value)) for name, value in _texts(found))
    return {name: match[0] for name, match in matches if match and name not in settings}


def _placeholders(unfilled: Mapping[str, str], where: str) -> Iterator[Problem]:
    for name, placeholder in unfilled.items():
        yield Problem(
            what=f"{name} holds the placeholder {placeholder}, which a script was to fill in: "
            "this is a template of a descriptor",
            where=where,
            remedy=f"fill it in, or build with --set {name}=…",
        )


def _cannot_be_built(found: Descriptor, descriptor: Path) -> Iterator[Problem]:
    where = str(descriptor)
    for element in found.unknown:
        tag = element[1:].split(">")[0].split()[0].rstrip("/")
        if tag not in _COMPUTED:
            yield Problem(
                what=f"<{tag}> is not an element of a descriptor",
                where=where,
                remedy="correct its name, or remove it",
            )
    yield from _payload_faults(found.payloads, descriptor.parent, where)


def _texts(found: Descriptor) -> Iterable[tuple[str, str]]:
    return (
        ("name", found.name),
        ("version", found.version),
        ("vendor", found.vendor),
        ("summary", found.summary),
        ("description", found.description),
        ("release-date", found.release_date or ""),
    )


def _payload_faults(payloads: tuple[Payload, ...], stage: Path, where: str) -> Iterator[Problem]:
    folder = stage / "payloads"
    trees = (
        {child.name for child in folder.iterdir() if child.is_dir()} if folder.is_dir() else set()
    )
    declared = {payload.name for payload in payloads}
    if not payloads:
        yield Problem(
            what="the descriptor has no <payloads> with a <payload> in it",
            where=where,
            remedy='add <payloads><payload name="payload1" type="vgz"/></payloads>',
        )
    for name in sorted(declared - trees):
        yield Problem(
            what=f"payload {name!r} has no tree",
            where=where,
            remedy=f"put its files into {folder / name}",
        )
    for name in sorted(trees - declared):
        yield Problem(
            what="the descriptor names no payload for this tree",
            where=str(folder / name),
            remedy=f'add <payload name="{name}" type="tgz"/>, or remove the folder',
        )
