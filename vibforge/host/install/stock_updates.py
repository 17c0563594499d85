"""What an update does to a stock host, whose VIBs are known by their names alone."""

from dataclasses import replace

from vibforge.esxi.inbox import is_inbox
from vibforge.host.image import Verb
from vibforge.host.install.run import Run
from vibforge.host.question import Question


def add_stock_updates(run: Run) -> None:
    """Take a VIB for an update where the host may hold an older one of a name that ESXi brings."""
    if run.command.verb is not Verb.UPDATE or run.host.installed_known:
        return
    newer = tuple(
        package
        for package in run.change.skipped
        if package.is_installable
        and is_inbox(package.name)
        and run.answers.ask(_older(package.name))
    )
    left = tuple(package for package in run.change.skipped if package not in newer)
    run.change = replace(run.change, added=(*run.change.added, *newer), skipped=left)


def _older(name: str) -> Question:
    return Question(
        key=f"older {name}",
        if_yes=f"the host holds an older {name}",
        if_no=f"the host holds no {name} that is older",
    )
