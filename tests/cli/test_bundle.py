import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import vibs
from tests.bundles import members
from tests.conftest import CHECKOUT
from tests.trees import trx_tree
from vibforge.cli import bundle
from vibforge.errors import OutputError

ENV = {"SOURCE_DATE_EPOCH": "1714564800", "NO_COLOR": "1"}
COMMAND = (sys.executable, "-m", "vibforge")
OPTIONS = ("--platform", "8.0", "--vendor-code", "ABC", "--kb-url", "https://x.y")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ENV,
    )


def good(*words: str | Path) -> str:
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def served(
    folder: Path, *words: str | Path
) -> Iterator[tuple[str, Callable[[], str], subprocess.Popen[bytes]]]:
    """Run `bundle serve`, and give its address, what it has said so far, and the process."""
    out, log = folder / "serve.out", folder / "serve.log"
    with out.open("wb") as stdout, log.open("wb") as stderr:
        server = subprocess.Popen(
            [*COMMAND, "bundle", "serve", *map(str, words), "--port", "0"],
            stdout=stdout,
            stderr=stderr,
            env=os.environ | ENV,
        )
    try:
        deadline = time.monotonic() + 20
        while "govc" not in out.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        found = re.search(r"https?://[^\s/]+/", out.read_text())
        assert found, log.read_text()
        yield found[0], lambda: out.read_text() + log.read_text(), server
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)


def test_create_verify_unpack_serve_and_fetch(tmp_path: Path, tool: Callable[[str], str]) -> None:
    vib = vibs.write(tmp_path, system_requires=vibs.requires("8.0"))
    bundle = tmp_path / "x.zip"
    good("bundle", "create", "-o", bundle, vib, *OPTIONS)
    assert "Readers of the bundle" in good("bundle", "verify", bundle, "--for", "component")
    good("bundle", "unpack", bundle, "-C", tmp_path / "depot")
    subprocess.run([tool("unzip"), "-tq", bundle], check=True, capture_output=True)
    with zipfile.ZipFile(bundle) as file:
        names = file.namelist()
    listed = subprocess.run([tool("bsdtar"), "-tf", bundle], check=True, capture_output=True)
    assert listed.stdout.decode().split() == names
    with served(tmp_path, bundle) as (url, said, server):
        for name, data in members(bundle.read_bytes()).items():
            fetch = [tool("curl"), "-sSf", f"{url}{name}"]
            fetched = subprocess.run(fetch, check=True, capture_output=True).stdout
            assert fetched == data == (tmp_path / "depot" / name).read_bytes()
        resume = [tool("curl"), "-sSf", "-r", "100-199", f"{url}{names[-1]}"]
        part = subprocess.run(resume, check=True, capture_output=True).stdout
        assert part == members(bundle.read_bytes())[names[-1]][100:200]
    assert server.returncode == 128 + signal.SIGINT
    assert '"GET /index.xml HTTP/1.1" 200' in said()
    assert "Traceback" not in said()


def test_what_serve_says(tmp_path: Path) -> None:
    bundle = tmp_path / "x.zip"
    good("bundle", "create", "-o", bundle, vibs.write(tmp_path), *OPTIONS)
    with served(tmp_path, bundle, "--https") as (url, said, _server):
        assert url.startswith("https://127.0.0.1:")
        told = said()
    assert "certificate  SHA-256" in told
    assert f"esxcli software vib install -d {url}index.xml" in told
    assert f"esxcli software component apply -d {url}index.xml" in told
    assert f"New-LcmOfflineDepot -Location {url}x.zip" in told
    assert "Only this machine" in told


def test_serve_names_the_extra_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypercorn.asyncio", None)
    monkeypatch.delitem(sys.modules, "vibforge.bundle.serve", raising=False)
    with pytest.raises(OutputError) as refused:
        bundle.run(tmp_path / "x.zip", "127.0.0.1", 0, None)
    assert "vibforge[serve]" in str(refused.value)


@pytest.mark.slow
def test_compose_on_the_command_line(tmp_path: Path) -> None:
    one, two, both = (tmp_path / f"{name}.zip" for name in ("one", "two", "both"))
    good("bundle", "create", "-o", one, vibs.write(tmp_path, "a"), *OPTIONS)
    good("bundle", "create", "-o", two, vibs.write(tmp_path, "b"), *OPTIONS)
    good("bundle", "merge", one, two, "-o", both)
    good("bundle", "add", one, tmp_path / "b.vib", "-o", tmp_path / "added.zip", *OPTIONS[:2])
    good("bundle", "remove", both, "b", "-o", tmp_path / "less.zip")
    assert (tmp_path / "less.zip").read_bytes() == one.read_bytes()
    good("bundle", "split", both, "-C", tmp_path / "parts")
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == [
        *("a_1.0.0-1.zip", "b_1.0.0-1.zip")
    ]
    told = json.loads(good("bundle", "modernise", one, "-o", tmp_path / "new.zip", "--json"))
    assert told["format"] == "vibforge/bundle-modernise/1"
    assert [p["version"] for p in told["bundles"][0]["platforms"]] == ["7.0", "8.0", "9.0"]


