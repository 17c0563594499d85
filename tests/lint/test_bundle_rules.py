"""For every rule of bundles, a value that breaks it, and the good one that does not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lint.making import make
from vibforge.errors import Problem
from vibforge.host.release import ESXI_67, ESXI_80
from vibforge.lint.registry import BUNDLE_RULES
from vibforge.lint.run import Choice, lint
from vibforge.lint.subject import BundleSubject, bundle_subject
from vibforge.model.bundle import Bulletin, Bundle, DepotVib, Platform
from vibforge.model.descriptor import Checksum
from vibforge.operations.subjects import OpenBundle, opened

VIB = make()
MEMBER = "vib20/acme/ACME_bootbank_acme_1.0.0-1.vib"
ANNOUNCED = DepotVib(
    member="vibs/acme.xml",
    descriptor=VIB.descriptor,
    relative_path=MEMBER,
    packed_size=VIB.source.size,
    checksums=(
        Checksum(checksum_type="sha-256", digest=hashlib.sha256(VIB.to_bytes()).hexdigest()),
    ),
)
FIELDS = tuple(
    (name, "x")
    for name in (
        "id",
        "vendor",
        "summary",
        "category",
        "urgency",
        "description",
        "kbUrl",
        "contact",
    )
)
BULLETIN = Bulletin(
    member="bulletins/acme.xml",
    fields=FIELDS,
    vib_ids=(VIB.descriptor.vib_id,),
    component_name="acme",
    component_version="1.0.0-1",
)
BUNDLE = Bundle(
    name="acme.zip",
    members=("index.xml", "vendor-index.xml", "metadata.zip", MEMBER),
    vendor=(("name", "ACME"), ("code", "ACM"), ("indexfile", "v"), ("relativePath", "")),
    platforms=(Platform(product_id="embeddedEsx", version="8.0", locale="", url="metadata.zip"),),
    bulletins=(BULLETIN,),
    vibs=(ANNOUNCED,),
)


def subject(*, inside: bool = False, **changes: object) -> BundleSubject:
    bundle = replace(BUNDLE, **changes)  # type: ignore[arg-type] # names of its fields
    return BundleSubject(bundle=bundle, name="acme.zip", vibs=((MEMBER, VIB),), inside=inside)


def announced(**changes: object) -> BundleSubject:
    return subject(vibs=(replace(ANNOUNCED, **changes),))  # type: ignore[arg-type] # the same


BAD: dict[str, Callable[[], BundleSubject]] = {
    "VF601": lambda: subject(vendor=BUNDLE.vendor[:1]),
    "VF602": lambda: subject(bulletins=(replace(BULLETIN, component_name=""),)),
    "VF603": lambda: subject(vendor=(*BUNDLE.vendor[:1], ("code", "Unknown"), *BUNDLE.vendor[2:])),
    "VF604": lambda: announced(descriptor=replace(VIB.descriptor, file_list=("a",))),
    "VF605": lambda: announced(relative_path="vib20/gone.vib"),
    "VF606": lambda: subject(platforms=(replace(BUNDLE.platforms[0], version="5.*"),)),
    "VF607": lambda: subject(inside=True),
    "VF608": lambda: subject(bulletins=(replace(BULLETIN, fields=FIELDS[1:]),)),
    "VF609": lambda: subject(faults=(Problem(what="it is missing", where="acme.zip:index.xml"),)),
    "VF610": lambda: announced(packed_size=1),
}


def found(of: BundleSubject, choice: Choice | None = None) -> set[str]:
    return {finding.rule for finding in lint([of], choice or Choice()).findings}


def test_the_good_bundle_is_good() -> None:
    assert found(subject()) == set()


@pytest.mark.parametrize("rule", BAD)
def test_a_rule_finds_its_fault(rule: str) -> None:
    assert found(BAD[rule]()) == {rule}


def test_every_rule_has_a_bad_bundle() -> None:
    assert {rule.id for rule in BUNDLE_RULES} == set(BAD)


def test_another_digest_is_found_too() -> None:
    wrong = Checksum(checksum_type="sha-256", digest="0" * 64)
    assert found(announced(checksums=(wrong,))) == {"VF610"}


def test_components_do_not_matter_before_70() -> None:
    bad = BAD["VF602"]()
    assert found(bad, Choice(targets=(ESXI_67,))) == set()
    assert found(bad, Choice(targets=(ESXI_67, ESXI_80))) == {"VF602"}


def test_the_vibs_of_a_bundle_are_judged_too(corpus: Path) -> None:
    path = corpus / "bundles/lamw-vghetto-ghettoVCB-offline-bundle.zip"
    with opened(path) as subjects:
        (of,) = subjects
        assert isinstance(of, OpenBundle)
        whole = bundle_subject(of.bundle, of.sources, inside=False)
        result = lint([whole], Choice())
    files = {finding.file for finding in result.findings if finding.rule == "VF305"}
    assert files == {f"{path}:vib20/ghettoVCB/virtuallyGhetto_bootbank_ghettoVCB_1.0.0-0.0.0.vib"}
