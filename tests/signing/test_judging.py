"""No bytes in a signature or a certificate end in anything but a verdict."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.budgets import whole_budget
from tests.signing.lab import RELEASE_DATE, descriptor
from tests.signing.made import key, link, made
from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.certificate import _loaded, parse_certificate
from vibforge.formats.pkcs7 import parse_blocks
from vibforge.formats.pkcs7_making import pem_block
from vibforge.signing.judging import claim, judge
from vibforge.signing.key_files import KeySigner
from vibforge.signing.path import build_chain, chain_certificate
from vibforge.signing.signer import make_block
from vibforge.signing.store import StorePart, TrustStore

# The same bytes in each run, so that an example means the same in each run.
ROOT = made("root", ca=True, serial=2**158 + 1)
SIGNER = made("partner/lab", ROOT, own=key(1), serial=2**158 + 2)
STORE = TrustStore(plain=StorePart(certificates=(link(ROOT),)))
BLOCK = make_block(
    descriptor(),
    KeySigner(SIGNER.key, (SIGNER.certificate, ROOT.certificate)),
    RELEASE_DATE,
)
DER = parse_blocks(BLOCK)[0].der
CERTIFICATE = SIGNER.certificate.public_bytes(serialization.Encoding.DER)

changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
)


def changed(data: bytes, edits: list[tuple[float, int]]) -> bytes:
    edited = bytearray(data)
    for place, value in edits:
        edited[int(place * len(data))] = value
    return bytes(edited)


@settings(deadline=None, max_examples=400)
@given(changes)
def test_a_changed_block_is_judged(edits: list[tuple[float, int]]) -> None:
    blocks = parse_blocks(pem_block(changed(DER, edits)))
    for level in AcceptanceLevel:
        judgement = judge(blocks, descriptor(), level, STORE, budget=whole_budget())
        assert claim(judgement).held in {True, False, None}


@contextmanager
def warnings_are_errors() -> Iterator[None]:
    """Let nothing be warned of, and nothing be kept that an earlier test read."""
    _loaded.cache_clear()
    parse_certificate.cache_clear()
    chain_certificate.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@settings(deadline=None, max_examples=400)
@given(changes)
# The type of a name becomes one for which `cryptography` warns of the text's length.
@example([(0.34375, 6)])
def test_a_changed_certificate_is_refused_or_not_of_the_chain(
    edits: list[tuple[float, int]],
) -> None:
    der = changed(CERTIFICATE, edits)
    with warnings_are_errors():
        try:
            found = chain_certificate(parse_certificate(der))
        except FormatError:
            return
        if der != CERTIFICATE:
            assert not build_chain(found, [], [link(ROOT)], whole_budget()).anchored


def test_the_example_is_a_country_of_seven_letters() -> None:
    with warnings_are_errors():
        assert parse_certificate(changed(CERTIFICATE, [(0.34375, 6)])).subject == "O=lab,C=partner"


COMMON_NAME = b"\x06\x03U\x04\x03"
NAMES = [place for place in range(len(DER)) if DER[place:].startswith(COMMON_NAME)]


@pytest.mark.parametrize("place", NAMES)
def test_a_country_of_many_letters_is_judged_without_a_warning(place: int) -> None:
    der = bytearray(DER)
    der[place + len(COMMON_NAME) - 1] = 6
    with warnings_are_errors():
        blocks = parse_blocks(pem_block(bytes(der)))
        for level in AcceptanceLevel:
            _loaded.cache_clear()
            judgement = judge(blocks, descriptor(), level, STORE, budget=whole_budget())
            assert claim(judgement).held in {True, False}


def test_what_was_not_changed_holds() -> None:
    judgement = judge(
        parse_blocks(BLOCK), descriptor(), AcceptanceLevel.PARTNER, STORE, budget=whole_budget()
    )
    assert judgement.host.held
    assert judgement.strict.held
