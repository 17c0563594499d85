"""The circumstances that must not change the bytes of a VIB, each for one build."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from vibforge.errors import ModelError

_NOBODY = "nobody"
_MANY_THREADS = 4
HASH_SEED = "PYTHONHASHSEED"
"""The variable that decides the order of sets of texts."""


class Circumstance(StrEnum):
    """What is different in a build."""

    TIME_ZONE = "time-zone"
    LOCALE = "locale"
    UMASK = "umask"
    DIRECTORY = "directory"
    COPY = "copy"
    ORDER = "order"
    HASH_SEED = "hash-seed"
    THREADS = "threads"
    USER = "user"
    PYTHON = "python"

    @classmethod
    def read(cls, words: Iterable[str]) -> tuple["Circumstance", ...]:
        """Return the circumstances that are named; all if none is.

        Raises:
            ModelError: a word names none.
        """
        named = tuple(words)
        for word in named:
            if word not in set(cls):
                raise ModelError(
                    f"{word!r} is not a variation", remedy=f"choose from {', '.join(cls)}"
                )
        return tuple(cls(word) for word in named) or tuple(cls)


class User(Struct, frozen=True):
    """A user that a process can run as."""

    uid: int
    gid: int


class Variation(Struct, frozen=True, kw_only=True):
    """One way in which a build differs from the reference."""

    circumstance: Circumstance
    what: str
    """In words, such as `TZ=<+1345>-13:45`."""
    environment: Mapping[str, str] = {}
    umask: int = -1
    """-1 for that of this process."""
    directory: str | None = None
    """The working directory; None for that of this process."""
    on_copy: bool = False
    """Whether it builds a copy of the project, with other file times, and modes by the umask."""
    user: User | None = None
    reverse: bool = False
    """Whether folders list their entries in the reverse order."""
    threads: int | None = None
    python: str = sys.executable
    named: bool = False
    """Whether the user named this Python, so that it must run."""
    blocked: str = ""
    """Why this machine cannot do it."""

    @property
    def may_be_missing(self) -> bool:
        """Whether it is no failure if the process cannot run vibforge."""
        return self.circumstance in {Circumstance.USER, Circumstance.PYTHON} and not self.named


def variations(
    wanted: Iterable[Circumstance],
    environment: Mapping[str, str],
    pythons: Iterable[str],
    named_pythons: Iterable[str],
) -> tuple[Variation, ...]:
    """Return the builds to try, in the order of the circumstances.

    Args:
        wanted: the circumstances.
        environment: the variables of the reference, which each variation must not repeat.
        pythons: the interpreters that were found.
        named_pythons: the interpreters that the user named.
    """
    chosen = set(wanted)
    every = [*_plain(environment), *_of_system(), *_of_pythons(pythons, named_pythons)]
    return tuple(each for each in every if each.circumstance in chosen)


def _plain(environment: Mapping[str, str]) -> Iterator[Variation]:
    """Yield the variations of environment, folders and threads, which every system can do."""
    zone = _other(environment.get("TZ"), "<+1345>-13:45", "<-0930>9:30")
    seed = _other(environment.get(HASH_SEED), "1", "2")
    threads = 1 if (os.cpu_count() or 1) > 1 else _MANY_THREADS
    yield Variation(
        circumstance=Circumstance.TIME_ZONE, what=f"TZ={zone}", environment={"TZ": zone}
    )
    yield Variation(
        circumstance=Circumstance.LOCALE,
        what="LC_ALL=C, texts in ASCII",
        environment={
            "LC_ALL": "C",
            "LANG": "C",
            "LANGUAGE": "tr",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
        },
    )
    yield Variation(
        circumstance=Circumstance.DIRECTORY,
        what="started in /",
        directory=os.path.abspath(os.sep),  # noqa: PTH100 - of this drive
    )
    yield Variation(
        circumstance=Circumstance.COPY, what="another folder, other file times", on_copy=True
    )
    yield Variation(
        circumstance=Circumstance.ORDER, what="folders list entries in reverse", reverse=True
    )
    yield Variation(
        circumstance=Circumstance.HASH_SEED,
        what=f"{HASH_SEED}={seed}",
        environment={HASH_SEED: seed},
    )
    yield Variation(
        circumstance=Circumstance.THREADS,
        what=f"{threads} compressing thread{'' if threads == 1 else 's'}",
        threads=threads,
    )


def _other(now: str | None, first: str, second: str) -> str:
    return second if now == first else first


def _of_system() -> Iterator[Variation]:
    """Yield the variations that only POSIX systems have."""
    posix = os.name == "posix"
    lacks = "" if posix else "this system has no umask"
    yield Variation(
        circumstance=Circumstance.UMASK,
        what="umask 077, for a copy of the project too",
        umask=0o077 if posix else -1,
        on_copy=True,
        blocked=lacks,
    )
    user = _nobody() if posix and os.geteuid() == 0 else None
    yield Variation(
        circumstance=Circumstance.USER,
        what=f"user {_NOBODY}, with a copy of the project",
        on_copy=True,
        user=user,
        environment={"HOME": "/", "USER": _NOBODY, "LOGNAME": _NOBODY},
        blocked="" if user else "only root can become another user",
    )


def _nobody() -> User | None:
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        found = pwd.getpwnam(_NOBODY)
    except KeyError:
        return None
    return User(found.pw_uid, found.pw_gid)


def _of_pythons(found: Iterable[str], named: Iterable[str]) -> Iterator[Variation]:
    for python in named:
        yield Variation(circumstance=Circumstance.PYTHON, what=python, python=python, named=True)
    for python in found:
        yield Variation(circumstance=Circumstance.PYTHON, what=python, python=python)
