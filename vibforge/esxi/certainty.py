"""How sure a statement about ESXi is; one vocabulary for all that vibforge predicts."""

from collections.abc import Iterable
from enum import StrEnum


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
