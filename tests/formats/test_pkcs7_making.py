import hashlib
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signing.lab import descriptor, openssl
from tests.signing.made import key, made
from vibforge.formats.pkcs7 import PEM_LABEL, check_block, parse_blocks
from vibforge.formats.pkcs7_making import append_block, pem_block, signed_attributes, signed_data
from vibforge.signing.key_files import KeySigner

TIME = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
TEXT = descriptor()
ROOT = made("root", own=key(0), ca=True)
SIGNERS = {
    "RSA 2048": made("rsa", ROOT, own=key(1, "2048")),
    "RSA 4096": made("big", ROOT, own=key(1, "4096")),
    "P-256": made("ec", ROOT, own=key(1)),
    "P-384": made("ec384", ROOT, own=ec.generate_private_key(ec.SECP384R1())),
}


def signed(name: str, text: bytes = TEXT, time: datetime = TIME) -> bytes:
    credential = SIGNERS[name]
    certificates = (credential.certificate, ROOT.certificate)
    digest = hashlib.sha256(text).digest()
    signature = KeySigner(credential.key, certificates).sign(signed_attributes(digest, time))
    elliptic = name.startswith("P-")
    return pem_block(signed_data(digest, time, signature, certificates, elliptic=elliptic))


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("command", ["cms", "smime"])
def test_openssl_verifies_what_we_sign(name: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "sig").write_bytes(signed(name))
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "root").write_bytes(ROOT.certificate_pem())
    files = ("-in", tmp_path / "sig", "-content", tmp_path / "text", "-CAfile", tmp_path / "root")
    done = openssl(command, "-verify", "-binary", "-inform", "PEM", "-purpose", "any", *files)
    assert done.returncode == 0, done.stderr
    assert done.stdout == TEXT
    (tmp_path / "text").write_bytes(TEXT.replace(b"demo", b"Demo"))
    done = openssl(command, "-verify", "-binary", "-inform", "PEM", "-purpose", "any", *files)
    assert done.returncode != 0


@pytest.mark.parametrize("name", SIGNERS)
def test_it_has_the_vendors_form_and_nothing_more(name: str) -> None:
    block = parse_blocks(signed(name))[0]
    (signer,) = block.signers
    assert (block.label, block.version, block.content, block.crl_count) == (PEM_LABEL, 1, None, 0)
    assert block.digest_algorithms == ("sha256",)
    assert (signer.version, signer.digest_algorithm) == (1, "sha256")
    assert signer.signed_attributes == ("contentType", "signingTime", "messageDigest")
    assert signer.signing_time == TIME
    assert signer.signature_algorithm == (
        "rsaEncryption" if name.startswith("RSA") else "ecdsa-with-SHA256"
    )
    assert check_block(block, TEXT).held


def test_the_structure_is_that_of_a_vendors_signature(corpus: Path) -> None:
    data = (corpus / "vibs" / "vsphere-tmm-setInfo_v1.8.0.vib").read_bytes()
    start, end = data.index(b"-----BEGIN PKCS7"), data.rindex(b"-----END PKCS7-----") + 19
    vendors = [structure(block.der) for block in parse_blocks(data[start:end])]
    ours = [structure(parse_blocks(signed(name))[0].der) for name in ("RSA 4096", "P-256")]
    assert vendors == ours
    assert len(ours[0]) > 25


def structure(der: bytes) -> list[str]:
    """Return depth and kind of all before the certificates and behind the serial number."""
    lines = openssl("asn1parse", "-inform", "DER", input_=der).stdout.decode().splitlines()
    certificates = next(at for at, line in enumerate(lines) if "d=3 " in line and "[ 0 ]" in line)
    serial = max(at for at, line in enumerate(lines) if "d=6 " in line and "INTEGER" in line)
    return [kind_of(line) for line in lines[:certificates] + lines[serial + 1 :]]


def kind_of(line: str) -> str:
    depth, rest = line.split("d=")[1].split(" ", 1)
    kind, _, value = rest.split(": ", 1)[1].partition(":")
    return f"{depth} {kind.strip()} {value if kind.startswith('OBJECT') else ''}"


def test_the_same_input_gives_the_same_bytes_with_rsa_and_here_with_ec() -> None:
    assert signed("RSA 2048") == signed("RSA 2048")
    assert signed("P-256") == signed("P-256")


def test_openssl_finds_our_pem_well_made(tmp_path: Path, tool: Callable[[str], str]) -> None:
    (tmp_path / "sig").write_bytes(signed("RSA 2048"))
    command = [tool("openssl"), "pkcs7", "-in", str(tmp_path / "sig"), "-print_certs", "-noout"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r"^subject=CN ?= ?rsa$", done.stdout, re.MULTILINE)  # blanks until 3.1
    again = openssl("pkcs7", "-in", tmp_path / "sig").stdout
    assert again == signed("RSA 2048")


def test_a_time_after_2049_is_written_as_the_standard_wants() -> None:
    for year, mark in ((2049, b"\x17\x0d49"), (2050, b"\x18\x0f2050")):
        assert mark in signed_attributes(bytes(32), TIME.replace(year=year))


def test_blocks_follow_each_other_on_lines_of_their_own() -> None:
    first, second = signed("RSA 2048"), signed("P-256")
    assert append_block(b"", first) == first
    both = append_block(first.rstrip(b"\n"), second)
    assert both == first + second
    assert len(parse_blocks(both)) == 2


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=300), st.integers(0, 4_000_000_000))
def test_whatever_is_signed_is_read_back(text: bytes, seconds: int) -> None:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    block = parse_blocks(signed("P-256", text, time))[0]
    assert block.signers[0].signing_time == time
    assert check_block(block, text).held
    assert not check_block(block, text + b" ").held


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_changed_byte_of_the_signature_is_found_or_makes_no_difference(
    data: st.DataObject,
) -> None:
    der = parse_blocks(signed("P-256"))[0].der
    place = data.draw(st.integers(0, len(der) - 1))
    other = der[place] ^ data.draw(st.integers(1, 255))
    block = parse_blocks(pem_block(der[:place] + bytes([other]) + der[place + 1 :]))[0]
    if not block.fault and check_block(block, TEXT).held:
        # The chain and the version numbers are not covered: the signer and the text still hold.
        assert block.certificate_of(block.signers[0]) is not None
        assert block.signers[0].signed_attributes
