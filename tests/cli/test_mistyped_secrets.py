"""A secret on the command line in the wrong place: no message repeats it."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.signing.lab import Lab, vib
from tests.trees import trx_tree
from vibforge.cli import main
from vibforge.vib.identity import check_key_name

SECRET = "hunter2"  # noqa: S105 - the one that everybody knows

MISTYPED = {
    "unknown with =": "sign x.vib --passphras=hunter2",
    "too short": "sign x.vib --passphrase=hunter2",
    "apart": "sign x.vib --passphrase hunter2",
    "one dash": "sign x.vib -passphrase=hunter2",
    "a letter": "sign x.vib -phunter2",
    "a long dash": "sign x.vib \N{EN DASH}passphrase=hunter2",
    "stuck to a name": "sign x.vib --passphrase-envhunter2",
    "with a colon": "sign x.vib --passphrase-env:hunter2",
    "another name": "sign x.vib --key-passphrase=hunter2",
    "another name apart": "sign x.vib --key-passphrase hunter2",
    "alone": "sign x.vib --key k hunter2",
    "not a number": "sign x.vib --key k --passphrase-fd hunter2",
    "not a number with =": "sign x.vib --key k --passphrase-fd=hunter2",
    "in place of a variable": "sign x.vib --key locked.key --cert me.pem --passphrase-env hunter2",
    "in place of a variable with =": "sign x.vib --key locked.key --passphrase-env=hunter2",
    "in place of a file": "sign x.vib --key locked.key --passphrase-file hunter2",
    "a flag": "sign x.vib --append=hunter2",
    "key forgotten": "sign x.vib --key --passphrase=hunter2",
    "cert forgotten": "sign x.vib --key k --cert --passphrase=hunter2",
    "before the command": "--passphrase=hunter2 sign x.vib",
    "before the command, stuck": "--passphrasehunter2 sign x.vib",
    "of a build": "build tree --passphrase=hunter2",
    "of a build, alone": "build tree hunter2",
    "of a setting": "build tree --set signing.passphrase=hunter2",
    "of a setting without =": "build tree --set hunter2",
    "of a setting of the wrong kind": "build tree --set signing=hunter2",
    "of a setting with a source": "build signing --set signing.passphrase-env=hunter2",
    "of a setting with a file": "build signing --set signing.passphrase-file=hunter2",
    "of a lab": "pki init ca --passphrase=hunter2",
    "of a server": "bundle serve x.zip --passphrase=hunter2",
    "a PIN": "sign x.vib --key pkcs11:object=a?pin-value=hunter2",
    "a PIN in capitals": "sign x.vib --key PKCS11:object=a?PIN-VALUE=hunter2",
    "a PIN of a certificate": "sign x.vib --key k --cert PKCS11:object=a;pin-value=hunter2",
    "a PIN of a root": "verify x.vib --trust pkcs11:object=a?pin-value=hunter2",
    "a PIN of a server": "bundle serve x.zip --key k --cert Pkcs11:object=a?pin-value=hunter2",
    "a PIN in escapes": "sign x.vib --key Pkcs11:object=a?pin%2Dvalue=hunter2",
    "a PIN without =": "sign x.vib --key pkcs11:object=a;hunter2",
    "a PIN of another name": "sign x.vib --key pkcs11:object=a?pin=hunter2",
    "a PIN in a setting": "build tree --set signing.key=pkcs11:object=a?pin-value=hunter2",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    folder = tmp_path_factory.mktemp("mistyped")
    (folder / "x.vib").write_bytes(vib())
    trx_tree(folder / "tree")
    trx_tree(folder / "signing/tree")
    issued = lab.issued()
    key = serialization.load_pem_private_key(issued.key_path.read_bytes(), None)
    (folder / "locked.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"another"),
        )
    )
    (folder / "me.pem").write_bytes(issued.certificate_path.read_bytes())
    (folder / "signing/vibforge.toml").write_text(
        'name = "a"\nversion = "1.0-1"\n[[payloads]]\nname = "a"\ntree = "tree"\n'
        '[signing]\nkey = "../locked.key"\ncertificates = ["../me.pem"]\n'
    )
    return folder


@pytest.mark.parametrize("name", MISTYPED)
def test_a_mistyped_secret_is_not_repeated(
    name: str, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk)
    assert main(MISTYPED[name].split()) == 2
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err
    assert told.err.strip()


RECIPES = {
    "unknown key": 'passphrase = "hunter2"',
    "not quoted": "passphrase = hunter2",
    "a number": "passphrase-env = 4711",
    "an array": 'passphrase-env = ["hunter2"]',
    "a variable": 'passphrase-env = "hunter2"',
    "a file": 'passphrase-file = "hunter2"',
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_secret_in_a_recipe_is_not_repeated(
    name: str, desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trx_tree(tmp_path / "tree")
    text = (desk / "signing/vibforge.toml").read_text().replace("../", f"{desk}/")
    (tmp_path / "vibforge.toml").write_text(f"{text}{RECIPES[name]}\n")
    assert main(["build", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert "4711" not in told.out + told.err
    assert not (tmp_path / "out").exists()


def test_a_pin_is_in_no_record_and_no_dry_run(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = "signing.key=pkcs11:object=a?pin-value=hunter2"
    words = ["build", str(desk / "signing"), "--set", setting, "--dry-run", "--json"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err


@pytest.mark.parametrize("option", ["--key", "--cert", "--signature-in"])
@pytest.mark.parametrize("form", ["pem", "base64", "one line", "env"])
def test_a_key_in_place_of_its_name_is_not_repeated(
    option: str, form: str, lab: Lab, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = lab.issued().key_path.read_text()
    lines = pem.splitlines()[1:-1]
    forms = {
        "pem": pem,
        "base64": "\n".join(lines),
        "one line": "".join(lines),
        "env": f"env:{''.join(lines)}",
    }
    if form == "env" and option != "--key":
        pytest.skip("env: names keys only")
    others = () if option == "--key" else ("--key", "none.key")
    if option == "--signature-in":
        others = ("--cert", str(desk / "me.pem"))
    assert main(["sign", str(desk / "x.vib"), option, forms[form], *others]) == 2
    told = capsys.readouterr()
    assert not [line for line in lines if line in told.out + told.err]


@pytest.mark.parametrize(
    "words",
    [
        "verify x.vib --trust KEY",
        "verify KEY",
        "sign KEY --key k",
        "sign x.vib --key locked.key --passphrase-file KEY",
        "sign x.vib --key locked.key --output KEY",
        "bundle serve x.zip --cert me.pem --key KEY",
        "build KEY",
    ],
)
def test_a_key_in_place_of_any_file_is_not_repeated(
    words: str,
    lab: Lab,
    desk: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(desk)
    lines = lab.issued().key_path.read_text().splitlines()[1:-1]
    key = "".join(lines)
    assert main([key if word == "KEY" else word for word in words.split()]) == 2
    told = capsys.readouterr()
    assert not [line for line in lines if line in told.out + told.err]


@pytest.mark.parametrize("number", ["-1", "99999999999999999999", "987"])
def test_a_descriptor_that_is_none_is_told(
    number: str, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ("--key", str(desk / "locked.key"))
    assert main(["sign", str(desk / "x.vib"), *key, f"--passphrase-fd={number}"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_names_of_keys_stay_names() -> None:
    for name in ("me.key", "env:KEY", "pkcs11:object=a", "a" * 200, "My/" * 40 + "key.pem"):
        check_key_name(name)
    for name in ("ключ" * 20, "pkcs11:object=" + "é" * 50, "=" * 80):
        check_key_name(name)


def test_json_lists_no_secret(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", str(desk / "signing"), "--dry-run", "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["recipe"]["signing"]["key"] == "../locked.key"
