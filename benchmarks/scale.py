"""Measure how time and memory grow with the size and the number of files, and fit the slope.

usage: python -m benchmarks.scale FOLDER [--write]
"""

import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Run, run, setting

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "growth.md"
_HEAD = """\
# How cost grows

Made by `make bench-scale`; nothing here is typed by hand. Builds at `--compression fast`, without
instructions, one run each: first one hundred files that grow, then more and more files of 500
bytes. A payload stays below 4 GiB unpacked, where gzip's length field and the boot loader end.
"""
_FITTED = 4
"""The largest points that the slope is fitted to; below them, starting up is most of the time."""

SIZES = [1, 4, 16, 64, 256, 1024, 4000]
"""MB in one hundred files."""
COUNTS = [10, 100, 1_000, 10_000, 50_000, 200_000]
"""Files of 500 bytes."""


def slope(points: list[tuple[float, float]]) -> float:
    """Return the exponent of the power law that fits: 1 is linear."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    middle_x = sum(x for x, _ in logs) / len(logs)
    middle_y = sum(y for _, y in logs) / len(logs)
    over = sum((x - middle_x) * (y - middle_y) for x, y in logs)
    return over / sum((x - middle_x) ** 2 for x, _ in logs)


def measured(tree: Path, out: Path) -> Run:
    """Build a tree and throw the result away."""
    words = [sys.executable, "-m", "vibforge", "build", str(tree), "--name", "scale"]
    found = run([*words, "--no-instructions", "--compression", "fast", "-o", str(out)])
    shutil.rmtree(out)
    return found


def page(folder: Path) -> Iterator[str]:
    """Yield the lines of the page, measuring on the way."""
    yield _HEAD
    yield f"{setting()}\n"
    base = measured(inputs.trx_conf(folder / "tiny"), folder / "out")
    for title, points in (
        ("MB", [(size, 100, size * 1_000_000) for size in SIZES]),
        ("files", [(count, count, count * 500) for count in COUNTS]),
    ):
        yield f"| {title} | wall | processor | peak |\n| ---: | ---: | ---: | ---: |"
        found = []
        for x, files, size in points:
            tree = inputs.tree(folder / f"scale-{title}-{x}", files, size)
            one = measured(tree, folder / "out")
            yield f"| {x} | {one.wall:.2f} s | {one.cpu:.2f} s | {one.peak / 1024:.0f} MiB |"
            found.append((float(x), max(one.cpu - base.cpu, 1e-3)))
            shutil.rmtree(folder / f"scale-{title}-{x}")
        fitted = slope(found[-_FITTED:])
        yield f"\nProcessor time above start-up grows with the power {fitted:.2f} (1 is linear).\n"


def main(folder: Path, *, write: bool) -> None:
    """Print the page, and write it if asked."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for line in page(folder):
        print(line, flush=True)
        lines.append(line)
    if write:
        PAGE.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), write="--write" in sys.argv)
