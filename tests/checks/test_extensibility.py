import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.relax_ng import complaints, grammar
from tests.releases import ESXI_65, ESXI_67, ESXI_80
from vibforge.checks.extensibility import find_disallowed, path_list_certainty
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release

COMMUNITY, PARTNER = AcceptanceLevel.COMMUNITY, AcceptanceLevel.PARTNER
_PARTS = st.sampled_from(
    [
        "etc",
        "vmware",
        "opt",
        "init.d",
        "rc.local.d",
        "driverXmap.d",
        "usr",
        "lib",
        "trx.conf",
        "..",
        "",
    ]
)
paths = st.lists(_PARTS, min_size=1, max_size=6).map("/".join)


@given(st.sampled_from(list(AcceptanceLevel)), st.lists(paths, max_size=4), st.booleans())
def test_the_grammar_and_the_table_agree(
    level: AcceptanceLevel,
    files: list[str],
    overlay: bool,  # noqa: FBT001 - drawn
) -> None:
    refused = bool(complaints(level, files, overlay=overlay))
    assert refused is bool(find_disallowed(level, files, overlay=overlay))


def test_the_grammar_says_what_hosts_print() -> None:
    said = complaints(COMMUNITY, ["etc/vmware/trx.conf"])
    assert any("Element vib failed to validate content" in message for message in said)


def test_the_offender_is_named() -> None:
    found = find_disallowed(COMMUNITY, ["opt/a", "etc/vmware/trx.conf", "bin/b"])
    assert found.paths == ("etc/vmware/trx.conf", "bin/b")
    assert not found.overlay


@pytest.mark.parametrize(("level", "refused"), [(COMMUNITY, True), (PARTNER, False)])
def test_overlays(level: AcceptanceLevel, refused: bool) -> None:  # noqa: FBT001 - a column
    assert find_disallowed(level, ["opt/a"], overlay=True).overlay is refused


def test_the_grammar_is_one_that_any_validator_reads() -> None:
    assert grammar().count('<element name="vib">') == 2


@pytest.mark.parametrize(
    ("release", "path", "sure"),
    [
        (ESXI_67, "etc/init.d/x", Certainty.MEASURED),
        (Release(6, 7, 3), "bin/x", Certainty.INFERRED),
        (ESXI_65, "bin/x", Certainty.MEASURED),
        (ESXI_80, "bin/x", Certainty.INFERRED),
        (ESXI_80, "etc/init.d/x", Certainty.UNKNOWN),
        (Release(5, 5), "bin/x", Certainty.UNKNOWN),
        (Release(10, 0), "bin/x", Certainty.UNKNOWN),
    ],
)
def test_how_sure_a_list_is(release: Release, path: str, sure: Certainty) -> None:
    assert path_list_certainty(release, (path,)) is sure
