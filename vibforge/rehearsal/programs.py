"""The programs that a rehearsal runs: the system's tools, and linuxptp for each side."""

from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import NotPossibleHereError, Problem
from vibforge.rehearsal.linuxptp import (
    OF_CLIENT,
    OF_GRANDMASTER,
    Linuxptp,
    installed,
    installed_linuxptp,
    linuxptp_of,
)

_PACKAGES = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""Debian's package of each tool."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """Where each tool of the system is, and the linuxptp of the client and of the grandmaster."""

    tools: dict[str, Path]
    client: Linuxptp
    grandmaster: Linuxptp

    def path(self, tool: str) -> str:
        return str(self.tools[tool])


def find_programs(client: Path | None = None, grandmaster: Path | None = None) -> Programs:
    """Find everything that a rehearsal runs.

    Args:
        client: the folder of the client's linuxptp, None for the one that is installed.
        grandmaster: the same for the grandmaster.

    Raises:
        TrxError: a folder does not exist or lacks a program.
        NotPossibleHereError: a tool is missing, or a linuxptp is missing, too old or does not run.
    """
    found = {name: installed(name) for name in _PACKAGES}
    problems = [
        Problem(what=f"{name} is missing", remedy=f"Debian: apt install {_PACKAGES[name]}")
        for name, path in found.items()
        if path is None
    ]
    own = None
    if client is None or grandmaster is None:
        try:
            own = installed_linuxptp()
        except NotPossibleHereError as error:
            problems += error.problems
    if problems:
        raise NotPossibleHereError.of(problems)
    return Programs(
        tools={name: Path(path) for name, path in found.items() if path},
        client=_side(client, OF_CLIENT, own),
        grandmaster=_side(grandmaster, OF_GRANDMASTER, own),
    )


def _side(folder: Path | None, programs: tuple[str, ...], own: Linuxptp | None) -> Linuxptp:
    if folder is None and own is not None:
        return own
    return linuxptp_of(folder or Path(), programs)
