"""Signing, trust and the lab CA as a user meets them: commands, exit codes, nothing secret."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.signing.lab import Lab, openssl, vib
from vibforge.cli import arguments
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.signing.pki import KeyKind

SECRET = "open-sesame-42"  # noqa: S105 - of a key made here


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vibforge", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.vib"
    path.write_bytes(vib())
    return path


def key_of(lab: Lab, kind: KeyKind = KeyKind.P256) -> tuple[str | Path, ...]:
    issued = lab.issued(kind=kind)
    return ("--key", issued.key_path, "--cert", issued.certificate_path)


@pytest.mark.slow
def test_a_lab_from_beginning_to_end(tmp_path: Path, file: Path) -> None:
    ca, store = tmp_path / "ca", tmp_path / "store"
    made = run("pki", "init", ca, "--key-type", "p-256")
    assert made.returncode == 0
    assert "For labs only" in made.stderr
    assert (
        run(
            "pki", "issue", ca, "me", "--acceptance-level", "partner", "--key-type", "p-256"
        ).returncode
        == 0
    )
    assert run("pki", "export", ca, "-o", store).stdout.count("\n") == 3
    signed = run("sign", file, "--key", ca / "signers/me.key", "--cert", ca / "signers/me.pem")
    assert signed.returncode == 0
    assert "LAB_bootbank_demo_1.0-1 is signed" in signed.stdout
    found = run("verify", file, "--trust", store, "--strict")
    assert (found.returncode, found.stderr) == (0, "")
    assert "held         signer" in found.stdout
    assert run("verify", file, "--trust", store, "--strict", "--at", "2060-01-01").returncode == 1
    assert run("pki", "revoke", ca, "me").returncode == 0
    assert run("pki", "export", ca, "-o", store).returncode == 0
    found = run("verify", file, "--trust", store)
    assert found.returncode == 1
    assert "is revoked" in found.stdout


def test_the_facts_come_as_json(lab: Lab, file: Path, tmp_path: Path) -> None:
    facts = json.loads(run("sign", file, *key_of(lab), "--json").stdout)
    assert next(iter(facts)) == "format"
    assert facts["format"] == "vibforge/sign/2"
    (signed,) = facts["files"][0]["vibs"]
    assert signed["signing_time"] == "2026-04-01T12:00:00Z"
    (block,) = signed["trust"]["signatures"]
    assert block["arithmetic"]["held"] is True
    assert block["host"] == {"held": None, "reasons": ["no trust store was given"]}
    asked = ("--digest-out", tmp_path / "d", "--json")
    request = json.loads(run("sign", file, *asked).stdout)
    assert bytes.fromhex(request["sha256"]) == (tmp_path / "d").read_bytes()
    made = json.loads(run("pki", "init", tmp_path / "ca", "--key-type", "p-256", "--json").stdout)
    assert made["format"] == "vibforge/pki-init/1"


def test_a_certificate_made_today_signs_a_vib_of_last_week(file: Path, tmp_path: Path) -> None:
    """The first thing that anybody tries: a certificate that signs itself, made by openssl."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "30")
    assert openssl("req", "-x509", *made, "-subj", "/CN=me").returncode == 0
    signed = run("sign", file, "--key", key, "--cert", certificate)
    assert (signed.returncode, signed.stderr) == (0, "")
    assert "the VIB is older than the certificate" in signed.stdout
    for gate in (["--strict"], ["--require-signed"], ["--require-level", "partner"]):
        assert run("verify", file, *gate, "--trust", certificate).returncode == 0, gate
    assert run("verify", file, "--require-signed").returncode == 0
    without = run("verify", file, "--require-level", "partner")
    assert without.returncode == 1
    assert "only a trust store says who may sign at this level" in without.stdout
    assert run("verify", file, "--require-level", "community").returncode == 2


def test_signing_elsewhere_takes_two_commands(lab: Lab, file: Path, tmp_path: Path) -> None:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    digest, signature = tmp_path / "digest", tmp_path / "signature"
    assert run("sign", file, "--digest-out", digest).returncode == 0
    sha256 = ("-pkeyopt", "digest:sha256", "-out", signature)
    openssl("pkeyutl", "-sign", "-inkey", issued.key_path, "-in", digest, *sha256)
    given = ("--signature-in", signature, "--cert", issued.certificate_path)
    assert run("sign", file, *given).returncode == 0
    assert run("verify", file, "--trust", lab.store).returncode == 0


