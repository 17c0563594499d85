"""The folder of a change record: whole or not at all, the same bytes again, safe to read."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests import vibs
from vibforge import ChangeRecord, change_record
from vibforge.cli import main
from vibforge.errors import OutputError
from vibforge.report.change_record_folder import write_record
from vibforge.report.page.change_record import change_record_page

WHEN = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
AGENT = vibs.tree(vibs.File(path="etc/init.d/agent", content=b"#!/bin/sh\n", mode=0o755))
HOSTILE = "a|b `c` <script>alert(1)</script> [x](javascript:y) \u202e *z*\n# two"
NAMES = ("change-record.md", "change-record.html", "record.json", "SHA256SUMS")


def record(path: Path) -> ChangeRecord:
    return change_record(path, date=WHEN, sboms=False)


def hostile(folder: Path) -> Path:
    """Write a VIB whose every text is an attack on a page or a table."""
    path = folder / "acme.vib"
    path.write_bytes(
        vibs.vib(
            vibs.tree(vibs.File(path="opt/a|b`<script>\n</pre>", content=b"#!/bin/sh\n")),
            file_list=["opt/a|b`<script>"],
            name="a`b|<i>\n# c```\n",
            summary=HOSTILE,
            description=f"{HOSTILE}</dd><img src=x onerror=alert(1)>",
            vendor="A|B",
        )
    )
    return path


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.handlers += [name] if name.startswith("on") else []
            self.ids += [value or ""] if name == "id" else []
            self.targets += [value or ""] if name in {"href", "src"} else []


def test_the_folder_has_all_files_and_their_digests(tmp_path: Path) -> None:
    found = change_record(vibs.write(tmp_path, files=AGENT), date=WHEN)
    names = write_record(found, tmp_path / "out")
    assert names == (*NAMES[:3], "sbom.cdx.json", "sbom.spdx.json", NAMES[3])
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(names)
    sums = (tmp_path / "out/SHA256SUMS").read_text(encoding="ascii").splitlines()
    told = {name: digest for digest, _, name in (line.partition("  ") for line in sums)}
    assert set(told) == set(names) - {"SHA256SUMS"}
    for name, digest in told.items():
        data = (tmp_path / "out" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest


def test_the_same_question_gives_the_same_bytes(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, files=AGENT)
    write_record(record(path), tmp_path / "one")
    (tmp_path / "moved").mkdir()
    moved = shutil.copy(path, tmp_path / "moved")
    before = os.umask(0o077)
    try:
        write_record(record(Path(moved)), tmp_path / "two")
    finally:
        os.umask(before)
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_record_replaces_itself_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_record(record(vibs.write(tmp_path, "one")), folder)
    write_record(record(vibs.write(tmp_path, "two")), folder)
    text = (folder / "change-record.md").read_text(encoding="utf-8")
    assert text.startswith("# Change record: two")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"not of this record: notes\.txt"):
        write_record(record(vibs.write(tmp_path, "three")), folder)
    assert (folder / "change-record.md").read_text(encoding="utf-8") == text
    assert (folder / "notes.txt").read_text() == "mine"


def test_files_of_an_older_record_do_not_stay_beside_a_new_one(tmp_path: Path) -> None:
    path, folder = vibs.write(tmp_path), tmp_path / "out"
    write_record(change_record(path, date=WHEN), folder)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    with pytest.raises(OutputError, match=r"sbom\.cdx\.json, sbom\.spdx\.json"):
        write_record(record(path), folder)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_record(record(vibs.write(tmp_path)), tmp_path / "file")
    with pytest.raises(OutputError):
        write_record(record(vibs.write(tmp_path)), tmp_path / "file/below")


def test_hostile_texts_are_text_on_the_page(tmp_path: Path) -> None:
    plain = Elements(change_record_page(record(vibs.write(tmp_path, "plain", files=AGENT)), ()))
    page = change_record_page(record(hostile(tmp_path)), ())
    found = Elements(page)
    assert "&lt;script&gt;alert(1)" in page
    assert found.tags <= plain.tags
    assert found.handlers == []
    assert "\u202e" not in page
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", page)


def test_hostile_texts_stay_in_their_cells_in_markdown(tmp_path: Path) -> None:
    pytest.importorskip("markdown_it", reason="no markdown-it-py to read Markdown with")
    from markdown_it import MarkdownIt  # noqa: PLC0415 - where it is installed

    write_record(record(hostile(tmp_path)), tmp_path / "out")
    text = (tmp_path / "out/change-record.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child.type for token in tokens for child in token.children or ()]
    assert not {"html_inline", "link_open", "image"} & set(inline)
    assert "html_block" not in {token.type for token in tokens}
    headings = [tokens[at + 1].content for at, each in enumerate(tokens) if each.tag == "h1"]
    assert len([each for each in headings if each]) <= 2
    rows: list[int] = []
    for token in tokens:
        rows += [0] if token.type == "tr_open" else []
        if token.type in {"td_open", "th_open"}:
            rows[-1] += 1
    assert set(rows) <= {2, 3, 4, 5, 6, 7}


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = Elements(change_record_page(record(vibs.write(tmp_path, files=AGENT)), ()))
    assert "script" not in found.tags
    assert found.targets
    assert len(set(found.ids)) == len(found.ids)
    assert {target.removeprefix("#") for target in found.targets} <= set(found.ids)


def test_the_head_has_the_colour_of_the_verdict(tmp_path: Path) -> None:
    high = change_record_page(record(vibs.write(tmp_path, "one", files=AGENT)), ())
    assert '<header class="open">' in high
    unmet = vibs.related(depends=["esx-version >= 99"])
    refused = change_record_page(record(vibs.write(tmp_path, "two", relationships=unmet)), ())
    assert '<header class="bad">' in refused


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = vibs.write(tmp_path, files=AGENT), tmp_path / "out"
    words = ["evidence", "change-record", str(path), "-o", str(out), "--no-sbom"]
    assert main([*words, "--date", "2026-12-01"]) == 0
    assert "Waivers needed for" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert '"format": "vibforge/change-record/1"' in capsys.readouterr().out
    (out / "mine").write_text("x")
    assert main(words) == 2
    unmet = vibs.related(depends=["esx-version >= 99"])
    bad = vibs.write(tmp_path, "bad", relationships=unmet)
    assert main(["evidence", "change-record", str(bad), "-o", str(tmp_path / "bad")]) == 1
    assert (tmp_path / "bad/record.json").is_file()


def test_a_long_list_is_cut_on_the_page_and_whole_in_json(tmp_path: Path) -> None:
    many = vibs.tree(*(vibs.File(path=f"opt/a/{at}", content=b"x") for at in range(450)))
    found = record(vibs.write(tmp_path, files=many))
    write_record(found, tmp_path / "out")
    text = (tmp_path / "out/change-record.md").read_text(encoding="utf-8")
    assert "and 50 more files, see record.json" in text
    assert '"path": "opt/a/449"' in (tmp_path / "out/record.json").read_text(encoding="ascii")


_PROBE = """<script>addEventListener("load", () => {
  const css = getComputedStyle(document.body);
  document.body.dataset.probe = JSON.stringify({
    paper: css.backgroundColor, ink: css.color,
    overflow: document.documentElement.scrollWidth - innerWidth,
    head: getComputedStyle(document.querySelector("table.stack thead")).display,
    narrowest: Math.min(...[...document.querySelectorAll("td")].map(cell => cell.clientWidth)),
  });
});</script>"""
LIGHT, DARK = 1, 0


@pytest.fixture
def chromium(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., str]:
    path = tool("chromium")

    def run(*options: str) -> str:
        command = [
            *(path, "--headless", "--disable-gpu", "--disable-background-networking"),
            *("--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}"),
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, check=True, timeout=60
        ).stdout

    return run


@pytest.mark.slow
def test_the_page_in_chromium(chromium: Callable[..., str], tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    text = change_record_page(record(hostile(tmp_path)), ())
    page.write_text(text.replace("</body>", f"{_PROBE}</body>"), encoding="utf-8")

    def probe(scheme: int, width: int) -> dict[str, str]:
        said = chromium(
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--window-size={width},2000",
            *("--dump-dom", page.as_uri()),
        )
        match = re.search(r'data-probe="([^"]*)"', said)
        assert match, said[:500]
        pairs = re.findall(r'"(\w+)":("[^"]*"|-?\d+)', match[1].replace("&quot;", '"'))
        return {name: value.strip('"') for name, value in pairs}

    light, dark, phone = probe(LIGHT, 1100), probe(DARK, 1100), probe(LIGHT, 500)
    assert light["paper"] == "rgb(255, 255, 255)"
    assert light["ink"] != dark["ink"]
    assert light["overflow"] == dark["overflow"] == phone["overflow"] == "0"
    assert (light["head"], phone["head"]) == ("table-header-group", "none")
    assert int(light["narrowest"]) > 50
    page.write_text(text, encoding="utf-8")
    chromium("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    assert 3 <= len(re.findall(rb"/Type /Page\b", paper.read_bytes())) <= 12
