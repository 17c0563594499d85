"""The reference page of the JSON that commands print, made from its schemas."""

from collections.abc import Iterator

from vibforge.report.schema import Schema, definitions, referred, schema, schema_names

_HEAD = """\
# JSON

`--json` prints one object, indented by two spaces, in ASCII; the same input gives the same bytes.
This page is made from the JSON Schemas (draft 2020-12), which `vibforge schema NAME` prints: the
name of `vibforge/inspect/1` is `inspect`. They are strict: there are no other keys.

Within `/1` keys may be added, none is renamed or removed, and none changes its meaning or its unit.
Sizes are bytes, modes octal text like `"0644"`, digests and serial numbers hexadecimal in lower
case, times ISO 8601 in UTC like `"2024-05-01T12:00:00Z"`; texts of a descriptor stand as they are.
What is not there is `null`, or an empty list. Keys that end with `_seconds` or `_ns` say it.

Problems stand on standard error, as texts, and the exit code tells of them. Commands that take
several files (`verify`, `inspect`, `lint`, `plan`) list those that they could not read under
`unreadable`, each with its faults.
"""


def json_page() -> str:
    """Return the page as Markdown."""
    lines = [_HEAD]
    for name in schema_names():
        shape = schema(name)
        lines += [f"## {shape['title']}", "", shape["description"], ""]
        lines += _table(shape)
    lines += ["# Shared shapes", ""]
    for name, part in definitions().items():
        lines += [f"## {name}", "", *_definition(part)]
    return "\n".join(lines)


def _definition(part: Schema) -> Iterator[str]:
    said = [part["description"]]
    if "enum" in part:
        said.append(f"One of {_words(part)}.")
    if "pattern" in part:
        said.append(f"Matches `{part['pattern']}`.")
    yield " ".join(said)
    yield ""
    if "properties" in part:
        yield from _table(part)


def _table(shape: Schema) -> Iterator[str]:
    yield "| key | holds | what |"
    yield "| --- | --- | --- |"
    yield from _rows(shape, "")
    yield ""


def _rows(shape: Schema, prefix: str) -> Iterator[str]:
    for key, part in shape["properties"].items():
        name = referred(part)
        what = part.get("description") or (definitions()[name]["description"] if name else "")
        yield f"| `{prefix}{key}` | {_holds(part)} | {what.replace('|', chr(92) + '|')} |"
        inner, dots = _inner(part)
        if inner:
            yield from _rows(inner, f"{prefix}{key}{dots}.")


def _inner(part: Schema) -> tuple[Schema | None, str]:
    """Return the object that a part is or lists, without a name of its own."""
    if "properties" in part.get("items", {}):
        return part["items"], "[]"
    for each in (part, *part.get("anyOf", ())):
        if "properties" in each:
            return each, ""
    return None, ""


def _holds(part: Schema) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return _words(part)
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "oneOf" in part or "anyOf" in part:
        return " or ".join(_holds(each) for each in part.get("oneOf") or part["anyOf"])
    kinds = part.get("type", "anything")
    if isinstance(kinds, list):
        return " or ".join(kinds)
    if kinds == "array":
        return f"list of {_holds(part['items'])}"
    if isinstance(part.get("additionalProperties"), dict):
        return f"object of {_holds(part['additionalProperties'])}"
    return str(kinds)


def _words(part: Schema) -> str:
    return ", ".join("null" if word is None else f"`{word}`" for word in part["enum"])
