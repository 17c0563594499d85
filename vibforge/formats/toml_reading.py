"""Read TOML within bounds: `tomllib` takes time and memory that grow with the square of a key."""

import re
import tomllib
from typing import Any

from vibforge.errors import FormatError

SIZE_LIMIT = 256 * 1024
"""Characters of a recipe; one of 1,000 rules for files takes 60,000."""
KEY_LIMIT = 32
"""Names that dots join in one key: their cost grows with the square; recipes have four."""
DEPTH_LIMIT = 32
"""Tables and arrays within each other; recipes have six."""
NUMBER_LIMIT = 2**63
"""Beyond this a whole number is none of TOML's, which have 64 bits; file owners end at 2^32."""

_NAME = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"""(?<![A-Za-z0-9_-]){_NAME}(?:[ \t]*+\.[ \t]*+{_NAME}){{{KEY_LIMIT}}}""")


def read_toml(document: str) -> dict[str, Any]:
    """Read a document.

    Raises:
        FormatError: it is not TOML, or beyond a limit.
    """
    if len(document) > SIZE_LIMIT:
        raise FormatError(f"{len(document)} characters, more than {SIZE_LIMIT}")
    if match := _LONG_KEY.search(document):
        line = document.count("\n", 0, match.start()) + 1
        raise FormatError(f"line {line}: more than {KEY_LIMIT} names joined by dots")
    try:
        table = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"not valid TOML: {error}") from error
    except ValueError as error:  # Python converts no text of more than 4,300 digits
        raise FormatError("a number has more than TOML's 64 bits") from error
    except RecursionError as error:
        raise FormatError(f"tables or arrays are nested more than {DEPTH_LIMIT} deep") from error
    _check(table)
    return table


def _check(table: dict[str, Any]) -> None:
    level: list[Any] = [table]
    for _ in range(DEPTH_LIMIT + 1):
        numbers = (one for one in level if isinstance(one, int))
        if any(abs(number) >= NUMBER_LIMIT for number in numbers):
            raise FormatError("a number has more than TOML's 64 bits")
        inside = (
            one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            for one in level
        )
        level = [one for values in inside for one in values]
    if level:
        raise FormatError(f"tables or arrays are nested more than {DEPTH_LIMIT} deep")
