"""Load a module of vibforge when something in it is first used.

`from vibforge.report import plan` costs next to nothing until something of `plan` is asked for;
`from vibforge.report.plan import plan_text` loads the module at once. So imports stand at the top
of a file, and a command loads only what it uses. The standard library does the work
(`importlib.util.LazyLoader`); no other package is touched.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

_OWN = "vibforge."
_PROGRAM = "vibforge.__main__"
"""What `python -m` runs, which asks the loader for its code."""


class _LateModules:
    """A finder for `sys.meta_path`; `importlib.abc`, whose form it has, would load much itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OWN) or fullname == _PROGRAM:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def load_now(name: str) -> ModuleType:
    """Import a module and load it at once, for what it does when it is loaded."""
    module = import_module(name)
    _ = module.__doc__  # the first question to a module loads it
    return module


def load_late() -> None:
    """Have the modules of vibforge loaded late from now on."""
    if not any(isinstance(finder, _LateModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateModules())
