"""Evidence about packages: SBOMs and provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibforge.api.arguments import optional_path, path_of, typed_errors
from vibforge.evidence import sbom
from vibforge.files import publication

if TYPE_CHECKING:
    from pathlib import Path

    from vibforge.evidence.sbom import Sbom


@typed_errors
def make_sbom(
    package: str | Path, output: str | Path | None = None, *, form: str = "cyclonedx"
) -> Sbom:
    """Describe a VIB or bundle by an SBOM that names every file with its digests.

    The same package gives the same bytes: no clock, no random number, no name of a machine.

    Args:
        package: the VIB or offline bundle.
        output: the file to write; None to write none, the bytes are in `data` of the result.
        form: "cyclonedx" for CycloneDX 1.6, "spdx" for SPDX 2.3, both as JSON.

    Raises:
        ModelError: `form` is neither.
        FormatError: the package is neither a VIB nor a bundle, or cannot be read to its end.
        LimitError: it has more than 10,000 files, or asks for more work than its size allows.
        NotPossibleHereError: the extra `evidence` is not installed.
        OutputError: the file cannot be written.

    Examples:
        >>> import json
        >>> from vibforge import Sbom, make_sbom
        >>> described: Sbom = make_sbom("acme.vib", "acme.cdx.json")
        >>> component = json.loads(described.data)["metadata"]["component"]
        >>> component["name"], component["version"]
        ('acme', '1.0.0-1')
    """
    made = sbom.sbom_of(path_of(package), sbom.format_of(form))
    if (file := optional_path(output)) is not None:
        publication.write_file(file, made.data)
    return made
