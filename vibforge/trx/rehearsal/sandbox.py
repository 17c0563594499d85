"""Private namespaces for a rehearsal: two networks with one link, removed at the end.

A keeper process is the init of a PID namespace in which everything else runs. It reads its standard
input, which only vibforge holds open. When vibforge ends, even by SIGKILL, the keeper reads end of
file, removes the folder and exits, and the kernel kills the other processes of its namespace. A
user namespace is tried first, where no process can set the clock; otherwise root's own namespaces
are used, without CAP_SYS_TIME.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

from vibforge.errors import NotPossibleHereError
from vibforge.trx.rehearsal.linuxptp import Programs

_LONGEST_FOLDER = 55
"""The longest base folder: a socket path has at most 107 bytes (unix(7)), we add up to 50."""

_PATIENCE = 5.0
"""Seconds for steps that take milliseconds: making namespaces, setting up the link."""

_KEEPER = (
    'read pid rest < /proc/self/stat; echo "$pid"; cat > /dev/null; [ -z "$1" ] || rm -rf -- "$1"'
)
"""/proc shows the keeper's process number as seen outside its namespace."""


class SandboxKind(StrEnum):
    """Where a rehearsal runs."""

    USER = "a private user and network namespace"
    ROOT = "root's private network namespaces"
    HOST = "the network of this machine"


_CREATE = {
    SandboxKind.USER: ("--user", "--map-root-user", "--net", "--pid"),
    SandboxKind.ROOT: ("--net", "--pid"),
    SandboxKind.HOST: ("--pid",),
}
_JOIN = {
    SandboxKind.USER: ("-U", "--preserve-credentials", "-n"),
    SandboxKind.ROOT: ("-n",),
    SandboxKind.HOST: (),
}


