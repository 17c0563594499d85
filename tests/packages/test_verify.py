"""Each fact of a VIB held against made cases: what holds, what fails, what is not checked."""

import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from hashlib import shake_256
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import bundles, vibs
from vibforge import Outcome, Vib
from vibforge.errors import FormatError, LimitError, VerificationError
from vibforge.findings.check import Topic
from vibforge.formats import vmtar
from vibforge.formats.budget import LIMITS, Limit, Work
from vibforge.packages.verify import verify, verify_all
from vibforge.project.build import build
from vibforge.vib.descriptor import Checksum

STORED = vibs.packed(vibs.image())
COVERED = "coverage: the digests in the descriptor cover it"


def outcomes(data: bytes) -> dict[str, tuple[Outcome, str]]:
    found = verify(Vib.from_bytes(data))
    return {f"{fact.topic}: {fact.statement}": (fact.outcome, fact.reason) for fact in found.facts}


def failed(data: bytes) -> dict[str, str]:
    return {
        statement: reason
        for statement, (outcome, reason) in outcomes(data).items()
        if outcome is Outcome.FAILED
    }


def replaced(data: bytes, old: str, new: str) -> bytes:
    """Change the descriptor in place, at the same length."""
    assert len(old) == len(new)
    assert data.count(old.encode()) == 1
    return data.replace(old.encode(), new.encode())


def digested(*checksums: Checksum, **parts: object) -> bytes:
    """Make a VIB whose payload is declared with these digests."""
    return vibs.vib(declared={"checksums": checksums}, **parts)  # type: ignore[arg-type] # those of vib


@pytest.mark.parametrize(
    "data",
    [
        vibs.MIXED_VIB,
        vibs.vib(vibs.MIXED),
        vibs.vib(kind="vgz", pack=bytes),
        vibs.vib(kind="vzstd", pack=vibs.zstd_in_gzip),
        vibs.vib(kind="vgz", pack=partial(vibs.zstd_compressed, window_log=27)),
        vibs.vib(kind="vgz", form=vibs.GNU),
        vibs.vib(kind="something-new"),
        vibs.signed_vib(),
    ],
    ids=["vgz", "tgz", "plain", "vzstd", "zstd alone", "vgz that is GNU tar", "unknown", "signed"],
)
def test_good_ones_hold(data: bytes) -> None:
    found = verify(Vib.from_bytes(data))
    assert found.held
    assert found.require() is found


def test_every_fact_has_its_line() -> None:
    data = vibs.vib(declared={"uncompressed_size": None})
    assert [(outcome.value, name) for name, (outcome, _reason) in outcomes(data).items()] == [
        ("held", "container: descriptor.xml is the first member"),
        ("held", "container: sig.pkcs7 is the second member"),
        ("held", "payload: the archive holds every declared payload"),
        ("held", "container: every header of the archive can be read"),
        ("held", "payload: the descriptor declares every member"),
        ("held", "container: every member has a name of its own"),
        ("held", "container: the file ends where its last member does"),
        ("held", "coverage: every member is descriptor, signature or payload"),
        ("held", "container: ESXi's reader accepts archive and descriptor"),
        ("held", "level: the acceptance level is valid"),
        ("held", "descriptor: every value can be read"),
        ("held", "payload: every payload has a name of its own"),
        ("held", f"size: size {len(STORED)}"),
        ("held", "files: the file list names every file of the payloads"),
        ("held", "files: the payloads hold every file of the file list"),
        ("held", "files: the file list has plain relative paths"),
        ("held", "payload: unpacks and reads to its end"),
        ("held", "size: every payload unpacks to its declared size"),
        ("held", "digest: sha-256 gunzip"),
        ("held", "digest: sha-256"),
        ("held", "digest: sha-1 gunzip"),
        ("held", "coverage: the digests in the descriptor cover it"),
        ("held", "level: a level above community has a signature"),
        ("held", "coverage: sig.pkcs7 holds nothing but signatures"),
    ]


