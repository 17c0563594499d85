"""The programs of linuxptp and of the system that a rehearsal runs."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import NotPossibleHereError, Problem
from vibforge.trx.release import RANK, RELEASES

OLDEST = "3.0"
"""The first release with PORT_STATS_NP, the counters that a verdict needs."""

_ALSO_IN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where distributions keep these programs, often not on the PATH of an ordinary user."""

_VERSION_SECONDS = 5.0
_PACKAGES = {
    "ptp4l": "linuxptp",
    "pmc": "linuxptp",
    "phc2sys": "linuxptp",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""Debian's package of each program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """Where each program is, what linuxptp calls itself, and the release that this stands for."""

    paths: dict[str, Path]
    version: str
    release: str

    def path(self, name: str) -> str:
        return str(self.paths[name])

    def knows(self, release: str) -> bool:
        """Whether linuxptp here is at least `release`."""
        return RANK[self.release] >= RANK[release]


def find_programs() -> Programs:
    """Find everything that a rehearsal runs.

    Raises:
        NotPossibleHereError: a program is missing, or linuxptp is too old or does not answer.
    """
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ALSO_IN])
    found = {name: shutil.which(name, path=search) for name in _PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise NotPossibleHereError.of(
            Problem(what=f"{name} is missing", remedy=f"Debian: apt install {_PACKAGES[name]}")
            for name in missing
        )
    paths = {name: Path(path) for name, path in found.items() if path}
    version = _version(paths["ptp4l"])
    return Programs(paths=paths, version=version, release=_release(version))


def _version(ptp4l: Path) -> str:
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command
            [ptp4l, "-v"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotPossibleHereError(f"{ptp4l} does not say its version: {error}") from error
    return asked.stdout[:100].decode("ascii", "replace").strip()


def _release(version: str) -> str:
    """The newest release that is not newer than `version`; builds between releases count down."""
    number = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if number is None:
        raise NotPossibleHereError(
            f"ptp4l calls itself {version!r}, which is no version of linuxptp",
            remedy="Install linuxptp: Debian has it under that name.",
        )
    ours = tuple(int(part or 0) for part in number.groups())
    older = [name for name in RELEASES if name in _NUMBERS and _NUMBERS[name] <= ours]
    if not older or RANK[older[-1]] < RANK[OLDEST]:
        raise NotPossibleHereError(
            f"linuxptp {version} is too old: a rehearsal reads counters that came with {OLDEST}",
            remedy=f"Install linuxptp {OLDEST} or later.",
        )
    return older[-1]


_NUMBERS = {
    name: tuple(int(part) for part in f"{name}.0".split(".")[:3])
    for name in RELEASES
    if name[0].isdigit()
}
