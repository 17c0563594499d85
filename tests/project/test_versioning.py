"""Versions as people write them, and versions from the tags of a git history."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.project.repository import Repository
from tests.trees import make_tree, trx_tree
from vibforge.api.build import build
from vibforge.api.lint import lint
from vibforge.errors import ModelError
from vibforge.project import versioning
from vibforge.project.git import Changes, Commit, Tag
from vibforge.project.plan_build import BuildPlan, plan_build
from vibforge.project.recipe import Recipe
from vibforge.project.versioning import BuildVersion, build_version, latest_version, version_tags
from vibforge.vib.identity import LENGTH_LIMIT, Version, check_version, written_version

RECIPE = """\
name = "agent"
version = "git"
[[payloads]]
name = "files"
tree = "files"
"""


@pytest.fixture
def repository(tmp_path: Path, tool: Callable[[str], str]) -> Repository:
    """A repository with one commit of a recipe whose version comes from git."""
    tool("git")
    made = Repository(tmp_path / "repository")
    made.commit({"vibforge.toml": RECIPE, "files/etc/x": "0\n"})
    return made


def change(repository: Repository, *tags: str) -> str:
    return repository.commit({"files/etc/x": f"{repository.commits}\n"}, *tags)


def planned(project: Path, **settings: str) -> BuildPlan:
    return plan_build(project, settings=settings, environment={})


def version_of(project: Path, **settings: str) -> str:
    return planned(project, **settings).recipe.version


def refused(project: Path, **settings: str) -> str:
    with pytest.raises(ModelError) as caught:
        planned(project, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "version", "rules"),
    [
        ("2.4.0-1", "2.4.0-1", ()),
        ("2.4.0", "2.4.0-1", ("`-1` added",)),
        ("v2.4.0", "2.4.0-1", ("`v` dropped", "`-1` added")),
        ("v2.4.0-3", "2.4.0-3", ("`v` dropped",)),
        ("2", "2-1", ("`-1` added",)),
    ],
)
def test_a_version_as_people_write_it(text: str, version: str, rules: tuple[str, ...]) -> None:
    written = written_version(text)
    assert (written.given, written.version, written.rules) == (text, version, rules)


@pytest.mark.parametrize(
    "text", ["", "v", "vv1", "V1", "one", "1.0-", "-1", "1-1-1", "1-rc1", "v1 ", " 1", "1_0", "1٣"]
)
def test_what_is_no_version_is_refused_as_it_was_written(text: str) -> None:
    with pytest.raises(ModelError, match="is not a VIB version") as caught:
        written_version(text)
    assert repr(text) in str(caught.value)


@given(st.from_regex(r"v?[0-9][0-9A-Za-z.]{0,40}(-[0-9][0-9a-z.]{0,10})?", fullmatch=True))
def test_every_version_becomes_one_that_vmware_s_template_allows(text: str) -> None:
    try:
        found = written_version(text).version
    except ModelError as error:
        assert f"use at most {LENGTH_LIMIT}" in str(error)  # noqa: PT017 - else the test goes on
        return
    check_version(found)
    assert written_version(found).version == found


def test_all_ways_to_give_a_version_know_the_rule(tmp_path: Path) -> None:
    project = trx_tree(tmp_path / "tree")
    assert planned(project, version="v2.4.0").vib_id == "custom_bootbank_tree_2.4.0-1"
    make_tree(tmp_path / "agent", {"vibforge.toml": RECIPE.replace("git", "v2.4"), "files/x": ""})
    plan = planned(tmp_path / "agent")
    assert plan.vib_id == "custom_bootbank_agent_2.4-1"
    assert plan.version.origin == "v2.4: `v` dropped, `-1` added"
    assert planned(tmp_path / "agent", version="2.4-1").version.origin == ""


def test_on_a_tag_the_version_is_the_tag_and_grows_behind_it(repository: Repository) -> None:
    project = repository.project
    repository.git("tag", "v2.4.0")
    found = [version_of(project)]
    for _ in range(11):
        change(repository)
        found.append(version_of(project))
    change(repository, "v2.4.1-1")
    found.append(version_of(project))
    assert found[:3] == ["2.4.0-1", "2.4.0-1.git.1", "2.4.0-1.git.2"]
    assert found[-2:] == ["2.4.0-1.git.11", "2.4.1-1"]
    assert all(Version(one) < Version(two) for one, two in pairwise(found))
    plan = planned(project)
    assert plan.version == BuildVersion(
        version="2.4.1-1", given="git", rules=("`v` dropped",), tag="v2.4.1-1"
    )
    assert plan.version.origin == "the tag v2.4.1-1: `v` dropped"


@pytest.mark.parametrize("words", [(), ("-a", "-m", "x")])
def test_both_kinds_of_tags_count(words: tuple[str, ...], repository: Repository) -> None:
    repository.git("tag", *words, "v1.0")
    change(repository)
    assert version_of(repository.project) == "1.0-1.git.1"
    repository.git("checkout", "-q", "--detach", "HEAD~1")
    assert version_of(repository.project) == "1.0-1"


def test_tags_that_are_no_versions_are_passed_over(repository: Repository) -> None:
    assert "no tag of this commit or its ancestors is a version" in refused(repository.project)
    repository.git("tag", "v1.0.0")
    change(repository, "latest", "v2.0.0-rc1", "release/2", "2.x_old", "x1.0")
    assert version_of(repository.project) == "1.0.0-1.git.1"


def test_a_lower_tag_of_a_merged_branch_does_not_count(repository: Repository) -> None:
    """The nearest tag would make the version of the merge lower than those before it."""
    repository.git("tag", "v1.0")
    repository.git("checkout", "-q", "-b", "old")
    make_tree(repository.folder / "other", {"x": "x"})
    repository.commit({}, "v1.0.1")
    repository.git("checkout", "-q", "main")
    change(repository, "v2.0")
    change(repository)
    before = version_of(repository.project)
    repository.git("merge", "-q", "--no-edit", "old")
    assert (before, version_of(repository.project)) == ("2.0-1.git.1", "2.0-1.git.3")


def test_a_tag_that_hosts_take_for_lower_is_refused(repository: Repository) -> None:
    repository.git("tag", "v2.4.0rc1")
    change(repository, "v2.4.0")
    message = refused(repository.project)
    assert "the tag v2.4.0 of this commit is lower, as hosts compare versions" in message
    assert "than the tag v2.4.0rc1" in message
    assert version_of(repository.project, version="v2.4.0") == "2.4.0-1"


def test_two_commits_with_one_version_are_refused(repository: Repository) -> None:
    repository.git("tag", "v2.4.0")
    repository.git("tag", "2.4.0-1")
    assert version_of(repository.project) == "2.4.0-1"
    change(repository, "2.4.00")
    assert "name different commits" in refused(repository.project)


def test_packages_of_a_monorepo_have_tags_of_their_own(repository: Repository) -> None:
    repository.git("tag", "v9.0.0")
    assert version_of(repository.project) == "9.0.0-1"
    change(repository, "agent/v1.2.0", "agentless/v8.0", "probe-2.0")
    assert version_of(repository.project) == "1.2.0-1"
    assert version_of(repository.project, name="other") == "9.0.0-1.git.1"
    assert version_of(repository.project, name="probe") == "2.0-1"
    change(repository, "agent-v1.3.0")
    assert planned(repository.project).version.origin == (
        "the tag agent-v1.3.0: `v` dropped, `-1` added"
    )
    change(repository, "agent@1.4.0")
    assert version_of(repository.project) == "1.4.0-1"


def test_files_that_are_not_in_the_commit_are_refused_or_visible(repository: Repository) -> None:
    project = repository.project
    repository.git("tag", "v1.0")
    assert version_of(project, version="git+digest") == "1.0-1"
    repository.write({"files/etc/new": "1"})
    message = refused(project)
    assert "1 file (files/etc/new) changed since the last commit" in message
    assert "git+digest" in message
    one = version_of(project, version="git+digest")
    repository.write({"files/etc/new": "2"})
    two = version_of(project, version="git+digest")
    assert one.startswith("1.0-1.git.0.dirty.c")
    assert two.startswith("1.0-1.git.0.dirty.c")
    assert one != two
    repository.commit({})
    assert Version(max(one, two, key=Version)) < Version(version_of(project))
    with_digest = version_of(project, version="git+digest")
    assert with_digest.startswith("1.0-1.git.1.c")
    assert Version("1.0-1.git.1") < Version(with_digest) < Version("1.0-1.git.2")
    assert version_of(project, version="git+digest", summary="x") != with_digest


def test_files_that_are_not_packed_do_not_count(repository: Repository) -> None:
    recipe = """\
