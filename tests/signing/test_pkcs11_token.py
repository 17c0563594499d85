"""Keys in a token, with SoftHSM in place of hardware."""

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from tests import bundles, vibs
from tests.signing.lab import RELEASE_DATE, Lab, descriptor, vib
from tests.trees import trx_tree
from vibforge import attest, sign, verify
from vibforge.errors import ModelError, SigningError
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.packages.sign_files import SignedFiles
from vibforge.project.build import build
from vibforge.signing.key_source import MODULE_VARIABLE, KeySource, open_signer
from vibforge.signing.passphrase import Passphrase
from vibforge.signing.pkcs11_token import KeyUri
from vibforge.signing.pki import KeyKind
from vibforge.signing.signer import Signer, make_block, public_key

pkcs11 = pytest.importorskip(
    "pkcs11", reason="python-pkcs11 is missing; the extra vibforge[pkcs11] has it"
)

PIN = b"token-pin"
LABEL = "lab"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)
KINDS = (KeyKind.RSA_2048, KeyKind.P256, KeyKind.P384)
RIGHT: Passphrase = lambda: PIN  # noqa: E731 - a plain value for calls


class Token(Struct, frozen=True):
    library: str
    lab: Lab

    def uri(self, rest: str) -> str:
        return f"pkcs11:token=lab;{rest}?module-path={self.library}"

    def signer(self, kind: KeyKind, secret: Passphrase = RIGHT) -> Signer:
        issued = self.lab.issued(kind=kind)
        source = KeySource(key=self.uri(f"object={kind}"), certificates=(issued.certificate_path,))
        return open_signer(source, secret, {})


@pytest.fixture(scope="module")
def token(lab: Lab, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Token:
    program = tool("softhsm2-util")
    library = next((path for path in LIBRARIES if Path(path).is_file()), None)
    if library is None:
        pytest.skip("SoftHSM's library is missing; Debian's softhsm2 has it")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    patch = pytest.MonkeyPatch()
    patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))

    def run(*arguments: str) -> None:
        subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)

    pin = PIN.decode()
    run("--init-token", "--free", "--label", "lab", "--pin", pin, "--so-pin", "5678")
    for number, kind in enumerate(KINDS, start=1):
        path = str(lab.issued(kind=kind).key_path)
        named = ("--label", kind, "--id", f"0{number}")
        run("--import", path, "--token", "lab", "--pin", pin, *named)
        twice = ("--label", "twice", "--id", f"1{number}")
        run("--import", path, "--token", "lab", "--pin", pin, *twice)
    return Token(library, lab)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_signs_with_rsa_and_elliptic_curves(token: Token, kind: KeyKind) -> None:
    signer = token.signer(kind)
    assert isinstance(public_key(signer.certificates[0]), ec.EllipticCurvePublicKey) is (
        kind is not KeyKind.RSA_2048
    )
    block = parse_blocks(make_block(descriptor(), signer, RELEASE_DATE))[0]
    assert check_block(block, descriptor()).held


def test_a_token_and_a_file_make_the_same_bytes_with_rsa(token: Token) -> None:
    kind = KeyKind.RSA_2048
    of_token = make_block(descriptor(), token.signer(kind), RELEASE_DATE)
    assert of_token == make_block(descriptor(), token.lab.signer(kind=kind), RELEASE_DATE)


def test_a_key_may_be_named_by_its_id(token: Token) -> None:
    issued = token.lab.issued(kind=KeyKind.P256)
    source = KeySource(key=token.uri("id=%02"), certificates=(issued.certificate_path,))
    assert make_block(descriptor(), open_signer(source, RIGHT, {}), RELEASE_DATE)


def test_a_certificate_of_another_key_is_noticed(token: Token) -> None:
    issued = token.lab.issued(kind=KeyKind.RSA_4096)
    source = KeySource(
        key=token.uri(f"object={KeyKind.RSA_2048}"), certificates=(issued.certificate_path,)
    )
    with pytest.raises(SigningError, match="the new signature does not verify"):
        make_block(descriptor(), open_signer(source, RIGHT, {}), RELEASE_DATE)


def test_a_wrong_pin_is_told_and_the_key_stays_where_it_is(token: Token) -> None:
    with pytest.raises(SigningError, match="the PIN is wrong"):
        token.signer(KeyKind.P256, lambda: b"0000").sign(b"text")


def signed_set(token: Token, folder: Path, secret: Passphrase) -> SignedFiles:
    """Sign two VIBs and a bundle of two with one key of the token."""
    folder.mkdir()
    bundle = folder / "fleet.zip"
    bundle.write_bytes(bundles.bundle(*(vibs.vib(name=name) for name in "ab")))
    (folder / "c.vib").write_bytes(vib())
    (folder / "d.vib").write_bytes(vib("community"))
    return sign(
        [bundle, folder / "c.vib", folder / "d.vib"],
        key=token.uri(f"object={KeyKind.RSA_2048}"),
        certificates=token.lab.issued(kind=KeyKind.RSA_2048).certificate_path,
        passphrase=secret,
    )


def test_a_set_asks_for_the_pin_once(token: Token, tmp_path: Path) -> None:
    asked: list[int] = []

    def pin() -> bytes:
        asked.append(1)
        return PIN

    result = signed_set(token, tmp_path / "set", pin)
    assert result.require().good
    assert len(result.vibs) == 4
    assert all(each.judgement.blocks[0].check.held for each in result.vibs)
    assert asked == [1]


