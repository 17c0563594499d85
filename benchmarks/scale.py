"""Measure how time and memory grow with the size and the number of files, and fit the slope.

usage: python -m benchmarks.scale FOLDER
"""

import math
import shutil
import sys
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Run, run

SIZES = [1, 4, 16, 64, 256, 1024, 4000]
"""MB in one hundred files; a payload stays below 4 GiB unpacked."""
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


def main(folder: Path) -> None:
    """Print a row for each point and the slopes."""
    base = measured(inputs.trx_conf(folder / "tiny"), folder / "out")
    for title, points in (
        ("MB", [(size, 100, size * 1_000_000) for size in SIZES]),
        ("files", [(count, count, count * 500) for count in COUNTS]),
    ):
        print(f"| {title} | wall | processor | peak |\n| --- | --- | --- | --- |")
        found = []
        for x, files, size in points:
            tree = inputs.tree(folder / f"scale-{title}-{x}", files, size)
            one = measured(tree, folder / "out")
            print(
                f"| {x} | {one.wall:.2f} s | {one.cpu:.2f} s | {one.peak / 1024:.0f} MiB |",
                flush=True,
            )
            found.append((float(x), max(one.cpu - base.cpu, 1e-3)))
            shutil.rmtree(folder / f"scale-{title}-{x}")
        print(f"\nslope of processor time above start-up, last 4 points: {slope(found[-4:]):.2f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