def test_a_size_that_lies_is_told() -> None:
    lying = vibs.vib(declared={"size": 133120, "uncompressed_size": 7})
    assert failed(lying) == {
        "size: size 133120": (
            f"declares 133120 bytes, but has {len(STORED)} bytes in the archive (VF308)"
        ),
        "size: uncompressed-size 7": (
            f"declares 7 bytes, but unpacks to {len(vibs.image())} bytes (VF318)"
        ),
    }


def test_each_digest_is_told_apart() -> None:
    good = vibs.checksum(STORED)
    assert failed(digested(good, replace(good, digest=good.digest.upper()))) == {}
    for process in ("", "gunzip"):
        (statement,) = failed(digested(good, vibs.checksum(b"other", process=process)))
        assert statement == f"digest: sha-256 {process}".rstrip()


@pytest.mark.parametrize(
    ("checksum", "statement"),
    [
        (Checksum(checksum_type="sha-3", digest="00"), "digest: sha-3"),
        (vibs.checksum(b"", process="bunzip"), "digest: sha-256 bunzip"),
    ],
)
def test_digests_of_unknown_kinds_are_not_checked(checksum: Checksum, statement: str) -> None:
    data = digested(checksum)
    reason = "vibforge does not compute this kind of digest"
    assert outcomes(data)[statement] == (Outcome.NOT_CHECKED, reason)
    assert list(failed(data)) == [COVERED]


def test_the_digest_after_one_gunzip_is_of_the_zstd_frame() -> None:
    frame = vibs.zstd_compressed(vibs.image(form=vmtar))
    digest = replace(vibs.checksum(frame), checksum_type="sha-256-gunzip1")
    data = digested(digest, kind="vzstd", stored=vibs.packed(frame))
    assert outcomes(data)["digest: sha-256-gunzip1"][0] is Outcome.HELD


def test_a_declared_payload_of_another_name_is_told_twice() -> None:
    data = vibs.vib(declared={"name": "other"})
    found = [
        (fact.subject, fact.reason)
        for fact in verify(Vib.from_bytes(data)).facts
        if fact.outcome is Outcome.FAILED
    ]
    assert found == [
        ("other", "is declared, but the archive has no member of this name (VF103)"),
        ("acme", "is not declared; hosts do not install it (VF106)"),
    ]


def test_the_file_list_is_held_against_the_payloads() -> None:
    files = [vibs.CONF.path, vibs.LINK.path, "etc/gone"]
    assert failed(vibs.vib(vibs.MIXED, file_list=files)) == {
        "files: the file list names every file of the payloads": "is not in the file list (VF310)",
        "files: the payloads hold every file of the file list": (
            "is in the file list, but in no payload (VF311)"
        ),
    }
    slashed = [f"/{path}" for path in vibs.GOOD.file_list]
    assert failed(vibs.vib(file_list=slashed)) == {
        "files: the file list has plain relative paths": (
            "is not a plain relative path of a file (VF313)"
        )
    }
    many = [f"etc/{number}" for number in range(20)]
    assert "and 15 more (VF311)" in failed(vibs.vib(file_list=many)).values()


def test_what_is_no_tar_leaves_the_files_unchecked() -> None:
    outcome, reason = outcomes(vibs.vib(content=b"just text"))[
        "files: the payloads hold every file of the file list"
    ]
    assert (outcome, reason) == (Outcome.NOT_CHECKED, "acme could not be read as a tar")


def test_values_that_cannot_be_read_fail() -> None:
    data = replaced(vibs.vib(), "<overlay>false", "<overlay>maybe")
    assert "descriptor: every value can be read" in failed(data)


def test_a_level_that_is_none_fails() -> None:
    assert failed(vibs.vib(acceptance_level="VMwareAccepted")) == {
        "level: the acceptance level is valid": (
            "'VMwareAccepted' is not an acceptance level (VF212)"
        ),
        "container: ESXi's reader accepts archive and descriptor": (
            "ESXi's reader refuses it: VIB 'acme-1.0.0-1' has invalid acceptance level "
            "'VMwareAccepted'. (VF110)"
        ),
    }


