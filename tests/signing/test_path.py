from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.budgets import whole_budget
from tests.signing.lab import openssl
from tests.signing.made import key, link, made, name
from vibforge.signing.path import CHECK_LIMIT, DEPTH_LIMIT, Chain, ChainCertificate, build_chain
from vibforge.signing.pki import Credential


def chain(signer: Credential, carried: list[Credential], roots: list[Credential]) -> Chain:
    return build_chain(
        link(signer), [link(one) for one in carried], [link(one) for one in roots], whole_budget()
    )


def test_intermediates_may_come_from_the_signature_or_the_store() -> None:
    root = made("root", ca=True)
    middle = made("middle", root, own=key(1), ca=True)
    signer = made("signer", middle, own=key(2))
    for carried, roots in (([middle], [root]), ([], [root, middle])):
        found = chain(signer, carried, roots)
        assert found.anchored
        assert [one.subject for one in found.certificates] == ["CN=signer", "CN=middle", "CN=root"]


def test_a_self_signed_signer_in_the_store_is_its_own_root() -> None:
    signer = made("alone")
    assert chain(signer, [], [signer]).anchored
    assert not chain(signer, [signer], []).anchored


def test_what_is_missing_is_named() -> None:
    root = made("root", ca=True)
    middle = made("middle", root, own=key(1), ca=True)
    signer = made("signer", middle, own=key(2))
    assert chain(signer, [], [root]).reason == "the issuer is not in the store: CN=middle"
    assert chain(signer, [middle], []).reason == "the issuer is not in the store: CN=root"
    assert chain(signer, [middle, root], []).reason == "the root is not in the store: CN=root"
    assert "the issuer is not in the store" in chain(signer, [], [signer]).reason
    assert "the issuer is not in the store" in chain(signer, [], [middle]).reason


def test_a_root_of_the_same_name_with_another_key_is_no_root() -> None:
    signer = made("signer", made("root", ca=True), own=key(2))
    found = chain(signer, [], [made("root", own=key(3), ca=True)])
    assert not found.anchored
    assert found.reason == "its issuer's key did not sign the certificate CN=signer"


def cross_signed(title: str, own: int, issuer: str, issuer_key: int) -> Credential:
    named = made(issuer, own=key(issuer_key))
    return made(title, named, own=key(own), ca=True)


def test_certificates_that_issue_each_other_in_a_circle_end() -> None:
    circle = [cross_signed("a", 1, "b", 2), cross_signed("b", 2, "a", 1)]
    signer = made("signer", circle[0], own=key(3))
    found = chain(signer, circle, [made("root", ca=True)])
    assert not found.anchored
    assert len(found.certificates) == 3


def test_a_maze_of_one_name_and_one_key_ends_at_the_limit() -> None:
    same = [made("maze", made("maze"), own=key(), ca=True) for _ in range(25)]
    signer = made("signer", same[0], own=key(3))
    found = chain(signer, same, [made("root", ca=True)])
    assert not found.anchored
    assert f"after {CHECK_LIMIT} signatures" in found.reason


def test_a_chain_that_is_too_long_is_no_chain() -> None:
    issuers = [made("0", ca=True)]
    for depth in range(1, DEPTH_LIMIT + 2):
        issuers.append(made(str(depth), issuers[-1], ca=True))
    found = chain(made("signer", issuers[-1]), issuers[1:], issuers[:1])
    assert not found.anchored
    assert len(found.certificates) == DEPTH_LIMIT
    assert "circle or too long" in found.reason


def test_a_longer_way_is_found_where_the_first_leads_nowhere() -> None:
    lost = made("lost root", own=key(5), ca=True)
    root = made("root", ca=True)
    first = made("middle", lost, own=key(1), ca=True)
    second = made("middle", root, own=key(1), ca=True)
    found = chain(made("signer", first, own=key(2)), [first, second], [root])
    assert found.anchored


def test_a_monstrous_certificate_is_read_or_refused_but_never_crashes() -> None:
    names = [x509.DNSName(f"{number}.example") for number in range(1000)]
    big = made("big", extensions=((x509.SubjectAlternativeName(names), True),))
    assert isinstance(link(big), ChainCertificate)


def test_old_digests_can_still_be_checked(tmp_path: Path) -> None:
    root = made("root", own=key(0, "2048"), ca=True)
    (tmp_path / "root.pem").write_bytes(root.certificate_pem())
    (tmp_path / "root.key").write_bytes(root.key_pem())
    ours = ("-CA", tmp_path / "root.pem", "-CAkey", tmp_path / "root.key")
    request = openssl("req", "-new", "-key", tmp_path / "root.key", "-subj", "/CN=signer").stdout
    for digest in ("sha1", "md5"):
        new = ("-req", f"-{digest}", "-CAserial", tmp_path / "serial", "-CAcreateserial")
        pem = openssl("x509", *new, *ours, input_=request).stdout
        old = Credential(key=key(1), certificate=x509.load_pem_x509_certificate(pem))
        assert chain(old, [], [root]).anchored
        assert link(old).signature_digest == digest


def test_names_are_compared_as_they_are_encoded() -> None:
    assert name("a").public_bytes() != name("A").public_bytes()
    assert made("x").certificate.public_bytes(serialization.Encoding.DER)
