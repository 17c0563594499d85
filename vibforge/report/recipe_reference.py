"""The reference page of a recipe's keys, made from its JSON Schema."""

from collections.abc import Iterator
from typing import Any

from vibforge.model.recipe_schema import recipe_schema

_HEAD = """\
# Every key of a recipe

A recipe is a `vibforge.toml`. This page is made from the schema that `vibforge schema` prints; to
have an editor complete the keys, save it and put `#:schema recipe.schema.json` on the first line.

Texts take `${NAME}` and `${NAME:-default}` from the environment; `$${` stands for `${`.
`vibforge build --set KEY=VALUE` goes over any key: `--set payloads[0].type=vgz`.
"""


def recipe_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_table("Top level", recipe_schema())])


def _table(title: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| key | takes | default | what |"
    yield "| --- | --- | --- | --- |"
    inner = []
    required = schema.get("required", [])
    for key, of in schema["properties"].items():
        default = "required" if key in required else _default(of)
        yield f"| `{key}` | {_takes(of)} | {default} | {of.get('description', '')} |"
        table = of.get("items", of)
        table = next((part for part in table.get("anyOf", []) if "properties" in part), table)
        if "properties" in table:
            inner.append((key, table))
    yield ""
    for key, table in inner:
        name = key if title == "Top level" else f"{title.strip('`')}.{key}"
        yield from _table(f"`{name}`", table)


def _default(of: dict[str, Any]) -> str:
    value = of.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(of: dict[str, Any]) -> str:
    if "enum" in of:
        return ", ".join(f"`{word}`" for word in of["enum"])
    if "anyOf" in of:
        return " or ".join(_takes(part) for part in of["anyOf"])
    if of["type"] == "array":
        return f"array of {_takes(of['items'])}"
    names = {"string": "text", "boolean": "true or false", "integer": "number", "object": "table"}
    return names[of["type"]]
