"""Software bills of materials of VIBs and bundles, in CycloneDX and SPDX (decision 21).

The libraries that write them are the extra `evidence`.
"""

import hashlib
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vibforge.errors import ModelError, NotPossibleHereError
from vibforge.evidence import cyclonedx_writing, spdx_writing
from vibforge.evidence.contents import PackageContents, read_contents


class SbomFormat(StrEnum):
    """The format of an SBOM: CycloneDX 1.6 or SPDX 2.3, both as JSON."""

    CYCLONEDX = "cyclonedx"
    SPDX = "spdx"

    @property
    def full_name(self) -> str:
        """The name and version of the format."""
        return {"cyclonedx": "CycloneDX 1.6", "spdx": "SPDX 2.3"}[self]


class Sbom(Struct, frozen=True, kw_only=True):
    """An SBOM: its bytes in `data`, and the package that it describes."""

    format: SbomFormat
    contents: PackageContents
    data: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the SBOM in hex."""
        return hashlib.sha256(self.data).hexdigest()


def format_of(text: str) -> SbomFormat:
    """Return the format of a name.

    Raises:
        ModelError: it names none.
    """
    try:
        return SbomFormat(text)
    except ValueError as error:
        known = ", ".join(SbomFormat)
        raise ModelError(f"{text!r} is not a format of SBOMs", remedy=f"use {known}") from error


def sbom_of(path: Path, form: SbomFormat = SbomFormat.CYCLONEDX) -> Sbom:
    """Describe a VIB or bundle.

    Raises:
        FormatError: it is neither, or cannot be read to its end.
        LimitError: it has too many files, or asks for more work than its size allows.
        NotPossibleHereError: the extra `evidence` is not installed.
    """
    contents = read_contents(path)
    return Sbom(format=form, contents=contents, data=_written(contents, form))


def _written(contents: PackageContents, form: SbomFormat) -> bytes:
    try:
        if form is SbomFormat.SPDX:
            return spdx_writing.spdx(contents)
        return cyclonedx_writing.cyclonedx(contents)
    except ImportError as error:
        raise NotPossibleHereError(
            f"SBOMs need {error.name}, which is not installed",
            remedy="pip install 'vibforge[evidence]'",
        ) from error
