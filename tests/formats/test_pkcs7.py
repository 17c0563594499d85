"""Blocks of signatures as files in the field hold them."""

import pytest

from tests import vibs
from vibforge.errors import FormatError
from vibforge.formats import pkcs7
from vibforge.formats.pkcs7 import BLOCK_LIMIT, check_block, read_blocks

TEXT = vibs.descriptor("")
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
    blocks = read_blocks(data)
    assert len(blocks) == count
    for block in blocks:
        assert not block.fault
        assert check_block(block, TEXT).held
        assert not check_block(block, TEXT + b"\n").held


def test_the_text_counts_to_the_byte() -> None:
    multi_line = TEXT.replace(b"><", b">\n<")
    (block,) = read_blocks(vibs.sign(multi_line))
    assert check_block(block, multi_line).held
    assert not check_block(block, multi_line.replace(b"\n", b"\r\n")).held


@pytest.mark.parametrize("data", [b"x", b"-----BEGIN", b"<html>", b"\0"])
def test_what_is_no_signature_is_told(data: bytes) -> None:
    with pytest.raises(FormatError, match="neither PEM nor DER"):
        read_blocks(data)


def test_a_damaged_block_does_not_hide_the_next() -> None:
    cut = PEM.replace(b"-----END PKCS7-----", b"")
    broken = PEM.replace(b"MII", b"!II", 1)
    first, second = read_blocks(broken + PEM)
    assert "base64" in first.fault
    assert not second.fault
    assert read_blocks(PEM + cut)[1].fault == "the PEM block has no end"


def test_every_cut_and_every_bit_fails_or_is_told() -> None:
    der = vibs.sign(TEXT, der=True)
    for end in range(1, len(der), 3):
        (block,) = read_blocks(der[:end])
        assert block.fault
        assert check_block(block, TEXT).held is not True


def test_signatures_are_counted() -> None:
    assert len(read_blocks(PEM * BLOCK_LIMIT)) == BLOCK_LIMIT
    with pytest.raises(FormatError, match=f"more than {BLOCK_LIMIT} signatures"):
        read_blocks(PEM * (BLOCK_LIMIT + 1))


def test_their_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs7, "SIZE_LIMIT", 100)
    with pytest.raises(FormatError, match="more than 100"):
        read_blocks(PEM)


def test_certificates_and_signers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs7, "CERTIFICATE_LIMIT", len(read_blocks(PEM)[0].certificates))
    monkeypatch.setattr(pkcs7, "SIGNER_LIMIT", 1)
    assert not read_blocks(PEM)[0].fault
    monkeypatch.setattr(pkcs7, "SIGNER_LIMIT", 0)
    assert read_blocks(PEM)[0].fault == "1 signers, more than 0"
    monkeypatch.setattr(pkcs7, "CERTIFICATE_LIMIT", 0)
    assert "certificates, more than 0" in read_blocks(PEM)[0].fault
