"""`--allow` and `--because`, which go together."""

import pytest

from vibforge.cli.arguments import reasons_of
from vibforge.errors import TrxError


@pytest.mark.parametrize(
    ("rules", "reasons", "what"),
    [
        (["tab"], [], "1 rules allowed and 0 reasons given"),
        (["tab"], ["a", "b"], "1 rules allowed and 2 reasons given"),
        ([], ["a"], "0 rules allowed and 1 reasons given"),
        (None, ["a"], "0 rules allowed and 1 reasons given"),
        (["tab,comment"], ["a", "b", "c"], "2 rules allowed and 3 reasons given"),
    ],
)
def test_each_rule_needs_its_reason(rules: list[str] | None, reasons: list[str], what: str) -> None:
    with pytest.raises(TrxError) as caught:
        reasons_of(rules, reasons)
    (problem,) = caught.value.problems
    assert problem.what == what
    assert problem.remedy.startswith("Give each --allow RULE its")


def test_one_reason_may_serve_several_rules() -> None:
    assert reasons_of(["tab", "comment"], ["tried"]) == {"tab": "tried", "comment": "tried"}
    assert reasons_of(["tab,comment"], ["a", "b"]) == {"tab": "a", "comment": "b"}
    assert reasons_of(None, None) == {}
