"""How an extraction looks."""

from vibforge.operations.extract import Extracted
from vibforge.report.plain import plain


def extracted_text(done: Extracted) -> str:
    """Say how much was written where, and what was left out."""
    noun = "path" if len(done.paths) == 1 else "paths"
    lines = [f"{len(done.paths)} {noun} in {plain(str(done.folder))}"]
    lines += [f"  left out: {plain(' '.join(str(left).split()))}" for left in done.left_out]
    return "\n".join(lines)
