"""What several commands tell programs, each in one shape: entries, faults, causes."""

from collections.abc import Iterable
from typing import Any

from vibforge.errors import Problem
from vibforge.formats.tar_header import Entry
from vibforge.host.prediction import Cause
from vibforge.report import units
from vibforge.report.plain import kind_name, moment

Facts = dict[str, Any]


def faults(problems: Iterable[Problem]) -> list[Facts]:
    """Return problems as programs read them."""
    return [
        {"what": each.what, "where": each.where or None, "remedy": each.remedy or None}
        for each in problems
    ]


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


def cause(of: Cause) -> Facts:
    """Return why a host or a reader does what it does."""
    return {
        "what": of.what,
        "subject": of.subject or None,
        "certainty": of.certainty.value,
        "rule": of.rule or None,
    }
