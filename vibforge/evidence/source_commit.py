"""The git commit that a build was made of, as provenance states it."""

from pathlib import Path

from vibforge.errors import ModelError
from vibforge.project.git import UNSHALLOW, Checkout
from vibforge.project.ledger import Record
from vibforge.project.plan_build import DateSource
from vibforge.vib.identity import ReleaseDate


def source_commit(project: Path, record: Record) -> str:
    """Return the name of the last commit that touched a project whose files are those of it.

    Args:
        project: the folder of the project.
        record: the record of the build; if a commit dated the build, it has to be this one.

    Raises:
        ModelError: the project is in no git checkout, has files that differ from the commit, or the
            commit cannot be the one that was built.
    """
    checkout = Checkout(project)
    commit = checkout.commit
    if commit is None:
        raise ModelError("no commit of git has touched this folder", where=str(project))
    if commit.is_boundary:
        what = "this is a shallow clone, and the last commit that touched the project is not known"
        raise ModelError(what, where=str(project), remedy=UNSHALLOW)
    if changed := checkout.changes.files:
        raise ModelError(
            f"{len(changed)} of its files are not as in the commit, the first is {changed[0]}",
            where=str(project),
            remedy="commit or ignore them, build again, and attest that build",
        )
    if _dated_by_another(commit.seconds, record):
        raise ModelError(
            "the build is dated by another commit than the last one of the project",
            where=str(project),
            remedy="check that commit out, or build again",
        )
    return commit.name


def _dated_by_another(seconds: str, record: Record) -> bool:
    if record.facts.get("release_date_source") != DateSource.COMMIT:
        return False
    return record.facts.get("release_date") != str(ReleaseDate.parse(seconds))
