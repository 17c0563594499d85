"""The reference page of the JSON that commands print, made from its schemas."""

from collections.abc import Iterator
from functools import cache

from vibforge.report.schema import Schema, definition, schema, schema_names

_HEAD = """\
# JSON

`--json` prints one object, indented by two spaces, in ASCII; the same input gives the same bytes.
This page is made from the JSON Schemas (draft 2020-12), which `vibforge schema NAME` prints: the
name of `vibforge/inspect/1` is `inspect`. They are strict: there are no other keys. The schemas
are derived from the types in `vibforge/report/documents`, which are what is printed.

Within `/1` keys may be added, none is renamed or removed, and none changes its meaning or its unit.
A shape that cannot stay so gets the next number, and the changelog names it. Only the newest number
of a shape is printed and described; a program that meets several releases of vibforge looks at
`format` first.
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
        whole = schema(name)
        lines += [f"## {whole['title']}", "", _one_line(whole["description"]), ""]
        lines += _table(whole, whole.get("$defs", {}))
    lines += ["# Shared shapes", ""]
    for name, (shape, known) in sorted(_shared().items()):
        lines += [f"## {name}", "", _one_line(shape["description"]), "", *_table(shape, known)]
    return "\n".join(lines)


@cache
def _shared() -> dict[str, tuple[Schema, Schema]]:
    """Return the objects with a section of their own, each with the definitions around it.

    They are those that stand in several places, and those of which there is one of several kinds.
    """
    places: dict[str, set[str]] = {}
    shapes: dict[str, tuple[Schema, Schema]] = {}
    for document in schema_names():
        whole = schema(document)
        known = whole.get("$defs", {})
        for owner, shape in (*known.items(), (document, whole)):
            for part in shape.get("properties", {}).values():
                names = [name for name in _names(part) if "properties" in known[name]]
                for name in names:
                    places.setdefault(name, set()).update({owner, *(names if names[1:] else ())})
                    shapes[name] = known[name], known
    return {name: shapes[name] for name, owners in places.items() if len(owners) > 1}


def _names(part: Schema) -> Iterator[str]:
    for each in (part, *part.get("anyOf", ()), *_choices(part.get("items", {}))):
        if name := definition({"$ref": each["$ref"]} if "$ref" in each else {}):
            yield name


def _choices(part: Schema) -> tuple[Schema, ...]:
    return (part, *part.get("anyOf", ()))


def _table(shape: Schema, known: Schema) -> Iterator[str]:
    yield "| key | holds | what |"
    yield "| --- | --- | --- |"
    yield from _rows(shape, known, "")
    yield ""


def _rows(shape: Schema, known: Schema, prefix: str) -> Iterator[str]:
    for key, part in shape["properties"].items():
        name = definition(part)
        what = part.get("description") or known[name or ""]["description"]
        text = _one_line(what).replace("|", "\\|")
        yield f"| `{prefix}{key}` | {_holds(part, known)} | {text} |"
        for each in _names(part):
            if "properties" in known[each] and each not in _shared():
                dots = "[]." if "items" in part else "."
                yield from _rows(known[each], known, f"{prefix}{key}{dots}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _holds(part: Schema, known: Schema) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    if name := part.get("$ref") and definition(part):
        if "enum" in known[name]:
            return _holds(known[name], known)
        return f"[{name}](#{name.lower()})" if name in _shared() else "object"
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_holds(each, known) for each in part["anyOf"]))
    kind = str(part.get("type", "anything"))
    if kind == "array":
        items = part.get("items") or part.get("prefixItems", [{}])[0]
        return f"list of {_holds(items, known)}"
    if isinstance(part.get("additionalProperties"), dict) and part["additionalProperties"]:
        return f"object of {_holds(part['additionalProperties'], known)}"
    return kind
