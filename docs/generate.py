"""Write the pages of the reference that are made from the code; a test holds them against it."""

from pathlib import Path

from docs.library import library_page
from docs.limits import limits_page
from docs.vocabulary import vocabulary_page
from vibforge.report import explain
from vibforge.report.reference_pages import (
    json_page,
    options_page,
    profiles_page,
    recipe_page,
    trx_rules_page,
)
from vibforge.report.traces_page import traces_page

REFERENCE = Path(__file__).parent / "reference"


def _trx_example(rule: str, kind: str) -> bytes:
    return (REFERENCE / "trx-rules" / rule / f"{kind}.conf").read_bytes()


def _trx_rules_page() -> str:
    return trx_rules_page(_trx_example)


PAGES = {
    "api.md": library_page,
    "json.md": json_page,
    "limits.md": limits_page,
    "recipe.md": recipe_page,
    "rules.md": explain.rules_page,
    "traces.md": traces_page,
    "trx-options.md": options_page,
    "trx-profiles.md": profiles_page,
    "trx-rules.md": _trx_rules_page,
    "vocabulary.md": vocabulary_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
