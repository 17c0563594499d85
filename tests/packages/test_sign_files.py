"""A set of VIBs and bundles is signed anew: each file whole or as it was."""

import hashlib
import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import vibforge
from tests import bundles, vibs
from tests.cli.test_reading import run
from tests.signing.lab import RELEASE_DATE, Lab, openssl, vib
from tests.signing.made import made
from tests.signing.test_expiry import END, SIGNER
from vibforge.errors import DepotError, FormatError, ModelError, SigningError, VibforgeError
from vibforge.findings.check import Topic
from vibforge.packages.verification import Outcome
from vibforge.report import documents
from vibforge.report.paint import Paint
from vibforge.report.sign import signed_text
from vibforge.signing import key_source
from vibforge.signing.pki import KeyKind

NAMES = ("one", "two")
FOREIGN = b'<foreign word="kept"><inner/></foreign>'
LICENCE = ("licence.txt", b"mine")


def held(**parts: object) -> bytes:
    """Return a bundle of two VIBs, with parts that vibforge does not know."""
    found = [vibs.vib(name=name, acceptance_level="partner", **parts) for name in NAMES]  # type: ignore[arg-type] # those of vib
    add = lambda text: text.replace(b"</vib>", FOREIGN + b"</vib>")  # noqa: E731 - a change
    of_bulletin = lambda text: text.replace(b"</bulletin>", FOREIGN + b"</bulletin>")  # noqa: E731 - another
    inner: bundles.Changes = {
        "vibs/": add,
        "bulletins/": of_bulletin,
        "other/strange.xml": b"<strange/>",
    }
    return bundles.bundle(*found, outer=dict([LICENCE]), inner=inner)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Two VIBs, a bundle and what is neither."""
    (tmp_path / "a.vib").write_bytes(vib())
    (tmp_path / "b.vib").write_bytes(vibs.vib(acceptance_level="partner"))
    (tmp_path / "fleet.zip").write_bytes(held())
    (tmp_path / "page.vib").write_bytes(b"<!DOCTYPE html>")
    return tmp_path


def options(lab: Lab, kind: KeyKind = KeyKind.P256) -> tuple[str, ...]:
    issued = lab.issued(kind=kind)
    return ("--key", str(issued.key_path), "--cert", str(issued.certificate_path))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def vibs_of(data: bytes) -> dict[str, bytes]:
    return {name: each for name, each in bundles.members(data).items() if name.endswith(".vib")}


def ar_members(data: bytes) -> dict[str, bytes]:
    """Read an archive by its format alone: headers of 60 bytes, padding to even offsets."""
    assert data.startswith(b"!<arch>\n")
    found, at = {}, 8
    while at < len(data):
        name, size = data[at : at + 16].rstrip(b" /").decode(), int(data[at + 48 : at + 58])
        found[name] = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return found


def require_signed(data: bytes, root: Path, folder: Path) -> None:
    """Verify the signature of a VIB with OpenSSL alone."""
    members = ar_members(data)
    (folder / "text").write_bytes(members["descriptor.xml"])
    (folder / "signature").write_bytes(members["sig.pkcs7"])
    words = ("-verify", "-binary", "-inform", "PEM", "-purpose", "any", "-CAfile", root)
    files = ("-in", folder / "signature", "-content", folder / "text", "-out", folder / "out")
    done = openssl("cms", *words, "-attime", f"{RELEASE_DATE.timestamp():.0f}", *files)
    assert done.returncode == 0, done.stderr
    assert (folder / "out").read_bytes() == members["descriptor.xml"]


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA_2048])
def test_openssl_verifies_the_vibs_of_a_bundle_that_was_signed_anew(
    kind: KeyKind, lab: Lab, desk: Path
) -> None:
    done = run("sign", "fleet.zip", *options(lab, kind), folder=desk)
    assert done.returncode == 0, done.stderr
    found = vibs_of((desk / "fleet.zip").read_bytes())
    assert len(found) == len(NAMES)
    for data in found.values():
        require_signed(data, lab.store / "vmpartner.cert", desk)


def test_metadata_and_vibs_agree_by_their_own_digests(lab: Lab, desk: Path) -> None:
    """Read with nothing of vibforge: zip, XML and SHA-256."""
    assert run("sign", "fleet.zip", *options(lab), folder=desk).returncode == 0
    whole = bundles.members((desk / "fleet.zip").read_bytes())
    inside = bundles.members(whole["metadata.zip"])
    announced = [ET.fromstring(data) for name, data in inside.items() if name.startswith("vibs/")]  # noqa: S314 - made here
    assert len(announced) == len(NAMES)
    for root in announced:
        data = whole[root.findtext("relative-path", "")]
        assert root.findtext("packed-size") == str(len(data))
        assert root.findtext("checksum") == hashlib.sha256(data).hexdigest()
    response = inside["vmware.xml"].decode()
    for data in vibs_of((desk / "fleet.zip").read_bytes()).values():
        assert f"<packedSize>{len(data)}</packedSize>" in re.sub(r"\s", "", response)
        assert hashlib.sha256(data).hexdigest() in response
    assert run("bundle", "verify", "fleet.zip", "--require-signed", folder=desk).returncode == 0
    assert run("verify", "fleet.zip", "--trust", lab.store, "--strict", folder=desk).returncode == 0


def test_what_is_not_known_of_a_bundle_is_kept(lab: Lab, desk: Path) -> None:
    before = bundles.members((desk / "fleet.zip").read_bytes())
    assert run("sign", "fleet.zip", *options(lab), "-o", "new.zip", folder=desk).returncode == 0
    assert bundles.members((desk / "fleet.zip").read_bytes()) == before
    after = bundles.members((desk / "new.zip").read_bytes())
    assert after[LICENCE[0]] == LICENCE[1]
    old, new = (bundles.members(each["metadata.zip"]) for each in (before, after))
    assert new["other/strange.xml"] == b"<strange/>"
    assert new["bulletins/acme.xml"] == old["bulletins/acme.xml"]
    changing = re.compile(rb"<packed-size>\d+</packed-size>|(?<=sha-256\">)[0-9a-f]{64}(?=</ch)")
    for name in NAMES:
        member = f"vibs/{name}.xml"
        assert FOREIGN in new[member]
        kept = [ET.canonicalize(changing.sub(b"", each[member]).decode()) for each in (old, new)]
        assert kept[0] == kept[1]
    for path, data in vibs_of((desk / "new.zip").read_bytes()).items():
        was, now = ar_members(before[path]), ar_members(data)
        assert was.pop("sig.pkcs7") == b""
        assert now.pop("sig.pkcs7").startswith(b"-----BEGIN PKCS7-----")
        assert now == was


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA_2048])
def test_the_same_set_gives_the_same_bytes(kind: KeyKind, lab: Lab, desk: Path) -> None:
    words = ("sign", "a.vib", "b.vib", "fleet.zip", *options(lab, kind))
    for folder in ("first", "second"):
        assert run(*words, "-o", folder, folder=desk).returncode == 0
    assert contents(desk / "first") == contents(desk / "second")
    assert run(*words, folder=desk).returncode == 0
    replaced = contents(desk)
    assert {name: replaced[name] for name in contents(desk / "first")} == contents(desk / "first")


@pytest.mark.parametrize("output", [(), ("-o", "signed")])
def test_of_a_set_the_good_ones_are_signed_and_the_bad_ones_told(
    output: tuple[str, ...], lab: Lab, desk: Path
) -> None:
    (desk / "torn.zip").write_bytes(held()[:-40])
    before = contents(desk)
    words = ("sign", "page.vib", "a.vib", "absent.vib", "torn.zip", "fleet.zip", *options(lab))
    done = run(*words, *output, "--json", folder=desk)
    assert done.returncode == 2
    facts = json.loads(done.stdout)
    assert (facts["format"], facts["good"]) == ("vibforge/sign/2", False)
    assert [file["path"] for file in facts["files"]] == ["a.vib", "fleet.zip"]
    assert [len(file["vibs"]) for file in facts["files"]] == [1, 2]
    bad = [file["path"] for file in facts["unreadable"]]
    assert bad == ["page.vib", "absent.vib", "torn.zip"]
    assert all(name in done.stderr for name in bad)
    for file in facts["files"]:
        written = (desk / file["output"]).read_bytes()
        assert written != before[file["path"]]
        if file["bundle"]:
            digest = hashlib.sha256(written).hexdigest()
            assert (file["bundle"]["size"], file["bundle"]["sha256"]) == (len(written), digest)
    changed = {name for name, data in contents(desk).items() if before[name] != data}
    assert changed == (set() if output else {"a.vib", "fleet.zip"})


def test_the_text_names_the_signer_once_and_fits(lab: Lab, desk: Path) -> None:
    done = run("sign", "a.vib", "fleet.zip", *options(lab), folder=desk)
    assert done.stdout.count("CN=LAB") == 1
    assert done.stdout.startswith("2 files are signed by CN=LAB partner-p-256")
    assert len(done.stdout.splitlines()) == 1 + 2 + 3 + 1
    nothing = run("sign", "page.vib", "absent.vib", *options(lab), folder=desk)
    assert (nothing.returncode, nothing.stdout) == (2, "No file was signed.\n")


def test_one_file_alone_raises_and_several_are_listed(lab: Lab, desk: Path) -> None:
    signer = lab.signer()
    with pytest.raises(FormatError):
        vibforge.sign(desk / "page.vib", signer=signer)
    listed = vibforge.sign([desk / "page.vib"], signer=signer)
    assert not listed.good
    with pytest.raises(SigningError, match="not a VIB"):
        listed.require()
    result = vibforge.sign([desk / "a.vib", desk / "fleet.zip"], signer=signer)
    assert result.good
    assert [signed.vib_id for signed in result.require().vibs] == [
        "LAB_bootbank_demo_1.0-1",
        "ACME_bootbank_one_1.0.0-1",
        "ACME_bootbank_two_1.0.0-1",
    ]


def test_a_signed_bundle_is_refused_appended_to_or_replaced(lab: Lab, desk: Path) -> None:
    assert run("sign", "fleet.zip", *options(lab), folder=desk).returncode == 0
    once = (desk / "fleet.zip").read_bytes()
    refused = run("sign", "fleet.zip", *options(lab), folder=desk)
    assert refused.returncode == 2
    assert refused.stderr.count("it has 1 signature already") == len(NAMES)
    assert (desk / "fleet.zip").read_bytes() == once
    again = (*options(lab, KeyKind.RSA_2048), "-o", "both.zip")
    assert run("sign", "fleet.zip", "--append", *again, folder=desk).returncode == 0
    for data in vibs_of((desk / "both.zip").read_bytes()).values():
        assert ar_members(data)["sig.pkcs7"].count(b"-----BEGIN PKCS7-----") == 2
    assert run("verify", "both.zip", "--trust", lab.store, folder=desk).returncode == 0
    assert run("sign", "both.zip", "--replace", *options(lab), folder=desk).returncode == 0
    assert vibs_of((desk / "both.zip").read_bytes()) == vibs_of(once)


def broken_payload(data: bytes) -> bytes:
    """Damage the payload of a VIB, and let the metadata agree with the damaged file."""
    return data[:-30] + bytes(30)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut off behind its metadata": (lambda: held()[:-100], "is missing"),
    "cut off": (lambda: held()[:300], "damaged"),
    "digest of the metadata": (
        lambda: bundles.changed(held(), {}, {"vibs/one": bundles.packed_size("7")}),
        "differs from the metadata",
    ),
    "no index": (
        lambda: bundles.changed(held(), {"index.xml": bundles.gone}, {}),
        "has no index.xml",
    ),
    "no VIB of that name": (
        lambda: bundles.changed(held(), {"vib20/one": bundles.gone}, {}),
        "lacks it",
    ),
    "a damaged VIB": (
        lambda: bundles.bundle(broken_payload(vibs.vib(name="one")), vibs.vib(name="two")),
        "does not hold",
    ),
    "one VIB signed already": (
        lambda: bundles.bundle(vibs.vib(name="one"), vibs.signed_vib(name="two")),
        "it has 1 signature already",
    ),
    "a bundle in a zip": (
        lambda: bundles.zipped([("fleet.zip", held()), LICENCE]),
        "has no index.xml",
    ),
    "no bundle": (lambda: bundles.zipped([LICENCE]), "is missing"),
    "an unsafe name": (lambda: bundles.changed(held(), {"../x": b"x"}, {}), "leads upwards"),
    "a checksum of another kind": (
        lambda: bundles.changed(held(), {}, {"vibs/one": vibs.swap('"sha-256">', '"sha-9">')}),
        "unknown type 'sha-9'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_bundle_stays_as_it_is(case: str, lab: Lab, tmp_path: Path) -> None:
    make, says = BAD[case]
    path = tmp_path / "bad.zip"
    path.write_bytes(make())
    before = path.read_bytes()
    with pytest.raises(VibforgeError) as caught:
        vibforge.sign(path, signer=lab.signer())
    assert says in str(caught.value)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["bad.zip"]


def test_other_kinds_of_checksums_are_computed_anew(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    sha1 = b'<checksum checksum-type="sha-1">00</checksum></vib>'
    add = {"vibs/": lambda text: text.replace(b"</vib>", sha1)}
    path.write_bytes(bundles.changed(bundles.bundle(), {}, add))
    vibforge.sign(path, signer=lab.signer())
    ((_, data),) = vibs_of(path.read_bytes()).items()
    inside = bundles.members(bundles.members(path.read_bytes())["metadata.zip"])
    assert hashlib.sha1(data, usedforsecurity=False).hexdigest().encode() in inside["vibs/acme.xml"]


def test_owner_and_permissions_of_a_bundle_stay(lab: Lab, desk: Path) -> None:
    (desk / "fleet.zip").chmod(0o640)
    vibforge.sign(desk / "fleet.zip", signer=lab.signer())
    assert (desk / "fleet.zip").stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_bundle_stays_a_link(lab: Lab, desk: Path) -> None:
    (desk / "link.zip").symlink_to("fleet.zip")
    before = (desk / "fleet.zip").read_bytes()
    vibforge.sign(desk / "link.zip", signer=lab.signer())
    assert (desk / "link.zip").is_symlink()
    assert (desk / "fleet.zip").read_bytes() != before


@pytest.mark.parametrize("other", ["x/a.vib", "x/A.vib"])
def test_two_files_of_one_name_are_refused_before_anything_is_written(
    other: str, lab: Lab, desk: Path
) -> None:
    (desk / "x").mkdir()
    (desk / other).write_bytes(vibs.vib())
    before = contents(desk)
    done = run("sign", "b.vib", "a.vib", other, "-o", "out", *options(lab), folder=desk)
    assert done.returncode == 2
    assert done.stderr.count("another file would get the same name in out") == 2
    assert other in done.stderr
    assert contents(desk) == before
    assert not (desk / "out").exists()
    assert run("sign", "a.vib", other, *options(lab), folder=desk).returncode == 0


def test_a_file_that_is_named_twice_is_refused(lab: Lab, desk: Path) -> None:
    (desk / "link.vib").symlink_to("a.vib")
    for other in ("a.vib", "./a.vib", "link.vib"):
        with pytest.raises(ModelError, match="named twice"):
            vibforge.sign([desk / "a.vib", desk / other], signer=lab.signer(), append=True)
    assert (desk / "a.vib").read_bytes() == vib()


def test_a_signature_made_elsewhere_is_that_of_one_vib(lab: Lab, desk: Path) -> None:
    cert = options(lab)[2:]
    for files in (("a.vib", "b.vib"), ("fleet.zip",)):
        done = run("sign", *files, "--signature-in", "page.vib", *cert, folder=desk)
        assert done.returncode == 2
        assert "that of one VIB" in done.stderr
    done = run("sign", "a.vib", "b.vib", "--digest-out", "digest", folder=desk)
    assert (done.returncode, "are for one VIB" in done.stderr) == (2, True)


NO_KEYS = {
    "text": b"no key",
    "nothing": b"",
    "a certificate": None,
    "a cut key": b"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n",
    "a VIB": vib(),
}


@pytest.mark.parametrize("what", NO_KEYS)
def test_a_file_that_is_no_key_signs_nothing(what: str, lab: Lab, desk: Path) -> None:
    certificate = lab.issued().certificate_path
    (desk / "no.key").write_bytes(NO_KEYS[what] or certificate.read_bytes())
    before = contents(desk)
    words = ("--key", "no.key", "--cert", certificate)
    done = run("sign", "a.vib", "fleet.zip", *words, folder=desk)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "no.key" in done.stderr
    assert contents(desk) == before


def test_the_key_is_opened_once_and_the_passphrase_asked_once(
    lab: Lab, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, asked, opened = lab.issued(), [], []
    key = serialization.load_pem_private_key(issued.key_path.read_bytes(), None)
    (desk / "locked.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    def passphrase() -> bytes:
        asked.append(1)
        return b"secret"

    read = key_source.read_small_file

    def counted(path: Path) -> bytes:
        opened.append(path.name)
        return read(path)

    monkeypatch.setattr(key_source, "read_small_file", counted)
    result = vibforge.sign(
        [desk / "a.vib", desk / "b.vib", desk / "fleet.zip"],
        key=str(desk / "locked.key"),
        certificates=issued.certificate_path,
        passphrase=passphrase,
    )
    assert len(result.vibs) == 4
    assert asked == [1]
    assert opened.count("locked.key") == 1


def test_an_expiring_signer_is_warned_of_once_and_signs_the_same_bytes(desk: Path) -> None:
    files = [desk / "a.vib", desk / "fleet.zip"]
    for folder, now in (("late", END), ("early", RELEASE_DATE)):
        result = vibforge.sign(files, signer=SIGNER, output=desk / folder, now=now)
        text = signed_text(result, Paint())
        late = folder == "late"
        assert text.count("expired on 2027-01-01") == late
        shown = documents.sign.Sign.of(result).expiring
        assert [(each.not_after, each.expired) for each in shown] == [
            ("2027-01-01T00:00:00Z", True)
        ] * late
    assert contents(desk / "late") == contents(desk / "early")
    alone = vibforge.sign(files[0], signer=SIGNER, output=desk / "x.vib", now=END)
    assert "expired on 2027-01-01" in signed_text(alone, Paint())


def test_an_expired_signer_signs_no_vib_that_is_younger(desk: Path) -> None:
    """Its dates do not fit the release date of one VIB; the others are signed."""
    old = made("old", dates=(RELEASE_DATE.replace(year=2023), RELEASE_DATE.replace(year=2025)))
    (desk / "old.key").write_bytes(
        old.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (desk / "old.pem").write_bytes(old.certificate.public_bytes(serialization.Encoding.PEM))
    words = ("--key", "old.key", "--cert", "old.pem", "-o", "out", "--json")
    done = run("sign", "a.vib", "b.vib", "fleet.zip", *words, folder=desk)
    facts = json.loads(done.stdout)
    assert done.returncode == 2
    assert [file["path"] for file in facts["unreadable"]] == ["a.vib"]
    assert "expired at the signing time" in facts["unreadable"][0]["faults"][0]["what"]
    assert [file["path"] for file in facts["files"]] == ["b.vib", "fleet.zip"]
    assert [each["expired"] for each in facts["expiring"]] == [True]


def failures(path: Path) -> set[str]:
    """Return what does not hold of a bundle, but for who signed: the lab is not VMware."""
    (judged,) = vibforge.verify_bundle(path).bundles
    return {
        fact.statement
        for fact in judged.verification.all_facts
        if fact.outcome is Outcome.FAILED and fact.topic not in {Topic.SIGNER, Topic.LEVEL}
    }


def test_a_real_bundle_is_signed_anew(lab: Lab, corpus: Path, tmp_path: Path) -> None:
    """Bundles of others: each either is signed and verifies, or stays as it is with a reason."""
    signed = 0
    for path in sorted(corpus.glob("bundles/*.zip")):
        if path.stat().st_size > 3_000_000:
            continue
        target = tmp_path / path.name
        try:
            result = vibforge.sign(path, signer=lab.signer(), output=target, replace=True)
        except VibforgeError:
            assert not target.exists()
            continue
        signed += 1
        assert result.vibs
        before, after = failures(path), failures(target)
        assert after <= before
    assert signed


def test_depot_error_is_told_for_a_zip_of_bundles(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(bundles.zipped([("a.zip", bundles.bundle()), ("b.zip", bundles.bundle())]))
    with pytest.raises(DepotError, match="has no index"):
        vibforge.sign(path, signer=lab.signer())


@pytest.mark.parametrize("words", ["sign a.vib b.vib", "sign fleet.zip"])
def test_a_missing_key_is_told(words: str, desk: Path) -> None:
    done = run(*words.split(), folder=desk)
    assert done.returncode == 2
    assert "give either --key" in done.stderr


def test_bsdtar_reads_the_new_bundle(lab: Lab, desk: Path, tool: Callable[[str], str]) -> None:
    assert run("sign", "fleet.zip", *options(lab), folder=desk).returncode == 0
    listed = subprocess.run(
        [tool("unzip"), "-t", desk / "fleet.zip"], capture_output=True, text=True, check=True
    )
    assert "No errors detected" in listed.stdout
