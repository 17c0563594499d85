"""Blocks of signatures as files in the field hold them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options
from msgspec.structs import replace

from tests import vibs
from tests.signing.made import key, made
from vibforge.errors import FormatError
from vibforge.formats import pkcs7
from vibforge.formats.pkcs7 import BLOCK_LIMIT, check_block, name_of, parse_blocks

TEXT = vibs.descriptor()
PEM = vibs.sign(TEXT)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (PEM, 1),
        (PEM.rstrip(), 1),
        (PEM + PEM, 2),
        (PEM.rstrip() + b"\n" + PEM.rstrip(), 2),
        (PEM.replace(b"\n", b"\r\n"), 1),
        (b"a comment\n" + PEM + b"\nanother\n", 1),
        (vibs.sign(TEXT, der=True), 1),
        (PEM.replace(b"PKCS7", b"CMS"), 1),
    ],
    ids=["PEM", "no newline", "two", "two tight", "CRLF", "comments", "DER", "CMS"],
)
def test_every_block_is_read_and_holds(data: bytes, count: int) -> None:
    blocks = parse_blocks(data)
    assert len(blocks) == count
    for block in blocks:
        assert not block.fault
        assert check_block(block, TEXT).held
        assert not check_block(block, TEXT + b"\n").held


def test_the_text_counts_to_the_byte() -> None:
    multi_line = TEXT.replace(b"><", b">\n<")
    (block,) = parse_blocks(vibs.sign(multi_line))
    assert check_block(block, multi_line).held
    assert not check_block(block, multi_line.replace(b"\n", b"\r\n")).held


@pytest.mark.parametrize("data", [b"x", b"-----BEGIN", b"<html>", b"\0"])
def test_what_is_no_signature_is_told(data: bytes) -> None:
    with pytest.raises(FormatError, match="neither PEM nor DER"):
        parse_blocks(data)


def test_a_damaged_block_does_not_hide_the_next() -> None:
    cut = PEM.replace(b"-----END PKCS7-----", b"")
    broken = PEM.replace(b"MII", b"!II", 1)
    first, second = parse_blocks(broken + PEM)
    assert "base64" in first.fault
    assert not second.fault
    assert parse_blocks(PEM + cut)[1].fault == "the PEM block has no end"


def test_every_cut_and_every_bit_fails_or_is_told() -> None:
    der = vibs.sign(TEXT, der=True)
    for end in range(1, len(der), 3):
        (block,) = parse_blocks(der[:end])
        assert block.fault
        assert check_block(block, TEXT).held is not True


def test_signatures_are_counted() -> None:
    assert len(parse_blocks(PEM * BLOCK_LIMIT)) == BLOCK_LIMIT
    with pytest.raises(FormatError, match=f"more than {BLOCK_LIMIT} signatures"):
        parse_blocks(PEM * (BLOCK_LIMIT + 1))


def test_their_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs7, "SIGNATURE_LIMIT", 100)
    with pytest.raises(FormatError, match="the limit is 100"):
        parse_blocks(PEM)


def test_certificates_and_signers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs7, "CERTIFICATE_LIMIT", len(parse_blocks(PEM)[0].certificates))
    monkeypatch.setattr(pkcs7, "SIGNER_LIMIT", 1)
    assert not parse_blocks(PEM)[0].fault
    monkeypatch.setattr(pkcs7, "SIGNER_LIMIT", 0)
    assert parse_blocks(PEM)[0].fault == "1 signers; the limit is 0"
    monkeypatch.setattr(pkcs7, "CERTIFICATE_LIMIT", 0)
    assert "certificates; the limit is 0" in parse_blocks(PEM)[0].fault


def test_what_was_found_is_said() -> None:
    (block,) = parse_blocks(PEM)
    (signer,) = block.signers
    assert (signer.issuer, signer.serial_number) == ("CN=Tester", 4711)
    held = check_block(block, TEXT)
    assert (held.digest_held, held.signature_held, held.reason) == (True, True, "")
    other = check_block(block, TEXT + b"\n")
    assert (other.digest_held, other.signature_held) == (False, True)
    assert other.reason == "the descriptor is not the text that was signed"


def test_a_block_with_a_text_of_its_own_is_told_from_another() -> None:
    (block,) = parse_blocks(vibs.sign(TEXT, PKCS7Options.Binary))
    assert check_block(block, TEXT).held
    found = check_block(block, b"other")
    assert (found.digest_held, found.signature_held) == (False, None)
    assert found.reason == "the text inside the signature is not the descriptor"
    assert found.certificate == block.certificates[0]


def test_why_a_block_was_not_checked() -> None:
    (block,) = parse_blocks(PEM)
    assert check_block(replace(block, signers=()), TEXT).reason == "the signature has no signer"
    assert check_block(replace(block, fault="odd"), TEXT).reason == "odd"
    without = check_block(replace(block, certificates=()), TEXT)
    assert (without.digest_held, without.signature_held) == (True, None)
    assert without.reason == "the signer's certificate is not in the block"
    strange = replace(block.signers[0], digest_algorithm="1.2.3")
    unknown = check_block(replace(block, signers=(strange,)), TEXT)
    assert unknown.digest_held is None
    assert unknown.reason == "digest algorithm 1.2.3 is not known"


def test_a_damaged_block_keeps_its_label() -> None:
    for damaged in (PEM.replace(b"MII", b"!II", 1), PEM.partition(b"-----END")[0]):
        (block,) = parse_blocks(damaged)
        assert (block.encoding, block.label, block.der) == ("PEM", "PKCS7", b"")


def test_junk_between_the_letters_is_no_base64() -> None:
    begin = PEM.index(b"\n") + 1
    (block,) = parse_blocks(PEM[:begin] + b"!!!!" + PEM[begin:])
    assert block.fault.startswith("not base64: ")


def test_der_of_something_else_is_told() -> None:
    (block,) = parse_blocks(b"\x30\x03\x02\x01\x05")
    assert block.fault.startswith("not SignedData in DER: ")


def test_a_signer_named_by_its_key(tmp_path: Path, tool: Callable[[str], str]) -> None:
    identifier = x509.SubjectKeyIdentifier(b"\x17" * 20)
    credential = made("keyed", own=key(), extensions=((identifier, False),))
    (tmp_path / "c.pem").write_bytes(credential.certificate_pem())
    (tmp_path / "k.pem").write_bytes(
        credential.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "text").write_bytes(TEXT)
    command = (
        f"{tool('openssl')} cms -sign -keyid -binary -outform DER -in text -signer c.pem "
        "-inkey k.pem -md sha256"
    )
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=True)
    (block,) = parse_blocks(done.stdout)
    assert block.signers[0].subject_key_id == "17" * 20
    assert block.certificate_of(block.signers[0]) is not None
    assert check_block(block, TEXT).held


def test_an_unknown_name_stays_a_number() -> None:
    assert name_of(x509.ObjectIdentifier("1.2.3.4")) == "1.2.3.4"
    assert name_of(x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")) == "sha256"
