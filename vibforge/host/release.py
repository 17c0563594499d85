"""ESXi releases: how people write them, their order, and what changed with each (vib-format 10)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vibforge.errors import ModelError

_FORM = re.compile(
    r"\s*(?:vSphere|ESXi?)?\s*(\d{1,2})\.(\d)(?:\.(\d{1,2}))?(?:\s*(?:U|Update\s*)(\d{1,2})[a-z]?)?"
    r"(?:[-. ].*)?\s*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A release of ESXi: `Release(8, 0, 3)` is 8.0 U3; updates compare as they came out."""

    major: int
    minor: int
    update: int = 0

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Read `6.7`, `7.0U3`, `8.0.3`, `8.0 Update 3` or `9.0.1-24755229`.

        Raises:
            ModelError: it is none of these, or older than 5.0.
        """
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) < 5:  # noqa: PLR2004 - ESXi 5.0 brought the VIB of today
            raise ModelError(
                f"{text!r} is not a release of ESXi",
                remedy="write 6.5, 6.7, 7.0U3, 8.0.3 or 9.0",
            )
        return cls(int(match[1]), int(match[2]), int(match[4] or match[3] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + (f" U{self.update}" if self.update else "")

    @property
    def dotted(self) -> str:
        """The version that `esx-version` begins with: `8.0.3`; before 7.0 updates do not show."""
        update = self.update if self.has_components else 0
        return f"{self.major}.{self.minor}.{update}"

    @property
    def oldest_digest_reader(self) -> bool:
        """Whether the last sha-256 checksum wins, whatever it is of (tried on 6.5)."""
        return self < ESXI_67

    @property
    def needs_gunzip_sha256(self) -> bool:
        """Whether a payload without a sha-256 of its unpacked form is refused (KB 318056)."""
        return self >= ESXI_80

    @property
    def reports_all_problems(self) -> bool:
        """Whether all groups of problems come at once, as DependencyError (tried on 6.5)."""
        return self < ESXI_67

    @property
    def prints_cause(self) -> bool:
        """Whether errors carry a `cause = …` line (reports from 7.0.1 on)."""
        return self >= Release(7, 0, 1)

    @property
    def has_components(self) -> bool:
        """Whether `esxcli software component` and cluster images exist."""
        return self >= ESXI_70

    @property
    def unpacks_zstd(self) -> bool:
        """Whether payloads of type vzstd are known (vendor VIBs of 9.0)."""
        return self >= ESXI_90

    @property
    def tried(self) -> bool:
        """Whether install rules were tried on this release rather than concluded."""
        return (self.major, self.minor) in {(6, 5), (6, 7)}


ESXI_65 = Release(6, 5)
ESXI_67 = Release(6, 7)
ESXI_70 = Release(7, 0)
ESXI_80 = Release(8, 0)
ESXI_90 = Release(9, 0)
TARGETS = (ESXI_65, ESXI_67, ESXI_70, ESXI_80, ESXI_90)
"""The releases that a VIB is held against unless told otherwise."""


def parse_releases(texts: Iterable[str]) -> tuple[Release, ...]:
    """Read releases such as `6.7` and `8.0U3`, in their order; all targets if none is named.

    Raises:
        ModelError: one of them is not a release.
    """
    return tuple(sorted({Release.parse(text) for text in texts})) or TARGETS
