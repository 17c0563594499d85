"""linuxptp and the other programs that a rehearsal runs."""

import errno
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from vibforge.errors import NotPossibleHereError, Problem, TrxError
from vibforge.formats.vmtar import ELF_MAGIC
from vibforge.trx.option import RANK, newest_up_to, numbers_of

OLDEST = "3.0"
"""The first release with PORT_STATS_NP, the counters that a verdict needs."""

OF_CLIENT = ("ptp4l", "pmc", "phc2sys")
OF_GRANDMASTER = ("ptp4l", "pmc")
"""The programs that each side of a rehearsal runs."""

_ALSO_IN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where distributions keep these programs, often not on the PATH of an ordinary user."""

_IN_FOLDER = (".", "sbin", "bin", "usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin")
_LOADERS = ("ld-linux*.so.*", "ld-musl-*.so.1", "ld64.so.*")
_VERSION_SECONDS = 5.0
_LONGEST_WORDS = 200


class Linuxptp(Struct, frozen=True, kw_only=True):
    """One linuxptp: how each program is started, its version, and the release that this means.

    A program of an extracted package starts through the loader of its own folder, so a command may
    have several words.
    """

    commands: Mapping[str, tuple[str, ...]]
    version: str
    release: str

    def command(self, program: str) -> tuple[str, ...]:
        """Return the words that start `program`."""
        return self.commands[program]

    def knows(self, release: str) -> bool:
        """Whether this linuxptp is at least `release`."""
        return RANK[self.release] >= RANK[release]


def installed(program: str) -> str | None:
    """Return where a program is installed, None where it is not."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ALSO_IN])
    return shutil.which(program, path=search)


def installed_linuxptp() -> Linuxptp:
    """Return the linuxptp of this machine.

    Raises:
        NotPossibleHereError: a program is missing, too old, or does not print its version.
    """
    found = {name: installed(name) for name in OF_CLIENT}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        remedy = "Debian: apt install linuxptp"
        raise NotPossibleHereError.from_problems(
            Problem(what=f"{name} is missing", remedy=remedy) for name in missing
        )
    commands = {name: (path,) for name, path in found.items() if path}
    return _linuxptp(commands, {"ptp4l": _version(commands["ptp4l"])})


def linuxptp_of(folder: Path, programs: Iterable[str]) -> Linuxptp:
    """Return the linuxptp of a folder: programs, wrappers around them, or an extracted package.

    Args:
        folder: has the programs in itself, or in `sbin`, `usr/sbin` and the like. If it also has a
            dynamic loader, as `dpkg-deb -x` of linuxptp and its libraries leaves it, programs start
            through that one, with the libraries beside it.
        programs: those that must be there, `OF_CLIENT` or `OF_GRANDMASTER`.

    Raises:
        TrxError: no such folder, a missing program, or programs of different releases.
        NotPossibleHereError: a program does not run on this machine, or is too old.
    """
    if not folder.is_dir():
        raise TrxError(
            "this is not a folder", where=str(folder), remedy="Give the folder that holds ptp4l."
        )
    folder = folder.resolve()
    paths = {name: _find(folder, name) for name in programs}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise TrxError.from_problems(
            Problem(
                what=f"{name} is missing, also in sbin and usr/sbin",
                where=str(folder),
                remedy="Put linuxptp's programs there, or extract its package: dpkg-deb -x.",
            )
            for name in missing
        )
    commands = {name: _start_of(folder, path) for name, path in paths.items() if path}
    return _linuxptp(commands, {name: _version(words) for name, words in commands.items()})


def _find(folder: Path, name: str) -> Path | None:
    found = (folder / place / name for place in _IN_FOLDER)
    return next((path for path in found if path.is_file()), None)


def _start_of(folder: Path, program: Path) -> tuple[str, ...]:
    """Start a program through the folder's loader if it has one; scripts start as they are."""
    loader = next(_loaders(folder), None)
    with program.open("rb") as file:
        if loader is None or file.read(len(ELF_MAGIC)) != ELF_MAGIC:
            return (str(program),)
    if ":" in str(folder):
        raise TrxError(
            "the dynamic loader does not support a `:` in this path",
            where=str(folder),
            remedy="Move the folder to a path without `:`.",
        )
    libraries = (folder / top for top in ("lib", "usr/lib", "lib64", "usr/lib64"))
    listed = [str(path) for top in libraries for path in (top, *sorted(top.glob("*-*-*")))]
    return (str(loader), "--library-path", ":".join(listed), str(program))


