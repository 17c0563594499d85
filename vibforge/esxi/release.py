"""Releases of ESXi, and the certainty of facts about them."""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from vibforge.errors import ModelError, Problem


class Certainty(StrEnum):
    """How certain a fact is, most certain first."""

    MEASURED = "measured"
    """Tried: the real program got the input, and its result was recorded."""
    DOCUMENTED = "documented"
    """Stated by the vendor, or seen in the vendor's own files."""
    INFERRED = "inferred"
    """Concluded from a neighbouring release or from reports."""
    UNKNOWN = "unknown"
    """Nobody is known to have tried it, or the reports disagree."""

    @property
    def doubt(self) -> int:
        """0 for the most certain, 3 for the least certain."""
        return list(Certainty).index(self)


def least_sure(certainties: Iterable[Certainty]) -> Certainty:
    """Return the least certain; MEASURED if there are none."""
    return max(set(certainties), key=lambda certainty: certainty.doubt, default=Certainty.MEASURED)


_FORM = re.compile(
    r"\s*(?:vSphere|ESXi?)?\s*(\d{1,2})\.(\d)(?:\.(\d{1,2}))?(?:\s*(?:U|Update\s*)(\d{1,2})[a-z]?)?"
    r"(?:[-. ].*)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_OLDEST_MAJOR = 5
"""ESXi 5.0 introduced the VIB format that vibforge reads."""
_FIRST_DOTTED_MAJOR = 9
"""The vendor names updates 9.0.1 since 9.0, and 8.0 Update 1 before."""

PRODUCT = "embeddedEsx"
"""The product of every known bundle for hosts, for x86 and for Arm."""


class Release(Struct, frozen=True, order=True):
    """A release of ESXi: `Release(8, 0, 3)` is 8.0 U3. Releases sort by number."""

    major: int
    minor: int
    update: int = 0

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Return the release that a text names: `6.7`, `7.0U3`, `8.0.3`, `8.0 Update 3`, `9.0.1-1`.

        The release need not be in the table of releases; if it is not, every fact about it is
        "not known".

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
        """The release in the vendor's form before 9.0: `8.0 U3`."""
        return f"{self.major}.{self.minor} U{self.update}"

    @property
    def line(self) -> tuple[int, int]:
        """The release line that an update belongs to: (8, 0)."""
        return self.major, self.minor


def parse_releases(texts: Iterable[str]) -> tuple[Release, ...]:
    """Return the releases that texts such as `6.7` and `8.0U3` name, each once, oldest first.

    Raises:
        ModelError: some of the texts are not releases; lists all of them.
    """
    releases: set[Release] = set()
    problems: list[Problem] = []
    for text in texts:
        try:
            releases.add(Release.parse(text))
        except ModelError as error:
            problems += error.problems
    if problems:
        raise ModelError.from_problems(problems)
    return tuple(sorted(releases))