def test_an_unsigned_claim_is_a_warning_with_the_auditors_view() -> None:
    data = vibs.vib(acceptance_level="accepted")
    outcome, reason = outcomes(data)["level: a level above community has a signature"]
    assert outcome is Outcome.WARNING
    assert "it claims VMwareAccepted and is not signed" in reason
    assert "malware" in reason
    found = verify(Vib.from_bytes(data))
    assert found.held
    assert found.require() is found


def test_one_changed_letter_breaks_the_signature() -> None:
    data = replaced(vibs.signed_vib(), "<summary>Acme<", "<summary>Acne<")
    statement = "signature: is over this descriptor, by the key of its certificate"
    assert failed(data)[statement] == "the descriptor is not the text that was signed"


def test_a_signer_is_not_judged_without_a_store() -> None:
    found = verify(Vib.from_bytes(vibs.signed_vib()))
    signer = next(fact for fact in found.facts if fact.topic is Topic.SIGNER)
    assert signer.outcome is Outcome.NOT_CHECKED
    assert signer.reason


@pytest.mark.parametrize(
    "stored",
    [
        STORED[:-20],
        STORED + b"tail",
        b"\x1f\x8b" + b"\xff" * 90,
        vibs.zstd_compressed(vibs.image())[:-9],
        vibs.packed(vibs.image()[:700]),
    ],
    ids=["cut", "a tail", "damaged", "cut zstd", "cut tar"],
)
def test_damaged_payloads_fail_with_all_that_follows_from_it(stored: bytes) -> None:
    found = failed(vibs.vib(stored=stored))
    assert "payload: unpacks and reads to its end" in found
    assert all(found.values())
    with pytest.raises(VerificationError, match="unpacks"):
        verify(Vib.from_bytes(vibs.vib(stored=stored))).require()


@pytest.mark.parametrize(
    "pack",
    [vibs.zstd_compressed, vibs.zstd_in_gzip],
    ids=["zstd", "zstd in gzip"],
)
def test_bombs_end_early(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, Work.UNPACKED, Limit(1000, 64, ""))
    with pytest.raises(LimitError, match="bytes unpacked"):
        verify(Vib.from_bytes(vibs.vib(content=bytes(1_000_000), pack=pack)))


def test_data_that_overlap_fail() -> None:
    files = [vibs.File(path=f"etc/{name}", content=b"x" * 10) for name in "ab"]
    image = bytearray(vibs.image(files, vmtar))
    offset = image[496:500]
    block = bytearray(image[512:1024])
    block[496:500] = offset
    from tests.formats.test_tar_reading import changed  # noqa: PLC0415 - the one helper of it

    image[512:1024] = changed(bytes(block), 496, bytes(offset))
    found = failed(vibs.vib(files, content=bytes(image)))
    assert "overlap" in found["payload: unpacks and reads to its end"]


def test_a_bundle_has_facts_of_its_own_and_parts(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.bundle())
    found = verify(path)
    assert found.held
    topics = {fact.topic for fact in found.facts if fact.subject}
    assert topics == {Topic.METADATA}
    assert [part.vib_id for part in found.parts] == ["ACME_bootbank_acme_1.0.0-1"]


@pytest.mark.parametrize("size", ["1", "9" * 5000, "-1", ""])
def test_an_announced_size_that_lies_is_told_or_not_checked(tmp_path: Path, size: str) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.bundle(inner={"vibs/": bundles.packed_size(size)}))
    facts = [fact for fact in verify(path).facts if "packed-size" in fact.statement]
    assert [fact.outcome for fact in facts] == ([Outcome.FAILED] if size == "1" else [])


