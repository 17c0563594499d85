"""Only the user chooses which PKCS#11 library is loaded; and what happens without the extra."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundles import bundle
from tests.signing.lab import Lab, vib
from tests.trees import trx_tree
from vibforge.errors import SigningError
from vibforge.project.build import build
from vibforge.signing.pkcs11_token import KeyUri

SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) { fclose(fopen(getenv("LOADED"), "w")); }
"""
WITHOUT = "import sys; sys.modules['pkcs11'] = None; from vibforge.__main__ import run; run()"
"""Python as it is where the extra is not installed."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Path:
    """A library that leaves a trace when it is loaded."""
    pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("library")
    (folder / "trace.c").write_text(SOURCE)
    made = folder / "trace.so"
    subprocess.run([tool("cc"), "-shared", "-fPIC", "-o", made, folder / "trace.c"], check=True)
    return made


def project(folder: Path, lab: Lab, key: str) -> Path:
    trx_tree(folder / "tree")
    (folder / "vibforge.toml").write_text(
        'name = "a"\nversion = "1.0-1"\nacceptance-level = "partner"\n'
        '[[payloads]]\nname = "a"\ntree = "tree"\n'
        f'[signing]\nkey = "{key}"\npassphrase-env = "PIN"\n'
        f'certificates = ["{lab.issued().certificate_path}"]\n'
    )
    return folder


def run(*words: str | Path, program: str = "", **environment: str) -> tuple[int, str]:
    start = ["-c", program] if program else ["-m", "vibforge"]
    alone = {name: text for name, text in os.environ.items() if name != "PKCS11_MODULE_PATH"}
    done = subprocess.run(
        [sys.executable, *start, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**alone, "PIN": "1234", **environment},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "named", ["nobody", "another by variable", "by variable", "another by option", "by option"]
)
def test_a_recipe_loads_only_the_library_that_the_user_named(
    named: str, library: Path, lab: Lab, tmp_path: Path
) -> None:
    loaded, out = tmp_path / "loaded", tmp_path / "out"
    made = project(tmp_path / "p", lab, f"pkcs11:object=a?module-path={library}")
    chosen = "/nowhere.so" if "another" in named else str(library)
    variable = {"PKCS11_MODULE_PATH": chosen} if "variable" in named else {}
    option = ["--pkcs11-module", chosen] if "option" in named else []
    code, told = run("build", made, "-o", out, *option, LOADED=str(loaded), **variable)
    assert code == 2, told  # the library loads at the most; it is no PKCS#11 library
    assert not out.exists()
    assert loaded.exists() is named.startswith("by ")
    if not loaded.exists():
        assert "you did not allow it" in told
        assert f"--pkcs11-module {library}" in told


@pytest.mark.parametrize("words", ["lint", "build --dry-run"])
@pytest.mark.parametrize("named", [False, True])
def test_what_opens_no_key_loads_no_library(
    words: str, library: Path, lab: Lab, tmp_path: Path, *, named: bool
) -> None:
    made = project(tmp_path / "p", lab, f"pkcs11:object=a?module-path={library}")
    variable = {"PKCS11_MODULE_PATH": str(library)} if named else {}
    code, told = run(*words.split(), made, LOADED=str(tmp_path / "loaded"), **variable)
    assert code in {0, 1}, told
    assert "was not opened" in told
    assert not (tmp_path / "loaded").exists()


def test_a_library_in_a_uri_that_was_typed_is_the_users_word(library: Path, tmp_path: Path) -> None:
    (tmp_path / "x.vib").write_bytes(vib())
    loaded = tmp_path / "loaded"
    uri = f"pkcs11:object=a?module-path={library}"
    assert run("sign", tmp_path / "x.vib", "--key", uri, LOADED=str(loaded))[0] == 2
    assert loaded.exists()
    loaded.unlink()
    words = ("--key", "pkcs11:object=a", "--pkcs11-module", library)
    assert run("sign", tmp_path / "x.vib", *words, LOADED=str(loaded))[0] == 2
    assert loaded.exists()


def test_an_uri_of_a_recipe_may_repeat_the_users_library_and_name_no_other() -> None:
    text = "pkcs11:object=a?module-path=/a.so"
    assert KeyUri.parse(text, "/a.so", of_recipe=True).module_path == "/a.so"
    assert KeyUri.parse("pkcs11:object=a", "/a.so", of_recipe=True).module_path == "/a.so"
    assert KeyUri.parse(text, "/b.so").module_path == "/a.so"
    for others in ("", "/b.so", "/a.so/"):
        with pytest.raises(SigningError, match="you did not allow it"):
            KeyUri.parse(text, others, of_recipe=True)


WAYS = {
    "sign": "sign x.vib --key pkcs11:object=a",
    "sign with a library": "sign x.vib --key pkcs11:object=a?module-path=/none.so",
    "sign with a certificate": "sign x.vib --cert me.pem --key pkcs11:object=a?module-path=/n.so",
    "sign with no such certificate": "sign x.vib --cert none.pem --key pkcs11:object=a",
    "sign with the option": "sign x.vib --key pkcs11:object=a --pkcs11-module /none.so",
    "sign without a token's name": "sign x.vib --key pkcs11:",
    "a certificate in a token": "sign x.vib --cert pkcs11:object=a --key me.key",
    "build": "build p -o out",
    "build with the option": "build p -o out --pkcs11-module /none.so",
    "build of a setting": "build tree -o out --set signing.key=pkcs11:object=a",
    "a served depot": "bundle serve x.zip --cert me.pem --key pkcs11:object=a",
}


@pytest.mark.parametrize("way", WAYS)
def test_without_the_extra_every_way_to_a_token_names_it(
    way: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.vib").write_bytes(vib())
    (tmp_path / "me.pem").write_bytes(lab.issued().certificate_path.read_bytes())
    (tmp_path / "me.key").write_bytes(lab.issued().key_path.read_bytes())
    trx_tree(tmp_path / "tree")
    project(tmp_path / "p", lab, "pkcs11:object=a?module-path=/none.so")
    code, told = run(*WAYS[way].split(), program=WITHOUT)
    assert code == 2, told
    assert "pip install 'vibforge[pkcs11]'" in told
    assert (tmp_path / "x.vib").read_bytes() == vib()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("way", ["a certificate in a token", "a served depot"])
def test_where_only_a_file_will_do_an_object_in_a_token_is_refused(
    way: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pkcs11")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.vib").write_bytes(vib())
    (tmp_path / "x.zip").write_bytes(bundle())
    (tmp_path / "me.pem").write_bytes(lab.issued().certificate_path.read_bytes())
    (tmp_path / "me.key").write_bytes(lab.issued().key_path.read_bytes())
    code, told = run(*WAYS[way].split())
    assert code == 2
    assert "the option needs a file" in told


def test_without_the_extra_the_library_names_it_too(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    made = project(tmp_path / "p", lab, "pkcs11:object=a?module-path=/none.so")
    with pytest.raises(SigningError) as caught:
        build(made, tmp_path / "out", environment={"PIN": "1234"})
    assert caught.value.problems[0].remedy == (
        "install it: pip install 'vibforge[pkcs11]'; --unsigned builds without a signature; lint "
        "and --dry-run need no key"
    )
