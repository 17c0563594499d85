"""Load a module of vibforge when something in it is first used.

`from vibforge.report import plan` costs next to nothing until something of `plan` is asked for;
`from vibforge.report.plan import plan_text` loads the module at once. So imports stand at the top
of a file, and a command loads only what it uses. No other package is touched.

The standard library's `importlib.util.LazyLoader` does the same, but up to Python 3.12 a second
thread that asks for something meanwhile finds the module half loaded. Here it waits.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any

_OWN = "vibforge."
_PROGRAM = "vibforge.__main__"
"""What `python -m` runs, which asks the loader for its code."""
_LOADING = RLock()
"""Held while a module is loaded. One for all modules, for they load each other."""


class _LateModule(ModuleType):
    """A module whose code has not run yet; it runs at the first question to the module."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever a module holds
        with _LOADING:
            _run(self)
        return ModuleType.__getattribute__(self, name)


def _run(module: ModuleType) -> None:
    """Run a module's code, unless it has run, or is running in this thread right now."""
    spec: ModuleSpec = object.__getattribute__(module, "__spec__")
    if object.__getattribute__(module, "__class__") is ModuleType or spec.loader_state:
        return
    spec.loader_state = True
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    finally:
        spec.loader_state = None
    module.__class__ = ModuleType


class _LateLoader:
    """Makes modules as another loader does, and leaves running their code for later."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401 - loaders of files and of zips
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Have the module's code run later."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        module.__class__ = _LateModule


class _LateModules:
    """A finder for `sys.meta_path`; `importlib.abc`, whose form it has, would load much itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OWN) or fullname == _PROGRAM:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _LateLoader(spec.loader)  # type: ignore[assignment] # it has the form of one
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
