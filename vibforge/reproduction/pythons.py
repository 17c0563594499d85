"""The releases of Python on this machine."""

import os
import re
import sys
from collections.abc import Iterator

from vibforge.reproduction.start import OLDEST

_NAME = re.compile(r"python3\.([0-9]{1,3})(\.exe)?")
FOUND_LIMIT = 20
"""Most interpreters that are tried without being named."""


def found_pythons(search_path: str) -> tuple[str, ...]:
    """Return the interpreters `python3.11` and later on a search path, each once.

    The one that runs now is left out: it makes the reference. Folders that are relative to the
    working directory are not searched.
    """
    found: dict[str, str] = {}
    own = os.path.realpath(sys.executable)
    for path in _candidates(search_path):
        real = os.path.realpath(path)
        if real != own and os.access(path, os.X_OK):
            found.setdefault(real, path)
    return tuple(found.values())[:FOUND_LIMIT]


def _candidates(search_path: str) -> Iterator[str]:
    for folder in search_path.split(os.pathsep):
        if not os.path.isabs(folder):  # noqa: PTH117 - many texts, few of them folders
            continue
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - the same
        except OSError:
            continue
        for name in names:
            match = _NAME.fullmatch(name)
            if match and int(match[1]) >= OLDEST[1]:
                yield os.path.join(folder, name)  # noqa: PTH118 - the same
