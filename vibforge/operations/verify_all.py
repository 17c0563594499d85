"""Verify several files at once, over the processors of the machine."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Lock

from vibforge.errors import VibforgeError
from vibforge.model.several import Several
from vibforge.operations.verification import Verification
from vibforge.operations.verify import verify_path
from vibforge.trust.policy import NO_POLICY, TrustPolicy

_THREAD_LIMIT = 8
"""Files at once: each takes up to 25 MiB of memory, and 130 MiB more while zstd is unpacked."""


class _StoppedError(Exception):
    """The others were told to stop."""


class _Share:
    """Adds up what all threads have read."""

    def __init__(self, size: int, on_progress: Callable[[int, int], None] | None) -> None:
        self._size = size
        self._done = 0
        self._lock = Lock()
        self._on_progress = on_progress
        self.stopping = Event()

    def advance(self, count: int) -> None:
        if self.stopping.is_set():
            raise _StoppedError
        if self._on_progress:
            with self._lock:
                self._done = min(self._size, self._done + count)
                self._on_progress(self._done, self._size)


def verify_all(
    paths: Sequence[Path],
    on_progress: Callable[[int, int], None] | None = None,
    policy: TrustPolicy = NO_POLICY,
) -> Several[Verification]:
    """Verify files, and return for each what was found, or why it could not be verified.

    Args:
        paths: VIBs and bundles.
        on_progress: is told the bytes that were read, and how many there are in all.
        policy: whom to trust.
    """
    share = _Share(sum(map(_size, paths)), on_progress)

    def one(path: Path) -> Verification | VibforgeError:
        try:
            return verify_path(path, share.advance, policy)
        except VibforgeError as error:
            return error

    if len(paths) == 1:
        return Several.of([(paths[0], one(paths[0]))])

    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for several files

    with ThreadPoolExecutor(min(_THREAD_LIMIT, os.cpu_count() or 1)) as pool:
        try:
            return Several.of(zip(paths, pool.map(one, paths), strict=True))
        except BaseException:
            share.stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0
