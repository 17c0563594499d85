"""What git tells about a project: the date of its last commit, and the files that differ."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.repository import FIRST, Repository, git
from tests.trees import make_tree
from vibforge.errors import ModelError
from vibforge.project import git as git_module
from vibforge.project.git import Changes, Checkout
from vibforge.project.plan_build import DateSource, plan_build

TREE: dict[str, bytes | str] = {
    "etc/x": "one\ntwo\n",
    "etc/program": "#!/bin/sh\n",
    "etc/link": "-> x",
    "opt/bytes": b"\0\r\n\xff",
}


@pytest.fixture
def repository(tmp_path: Path, tool: Callable[[str], str]) -> Repository:
    """A repository with one commit of a project, and a later one of something else."""
    tool("git")
    made = Repository(tmp_path / "repository")
    made.write(TREE)
    (made.project / "etc/program").chmod(0o755)
    made.commit({})
    make_tree(made.folder / "other", {"file": "x"})
    made.commit({})
    return made


def date_of(project: Path) -> int | None:
    date = Checkout(project).date()
    return date.epoch if date else None


def changes_of(project: Path, *parts: str) -> Changes:
    return Checkout(project, parts or (".",)).changes


def refused(project: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Checkout(project).date()
    return str(caught.value)


def test_the_last_commit_that_touched_the_project_dates_it(repository: Repository) -> None:
    assert date_of(repository.project) == FIRST
    repository.commit()
    assert date_of(repository.project) == FIRST + 2 * 3600


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_a_fresh_checkout_differs_in_nothing(form: str, tmp_path: Path) -> None:
    made = Repository(tmp_path / "r", f"--object-format={form}")
    made.write(TREE)
    (made.project / "etc/program").chmod(0o755)
    made.commit({})
    assert changes_of(made.project) == Changes()
    made.write({"etc/x": "other"})
    assert changes_of(made.project).files == ("etc/x",)


@pytest.mark.parametrize(
    ("change", "files"),
    [
        (lambda p: (p / "etc/x").write_text("one\ntwo!\n"), ["etc/x"]),
        (lambda p: (p / "etc/x").unlink(), ["etc/x"]),
        (lambda p: (p / "etc/new").write_text("x"), ["etc/new"]),
        (lambda p: (p / "etc/x").chmod(0o755), ["etc/x"]),
        (lambda p: (p / "etc/program").chmod(0o644), ["etc/program"]),
        (lambda p: (p / "etc/link").unlink() or (p / "etc/link").symlink_to("y"), ["etc/link"]),
        (lambda p: shutil.rmtree(p / "opt"), ["opt/bytes"]),
        (lambda p: (p / "etc/näme\n").write_text("x"), ["etc/näme\n"]),
    ],
)
def test_every_change_is_seen(
    change: Callable[[Path], object], files: list[str], repository: Repository
) -> None:
    change(repository.project)
    assert list(changes_of(repository.project).files) == files


def test_a_pipe_in_place_of_a_file_is_a_change(repository: Repository) -> None:
    path = repository.project / "etc/x"
    path.unlink()
    os.mkfifo(path)
    assert changes_of(repository.project).files == ("etc/x",)


def test_changes_in_the_index_count_even_if_the_file_is_gone_from_it(
    repository: Repository,
) -> None:
    repository.write({"etc/new": "x", "etc/x": "staged"})
    repository.git("add", "--all")
    repository.git("rm", "-q", "--cached", "agent/opt/bytes")
    assert changes_of(repository.project).files == ("etc/new", "etc/x")


def test_a_file_that_git_is_told_to_assume_unchanged_is_compared(repository: Repository) -> None:
    repository.git("update-index", "--assume-unchanged", "agent/etc/x")
    repository.git("update-index", "--skip-worktree", "agent/etc/program")
    repository.write({"etc/x": "other", "etc/program": "other"})
    assert changes_of(repository.project).files == ("etc/program", "etc/x")


def test_ignored_files_and_those_that_do_not_go_into_the_vib_do_not_count(
    repository: Repository,
) -> None:
    (repository.folder / ".gitignore").write_text("*.o\n")
    repository.commit({})
    repository.write({"opt/agent.o": "x", "dist/built": "x", "README": "x", "etc/new": "x"})
    assert changes_of(repository.project, "etc", "opt", "../other").files == ("etc/new",)
    assert changes_of(repository.project).files == ("README", "dist/built", "etc/new")
    assert changes_of(repository.project, "../other", "/etc") == Changes()


def test_a_copy_with_other_times_differs_in_nothing(repository: Repository, tmp_path: Path) -> None:
    shutil.copytree(repository.folder, tmp_path / "copy", symlinks=True)
    for path in (tmp_path / "copy/agent").rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    assert changes_of(tmp_path / "copy/agent") == Changes()


def test_line_ends_of_a_checkout_on_windows_are_named(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.folder / ".gitattributes").write_text("*.bat text eol=crlf\n")
    repository.commit({"etc/script.bat": "a\nb\n"})
    project = repository.clone(tmp_path / "clone", "-c", "core.autocrlf=true")
    assert (project / "etc/x").read_bytes() == b"one\r\ntwo\r\n"
    assert (project / "etc/script.bat").read_bytes() == b"a\r\nb\r\n"
    assert changes_of(project) == Changes(line_ends=("etc/program", "etc/x"))
    plan = plan_build(project, environment={})
    assert plan.dated.source is DateSource.COMMIT
    assert plan.dated.changes.line_ends == ("etc/program", "etc/x")


def test_a_file_of_git_lfs_is_compared_without_its_filter(repository: Repository) -> None:
    (repository.folder / ".gitattributes").write_text("*.bin filter=lfs\n")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1\n"
    repository.commit({"opt/a.bin": pointer})
    repository.write({"opt/a.bin": "x"})
    assert changes_of(repository.project) == Changes()
    repository.write({"opt/a.bin": "y"})
    assert changes_of(repository.project).files == ("opt/a.bin",)


def test_a_shallow_clone_knows_a_date_only_within_its_history(
    repository: Repository, tmp_path: Path
) -> None:
    project = repository.clone(tmp_path / "one", "--depth", "1")
    message = refused(project)
    assert "this is a shallow clone" in message
    assert "git fetch --unshallow" in message
    assert "fetch-depth: 0" in message
    assert "SOURCE_DATE_EPOCH" in message
    git(project, "branch", "grafted")
    assert "this is a shallow clone" in refused(project)
    assert plan_build(project, environment={"SOURCE_DATE_EPOCH": "1"}).dated.date.epoch == 1
    git(project, "fetch", "-q", "--unshallow")
    assert date_of(project) == FIRST

    repository.commit()
    make_tree(repository.folder / "other", {"file": "y"})
    repository.commit({})
    git(repository.folder, "branch", "grafted")
    known = repository.clone(tmp_path / "three", "--depth", "3", "--no-single-branch")
    assert date_of(known) == FIRST + 2 * 3600
    assert "shallow" in refused(repository.clone(tmp_path / "two", "--depth", "1"))


def test_a_shallow_clone_of_the_whole_history_knows_every_date(
    repository: Repository, tmp_path: Path
) -> None:
    project = repository.clone(tmp_path / "clone", "--depth", "2")
    assert git(project, "rev-parse", "--is-shallow-repository") == "true"
    assert date_of(project) == FIRST


def test_a_folder_without_git_has_no_date(tmp_path: Path, repository: Repository) -> None:
    repository.git("archive", "--format=tar", "-o", str(tmp_path / "export.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "export.tar", tmp_path / "export", filter="data")
    assert date_of(tmp_path / "export/agent") is None
    shutil.copytree(tmp_path / "export/agent", repository.folder / "foreign", symlinks=True)
    assert date_of(repository.folder / "foreign") is None, "no commit has it"


def test_a_repository_without_commits_has_no_date(tmp_path: Path) -> None:
    made = Repository(tmp_path / "empty")
    made.write(TREE)
    assert date_of(made.project) is None
    assert plan_build(made.project, environment={}).dated.source is DateSource.FIXED


def test_a_worktree_and_a_detached_head_are_read_as_any_checkout(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    assert date_of(tmp_path / "tree/agent") == FIRST
    make_tree(tmp_path / "tree/agent", {"etc/x": "other"})
    assert changes_of(tmp_path / "tree/agent").files == ("etc/x",)
    assert changes_of(repository.project) == Changes()


@pytest.fixture
def above(repository: Repository, tmp_path: Path) -> Repository:
    """A repository whose project has the other one as its submodule `opt`."""
    made = Repository(tmp_path / "above")
    made.commit()
    address = repository.folder.as_uri()
    made.git("submodule", "--quiet", "add", address, "agent/opt")
    made.commit({})
    return made


def test_a_project_in_a_submodule_has_the_history_of_the_submodule(above: Repository) -> None:
    inner = above.project / "opt/agent"
    assert date_of(inner) == FIRST
    make_tree(inner, {"etc/x": "other"})
    assert changes_of(inner).files == ("etc/x",)


def test_changes_in_a_submodule_of_the_project_are_seen(above: Repository) -> None:
    project = above.project
    assert changes_of(project) == Changes()
    make_tree(project / "opt/agent", {"etc/x": "other", "etc/new": "x"})
    found = ("opt/agent/etc/new", "opt/agent/etc/x")
    assert changes_of(project).files == found
    assert changes_of(project, "opt/agent").files == found
    git(project / "opt", "add", "--all")
    git(project / "opt", "commit", "-qm", "in the submodule only")
    assert changes_of(project).files == found, "the project names another commit of it"


def test_a_submodule_that_is_not_there_counts_as_changed(above: Repository) -> None:
    above.git("submodule", "--quiet", "deinit", "--force", "agent/opt")
    assert changes_of(above.project).files == ("opt",)


def lose_the_repository(folder: Path) -> None:
    """Leave the file of a worktree or submodule that was copied without its repository."""
    shutil.rmtree(folder / ".git")
    (folder / ".git").write_text("gitdir: /nowhere/.git/worktrees/x\n")


def lose_the_objects(folder: Path) -> None:
    shutil.rmtree(folder / ".git/objects/pack")


def break_the_settings(folder: Path) -> None:
    (folder / ".git/config").write_text("[core\n")


@pytest.mark.parametrize("damage", [lose_the_repository, lose_the_objects, break_the_settings])
def test_a_broken_repository_is_an_error_and_no_other_date(
    damage: Callable[[Path], None], repository: Repository, tmp_path: Path
) -> None:
    project = repository.clone(tmp_path / "clone")
    damage(tmp_path / "clone")
    message = refused(project)
    assert "git cannot tell about it" in message
    assert "SOURCE_DATE_EPOCH" in message


def test_without_the_program_git_a_checkout_has_no_date_of_its_own(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git cannot be run" in refused(repository.project)


def test_the_repository_of_another_user_is_an_error_and_no_other_date(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "detected dubious ownership" in refused(repository.project)


def test_an_answer_is_bounded_in_size_and_time(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(git_module, "_ANSWER_LIMIT", 10)
    assert "more than 10 bytes" in refused(repository.project)
    monkeypatch.undo()
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(git_module, "_SECONDS", 0.1)
    assert "no answer within 0.1 seconds" in refused(repository.project)


def test_a_date_that_no_vib_can_have_is_refused(repository: Repository) -> None:
    repository.commit()
    text = repository.git("cat-file", "commit", "HEAD").replace(
        f" {FIRST + 7200} ", " 10000000000 "
    )
    name = repository.git("hash-object", "-t", "commit", "-w", "--stdin", given=text.encode())
    repository.git("reset", "-q", name)
    assert "10000000000, which is not between 1970 and 2200" in refused(repository.project)


def test_a_hostile_repository_makes_git_run_nothing(repository: Repository, tmp_path: Path) -> None:
    """Every setting that names a program names one that leaves a trace."""
    trace, program = tmp_path / "trace", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >>'{trace}'\ncat\n")
    program.chmod(0o755)
    folder = repository.folder
    (folder / ".gitattributes").write_text("* filter=evil diff=evil text ident\n")
    for setting in (
        *("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.gitProxy"),
        *("core.alternateRefsCommand", "diff.external", "diff.evil.command"),
        *("diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "gpg.program"),
        *("uploadpack.packObjectsHook", "credential.helper"),
        *("alias.log", "alias.ls-files", "alias.ls-tree", "pager.log", "interactive.diffFilter"),
    ):
        repository.git("config", setting, f"!{program}" if "alias" in setting else str(program))
    for setting in ("log.showSignature", "filter.evil.required", "core.untrackedCache"):
        repository.git("config", setting, "true")
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        path = folder / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        shutil.copy(program, path)
    repository.write({"etc/x": "other"})
    repository.git("status")
    assert trace.exists(), "what is asked of git would run it"
    trace.unlink()

    checkout = Checkout(repository.project)
    assert date_of(repository.project) == FIRST
    assert checkout.changes.files == ("etc/x",)
    head, _is_shallow = checkout.head()
    assert (checkout.tags(), checkout.distance(f"{head}~1")) == ((), 1)
    assert not trace.exists()


def test_a_hostile_submodule_makes_git_run_nothing(above: Repository, tmp_path: Path) -> None:
    trace, program = tmp_path / "trace", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho x >>'{trace}'\ncat\n")
    program.chmod(0o755)
    inner = above.project / "opt"
    (inner / ".gitattributes").write_text("* filter=evil\n")
    git(inner, "config", "filter.evil.clean", str(program))
    git(inner, "config", "core.fsmonitor", str(program))
    make_tree(inner, {"agent/etc/x": "other"})
    above.git("status")
    assert trace.exists(), "what is asked of git would run it"
    trace.unlink()
    assert changes_of(above.project).files == ("opt/.gitattributes", "opt/agent/etc/x")
    assert not trace.exists()


def test_a_partial_clone_fetches_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    project = repository.clone(tmp_path / "clone", "--filter=tree:0", "--no-checkout")
    project.mkdir()
    message = refused(project)
    assert "git cannot tell about it" in message
    assert "warning" not in message


def test_folders_that_look_like_a_bare_repository_are_none(repository: Repository) -> None:
    """An archive may hold the folders of a bare repository, with settings of its own."""
    repository.write({"bare/etc/x": "x"})
    repository.commit({})
    (repository.project / "bare/objects").mkdir()
    (repository.project / "bare/refs").mkdir()
    (repository.project / "bare/HEAD").write_text("ref: refs/heads/main\n")
    assert "git cannot tell about it" in refused(repository.project / "bare")
