"""Every form of signature that was tried on a 6.7 host, and its answer (format.md#trust)."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from tests.budgets import whole_budget
from tests.signing.lab import descriptor, openssl
from tests.signing.made import key, made, usage
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.pkcs7 import parse_blocks
from vibforge.signing.host_rules import TrustJudgement
from vibforge.signing.judging import judge
from vibforge.signing.pki import Credential, make_list, revoked_entry
from vibforge.signing.store import read_store

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LONG_AGO = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC))
FAR_AHEAD = (datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC))

ROOT = made("root", own=key(0), ca=True, extensions=((usage("key_cert_sign", "crl_sign"), True),))
MIDDLE = made("middle", ROOT, own=key(1), ca=True)
KEY_ID = x509.SubjectKeyIdentifier.from_public_key(key(2, "2048").public_key())
PLAIN = made("partner/lab", MIDDLE, own=key(2, "2048"), extensions=((KEY_ID, False),))
ALONE = made("alone/lab", own=key(2, "2048"))


def signer(**facts: object) -> Credential:
    return made("partner/lab", MIDDLE, own=key(2, "2048"), **facts)  # type: ignore[arg-type]  # a table's values


class Case(Struct, frozen=True, kw_only=True):
    """A signature, made with openssl, and the store that it meets."""

    by: Credential = PLAIN
    also_by: Credential | None = None
    chain: tuple[Credential, ...] = (MIDDLE,)
    roots: tuple[Credential, ...] = (ROOT,)
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    tool: str = "smime"
    options: tuple[str, ...] = ("-binary",)
    digest: str = "sha256"
    label: bytes = b"PKCS7"
    form: str = "PEM"
    level: AcceptanceLevel = AcceptanceLevel.PARTNER
    change: Callable[[bytes], bytes] = bytes
    says: str = ""
    """A word of the reason where it is refused."""


def sign(case: Case, folder: Path) -> bytes:
    text = folder / "text"
    text.write_bytes(descriptor())
    arguments: list[str | Path] = [case.tool, "-sign", "-md", case.digest]
    for number, one in enumerate(filter(None, (case.by, case.also_by))):
        for suffix, data in ((".pem", one.certificate_pem()), (".key", one.key_pem())):
            (folder / f"{number}{suffix}").write_bytes(data)
        arguments += ["-signer", folder / f"{number}.pem", "-inkey", folder / f"{number}.key"]
    arguments += case.options
    if case.chain:
        (folder / "chain").write_bytes(b"".join(one.certificate_pem() for one in case.chain))
        arguments += ["-certfile", folder / "chain"]
    done = openssl(*arguments, "-in", text, "-outform", case.form)
    assert done.returncode == 0, done.stderr
    made_label = b"CMS" if case.tool == "cms" else b"PKCS7"
    return done.stdout.replace(b" " + made_label + b"-", b" " + case.label + b"-")


def verdict(case: Case, folder: Path) -> TrustJudgement:
    signatures = sign(case, folder)
    pem = b"".join(one.certificate_pem() for one in case.roots)
    pem += b"".join(one.public_bytes(serialization.Encoding.PEM) for one in case.lists)
    (folder / "store.pem").write_bytes(pem)
    store = read_store([folder / "store.pem"])
    return judge(
        parse_blocks(signatures),
        case.change(descriptor()),
        case.level,
        store,
        budget=whole_budget(),
    )


PSS = ("-binary", "-keyopt", "rsa_padding_mode:pss")
ACCEPTED = made("a/VMware Inc/Acceptance Signing", MIDDLE, own=key(2, "2048"))
LOUD = made("a/VMWARE INC/acceptance signing", MIDDLE, own=key(2, "2048"))
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
NO_AUTHORITY = made("middle", ROOT, own=key(1), ca=False)


def revoking(*revoked: Credential, at: datetime = NOW) -> x509.CertificateRevocationList:
    return make_list(MIDDLE, [revoked_entry(one.certificate, at) for one in revoked], at)


def ended_list() -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder()
    builder = builder.issuer_name(MIDDLE.certificate.subject)
    builder = builder.last_update(LONG_AGO[0]).next_update(LONG_AGO[1])
    return builder.sign(MIDDLE.key, hashes.SHA256())


TAKEN = {
    "as the vendor signs": Case(),
    "expired signer": Case(by=signer(dates=LONG_AGO)),
    "signer not yet valid": Case(by=signer(dates=FAR_AHEAD)),
    "no usage at all": Case(by=PLAIN),
    "serverAuth only": Case(by=signer(extensions=((SERVER, True),))),
    "keyEncipherment only, critical": Case(
        by=signer(extensions=((usage("key_encipherment"), True),))
    ),
    "revocation list that ended": Case(lists=(ended_list(),)),
    "no revocation list": Case(lists=()),
    "revocation list that names others": Case(lists=(revoking(ALONE),)),
    "sha1": Case(digest="sha1"),
    "md5": Case(digest="md5"),
    "sha384": Case(digest="sha384"),
    "sha512": Case(digest="sha512"),
    "elliptic curve": Case(by=made("ec/lab", MIDDLE, own=key(4)), tool="cms"),
    "root in the signature too": Case(chain=(MIDDLE, ROOT)),
    "stranger in the signature": Case(chain=(MIDDLE, ALONE)),
    "intermediate in the store": Case(chain=(), roots=(ROOT, MIDDLE)),
    "strangers in the store": Case(roots=(ALONE, ROOT)),
    "self-signed signer in the store": Case(by=ALONE, chain=(), roots=(ALONE,)),
    "without attributes": Case(options=("-binary", "-noattr")),
    "without smimeCapabilities": Case(options=("-binary", "-nosmimecap"), tool="cms"),
    "attached text": Case(options=("-binary", "-nodetach")),
    "accepted by an acceptance signer": Case(by=ACCEPTED, level=AcceptanceLevel.ACCEPTED),
    "accepted, in any case of letters": Case(by=LOUD, level=AcceptanceLevel.ACCEPTED),
    "certified by anybody in the store": Case(level=AcceptanceLevel.CERTIFIED),
}

REFUSED = {
    "issuer not in the store": Case(roots=(ALONE,), says="Could not find a trusted signer"),
    "revoked": Case(lists=(revoking(PLAIN),), says="is revoked"),
    "revocation list with a wrong key": Case(
        lists=(make_list(made("middle", own=key(9)), [], NOW),), says="not signed by that CA's key"
    ),
    "signer alone in the store": Case(roots=(PLAIN,), says="Could not find a trusted signer"),
    "intermediate missing": Case(chain=(), says="the issuer is not in the store: CN=middle"),
    "intermediate alone in the store": Case(roots=(MIDDLE,), says="the issuer is not in the store"),
    "issuer that is no authority": Case(chain=(NO_AUTHORITY,), says="not a certificate authority"),
    "key identifier": Case(tool="cms", options=("-binary", "-keyid"), says="key identifier"),
    "RSA-PSS": Case(tool="cms", options=PSS, says="RSA-PSS"),
    "a changed byte": Case(
        change=lambda text: text.replace(b"1.0-1", b"1.0-2"), says="not the text that was signed"
    ),
    "text mode": Case(options=(), says="not the text that was signed"),
    "without certificates": Case(
        chain=(), options=("-binary", "-nocerts"), says="carries no certificate"
    ),
    "without the signer's certificate": Case(
        options=("-binary", "-nocerts"), says="the signer's certificate is not in the block"
    ),
    "two signers in one block": Case(also_by=ALONE, says="2 signers"),
    "DER": Case(form="DER", says="reads only PEM"),
    "label CMS": Case(label=b"CMS", says="PEM label is 'CMS'"),
    "attached other text": Case(
        options=("-binary", "-nodetach"),
        change=lambda text: text + b" ",
        says="the text inside the signature is not the descriptor",
    ),
    "accepted by a partner": Case(level=AcceptanceLevel.ACCEPTED, says="Acceptance Signing"),
    "partner by an acceptance signer": Case(by=ACCEPTED, says="may not sign at level partner"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_host_takes(name: str, tmp_path: Path) -> None:
    assert verdict(TAKEN[name], tmp_path).host.reasons == ()


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_host_refuses(name: str, tmp_path: Path) -> None:
    case = REFUSED[name]
    judged = verdict(case, tmp_path)
    assert judged.host.held is False
    assert case.says in " ".join(judged.host.reasons)


STRICTLY = {
    "as the vendor signs": "",
    "expired signer": "valid only until 2002-01-01",
    "signer not yet valid": "valid only from 2090-01-01",
    "serverAuth only": "lacks codeSigning",
    "keyEncipherment only, critical": "lacks digitalSignature",
    "revocation list that ended": "ended on 2002-01-01",
    "sha1": "its digest sha1 is weak",
    "md5": "its digest md5 is weak",
    "attached text": "attached",
    "without attributes": "states no signing time",
}


@pytest.mark.parametrize("name", STRICTLY)
def test_what_a_strict_reader_says_beside_it(name: str, tmp_path: Path) -> None:
    judged = verdict(TAKEN[name], tmp_path)
    assert judged.host.held
    assert STRICTLY[name] in " ".join(judged.strict.reasons)
    assert bool(judged.strict.held) is (STRICTLY[name] == "")


def test_dates_can_be_held_against_another_moment(tmp_path: Path) -> None:
    signatures = sign(Case(), tmp_path)
    (tmp_path / "store.pem").write_bytes(ROOT.certificate_pem())
    store = read_store([tmp_path / "store.pem"])
    late = datetime(2050, 1, 1, tzinfo=UTC)
    level = AcceptanceLevel.PARTNER
    judged = judge(
        parse_blocks(signatures), descriptor(), level, store, at=late, budget=whole_budget()
    )
    assert judged.host.held
    assert "valid only until 2040-01-01" in " ".join(judged.strict.reasons)


def test_a_second_block_counts_for_later_releases_only(tmp_path: Path) -> None:
    unknown = sign(Case(by=ALONE, chain=()), tmp_path)
    known = sign(Case(), tmp_path)
    (tmp_path / "store.pem").write_bytes(ROOT.certificate_pem())
    store = read_store([tmp_path / "store.pem"])
    blocks = parse_blocks(unknown + known)
    judged = judge(blocks, descriptor(), AcceptanceLevel.PARTNER, store, budget=whole_budget())
    assert [one.host.held for one in judged.blocks] == [False, True]
    assert judged.host.held
    assert judged.host_first_only.held is False
