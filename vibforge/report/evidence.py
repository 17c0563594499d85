"""How SBOMs and provenance look, for people."""

from pathlib import Path

from vibforge.errors import escaped
from vibforge.evidence.sbom import Sbom


def sbom_text(made: Sbom, output: Path) -> str:
    """Show which SBOM was written, and what it names."""
    contents = made.contents
    count = f"{contents.file_count} file" + ("" if contents.file_count == 1 else "s")
    return f"{escaped(str(output))}: {made.format.full_name} of {contents.name}, {count}"
