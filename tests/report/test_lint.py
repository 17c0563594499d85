"""Findings as text and as JSON."""

from tests.report.schemas import facts_of
from tests.report.test_annotations import result
from vibforge.report.documents.lint import Lint
from vibforge.report.lint import lint_text
from vibforge.report.paint import Paint


def test_text_and_json() -> None:
    text = lint_text(result(allow=True), Paint())
    assert "allowed bin/a,b:c%" in text
    assert "0 errors, 0 warnings, 0 notes, 1 allowed" in text
    facts = facts_of(Lint.of(result()))
    assert next(iter(facts)) == "format"
    assert facts["format"] == "vibforge/lint/1"
    assert not facts["good"]
