"""Hold documents against their JSON Schemas."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from vibforge.project.recipe_reading import recipe_schema
from vibforge.report.documents.shape import Shape, json_text
from vibforge.report.schema import schema

Document = dict[str, Any]


def facts_of(document: Shape) -> Document:
    """Return what a program reads of a document."""
    facts: Document = json.loads(json_text(document))
    return facts


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def name_of(document: Document) -> str:
    """Return the name of a document's schema, which its first key tells."""
    first, value = next(iter(document.items()))
    assert first == "format"
    vibforge, name, version = str(value).split("/")
    assert vibforge == "vibforge"
    assert version.isdecimal()
    return name


def require_valid(document: Document) -> str:
    """Demand that a document is as its schema says, and return the schema's name."""
    name = name_of(document)
    validator(name).validate(document)
    if "recipe" in document:
        Draft202012Validator(recipe_schema()).validate(document["recipe"])
    return name
