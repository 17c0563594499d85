import os
import uuid
from pathlib import Path

import pytest

MARK = "VIBFORGE_TEST_MARK"


class Traces:
    """Finds processes that carry a mark in their environment, whoever their parent is now."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()

    def processes(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            if process.name == str(os.getpid()):
                continue
            try:
                marked = self._mark in (process / "environ").read_bytes().split(b"\0")
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if marked and command:
                found.append(command.replace(b"\0", b" ").decode())
        return found


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Traces:
    """Mark everything that this test starts."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    return Traces(mark)
