import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = pytest.mark.slow


def shipped(folder: str) -> set[str]:
    return {
        str(Path("vibforge", path.relative_to(CHECKOUT)))
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is made from the source distribution, as a package index would have it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(CHECKOUT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_what_ships_with_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "vibforge").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == modules | shipped("templates") | shipped("payloads")
    assert "py3-none-any" in wheel.name


@pytest.mark.long
@pytest.mark.slow
def test_an_installed_wheel_builds_the_demo_far_from_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    for what in (
        ("--require-hashes", "--requirement", CHECKOUT / "requirements.lock"),
        ("--no-index", "--no-deps", wheel),
    ):
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
        subprocess.run(list(map(str, install)), check=True, capture_output=True)
    script = (
        "from vibforge.resources import shipped\nfrom vibforge import build\n"
        "print(build(str(shipped('payloads') / 'trx-conf'), 'dist').vib_path)"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (tmp_path / done.stdout.strip()).is_file()
    command = [str(tmp_path / "env/bin/vibforge"), "init", "x", "--template", "init-script"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    command = [str(tmp_path / "env/bin/vibforge"), "build", "x", "-o", "x-dist"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
