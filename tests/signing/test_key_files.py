import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.signing.lab import NOW, RELEASE_DATE, Lab, descriptor, openssl
from tests.signing.made import key, made
from vibforge.errors import SigningError
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.signing import passphrase
from vibforge.signing.key_files import parse_key_file
from vibforge.signing.key_source import KeySource, open_signer
from vibforge.signing.pki import Credential, KeyKind
from vibforge.signing.signer import Signer, make_block, parse_certificates

SECRET = b"correct horse"
RIGHT: passphrase.Passphrase = lambda: SECRET  # noqa: E731 - a table's value
WRONG: passphrase.Passphrase = lambda: b"wrong"  # noqa: E731 - the same


@pytest.fixture
def signer_of(lab: Lab) -> Credential:
    issued = lab.issued(kind=KeyKind.P256)
    loaded = serialization.load_pem_private_key(issued.key_path.read_bytes(), None)
    return Credential(key=loaded, certificate=issued.certificate)  # type: ignore[arg-type]  # P-256


def encrypted_pem(of: Credential) -> bytes:
    return of.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET),
    )


def pkcs12_file(of: Credential, secret: bytes = SECRET) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    )
    return pkcs12.serialize_key_and_certificates(b"x", of.key, of.certificate, None, encryption)


def signs(signer: Signer) -> bool:
    block = parse_blocks(make_block(descriptor(), signer, RELEASE_DATE))[0]
    return check_block(block, descriptor()).held is True


