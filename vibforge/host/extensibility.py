"""Hold a VIB against the lists of allowed paths as a host does, and name the offender too.

The host serialises the VIB that it read and validates it with a RELAX NG grammar; only the
acceptance level, the overlay flag and the file list matter (vib-format 7.1, tried on 6.7). The
grammar here is vibforge's own, in `extensibility.rng`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lxml import etree

from vibforge.host.release import ESXI_67, Release
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty

_RELAX_NG = "{http://relaxng.org/ns/structure/1.0}"
_INIT_SCRIPTS = "etc/init.d/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Violations:
    """What of a VIB its acceptance level does not allow."""

    paths: tuple[str, ...] = ()
    """Entries of the file list that are on no list of the level, as they stand there."""
    overlay: bool = False
    """Whether the VIB is an overlay although its level forbids that."""

    def __bool__(self) -> bool:
        return bool(self.paths) or self.overlay


def violations(
    level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool = False
) -> Violations:
    """Return what a host of 6.7 would refuse with "violates extensibility rule checks"."""
    listed = tuple(file_list)
    if not level.has_path_rules or _grammar()(_vib(level, listed, overlay=overlay)):
        return Violations()
    return Violations(
        paths=tuple(path for path in listed if not is_allowed(path, level)),
        overlay=overlay and not _grammar()(_vib(level, (), overlay=True)),
    )


def is_allowed(path: str, level: AcceptanceLevel) -> bool:
    """Whether a VIB of this level may list `path`.

    Nothing is normalised: `opt/../bin/sh` is allowed, `./opt/x` and `/opt/x` are not.
    """
    if not level.has_path_rules:
        return True
    file = etree.Element("file")
    file.text = _xml_safe(path)
    return bool(_file_grammar(level)(file))


def standing(release: Release, paths: Iterable[str]) -> Certainty:
    """How sure it is that `release` has the list of 6.7, where these paths are concerned.

    Other lists than that of 6.7 were not seen. `etc/init.d` was reserved for partners in older
    ones, and one report from 7/8 says so again.
    """
    if release == ESXI_67:
        return Certainty.MEASURED
    if any(path.startswith(_INIT_SCRIPTS) for path in paths):
        return Certainty.UNKNOWN
    return Certainty.INFERRED


def _vib(level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool) -> etree._Element:
    vib = etree.Element("vib")
    etree.SubElement(vib, "acceptance-level").text = level.value
    etree.SubElement(vib, "overlay").text = "true" if overlay else "false"
    listing = etree.SubElement(vib, "file-list")
    for path in file_list:
        etree.SubElement(listing, "file").text = _xml_safe(path)
    return vib


def _xml_safe(path: str) -> str:
    """Replace what XML cannot carry: such a path is on no list either way."""
    return "".join(char if char.isprintable() else "\ufffd" for char in path)


def _document() -> etree._Element:
    return etree.fromstring(files("vibforge.host").joinpath("extensibility.rng").read_bytes())


@cache
def _grammar() -> etree.RelaxNG:
    return etree.RelaxNG(_document())


@cache
def _file_grammar(level: AcceptanceLevel) -> etree.RelaxNG:
    """Return the grammar that starts at a single `file` of a level."""
    grammar = _document()
    start = grammar.find(f"{_RELAX_NG}start/{_RELAX_NG}choice")
    if start is None:
        raise AssertionError("extensibility.rng has no choice at its start")
    start.clear()
    names = ["community-file", *(["partner-file"] if level is AcceptanceLevel.PARTNER else [])]
    for name in names:
        etree.SubElement(start, f"{_RELAX_NG}ref", name=name)
    return etree.RelaxNG(grammar)