def test_a_wrong_pin_is_tried_once_for_a_whole_set(token: Token, tmp_path: Path) -> None:
    """A token locks after a few wrong ones."""
    asked: list[int] = []

    def pin() -> bytes:
        asked.append(1)
        return b"0000"

    with pytest.raises(SigningError, match="the PIN is wrong"):
        signed_set(token, tmp_path / "set", pin)
    assert asked == [1]
    assert (tmp_path / "set/c.vib").read_bytes() == vib()


def test_several_keys_of_one_name_are_told_and_nothing_else(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    source = KeySource(
        key=token.uri("object=twice"), certificates=(token.lab.issued().certificate_path,)
    )
    with pytest.raises(SigningError, match="several keys have this name; add id="):
        open_signer(source, RIGHT, {}).sign(b"text")
    gc.collect()
    assert complaints == []


REFUSED = {
    "object=none": "no private key of this name",
    "object=a;token=none": "no such token",
}


@pytest.mark.parametrize("rest", REFUSED)
def test_what_the_token_has_not_is_told(token: Token, rest: str) -> None:
    issued = token.lab.issued()
    source = KeySource(key=token.uri(rest), certificates=(issued.certificate_path,))
    with pytest.raises(SigningError, match=REFUSED[rest]):
        open_signer(source, RIGHT, {}).sign(b"text")


def test_the_certificate_may_lie_in_the_token_too(token: Token) -> None:
    issued = token.lab.issued(kind=KeyKind.RSA_2048)
    with (
        pkcs11.lib(token.library)
        .get_token(token_label=LABEL)
        .open(rw=True, user_pin=PIN.decode()) as session
    ):
        stored = session.create_object(
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                pkcs11.Attribute.LABEL: KeyKind.RSA_2048.value,
                pkcs11.Attribute.SUBJECT: issued.certificate.subject.public_bytes(),
                pkcs11.Attribute.VALUE: issued.certificate.public_bytes(serialization.Encoding.DER),
            }
        )
        source = KeySource(key=token.uri(f"object={KeyKind.RSA_2048}"))
        signer = open_signer(source, RIGHT, {})
        stored.destroy()
    assert signer.certificates == (issued.certificate,)


def test_without_a_certificate_in_file_or_token_nothing_is_signed(token: Token) -> None:
    with pytest.raises(SigningError, match="holds no certificate for"):
        open_signer(KeySource(key=token.uri("object=p-256")), RIGHT, {})


def test_a_library_that_is_none_is_told(lab: Lab) -> None:
    source = KeySource(
        key="pkcs11:object=x?module-path=/nowhere.so",
        certificates=(lab.issued().certificate_path,),
    )
    with pytest.raises(SigningError, match="the PKCS#11 library cannot be used"):
        open_signer(source, RIGHT, {}).sign(b"text")


def test_a_uri_is_read_as_rfc_7512_writes_it() -> None:
    uri = KeyUri.parse("pkcs11:token=My%20HSM;object=a;id=%01%ff?module-path=/usr/lib/x.so")
    assert (uri.token, uri.label, uri.key_id) == ("My HSM", "a", b"\x01\xff")
    assert uri.module_path == "/usr/lib/x.so"
    assert KeyUri.parse("pkcs11:object=a", "/from/environment.so").label == "a"


def test_a_pin_in_a_uri_is_refused_and_not_repeated() -> None:
    for uri in ("pkcs11:object=a?module-path=/x.so&pin-value=1234", "PKCS11:pin-value=1234"):
        with pytest.raises(ModelError, match="the URI contains a PIN") as caught:
            open_signer(KeySource(key=uri), RIGHT, {})
        assert "1234" not in str(caught.value)
    with pytest.raises(SigningError, match="names no PKCS#11 library"):
        KeyUri.parse("pkcs11:object=a")
    for uri in ("pkcs11:colour=1234", "pkcs11:object=a;1234?module-path=/x.so"):
        with pytest.raises(
            SigningError, match=r"part [12] of the PKCS#11 URI has an unknown name"
        ) as told:
            KeyUri.parse(uri)
        assert "1234" not in str(told.value)


def test_a_recipe_signs_with_a_token_by_the_users_library(token: Token, tmp_path: Path) -> None:
    issued = token.lab.issued(kind=KeyKind.P256)
    trx_tree(tmp_path / "tree")
    (tmp_path / "vibforge.toml").write_text(
        'name = "a"\nversion = "1.0-1"\nacceptance-level = "partner"\n'
        '[[payloads]]\nname = "a"\ntree = "tree"\n[signing]\n'
        f'key = "{token.uri("object=p-256")}"\ncertificates = ["{issued.certificate_path}"]\n'
        'passphrase-env = "PIN"\nsigning-time = "2026-04-01"\n'
    )
    environment = {"PIN": PIN.decode(), "SOURCE_DATE_EPOCH": "0"}
    with pytest.raises(SigningError, match="you did not allow it"):
        build(tmp_path, tmp_path / "out", environment=environment)
    environment[MODULE_VARIABLE] = token.library
    built = build(tmp_path, tmp_path / "out", environment=environment)
    assert built.signature is not None
    assert built.signature.judgement.blocks[0].check.held
    assert PIN.decode() not in (tmp_path / "out/build.json").read_text()


def test_a_token_attests_a_build(token: Token, tmp_path: Path) -> None:
    settings = {"acceptance-level": "partner", "release-date": "2026-05-01"}
    vib = build(trx_tree(tmp_path / "tree"), tmp_path / "dist", settings=settings).vib_path
    for kind in KINDS:
        attestation = tmp_path / f"{kind}.json"
        attest(
            vib,
            attestation,
            key=token.uri(f"object={kind}"),
            certificates=token.lab.issued(kind=kind).certificate_path,
            passphrase=RIGHT,
        )
        assert verify(vib, trust=token.lab.store, attestation=attestation).good
