from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.signing.lab import NOW
from tests.signing.made import key, made
from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.signing import store as stores
from vibforge.signing.path import parse_revocation_list
from vibforge.signing.pki import make_list
from vibforge.signing.store import read_store

CERTIFIED = made("certified", ca=True)
PARTNER = made("partner", own=key(1), ca=True)
PLAIN = made("plain", own=key(2), ca=True)
LIST = make_list(PARTNER, [], NOW).public_bytes(serialization.Encoding.PEM)


def host(folder: Path) -> Path:
    folder.mkdir()
    (folder / "vmware.cert").write_bytes(b"a comment\n" + CERTIFIED.certificate_pem())
    (folder / "vmpartner.cert").write_bytes(PARTNER.certificate_pem())
    (folder / "vmpartner.crl").write_bytes(LIST)
    (folder / "castore.pem").write_bytes(PLAIN.certificate_pem())
    return folder


def subjects(paths: list[Path], level: AcceptanceLevel) -> list[str]:
    return [one.subject for one in read_store(paths).part_for(level).certificates]


def test_a_hosts_folder_keeps_the_levels_apart(tmp_path: Path) -> None:
    folder = host(tmp_path / "certs")
    assert subjects([folder], AcceptanceLevel.CERTIFIED) == ["CN=certified"]
    assert subjects([folder], AcceptanceLevel.ACCEPTED) == ["CN=partner"]
    assert subjects([folder], AcceptanceLevel.PARTNER) == ["CN=partner"]
    assert len(read_store([folder]).part_for(AcceptanceLevel.PARTNER).lists) == 1
    assert read_store([folder]).part_for(AcceptanceLevel.CERTIFIED).lists == ()


@pytest.mark.parametrize("missing", ["vmpartner.cert", "vmpartner.crl"])
def test_a_host_without_one_of_the_partner_files_trusts_no_partner(
    tmp_path: Path, missing: str
) -> None:
    folder = host(tmp_path / "certs")
    (folder / missing).unlink()
    assert subjects([folder], AcceptanceLevel.PARTNER) == []
    assert subjects([folder], AcceptanceLevel.CERTIFIED) == ["CN=certified"]


def test_plain_pem_counts_for_every_level(tmp_path: Path) -> None:
    (tmp_path / "mine.pem").write_bytes(PLAIN.certificate_pem() + LIST)
    for level in (AcceptanceLevel.CERTIFIED, AcceptanceLevel.PARTNER):
        assert subjects([tmp_path / "mine.pem"], level) == ["CN=plain"]
        assert subjects([tmp_path], level) == ["CN=plain"]


BAD = {
    "text": (b"nothing here", "has no certificate"),
    "broken base64": (
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        "not base64",
    ),
    "cut": (
        CERTIFIED.certificate_pem().replace(b"M", b"", 1),
        "cannot be read|not base64",
    ),
    "a broken list": (
        CERTIFIED.certificate_pem() + b"-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRL-----\n",
        "revocation list cannot be read",
    ),
    "no end": (b"-----BEGIN CERTIFICATE-----\n" * 3, "a PEM block has no end"),
    "blocks without number": (
        b"-----BEGIN X-----\n-----END X-----\n" * 2000,
        "more than 1024 PEM blocks",
    ),
    "a key only": (PLAIN.key_pem(), "has no certificate"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_store_is_refused_by_name(tmp_path: Path, name: str) -> None:
    data, says = BAD[name]
    (tmp_path / "x.pem").write_bytes(data)
    with pytest.raises(FormatError, match=says) as caught:
        read_store([tmp_path / "x.pem"])
    assert "x.pem" in str(caught.value)


def test_missing_files_and_empty_folders_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError) as caught:
        read_store([tmp_path / "none", tmp_path / "empty"])
    assert len(caught.value.problems) == 2


def test_too_many_certificates_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "CERTIFICATE_LIMIT", 2)
    (tmp_path / "x.pem").write_bytes(PLAIN.certificate_pem() * 3)
    with pytest.raises(FormatError, match="3 certificates; the limit is 2"):
        read_store([tmp_path / "x.pem"])


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "FILE_SIZE_LIMIT", 100)
    (tmp_path / "x.pem").write_bytes(PLAIN.certificate_pem())
    with pytest.raises(FormatError, match="exceeds the limit of 100 bytes"):
        read_store([tmp_path / "x.pem"])


@pytest.mark.parametrize(
    ("good", "odd"),
    [(b"\x02\x01\x01", b"\x02\x01\x41"), (b"\x55\x04\x03\x0c", b"\x55\x04\x0c\x03")],
)
def test_an_odd_revocation_list_is_refused(good: bytes, odd: bytes) -> None:
    listed = make_list(made("Lab", ca=True), [], NOW).public_bytes(serialization.Encoding.DER)
    assert good in listed
    with pytest.raises(FormatError, match="a revocation list cannot be read"):
        parse_revocation_list(listed.replace(good, odd, 1))