def _loaders(folder: Path) -> Iterator[Path]:
    """Yield the loaders in a folder; a link that leads out of it would start the machine's own."""
    for top in ("lib64", "usr/lib64", "lib", "usr/lib", "lib/*-*-*", "usr/lib/*-*-*"):
        for pattern in _LOADERS:
            for path in sorted(folder.glob(f"{top}/{pattern}")):
                if path.is_file() and path.resolve().is_relative_to(folder):
                    yield path


def _linuxptp(commands: Mapping[str, tuple[str, ...]], versions: Mapping[str, str]) -> Linuxptp:
    if len(set(versions.values())) > 1:
        listed = ", ".join(f"{name} is {version}" for name, version in versions.items())
        raise TrxError(
            f"these programs are of different releases: {listed}",
            where=str(Path(commands["ptp4l"][-1]).parent),
            remedy="Give a folder with the programs of one release.",
        )
    version = versions["ptp4l"]
    return Linuxptp(commands=commands, version=version, release=_release(version))


def _version(command: tuple[str, ...]) -> str:
    program = command[-1]
    try:
        asked = subprocess.run(  # noqa: S603 - a program that the user chose
            [*command, "-v"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NotPossibleHereError(
            f"{program} -v did not answer within {_VERSION_SECONDS:.0f} s",
            remedy="Give another linuxptp.",
        ) from error
    except OSError as error:
        raise _cannot_start(program, error) from error
    words = asked.stdout[:100].decode("ascii", "replace").strip()
    if asked.returncode and not words:
        said = asked.stderr[:_LONGEST_WORDS].decode("utf-8", "replace").strip().split("\n")[0]
        said = "".join(letter if letter.isprintable() else "?" for letter in said)
        raise NotPossibleHereError(
            f"{program} -v failed: {said or f'exit {asked.returncode}'}",
            remedy=f"It must run on {platform.machine()}; extract the libraries that it needs into"
            " the same folder.",
        )
    return words


def _cannot_start(program: str, error: OSError) -> NotPossibleHereError:
    if error.errno == errno.ENOEXEC:
        what = f"{program} is not a program for this machine, which is {platform.machine()}"
        return NotPossibleHereError(what, remedy="Give linuxptp of this architecture.")
    if error.errno == errno.EACCES:
        return NotPossibleHereError(
            f"{program} is not executable",
            remedy=f"Run chmod +x {program}, on a mount without noexec.",
        )
    if error.errno == errno.ENOENT:
        return NotPossibleHereError(
            f"{program} needs a loader or an interpreter that is missing",
            remedy="Extract the libraries of its distribution (libc) into the same folder.",
        )
    return NotPossibleHereError(f"{program} does not start: {error.strerror}")


def _release(version: str) -> str:
    """The newest release that is not newer than `version`; builds between releases count down."""
    if numbers_of(version) is None:
        raise NotPossibleHereError(
            f"ptp4l -v prints {version!r}, which is not a linuxptp version",
            remedy="Install linuxptp (Debian: apt install linuxptp).",
        )
    release = newest_up_to(version)
    if release is None or RANK[release] < RANK[OLDEST]:
        raise NotPossibleHereError(
            f"linuxptp {version} is too old: a rehearsal needs counters that came with {OLDEST}",
            remedy=f"Install linuxptp {OLDEST} or later.",
        )
    return release


_PACKAGES = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""Debian's package of each tool."""


class Programs(Struct, frozen=True, kw_only=True):
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
        raise NotPossibleHereError.from_problems(problems)
    return Programs(
        tools={name: Path(path) for name, path in found.items() if path},
        client=_side(client, OF_CLIENT, own),
        grandmaster=_side(grandmaster, OF_GRANDMASTER, own),
    )


def _side(folder: Path | None, programs: tuple[str, ...], own: Linuxptp | None) -> Linuxptp:
    if folder is None and own is not None:
        return own
    return linuxptp_of(folder or Path(), programs)
