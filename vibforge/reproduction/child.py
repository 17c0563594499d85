"""One build in a process of its own: the request comes on standard input as JSON."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from vibforge.errors import Problem, VibforgeError, refused
from vibforge.formats.deflating import CompressionLevel, codec_version
from vibforge.project.build import build_plan
from vibforge.project.plan_build import plan_build, without_key
from vibforge.trx.check import allowances


class Request(Struct, frozen=True, kw_only=True):
    """What to build; settings may be secret, so a request is never an argument."""

    project: str
    output: str
    settings: dict[str, str] = {}
    allow: dict[str, str] = {}
    level: str = CompressionLevel.FAST.name
    threads: int | None = None
    reverse: bool = False
    """Whether folders list their entries in the reverse of the system's order."""


class Reply(Struct, frozen=True, kw_only=True):
    """What became of a request; `problems` if it could not be done."""

    python: str = ""
    codec: str = ""
    vib: str = ""
    """The path of the VIB."""
    problems: tuple[Problem, ...] = ()
    lacks: str = ""
    """What the interpreter lacks to run vibforge."""


def run() -> None:
    """Carry out the request on standard input and print the reply."""
    request = message_of(sys.stdin.buffer.read(), Request)
    if request.reverse:
        _reverse_folders()
    sys.stdout.buffer.write(bytes_of(carry_out(request)))


_Message = TypeVar("_Message", Request, Reply)


def bytes_of(message: Request | Reply) -> bytes:
    """Return a message as JSON in ASCII; paths may hold bytes that are no UTF-8."""
    return json.dumps(msgspec.to_builtins(message)).encode("ascii")


def message_of(data: bytes, kind: type[_Message]) -> _Message:
    """Read a message.

    Raises:
        ValueError: it is not JSON, or another message.
    """
    return msgspec.convert(json.loads(data), kind)


def carry_out(request: Request) -> Reply:
    """Build what a request names, unsigned."""
    try:
        plan = plan_build(
            request.project,
            settings=request.settings,
            allow=allowances(request.allow) if request.allow else (),
            instructions=False,
            keyless=True,
        )
        level = CompressionLevel[request.level]
        built = build_plan(
            without_key(plan), Path(request.output), level=level, threads=request.threads
        )
    except VibforgeError as error:
        return Reply(python=_python(), codec=codec_version(), problems=error.problems)
    except OSError as error:
        return Reply(python=_python(), codec=codec_version(), problems=refused(error).problems)
    return Reply(python=_python(), codec=codec_version(), vib=str(built.vib_path))


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


class _Reversed:
    """The entries of a folder, last first; closes as `os.scandir` does."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401 - the type has no public name
        with found:
            self._entries: Iterator[Any] = iter(list(found)[::-1])

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:  # noqa: ANN401 - an entry of a folder
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: the folder is closed already."""


def _reverse_folders() -> None:
    """Let this process see the entries of folders in the reverse order."""
    scan, names = os.scandir, os.listdir
    os.scandir = lambda *where: _Reversed(scan(*where))  # type: ignore[assignment] # this process only
    os.listdir = lambda *where: names(*where)[::-1]  # type: ignore[assignment] # the same
