"""The JSON Schema of a recipe, so that editors complete and check a vibforge.toml."""

from enum import StrEnum
from typing import Any, get_args, get_origin

from msgspec import Struct
from msgspec.structs import FieldInfo

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.toml_keys import described, keys_of
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import required_kind
from vibforge.vib.descriptor import (
    HardwarePlatform,
    MaintenanceMode,
    SoftwarePlatform,
    SystemRequires,
    Url,
)
from vibforge.vib.relationships import Relationships

Schema = dict[str, Any]

_DOCS = {
    Relationships: {
        "depends": "What must be there: `esx-version >= 7.0.2`, `vmkapi_2_6_0_0`.",
        "conflicts": "What must not be there.",
        "replaces": "What goes when this comes; older versions of the same name always do.",
        "provides": "Names that others may depend on: `com.example.agent = 1.0`.",
        "compatible-with": "Carried along; ESXi 6.7 does not look at it.",
    },
    SystemRequires: {
        "maintenance-mode": "Whether live installs and removals need maintenance mode; false if "
        "it is missing.",
        "hardware-platforms": "Hosts that the VIB is for, compared exactly with SMBIOS.",
        "software-platforms": "Release lines of ESXi that the VIB is for; ignored before 7.0.",
    },
    MaintenanceMode: {
        "on-install": "Needed for a live install.",
        "on-remove": "Needed for a live removal.",
    },
    HardwarePlatform: {
        "vendor": "SMBIOS vendor, or one of the OEM strings.",
        "model": "SMBIOS product.",
    },
    SoftwarePlatform: {
        "version": "`7.0`, `8.0`, `8.*`.",
        "locale": "Empty in all that was seen.",
        "product-line-id": "`embeddedEsx` for hosts.",
    },
}
"""What the keys mean that a recipe shares with the descriptor's own model."""


def recipe_schema() -> Schema:
    """Return the schema (draft 2020-12) of what `read_recipe` takes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vibforge recipe",
        "description": "What `vibforge build` makes a VIB of.",
        **_of(Recipe),
    }


def _of(kind: Any) -> Schema:  # noqa: ANN401 - the type of any key
    if kind == tuple[Url, ...]:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _of(get_args(kind)[0])}
    if kind is MaintenanceMode:
        return {"anyOf": [{"type": "boolean"}, _table(kind)]}
    if kind is AcceptanceLevel:
        words = [word for level in AcceptanceLevel for word in (level.value, level.esxcli_name)]
        return {"type": "string", "enum": words}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind)}
    if hasattr(kind, "parse"):
        return {"type": "string"}
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _table(kind)
    return {"type": {str: "string", bool: "boolean", int: "integer"}[kind]}


def _table(kind: type[Struct]) -> Schema:
    keys = keys_of(kind)
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _described(_DOCS.get(kind, {}).get(name, ""), field)
            for name, field in keys.items()
        },
    }
    required = [name for name, field in keys.items() if field.required]
    return schema | ({"required": required} if required else {})


def _described(shared: str, field: FieldInfo) -> Schema:
    schema: Schema = {"description": described(field.type).description or shared}
    default = field.default
    if isinstance(default, StrEnum):
        schema["default"] = default.value
    elif isinstance(default, str | bool | int) and default != "":
        schema["default"] = default
    return schema | _of(required_kind(field.type))
