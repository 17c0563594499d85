"""The JSON Schemas of what `--json` prints, derived from the types of these documents."""

from collections.abc import Iterator
from pkgutil import iter_modules
from typing import Any, TypeVar

from msgspec.json import schema_components

from vibforge.errors import ModelError
from vibforge.loading import load_now
from vibforge.project.recipe_reading import recipe_schema
from vibforge.report import documents
from vibforge.report.documents.shape import Document, Shape

Schema = dict[str, Any]
_Some = TypeVar("_Some", bound=Shape)

DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECIPE = "recipe"
_REFERENCE = "#/$defs/"
_TAGS = {"format": "Name and version of this format.", "kind": "Kind of this object."}


def schema_names() -> tuple[str, ...]:
    """Return the names of all schemas except the recipe's."""
    return tuple(_load())


def schema(name: str) -> Schema:
    """Return a schema (draft 2020-12) with all definitions that it refers to.

    Args:
        name: the middle part of a document's `format`, such as `build` of `vibforge/build/1`, or
            `recipe`.

    Raises:
        ModelError: there is no schema of this name.
    """
    if name == RECIPE:
        return recipe_schema()
    document = _document_type(name)
    if document is None:
        known = ", ".join([RECIPE, *schema_names()])
        raise ModelError(f"there is no schema {name!r}", remedy=f"choose one of {known}")
    _, parts = schema_components([document], ref_template=_REFERENCE + "{name}")
    for shape in _below(Shape):
        if shape.__name__ in parts:
            _finish(parts[shape.__name__], shape)
    title = document.title or f"vibforge {name.replace('-', ' ')} --json"
    whole = {"$schema": DRAFT, **parts.pop(document.__name__), "title": title}
    return {**whole, **({"$defs": dict(sorted(parts.items()))} if parts else {})}


def definition(part: Schema) -> str | None:
    """Return the name of the definition that a part of a schema is, or has as items or as value."""
    for each in (part, *part.get("anyOf", ()), part.get("items", {})):
        if reference := each.get("$ref"):
            return str(reference).removeprefix(_REFERENCE)
    return None


def _document_type(name: str) -> type[Document] | None:
    """Return the type of a document: of the modules that its name begins with, or else of any."""
    subject = name.replace("-", "_")
    return _load(name_starts=subject).get(name) or _load().get(name)


def _load(name_starts: str | None = None) -> dict[str, type[Document]]:
    """Load modules of documents, and return the types of all that are loaded, by their names."""
    for module in iter_modules(documents.__path__):
        if name_starts is None or name_starts.startswith(module.name):
            load_now(f"{documents.__name__}.{module.name}")
    tagged = {str(each.__struct_config__.tag): each for each in _below(Document)}
    named = {tag.split("/")[1]: each for tag, each in tagged.items() if "/" in tag}
    return dict(sorted(named.items()))


def _below(base: type[_Some]) -> Iterator[type[_Some]]:
    for each in base.__subclasses__():
        yield each
        yield from _below(each)


def _finish(part: Schema, shape: type[Shape]) -> None:
    """Describe the tag of a shape, and bring its keys into the order in which it has them."""
    config = shape.__struct_config__
    keys = part["properties"]
    if config.tag_field:
        keys[config.tag_field] = {
            "description": _TAGS[config.tag_field],
            "const": config.tag,
        }
    part["properties"] = {**{name: keys[name] for name in shape.first}, **keys}
