"""What documents are made of, and how one becomes JSON."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Meta, Struct, structs, to_builtins


def says(text: str) -> Meta:
    """Describe a key, for its schema and for the page of the reference."""
    return Meta(description=text)


class Shape(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An object in a document. Each key says what it holds; a schema knows no other keys.

    Keys are in the order of the fields, but for those that `first` names.
    """

    first: ClassVar[tuple[str, ...]] = ()


class Document(Shape, tag_field="format", frozen=True):
    """What a command prints with `--json`; the tag is its name and version."""

    title: ClassVar[str] = ""
    """Of its schema, where it is not the command whose words are the name."""


def json_text(document: Shape | Mapping[str, Any]) -> str:
    """Return a document as it is printed: indented, in ASCII, whatever the texts in it are."""
    return json.dumps(document, indent=2, default=_plain)


def _plain(part: object) -> dict[str, Any]:
    """Return a document with its shapes, or one of these shapes as plain values."""
    if isinstance(part, Document):
        config = part.__struct_config__
        keys = zip(part.__struct_encode_fields__, structs.astuple(part), strict=True)
        return {str(config.tag_field): config.tag, **dict(keys)}
    if isinstance(part, Shape):
        facts = to_builtins(part)
        return {**{name: facts[name] for name in part.first}, **facts}
    raise TypeError(f"{type(part).__name__} has no place in JSON")
