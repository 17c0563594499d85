"""Releases of ESXi, and how certain a fact about one is."""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from vibforge.errors import ModelError, Problem


class Certainty(StrEnum):
    """The standing of a fact, surest first."""

    MEASURED = "measured"
    """Tried: the input was given to the real thing and the outcome recorded."""
    DOCUMENTED = "documented"
    """Said by the vendor, or seen in the vendor's own artefacts."""
    INFERRED = "inferred"
    """Concluded from a neighbouring release or from reports."""
    UNKNOWN = "unknown"
    """Open: nobody is known to have tried it, or the reports disagree."""

    @property
    def doubt(self) -> int:
        """0 for the surest, 3 for the least sure."""
        return list(Certainty).index(self)


def least_sure(of: Iterable[Certainty]) -> Certainty:
    """Return the standing of a conclusion that needs all of these; MEASURED for none."""
    return max(set(of), key=lambda certainty: certainty.doubt, default=Certainty.MEASURED)


_FORM = re.compile(
    r"\s*(?:vSphere|ESXi?)?\s*(\d{1,2})\.(\d)(?:\.(\d{1,2}))?(?:\s*(?:U|Update\s*)(\d{1,2})[a-z]?)?"
    r"(?:[-. ].*)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_OLDEST_MAJOR = 5
"""ESXi 5.0 introduced the VIB format that vibforge reads."""
_FIRST_DOTTED_MAJOR = 9
"""From 9.0 on the vendor counts updates as 9.0.1; before, as 8.0 Update 1."""

PRODUCT = "embeddedEsx"
"""The product of every known bundle for hosts, x86 and Arm alike."""


class Release(Struct, frozen=True, order=True):
    """A release of ESXi: `Release(8, 0, 3)` is 8.0 U3. Releases order by date of their line."""

    major: int
    minor: int
    update: int = 0

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Read `6.7`, `7.0U3`, `8.0.3`, `8.0 Update 3` or `9.0.1-24755229`.

        The release need not be in the table: a release that nobody has described yet is read too,
        and every question about it is answered with "not known".

        Raises:
            ModelError: the text is not the number of a release, or is older than 5.0.
        """
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) < _OLDEST_MAJOR:
            raise ModelError(
                f"{text!r} is not a release of ESXi",
                remedy="write 6.5, 6.7, 7.0U3, 8.0.3 or 9.0",
            )
        return cls(int(match[1]), int(match[2]), int(match[4] or match[3] or 0))

    def __str__(self) -> str:
        line = f"{self.major}.{self.minor}"
        if not self.update:
            return line
        return f"{line}.{self.update}" if self.major >= _FIRST_DOTTED_MAJOR else self.as_update

    @property
    def as_update(self) -> str:
        """The release as the vendor named updates before 9.0: `8.0 U3`."""
        return f"{self.major}.{self.minor} U{self.update}"

    @property
    def line(self) -> tuple[int, int]:
        """The release line that an update belongs to: (8, 0)."""
        return self.major, self.minor


def parse_releases(texts: Iterable[str]) -> tuple[Release, ...]:
    """Read releases such as `6.7` and `8.0U3`; return each once, oldest first.

    Raises:
        ModelError: some of the texts are not releases; all of them are named.
    """
    releases: set[Release] = set()
    problems: list[Problem] = []
    for text in texts:
        try:
            releases.add(Release.parse(text))
        except ModelError as error:
            problems += error.problems
    if problems:
        raise ModelError.of(problems)
    return tuple(sorted(releases))
