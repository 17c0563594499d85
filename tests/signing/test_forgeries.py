"""Forged, stripped and careless VIBs against every policy: what passes, and what never does.

Each case is made from one good VIB by one change, and is verified by all policies, with a trust
store and without one, alone and inside a bundle.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tests import bundles, vibs
from tests.signing.lab import RELEASE_DATE, Lab
from vibforge import Outcome, Verification, Vib
from vibforge.errors import ModelError, SigningError, VerificationError, VibforgeError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.pkcs7 import parse_blocks
from vibforge.packages.sign import Existing, sign_vib
from vibforge.packages.verify import verify
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.signer import Signer, make_block
from vibforge.signing.store import TrustStore, read_store

PARTNER = AcceptanceLevel.PARTNER
CONTENT = vibs.image()
STORED = vibs.packed(CONTENT)
OTHER_CONTENT = CONTENT.replace(b"<ConfigRoot/>\n", b"<ConfigRoot />")
OTHER = vibs.packed(OTHER_CONTENT)
AGAIN = vibs.packed(CONTENT, 1)
"""The same content in other bytes."""
ELEMENT = vibs.element(vibs.payload(CONTENT))
OTHER_ELEMENT = vibs.element(vibs.payload(OTHER_CONTENT))

Members = list[tuple[str, bytes]]


class Made(Struct, frozen=True):
    """A VIB in the making: the payloads that its descriptor declares, and what is done to it.

    `signers` sign the descriptor one after the other; `change` then takes the members to what
    stands in the archive, and `tail` follows it.
    """

    payloads: str = ELEMENT
    level: str = "partner"
    signers: tuple[str, ...] = ("partner",)
    stored: bytes = STORED
    change: Callable[[Members], Members] = list
    edit: Callable[[bytes], bytes] = bytes
    """Done to the descriptor before it is signed."""
    tail: bytes = b""
    says: str = ""
    """A word of the reason where it is bad."""

    signs: bytes = b""
    """Another text than the descriptor, over which the signatures are."""

    def members(self, lab: Lab) -> Members:
        text = self.edit(vibs.descriptor(self.payloads, acceptance_level=self.level))
        blocks = [signature(self.signs or text, signer(lab, one)) for one in self.signers]
        members = [
            ("descriptor.xml", text),
            ("sig.pkcs7", b"".join(blocks)),
            ("acme", self.stored),
        ]
        return self.change(members)

    def build(self, lab: Lab) -> bytes:
        return vibs.archive(self.members(lab), self.tail)


def signer(lab: Lab, name: str) -> Signer:
    if name == "stranger":
        return stranger()
    return lab.signer(AcceptanceLevel(name))


@cache
def stranger() -> Signer:
    """Return a signer whose certificate signed itself, as anybody can make one."""
    from vibforge.signing.key_files import KeySigner  # noqa: PLC0415 - one use

    return KeySigner(vibs.signer().key, (vibs.signer().certificate,))


def signature(text: bytes, by: Signer) -> bytes:
    """Sign whatever the text is, as no `sign` of ours would."""
    return make_block(text, by, RELEASE_DATE)


def element(*checksums: str, attributes: str = "") -> str:
    return f'<payload name="acme" type="tgz"{attributes}>{"".join(checksums)}</payload>'


def checksum(text: str, kind: str = "sha-256", process: str = "") -> str:
    attribute = f' verify-process="{process}"' if process else ""
    return f'<checksum checksum-type="{kind}"{attribute}>{text}</checksum>'


def digest(name: str, data: bytes = STORED) -> str:
    return hashlib.new(name, data).hexdigest()


PLAIN_256, OTHER_256 = checksum(digest("sha256")), checksum(digest("sha256", OTHER))
CONTENT_256 = checksum(digest("sha256", CONTENT), process="gunzip")


def put(name: str, data: bytes) -> Callable[[Members], Members]:
    """Replace the data of a member."""
    return lambda members: [(one, data if one == name else old) for one, old in members]


def insert(place: int, name: str, data: bytes) -> Callable[[Members], Members]:
    return lambda members: [*members[:place], (name, data), *members[place:]]


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: [one for one in members if one[0] != name]


def rename(old: str, new: str) -> Callable[[Members], Members]:
    return lambda members: [(new if name == old else name, data) for name, data in members]


def on_signature(change: Callable[[bytes], bytes]) -> Callable[[Members], Members]:
    return lambda members: [
        (name, change(data) if name == "sig.pkcs7" else data) for name, data in members
    ]


def on_descriptor(old: bytes, new: bytes) -> Callable[[Members], Members]:
    return lambda members: [
        (name, data.replace(old, new) if name == "descriptor.xml" else data)
        for name, data in members
    ]


def substitute(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def edit(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return edit


UNSIGNED = {
    "stripped": Made(signers=()),
    "stripped, level lowered": Made(signers=(), level="community"),
    "stripped, level lowered, payload swapped": Made(
        OTHER_ELEMENT, signers=(), level="community", stored=OTHER
    ),
    "stripped, no level": Made(
        signers=(), edit=substitute(b"<acceptance-level>partner</acceptance-level>", b"")
    ),
    "stripped, level raised": Made(signers=(), level="certified"),
    "blanks for a signature": Made(change=put("sig.pkcs7", b"\n \n")),
}
"""Good files that nobody signed: good by default, and never where a signature is required."""

WEAK = {
    "sha-1 alone": Made(element(checksum(digest("sha1"), "sha-1"))),
    "md5 alone": Made(element(checksum(digest("md5"), "md5"))),
    "sha-1 and md5": Made(
        element(checksum(digest("sha1"), "sha-1"), checksum(digest("md5"), "md5"))
    ),
    "sha-1 beside an unknown kind": Made(
        element(checksum(digest("sha1"), "sha-1"), checksum("00", "sha-3"))
    ),
    "sha-256 of the content, sha-1 of the bytes": Made(
        element(CONTENT_256, checksum(digest("sha1"), "sha-1"))
    ),
}
"""Signed by a trusted signer over digests that say too little: a warning, and bad if strict."""

UNCOVERED = {
    "no digest": Made(element(), says="no digest of a known kind"),
    "no digest, swapped": Made(element(), stored=OTHER, says="no digest of a known kind"),
    "an unknown kind": Made(element(checksum("00" * 32, "sha-3")), says="only sha-3"),
    "a kind of blanks": Made(
        element(checksum(digest("sha256"), " ")), says="no digest of a known kind"
    ),
    "no kind": Made(element(f"<checksum>{digest('sha256')}</checksum>"), says="only unnamed"),
    "sha-1 of the content": Made(
        element(checksum(digest("sha1", CONTENT), "sha-1", "gunzip")), says="of the stored bytes"
    ),
    "sha-256 of the content": Made(element(CONTENT_256), says="of the stored bytes"),
    "sha-256 of the content, stored otherwise": Made(
        element(CONTENT_256), stored=AGAIN, says="of the stored bytes"
    ),
    "sha-256 after one gunzip": Made(
        element(checksum(digest("sha256", CONTENT), "sha-256-gunzip1")), says="of the stored bytes"
    ),
    "an unknown process": Made(
        element(checksum(digest("sha256"), process="bunzip")), says="sha-256 bunzip"
    ),
    "txt-mle alone": Made(element(checksum(digest("sha256"), process="txt-mle")), says="txt-mle"),
    "gunzip in capitals": Made(
        element(checksum(digest("sha256", CONTENT), process="GUNZIP")), says="GUNZIP"
    ),
    "an empty digest": Made(element(checksum("")), says="no digest of a known kind"),
    "a digest of blanks": Made(element(checksum("  ")), says="no digest of a known kind"),
    "a cut digest": Made(
        element(checksum(digest("sha256")[:-1])), says="is not a complete digest (VF323)"
    ),
    "a long digest": Made(
        element(checksum(digest("sha256") + "0")), says="is not a complete digest (VF323)"
    ),
    "a blank inside": Made(
        element(checksum(f"{digest('sha256')[:8]} {digest('sha256')[8:]}")),
        says="is not a complete digest (VF323)",
    ),
    "a sha-1 that calls itself sha-256": Made(
        element(checksum(digest("sha1"))), says="is not a complete digest (VF323)"
    ),
    "a digest in a comment": Made(
        element(f'<checksum checksum-type="sha-256"><!--{digest("sha256")}--></checksum>'),
        says="is not a complete digest (VF323)",
    ),
    "a digest beside its element": Made(
        f'<payload name="acme" type="tgz"/>{PLAIN_256}', says="no digest of a known kind"
    ),
}
"""Signed by a trusted signer, and the signature does not reach the payload."""

WRONG = {
    "two digests that contradict": Made(element(PLAIN_256, OTHER_256), says="(VF323)"),
    "a right one and an empty one": Made(
        element(PLAIN_256, checksum("")), says="is not a complete digest (VF323)"
    ),
    "a wrong one of the content": Made(
        element(PLAIN_256, checksum(digest("sha256", OTHER_CONTENT), process="gunzip")),
        says="(VF323)",
    ),
    "a wrong sha-512 beside": Made(
        element(PLAIN_256, checksum("0" * 128, "sha-512")), says="(VF323)"
    ),
    "declared twice": Made(ELEMENT * 2, says="is declared 2 times (VF303)"),
    "declared twice, second for another": Made(
        ELEMENT + OTHER_ELEMENT, says="is declared 2 times (VF303)"
    ),
    "declared twice, first for another": Made(
        OTHER_ELEMENT + ELEMENT, says="is declared 2 times (VF303)"
    ),
    "two lists of payloads": Made(
        f"{ELEMENT}</payloads><payloads>",
        says="occurs more than once, and readers differ in which one they use (VF213)",
    ),
    "two levels": Made(
        edit=substitute(
            b"<acceptance-level>", b"<acceptance-level>partner</acceptance-level><acceptance-level>"
        ),
        says="occurs more than once, and readers differ in which one they use (VF213)",
    ),
    "a payload with the name of the signature": Made(
        ELEMENT + vibs.element(vibs.payload(b"", name="sig.pkcs7")),
        says="the name of another member (VF303)",
    ),
    "a payload with the name of the descriptor": Made(
        ELEMENT + vibs.element(vibs.payload(b"", name="descriptor.xml")),
        says="the name of another member",
    ),
    "declared and not there": Made(
        ELEMENT + vibs.element(vibs.payload(OTHER_CONTENT, name="payload2")),
        says="is declared, but the archive has no member of this name",
    ),
    "there and not declared": Made(
        change=insert(3, "payload2", OTHER),
        says="is not declared; hosts do not install it (VF106)",
    ),
    "no payload declared": Made("", says="is not declared; hosts do not install it (VF106)"),
}
"""Signed by a trusted signer, and the descriptor contradicts itself or the archive."""

TAMPERED = {
    "payload swapped": Made(change=put("acme", OTHER), says="(VF323)"),
    "payload stored otherwise": Made(change=put("acme", AGAIN), says="(VF323)"),
    "payload emptied": Made(change=put("acme", b""), says="(VF323)"),
    "payload left out": Made(change=without("acme"), says="(VF103)"),
    "payload swapped with its digests": Made(
        change=lambda members: on_descriptor(ELEMENT.encode(), OTHER_ELEMENT.encode())(
            put("acme", OTHER)(members)
        ),
        says="the descriptor is not the text that was signed",
    ),
    "digests taken out": Made(
        change=on_descriptor(PLAIN_256.encode(), b""), says="the descriptor is not the text"
    ),
    "level lowered": Made(
        change=on_descriptor(b">partner<", b">community<"), says="the descriptor is not the text"
    ),
    "level raised": Made(
        change=on_descriptor(b">partner<", b">certified<"), says="the descriptor is not the text"
    ),
    "another payload before it": Made(
        change=insert(2, "acme", OTHER), says="occurs 2 times; hosts read the first (VF107)"
    ),
    "another payload behind it": Made(
        change=insert(3, "acme", OTHER), says="occurs 2 times; hosts read the first (VF107)"
    ),
    "another payload with a slash": Made(
        change=insert(2, "acme/", OTHER), says="occurs 2 times; hosts read the first (VF107)"
    ),
    "another payload in capitals": Made(
        change=insert(3, "ACME", OTHER),
        says="is not declared; hosts do not install it (VF106)",
    ),
    "payload renamed": Made(change=rename("acme", "Acme"), says="(VF106)"),
    "another descriptor before it": Made(
        change=insert(0, "descriptor.xml", vibs.descriptor(ELEMENT)),
        says="occurs 2 times; hosts read the first (VF107)",
    ),
    "another descriptor behind it": Made(
        change=insert(3, "descriptor.xml", vibs.descriptor(ELEMENT)),
        says="occurs 2 times; hosts read the first (VF107)",
    ),
    "another descriptor with a slash": Made(
        change=insert(3, "descriptor.xml/", vibs.descriptor(ELEMENT)),
        says="occurs 2 times; hosts read the first (VF107)",
    ),
    "another descriptor in capitals": Made(
        change=insert(3, "DESCRIPTOR.XML", vibs.descriptor(ELEMENT)), says="(VF106)"
    ),
    "another signature behind it": Made(
        change=insert(3, "sig.pkcs7", b""), says="occurs 2 times; hosts read the first (VF107)"
    ),
    "an empty signature before it": Made(
        change=insert(1, "sig.pkcs7", b""), says="occurs 2 times; hosts read the first (VF107)"
    ),
    "a member before all": Made(
        change=insert(0, "hello", b"hello"), says="comes before descriptor.xml (VF101)"
    ),
    "two tables of names": Made(
        change=lambda members: insert(2, "//", b"acme/\n")(insert(2, "//", b"x/\n")(members)),
        says="occurs 2 times; hosts read the first (VF107)",
    ),
    "bytes behind it": Made(tail=b"tail", says="follow the last member"),
    "a newline behind it": Made(tail=b"\n\n", says="follow the last member"),
    "another VIB behind it": Made(tail=vibs.vib(), says="member"),
    "signature of another VIB": Made(
        signs=vibs.descriptor(ELEMENT, name="other"), says="the descriptor is not the text"
    ),
    "signature of the descriptor with other line ends": Made(
        signs=vibs.descriptor(ELEMENT, acceptance_level="partner") + b"\r\n",
        says="the descriptor is not the text",
    ),
    "no member for a signature": Made(
        change=without("sig.pkcs7"),
        says="is the second member, where hosts expect sig.pkcs7 (VF102)",
    ),
    "signature at the end": Made(
        change=lambda members: [members[0], members[2], members[1]],
        says="is the second member, where hosts expect sig.pkcs7 (VF102)",
    ),
    "garbage for a signature": Made(
        change=put("sig.pkcs7", b"garbage"), says="neither PEM nor DER"
    ),
    "signature in DER": Made(
        change=on_signature(lambda data: parse_blocks(data)[0].der), says="a host reads only PEM"
    ),
    "signature with another label": Made(
        change=on_signature(lambda data: data.replace(b"PKCS7", b"CMS")), says="PEM label is 'CMS'"
    ),
    "signature cut": Made(change=on_signature(lambda data: data[: len(data) // 2]), says="PEM"),
    "a broken signature beside": Made(
        change=lambda members: put("sig.pkcs7", signature(b"other", stranger()) + members[1][1])(
            members
        ),
        says="the descriptor is not the text that was signed",
    ),
}
"""Changed after it was signed, by somebody without the key."""

SMUGGLED = {
    "in a symbol table": Made(change=insert(2, "/", b"anything"), says="no signature covers"),
    "in a symbol table behind all": Made(
        change=insert(3, "/", b"anything"), says="no signature covers"
    ),
    "in a table of names": Made(change=insert(3, "//", b"any/\n"), says="no signature covers"),
}
"""Bytes that a host passes over, in a file that is signed as it should be."""

AROUND = {
    "before the signature": Made(
        change=on_signature(lambda data: b"any text\n" + data), says="no signature covers"
    ),
    "behind the signature": Made(
        change=on_signature(lambda data: data + b"\nany text\n"), says="no signature covers"
    ),
    "a null behind the signature": Made(
        change=on_signature(lambda data: data + b"\0"), says="no signature covers"
    ),
}
"""The same, in the signature member, which `sign` replaces."""

UNTRUSTED = {
    "signed again by a stranger": Made(signers=("stranger",), says="trusted signer"),
    "signed again by a stranger, payload swapped": Made(
        OTHER_ELEMENT,
        signers=("stranger",),
        stored=OTHER,
        says="trusted signer",
    ),
    "signed twice by a stranger": Made(signers=("stranger", "stranger"), says="trusted signer"),
}
"""A valid signature by nobody that the store knows: only a store can tell."""

STORELESS = {
    "a stranger's, at level community": Made(
        signers=("stranger",), level="community", says="trusted signer"
    ),
}
"""The same at a level whose signature no host looks at: bad only where a signature is required."""

MISPLACED = {
    "partner's VIB by a signer of accepted ones": Made(signers=("accepted",), says="Acceptance"),
    "accepted VIB by a partner": Made(level="accepted", says="Acceptance Signing"),
}
"""A trusted signer of another level, which shows in its name."""


@pytest.fixture(scope="module")
def store(lab: Lab) -> TrustStore:
    return read_store([lab.store])


def policies(store: TrustStore | None) -> dict[str, TrustPolicy]:
    return {
        "default": TrustPolicy(store=store),
        "strict": TrustPolicy(store=store, strict=True),
        "require-signed": TrustPolicy(store=store, require_signed=True),
        "require-level": TrustPolicy(store=store, require_level=PARTNER),
    }


GATES = ("strict", "require-signed", "require-level")
EVERYTHING = ("default", *GATES)


def verdicts(data: bytes, store: TrustStore | None) -> dict[str, Verification | None]:
    """Verify by each policy; None where the file cannot be read, which is never good."""
    found: dict[str, Verification | None] = {}
    for name, policy in policies(store).items():
        try:
            found[name] = verify(Vib.from_bytes(data), policy)
        except VibforgeError:
            found[name] = None
    return found


def good(found: dict[str, Verification | None]) -> set[str]:
    names = set()
    for name, verification in found.items():
        if verification is None:
            continue
        if verification.held:
            assert verification.require() is verification
            names.add(name)
        else:
            with pytest.raises(VerificationError):
                verification.require()
    return names


def reasons(found: dict[str, Verification | None]) -> str:
    return " ".join(
        one.reason
        for verification in found.values()
        for one in (verification.facts if verification else ())
        if one.outcome is Outcome.FAILED
    )


def cases(*tables: dict[str, Made]) -> Sequence[object]:
    return [pytest.param(made, id=name) for table in tables for name, made in table.items()]


def test_what_was_signed_as_it_should_be_passes_every_policy(lab: Lab, store: TrustStore) -> None:
    for made in (Made(), Made(level="certified", signers=("certified",))):
        assert good(verdicts(made.build(lab), store)) == set(EVERYTHING)
    both = Made(signers=("stranger", "partner"))
    assert good(verdicts(both.build(lab), store)) == set(EVERYTHING)
    community = Made(level="community")
    assert good(verdicts(community.build(lab), store)) == {"default", "strict", "require-signed"}


def test_without_a_store_nobody_may_sign_at_a_level(lab: Lab) -> None:
    found = verdicts(Made().build(lab), None)
    assert good(found) == {"default", "strict", "require-signed"}
    assert "only a trust store says who may sign at this level" in reasons(found)
    for name in ("strict", "require-signed"):
        verification = found[name]
        assert verification is not None
        (warning,) = [one for one in verification.facts if one.outcome is Outcome.WARNING]
        assert "anyone can make such a signature" in warning.reason


@pytest.mark.parametrize("made", cases(UNSIGNED))
@pytest.mark.parametrize("with_store", [True, False])
def test_the_unsigned_pass_no_gate(
    lab: Lab, store: TrustStore, made: Made, *, with_store: bool
) -> None:
    found = verdicts(made.build(lab), store if with_store else None)
    assert good(found) == {"default"}
    assert "it has no signature that can be read" in reasons(found)


@pytest.mark.parametrize("made", cases(WEAK))
def test_weak_digests_are_a_warning_and_bad_if_strict(
    lab: Lab, store: TrustStore, made: Made
) -> None:
    found = verdicts(made.build(lab), store)
    assert good(found) == {"default", "require-signed", "require-level"}
    assert "no sha-256 or stronger digest of the stored bytes" in reasons(found)


@pytest.mark.parametrize("made", cases(UNCOVERED, WRONG, TAMPERED))
@pytest.mark.parametrize("with_store", [True, False])
def test_the_forged_pass_nothing(
    lab: Lab, store: TrustStore, made: Made, *, with_store: bool
) -> None:
    found = verdicts(made.build(lab), store if with_store else None)
    assert good(found) == set()
    assert made.says in reasons(found)


@pytest.mark.parametrize("made", cases(UNCOVERED, WRONG))
def test_what_covers_no_payload_is_bad_unsigned_too(lab: Lab, made: Made) -> None:
    assert good(verdicts(replace(made, signers=()).build(lab), None)) == set()


@pytest.mark.parametrize("made", cases(SMUGGLED, AROUND))
def test_bytes_that_nothing_covers_pass_no_gate(lab: Lab, store: TrustStore, made: Made) -> None:
    found = verdicts(made.build(lab), store)
    assert good(found) == {"default"}
    assert made.says in reasons(found)


@pytest.mark.parametrize("made", cases(UNTRUSTED))
def test_a_strangers_signature_passes_nothing_with_a_store(
    lab: Lab, store: TrustStore, made: Made
) -> None:
    found = verdicts(made.build(lab), store)
    assert good(found) == set()
    assert made.says in reasons(found)
    assert "require-level" not in good(verdicts(made.build(lab), None))


@pytest.mark.parametrize("made", cases(STORELESS))
def test_a_strangers_signature_of_a_community_vib_passes_no_gate(
    lab: Lab, store: TrustStore, made: Made
) -> None:
    found = verdicts(made.build(lab), store)
    assert good(found) == {"default"}
    assert made.says in reasons(found)


@pytest.mark.parametrize("made", cases(MISPLACED))
def test_a_signer_of_another_level_passes_nothing(lab: Lab, store: TrustStore, made: Made) -> None:
    found = verdicts(made.build(lab), store)
    assert good(found) == set()
    assert made.says in reasons(found)


@pytest.mark.parametrize(
    "made", cases(UNCOVERED, WRONG, WEAK, TAMPERED, SMUGGLED, AROUND, UNTRUSTED, MISPLACED)
)
def test_nothing_ranks_better_for_losing_its_signature(
    lab: Lab, store: TrustStore, made: Made
) -> None:
    """Under a gate, no file gets better by what anybody can do: strip it, and lower its level."""
    before = good(verdicts(made.build(lab), store))
    stripped = put("sig.pkcs7", b"")(made.members(lab))
    lowered = on_descriptor(b">partner<", b">community<")(stripped)
    after = good(verdicts(vibs.archive(lowered, made.tail), store))
    assert after - before <= {"default"}


@pytest.mark.parametrize("made", cases(UNCOVERED, WRONG, WEAK, SMUGGLED))
def test_sign_refuses_what_it_would_not_reach(lab: Lab, tmp_path: Path, made: Made) -> None:
    path = tmp_path / "x.vib"
    data = replace(made, signers=()).build(lab)
    path.write_bytes(data)
    with pytest.raises(SigningError) as caught:
        sign_vib(path, lab.signer(), existing=Existing.REPLACE)
    assert all(one.where and one.remedy for one in caught.value.problems)
    assert path.read_bytes() == data


@pytest.mark.parametrize("size", ["sha384", "sha512"])
def test_stronger_digests_cover_too(lab: Lab, store: TrustStore, size: str) -> None:
    strong = Made(element(checksum(digest(size), f"sha-{size[3:]}")))
    assert good(verdicts(strong.build(lab), store)) == set(EVERYTHING)


def test_capitals_in_a_digest_or_its_kind_change_nothing(lab: Lab, store: TrustStore) -> None:
    loud = Made(element(checksum(digest("sha256").upper(), "SHA-256")))
    assert good(verdicts(loud.build(lab), store)) == set(EVERYTHING)


def test_blanks_around_a_digest_change_nothing(lab: Lab, store: TrustStore) -> None:
    spaced = Made(element(checksum(f"\n  {digest('sha256')}\t")))
    assert good(verdicts(spaced.build(lab), store)) == set(EVERYTHING)


def test_one_signature_must_meet_all_demands(lab: Lab, store: TrustStore) -> None:
    """The host believes one, strict rules only the other: no signature does both."""
    odd = Made(level="accepted", signers=("partner", "stranger"))
    assert good(verdicts(odd.build(lab), store)) == set()


NAMES = ("descriptor.xml", "sig.pkcs7", "acme", "acme/", "ACME", "/", "//", "/0", "x")
DATA = st.sampled_from(
    [
        b"",
        OTHER,
        AGAIN,
        STORED,
        b"acme/\n",
        vibs.descriptor(ELEMENT),
        vibs.descriptor(ELEMENT, acceptance_level="partner"),
        vibs.descriptor(OTHER_ELEMENT, acceptance_level="partner"),
        vibs.descriptor(element(), acceptance_level="partner"),
    ]
)
CHANGES = st.one_of(
    st.builds(insert, st.integers(0, 4), st.sampled_from(NAMES), DATA),
    st.builds(put, st.sampled_from(NAMES[:3]), DATA),
    st.builds(without, st.sampled_from(NAMES[:3])),
    st.builds(rename, st.sampled_from(NAMES[:3]), st.sampled_from(NAMES)),
    st.just(lambda members: members[::-1]),
    st.just(on_signature(lambda data: data * 2)),
    st.just(on_signature(lambda data: data[:300])),
    st.just(on_descriptor(b">partner<", b">community<")),
    st.just(on_descriptor(PLAIN_256.encode(), b"")),
)


@settings(max_examples=80)
@given(changes=st.lists(CHANGES, min_size=1, max_size=4), tail=st.sampled_from([b"", b"\n", b"x"]))
def test_what_passes_a_gate_is_what_was_signed(
    lab: Lab, store: TrustStore, changes: list[Callable[[Members], Members]], tail: bytes
) -> None:
    whole = Made().members(lab)
    members = whole
    for change in changes:
        members = change(members)
    if good(verdicts(vibs.archive(members, tail), store)) & set(GATES):
        found = [(name.removesuffix("/"), data) for name, data in members]
        assert [one for one in found if one[0] != "sig.pkcs7"] == [whole[0], whole[2]]
        assert tail == b""


LEVELS = (AcceptanceLevel.PARTNER, AcceptanceLevel.ACCEPTED, AcceptanceLevel.CERTIFIED)


@pytest.mark.parametrize("claimed", LEVELS)
@pytest.mark.parametrize("wanted", LEVELS)
def test_a_level_takes_its_own_and_the_higher_ones(
    lab: Lab, store: TrustStore, claimed: AcceptanceLevel, wanted: AcceptanceLevel
) -> None:
    data = Made(level=claimed, signers=(claimed,)).build(lab)
    policy = TrustPolicy(store=store, require_level=wanted)
    assert verify(Vib.from_bytes(data), policy).held is (claimed.rank >= wanted.rank)


def test_level_community_demands_nothing_and_is_refused() -> None:
    with pytest.raises(ModelError, match="has no effect"):
        TrustPolicy(require_level=AcceptanceLevel.COMMUNITY)


@pytest.mark.parametrize(
    ("made", "passes"),
    [
        (Made(), set(EVERYTHING)),
        (UNSIGNED["stripped, level lowered"], {"default"}),
        (UNTRUSTED["signed again by a stranger"], set()),
        (UNCOVERED["no digest"], set()),
    ],
)
def test_a_bundle_is_as_good_as_its_vibs(
    lab: Lab, store: TrustStore, tmp_path: Path, made: Made, passes: set[str]
) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.bundle(made.build(lab)))
    found = {name: verify(path, policy) for name, policy in policies(store).items()}
    assert {name for name, one in found.items() if one.held} == passes


def test_a_bundle_without_vibs_passes_no_gate(store: TrustStore, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    gone = bundles.gone
    path.write_bytes(
        bundles.bundle(outer={"vib20/": gone}, inner={"vibs/": gone, "bulletins/": gone})
    )
    found = {name: verify(path, policy) for name, policy in policies(store).items()}
    assert {name for name, one in found.items() if one.held} == {"default"}
    (reason,) = [one.reason for one in found["strict"].facts if one.outcome is Outcome.FAILED]
    assert reason == "the bundle contains no VIB"
