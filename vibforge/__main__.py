"""Run vibforge as `python -m vibforge` or as the console script."""

import sys


def run() -> None:
    """Answer the command line and exit with its code."""
    from vibforge.cli import main  # noqa: PLC0415 - `--version` must not wait for the commands

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
