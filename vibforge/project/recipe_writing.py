"""Write a recipe as TOML, and a descriptor as the values of a recipe."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from vibforge.project.recipe import Recipe
from vibforge.vib.descriptor import Descriptor, MaintenanceMode, Payload, Url


def serialise(recipe: Recipe) -> str:
    """Return a vibforge.toml that `read_recipe` reads as this recipe."""
    import tomli_w  # noqa: PLC0415 - only where a recipe is written

    return tomli_w.dumps(without_variables(table(recipe)))


def table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's values as TOML nests them; keys that say nothing are left out."""
    return {name: value for name, value in _plain(recipe).items() if value not in ({}, [])}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of a recipe
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "parse"):
        return str(value)
    if isinstance(value, tuple):
        if value and all(isinstance(part, Url) for part in value):
            return {url.key: url.link for url in value}
        return [_plain(part) for part in value]
    if not isinstance(value, Struct):
        return value
    plain = {
        name.replace("_", "-"): _plain(part)
        for name in value.__struct_fields__
        if (part := getattr(value, name)) is not None
    }
    return {name: part for name, part in plain.items() if part not in ({}, [], "")}


def without_variables(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """Return a value in whose texts `${` is escaped, so that it is not read as a variable."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [without_variables(part) for part in value]
    if isinstance(value, dict):
        return {name: without_variables(part) for name, part in value.items()}
    return value


def table_of(found: Descriptor) -> dict[str, Any]:
    """Return a descriptor as the values of a recipe, as TOML nests them.

    The trees are expected where VIB Author puts them: in `payloads/`, by the payloads' names.
    """
    given = {
        "type": found.type,
        "release-date": found.release_date,
        "acceptance-level": found.acceptance_level,
    }
    return {name: value for name, value in given.items() if value} | {
        "name": found.name,
        "version": found.version,
        "vendor": found.vendor,
        "summary": found.summary,
        "description": found.description,
        "urls": {url.key: url.link for url in found.urls},
        "relationships": _relationships(found),
        "software-tags": list(found.software_tags),
        "system-requires": _system_requires(found),
        "live-install-allowed": bool(found.live_install_allowed),
        "live-remove-allowed": bool(found.live_remove_allowed),
        "cimom-restart": bool(found.cimom_restart),
        "stateless-ready": bool(found.stateless_ready),
        "overlay": bool(found.overlay),
        "payloads": [_payload(payload) for payload in found.payloads],
    }


def _relationships(found: Descriptor) -> dict[str, list[str]]:
    of = found.relationships
    return {
        "depends": [str(constraint) for constraint in of.depends],
        "conflicts": [str(constraint) for constraint in of.conflicts],
        "replaces": [str(constraint) for constraint in of.replaces],
        "provides": [str(provide) for provide in of.provides],
        "compatible-with": [str(constraint) for constraint in of.compatible_with],
    }


def _system_requires(found: Descriptor) -> dict[str, Any]:
    of = found.system_requires
    mode = of.maintenance_mode or MaintenanceMode(on_install=True, on_remove=True)
    return {
        "maintenance-mode": {"on-install": mode.on_install, "on-remove": mode.on_remove},
        "hardware-platforms": [
            {"vendor": h.vendor, "model": h.model} for h in of.hardware_platforms
        ],
        "software-platforms": [
            {"version": s.version, "locale": s.locale, "product-line-id": s.product_line_id}
            for s in of.software_platforms
        ],
    }


def _payload(of: Payload) -> dict[str, Any]:
    table: dict[str, Any] = {"name": of.name, "tree": f"payloads/{of.name}", "type": of.type}
    if of.boot_order is not None:
        table["boot-order"] = of.boot_order
    return table | ({"vfat-name": of.vfat_name} if of.vfat_name else {})