def encrypted(lab: Lab, folder: Path) -> Path:
    issued = lab.issued(kind=KeyKind.P256)
    path = folder / "encrypted.key"
    secret = ("-passout", f"pass:{SECRET}", "-out", path)
    assert openssl("pkcs8", "-topk8", "-in", issued.key_path, *secret).returncode == 0
    return path


def test_a_passphrase_comes_from_file_descriptor_or_environment(
    lab: Lab, file: Path, tmp_path: Path
) -> None:
    named = ("--key", encrypted(lab, tmp_path), "--cert", lab.issued().certificate_path)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    again = ("sign", file, *named, "--replace")
    assert run(*again, "--passphrase-file", tmp_path / "secret").returncode == 0
    assert run(*again, "--passphrase-env", "SECRET", SECRET=SECRET).returncode == 0
    shell = " ".join(map(str, (sys.executable, "-m vibforge", *again, "--passphrase-fd 3")))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shell} 3<{tmp_path / 'secret'}"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_a_terminal_is_asked_for_the_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked.append((text, hide_input, err))
        return SECRET

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    source = arguments.passphrase_of(None, None, None)
    assert asked == []
    assert source() == SECRET.encode()
    assert asked == [("Passphrase", True, True)]


BAD = {
    "no key": ((), "give either --key"),
    "both": (("--append", "--replace"), "exclude each other"),
    "odd time": (("--signing-time", "soon"), "--signing-time: 'soon' is no time"),
    "missing key": (("--key", "none.key"), "No such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_done_is_told_with_exit_code_2(lab: Lab, file: Path, name: str) -> None:
    arguments, says = BAD[name]
    own = key_of(lab) if "--append" in arguments else ()
    done = run("sign", file, *own, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == vib()


def secrets_of(lab: Lab) -> list[str]:
    """All that must never be printed: the passphrase, and the key in any of its writings."""
    pem = lab.issued().key_path.read_text()
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return [SECRET, *pem.splitlines()[1:-1], der.hex()]


@pytest.mark.slow
def test_no_output_holds_key_material_or_passphrase(lab: Lab, file: Path, tmp_path: Path) -> None:
    locked = encrypted(lab, tmp_path)
    broken = tmp_path / "broken.key"
    broken.write_text(lab.issued().key_path.read_text().replace("\n", "\n!", 1))
    certificate = ("--cert", lab.issued().certificate_path)
    other = ("--cert", lab.issued(kind=KeyKind.P384).certificate_path)
    environment = {"KEY": lab.issued().key_path.read_text(), "SECRET": SECRET, "WRONG": "x"}
    attempts: list[tuple[str | Path, ...]] = [
        ("--key", locked, *certificate),
        ("--key", locked, *certificate, "--passphrase-env", "WRONG"),
        ("--key", locked, *certificate, "--passphrase-env", "SECRET"),
        ("--key", broken, *certificate),
        ("--key", "env:KEY", *other),
        ("--key", "env:KEY", *certificate, "--json", "--replace"),
        ("--key", f"pkcs11:object=x?module-path=/x.so&pin-value={SECRET}", *certificate),
        ("--key", lab.issued().certificate_path),
        ("--key", lab.issued().key_path.read_text()),
    ]
    for attempt in attempts:
        done = run("sign", file, *attempt, **environment)
        assert "Traceback" not in done.stderr
        for secret in secrets_of(lab):
            assert secret not in done.stdout + done.stderr, attempt


@pytest.mark.parametrize("level", ["partner", "accepted", "certified"])
def test_an_unsigned_vib_that_claims_more_is_told_by_verify_and_inspect(
    tmp_path: Path, level: str
) -> None:
    path = tmp_path / "x.vib"
    path.write_bytes(vib(level))
    verified, inspected = run("verify", path), run("inspect", path)
    assert verified.returncode == 0
    name = AcceptanceLevel.parse(level).esxcli_name
    for done in (verified, inspected):
        assert f"it claims {name} and is not signed" in " ".join(done.stdout.split())
        assert "malware" in done.stdout
    facts = json.loads(run("verify", path, "--json").stdout)
    assert facts["good"] is True
    (warning,) = [one for one in facts["files"][0]["facts"] if one["outcome"] == "warning"]
    assert warning["topic"] == "level"
    for option in (["--strict"], ["--require-signed"], ["--require-level", "partner"]):
        assert run("verify", path, *option).returncode == 1, option


def test_a_community_vib_is_not_blamed(tmp_path: Path) -> None:
    path = tmp_path / "x.vib"
    path.write_bytes(vib("community"))
    assert run("verify", path).returncode == 0
    assert "claims" not in run("inspect", path).stdout


def test_a_level_that_the_signer_cannot_give_is_told(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "x.vib"
    path.write_bytes(vib("accepted"))
    signed = run("sign", path, *key_of(lab))
    assert signed.returncode == 0
    for done in (signed, run("inspect", path), run("verify", path)):
        assert "Acceptance Signing" in done.stdout
        assert "does not support" in done.stdout


def test_a_store_that_is_none_is_told(file: Path, tmp_path: Path) -> None:
    done = run("verify", file, "--trust", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such file" in done.stderr


def project(folder: Path, lab: Lab, extra: str = "") -> Path:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    (folder / "tree/opt/demo").mkdir(parents=True)
    (folder / "tree/opt/demo/file").write_text("content\n")
    (folder / "vibforge.toml").write_text(
        'name = "demo"\nversion = "1.0-1"\nacceptance-level = "partner"\n'
        'release-date = "2026-04-01T12:00:00Z"\n'
        '[[payloads]]\nname = "demo"\ntree = "tree"\n'
        f'[signing]\nkey = "{issued.key_path}"\n'
        f'certificates = ["{issued.certificate_path}"]\n{extra}'
    )
    return folder


def test_build_signs_as_the_recipe_says_and_gives_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    recipe = project(tmp_path / "project", lab)
    for name in ("one", "two"):
        done = run("build", recipe, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "signed by CN=LAB partner-rsa-2048" in done.stdout
    vib_name = "custom_bootbank_demo_1.0-1.vib"
    one, two = (tmp_path / name / vib_name for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert (tmp_path / "one/sig.pkcs7").read_bytes() in one.read_bytes()
    assert run("verify", one, "--trust", lab.store, "--strict").returncode == 0
    assert "| signature | present" in (tmp_path / "one/INSTALL.md").read_text()


def test_build_tells_json_what_the_signature_is_worth(lab: Lab, tmp_path: Path) -> None:
    recipe = project(tmp_path / "project", lab, 'signing-time = "2030-01-01"\n')
    facts = json.loads(run("build", recipe, "-o", tmp_path / "out", "--json").stdout)
    assert facts["signed"] is True
    assert facts["trust"]["signatures"][0]["signing_time"] == "2030-01-01T00:00:00Z"
    assert "PRIVATE KEY" not in json.dumps(facts)


def test_a_build_with_a_wrong_key_writes_nothing(lab: Lab, tmp_path: Path) -> None:
    recipe = project(tmp_path / "project", lab)
    wrong = ("--set", f"signing.key={lab.issued(kind=KeyKind.P256).key_path}")
    done = run("build", recipe, "-o", tmp_path / "out", *wrong)
    assert done.returncode == 2
    assert "do not match" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_holds_the_key_itself_is_refused_and_not_repeated(
    lab: Lab, tmp_path: Path
) -> None:
    recipe = project(tmp_path / "project", lab) / "vibforge.toml"
    text = recipe.read_text().replace(str(lab.issued(kind=KeyKind.RSA_2048).key_path), "${PEM}")
    recipe.write_text(text)
    pem = lab.issued(kind=KeyKind.P256).key_path.read_text()
    for value in (pem, pem.replace("\n", " ")):
        done = run("build", recipe.parent, "-o", tmp_path / "out", "--dry-run", PEM=value)
        assert done.returncode == 2
        assert "this is a key or a certificate itself" in " ".join(done.stderr.split())
        assert pem.splitlines()[1] not in done.stdout + done.stderr
