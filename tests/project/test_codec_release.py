"""The recipe of the documentation brings the bytes of an old build back."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.trees import trx_tree
from vibforge.api.build import build
from vibforge.formats.deflating import codec_release

PAGE = CHECKOUT / "docs/how-to/one-version-one-content.md"
OTHER_RELEASE = "zlib-ng==1.0.0"
"""An older release of the compressor."""


def recipe() -> str:
    (found,) = re.findall(r"```sh\n(codec=.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def published(desk: Path) -> None:
    trx_tree(desk / "trx-conf")
    result = build(desk / "trx-conf", desk / "published", environment={})
    line = f"{result.sha256}  {result.vib_path.name}\n"
    (desk / "published/SHA256SUMS").write_text(line)


def test_the_codec_is_what_pip_has_installed(tmp_path: Path) -> None:
    published(tmp_path)
    record = json.loads((tmp_path / "published/build.json").read_text())
    assert record["codec"] == codec_release()
    listed = [sys.executable, "-m", "pip", "list", "--format=freeze"]
    if subprocess.run([*listed, "--help"], capture_output=True, check=False).returncode:
        pytest.skip("this environment has no pip")
    frozen = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    assert record["codec"] in frozen.split()


@pytest.mark.long
@pytest.mark.slow
def test_the_recipe_of_the_page_brings_the_bytes_back(tmp_path: Path) -> None:
    """In an environment that has another release of the compressor."""
    published(tmp_path)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    (tmp_path / "env/bin/vibforge").write_text(f'#!/bin/sh\nexec {python} -m vibforge "$@"\n')
    (tmp_path / "env/bin/vibforge").chmod(0o755)
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    # What is installed in the environment itself goes first.
    (Path(purelib.stdout.strip()) / "rest.pth").write_text(sysconfig.get_path("purelib"))
    surroundings = os.environ | {
        "PATH": f"{tmp_path / 'env/bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(CHECKOUT),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_QUIET": "1",
    }
    install = [str(python), "-m", "pip", "install", "--no-deps", OTHER_RELEASE]
    done = subprocess.run(install, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install {OTHER_RELEASE} here: {done.stderr[-200:]}")
    run = partial(
        subprocess.run, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    other = "vibforge build trx-conf --output other --quiet && cat other/build.json"
    before = run(["/bin/sh", "-ec", other])
    assert f'"codec": "{OTHER_RELEASE}"' in before.stdout
    after = run(["/bin/sh", "-ec", recipe()])
    assert after.stdout.endswith("custom_bootbank_trx-conf_1.0.0-1.vib: OK\n"), after.stderr
    again = json.loads((tmp_path / "again/build.json").read_text())
    assert again["codec"] == codec_release()
