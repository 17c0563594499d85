"""What the code says of formats and installs is written in docs/reference, where it says it is."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from vibforge.esxi.paths import COMMUNITY_PATTERNS, PARTNER_PATTERNS

REFERENCE = CHECKOUT / "docs" / "reference"
FORMAT = REFERENCE / "format.md"
FOLDERS = ("vibforge", "tests", "templates", "payloads", "benchmarks", "docs")
SUFFIXES = frozenset({".py", ".toml", ".md", ".j2", ".sh"})
UNPUBLISHED = "vib-" + "format"
"""The document that the code cited before its facts were written into docs/reference."""
_CITATION = re.compile(r"([\w./-]*[\w-]\.md)#([\w-]+)")
_LINK = re.compile(r"\]\(#([\w-]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_EXPLICIT = re.compile(r'<a id="([\w-]+)">')


def sources() -> Iterator[Path]:
    """Yield the texts that may cite a page."""
    yield from sorted(CHECKOUT.glob("*.md"))
    for folder in FOLDERS:
        paths = sorted((CHECKOUT / folder).rglob("*"))
        yield from (path for path in paths if path.suffix in SUFFIXES and path != Path(__file__))


def anchors(page: str) -> set[str]:
    """Return the anchors of a page as GitHub makes them of its headings."""
    seen: Counter[str] = Counter()
    found = set(_EXPLICIT.findall(page))
    for heading in _HEADING.findall(_FENCE.sub("", page)):
        slug = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(text: str, source: Path) -> list[str]:
    """Return the citations in a text whose page or anchor does not exist.

    A page is named by its path from the text, as in a link, or by its path from `docs/reference` or
    the checkout, as in a docstring.
    """
    bad = [f"#{anchor}" for anchor in _LINK.findall(text) if anchor not in anchors(text)]
    for page, anchor in _CITATION.findall(text):
        places = [folder / page for folder in (source.parent, REFERENCE, CHECKOUT)]
        pages = [place.read_text(encoding="utf-8") for place in places if place.is_file()]
        if not any(anchor in anchors(each) for each in pages):
            bad.append(f"{page}#{anchor}")
    return bad


def test_every_citation_leads_to_a_section() -> None:
    wrong = {
        str(source.relative_to(CHECKOUT)): bad
        for source in sources()
        if (bad := broken(source.read_text(encoding="utf-8"), source))
    }
    assert wrong == {}


def test_the_code_cites_the_pages_of_formats() -> None:
    cited = Counter(
        page
        for source in sources()
        if source.suffix == ".py"
        for page, _anchor in _CITATION.findall(source.read_text(encoding="utf-8"))
    )
    assert cited["format.md"] > 25
    assert cited["install.md"] > 5
    assert cited["depot-format.md"] > 3


def test_nothing_cites_a_document_that_is_not_in_the_repository() -> None:
    texts = ((source, source.read_text(encoding="utf-8")) for source in sources())
    assert [str(source) for source, text in texts if UNPUBLISHED in text] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tells a level (format.md#acceptance-levels).", []),
        ("See docs/reference/install.md#flags.", []),
        ("Tells a level (format.md#acceptance-level).", ["format.md#acceptance-level"]),
        ("Tells a level (formats.md#flags).", ["formats.md#flags"]),
        ("[flags](#flags) and [one](#one)\n\n## One\n", ["#flags"]),
    ],
)
def test_a_broken_citation_is_found(text: str, expected: list[str]) -> None:
    assert broken(text, CHECKOUT / "vibforge" / "module.py") == expected


def test_anchors_are_made_of_headings_alone() -> None:
    page = (
        "# A page\n\n## vmware.xml, `index`\n\n```sh\n# no heading\n```\n\n## Flags\n\n## Flags\n"
    )
    assert anchors(page) == {"a-page", "vmwarexml-index", "flags", "flags-1"}


def test_the_path_lists_on_the_page_are_those_of_the_checks() -> None:
    section = FORMAT.read_text(encoding="utf-8").split("### Path lists\n")[1].split("\n#")[0]
    community, more = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    assert tuple(community.split()) == COMMUNITY_PATTERNS
    assert (*COMMUNITY_PATTERNS, *more.split()) == PARTNER_PATTERNS
