"""Start one build in a process of its own: a script that any Python can run.

It loads this vibforge by its path. So the interpreter needs only the libraries that vibforge
depends on, and another vibforge that is installed for it plays no part.
"""

import json
import os
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location

OLDEST = (3, 11)
"""The oldest release of Python that vibforge runs on; pyproject.toml says the same."""


def start() -> None:
    """Carry out the request on standard input, or print what the interpreter lacks."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib may not be loaded yet
    here = os.path.join(package, "reproduction")  # noqa: PTH118 - the same
    sys.path[:] = [folder for folder in sys.path if folder != here]
    try:
        if sys.version_info < OLDEST:
            raise ImportError(f"Python {OLDEST[0]}.{OLDEST[1]} or later")  # noqa: TRY301 - as a module that is missing
        _load(package)
        import_module("vibforge.reproduction.child").run()
    except ImportError as error:
        sys.stdout.write(json.dumps({"lacks": error.name or str(error)}))


def _load(package: str) -> None:
    """Load the package vibforge from its folder."""
    spec = spec_from_file_location(
        "vibforge",
        os.path.join(package, "__init__.py"),  # noqa: PTH118 - as above
        submodule_search_locations=[package],
    )
    if spec is None or spec.loader is None:
        raise ImportError("vibforge")
    module = module_from_spec(spec)
    sys.modules["vibforge"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    start()
