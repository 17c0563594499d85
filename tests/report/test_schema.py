import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from vibforge.errors import ModelError
from vibforge.formats.deflating import CompressionLevel
from vibforge.host.facts import FACTS
from vibforge.project.ledger import WrittenKind
from vibforge.report.documents.shape import Fault, json_text
from vibforge.report.schema import RECIPE, schema, schema_names

VERSIONS = {"record": 2, "sign": 2}
"""The shapes that are not the first of their name."""

OF_TWO_KINDS = {
    "default",  # of an option: a number or a text, as linuxptp has it
    "maintenance_mode",  # of a host: whether; of a descriptor: for what
    "note",  # a text; the number of findings
    "vendor",  # a name; of a depot with its code
    "warning",  # a text; the number of findings
}


def parts(of: object) -> Iterator[dict[str, Any]]:
    """Every object of a schema."""
    if isinstance(of, dict):
        yield of
    inner = of.values() if isinstance(of, dict) else of if isinstance(of, list) else ()
    for each in inner:
        yield from parts(each)


@pytest.mark.parametrize("name", [RECIPE, *schema_names()])
def test_a_schema_is_one_and_needs_no_other_file(name: str) -> None:
    shape = schema(name)
    Draft202012Validator.check_schema(shape)
    references = {part["$ref"] for part in parts(shape) if "$ref" in part}
    assert references == {f"#/$defs/{each}" for each in shape.get("$defs", ())}


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_strict_and_explains_each_key(name: str) -> None:
    shape = schema(name)
    assert shape["properties"]["format"]["const"] == f"vibforge/{name}/{VERSIONS.get(name, 1)}"
    for part in parts(shape):
        if isinstance(part.get("properties"), dict):
            assert part["additionalProperties"] is False
            assert set(part["required"]) <= set(part["properties"])
            for key, value in part["properties"].items():
                reference = value.get("$ref", "").rpartition("/")[2]
                assert value.get("description") or shape["$defs"][reference]["description"], key


def kinds(part: dict[str, Any], known: dict[str, Any]) -> set[str]:
    """The JSON types that a part of a schema takes, null aside."""
    if reference := part.get("$ref"):
        return kinds(known[reference.rpartition("/")[2]], known)
    if inner := part.get("anyOf", part.get("oneOf")):
        return set().union(*(kinds(each, known) for each in inner))
    if "enum" in part or "const" in part:
        return {"string"}
    found = part.get("type", [])
    return {found} - {"null"} if isinstance(found, str) else set(found) - {"null"}


def test_a_key_holds_the_same_kind_of_value_in_every_shape() -> None:
    held: dict[str, set[str]] = {}
    for name in schema_names():
        shape = schema(name)
        for part in parts(shape):
            if isinstance(part.get("properties"), dict):
                for key, value in part["properties"].items():
                    held.setdefault(key, set()).update(kinds(value, shape.get("$defs", {})))
    several = {key: found for key, found in held.items() if len(found) > 1}
    assert several.keys() == OF_TWO_KINDS


def test_a_name_of_a_shape_stands_for_one_shape() -> None:
    """The page of the reference has a section for a name, and code made of schemas a class."""
    shapes: dict[str, object] = {}
    for name in schema_names():
        for shape, part in schema(name).get("$defs", {}).items():
            if "properties" in part:
                assert shapes.setdefault(shape, part) == part, shape


def test_the_facts_of_a_host_are_those_that_are_read() -> None:
    assert set(schema("host-facts")["properties"]) == FACTS


def test_the_words_of_a_record_are_those_of_the_code() -> None:
    shape = schema("record")
    kind = shape["$defs"]["RecordedFile"]["properties"]["kind"]
    assert set(kind["enum"]) == set(WrittenKind) - {WrittenKind.CHECKSUMS}
    level = shape["properties"]["compression_level"]
    assert set(level["enum"]) == {each.name.lower() for each in CompressionLevel}


def test_a_document_keeps_texts_that_are_no_unicode() -> None:
    text = json_text(Fault(what="\udc80é", where=None, remedy=None))
    assert text == '{\n  "what": "\\udc80\\u00e9",\n  "where": null,\n  "remedy": null\n}'


def test_what_has_no_place_in_json_is_named() -> None:
    with pytest.raises(TypeError, match="bytes"):
        json_text({"what": b""})


def test_there_is_no_schema_of_another_name() -> None:
    with pytest.raises(ModelError) as caught:
        schema("definitions")
    assert "bundle-create" in caught.value.problems[0].remedy


def test_a_fresh_process_knows_every_document() -> None:
    script = "from vibforge.report.schema import schema_names; print(*schema_names())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert tuple(done.stdout.split()) == schema_names()
