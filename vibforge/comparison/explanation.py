"""Say in a few lines what differs between two builds of one ID."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from vibforge.bundle.opening import file_digests
from vibforge.comparison.differences import Difference, Section, compare, value_differences
from vibforge.errors import VibforgeError
from vibforge.files.inputs import FileSource
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.project.ledger import Facts
from vibforge.project.version_lock import Explanation, PublishedVersion

_SHOWN_DIFFERENCES = 4
_SHOWN_LINES = 2
"""Changed lines of a text that are shown."""
_LINE_LENGTH = 200
_NO_CONTENT = {Section.VIBS, Section.BUNDLE, Section.VERDICT}
"""Sections about what is around the VIB, or follows from what is in it."""
_DEPTH_LIMIT = 8
"""Tables in tables of a recipe in a build.json that are compared; deeper ones count as text."""
_HOW = ("vibforge", "codec", "codec_library", "compression_level")
_WHAT = ("release_date", "certificates")


def explain(release: PublishedVersion, new: Path, facts: Facts) -> Explanation | None:
    """Say what differs between an older build and a new one.

    Args:
        release: the older build; it may be no VIB, or a forged record.
        new: the VIB that was built.
        facts: its record.

    Returns:
        None if nothing of the older build but its digest is known.
    """
    try:
        if release.package is not None and _is_the_release(release, release.package):
            return _of(_of_packages(release.package, new, facts))
        if release.record is not None:
            return _of(_of_records(release.record, facts))
    except VibforgeError as error:
        return _unreadable(error.problems[0].what)
    except RecursionError:  # a forged record
        return _unreadable("its values are nested too deeply")
    return None


def _unreadable(why: str) -> Explanation:
    return Explanation(same_content=False, lines=(f"what is there cannot be read: {why}",))


def _is_the_release(release: PublishedVersion, path: Path) -> bool:
    """Whether a file that lies beside a list is what the list means; it may have been changed."""
    source = FileSource.from_path(path)
    with source.open() as stream:
        is_bundle = file_kind(stream.read(HEAD_SIZE)) is FileKind.ZIP
    return is_bundle or not release.sha256 or file_digests(source)[0] == release.sha256


def _of_packages(old: Path, new: Path, facts: Facts) -> Iterator[Difference]:
    name = facts["recipe"]["name"]
    for difference in compare(old, new).differences:
        if difference.section not in _NO_CONTENT and difference.vib in {"", name}:
            yield difference


def _of_records(old: Facts, new: Facts) -> Iterator[Difference]:
    """Yield what differs between two records; the older one may be forged."""
    yield from value_differences(Section.DESCRIPTOR, _said(old, _WHAT), _said(new, _WHAT))
    recipes = [dict(_flat("", facts.get("recipe"), 0)) for facts in (old, new)]
    yield from value_differences(Section.DESCRIPTOR, *recipes)
    contents = [_digests(facts, "uncompressed_sha256") for facts in (old, new)]
    yield from value_differences(Section.FILES, *contents)
    yield from value_differences(Section.PAYLOADS, _said(old, _HOW), _said(new, _HOW))


def _said(facts: Facts, keys: Sequence[str]) -> dict[str, str]:
    return {key.replace("_", " "): str(facts[key]) for key in keys if facts.get(key)}


def _digests(facts: Facts, key: str) -> dict[str, str]:
    """Return the start of the digest of each payload, by its name."""
    payloads = facts.get("payloads")
    return {
        f"content of payload {payload.get('name')}": f"sha-256 {str(payload.get(key))[:16]}…"
        for payload in (payloads if isinstance(payloads, list) else [])
        if isinstance(payload, Mapping)
    }


def _flat(prefix: str, value: object, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and depth < _DEPTH_LIMIT:
        for key, part in value.items():
            if key not in {"bundle", "signing", "allow"} or prefix:
                yield from _flat(f"{prefix}.{key}" if prefix else key, part, depth + 1)
    elif value not in ("", [], None):
        yield prefix, repr(value) if isinstance(value, Mapping | list) else value


def _of(found: Iterator[Difference]) -> Explanation:
    differences = list(found)
    content = [each for each in differences if each.section.is_content]
    shown = content or differences
    lines = [line for each in shown[:_SHOWN_DIFFERENCES] for line in _lines(each)]
    return Explanation(
        same_content=not content,
        lines=tuple(lines),
        more=max(0, len(shown) - _SHOWN_DIFFERENCES),
    )


def _lines(each: Difference) -> Iterator[str]:
    yield _short(each.line)
    changed = (line for line in each.lines[2:] if line[:1] in {"+", "-"})
    yield from (f"  {_short(line)}" for line in islice(changed, _SHOWN_LINES))


def _short(line: str) -> str:
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}…"
