"""The rules of signatures on one of a generated VIB and on a vendor's, whole and patched."""

import pytest
from msgspec.structs import replace

from tests.packages.generated import VIBS
from vibforge.checks import signature
from vibforge.formats.pkcs7 import CmsSigner, parse_blocks
from vibforge.packages.lint import CheckSelection, lint
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan

SIGNED = "itiligent-VMW_bootbank_vmkusb-nic-fling_1.14-7vmw.803.0.95.93415869.vib"


@pytest.fixture(params=["generated", "vendor's"])
def vib(request: pytest.FixtureRequest) -> Vib:
    if request.param == "generated":
        return Vib.from_bytes(VIBS["driver-of-7"].to_bytes(), "x.vib")
    return Vib.from_path(request.getfixturevalue("corpus") / "vibs" / SIGNED)


def found(vib: Vib) -> set[str]:
    choice = CheckSelection(select=("VF5",))
    return {finding.rule for finding in lint([VibScan(vib, "x.vib")], choice).findings}


def test_a_vendor_signature_is_good(vib: Vib) -> None:
    assert found(vib) == set()


def test_an_edited_descriptor(vib: Vib) -> None:
    edited = replace(vib, descriptor_bytes=vib.descriptor_bytes + b" ")
    assert found(edited) == {"VF504"}


def test_der_is_not_read_by_hosts(vib: Vib) -> None:
    der = replace(vib, signature=parse_blocks(vib.signature)[0].der)
    assert "VF502" in found(der)


def test_junk_is_no_signature(vib: Vib) -> None:
    assert "VF502" in found(replace(vib, signature=b"not a signature"))


def told(vib: Vib) -> list[str]:
    choice = CheckSelection(select=("VF5",))
    return [
        f"{finding.rule} {finding.where}: {finding.what}"
        for finding in lint([VibScan(vib, "x.vib")], choice).findings
    ]


def with_signers(vib: Vib, monkeypatch: pytest.MonkeyPatch, change: str, count: int) -> list[str]:
    (block,) = parse_blocks(vib.signature)
    signer: CmsSigner = block.signers[0]
    if change == "key":
        signer = replace(signer, subject_key_id="00ff")
    if change == "serial":
        signer = replace(signer, serial_number=1)
    patched = replace(block, signers=(signer,) * count)
    monkeypatch.setattr(signature, "signature_blocks", lambda _: (patched,))
    return told(vib)


@pytest.mark.parametrize(
    ("change", "count", "words"),
    [
        ("", 2, "VF503 sig.pkcs7: has a block with 2 signers, not one"),
        ("", 0, "VF503 sig.pkcs7: has a block with 0 signers, not one"),
        ("key", 1, "VF506 sig.pkcs7: names its signer by a key identifier"),
        ("serial", 1, "VF506 sig.pkcs7: does not contain its signer's certificate"),
    ],
)
def test_signers(
    vib: Vib, monkeypatch: pytest.MonkeyPatch, change: str, count: int, words: str
) -> None:
    assert with_signers(vib, monkeypatch, change, count) == [words]


def test_a_block_that_cannot_be_read_is_told_where_it_stands(vib: Vib) -> None:
    cut = replace(vib, signature=vib.signature.partition(b"-----END")[0])
    assert told(cut)[0] == "VF502 sig.pkcs7: the PEM block has no end"
