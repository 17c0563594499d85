"""Measure vibforge against its peers and the machine, and write the page of the results.

usage: python -m benchmarks.bench FOLDER [--rounds N] [--only WORD] [--write]
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from benchmarks import inputs
from benchmarks.measure import Run, Spread, in_turn, ratio, setting

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reference" / "performance.md"
_HEAD = """\
# How fast it is

Made by `make bench`; nothing here is typed by hand. Every row runs our command and the other in
turn as whole processes and compares them pair by pair: our time over theirs, as median
(smallest-largest); below 1 is faster. The peers are in `benchmarks/peers`: the recipe that public
scripts share, the same in one pass with pigz and tee, and, as the floor, the same hashing and
deflating with the same library and nothing around.
"""
VIBFORGE = [sys.executable, "-m", "vibforge"]
SHELL = str(HERE / "peers" / "shell_build.sh")
BEST_SHELL = str(HERE / "peers" / "best_shell_build.sh")
SHELL_VERIFY = str(HERE / "peers" / "shell_verify.sh")


class Case(Struct, frozen=True):
    """One thing to measure: our command, and the commands to hold it against."""

    name: str
    ours: list[str]
    others: dict[str, list[str]]
    output: Path | None = None
    their_output: Path | None = None
    fresh: tuple[Path, ...] = ()
    """Folders that both start without."""


def cases(folder: Path) -> Iterator[Case]:
    """Yield all cases; the inputs are made on the way."""
    yield from _small(folder)
    yield from _builds(folder, "30 MB, 374 files", inputs.tree(folder / "30", 374, 30_000_000))
    big = inputs.tree(folder / "300", 15_000, 300_000_000)
    yield from _builds(folder, "300 MB, 15,000 files", big)
    yield from _builds(
        folder, "50,000 files, 76 MB", inputs.tree(folder / "50k", 50_000, 76_000_000)
    )
    yield from _reads(folder, big)


def _small(folder: Path) -> Iterator[Case]:
    tree = str(inputs.trx_conf(folder / "tiny"))
    bare = [sys.executable, str(HERE / "bare.py"), "build", tree]
    words = [*VIBFORGE, "build", tree, "--name", "tiny", "-o", str(folder / "out-tiny")]
    yield Case("vibforge --version", [*VIBFORGE, "--version"], {"bare typer program": bare})
    others = {
        "bare typer program": bare,
        "shell recipe": [SHELL, tree, str(folder / "tiny.vib")],
        "best shell": [BEST_SHELL, tree, str(folder / "tiny.vib")],
    }
    yield Case("build 200 B, VIB alone", [*words, "--no-instructions"], others)
    yield Case("build 200 B, with instructions", words, others)


def _builds(folder: Path, name: str, tree: Path) -> Iterator[Case]:
    image = folder / f"{tree.parent.name}.tar"
    if not image.exists():
        subprocess.run(["tar", "-C", tree, "-cf", image, "."], check=True)  # noqa: S603, S607
    out = folder / f"out-{tree.parent.name}"
    theirs = folder / f"{tree.parent.name}.vib"
    for level, number in (("fast", 6), ("best", 9)):
        yield Case(
            f"build {name}, {level}",
            [
                *VIBFORGE,
                "build",
                str(tree),
                "--name",
                "bench",
                "--compression",
                level,
                "-o",
                str(out),
            ],
            {
                "shell recipe": [SHELL, str(tree), str(theirs)],
                "best shell": [BEST_SHELL, str(tree), str(theirs)],
                "floor": [
                    sys.executable,
                    "-m",
                    "benchmarks.floor",
                    "build",
                    str(number),
                    str(image),
                ],
            },
            out / "custom_bootbank_bench_1.0.0-1.vib",
            theirs,
        )


def _reads(folder: Path, tree: Path) -> Iterator[Case]:
    out = folder / "out-300"
    vib = out / "custom_bootbank_bench_1.0.0-1.vib"
    if not vib.exists():
        words = [*VIBFORGE, "build", str(tree), "--name", "bench", "-o", str(out)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    payload = folder / "payload1"
    with payload.open("wb") as file:
        subprocess.run(["ar", "p", vib, "payload1"], check=True, stdout=file)  # noqa: S603, S607
    yield Case(
        "verify 300 MB",
        [*VIBFORGE, "verify", str(vib)],
        {
            "shell, three passes": [SHELL_VERIFY, str(vib), "payload1"],
            "floor": [sys.executable, "-m", "benchmarks.floor", "verify", str(payload)],
        },
    )
    yield Case(
        "inspect 300 MB",
        [*VIBFORGE, "inspect", str(vib)],
        {"bare typer program": [sys.executable, str(HERE / "bare.py"), "build", "x"]},
    )
    ours, theirs = folder / "extracted", folder / "extracted-by-bsdtar"
    yield Case(
        "extract 300 MB",
        [*VIBFORGE, "extract", str(vib), "-C", str(ours)],
        {"bsdtar": ["sh", "-c", f"mkdir {theirs} && bsdtar -xf {payload} -C {theirs}"]},
        fresh=(ours, theirs),
    )


def measured(case: Case, rounds: int) -> list[str]:
    """Run a case and return its rows of the table."""
    names = list(case.others)
    runs = in_turn([case.ours, *case.others.values()], rounds, case.fresh)
    ours, others = runs[0], runs[1:]
    rows = []
    for name, theirs in zip(names, others, strict=True):
        size = ""
        if case.output and case.their_output and "floor" not in name:
            size = f"{case.output.stat().st_size / case.their_output.stat().st_size:.3f}"
        rows.append(
            f"| {case.name} | {name} | {ratio(ours, theirs)} | {_cpu(ours, theirs)} | "
            f"{Spread.of([run.wall for run in ours]).median:.2f} s | "
            f"{max(run.peak for run in ours) / 1024:.0f} MiB | {size} |"
        )
    return rows


def _cpu(ours: list[Run], theirs: list[Run]) -> str:
    pairs = zip(ours, theirs, strict=True)
    return f"{Spread.of([one.cpu / other.cpu for one, other in pairs]).median:.2f}"


def many(folder: Path) -> str:
    """Build thousands of tiny packages, unsigned and signed, and return the sentences about it."""
    rate, early, late = _many(folder, "10000")
    sentences = [
        (
            f"10,000 tiny packages in one process, dated, without instructions: {rate} a second of "
            f"processor time; peak memory {early} MiB after 1,000 and {late} MiB after all."
        )
    ]
    for kind, name in (("rsa-2048", "RSA-2048"), ("rsa-4096", "RSA-4096")):
        bare, added, rate = _many(folder, "1000", kind)
        sentences.append(
            f"1,000 of them signed with {name}, the key opened once: {rate} a second; signing adds "
            f"{added} ms to a build, of which the bare signature is {bare} ms."
        )
    return "\n".join(sentences)


def _many(folder: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.many", words[0], str(folder / "many"), *words[1:]]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.split()


def page(rows: list[str], sentence: str, rounds: int) -> str:
    """Return the page of results."""
    head = "| case | against | wall | processor | ours | peak | size |"
    return "\n".join(
        [
            _HEAD,
            f"{setting()} {rounds} rounds.",
            "",
            head,
            "|" + " --- |" * 7,
            *rows,
            "",
            sentence,
            "",
        ]
    )


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in cases(given.folder):
        if given.only in case.name:
            for row in measured(case, given.rounds):
                print(row, flush=True)
                rows.append(row)
    sentence = many(given.folder) if not given.only else ""
    print(sentence)
    if given.write:
        PAGE.write_text(page(rows, sentence, given.rounds), encoding="utf-8")


if __name__ == "__main__":
    main()
