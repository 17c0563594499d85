"""The two judges of a form: `openssl cms -verify`, and what `verify --trust … --strict` asks."""

import base64
from pathlib import Path

from msgspec import Struct

from tests.budgets import whole_budget
from tests.signing.forgery.message import Form
from tests.signing.forgery.parties import ROOT
from tests.signing.lab import openssl
from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.pkcs7 import parse_blocks
from vibforge.signing.host_rules import Ruling
from vibforge.signing.judging import judge
from vibforge.signing.store import read_store


class Verdict(Struct, frozen=True, kw_only=True):
    passes: bool
    reason: str


def pem(label: str, der: bytes) -> bytes:
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode("ascii")


def store_of(form: Form) -> bytes:
    certificates = b"".join(pem("CERTIFICATE", one.der) for one in form.roots)
    return certificates + b"".join(pem("X509 CRL", one) for one in form.lists)


def by_openssl(form: Form, folder: Path, *flags: str) -> Verdict:
    """Judge by OpenSSL: everything that it can check, but for `flags`."""
    (folder / "signature").write_bytes(form.signature)
    (folder / "text").write_bytes(form.text)
    (folder / "store").write_bytes(store_of(form))
    done = openssl(
        *("cms", "-verify", "-binary", "-inform", "PEM", "-out", "/dev/null"),
        *("-in", folder / "signature", "-content", folder / "text"),
        *("-CAfile", folder / "store", "-no-CApath", "-no-CAstore"),
        *("-purpose", "any", "-attime", str(int(form.moment.timestamp()))),
        *("-check_ss_sig", "-policy_check"),
        *_revocation(form),
        *flags,
    )
    return Verdict(passes=done.returncode == 0, reason=done.stderr.decode(errors="replace"))


def _revocation(form: Form) -> tuple[str, ...]:
    """Ask for the lists of all issuers where the root has one, else for that of the signer's."""
    if not form.lists:
        return ()
    of_root = any(ROOT.subject in one for one in form.lists)
    return ("-crl_check", "-crl_check_all") if of_root else ("-crl_check",)


def by_vibforge(form: Form, folder: Path) -> tuple[Verdict, Verdict]:
    """Judge as `vibforge verify --trust STORE` does, and with `--strict`."""
    (folder / "store.pem").write_bytes(store_of(form))
    try:
        store = read_store([folder / "store.pem"])
        blocks = parse_blocks(form.signature)
    except FormatError as error:
        refused = Verdict(passes=False, reason=str(error))
        return refused, refused
    judgement = judge(blocks, form.text, AcceptanceLevel.PARTNER, store, budget=whole_budget())
    return _verdict(judgement.host), _verdict(judgement.strict)


def _verdict(ruling: Ruling) -> Verdict:
    return Verdict(passes=ruling.held is True, reason="; ".join(ruling.reasons))
