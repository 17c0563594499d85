import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real VIBs and bundles, which no clone of the project holds."""
    folder = Path(os.environ.get("VIBFORGE_CORPUS") or CHECKOUT.parent / "shared" / "corpus")
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no corpus of real VIBs at {folder}; VIBFORGE_CORPUS names another folder")
    return folder
