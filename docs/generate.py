"""Write the pages of the reference that are made from the code; a test holds them against it."""

from pathlib import Path

from vibforge.report.recipe_reference import recipe_page

REFERENCE = Path(__file__).parent / "reference"
PAGES = {"recipe.md": recipe_page}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