def test_a_key_may_stand_in_files_of_any_form(tmp_path: Path, signer_of: Credential) -> None:
    forms = {
        "pem": signer_of.key_pem() + signer_of.certificate_pem(),
        "encrypted.pem": encrypted_pem(signer_of) + signer_of.certificate_pem(),
        "p12": pkcs12_file(signer_of),
        "open.p12": pkcs12_file(signer_of, b""),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        assert signs(open_signer(KeySource(key=str(tmp_path / name)), RIGHT, {})), name


def test_an_environment_variable_may_hold_the_key(tmp_path: Path, signer_of: Credential) -> None:
    (tmp_path / "cert.pem").write_bytes(signer_of.certificate_pem())
    source = KeySource(key="env:KEY", certificates=(tmp_path / "cert.pem",))
    environment = {"KEY": signer_of.key_pem().decode()}
    assert signs(open_signer(source, passphrase.no_passphrase, environment))
    with pytest.raises(SigningError, match="environment variable is not set"):
        open_signer(source, passphrase.no_passphrase, {})


@pytest.mark.parametrize("form", [encrypted_pem, pkcs12_file])
def test_a_wrong_or_missing_passphrase_is_told(
    form: Callable[[Credential], bytes], tmp_path: Path, signer_of: Credential
) -> None:
    (tmp_path / "key").write_bytes(form(signer_of))
    source = KeySource(key=str(tmp_path / "key"))
    with pytest.raises(SigningError, match="the passphrase is wrong"):
        open_signer(source, WRONG, {})
    with pytest.raises(SigningError, match="no passphrase was given"):
        open_signer(source, passphrase.no_passphrase, {})


def test_the_certificate_is_found_among_others_and_its_chain_put_in_order(
    lab: Lab, tmp_path: Path
) -> None:
    issued = lab.issued()
    own, authority = issued.certificate_path.read_bytes().split(b"-----END CERTIFICATE-----\n")[:2]
    end = b"-----END CERTIFICATE-----\n"
    root = (lab.folder / "partner-root.pem").read_bytes()
    stranger = made("stranger").certificate_pem()
    (tmp_path / "all.pem").write_bytes(stranger + root + authority + end + own + end)
    source = KeySource(key=str(issued.key_path), certificates=(tmp_path / "all.pem",))
    names = [
        one.subject.rfc4514_string().split(",")[0]
        for one in open_signer(source, passphrase.no_passphrase, {}).certificates
    ]
    assert names == ["CN=LAB partner-p-256", "CN=LAB partner CA", "CN=LAB partner root"]


def test_a_key_and_a_certificate_that_do_not_match_are_refused(lab: Lab) -> None:
    source = KeySource(
        key=str(lab.issued().key_path),
        certificates=(lab.issued(kind=KeyKind.P384).certificate_path,),
    )
    with pytest.raises(SigningError, match="do not match"):
        open_signer(source, passphrase.no_passphrase, {})


BAD = {
    "empty": (b"", "neither PEM nor PKCS#12"),
    "text": (b"hello", "neither PEM nor PKCS#12"),
    "DER of something else": (
        b"\x30\x03\x02\x01\x01",
        "passphrase is wrong, or the file is damaged",
    ),
    "a certificate only": (made("x").certificate_pem(), "no private key"),
    "a cut key": (made("x").key_pem()[:80] + b"\n-----END PRIVATE KEY-----\n", "no private key"),
    "an Ed25519 key": (
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        "a Ed25519 key cannot sign a VIB",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_without_a_usable_key_is_refused(name: str, tmp_path: Path) -> None:
    data, says = BAD[name]
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(SigningError, match=says):
        open_signer(KeySource(key=str(tmp_path / "key")), RIGHT, {})


def test_a_missing_key_or_certificate_file_is_named(tmp_path: Path, lab: Lab) -> None:
    with pytest.raises(SigningError, match="No such file"):
        open_signer(KeySource(key=str(tmp_path / "none")), RIGHT, {})
    source = KeySource(key=str(lab.issued().key_path), certificates=(lab.issued().key_path,))
    with pytest.raises(SigningError, match="the file holds no certificate"):
        open_signer(source, RIGHT, {})
    with pytest.raises(SigningError, match="there is no certificate"):
        open_signer(KeySource(key=str(lab.issued().key_path)), RIGHT, {})


def joined(credential: Credential, folder: Path) -> Signer:
    (folder / "both.pem").write_bytes(credential.key_pem() + credential.certificate_pem())
    return open_signer(KeySource(key=str(folder / "both.pem")), passphrase.no_passphrase, {})


def test_a_weak_key_does_not_sign(tmp_path: Path) -> None:
    weak = joined(made("weak", own=key(0, "1024")), tmp_path)
    with pytest.raises(SigningError, match="the key is weak: 1024 bits, less than 2048"):
        make_block(descriptor(), weak, NOW)


def test_a_certificate_signs_only_at_a_time_when_it_is_valid(tmp_path: Path) -> None:
    signer = joined(made("x"), tmp_path)
    for moment, state in (
        (NOW.replace(year=2019), "not yet valid"),
        (NOW.replace(year=2041), "ex"),
    ):
        with pytest.raises(SigningError, match=f"is {state}.* at the signing time"):
            make_block(descriptor(), signer, moment)
    assert make_block(descriptor(), signer, NOW)


def test_passphrases_come_from_files_descriptors_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET + b"\r\nsecond line\n")
    assert passphrase.from_file(tmp_path / "secret")() == SECRET
    assert passphrase.from_environment("P", {"P": SECRET.decode()})() == SECRET
    reader, writer = os.pipe()
    os.write(writer, SECRET)
    os.close(writer)
    assert passphrase.from_descriptor(reader)() == SECRET
    os.close(reader)


def test_a_missing_passphrase_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    for source, says in (
        (passphrase.from_file(tmp_path / "none"), "cannot be read"),
        (passphrase.from_file(tmp_path / "empty"), "is empty"),
        (passphrase.from_environment("P", {}), "is not set"),
        (passphrase.from_descriptor(987), "cannot be read"),
    ):
        with pytest.raises(SigningError, match=says):
            source()


def test_old_pem_forms_of_openssl_are_read(lab: Lab, tmp_path: Path) -> None:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    old = tmp_path / "old.key"
    secret = "pass:" + SECRET.decode()
    arguments = ("-in", issued.key_path, "-traditional", "-aes256", "-passout", secret)
    assert openssl("rsa", *arguments, "-out", old).returncode == 0
    source = KeySource(key=str(old), certificates=(issued.certificate_path,))
    assert signs(open_signer(source, RIGHT, {}))


def test_an_old_pkcs12_file_is_read_or_told(lab: Lab, tmp_path: Path) -> None:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    old = tmp_path / "old.p12"
    secret = "pass:" + SECRET.decode()
    files = ("-in", issued.certificate_path, "-inkey", issued.key_path, "-out", old)
    if openssl("pkcs12", "-export", "-legacy", *files, "-passout", secret).returncode:
        pytest.skip("this openssl has no legacy provider")
    assert signs(open_signer(KeySource(key=str(old)), RIGHT, {}))
    with pytest.raises(SigningError, match="the passphrase is wrong"):
        open_signer(KeySource(key=str(old)), WRONG, {})


def test_a_key_file_with_more_behind_it_is_read_without_a_warning(signer_of: Credential) -> None:
    found = parse_key_file(pkcs12_file(signer_of) + b"\n", RIGHT, "x.p12")
    assert found.key.private_numbers() == signer_of.key.private_numbers()


def test_a_certificate_with_a_name_that_is_no_text_is_refused() -> None:
    der = made("Tester", own=key()).certificate.public_bytes(serialization.Encoding.DER)
    broken = der.replace(b"\x0c\x06Tester", b"\x0c\x06T\xff\xfe\xffer")
    assert broken != der
    with pytest.raises(SigningError, match="a certificate cannot be read"):
        parse_certificates(broken, "x.pem")