name = "agent"
version = "git"
[[payloads]]
name = "files"
tree = "files"
exclude = ["*~"]
files = [{src = "conf/**/*.conf", dst = "etc/acme/"}]
"""
    mapped: dict[str, bytes | str] = {"vibforge.toml": recipe, "conf/a.conf": "", "conf/b": ""}
    repository.commit(mapped, "v1.0")
    project = repository.project
    repository.write({"conf/b": "x", "conf/c": "x", "files/etc/x~": "x", "dist/y": "x"})
    assert version_of(project) == "1.0-1"
    assert planned(project).dated.changes == Changes()
    repository.write({"conf/sub/new.conf": "x"})
    (project / "conf/b").unlink()
    assert "2 files (conf/b, conf/sub/new.conf) changed" in refused(project)


def test_line_ends_of_windows_are_refused(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "v1.0")
    project = repository.clone(tmp_path / "clone", "-c", "core.autocrlf=true")
    message = refused(project)
    assert "with CRLF line ends here, and with LF in the commit" in message
    assert ".gitattributes" in message


def test_a_shallow_clone_knows_only_the_version_of_its_tag(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("tag", "v1.0")
    change(repository)
    project = repository.clone(tmp_path / "later", "--depth", "1")
    date = {"release-date": "2026-01-01"}
    message = refused(project, **date)
    assert "this is a shallow clone" in message
    assert "git fetch --unshallow" in message
    change(repository, "v1.1")
    project = repository.clone(tmp_path / "tagged", "--depth", "1", "--branch", "v1.1")
    assert version_of(project, **date) == "1.1-1"
    assert "shallow" in refused(project)


@pytest.mark.parametrize("kind", ["export", "empty", "foreign"])
def test_without_a_history_there_is_no_version(
    kind: str, repository: Repository, tmp_path: Path
) -> None:
    repository.git("tag", "v1.0")
    if kind == "foreign":
        project = repository.folder / "unpacked"
    elif kind == "empty":
        project = Repository(tmp_path / "empty").project
    else:
        project = tmp_path / "export"
    shutil.copytree(repository.project, project)
    message = refused(project)
    assert f"{project}/vibforge.toml:2: version: git has no commit of this project" in message
    assert "--version 1.2.0-1" in message


def test_a_project_whose_version_stays_as_it_is_may_take_one_from_git(
    repository: Repository,
) -> None:
    as_is = {"version-as-is": "true"}
    assert version_of(repository.project, version="8.045a-napi", **as_is) == "8.045a-napi"
    repository.git("tag", "v1.0")
    assert version_of(repository.project, **as_is) == "1.0-1"


def test_lint_needs_neither_a_date_nor_a_version(repository: Repository, tmp_path: Path) -> None:
    change(repository)
    project = repository.clone(tmp_path / "clone", "--depth", "1")
    assert "this is a shallow clone" in refused(project)
    make_tree(project, {"files/etc/new": "x"})
    assert lint(project, environment={}).findings
    assert lint(project, settings={"version": "git+digest"}, environment={}).findings


def test_a_worktree_and_a_submodule_have_versions(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "v1.0")
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    assert version_of(tmp_path / "tree/agent") == "1.0-1"
    above = Repository(tmp_path / "above")
    above.git("submodule", "--quiet", "add", repository.folder.as_uri(), "sub")
    above.commit({}, "v7.0")
    assert version_of(above.folder / "sub/agent") == "1.0-1"


def test_a_version_that_gets_too_long_is_an_error(repository: Repository) -> None:
    repository.git("tag", f"{'1' * 26}-1")
    change(repository)
    assert version_of(repository.project).endswith("-1.git.1")
    message = refused(repository.project, version="git+digest")
    assert "use at most 35" in message
    assert message.startswith("--set version: ")


def test_a_build_and_its_record_have_the_version(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "v1.0")
    change(repository)
    result = build(repository.project, tmp_path / "dist", environment={})
    assert result.vib_path.name == "custom_bootbank_agent_1.0-1.git.1.vib"
    record = json.loads((tmp_path / "dist/build.json").read_text())
    assert record["recipe"]["version"] == "1.0-1.git.1"
    assert build(repository.project, tmp_path / "dist", environment={}, if_changed=True).unchanged


class History:
    """A history in memory: it answers as a checkout does."""

    def __init__(self, parents: list[list[int]], tags: list[Tag]) -> None:
        self.parents = parents
        self.all_tags = tags
        self.at = 0
        self.commit = Commit(name="x", seconds="0", is_boundary=False)
        self.project = Path()

    def ancestors(self, commit: int) -> set[int]:
        found, left = set(), [commit]
        while left:
            if (each := left.pop()) not in found:
                found.add(each)
                left += self.parents[each]
        return found

    def head(self) -> tuple[str, bool]:
        return str(self.at), False

    def tags(self) -> tuple[Tag, ...]:
        here = self.ancestors(self.at)
        return tuple(tag for tag in self.all_tags if int(tag.commit) in here)

    def distance(self, commit: str) -> int:
        return len(self.ancestors(self.at) - self.ancestors(int(commit)))


words = st.from_regex(
    r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(-[0-9]{1,2}(\.[0-9]){0,1})?", fullmatch=True
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history with merges, and tags on any of its commits."""
    size = draw(st.integers(2, 12))
    parents = [
        draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=2)) if number else []
        for number in range(size)
    ]
    commits = st.integers(0, size - 1).map(str)
    tags = [Tag("v0.0", "0"), *draw(st.lists(st.builds(Tag, words, commits), max_size=5))]
    return History(parents, tags)


