import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.signing.lab import RELEASE_DATE, Lab, descriptor, openssl, vib
from tests.signing.made import made
from tests.trees import trx_tree
from vibforge.api import build as api
from vibforge.errors import FormatError, OutputError, SigningError, VibforgeError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.ar import member_header, member_padding
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.packages.sign import Existing, Signed, sign_vib, to_sign
from vibforge.packages.verification import judgement_of
from vibforge.packages.verify import verify
from vibforge.project.build import build
from vibforge.report.build import build_text
from vibforge.report.paint import Paint
from vibforge.signing.host_rules import BlockJudgement
from vibforge.signing.judging import claim
from vibforge.signing.key_files import KeySigner
from vibforge.signing.key_source import open_signer
from vibforge.signing.passphrase import no_passphrase
from vibforge.signing.pki import KeyKind
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.signer import GivenSignature, Signer
from vibforge.signing.stated_time import SigningTime, TimeSource
from vibforge.signing.store import read_store
from vibforge.vib.archive import Vib
from vibforge.vib.signature import Signature as PackageSignature


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.vib"
    path.write_bytes(vib())
    return path


def signed(lab: Lab, file: Path, kind: KeyKind = KeyKind.P256) -> Signed:
    return sign_vib(file, lab.signer(kind=kind))


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_signed_vib_verifies_with_the_labs_store(lab: Lab, file: Path, kind: KeyKind) -> None:
    assert signed(lab, file, kind).signing_time == RELEASE_DATE
    verification = verify(file, TrustPolicy(store=read_store([lab.store]), strict=True))
    assert verification.require().held
    assert {fact.topic for fact in verification.facts if fact.outcome == "held"} >= {
        "signature",
        "signer",
        "level",
        "strict",
    }


def test_only_the_signature_member_changes(lab: Lab, file: Path) -> None:
    before = Vib.from_path(file)
    payload = file.read_bytes()[before.archive.members[2].header_offset :]
    signed(lab, file)
    after = Vib.from_path(file)
    assert after.descriptor_bytes == before.descriptor_bytes
    assert file.read_bytes()[after.archive.members[2].header_offset :] == payload
    assert after.archive.members[1].header[:48] == before.archive.members[1].header[:48]


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.P256])
def test_the_same_input_gives_the_same_bytes(lab: Lab, tmp_path: Path, kind: KeyKind) -> None:
    for name in ("a.vib", "b.vib"):
        (tmp_path / name).write_bytes(vib())
        signed(lab, tmp_path / name, kind)
    assert (tmp_path / "a.vib").read_bytes() == (tmp_path / "b.vib").read_bytes()


def test_a_signing_time_can_be_named(lab: Lab, file: Path) -> None:
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    sign_vib(file, lab.signer(), signing_time=moment)
    block = parse_blocks(Vib.from_path(file).signature)[0]
    assert block.signers[0].signing_time == moment


YOUNG = datetime(2026, 4, 8, 1, 2, 3, tzinfo=UTC)
"""A week after the release date."""


def young(lab: Lab) -> Signer:
    name = lab.issued(name="young", dates=(YOUNG, None)).wanted.name
    return open_signer(lab.source(name), no_passphrase, {})


def test_a_certificate_that_is_younger_than_the_vib_signs_at_its_first_moment(
    lab: Lab, tmp_path: Path
) -> None:
    for name in ("a.vib", "b.vib"):
        (tmp_path / name).write_bytes(vib())
        found = sign_vib(tmp_path / name, young(lab))
        assert (found.signing_time, found.stated.source) == (YOUNG, TimeSource.CERTIFICATE)
    assert (tmp_path / "a.vib").read_bytes() == (tmp_path / "b.vib").read_bytes()
    (block,) = parse_blocks(Vib.from_path(tmp_path / "a.vib").signature)
    assert block.signers[0].signing_time == YOUNG
    policy = TrustPolicy(store=read_store([lab.store]), strict=True)
    assert verify(tmp_path / "a.vib", policy).require().held


def test_an_older_certificate_signs_at_the_release_date(lab: Lab, file: Path) -> None:
    found = signed(lab, file)
    assert (found.signing_time, found.stated.source) == (RELEASE_DATE, TimeSource.RELEASE_DATE)


def test_a_named_time_before_the_certificate_is_refused(lab: Lab, file: Path) -> None:
    with pytest.raises(SigningError, match="not yet valid"):
        sign_vib(file, young(lab), signing_time=RELEASE_DATE)


