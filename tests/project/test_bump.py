"""`vibforge bump`: the next version in a recipe, and nothing else."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.test_reading import run
from tests.trees import make_tree
from vibforge.errors import ModelError, OutputError, VibforgeError
from vibforge.project.bump import VersionPart, bump, next_of
from vibforge.vib.identity import LENGTH_LIMIT, Version, check_version

RECIPE = """\
# Ours.\r
name = 'agent'\r
"version"   =  '1.2.3-4'   # version = "9.9-9"\r
summary = '''
version = "0-0"
'''
[bundle]
version = 1  # of another table
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    make_tree(tmp_path / "agent", {"vibforge.toml": RECIPE})
    return tmp_path / "agent/vibforge.toml"


@pytest.mark.parametrize(
    ("part", "version", "following"),
    [
        ("major", "1.2.3-4", "2.0.0-1"),
        ("minor", "1.2.3-4", "1.3.0-1"),
        ("patch", "1.2.3-4", "1.2.4-1"),
        ("release", "1.2.3-4", "1.2.3-5"),
        ("minor", "1-1", "1.1-1"),
        ("patch", "1.0-2", "1.0.1-1"),
        ("patch", "1.2.3.4-1", "1.2.4.0-1"),
        ("minor", "8.045a-1", "8.46-1"),
        ("release", "2.4.0-1.git.5", "2.4.0-2"),
        ("patch", "2.4.0-1.git.5", "2.4.1-1"),
    ],
)
def test_the_next_version_of_each_part(part: str, version: str, following: str) -> None:
    assert next_of(version, VersionPart(part)) == following


@given(
    st.from_regex(r"[0-9]{1,4}[a-z]?(\.[0-9a-z]{1,4}){0,4}-[0-9][0-9a-z.]{0,6}", fullmatch=True),
    st.sampled_from(VersionPart),
)
def test_the_next_version_is_higher_for_a_host(version: str, part: VersionPart) -> None:
    try:
        following = next_of(version, part)
    except ModelError as error:
        assert f"use at most {LENGTH_LIMIT}" in str(error)  # noqa: PT017 - else the test goes on
        return
    check_version(following)
    assert Version(following) > Version(version)


def test_only_the_version_changes_byte_for_byte(recipe: Path) -> None:
    recipe.chmod(0o640)
    bumped = bump(recipe.parent)
    assert (bumped.old, bumped.new, bumped.is_higher) == ("1.2.3-4", "1.2.3-5", True)
    assert recipe.read_bytes() == RECIPE.replace("1.2.3-4", "1.2.3-5").encode()
    assert stat.S_IMODE(recipe.stat().st_mode) == 0o640
    assert bump(recipe, VersionPart.MAJOR).new == "2.0.0-1"
    assert bump(recipe, version="v2.4").rules == ("`v` dropped", "`-1` added")
    assert recipe.read_bytes() == RECIPE.replace("1.2.3-4", "2.4-1").encode()
    assert list(recipe.parent.iterdir()) == [recipe]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('\ufeffversion = "1"\n', '\ufeffversion = "1-2"\n'),
        ("version = 'v1.0'", "version = '1.0-2'"),
        ('version = """1.0-1"""', 'version = "1.0-2"'),
        ('a = [1,\n2]\nversion="1-1"', 'a = [1,\n2]\nversion="1-2"'),
        ('version = "\\u0031-1"', 'version = "1-2"'),
    ],
)
def test_every_way_to_write_it(text: str, after: str, tmp_path: Path) -> None:
    file = make_tree(tmp_path, {"my.toml": text}) / "my.toml"
    bump(file)
    assert file.read_text(encoding="utf-8") == after