@given(histories(), st.sampled_from(["git", "git+digest"]))
def test_versions_from_git_grow_along_every_history(history: History, wanted: str) -> None:
    """A commit has a higher version than each of its parents, or an error says why not."""
    recipe = Recipe(name="agent", version=wanted)
    versions: list[Version | None] = []
    for number in range(len(history.parents)):
        history.at = number
        try:
            version = build_version(recipe, history, (), Changes).version  # type: ignore[arg-type] # answers as one
        except ModelError as error:
            assert error.problems[0].remedy  # noqa: PT017 - a version is good, too
            versions.append(None)
            continue
        check_version(version)
        versions.append(Version(version))
    for number, own in enumerate(versions):
        before = [versions[parent] for parent in history.parents[number]]
        assert own is None or all(each is None or each < own for each in before)


@given(words, st.integers(1, 10**6), st.integers(1, 10**6))
def test_versions_between_two_tags_are_between_them(text: str, one: int, more: int) -> None:
    tag = Version(written_version(text).version)
    near, far = (Version(f"{tag.text}.git.{n}") for n in (one, one + more))
    dirty = Version(f"{near.text}.dirty.c01234567")
    base, _release = tag.parts
    followers = [f"{tag.text}.0", f"{tag.text}.1", f"{base}.0-1", f"{base}.1-1", f"{tag.text}a"]
    assert tag < near < dirty < far
    assert all(far < Version(each) for each in followers)


def test_the_words_for_the_tags_of_a_package() -> None:
    tags = [Tag("a.b/1.0", "x"), Tag("aXb/2.0", "x"), Tag("a.b-3", "y"), Tag("a.b-beta", "x")]
    found = version_tags(tags, "a.b")
    assert [each.written.version for each in found] == ["1.0-1", "3-1"]
    assert latest_version(found, "y", is_shallow=True).tag.name == "a.b-3"


def test_many_changed_files_are_counted() -> None:
    assert versioning.listed(["a"]) == "1 file (a)"
    assert versioning.listed([*"abcdef"]) == "6 files (a, b, c, …)"
