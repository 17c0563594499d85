"""Turn what `esxcli --formatter=json` printed on a host into facts.

The names of esxcli's fields differ between releases in blanks and capitals, so they are compared
without them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COLLECTOR = 1
"""The number of the collector script that belongs to this reader."""


def from_esxcli(collected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that the answers tell; what they do not tell is left out."""
    return {name: value for name, value in _facts(collected) if value is not None}


def _facts(collected: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "version", _version(collected.get("version"))
    yield "acceptance_level", _text(collected.get("acceptance"))
    yield "secure_boot", _switch(collected.get("secure_boot"))
    yield "tpm", _field(collected.get("trusted_boot"), "tpmpresent")
    yield "maintenance_mode", _switch(collected.get("maintenance_mode"))
    yield "stateless", _stateless(collected.get("boot_device"))
    yield "hardware", _hardware(collected.get("platform"))
    yield "bootbank_free", _free(collected.get("filesystems"), collected.get("altbootbank"))
    yield "reboot_pending", _pending(collected.get("rebooting_vibs"), collected.get("vibs"))
    yield "pending_vibs", _pending_vibs(collected.get("rebooting_vibs"), collected.get("vibs"))
    yield "vibs", _vibs(collected.get("vibs"), collected.get("descriptors"))


def _fields(table: object) -> dict[str, Any]:
    if not isinstance(table, dict):
        return {}
    return {
        "".join(char for char in str(name).lower() if char.isalnum()): value
        for name, value in table.items()
    }


def _field(table: object, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return _fields(table).get(name)


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _version(table: object) -> str | None:
    """Join version and update: hosts before 7.0 print 6.7.0 and the update beside it."""
    version, update = _field(table, "version"), _field(table, "update")
    if not isinstance(version, str):
        return None
    line = ".".join(version.split(".")[:2])
    return f"{line}.{update}" if isinstance(update, str) and update.isdigit() else version


def _switch(value: object) -> bool | None:
    word = _text(value)
    if word is None:
        return None
    return {"enabled": True, "disabled": False}.get(word.split()[0].lower().strip(".:,"))


def _stateless(table: object) -> bool | None:
    nic = _field(table, "statelessbootnic")
    return bool(nic.strip()) if isinstance(nic, str) else None


def _hardware(table: object) -> dict[str, str] | None:
    vendor, model = _field(table, "vendorname"), _field(table, "productname")
    if not (isinstance(vendor, str) and isinstance(model, str)):
        return None
    return {"vendor": vendor, "model": model}


def _free(filesystems: object, altbootbank: object) -> int | None:
    if not (isinstance(filesystems, list) and isinstance(altbootbank, str)):
        return None
    for filesystem in filesystems:
        fields = _fields(filesystem)
        if fields.get("mountpoint") == altbootbank.strip():
            free = fields.get("free")
            return free if isinstance(free, int) else None
    return None


def _pending(rebooting: object, running: object) -> bool | None:
    """Whether the image of the next boot is another one than that of this boot."""
    if not isinstance(running, list):
        return None
    if rebooting is None or rebooting == []:
        return False
    return _ids(rebooting) != _ids(running) if isinstance(rebooting, list) else None


def _pending_vibs(rebooting: object, running: object) -> list[str] | None:
    """Return what comes and goes with the next boot; None where nothing does."""
    if not (isinstance(rebooting, list) and isinstance(running, list) and rebooting):
        return None
    after, now = _ids(rebooting), _ids(running)
    changes = [f"+ {vib}" for vib in sorted(after - now)]
    return [*changes, *(f"- {vib}" for vib in sorted(now - after))] or None


def _ids(vibs: Sequence[object]) -> set[str]:
    return {str(_field(vib, "id")) for vib in vibs}


def _vibs(listed: object, descriptors: object) -> list[dict[str, Any]] | None:
    if not isinstance(listed, list):
        return None
    texts = (
        [text for text in descriptors if isinstance(text, str)]
        if isinstance(descriptors, list)
        else []
    )
    entries: list[dict[str, Any]] = [{"descriptor": text} for text in texts]
    names = ("id", "name", "version", "vendor")
    for vib in listed:
        fields = _fields(vib)
        entry = {name: fields.get(name) for name in names}
        entries.append(entry | {"acceptance_level": fields.get("acceptancelevel")})
    return entries
