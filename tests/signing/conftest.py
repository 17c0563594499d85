import pytest

from tests.signing.lab import Lab, make_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A CA with its exported store, shared by all tests of a process."""
    return make_lab(tmp_path_factory.mktemp("lab"))
