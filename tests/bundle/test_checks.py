"""For every rule of bundles, a value that breaks it, and the good one that does not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.bundles import PATH
from tests.releases import ESXI_67, ESXI_80
from tests.vibs import make
from vibforge.bundle.index import DepotVib, MissingElement, Platform, Vendor
from vibforge.bundle.metadata import Bulletin, Bundle, Response
from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.errors import Problem
from vibforge.packages.lint import BUNDLE_CHECKS, CheckSelection, lint
from vibforge.packages.subjects import opened
from vibforge.vib.descriptor import Checksum, SoftwarePlatform

VIB = make()

DIGEST = hashlib.sha256(VIB.to_bytes()).hexdigest()
MD5 = hashlib.md5(VIB.to_bytes(), usedforsecurity=False).hexdigest()
ANNOUNCED = DepotVib(
    member="vibs/acme.xml",
    descriptor=VIB.descriptor,
    relative_path=PATH,
    packed_size=VIB.source.size,
    checksums=(Checksum(checksum_type="sha-256", digest=DIGEST),),
)
FIELDS = (
    *(
        (name, "x")
        for name in ("id", "vendor", "summary", "category", "urgency", "description", "kbUrl")
    ),
    ("contact", "x"),
    ("severity", "general"),
    ("releaseType", "extension"),
)
BULLETIN = Bulletin(
    member="bulletins/acme.xml",
    fields=FIELDS,
    vib_ids=(VIB.descriptor.vib_id,),
    component_name="acme",
    component_version="1.0.0-1",
    platforms=(SoftwarePlatform(version="8.0"),),
)
PLATFORM = Platform(product_id="embeddedEsx", version="8.0", locale="", url="metadata.zip")
BUNDLE = Bundle(
    name="acme.zip",
    members=("index.xml", "vendor-index.xml", "metadata.zip", PATH),
    vendor=(("name", "ACME"), ("code", "ACM"), ("indexfile", "v"), ("relativePath", "")),
    vendors=(Vendor(name="ACME", code="ACM"),),
    platforms=(PLATFORM,),
    inner_platforms=(PLATFORM,),
    bulletins=(BULLETIN,),
    vibs=(ANNOUNCED,),
    response=Response(timestamp="2024-05-01T12:00:00", bulletins=(BULLETIN,), vibs=((),)),
)


def subject(*, inside: bool = False, **changes: object) -> BundleScan:
    bundle = replace(BUNDLE, **changes)
    return BundleScan(bundle=bundle, name="acme.zip", vibs=((PATH, VIB),), inside=inside)


def changed_bulletin(**changes: object) -> BundleScan:
    """Return a bundle whose bulletin is changed, in vmware.xml too."""
    changed = replace(BULLETIN, **changes)
    assert BUNDLE.response is not None
    return subject(bulletins=(changed,), response=replace(BUNDLE.response, bulletins=(changed,)))


def for_releases(*versions: str) -> BundleScan:
    """Return a bundle for other releases, in every place that names them."""
    platforms = tuple(replace(PLATFORM, version=version) for version in versions)
    changed = replace(
        BULLETIN, platforms=tuple(SoftwarePlatform(version=version) for version in versions)
    )
    assert BUNDLE.response is not None
    return subject(
        platforms=platforms,
        inner_platforms=platforms,
        bulletins=(changed,),
        response=replace(BUNDLE.response, bulletins=(changed,)),
    )


def announced(**changes: object) -> BundleScan:
    return subject(vibs=(replace(ANNOUNCED, **changes),))


BAD: dict[str, Callable[[], BundleScan]] = {
    "VF601": lambda: subject(
        faults=(
            MissingElement(what="there is no element code", where="a:index.xml:2", element="code"),
        )
    ),
    "VF602": lambda: changed_bulletin(component_name=""),
    "VF603": lambda: subject(vendors=(Vendor(name="ACME", code="Unknown"),)),
    "VF604": lambda: announced(descriptor=replace(VIB.descriptor, file_list=("a",))),
    "VF605": lambda: announced(relative_path="vib20/gone.vib"),
    "VF606": lambda: for_releases("5.*", "5.5.0"),
    "VF607": lambda: subject(inside=True),
    "VF608": lambda: changed_bulletin(fields=FIELDS[:2] + FIELDS[3:]),
    "VF609": lambda: subject(faults=(Problem(what="it is missing", where="acme.zip:index.xml"),)),
    "VF610": lambda: announced(packed_size=1),
    "VF611": lambda: changed_bulletin(vib_ids=("ACME_bootbank_gone_1-1",)),
    "VF612": lambda: subject(inner_platforms=()),
    "VF613": lambda: subject(response=None),
    "VF614": lambda: replace(subject(), vibs=(), unreadable=((PATH, "not a VIB"),)),
    "VF615": lambda: replace(subject(vibs=()), vibs=()),
    "VF616": lambda: subject(bulletins=()),
}


ALONG = {"VF605": {"VF604"}, "VF615": {"VF611"}, "VF616": {"VF602"}}
"""The checks that fail along with another one."""


def found(of: BundleScan, choice: CheckSelection | None = None) -> set[str]:
    return {finding.rule for finding in lint([of], choice or CheckSelection()).findings}


def test_the_good_bundle_is_good() -> None:
    assert found(subject()) == set()


@pytest.mark.parametrize("rule", BAD)
def test_a_rule_finds_its_fault(rule: str) -> None:
    assert found(BAD[rule]()) - ALONG.get(rule, set()) == {rule}


def test_every_rule_has_a_bad_bundle() -> None:
    assert {rule.id for rule in BUNDLE_CHECKS} == set(BAD)


def told(of: BundleScan) -> list[str]:
    findings = lint([of], CheckSelection()).findings
    return [f"{one.rule} {one.severity} {one.where}: {one.what}" for one in findings]


def test_every_rule_says_what_and_where(golden: Callable[[str, str], None]) -> None:
    size = f"has {VIB.source.size} bytes"  # the compressor decides how many
    lines = [line.replace(size, "has SIZE bytes") for bad in BAD.values() for line in told(bad())]
    golden("lint-of-bad-bundles.txt", "\n".join((*lines, "")))


def test_each_bulletin_and_vib_is_judged_by_itself() -> None:
    gone = replace(ANNOUNCED, relative_path="vib20/gone.vib")
    nameless = replace(ANNOUNCED, relative_path="")
    wrong = replace(ANNOUNCED, packed_size=1)
    unsized = replace(ANNOUNCED, packed_size=None)
    upper = replace(ANNOUNCED, checksums=(replace(ANNOUNCED.checksums[0], digest=DIGEST.upper()),))
    md5 = replace(ANNOUNCED, checksums=(Checksum(checksum_type="md5", digest="0"),))
    other = replace(ANNOUNCED, checksums=(replace(ANNOUNCED.checksums[0], digest="0" * 64),))
    name, size = VIB.descriptor.vib_id, VIB.source.size
    found = told(subject(vibs=(gone, nameless, unsized, upper, md5, wrong, other)))
    assert found == [
        f"VF605 error vib20/gone.vib: the bundle does not contain {name} at vib20/gone.vib",
        f"VF605 error vibs/acme.xml: the bundle does not contain {name} (it has no path)",
        f"VF610 error {PATH}: has {size} bytes, but the metadata declares 1",
        f"VF610 error {PATH}: its md5 is {MD5}, not 0",
        f"VF610 error {PATH}: its sha-256 is {DIGEST}, not {'0' * 64}",
    ]


@pytest.mark.parametrize(
    ("versions", "told_of"),
    [(("5.5.0", "5.*"), True), (("4.0.0",), True), (("5.5.0", "6.0.0"), False), ((), True)],
)
def test_only_old_hosts_are_told_of(versions: tuple[str, ...], told_of: bool) -> None:  # noqa: FBT001 - the expectation
    assert ("VF606" in found(for_releases(*versions))) is told_of


@pytest.mark.parametrize(
    ("code", "odd"), [("A1b", False), ("ABCD", True), ("AB", True), ("A-C", True), ("", True)]
)
def test_a_vendor_code_has_three_letters_or_digits(code: str, odd: bool) -> None:  # noqa: FBT001 - the expectation
    assert ("VF603" in found(subject(vendors=(Vendor(name="ACME", code=code),)))) is odd
    assert "VF603" not in found(subject(vendors=()))


def test_a_fault_leaves_the_missing_response_unsaid() -> None:
    problem = Problem(what="it is damaged", where="acme.zip:metadata.zip")
    assert told(subject(response=None, faults=(problem,))) == [
        "VF609 error metadata.zip: it is damaged"
    ]
    assert told(subject(faults=(Problem(what="it is damaged", where="acme.zip"),))) == [
        "VF609 error acme.zip: it is damaged"
    ]


@pytest.mark.parametrize("inside", [False, True])
def test_a_subject_keeps_whether_its_bundle_is_in_a_zip(inside: bool) -> None:  # noqa: FBT001 - what is kept
    made = bundle_scan(BUNDLE, {}, inside=inside)
    assert (made.inside, made.bundle, made.name) == (inside, BUNDLE, "acme.zip")


def test_another_digest_is_found_too() -> None:
    wrong = Checksum(checksum_type="sha-256", digest="0" * 64)
    assert found(announced(checksums=(wrong,))) == {"VF610"}


@pytest.mark.parametrize(
    "platforms", [(), (SoftwarePlatform(version="9.0"),)], ids=["none", "others"]
)
def test_a_bulletin_for_other_releases(platforms: tuple[SoftwarePlatform, ...]) -> None:
    assert found(changed_bulletin(platforms=platforms)) == {"VF612"}


def test_a_bulletin_that_vmware_xml_does_not_tell_of() -> None:
    assert BUNDLE.response is not None
    assert found(subject(response=replace(BUNDLE.response, bulletins=()))) == {"VF613"}


def test_components_do_not_matter_before_70() -> None:
    bad = BAD["VF602"]()
    assert found(bad, CheckSelection(targets=(ESXI_67,))) == set()
    assert found(bad, CheckSelection(targets=(ESXI_67, ESXI_80))) == {"VF602"}


def test_the_vibs_of_a_bundle_are_judged_too(corpus: Path) -> None:
    path = corpus / "bundles/lamw-vghetto-ghettoVCB-offline-bundle.zip"
    with opened(path) as subjects:
        (of,) = subjects
        assert isinstance(of, OpenBundle)
        whole = bundle_scan(of.bundle, of.sources, inside=False)
        result = lint([whole], CheckSelection())
    files = {finding.file for finding in result.findings if finding.rule == "VF305"}
    assert files == {f"{path}:vib20/ghettoVCB/virtuallyGhetto_bootbank_ghettoVCB_1.0.0-0.0.0.vib"}