def test_the_facts_for_programs(tmp_path: Path) -> None:
    bundle = tmp_path / "x.zip"
    vib = vibs.write(tmp_path)
    made = json.loads(good("bundle", "create", "-o", bundle, vib, "--json", *OPTIONS))
    assert list(made) == ["format", "bundles"]
    (facts,) = made["bundles"]
    assert facts["size"] == bundle.stat().st_size
    assert facts["vibs"][0]["path"] == "vib20/acme/ACME_bootbank_acme_1.0.0-1.vib"
    assert facts["bulletins"][0]["component"] == {"name": "acme", "version": "1.0.0-1"}
    shown = json.loads(good("bundle", "inspect", bundle, "--json"))
    assert shown["format"] == "vibforge/bundle-inspect/1"
    (platform,) = shown["files"][0]["platforms"]
    assert (platform["product_id"], platform["version"]) == ("embeddedEsx", "8.0")
    judged = json.loads(good("bundle", "verify", bundle, "--json"))
    assert judged["format"] == "vibforge/bundle-verify/1"
    assert judged["files"][0]["held"] is True
    assert [r["verdict"] for r in judged["files"][0]["readers"]][:2] == ["takes it", "takes it"]
    unpacked = json.loads(good("bundle", "unpack", bundle, "-C", tmp_path / "d", "--json"))
    assert unpacked["format"] == "vibforge/bundle-unpack/1"


def test_inspect_for_people(corpus: Path) -> None:
    path = corpus / "bundles" / "thebel1-VMW-esx-7.0.1-thpimon-1.0-0.00001.zip"
    told = good("bundle", "inspect", path)
    for part in ("TomHebel (code THX)", "embeddedEsx 7.0.1", "component thpimon 1.0-0.00001"):
        assert part in told


def test_verdicts_are_exit_codes(corpus: Path) -> None:
    old = corpus / "bundles" / "lamw-vghetto-ghettoVCB-offline-bundle.zip"
    assert run("bundle", "verify", old).returncode == 0
    assert run("bundle", "verify", old, "--for", "vlcm").returncode == 1
    assert run("bundle", "lint", old).returncode == 1
    assert run("plan", old, "--esxi", "8.0", "--route", "component").returncode == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["create", "-o", "x.zip", "missing.vib"], "missing.vib: cannot be read"),
        (["create", "-o", "x.zip", "acme.vib", "--vendor-code", "Unknown"], "three letters"),
        (["create", "-o", "x.zip", "acme.vib", "--component-version", "1"], "needs --component"),
        (["create", "-o", "x.zip", "acme.vib", "--set", "nothing=1"], "unknown key"),
        (["create", "-o", "x.zip", "acme.vib", "--recipe", "none.toml"], "none.toml: cannot be"),
        (["verify", "acme.vib"], "not an offline bundle"),
        (["serve", "acme.vib"], "not an offline bundle"),
        (["serve", "acme.vib", "--key", "k"], "go together"),
        (["unpack", "acme.vib", "-C", "d"], "not an offline bundle"),
        (["modernise", "acme.vib", "-o", "x.zip"], "not an offline bundle"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], part: str
) -> None:
    vibs.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = run("bundle", *words)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["acme.vib"]


RECIPE = """
name = "x"
version = "1-1"
vendor = "ACME"
payloads = [{ name = "p", tree = "payloads/p" }]

[bundle]
platforms = ["8.0"]
components = [{ name = "acme-x", title = "X of ACME" }]
"""


def project(folder: Path) -> Path:
    trx_tree(folder / "payloads/p")
    (folder / "vibforge.toml").write_text(RECIPE)
    return folder


def test_a_build_with_its_bundle(tmp_path: Path) -> None:
    told = json.loads(good("build", project(tmp_path / "p"), "-o", tmp_path / "d", "--json"))
    assert told["outputs"][-1] == "x-1-1-offline-bundle.zip"
    assert told["bundle"]["bulletins"][0]["component"]["name"] == "acme-x"
    assert told["bundle"]["vendor"] == {"name": "ACME", "code": "ACM"}
    bundle = tmp_path / "d/x-1-1-offline-bundle.zip"
    assert good("bundle", "inspect", bundle)
    good("build", tmp_path / "p", "-o", tmp_path / "n", "--no-bundle")
    assert not list((tmp_path / "n").glob("*.zip"))
    again = tmp_path / "again.zip"
    vib = tmp_path / "d/ACME_bootbank_x_1-1.vib"
    good("bundle", "create", vib, "-o", again, "--recipe", tmp_path / "p")
    assert again.read_bytes() == bundle.read_bytes()


def test_a_build_without_a_recipe_bundles_when_asked(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    told = good("build", tree, "-o", tmp_path / "d", "--bundle")
    assert "trx-conf-1.0.0-1-offline-bundle.zip" in told
    assert "offline-bundle.zip" in good("build", tree, "--bundle", "--dry-run")
    assert "offline-bundle.zip" not in good("build", tree, "--dry-run")


def test_a_bundle_that_cannot_be_is_told_before_anything_is_built(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    done = run("build", tree, "-o", tmp_path / "d", "--bundle", "--vendor", "A")
    assert done.returncode == 2
    assert "no vendor code" in done.stderr
    assert not (tmp_path / "d").exists()


def test_the_shipped_package_as_a_component(tmp_path: Path) -> None:
    package = CHECKOUT / "payloads/trx-conf"
    good("build", package, "--acceptance-level", "partner", "--bundle", "-o", tmp_path)
    (bundle,) = tmp_path.glob("*.zip")
    shown = json.loads(good("bundle", "inspect", bundle, "--json"))["files"][0]
    assert shown["bulletins"][0]["component"]["name"] == "trx-conf"
    assert [p["version"] for p in shown["platforms"]] == ["6.7.0", "7.0", "8.0", "9.0"]
