"""Run vibforge as `python -m vibforge` or as the console script."""

import gc
import signal
import sys

_GARBAGE_THRESHOLD = 200_000
"""Objects between two looks for cycles. The usual 700 made a fifteenth of packing 50,000 files and
of starting up: what they make is kept, not garbage."""


def run() -> None:
    """Answer the command line and exit with its code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` listens there is nothing to undo
    gc.set_threshold(_GARBAGE_THRESHOLD)
    from vibforge.cli import main  # noqa: PLC0415 - `--version` must not wait for the commands
    from vibforge.cli.streams import prepare_streams  # noqa: PLC0415 - the same

    prepare_streams()
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
