"""Forged signatures before two judges: nothing that OpenSSL refuses passes `verify --strict`."""

from functools import cache
from pathlib import Path

import pytest

from tests.signing.forgery import certificate_forms, list_forms, message_forms
from tests.signing.forgery.judges import by_openssl, by_vibforge
from tests.signing.forgery.message import Form
from tests.signing.forgery.stricter import STRICTER
from vibforge.signing.path import TOLERATED

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "signatures.md"
MODULES = (certificate_forms, list_forms, message_forms)
FAMILIES = {
    f"{module.__name__.rpartition('.')[2]}.{family.__name__}": family
    for module in MODULES
    for family in module.FAMILIES
}
STRICTER_FORMS = {name for names in STRICTER.values() for name in names}
RULES = {
    "the signature is over the descriptor": "another text beside it",
    "the root is in the store": "another root in the store",
    "a CA signed by another key": "CA that another key signed",
    "a CA with cA false": "CA with cA false",
    "a CA without keyCertSign": "CA without keyCertSign",
    "a path that is longer than pathLen": "path length 0 with one CA below",
    "name constraints, critical": "name not permitted, critical",
    "name constraints, not critical": "name not permitted, not critical",
    "an unknown critical extension": "unknown critical extension in the CA",
    "a required policy that is missing": "explicit policy wanted, none there",
    "an expired signer": "signer expired",
    "a CA that is not yet valid": "CA not yet valid",
    "an expired root": "root expired",
    "a signer for servers only": "signer for servers only",
    "a signer without digitalSignature": "signer with keyEncipherment only",
    "a revoked signer": "signer revoked",
    "a CA that the root revoked": "CA revoked by the root",
    "a list signed by a wrong key": "list of a wrong key",
    "an expired list": "list that ended",
    "a certificate or list that ends at exactly the judged second": (
        "signer that ends at this second"
    ),
    "a list that is not yet valid": "list that is not yet valid",
    "no list of the signer's issuer, but others": "no list of the signer's issuer",
    "a list by an issuer without cRLSign": "issuer without cRLSign",
    "a list for CAs only": "list for CAs, critical",
    "a delta list alone": "delta list alone",
    "an unknown critical extension of a list": "unknown critical extension of a list",
    "two messageDigest attributes": "two messageDigests, same, the right one first",
    "no messageDigest attribute": "no messageDigest",
    "an attribute that no reader checks": "unknown attribute",
    "the digest SHA-1 or MD5": "sha1 throughout",
    "a CA certificate signed over SHA-1": "CA certificate signed over SHA-1",
    "RSA of 1024 bits": "signer with RSA 1024",
    "RSA with exponent 1": "signer with RSA exponent 1",
    "two signers": "one signer twice",
    "attached text": "attached text",
    "a certificate beside the path": "a stranger in the signature",
    "a CA without a key identifier": "no subject key identifier in the CA",
}
"""Rules as the page states them, each with the form that breaks it."""


@cache
def forms_of(family: str) -> dict[str, Form]:
    return dict(FAMILIES[family]())


def all_forms() -> dict[str, Form]:
    forms = [item for family in FAMILIES for item in forms_of(family).items()]
    assert len(dict(forms)) == len(forms), "two forms have one name"
    return dict(forms)


@pytest.mark.slow
@pytest.mark.forgeries
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_that_openssl_refuses_passes_strictly(family: str, tmp_path: Path) -> None:
    wrong = []
    for name, form in forms_of(family).items():
        ours = by_vibforge(form, tmp_path)[1]
        theirs = by_openssl(form, tmp_path)
        if ours.passes is not (theirs.passes and name not in STRICTER_FORMS):
            wrong.append((name, ours, theirs))
        if name.startswith("genuine: ") and not ours.passes:
            wrong.append((name, ours, theirs))
        strictest = by_openssl(form, tmp_path, "-x509_strict") if ours.passes else theirs
        left_out = any(message in strictest.reason for message in TOLERATED.values())
        if ours.passes and not strictest.passes and not left_out:
            wrong.append((name, ours, strictest))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.forgeries
@pytest.mark.parametrize("family", [each for each in FAMILIES if each.startswith("list_forms.")])
def test_asking_for_every_list_refuses_more_only_for_want_of_one(
    family: str, tmp_path: Path
) -> None:
    for name, form in forms_of(family).items():
        if form.lists and by_vibforge(form, tmp_path)[1].passes:
            asked = by_openssl(form, tmp_path, "-crl_check_all")
            assert asked.passes or "unable to get certificate CRL" in asked.reason, name


@pytest.mark.slow
@pytest.mark.forgeries
def test_there_are_forms_of_every_kind() -> None:
    assert len(all_forms()) >= 500
    assert set(all_forms()) >= STRICTER_FORMS


@pytest.mark.parametrize(
    ("family", "name", "says"),
    [
        ("certificate_forms.name_constraints", "name excluded, not critical", "excluded subtree"),
        ("certificate_forms.path_lengths", "path length 0 with one CA below", "path length"),
        ("list_forms.dates", "list that is not yet valid", "begins on 2026-05-02"),
        ("list_forms.dates", "list that ended", "ended on 2026-04-30"),
        ("list_forms.dates", "list that ends at this second", "ended on 2026-05-01"),
        ("certificate_forms.dates", "CA that ends at this second", "until 2026-05-01"),
        ("list_forms.below_nought", "signer of a serial number below nought, revoked", "revoked"),
        ("list_forms.issuers", "issuer without cRLSign", "CRL signing"),
        ("list_forms.distribution_points", "list for CAs, critical", "scope"),
        ("list_forms.list_extensions", "delta list alone", "CN=partner"),
        ("list_forms.shapes", "certificate in place of a list", "a revocation list cannot be read"),
        ("message_forms.attributes", "signingTime twice", "are repeated: signingTime"),
        ("message_forms.armours", "zero octets before the block", "some readers refuse"),
        ("message_forms.digests", "RSA key, algorithm of ECDSA", "does not suit its key"),
    ],
)
def test_the_reason_is_given(family: str, name: str, says: str, tmp_path: Path) -> None:
    strict = by_vibforge(forms_of(family)[name], tmp_path)[1]
    assert not strict.passes
    assert says in strict.reason


def test_the_page_gives_the_reasons_for_being_stricter() -> None:
    page = PAGE.read_text("utf-8")
    assert [reason for reason in STRICTER if f"* {reason}\n" not in page] == []


@pytest.mark.slow
@pytest.mark.forgeries
def test_the_page_says_what_each_mode_refuses(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    rows = []
    for rule, name in RULES.items():
        form = all_forms()[name]
        verdicts = (*by_vibforge(form, tmp_path), by_openssl(form, tmp_path))
        words = ("passes" if verdict.passes else "refused" for verdict in verdicts)
        rows.append("| " + " | ".join((rule, *words)) + " |")
    assert [row for row in rows if row not in page] == []
