from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from vibforge.errors import ModelError
from vibforge.findings.check import Severity, Topic
from vibforge.formats.gzip_member import Level
from vibforge.formats.tar_header import EntryKind
from vibforge.formats.tar_reading import TarForm
from vibforge.formats.unpacking import Compression
from vibforge.host.bundle_readers import Verdict
from vibforge.host.offer import BundleReader
from vibforge.host.prediction import Outcome
from vibforge.host.routes import Route
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty
from vibforge.model.recipe import PayloadType
from vibforge.operations.read_project import ProjectKind
from vibforge.operations.record import FileKind
from vibforge.operations.verification import Outcome as FactOutcome
from vibforge.ptp.settings import Delay
from vibforge.rehearsal.verdict import Code
from vibforge.report.plain import kind_name
from vibforge.report.schema import RECIPE, definitions, schema, schema_names
from vibforge.scan.signature import Signature
from vibforge.signing.making import TimeSource
from vibforge.trx.nic import Answer
from vibforge.trx.option import Kind, Standing

WORDS: tuple[type[StrEnum], ...] = (
    AcceptanceLevel,
    Answer,
    BundleReader,
    Certainty,
    Code,
    Compression,
    Delay,
    FactOutcome,
    Kind,
    Outcome,
    PayloadType,
    ProjectKind,
    Route,
    Severity,
    Signature,
    Standing,
    TarForm,
    TimeSource,
    Topic,
    Verdict,
)
ONLY_IN_JSON = {
    frozenset({"yes", "no", "sometimes"}),
    frozenset({"ptp4l.conf", "ptpconfig", "phc2sys"}),
    frozenset({"ptp4l", "phc2sys", "sys2vmw"}),
    frozenset({"L2", "UDPv4", "UDPv6"}),
    frozenset(level.name.lower() for level in Level),
    frozenset(FileKind) - {FileKind.CHECKSUMS},
}
VERSIONS = {"record": 2}
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
                assert value.get("description") or definitions()[reference]["description"], key


def kinds(part: dict[str, Any]) -> set[str]:
    """The JSON types that a part of a schema takes, null aside."""
    if reference := part.get("$ref"):
        return kinds(definitions()[reference.rpartition("/")[2]])
    if inner := part.get("anyOf", part.get("oneOf")):
        return set().union(*(kinds(each) for each in inner))
    if "enum" in part or "const" in part:
        return {"string"}
    found = part.get("type", [])
    return {found} - {"null"} if isinstance(found, str) else set(found) - {"null"}


def test_a_key_holds_the_same_kind_of_value_in_every_shape() -> None:
    held: dict[str, set[str]] = {}
    for name in schema_names():
        for part in parts(schema(name)):
            if isinstance(part.get("properties"), dict):
                for key, value in part["properties"].items():
                    held.setdefault(key, set()).update(kinds(value))
    several = {key: found for key, found in held.items() if len(found) > 1}
    assert several.keys() == OF_TWO_KINDS


def test_every_definition_is_used() -> None:
    used = {name for each in schema_names() for name in schema(each).get("$defs", ())}
    assert used == set(definitions())


def test_the_words_are_those_of_the_code() -> None:
    """A word that the code learns must not stay unknown to a schema."""
    known = {frozenset(word.value for word in words) for words in WORDS}
    known.add(frozenset(kind_name(kind) for kind in EntryKind))
    for name in schema_names():
        for part in parts(schema(name)):
            if isinstance(part.get("enum"), list):
                words = frozenset(part["enum"]) - {None}
                assert words in known | ONLY_IN_JSON, (name, words)


def test_there_is_no_schema_of_another_name() -> None:
    with pytest.raises(ModelError) as caught:
        schema("definitions")
    assert "bundle-create" in caught.value.problems[0].remedy