class Sandbox(Struct):
    """A folder for sockets and files, and prefixes that run a command as grandmaster or client."""

    kind: SandboxKind
    folder: Path
    as_grandmaster: tuple[str, ...]
    as_client: tuple[str, ...]
    client_interface: str
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def run(self, *command: str, seconds: float = _PATIENCE) -> "subprocess.CompletedProcess[str]":
        """Run a short command on the client's side and wait for it.

        Raises:
            subprocess.TimeoutExpired: it took longer than `seconds`.
        """
        return _run((*self.as_client, *command), seconds)

    def start(
        self, side: Sequence[str], *command: str, output: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        """Start a command and do not wait; `output` is Popen's `stdout`, also for errors."""
        process = subprocess.Popen(  # noqa: S603 - programs of linuxptp, no shell
            [*side, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        self.started.append(process)
        return process

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a process that `start` returned, and wait for its end.

        The process is nsenter, which ends when its child ends: the child is killed.
        """
        for child in _children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def private_world(programs: Programs) -> Iterator[Sandbox]:
    """Yield a sandbox of two private networks.

    Raises:
        NotPossibleHereError: neither a user namespace nor root's namespaces can be made.
    """
    reasons = []
    for kind in (SandboxKind.USER, SandboxKind.ROOT):
        with contextlib.ExitStack() as stack:
            try:
                world = _private(programs, kind, stack)
            except _RefusedError as refusal:
                reasons.append(f"{kind}: {refusal}")
                continue
            yield world
            return
    raise NotPossibleHereError(
        "this machine allows no private network (" + "; ".join(reasons) + ")",
        remedy="Allow unprivileged user namespaces, run as root, or give a container"
        " CAP_SYS_ADMIN and CAP_NET_ADMIN.",
    )


@contextlib.contextmanager
def host_world(programs: Programs, interface: str) -> Iterator[Sandbox]:
    """Yield a sandbox on a network interface of this machine.

    Raises:
        NotPossibleHereError: not root, or no such interface.
    """
    if not Path("/sys/class/net", interface).exists() or "/" in interface:
        raise NotPossibleHereError(
            f"this machine has no interface {interface!r}", remedy="`ip link` lists interfaces."
        )
    if os.geteuid() != 0:
        raise NotPossibleHereError(
            f"PTP on {interface} needs ports 319 and 320 and raw sockets, which only root may use",
            remedy="Run it as root (it never sets the clock), or record the network with tcpdump"
            " and give --pcap.",
        )
    with contextlib.ExitStack() as stack:
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_reap, started)
        try:
            folder = stack.enter_context(_folder())
            side = _enter(
                programs, SandboxKind.HOST, _keeper(programs, SandboxKind.HOST, folder, stack)
            )
        except _RefusedError as refusal:
            raise NotPossibleHereError(f"no private PID namespace: {refusal}") from refusal
        yield Sandbox(
            kind=SandboxKind.HOST,
            folder=folder,
            as_grandmaster=(),
            as_client=side,
            client_interface=interface,
            started=started,
        )


def _private(programs: Programs, kind: SandboxKind, stack: contextlib.ExitStack) -> Sandbox:
    started: list[subprocess.Popen[bytes]] = []
    stack.callback(_reap, started)
    folder = stack.enter_context(_folder())
    first = _keeper(programs, kind, folder, stack)
    grandmaster = _enter(programs, kind, first)
    second = _kept([*grandmaster, programs.path("unshare"), "--net", *_keeper_of("")], stack)
    world = Sandbox(
        kind=kind,
        folder=folder,
        as_grandmaster=grandmaster,
        as_client=_enter(programs, kind, second),
        client_interface="client",
        started=started,
    )
    _join(programs, kind, first, second)
    return world


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    try:
        base = tempfile.gettempdir()
        if len(base) > _LONGEST_FOLDER:
            base = "/tmp"  # noqa: S108 - mkdtemp makes a folder of its own there
        folder = Path(tempfile.mkdtemp(prefix="vibforge-rehearsal-", dir=base))
    except OSError as error:
        raise NotPossibleHereError(f"cannot make a folder for sockets: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keeper(
    programs: Programs, kind: SandboxKind, folder: Path, stack: contextlib.ExitStack
) -> int:
    create = (programs.path("unshare"), *_CREATE[kind], "--fork", "--kill-child")
    return _kept([*create, *_keeper_of(str(folder))], stack)


def _keeper_of(folder: str) -> tuple[str, ...]:
    return ("sh", "-c", _KEEPER, "keeper", folder)


def _kept(command: Sequence[str], stack: contextlib.ExitStack) -> int:
    """Start a keeper and return its process number as seen from here."""
    process = subprocess.Popen(  # noqa: S603 - a fixed script; the folder is one argument
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stack.callback(_let_go, process)
    word = _first_line(process)
    if not word.isdigit():
        raise _RefusedError(_last_words(process))
    return int(word)


def _first_line(process: "subprocess.Popen[bytes]") -> bytes:
    if process.stdout is None or not select.select([process.stdout], [], [], _PATIENCE)[0]:
        return b""
    return process.stdout.readline(20).strip()


def _last_words(process: "subprocess.Popen[bytes]") -> str:
    try:
        _, words = process.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        return "no answer"
    return _one_line(words.decode("utf-8", "replace")) or "no reason given"


def _reap(started: list["subprocess.Popen[bytes]"]) -> None:
    """Wait for the started processes; the end of the keeper has already killed them."""
    for process in started:
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _one_line(words: str) -> str:
    return "; ".join(words.split("\n")).strip("; ")[:300]


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    """Close the keeper's input, which ends its namespace, and wait; kill it if that fails."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _enter(programs: Programs, kind: SandboxKind, keeper: int) -> tuple[str, ...]:
    enter = (programs.path("nsenter"), "-t", str(keeper), *_JOIN[kind], "-p")
    if kind is SandboxKind.USER:
        return enter
    without_clock = ("--bounding-set", "-sys_time", "--inh-caps", "-sys_time")
    return (programs.path("setpriv"), *without_clock, *enter)


def _join(programs: Programs, kind: SandboxKind, first: int, second: int) -> None:
    """Connect the two networks by one link, with addresses without duplicate detection.

    These commands run outside the PID namespace, since `netns` takes a process number of theirs.
    """
    gm, client = (
        (programs.path("nsenter"), "-t", str(keeper), *_JOIN[kind], programs.path("ip"))
        for keeper in (first, second)
    )
    _ip(*gm, "link", "add", "gm", "type", "veth", "peer", "name", "client", "netns", str(second))
    for side, name, last in ((gm, "gm", 1), (client, "client", 2)):
        _ip(*side, "link", "set", "lo", "up")
        _ip(*side, "link", "set", name, "addrgenmode", "none")
        _ip(*side, "addr", "add", f"192.0.2.{last}/24", "dev", name)
        with contextlib.suppress(_RefusedError):  # a kernel without IPv6 can do the rest
            _ip(*side, "addr", "add", f"fe80::{last}/64", "dev", name, "nodad")
        _ip(*side, "link", "set", name, "up")


def _ip(*command: str) -> None:
    try:
        done = _run(command, _PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise _RefusedError("ip does not answer") from error
    if done.returncode:
        raise _RefusedError(f"ip {command[-1]}: {_one_line(done.stderr)}")


def _run(command: Sequence[str], seconds: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - fixed commands, no shell
        command,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        encoding="utf-8",
        errors="replace",
    )


def _children(parent: int) -> Iterator[int]:
    """Yield the child processes of `parent`, as numbers of this PID namespace."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):  # it has ended meanwhile
            # The name in parentheses may hold anything, blanks and parentheses too (proc(5)).
            rest = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if rest[1] == str(parent):
                yield int(status.parent.name)


class _RefusedError(Exception):
    """The system refuses to make a namespace or a link."""
