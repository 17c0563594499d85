"""What several commands tell programs, each in one shape: entries, faults, causes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vibforge.errors import Problem
from vibforge.formats.tar_header import Entry
from vibforge.report import units
from vibforge.report.plain import kind_name, moment

if TYPE_CHECKING:
    from vibforge.host.prediction import Cause
    from vibforge.model.several import Unreadable

Facts = dict[str, Any]


def faults(problems: Iterable[Problem]) -> list[Facts]:
    """Return problems as programs read them."""
    return [
        {"what": each.what, "where": each.where or None, "remedy": each.remedy or None}
        for each in problems
    ]


def unreadable(files: "Iterable[Unreadable]") -> list[Facts]:
    """Return the files that a command could not read, each with the reasons."""
    return [{"path": str(each.path), "faults": faults(each.problems)} for each in files]


def entry(of: Entry) -> Facts:
    """Return an entry of a payload."""
    return {
        "path": of.path,
        "kind": kind_name(of.kind),
        "mode": units.mode(of.mode),
        "owner": of.uid,
        "group": of.gid,
        "size": of.size,
        "link": of.link or None,
        "mtime": moment(of.mtime),
    }


def cause(of: "Cause") -> Facts:
    """Return why a host or a reader does what it does."""
    return {
        "what": of.what,
        "subject": of.subject or None,
        "certainty": of.certainty.value,
        "rule": of.rule or None,
    }