def test_what_is_signed_elsewhere_states_the_time_of_its_certificate(lab: Lab, file: Path) -> None:
    signer = young(lab)
    (certificates,) = lab.source("young").certificates
    request = to_sign(file, certificates=[certificates])
    assert request.stated == SigningTime(YOUNG, TimeSource.CERTIFICATE)
    assert to_sign(file).stated == SigningTime(RELEASE_DATE, TimeSource.RELEASE_DATE)
    given = GivenSignature(signer.sign(request.text), signer.certificates)
    assert sign_vib(file, given).signing_time == YOUNG


def test_a_build_states_the_time_of_its_certificate(lab: Lab, tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "tree")
    settings = {"acceptance-level": "partner"}
    result = api.build(tree, tmp_path / "out", settings=settings, signer=young(lab), environment={})
    built = result.built
    assert built is not None
    assert built.signature is not None
    assert built.signature.stated == SigningTime(YOUNG, TimeSource.CERTIFICATE)
    (block,) = parse_blocks(built.signature.block)
    assert block.signers[0].signing_time == YOUNG
    assert "the VIB is older than the certificate" in build_text(result, Paint())


def test_a_second_signature_is_appended_as_another_block(lab: Lab, file: Path) -> None:
    signed(lab, file, KeyKind.RSA_2048)
    first = Vib.from_path(file).signature
    with pytest.raises(SigningError, match="it has 1 signature already"):
        signed(lab, file)
    sign_vib(file, lab.signer(kind=KeyKind.P256), existing=Existing.APPEND)
    both = Vib.from_path(file).signature
    assert both.startswith(first)
    assert [one.check.held for one in judged(lab, file)] == [True, True]
    sign_vib(file, lab.signer(kind=KeyKind.P384), existing=Existing.REPLACE)
    assert len(judged(lab, file)) == 1


def judged(lab: Lab, file: Path) -> list[BlockJudgement]:
    policy = TrustPolicy(store=read_store([lab.store]))
    return list(judgement_of(Vib.from_path(file), policy).blocks)


def test_a_signature_that_does_not_hold_is_not_kept_before_a_new_one(lab: Lab, file: Path) -> None:
    signed(lab, file)
    edited = file.read_bytes().replace(b"<vendor>LAB", b"<vendor>BAL")
    file.write_bytes(edited)
    with pytest.raises(
        SigningError, match="signature 1 is not valid: the descriptor is not the text"
    ):
        sign_vib(file, lab.signer(), existing=Existing.APPEND)
    assert file.read_bytes() == edited
    sign_vib(file, lab.signer(), existing=Existing.REPLACE)


def test_nothing_is_appended_to_what_a_host_cannot_read(lab: Lab, file: Path) -> None:
    signed(lab, file)
    vib_ = Vib.from_path(file)
    der = parse_blocks(vib_.signature)[0].der
    for form, says in (
        (der, "a host reads only PEM"),
        (vib_.signature.replace(b"PKCS7", b"CMS"), "its PEM label is 'CMS'"),
        (b"garbage", "neither PEM nor DER"),
    ):
        file.write_bytes(with_signature(file, form))
        with pytest.raises(VibforgeError, match=says):
            sign_vib(file, lab.signer(), existing=Existing.APPEND)
        sign_vib(file, lab.signer(), existing=Existing.REPLACE)


def with_signature(file: Path, signature: bytes) -> bytes:
    data, member = file.read_bytes(), Vib.from_path(file).archive.members[1]
    end = member.data_offset + member.size + len(member.padding)
    new = member_header("sig.pkcs7", len(signature)) + signature + member_padding(len(signature))
    return data[: member.header_offset] + new + data[end:]


