import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import Struct

from docs.generate import PAGES, REFERENCE
from docs.limits import SECTIONS, limits_of
from tests.conftest import CHECKOUT
from tests.trees import trx_tree
from vibforge.project.instruct import GUIDES
from vibforge.trx.exchange.foreign import Foreign

DOCUMENTS = sorted(
    path
    for folder in (CHECKOUT, CHECKOUT / "docs", CHECKOUT / "payloads")
    for path in (folder.rglob("*.md") if folder.name == "docs" else folder.glob("*.md"))
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LIMITS_OF_WRITERS = {
    "formats.ar",
    "formats.deflating",
    "formats.gnu_tar",
    "bundle.recipe",
    "vib.identity",
    "vib.scan",
    "packages.lint",
    "bundle.create",
    "signing.signer",
    "project.pack",
}
"""What a build keeps to, or a host: other pages explain it."""
_LINK = re.compile(r"\]\(([^)#\s]+)\)")


class Session(Struct):
    """Commands of one document with the output that it claims, and its Python examples."""

    commands: list[tuple[str, str]]
    examples: list[str]


def read(document: Path) -> Session:
    session = Session([], [])
    for indent, language, body in _FENCE.findall(document.read_text(encoding="utf-8")):
        text = re.sub(f"^{indent}", "", body, flags=re.MULTILINE)
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                session.commands.append((command, output))
        elif language == "python":
            session.examples.append(text)
    return session


def matches(claimed: str, found: str) -> bool:
    """Compare texts; `…` in the claim stands for anything."""
    parts = [re.escape(part) for part in claimed.rstrip().split("…")]
    return re.fullmatch(".*".join(parts), found.rstrip(), re.DOTALL) is not None


def with_something_to_run() -> list[Path]:
    return [path for path in DOCUMENTS if (found := read(path)).commands or found.examples]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder such as a reader has: a tree to build, and `vibforge` on the path."""
    trx_tree(tmp_path / "trx-conf")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/vibforge").write_text(f'#!/bin/sh\nexec {sys.executable} -m vibforge "$@"\n')
    (tmp_path / "bin/vibforge").chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", with_something_to_run(), ids=lambda path: path.name)
def test_what_a_document_shows_is_what_happens(desk: Path, document: Path) -> None:
    environment = {"PATH": f"{desk / 'bin'}:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(desk)}
    session = read(document)
    for command, claimed in session.commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=desk,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert matches(claimed, done.stdout), f"$ {command}\n{done.stdout}{done.stderr}"
    for example in session.examples:
        subprocess.run([sys.executable, "-c", example], cwd=desk, env=environment, check=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_made_from_the_code_are_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_the_readme_names_every_document() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    folders = (CHECKOUT / "docs/how-to", CHECKOUT / "docs/reference")
    pages = [str(page.relative_to(CHECKOUT)) for folder in folders for page in folder.glob("*.md")]
    assert [page for page in pages if page not in readme] == []


@pytest.mark.parametrize("name", GUIDES)
def test_what_a_build_writes_is_on_its_page(name: str) -> None:
    assert f"`{name}`" in (REFERENCE / "build.md").read_text(encoding="utf-8")


def test_every_limit_of_a_reader_is_on_its_page() -> None:
    shown = {module for modules in SECTIONS.values() for module in modules}
    for folder in (
        "formats",
        "files",
        "vib",
        "signing",
        "bundle",
        "packages",
        "project",
        "evidence",
    ):
        for path in sorted((CHECKOUT / "vibforge" / folder).glob("*.py")):
            module = f"{folder}.{path.stem}"
            if limits_of(module) and module not in _LIMITS_OF_WRITERS:
                assert module in shown, f"{module} has limits that docs/limits.py does not show"
    page = PAGES["limits.md"]()
    for module in shown:
        for name, reason in limits_of(module).items():
            assert reason, f"{module}.{name} has no reason"
            assert f"| {reason} |" in page


def test_what_to_contribute_names_what_there_is() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in CHECKOUT.glob("tests/**/*.py"))
    named = re.findall(r"`(test_\w+)`", text)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in tests] == []
    paths = re.findall(r"`((?:vibforge|operations|tests|templates|docs)/[\w./-]+)`", text)
    roots = (CHECKOUT, CHECKOUT / "vibforge")
    assert [path for path in paths if not any((root / path).exists() for root in roots)] == []


@pytest.mark.parametrize("target", Foreign)
def test_every_target_is_in_the_how_to(target: Foreign) -> None:
    page = (CHECKOUT / "docs/how-to/trx-conf.md").read_text(encoding="utf-8")
    assert str(target) in page
