"""Certificates that expire are warned of; the warning changes neither a byte nor a verdict."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

import vibforge
from tests.cli.test_reading import run
from tests.signing.lab import RELEASE_DATE, Lab, vib
from tests.signing.made import key, made
from tests.trees import trx_tree
from vibforge.formats.certificate import Certificate, parse_certificate
from vibforge.packages.sign import sign_vib
from vibforge.packages.verification import Outcome, Verification
from vibforge.report import documents
from vibforge.report.build import build_text
from vibforge.report.paint import Paint
from vibforge.signing.expiry import WARNED_DAYS, expiries
from vibforge.signing.key_files import KeySigner

ROOT_END = datetime(2028, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
ROOT = made("root", ca=True, dates=(FIRST, ROOT_END), serial=4711)
OWN = made("partner/lab", ROOT, own=key(1), dates=(FIRST, END), serial=4712)
SIGNER = KeySigner(OWN.key, (OWN.certificate, ROOT.certificate))
SUBJECT = "O=lab,CN=partner"
MOMENTS = {
    "long before": (END - timedelta(days=31), []),
    "a month before": (END - timedelta(days=30), [(SUBJECT, False)]),
    "the second before": (END - timedelta(seconds=1), [(SUBJECT, False)]),
    "at the end": (END, [(SUBJECT, True)]),
    "the root, too": (ROOT_END - timedelta(days=1), [(SUBJECT, True), ("CN=root", False)]),
    "both": (ROOT_END, [(SUBJECT, True), ("CN=root", True)]),
}


def certificate(last: datetime) -> Certificate:
    loaded = made("x", dates=(datetime(1951, 1, 1, tzinfo=UTC), last)).certificate
    return parse_certificate(loaded.public_bytes(serialization.Encoding.DER))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.vib"
    path.write_bytes(vib())
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.certificate.public_bytes(serialization.Encoding.PEM))
    return path


@given(
    st.datetimes(datetime(1951, 1, 2), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - made aware
    st.datetimes(timezones=st.just(UTC)),
)
def test_any_two_moments_can_be_compared(last: datetime, now: datetime) -> None:
    last = last.replace(microsecond=0)
    found = expiries([certificate(last)], now)
    assert bool(found) is (last - now <= timedelta(days=WARNED_DAYS))
    assert all(each.expired is (last <= now) for each in found)


def warnings_of(found: Verification) -> list[str]:
    return [
        fact.reason
        for fact in found.all_facts
        if fact.topic == "dates" and fact.outcome is Outcome.WARNING
    ]


@pytest.mark.parametrize("moment", MOMENTS)
def test_verify_warns_and_judges_as_before(moment: str, file: Path, root: Path) -> None:
    now, expected = MOMENTS[moment]
    sign_vib(file, SIGNER)
    for strict in (False, True):
        result = vibforge.verify(file, trust=root, strict=strict, now=now)
        assert result.good
        texts = warnings_of(result.found[0][1])
        assert [
            (SUBJECT if SUBJECT in text else "CN=root", " expired on " in text) for text in texts
        ] == expected
        assert all(f"{END:%Y-%m-%d}" in text for text in texts[:1])


def test_verify_at_a_moment_asks_no_clock(file: Path, root: Path) -> None:
    """`--at` is the moment of the warnings, too; only then do strict rules fail."""
    sign_vib(file, SIGNER)
    late, early = ROOT_END, RELEASE_DATE
    for at, strict, good in ((late, False, True), (late, True, False), (early, True, True)):
        result = vibforge.verify(file, trust=root, strict=strict, at=at)
        assert result.good is good
        assert bool(warnings_of(result.found[0][1])) is (at == late)


def test_the_command_warns_in_text_and_json(file: Path, root: Path, tmp_path: Path) -> None:
    sign_vib(file, SIGNER)
    words = ("verify", file, "--trust", root, "--at", f"{END + timedelta(days=1):%Y-%m-%d}")
    text = run(*words, folder=tmp_path)
    assert text.returncode == 0
    assert "warning      dates       signature 1: its certificates stay valid" in text.stdout
    assert f"the certificate {SUBJECT} expired on 2027-01-01" in text.stdout
    facts = json.loads(run(*words, "--json", folder=tmp_path).stdout)
    (dated,) = [
        fact
        for fact in facts["files"][0]["facts"]
        if (fact["topic"], fact["outcome"]) == ("dates", "warning")
    ]
    assert "expired on 2027-01-01" in dated["reason"]


def test_a_bundle_is_warned_of_through_its_vibs(file: Path, root: Path, tmp_path: Path) -> None:
    sign_vib(file, SIGNER)
    bundle = tmp_path / "fleet.zip"
    vibforge.create_bundle(file, bundle, platforms="8.0", settings={"vendor-code": "LAB"})
    assert warnings_of(vibforge.verify(bundle, trust=root, now=END).found[0][1])
    judged = vibforge.verify_bundle(bundle, trust=root, now=END)
    assert judged.good
    assert warnings_of(judged.bundles[0].verification)
    assert not warnings_of(vibforge.verify_bundle(bundle, at=FIRST).bundles[0].verification)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_build_warns_and_writes_the_same_bytes(moment: str, tmp_path: Path) -> None:
    now, expected = MOMENTS[moment]
    tree = trx_tree(tmp_path / "tree")
    settings = {"acceptance-level": "partner", "release-date": RELEASE_DATE.isoformat()}
    made_files = []
    for folder, at in (("now", now), ("before", RELEASE_DATE)):
        result = vibforge.build(
            tree, tmp_path / folder, settings=settings, signer=SIGNER, now=at, environment={}
        )
        paths = sorted((tmp_path / folder).iterdir())
        made_files.append({path.name: path.read_bytes() for path in paths})
        if folder == "now":
            found = [(each.subject, each.expired) for each in result.expiring]
            assert found == expected
            text = build_text(result, Paint())
            assert all(f"{subject} expire" in text for subject, _expired in expected)
            assert ("expire" in text) is bool(expected)
            shown = documents.build.Build.of(result).expiring
            assert [(each.subject, each.expired) for each in shown] == expected
            assert [each.not_after for each in shown[:1]] == ["2027-01-01T00:00:00Z"][: len(shown)]
    assert made_files[0] == made_files[1]


def test_a_build_that_had_nothing_to_do_warns_too(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "tree")
    for unchanged in (False, True):
        result = vibforge.build(
            tree, tmp_path / "out", signer=SIGNER, now=END, environment={}, if_changed=True
        )
        assert result.unchanged is unchanged
        assert [each.expired for each in result.expiring] == [True]
        assert "expired on 2027-01-01" in build_text(result, Paint())


def test_the_warning_survives_quiet(tmp_path: Path, lab: Lab) -> None:
    """The paths go to standard output, the warning to standard error."""
    soon = datetime.now(UTC) + timedelta(days=3)
    issued = lab.issued(name="soon", dates=(None, soon))
    trx_tree(tmp_path / "p/tree")
    (tmp_path / "p/vibforge.toml").write_text(
        'name = "a"\nversion = "1.0-1"\nrelease-date = "2026-06-01"\n'
        '[[payloads]]\nname = "a"\ntree = "tree"\n'
        f'[signing]\nkey = "{issued.key_path}"\ncertificates = ["{issued.certificate_path}"]\n'
    )
    done = run("build", "p", "-o", "out", "--quiet", folder=tmp_path)
    assert done.stdout == "out/custom_bootbank_a_1.0-1.vib\n"
    assert "warning: the certificate CN=LAB soon" in done.stderr
    assert f"expires on {soon:%Y-%m-%d}" in done.stderr
