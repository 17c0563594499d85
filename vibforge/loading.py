"""Load a module of vibforge when one of its attributes is first used.

`from vibforge.report import plan` costs next to nothing until an attribute of `plan` is used;
`from vibforge.report.plan import plan_text` loads the module at once. So imports stay at the top
of a file, and a command loads only what it uses. Other packages load as usual.

The standard library's `importlib.util.LazyLoader` does the same, but up to Python 3.12 a second
thread can see the module half loaded. Here the second thread waits.
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
"""The module that `python -m` runs; `runpy` needs its original loader."""
_LOADING = RLock()
"""Locked while a module loads. One lock for all modules, because they load each other."""


class _LateModule(ModuleType):
    """A module whose code runs when one of its attributes is first read."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever a module holds
        with _LOADING:
            _run(self)
        return ModuleType.__getattribute__(self, name)


def _run(module: ModuleType) -> None:
    """Run a module's code, unless it has run or is running in this thread."""
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
    """Creates modules with another loader, and postpones running their code."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401 - loaders of files and of zips
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Postpone the module's code."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        module.__class__ = _LateModule


class _LateModules:
    """A finder for `sys.meta_path`; it avoids `importlib.abc`, which loads many modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OWN) or fullname == _PROGRAM:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _LateLoader(spec.loader)  # type: ignore[assignment] # has a loader's methods
        return spec


def load_now(name: str) -> ModuleType:
    """Import a module and run its code at once, for its side effects."""
    module = import_module(name)
    _ = module.__doc__  # reading any attribute loads the module
    return module


def load_late() -> None:
    """From now on, load modules of vibforge when they are first used."""
    if not any(isinstance(finder, _LateModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateModules())
