from pathlib import Path

import pytest

from tests.cli.desk import fill
from tests.signing.lab import Lab


@pytest.fixture(scope="module")
def full_desk(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    """A folder with all that the commands of `tests.cli.desk` read."""
    folder = tmp_path_factory.mktemp("desk")
    fill(folder, lab)
    return folder
