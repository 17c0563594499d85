"""The differences between two sides, by meaning."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vibforge.comparison.side import PackedFile, Setting, Side, SideKind, VibSide, read_side
from vibforge.errors import ModelError

LINES_LIMIT = 400
"""Lines of one unified diff that are kept."""


class Section(StrEnum):
    """What a difference is about."""

    VIBS = "VIBs"
    BUNDLE = "bundle"
    HOST = "host"
    DESCRIPTOR = "descriptor"
    FILES = "files"
    TRX = "trx.conf"
    PAYLOADS = "payloads"
    SIGNATURE = "signature"
    VERDICT = "verdict"

    @property
    def is_content(self) -> bool:
        """Whether a difference of this kind changes what a host gets."""
        return self is not Section.PAYLOADS


class Difference(Struct, frozen=True, kw_only=True):
    """One difference: `old` is None where something was added, `new` where it was removed."""

    section: Section
    name: str
    old: str | None = None
    new: str | None = None
    vib: str = ""
    """The VIB that it is in, where a bundle is compared."""
    lines: tuple[str, ...] = ()
    """The unified diff of a text."""
    more_lines: int = 0
    """Lines of the diff that were left out."""

    @property
    def line(self) -> str:
        """The difference in one line: `+ NAME: NEW`, `- NAME: OLD` or `~ NAME: OLD → NEW`."""
        if self.old is None:
            return f"+ {self.name}: {self.new or ''}"
        if self.new is None:
            return f"- {self.name}: {self.old}"
        return f"~ {self.name}: {self.old} → {self.new}"


class Comparison(Struct, frozen=True, kw_only=True):
    """Two sides and their differences, in the order of the sections."""

    old: Side
    new: Side
    differences: tuple[Difference, ...]

    @property
    def same_bytes(self) -> bool:
        """Whether both are files with the same bytes."""
        return bool(self.old.sha256) and self.old.sha256 == self.new.sha256

    @property
    def same_content(self) -> bool:
        """Whether a host would get the same from both."""
        return not any(each.section.is_content for each in self.differences)


def compare(old: Path, new: Path, *, settings: Mapping[str, str] | None = None) -> Comparison:
    """Read both sides and return their differences; `api.compare` describes the arguments.

    Raises:
        ModelError: the two cannot be compared, or a recipe is wrong.
        FormatError: one of them cannot be read.
    """
    return compare_sides(read_side(old, settings=settings), read_side(new, settings=settings))


def compare_sides(old: Side, new: Side) -> Comparison:
    """Return the differences between two sides that were read.

    Raises:
        ModelError: the two cannot be compared.
    """
    kinds = {old.kind, new.kind}
    if len(kinds) > 1 and not all(kind.holds_vibs for kind in kinds):
        raise ModelError(
            f"{old.label} is {_article(old.kind)}, {new.label} is {_article(new.kind)}",
            remedy="compare two of one kind, or a VIB, bundle or project with another",
        )
    return Comparison(old=old, new=new, differences=tuple(_differences(old, new)))


def _article(kind: SideKind) -> str:
    return str(kind) if kind is SideKind.HOST else f"a {kind}"


def _differences(old: Side, new: Side) -> Iterator[Difference]:
    section = Section.HOST if old.kind is SideKind.HOST else Section.BUNDLE
    if old.fields and new.fields:
        yield from value_differences(section, old.fields, new.fields)
    yield from _settings_differences(old.settings, new.settings)
    if old.text != new.text and old.settings == new.settings:
        yield _text_difference(Section.TRX, "lines", old.text, new.text)
    several = len(old.vibs) > 1 or len(new.vibs) > 1
    if not several and old.vibs and new.vibs:
        yield from _vib_differences(next(iter(old.vibs.values())), next(iter(new.vibs.values())))
        return
    for name in _names(old.vibs, new.vibs):
        before, after = old.vibs.get(name), new.vibs.get(name)
        if before is None or after is None:
            yield Difference(
                section=Section.VIBS,
                name=name,
                old=before.id if before else None,
                new=after.id if after else None,
            )
        else:
            yield from _vib_differences(before, after, name)


def _vib_differences(old: VibSide, new: VibSide, vib: str = "") -> Iterator[Difference]:
    found = [
        *value_differences(Section.DESCRIPTOR, old.fields, new.fields),
        *_file_differences(old.files, new.files),
        *_settings_differences(old.settings, new.settings),
        *_signature_differences(old.signatures, new.signatures),
        *value_differences(Section.VERDICT, old.verdicts, new.verdicts),
        *value_differences(Section.PAYLOADS, old.payloads, new.payloads),
    ]
    yield from (replace(difference, vib=vib) for difference in found)


def _names(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Return the names of both, in the order of the old and then of the new ones."""
    return list(dict.fromkeys((*old, *new)))


