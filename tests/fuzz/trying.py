"""Try one input on one target, and keep it where it is a finding."""

import hashlib
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.target import Target
from vibforge.errors import VibforgeError

SECONDS_LIMIT = 5.0
"""An input of a few KiB that keeps a reader busy for longer is a finding."""


def try_one(target: Target, data: bytes, findings: Path, name: str) -> tuple[str, bool]:
    """Return how it went, and whether that is a finding, which is then in the folder `findings`."""
    outcome, finding = _outcome(target, data)
    if finding:
        findings.mkdir(exist_ok=True, parents=True)
        kept = findings / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
        kept.write_bytes(data)
        sys.stderr.write(f"{kept}: {finding}\n")
    return outcome, bool(finding)


def _outcome(target: Target, data: bytes) -> tuple[str, str]:
    begin = time.process_time()  # of work, not of waiting for a busy machine
    try:
        target.read(data)
        outcome = "read"
    except VibforgeError as error:
        outcome = error.problems[0].what[:40]
        if not _can_be_shown(str(error)):
            return outcome, f"the message cannot be shown: {error!a}"
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return "raised", traceback.format_exc()
    took = time.process_time() - begin
    return outcome, f"took {took:.1f} s" if took > SECONDS_LIMIT else ""


def _can_be_shown(message: str) -> bool:
    """Whether a terminal can print it, and finds nothing in it to obey."""
    try:
        message.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x1b" not in message