def test_a_broken_vib_in_a_bundle_is_a_failed_fact(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.bundle(outer={bundles.PATH: b"<html>"}))
    found = verify(path)
    assert not found.held
    assert [fact.reason for fact in found.facts if fact.outcome is Outcome.FAILED] == [
        "an HTML page, not a VIB (VF614)"
    ]


def test_a_zip_in_a_zip_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "outer.zip"
    path.write_bytes(bundles.zipped([("a.zip", bundles.bundle()), ("read.me", b"x")]))
    assert verify(path).name == f"{path}:a.zip"
    path.write_bytes(bundles.zipped([("a.zip", bundles.bundle()), ("b.zip", bundles.bundle())]))
    found = verify(path)
    assert [part.name for part in found.parts] == [f"{path}:a.zip", f"{path}:b.zip"]
    assert len(list(found.all_facts)) == 2 * len(list(found.parts[0].all_facts))


def test_folders_and_payloads_say_nothing_to_hold_them_against(tmp_path: Path) -> None:
    (tmp_path / "descriptor.xml").write_bytes(vibs.descriptor())
    (tmp_path / "payload").write_bytes(vibs.GNU_IMAGE)
    for path in (tmp_path, tmp_path / "payload"):
        with pytest.raises(FormatError, match="not a VIB or a bundle"):
            verify(path)


def test_several_files_keep_their_order_and_their_errors(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.vib" for number in range(6)]
    for path in paths:
        path.write_bytes(vibs.vib())
    paths[2].write_bytes(b"")
    paths[4].unlink()
    told: list[tuple[int, int]] = []
    found = verify_all(paths, lambda done, size: told.append((done, size)))
    assert [path for path, _each in found.found] == [paths[0], paths[1], paths[3], paths[5]]
    assert all(each.held for _path, each in found.found)
    assert [each.path for each in found.unreadable] == [paths[2], paths[4]]
    assert all(each.problems for each in found.unreadable)
    assert told
    assert all(done <= size for done, size in told)


def test_large_payloads_are_hashed_in_a_thread(tmp_path: Path) -> None:
    large = vibs.File(path="opt/large", content=bytes(range(250)) * 12_000)
    path = vibs.write(tmp_path, files=[large], pack=bytes)
    assert verify(path).held
    data = bytearray(path.read_bytes())
    data[1_500_000] ^= 1
    path.write_bytes(data)
    assert not verify(path).held


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak of memory")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """A payload of 300 MB takes less than 12 MiB above what a small VIB takes."""
    tree = tmp_path / "p/opt"
    tree.mkdir(parents=True)
    (tree / "noise").write_bytes(random.Random(1).randbytes(20_000_000))
    with (tree / "big").open("wb") as file:
        file.truncate(280_000_000)
    large = build(tmp_path / "p", tmp_path / "dist").vib_path
    small = tmp_path / "small.vib"
    small.write_bytes(vibs.signed_vib())
    assert _growth(small, large) < 12 * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak of memory")
def test_a_long_file_list_takes_little_memory(tmp_path: Path) -> None:
    """15,000 files take less than 11 MiB above what a small VIB takes: 700 bytes for each."""
    paths = (f"opt/d{number // 100:03}/f{number:06}" for number in range(15_000))
    files = [vibs.File(path=path, content=shake_256(path.encode()).digest(512)) for path in paths]
    large = vibs.write(tmp_path, "large", files=files)
    small = tmp_path / "small.vib"
    small.write_bytes(vibs.signed_vib())
    assert _growth(small, large) < 11 * 1024


def _growth(small: Path, large: Path) -> int:
    """Return the KiB that the peak grows by when a large VIB is verified after a small one."""
    script = (
        "import pathlib, sys; from vibforge.packages.verify import verify;"
        "status = pathlib.Path('/proc/self/status');"
        "peak = lambda: int(status.read_text().partition('VmHWM:')[2].split()[0]);"
        "verify(sys.argv[1]); before = peak(); assert verify(sys.argv[2]).held;"
        "print(peak() - before)"
    )
    command = [sys.executable, "-c", script, str(small), str(large)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
