"""Values from the command line that go over a recipe's: `--set payloads[0].type=vgz`."""

import re
from itertools import pairwise
from typing import Any

from vibforge.errors import FormatError
from vibforge.formats.toml_lines import Path
from vibforge.formats.toml_reading import read_toml

_STEP = re.compile(r"([A-Za-z0-9_-]+)((?:\[[0-9]{1,4}\])*)")


class Setting(str):
    """A value from the command line: text, to be read as what its key takes."""

    __slots__ = ()


def setting_path(name: str) -> Path:
    """Read a dotted key; an empty path where it is none."""
    path: list[str | int] = []
    for step in name.split("."):
        match = _STEP.fullmatch(step)
        if not match:
            return ()
        path.append(match[1])
        path += [int(index) for index in re.findall(r"[0-9]+", match[2])]
    return tuple(path)


def put(table: dict[str, Any], path: Path, value: Setting) -> bool:
    """Put a setting into a document's tables; False where the path leads nowhere."""
    place: Any = table
    for step, after in pairwise(path):
        if isinstance(step, str) and isinstance(place, dict):
            place = place.setdefault(step, [] if isinstance(after, int) else {})
        elif isinstance(step, int) and isinstance(place, list) and step < len(place):
            place = place[step]
        else:
            return False
    last = path[-1]
    if isinstance(last, str) and isinstance(place, dict):
        place[last] = value
        return True
    if isinstance(last, int) and isinstance(place, list) and last < len(place):
        place[last] = value
        return True
    return False


def setting_value(kind: Any, text: Setting) -> Any:  # noqa: ANN401
    """Read a setting as TOML where its key takes more than a text."""
    if kind is str or hasattr(kind, "parse") or (isinstance(kind, type) and issubclass(kind, str)):
        return str(text)
    try:
        return read_toml(f"value = {text}")["value"]
    except FormatError:
        return str(text)
