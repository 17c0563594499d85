"""What ptp4l says of itself: the data sets that pmc(8) prints.

The names are pmc's, the same from 3.0 to 4.4. pmc exits 0 without an answer, so its output decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

QUESTIONS = (
    "GET PORT_DATA_SET",
    "GET TIME_STATUS_NP",
    "GET PARENT_DATA_SET",
    "GET CURRENT_DATA_SET",
    "GET PORT_STATS_NP",
    "GET TIME_PROPERTIES_DATA_SET",
)

_TIME_FLAGS = {
    "leap61": "leap_61",
    "leap59": "leap_59",
    "currentUtcOffsetValid": "utc_offset_valid",
    "ptpTimescale": "ptp_timescale",
    "timeTraceable": "time_traceable",
    "frequencyTraceable": "frequency_traceable",
}
"""pmc's names of the flags of the time, and those of `formats.ptp_message.Flags`."""

_MOST_CHARACTERS = 1 << 16
"""The answers have 4 KiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSets:
    """One reading of a port. Offset and delays in nanoseconds; 0 where none is measured yet.

    `received` and `sent` count messages by kind as pmc writes it (`Announce`, `Delay_Resp`).
    `utc_offset` and `time_flags` are what the clock knows of the time, None and empty where ptp4l
    did not say.
    """

    port: str
    state: str
    parent: str
    grandmaster: str
    grandmaster_present: bool
    offset: float
    path_delay: float
    peer_delay: float
    steps_removed: int
    received: Mapping[str, int]
    sent: Mapping[str, int]
    utc_offset: int | None = None
    time_flags: tuple[str, ...] = ()

    @property
    def hears_nothing(self) -> bool:
        return not any(self.received.values())


def data_sets_of(answer: str) -> DataSets | None:
    """Read the output of pmc; None where ptp4l did not answer every question."""
    facts: dict[str, str] = {}
    for line in answer[:_MOST_CHARACTERS].splitlines():
        words = line.split()
        if len(words) == 2:  # noqa: PLR2004 - a name and its value
            facts.setdefault(words[0], words[1])
    try:
        return _data_sets(facts)
    except (KeyError, ValueError):
        return None


def _data_sets(facts: Mapping[str, str]) -> DataSets:
    return DataSets(
        port=facts["portIdentity"],
        state=facts["portState"],
        parent=facts["parentPortIdentity"],
        grandmaster=facts["grandmasterIdentity"],
        grandmaster_present=facts["gmPresent"] == "true",
        offset=float(facts["offsetFromMaster"]),
        path_delay=float(facts["meanPathDelay"]),
        peer_delay=float(facts["peerMeanPathDelay"]),
        steps_removed=int(facts["stepsRemoved"]),
        received=_counters(facts, "rx_"),
        sent=_counters(facts, "tx_"),
        utc_offset=int(facts["currentUtcOffset"]) if "currentUtcOffset" in facts else None,
        time_flags=tuple(flag for name, flag in _TIME_FLAGS.items() if facts.get(name) == "1"),
    )


def _counters(facts: Mapping[str, str], prefix: str) -> dict[str, int]:
    found = {
        name.removeprefix(prefix): int(value)
        for name, value in facts.items()
        if name.startswith(prefix)
    }
    if "Announce" not in found:
        raise KeyError(prefix)
    return found
