"""Print the table of hostile inputs: `python -m tests.hostile.report [NAME…]`."""

import sys

from tests.hostile.runner import Run, chosen, run_case, warm


def main(names: list[str]) -> int:
    """Run the cases whose names begin with one of `names`; all if there is none."""
    warm()
    cases = chosen(names)
    runs: list[Run] = []
    for case in cases:
        for run in run_case(case):
            runs.append(run)
            sys.stdout.write(_line(run) + "\n")
            sys.stdout.flush()
    broken = [run for run in runs if not run.held]
    total = sum(run.cpu for run in runs)
    sys.stdout.write(
        f"{len(cases)} inputs, {len(runs)} runs, {len(broken)} did not hold; "
        f"{total:.0f} s of processor time, worst {max((r.cpu for r in runs), default=0):.2f} s, "
        f"{max((r.peak for r in runs), default=0) >> 20} MiB\n"
    )
    return 1 if broken else 0


def _line(run: Run) -> str:
    mark = " " if run.held else "!"
    return (
        f"{mark} {run.name:<44} {run.command:<50.50} exit {run.exit:>3} "
        f"{run.cpu:>7.2f} s {run.peak >> 20:>5} MiB"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
