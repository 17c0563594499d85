"""Build many tiny packages in one process and tell packages a second and peak memory.

usage: python -m benchmarks.many COUNT FOLDER
"""

import resource
import shutil
import sys
import time
from pathlib import Path

from benchmarks.inputs import trx_conf
from vibforge import build


def main(count: int, folder: Path) -> None:
    """Build them, each under a name of its own."""
    tree = trx_conf(folder / "input")
    peaks = []
    begin = time.process_time()
    for number in range(count):
        settings = {"name": f"package-{number}"}
        build(tree, folder / "out" / str(number), settings=settings, instructions=False)
        if number in {count // 10, count - 1}:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    seconds = time.process_time() - begin
    print(f"{count / seconds:.0f} {peaks[0]} {peaks[-1]}")
    shutil.rmtree(folder / "out")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