def value_differences(
    section: Section, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    """Yield what differs between values with names; lists are compared as sets."""
    for name in _names(old, new):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before or after, list):
            yield from _list_differences(section, name, before or [], after or [])
        elif _is_text(before) and _is_text(after):
            yield _text_difference(section, name, str(before), str(after))
        else:
            yield Difference(section=section, name=name, old=_word(before), new=_word(after))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _list_differences(
    section: Section, name: str, old: Sequence[object], new: Sequence[object]
) -> Iterator[Difference]:
    for value in old:
        if value not in new:
            yield Difference(section=section, name=name, old=_entry(value))
    for value in new:
        if value not in old:
            yield Difference(section=section, name=name, new=_entry(value))


def _entry(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items() if part)
    return str(value)


def _file_differences(
    old: Mapping[str, PackedFile], new: Mapping[str, PackedFile]
) -> Iterator[Difference]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        name = f"/{path}"
        if before is None or after is None:
            yield Difference(
                section=Section.FILES, name=name, old=_about(before), new=_about(after)
            )
        elif before != after:
            yield from _changed_file(name, before, after)


def _about(file: PackedFile | None) -> str | None:
    if file is None:
        return None
    size = f", {file.size} bytes" if file.digest else ""
    link = f", to {file.link}" if file.link else ""
    return f"{file.kind}, {file.mode:04o} {file.owner}{size}{link}"


def _changed_file(name: str, old: PackedFile, new: PackedFile) -> Iterator[Difference]:
    for word, before, after in (
        ("", old.kind, new.kind),
        ("mode", f"{old.mode:04o}", f"{new.mode:04o}"),
        ("owner", old.owner, new.owner),
        ("link", old.link, new.link),
    ):
        if before != after:
            yield Difference(
                section=Section.FILES, name=f"{name} {word}".strip(), old=before, new=after
            )
    if old.digest != new.digest:
        if old.text is not None and new.text is not None:
            yield _text_difference(Section.FILES, name, old.text, new.text)
        else:
            yield Difference(
                section=Section.FILES,
                name=name,
                old=f"{old.size} bytes, sha-256 {old.digest.hex()[:16]}…",
                new=f"{new.size} bytes, sha-256 {new.digest.hex()[:16]}…",
            )


def _text_difference(section: Section, name: str, old: str, new: str) -> Difference:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "old", "new", lineterm="")
    kept = tuple(islice(lines, LINES_LIMIT))
    return Difference(
        section=section,
        name=name,
        old=f"{len(old.encode('utf-8', 'surrogatepass'))} bytes",
        new=f"{len(new.encode('utf-8', 'surrogatepass'))} bytes",
        lines=kept,
        more_lines=sum(1 for _ in lines),
    )


def _settings_differences(
    old: Mapping[str, Setting], new: Mapping[str, Setting]
) -> Iterator[Difference]:
    for name in _names(old, new):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield Difference(
                section=Section.TRX,
                name=name,
                old=before.value if before else _without(after),
                new=after.value if after else _without(before),
            )


def _without(setting: Setting | None) -> str | None:
    """Return what holds where a setting is missing, if that is known."""
    return f"{setting.default} (the default of linuxptp)" if setting and setting.default else None


def _signature_differences(old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    if old != new:
        yield Difference(
            section=Section.SIGNATURE,
            name="signed by",
            old="; ".join(old) or "nobody",
            new="; ".join(new) or "nobody",
        )
