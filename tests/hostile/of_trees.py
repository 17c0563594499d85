"""Trees and stage folders to build from, and folders of files to sign and to trust."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests import vibs
from tests.hostile.case import Hostile

_COMMANDS = (("build", ".", "--dry-run"), ("build", ".", "-o", "made"))
_RECIPE = 'name = "acme"\nversion = "1.0.0-1"\n[[payloads]]\nname = "acme"\ntree = "tree"\n'


def _files(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"f{index}").write_bytes(b"")


def _folders(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"d{index}").mkdir()


def _deep(folder: Path, n: int) -> None:
    place = folder
    for _ in range(min(n, 400)):
        place /= "d"
    place.mkdir(parents=True)
    (place / "f").write_bytes(b"")


def _links(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"l{index}").symlink_to(f"l{index + 1}")


def _loop(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"l{index}").symlink_to(f"l{(index + 1) % n}")


def _long_links(folder: Path, n: int) -> None:
    (folder / "f").write_bytes(b"")
    for index in range(n):
        (folder / f"l{index}").symlink_to("../" * 40 + "./" * 1000 + "f")


def _long_names(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"{index}".rjust(250, "x")).write_bytes(b"")


def _odd_names(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"a\n\x1b[{index}m$(x)").write_bytes(b"")


def _not_text(folder: Path, n: int) -> None:
    for index in range(n):
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff%d" % index)).write_bytes(b"")


def _pipes(folder: Path, n: int) -> None:
    for index in range(n):
        os.mkfifo(folder / f"p{index}")


def _sparse(folder: Path, n: int) -> None:
    with (folder / "f").open("wb") as file:
        os.ftruncate(file.fileno(), n * 2**33)


def _hard_links(folder: Path, n: int) -> None:
    (folder / "f").write_bytes(b"x" * 1000)
    for index in range(n):
        os.link(folder / "f", folder / f"h{index}")


def _elves(folder: Path, n: int) -> None:
    for index in range(n):
        (folder / f"e{index}").write_bytes(b"\x7fELF\x02\x01\x01" + b"\xff" * 300)


def _configuration(folder: Path, n: int) -> None:
    (folder / "etc/vmware").mkdir(parents=True)
    (folder / "etc/vmware/trx.conf").write_text("ptp4l:x\n" * n * 100)


_TREES: dict[str, Callable[[Path, int], None]] = {
    "files": _files,
    "folders": _folders,
    "deep": _deep,
    "links": _links,
    "loop": _loop,
    "long-links": _long_links,
    "long-names": _long_names,
    "odd-names": _odd_names,
    "not-text": _not_text,
    "pipes": _pipes,
    "sparse": _sparse,
    "hard-links": _hard_links,
    "elves": _elves,
    "trx-conf": _configuration,
}


def trees() -> Iterator[Hostile]:
    """Trees with far too much of one thing."""
    for name, fill in _TREES.items():
        for size in (20, 1_500):
            yield Hostile(f"tree/{name}/{size}", _project(fill, size, _RECIPE), _COMMANDS)


def patterns() -> Iterator[Hostile]:
    """Many patterns over many files."""
    for size in (20, 900):
        paths = ", ".join(f"'**/x{i}*y*'" for i in range(size))
        rules = f"[[payloads.rules]]\npaths = [{paths}]\nmode = '644'\n"
        excluded = f"exclude = [{paths}]\n"
        each = "".join(f"[[payloads.rules]]\npaths = ['f{i % size}*']\n" for i in range(size * 3))
        yield Hostile(f"tree/rules-each/{size}", _project(_files, size, _RECIPE + each), _COMMANDS)
        yield Hostile(f"tree/rules/{size}", _project(_files, size, _RECIPE + rules), _COMMANDS)
        yield Hostile(f"tree/exclude/{size}", _project(_files, size, _RECIPE + excluded), _COMMANDS)


def _project(fill: Callable[[Path, int], None], size: int, recipe: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "tree").mkdir()
        (folder / "vibforge.toml").write_text(recipe)
        fill(folder / "tree", size)

    return make


_STAGES: dict[str, Callable[[int], str]] = {
    "payloads": lambda n: "".join(f'<payload name="p{i}" type="tgz"/>' for i in range(n)),
    "same-payloads": lambda n: '<payload name="payload1" type="tgz"/>' * n,
    "outside": lambda n: f'<payload name="{"../" * n}x" type="tgz"/>',
    "boot-order": lambda n: f'<payload name="payload1" type="tgz" boot-order="{"9" * n * 5}"/>',
    "long-name": lambda n: f'<payload name="{"x" * n * 50}" type="tgz"/>',
}


def stages() -> Iterator[Hostile]:
    """Stage folders of VIB Author."""
    for name, payloads in _STAGES.items():
        for size in (20, 3_000):
            yield Hostile(
                f"stage/{name}/{size}",
                _stage(partial(payloads, size)),
                (("build", ".", "--dry-run"), ("inspect", ".")),
            )


def _stage(payloads: Callable[[], str]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "descriptor.xml").write_bytes(vibs.descriptor(payloads()))
        (folder / "payloads/payload1").mkdir(parents=True)
        (folder / "payloads/payload1/f").write_bytes(b"")

    return make


FAMILIES = (trees, patterns, stages)
