"""Read TOML within bounds: `tomllib` takes time and memory that grow with the square of a key."""

import re
import tomllib
from typing import Any

from vibforge.errors import FormatError

SIZE_LIMIT = 256 * 1024
"""Characters of a recipe; a recipe with 1,000 rules for files has 60,000."""
KEY_LIMIT = 32
"""Names joined by dots in one key; their cost grows with the square, and recipes have four."""
DEPTH_LIMIT = 32
"""Levels of nested tables and arrays; recipes have six."""
NUMBER_LIMIT = 2**63
"""Whole numbers of TOML have 64 bits; the largest file owner is below 2^32."""

_NAME = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"""(?<![A-Za-z0-9_-]){_NAME}(?:[ \t]*+\.[ \t]*+{_NAME}){{{KEY_LIMIT}}}""")


def read_toml(document: str) -> dict[str, Any]:
    """Return the table of a TOML document.

    Raises:
        FormatError: the document is not TOML, or exceeds a limit.
    """
    if len(document) > SIZE_LIMIT:
        raise FormatError(f"the file has {len(document)} characters; the limit is {SIZE_LIMIT}")
    if match := _LONG_KEY.search(document):
        line = document.count("\n", 0, match.start()) + 1
        raise FormatError(f"line {line}: a key joins more than {KEY_LIMIT} names by dots")
    try:
        table = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"not valid TOML: {error}") from error
    except ValueError as error:  # Python refuses more than 4,300 digits
        raise FormatError("a number has more than TOML's 64 bits") from error
    except RecursionError as error:
        raise FormatError(f"tables or arrays are nested more than {DEPTH_LIMIT} deep") from error
    _check(table)
    return table


def _check(table: dict[str, Any]) -> None:
    level: list[Any] = [table]
    for _ in range(DEPTH_LIMIT + 1):
        numbers = (value for value in level if isinstance(value, int))
        if any(abs(number) >= NUMBER_LIMIT for number in numbers):
            raise FormatError("a number has more than TOML's 64 bits")
        nested = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            for value in level
        )
        level = [value for values in nested for value in values]
    if level:
        raise FormatError(f"tables or arrays are nested more than {DEPTH_LIMIT} deep")