def test_the_result_can_go_to_another_file(lab: Lab, file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    sign_vib(file, lab.signer(), output=tmp_path / "new/signed.vib")
    assert file.read_bytes() == before
    assert Vib.from_path(tmp_path / "new/signed.vib").is_signed


def cut(data: bytes) -> bytes:
    return data[:-5]


def tail(data: bytes) -> bytes:
    return data + b"tail"


def wrong_payload(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


def swapped(data: bytes) -> bytes:
    return data.replace(b"sig.pkcs7 ", b"sig.pkcs8 ")


def nothing(data: bytes) -> bytes:
    return data[:0]


DAMAGED: dict[Callable[[bytes], bytes], str] = {
    cut: "ends",
    tail: "follow the last member",
    wrong_payload: "acme",
    swapped: "sig.pkcs7",
    nothing: "not a VIB",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_vib_is_not_signed(
    lab: Lab, file: Path, damage: Callable[[bytes], bytes]
) -> None:
    file.write_bytes(damage(vib()))
    before = file.read_bytes()
    with pytest.raises(VibforgeError, match=DAMAGED[damage]):
        signed(lab, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_key_that_does_not_match_leaves_the_vib_as_it_was(lab: Lab, file: Path) -> None:
    signer = lab.signer()
    assert isinstance(signer, KeySigner)
    wrong = KeySigner(made("x").key, signer.certificates)
    before = file.read_bytes()
    with pytest.raises(SigningError, match="the new signature does not verify"):
        sign_vib(file, wrong)
    assert file.read_bytes() == before


def test_a_release_date_that_is_none_asks_for_a_signing_time(lab: Lab, file: Path) -> None:
    text = descriptor().replace(b"2026-04-01T12:00:00+00:00", b"some day")
    members = {"descriptor.xml": text, "sig.pkcs7": b""}
    file.write_bytes(
        b"!<arch>\n"
        + b"".join(
            member_header(name, len(data)) + data + member_padding(len(data))
            for name, data in members.items()
        )
    )
    with pytest.raises(SigningError, match="'some day' cannot be used as the signing time"):
        signed(lab, file)
    assert sign_vib(file, lab.signer(), signing_time=RELEASE_DATE).signing_time == RELEASE_DATE


def test_a_missing_vib_is_told(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No such file"):
        signed(lab, tmp_path / "none.vib")


CLAIMS = [
    ("community", AcceptanceLevel.PARTNER, True),
    ("partner", AcceptanceLevel.PARTNER, None),
    ("partner", AcceptanceLevel.ACCEPTED, False),
    ("accepted", AcceptanceLevel.ACCEPTED, None),
    ("accepted", AcceptanceLevel.PARTNER, False),
    ("certified", AcceptanceLevel.CERTIFIED, None),
]


@pytest.mark.parametrize(("level", "signer", "carries"), CLAIMS)
def test_what_a_signature_cannot_carry_is_told_at_once(
    lab: Lab, tmp_path: Path, level: str, signer: AcceptanceLevel, *, carries: bool | None
) -> None:
    (tmp_path / "x.vib").write_bytes(vib(level))
    judgement = sign_vib(tmp_path / "x.vib", lab.signer(signer)).judgement
    assert claim(judgement).held is carries


@pytest.mark.parametrize(
    ("level", "signer", "taken"),
    [
        ("partner", AcceptanceLevel.PARTNER, True),
        ("accepted", AcceptanceLevel.ACCEPTED, True),
        ("certified", AcceptanceLevel.CERTIFIED, True),
        ("partner", AcceptanceLevel.CERTIFIED, False),
        ("certified", AcceptanceLevel.PARTNER, False),
        ("partner", AcceptanceLevel.ACCEPTED, False),
    ],
)
def test_a_host_with_the_labs_store_keeps_the_levels_apart(
    lab: Lab, tmp_path: Path, level: str, signer: AcceptanceLevel, *, taken: bool
) -> None:
    (tmp_path / "x.vib").write_bytes(vib(level))
    sign_vib(tmp_path / "x.vib", lab.signer(signer))
    policy = TrustPolicy(store=read_store([lab.store]))
    assert verify(tmp_path / "x.vib", policy).held is taken


def test_openssl_agrees_on_the_whole_vib(lab: Lab, file: Path) -> None:
    signed(lab, file, KeyKind.RSA_2048)
    vib_ = Vib.from_path(file)
    (file.parent / "sig").write_bytes(vib_.signature)
    (file.parent / "text").write_bytes(vib_.descriptor_bytes)
    files = ("-in", file.parent / "sig", "-content", file.parent / "text")
    root = ("-CAfile", lab.folder / "partner-root.pem", "-purpose", "any", "-inform", "PEM")
    for command in ("cms", "smime"):
        done = openssl(command, "-verify", "-binary", *files, *root)
        assert done.returncode == 0, done.stderr


def test_a_changed_byte_anywhere_is_found(lab: Lab, file: Path) -> None:
    signed(lab, file)
    whole = file.read_bytes()
    # What a block carries beside signer and chain is nobody's but to a strict reader.
    policy = TrustPolicy(store=read_store([lab.store]), strict=True)
    members = Vib.from_path(file).archive.members
    unnoticed = []
    for member in members:
        step = max(1, member.size // 40)
        for place in range(member.data_offset, member.data_offset + member.size, step):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
            try:
                held = verify(file, policy).held
            except VibforgeError:
                held = False
            if held:
                unnoticed.append((member.name, place - member.data_offset))
    assert unnoticed == []


def test_many_builds_sign_with_a_key_that_was_opened_once(lab: Lab, tmp_path: Path) -> None:
    signer = lab.signer()
    tree = trx_tree(tmp_path / "tree")
    for name in ("one", "two"):
        settings = {"name": name, "acceptance-level": "partner"}
        built = build(tree, tmp_path / name, settings=settings, signer=signer, environment={})
        assert built.signature is not None
        (block,) = parse_blocks(built.signature.block)
        assert check_block(block, (tmp_path / name / "descriptor.xml").read_bytes()).held
        assert block.signers[0].signing_time == datetime(2000, 1, 1, tzinfo=UTC)
        assert built.plan.package.signature is PackageSignature.TRUSTED


def test_the_key_that_is_handed_over_goes_before_the_recipes(lab: Lab, tmp_path: Path) -> None:
    settings = {"acceptance-level": "partner", "signing.key": "nowhere.key"}
    tree = trx_tree(tmp_path / "tree")
    with pytest.raises(SigningError, match="cannot be read"):
        build(tree, tmp_path / "out", settings=settings)
    built = build(tree, tmp_path / "out", settings=settings, signer=lab.signer())
    assert built.signature is not None


def test_an_opened_key_does_not_show_itself(lab: Lab, tmp_path: Path) -> None:
    signer = lab.signer()
    built = build(trx_tree(tmp_path / "tree"), tmp_path / "out", signer=signer)
    secret = lab.issued().key_path.read_text(encoding="ascii").splitlines()[1]
    assert secret not in repr(signer) + repr(built)
    files = (path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert not any(secret.encode("ascii") in data for data in files)


OWNERS = [(1000, 1000), (0, 4242), (4242, 0)]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444, 0o4755])
@pytest.mark.parametrize("to_output", [False, True])
def test_the_file_that_is_replaced_hands_down_its_mode(
    lab: Lab,
    file: Path,
    tmp_path: Path,
    mode: int,
    to_output: bool,  # noqa: FBT001 - the parameter of the test
) -> None:
    replaced = tmp_path / "there.vib" if to_output else file
    replaced.touch()
    replaced.chmod(mode)
    sign_vib(file, lab.signer(), output=replaced if to_output else None)
    assert Vib.from_path(replaced).is_signed
    assert replaced.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("owner", OWNERS)
def test_the_file_that_is_replaced_hands_down_its_owner(
    lab: Lab, file: Path, owner: tuple[int, int]
) -> None:
    os.chown(file, *owner)
    file.chmod(0o640)
    sign_vib(file, lab.signer())
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (*owner, 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_an_owner_that_cannot_be_kept_is_told_and_the_vib_stays(lab: Lab) -> None:
    with TemporaryDirectory() as name:  # pytest's own folders let nobody else in
        _refused_to_somebody_else(lab, Path(name))


def _refused_to_somebody_else(lab: Lab, folder: Path) -> None:
    folder.chmod(0o777)
    file = folder / "demo.vib"
    file.write_bytes(vib())
    signer = lab.signer()
    child = os.fork()
    if not child:
        code = 9
        try:
            os.setgid(4242)
            os.setuid(4242)
            sign_vib(file, signer)
        except OutputError as error:
            code = 0 if "owner and group cannot be kept" in str(error) else 8
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert file.read_bytes() == vib()
    assert file.stat().st_uid == 0
    assert list(folder.iterdir()) == [file]


def test_a_new_file_has_the_mode_that_the_umask_says(lab: Lab, file: Path, tmp_path: Path) -> None:
    file.chmod(0o600)
    before = os.umask(0o027)
    try:
        sign_vib(file, lab.signer(), output=tmp_path / "new.vib")
    finally:
        os.umask(before)
    assert (tmp_path / "new.vib").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed_and_stays(lab: Lab, file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.vib").symlink_to(file)
    file.chmod(0o604)
    sign_vib(tmp_path / "link.vib", lab.signer())
    assert (tmp_path / "link.vib").is_symlink()
    assert Vib.from_path(file).is_signed
    assert file.stat().st_mode & 0o777 == 0o604
