from pathlib import Path

import pytest

import vibforge
from tests import vibs
from tests.trees import make_tree
from tests.vibs import File, make
from vibforge.errors import ModelError
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.findings.check import Allowance
from vibforge.packages.lint import FAULT_LIMIT, CheckSelection, LintResult, chosen, find_rule, lint
from vibforge.vib.scan import VibScan


def result(choice: CheckSelection, *, count: int = 1) -> LintResult:
    folder = File(path="bin", content=None, mode=0o755)
    files = tuple(File(path=f"bin/{number}") for number in range(count))
    return lint([VibScan(make((folder, *files)), "acme.vib")], choice)


def test_an_allowed_finding_keeps_its_reason_and_does_not_count() -> None:
    for word in ("VF218", "vf218", "path-outside-list"):
        allowance = Allowance(rule=word, because="hosts are installed with -f")
        found = result(CheckSelection(allowances=(allowance,)))
        assert found.good
        assert [f.because for f in found.findings] == ["hosts are installed with -f"]
    assert not result(CheckSelection()).good


def test_many_faults_of_one_rule_are_counted() -> None:
    findings = result(CheckSelection(select=("VF218",)), count=FAULT_LIMIT + 5).findings
    assert len(findings) == FAULT_LIMIT + 1
    assert findings[-1].what == "and 5 more"


def test_rules_are_chosen_by_id_family_or_name() -> None:
    assert chosen(("VF218",), (), STOCK_TARGETS) == {"VF218"}
    assert chosen(("path-outside-list",), (), STOCK_TARGETS) == {"VF218"}
    assert "VF501" in chosen(("vf5",), (), STOCK_TARGETS)
    assert "VF501" not in chosen(("VF5",), ("VF501",), STOCK_TARGETS)
    assert chosen((), ("VF",), STOCK_TARGETS) == frozenset()


@pytest.mark.parametrize("word", ["VF999", "no-such-rule", ""])
def test_a_word_that_names_no_rule(word: str) -> None:
    with pytest.raises(ModelError, match="there is no rule") as caught:
        chosen((word,), (), STOCK_TARGETS)
    assert caught.value.problems[0].remedy == "`vibforge lint` prints the rule of each finding"


def test_a_rule_that_is_nearly_named_is_offered() -> None:
    with pytest.raises(ModelError) as caught:
        chosen(("descriptor-not-firs",), (), STOCK_TARGETS)
    assert caught.value.problems[0].remedy == "did you mean VF101 descriptor-not-first?"


def test_find_rule() -> None:
    rule = find_rule("vf305")
    assert rule is not None
    assert rule.name == "no-gunzip-sha256"
    assert rule.releases == "8.0 and later"
    assert find_rule("VF999") is None


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("VF2188", "did you mean VF218?"),
        ("path-outside-lists", "VF218 path-outside-list"),
        ("VF999", "`vibforge lint` prints the rule of each finding"),
    ],
)
def test_what_is_like_a_rule_is_named(word: str, remedy: str) -> None:
    with pytest.raises(ModelError) as caught:
        chosen((word,), (), STOCK_TARGETS)
    assert remedy in caught.value.problems[0].remedy


def test_a_rule_says_itself_in_short_and_for_whom() -> None:
    told = {word: find_rule(word) for word in ("VF101", "VF305", "VF306", "VF317", "VF602")}
    assert {word: rule.releases for word, rule in told.items() if rule} == {
        "VF101": "all",
        "VF305": "8.0 and later",
        "VF306": "5.0 to 6.5 U3; not known for 9.1 and later",
        "VF317": "6.5 to 8.0 U3; not known for 5.0 to 6.0, 9.1 and later",
        "VF602": "7.0 and later",
    }
    rule = find_rule("VF101")
    assert rule is not None
    assert rule.summary == "The descriptor is not the first member of the archive."
    assert rule.name == "descriptor-not-first"


def test_settings_fill_in_the_template_of_a_stage_directory(tmp_path: Path) -> None:
    text = vibs.descriptor('<payload name="payload1" type="tgz"/>').replace(b"1.0.0-1", b"${V}")
    stage = make_tree(
        tmp_path / "stage", {"descriptor.xml": text, "payloads/payload1/opt/acme/a": "a"}
    )
    assert b"${V}" in text
    (unreadable,) = vibforge.lint(stage).unreadable
    assert "holds the placeholder ${V}" in str(unreadable)
    both = vibforge.lint([stage, vib_file(tmp_path)], settings={"version": "1.2-1"})
    assert not both.unreadable


def test_settings_without_a_project_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no project is named"):
        vibforge.lint(vib_file(tmp_path), settings={"version": "1.2-1"})


def vib_file(folder: Path) -> Path:
    return make_tree(folder, {"a.vib": vibs.vib()}) / "a.vib"
