"""Git repositories for tests, with dates of their own and without the settings of this machine."""

import os
import subprocess
from pathlib import Path

from tests.trees import make_tree

FIRST = 1_700_000_000
"""The date of the first commit; each later one is an hour younger."""


class Repository:
    """A git repository with a project in the folder `agent`."""

    def __init__(self, folder: Path, *words: str) -> None:
        """Make an empty repository."""
        self.folder = folder
        self.commits = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *words)

    @property
    def project(self) -> Path:
        """The folder of the project."""
        return self.folder / "agent"

    def git(self, *words: str, given: bytes = b"", folder: Path | None = None) -> str:
        """Run git, and return what it prints."""
        return git(folder or self.folder, *words, given=given, date=FIRST + 3600 * self.commits)

    def write(self, files: dict[str, bytes | str]) -> None:
        """Write files of the project."""
        make_tree(self.project, files)

    def commit(self, files: dict[str, bytes | str] | None = None, *tags: str) -> str:
        """Commit files of the project, tag the commit, and return its name."""
        self.write({"etc/number": f"{self.commits}\n"} if files is None else files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", f"number {self.commits}")
        for tag in tags:
            self.git("tag", tag)
        self.commits += 1
        return self.git("rev-parse", "HEAD")

    def clone(self, folder: Path, *words: str) -> Path:
        """Clone it as from another machine, and return the project in the clone."""
        self.git("clone", "-q", *words, self.folder.as_uri(), str(folder))
        return folder / "agent"


def git(folder: Path, *words: str, given: bytes = b"", date: int = FIRST) -> str:
    """Run git in a folder, and return what it prints."""
    environment = {
        **os.environ,
        "GIT_AUTHOR_DATE": f"{date} +0200",
        "GIT_COMMITTER_DATE": f"{date} +0200",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    who = ("user.name=A", "user.email=a@example.com", "protocol.file.allow=always")
    settings = [word for each in who for word in ("-c", each)]
    done = subprocess.run(
        ["git", "-C", str(folder), *settings, *words],
        check=True,
        capture_output=True,
        input=given,
        env=environment,
    )
    return done.stdout.decode().strip()
