"""The keys of a TOML document: their declarations, and the line of each."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from vibforge.errors import ModelError

Path = tuple[str | int, ...]
"""Keys and array indices from the top: `("payloads", 0, "name")`."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\]|\\.)*"' r"|'[^']*'",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SHORT_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def key_lines(document: str) -> dict[Path, int]:
    """Return the line, counted from 1, of every key, table and array element."""
    return _Scanner(document).scan()


def nearest_line(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of a key, or of the nearest table around it that has one; 1 if none has."""
    known = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[part] for part in known if part in lines), 1)


def value_spans(document: str) -> dict[Path, tuple[int, int]]:
    """Return where the value of every key starts and ends, in characters from the start."""
    scanner = _Scanner(document)
    scanner.scan()
    return scanner.spans


class _Scanner:
    def __init__(self, text: str) -> None:
        self.spans: dict[Path, tuple[int, int]] = {}
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._line_starts = [match.end() for match in re.finditer("\n", text)]
        self._array_sizes: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip_space()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip_space()
        return self._lines

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr] # matches ""

    def _mark(self, path: Path) -> None:
        self._lines.setdefault(path, bisect_right(self._line_starts, self._at) + 1)

    def _header(self) -> Path:
        is_array = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if is_array else 1
        path = self._through_arrays(self._dotted_key())
        self._at, end = start, self._text.index("]", self._at) + (2 if is_array else 1)
        for depth in range(1, len(path)):
            self._mark(path[:depth])
        if is_array:
            self._mark(path)
            index = self._array_sizes.get(path, 0)
            self._array_sizes[path] = index + 1
            path = (*path, index)
        self._mark(path)
        self._at = end
        return path

    def _through_arrays(self, keys: Path) -> Path:
        """Return a path with the index of the last element behind each array of tables."""
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            if path in self._array_sizes and number < len(keys) - 1:
                path = (*path, self._array_sizes[path] - 1)
        return path

    def _dotted_key(self) -> Path:
        keys: list[str] = []
        while True:
            self._skip_space()
            keys.append(self._one_key())
            self._skip_space()
            if not self._text.startswith(".", self._at):
                return tuple(keys)
            self._at += 1

    def _one_key(self) -> str:
        match = _BARE_KEY.match(self._text, self._at)
        if match:
            self._at = match.end()
            return match[0]
        quoted = _STRING.match(self._text, self._at)
        if not quoted:
            raise ValueError(self._at)
        self._at = quoted.end()
        inner = quoted[0][1:-1]
        return inner if quoted[0][0] == "'" else _ESCAPE.sub(_unescape, inner)

    def _pair(self, table: Path) -> None:
        start = self._at
        keys = self._dotted_key()
        end, self._at = self._at, start
        for depth in range(1, len(keys) + 1):
            self._mark((*table, *keys[:depth]))
        self._at = end + 1
        self._skip_space()
        start = self._at
        self._value((*table, *keys))
        self.spans[(*table, *keys)] = (start, self._at)

    def _value(self, path: Path) -> None:
        self._skip_space()
        opening = self._text[self._at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            match = _STRING.match(self._text, self._at) or _BARE_VALUE.match(self._text, self._at)
            self._at = match.end()  # type: ignore[union-attr] # a bare value matches ""

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip_space()
        while self._text[self._at] != "]":
            self._mark((*path, index))
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip_space()
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        self._skip_space()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip_space()


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _SHORT_ESCAPES.get(match[3], match[3])


Fault = tuple[Path, ModelError]


Rule = Callable[[Any], None]
"""Raises ModelError for a value that the key does not allow."""


def key(doc: str, *, check: Rule | None = None) -> Meta:
    """Return the description of a recipe's key, for the annotation of its field."""
    return Meta(description=doc, extra={"check": check})


def described(kind: Any) -> Meta:  # noqa: ANN401 - the type of any field
    """Return the description that `key` gave to a field; empty if there is none."""
    notes = getattr(kind, "__metadata__", ())
    return next((note for note in notes if isinstance(note, Meta)), Meta())


def rule_of(kind: Any) -> Rule | None:  # noqa: ANN401 - the type of any field
    """Return the rule that `key` gave to a field; None if there is none."""
    extra = described(kind).extra
    return extra["check"] if extra else None


@cache
def keys_of(kind: type[Struct]) -> dict[str, FieldInfo]:
    """Return the fields of a part of a recipe by key; keys have dashes instead of underscores."""
    return {field.name.replace("_", "-"): field for field in fields(kind)}


def dotted(path: Path) -> str:
    """Return a key's path in the usual form: `payloads[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def broken_keys(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any part of a recipe
    """Yield path and error of each key in a part of a recipe whose value breaks its rule."""
    if isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from broken_keys(part, (*path, index))
    if not isinstance(value, Struct):
        return
    for name, field in keys_of(type(value)).items():
        part, where = getattr(value, field.name), (*path, name)
        if check := rule_of(field.type):
            try:
                check(part)
            except ModelError as error:
                yield where, error
        yield from broken_keys(part, where)