@pytest.mark.parametrize(
    ("version", "after"), [("2.4.4", "2.4.4-1"), ("8.045a-napi", "8.045a-1napi")]
)
def test_a_version_that_stays_as_it_is_grows_from_there(
    version: str, after: str, tmp_path: Path
) -> None:
    text = f'version = "{version}"\nversion-as-is = true\n'
    bumped = bump(make_tree(tmp_path, {"vibforge.toml": text}))
    assert (bumped.old, bumped.new, bumped.is_higher) == (version, after, True)


def test_a_version_that_is_set_already_or_lower_is_said(recipe: Path) -> None:
    before = recipe.stat()
    assert not bump(recipe, version="1.2.3-4").is_higher
    assert recipe.stat().st_mtime_ns == before.st_mtime_ns
    done = run("bump", "--version", "1.2.2", folder=recipe.parent)
    assert done.stdout == (
        "vibforge.toml: 1.2.3-4 → 1.2.2-1 (`-1` added)\n"
        "  ! 1.2.2-1 is not higher than 1.2.3-4 for a host: a host that has 1.2.3-4 is not updated "
        "to it.\n"
    )
    assert "is 1.2.2-1 already" in run("bump", "--version=1.2.2-1", folder=recipe.parent).stdout


def test_a_link_to_a_recipe_stays_a_link(recipe: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(recipe)
    bump(link)
    assert link.is_symlink()
    assert "1.2.3-5" in recipe.read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('name = "x"\nversion = "git"', "vibforge.toml:2: version: the version comes from git"),
        ('version = "${V:-1.0-1}"', "vibforge.toml:1: version: the version comes from the env"),
        ('name = "x"', "vibforge.toml:1: version: there is no version"),
        ("version = 1", "vibforge.toml:1: version: is a whole number, but must be a text"),
        ('version = "one"', "vibforge.toml:1: version: 'one' is not a VIB version"),
        (f'version = "{"1" * 33}-9"', "use at most 35"),
        ("version = ", "not valid TOML"),
        ("version.x = 1", "is a table, but must be a text"),
        (b"\xff", "is not UTF-8"),
        ("#" * 2_000_000, "more than"),
    ],
)
def test_a_version_that_cannot_grow(text: str | bytes, problem: str, tmp_path: Path) -> None:
    make_tree(tmp_path, {"vibforge.toml": text})
    before = (tmp_path / "vibforge.toml").read_bytes()
    with pytest.raises(ModelError) as caught:
        bump(tmp_path)
    assert problem in str(caught.value)
    assert (tmp_path / "vibforge.toml").read_bytes() == before


def test_projects_without_a_recipe_are_refused(tmp_path: Path) -> None:
    make_tree(tmp_path / "stage", {"descriptor.xml": "<vib/>"})
    for path in (tmp_path / "stage", tmp_path / "stage/descriptor.xml", tmp_path / "none"):
        with pytest.raises(ModelError, match="there is no recipe") as caught:
            bump(path)
        assert "vibforge build --version" in caught.value.problems[0].remedy


def test_a_folder_that_cannot_be_written_keeps_the_recipe(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OutputError):
        bump(recipe)
    assert recipe.read_bytes() == RECIPE.encode()
    assert list(recipe.parent.iterdir()) == [recipe]


def test_the_options_are_named(recipe: Path) -> None:
    folder = recipe.parent
    for text in ("one", ""):
        done = run("bump", f"--version={text}", folder=folder)
        assert f"--version: {text!r} is not a VIB version" in done.stderr
    both = run("bump", "--version=2", "--part=minor", folder=folder)
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)
    assert run("bump", "--part", "minor", folder=folder).stdout == (
        "vibforge.toml: 1.2.3-4 → 1.3.0-1\n"
    )


@given(st.text(max_size=60))
def test_no_document_ends_in_a_traceback(text: str) -> None:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - hypothesis runs it often

    with TemporaryDirectory() as folder:
        file = make_tree(Path(folder), {"a.toml": text.encode("utf-8", "replace")}) / "a.toml"
        try:
            bump(file)
        except VibforgeError as error:
            assert error.problems  # noqa: PT017 - any other exception fails the test
