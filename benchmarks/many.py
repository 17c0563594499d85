"""Build many tiny packages in one process and tell packages a second and peak memory.

usage: python -m benchmarks.many COUNT FOLDER
       python -m benchmarks.many COUNT FOLDER rsa-2048|rsa-4096
"""

import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.inputs import trx_conf
from vibforge import AcceptanceLevel, KeySource, build, open_signer
from vibforge.signing.pki import KeyKind, SignerRequest, init_authority, issue
from vibforge.signing.signer import Signer

_TEXT = bytes(200)
"""As long as what a signature covers: the attributes of a descriptor."""
_DATED = {"SOURCE_DATE_EPOCH": "946684800"}
"""As build servers set it; without it, git is asked for a date inside a repository."""


def unsigned(count: int, folder: Path) -> None:
    """Build them, each under a name of its own."""
    tree = trx_conf(folder / "input")
    peaks: list[int] = []

    def one(number: int) -> None:
        _build(tree, folder / "out", number)
        if number in {count // 10, count - 1}:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

    seconds = _seconds(one, range(count))
    print(f"{count / seconds:.0f} {peaks[0]} {peaks[-1]}")


def signed(count: int, folder: Path, kind: KeyKind) -> None:
    """Tell the milliseconds of a bare signature, and what signing adds to a build."""
    tree = trx_conf(folder / "input")
    signer = _signer(folder / kind, kind)
    _build(tree, folder / "out", count, signer)  # loads what the others find loaded
    bare, plain, full = [], [], []
    for number in range(count):  # in turn, so that a busy moment meets all three
        bare.append(_seconds(lambda _: signer.sign(_TEXT), range(1)))
        place = range(number, number + 1)
        plain.append(_seconds(partial(_build, tree, folder / "out"), place))
        full.append(_seconds(partial(_build, tree, folder / "signed", signer=signer), place))
    added = median(full) - median(plain)
    print(f"{median(bare) * 1000:.2f} {added * 1000:.2f} {count / sum(full):.0f}")


def _seconds(one: Callable[[int], object], numbers: range) -> float:
    begin = time.process_time()
    for number in numbers:
        one(number)
    return time.process_time() - begin


def _build(tree: Path, folder: Path, number: int, signer: Signer | None = None) -> None:
    settings = {"name": f"package-{number}", "acceptance-level": "partner"}
    build(
        tree,
        folder / str(number),
        settings=settings,
        instructions=False,
        signer=signer,
        environment=_DATED,
    )


def _signer(folder: Path, kind: KeyKind) -> Signer:
    now = datetime(2000, 1, 1, tzinfo=UTC)
    init_authority(folder, now)
    issued = issue(folder, SignerRequest(name="me", level=AcceptanceLevel.PARTNER, kind=kind), now)
    source = KeySource(key=str(issued.key_path), certificates=(issued.certificate_path,))
    return open_signer(source)


def main(count: int, folder: Path, kinds: list[str]) -> None:
    """Measure one of the two, and leave nothing behind."""
    try:
        if kinds:
            signed(count, folder, KeyKind(kinds[0]))
        else:
            unsigned(count, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
