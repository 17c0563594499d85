import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from lxml import etree

from tests.signing.lab import Lab, make_lab
from vibforge.errors import NotPossibleHereError
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs
from vibforge.trx.rehearsal.sandbox import private_world

CHECKOUT = Path(__file__).parents[1]

# How long an example takes says how busy the machine is, not whether the code is right.
# Every run tries the same examples, so that none fails by chance; `make fuzz` looks for new ones.
settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# One mutant after another is judged by the same few examples.
settings.register_profile(
    "mutants", settings.get_profile("project"), max_examples=20, database=None
)
settings.load_profile("project")

_DEBIAN_PACKAGES = {
    "ar": "binutils",
    "bsdtar": "libarchive-tools",
    "chromium": "chromium",
    "busybox": "busybox",
    "curl": "curl",
    "faketime": "faketime",
    "git": "git",
    "make": "make",
    "openssl": "openssl",
    "phc2sys": "linuxptp",
    "pmc": "linuxptp",
    "ptp4l": "linuxptp",
    "shellcheck": "shellcheck",
    "softhsm2-util": "softhsm2",
    "unzip": "unzip",
    "xmllint": "libxml2-utils",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected results anew")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real VIBs and bundles, which no clone of the project holds."""
    folder = Path(os.environ.get("VIBFORGE_CORPUS") or CHECKOUT.parent / "shared" / "corpus")
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no corpus of real VIBs at {folder}; VIBFORGE_CORPUS names another folder")
    return folder


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A CA with its exported store, shared by all tests of a process."""
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Find a program of another project, or skip and say which Debian package has it."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if not path:
            pytest.skip(f"{name} is missing; Debian's {_DEBIAN_PACKAGES.get(name, name)} has it")
        return path

    return find


@pytest.fixture(autouse=True)
def _any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines as long as they are, whatever window the tests run in (pytest-xdist sets it)."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME, or write it with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = CHECKOUT / "tests" / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def raises_on() -> Callable[[str], bool]:
    """Tell whether libxml2 refuses to carry a character."""

    def refused(character: str) -> bool:
        try:
            etree.Element("a").text = character
        except ValueError:
            return True
        return False

    return refused


@pytest.fixture(scope="session")
def programs() -> Programs:
    """linuxptp and a private world to run it in, or a skip."""
    if sys.platform != "linux":
        pytest.skip("namespaces are Linux's")
    try:
        found = find_programs()
        with private_world(found):
            return found
    except NotPossibleHereError as error:
        pytest.skip(str(error))
