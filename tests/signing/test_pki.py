import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.signing.lab import NOW, Lab, make_lab, openssl, vib
from vibforge.errors import SigningError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.packages.sign import sign_vib
from vibforge.packages.verify import verify
from vibforge.signing.pki import KeyKind, SignerRequest, export, init_authority, issue, revoke
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import read_store


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab that no other test changes."""
    return make_lab(tmp_path / "own")


def test_keys_are_for_their_owner_only_and_the_folder_is_loud(own: Lab) -> None:
    own.issued()
    keys = list(own.folder.rglob("*.key"))
    assert len(keys) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert "For labs only" in (own.folder / "README.txt").read_text()


def test_openssl_builds_the_chain(own: Lab) -> None:
    issued = own.issued()
    root, middle = own.folder / "partner-root.pem", own.folder / "partner-ca.pem"
    strictly = ("-x509_strict", "-check_ss_sig", "-CAfile", root, "-untrusted", middle)
    done = openssl("verify", *strictly, issued.certificate_path)
    assert done.returncode == 0, done.stderr


def test_a_revoked_signer_is_refused_with_the_new_list_only(own: Lab, tmp_path: Path) -> None:
    file = tmp_path / "x.vib"
    file.write_bytes(vib())
    sign_vib(file, own.signer())
    before = TrustPolicy(store=read_store([own.store]))
    revoke(own.folder, "partner-p-256", NOW)
    export(own.folder, own.store)
    after = TrustPolicy(store=read_store([own.store]))
    assert verify(file, before).held
    failed = [one for one in verify(file, after).facts if one.outcome == "failed"]
    assert any("is revoked" in one.reason for one in failed)
    crl = openssl("crl", "-in", own.store / "vmpartner.crl", "-noout", "-text").stdout
    assert b"Serial Number" in crl
    with pytest.raises(SigningError, match="revoked already"):
        revoke(own.folder, "partner-p-256", NOW)


def test_others_stay_good_by_strict_rules_when_one_signer_is_revoked(
    own: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "x.vib"
    file.write_bytes(vib())
    sign_vib(file, own.signer())
    own.issued(name="lost")
    revoke(own.folder, "lost", NOW)
    export(own.folder, own.store)
    policy = TrustPolicy(store=read_store([own.store]), strict=True)
    assert verify(file, policy).held, verify(file, policy).facts


def test_two_signers_can_be_revoked_one_after_the_other(own: Lab) -> None:
    own.issued(name="one")
    own.issued(name="two")
    revoke(own.folder, "one", NOW)
    revoke(own.folder, "two", NOW)
    crl = openssl("crl", "-in", own.folder / "partner-ca.crl", "-noout", "-text").stdout
    assert crl.count(b"Serial Number") == 2


def test_a_certified_signer_cannot_be_revoked_as_on_a_host(own: Lab) -> None:
    own.issued(AcceptanceLevel.CERTIFIED)
    with pytest.raises(SigningError, match="hosts have no revocation list"):
        revoke(own.folder, "certified-p-256", NOW)


def test_an_expired_signer_does_not_sign(own: Lab, tmp_path: Path) -> None:
    old = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))
    own.issued(name="old", dates=old)
    (tmp_path / "x.vib").write_bytes(vib())
    with pytest.raises(SigningError, match="expired at the signing time"):
        sign_vib(tmp_path / "x.vib", own.signer(name="old"))


def request(name: str, level: str = "partner") -> SignerRequest:
    return SignerRequest(name=name, level=AcceptanceLevel.parse(level), kind=KeyKind.P256)


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "a" * 50, "a b"])
def test_a_name_that_is_a_path_is_refused(own: Lab, name: str) -> None:
    for act in (
        lambda: issue(own.folder, request(name), NOW),
        lambda: revoke(own.folder, name, NOW),
    ):
        with pytest.raises(SigningError, match="is not a name for a signer"):
            act()


def test_what_does_not_fit_is_told(own: Lab, tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="not empty"):
        init_authority(own.folder, NOW)
    with pytest.raises(SigningError, match="hosts do not check the signature of a community VIB"):
        issue(own.folder, request("x", "community"), NOW)
    issue(own.folder, request("x"), NOW)
    with pytest.raises(SigningError, match="a signer of this name exists"):
        issue(own.folder, request("x"), NOW)
    with pytest.raises(SigningError, match="the folder has no lab CA"):
        issue(tmp_path, request("x"), NOW)
    with pytest.raises(SigningError, match="the folder has no lab CA"):
        export(tmp_path / "none", tmp_path / "store")
    with pytest.raises(SigningError, match="there is no signer 'nobody'"):
        revoke(own.folder, "nobody", NOW)
