"""Each profile against grandmasters of each priority1, with each linuxptp that is at hand."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tests.trx.rehearsal.matrix import FAST
from vibforge.trx.conf import TrxConf
from vibforge.trx.option import RANK
from vibforge.trx.profile import Profile, profiles, trx_conf_of
from vibforge.trx.rehearsal.grandmaster import Grandmaster, of_profile
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately

FOLDER = Path(os.environ.get("VIBFORGE_LINUXPTP") or Path(__file__).parents[3] / ".linuxptp")
"""What `make linuxptp` fetches: one folder for each Debian suite."""

PRIORITIES = (100, 128, 129, 248, 255)
"""linuxptp's own example for 802.1AS has 248."""

_PATIENCE = "10"
"""Intervals that a client waits for a message: on a busy machine one may come late."""

_AT_ONCE = 4
"""Rehearsals wait more than they work."""


class Encounter(Struct, frozen=True, kw_only=True):
    """One profile's client, with the priority1 of a profile or without, and one grandmaster."""

    profile: Profile
    priority: int
    set: bool = True

    def play(self, programs: Programs, *, seconds: float | None = None) -> Rehearsal:
        wish = RehearsalOptions(seconds=seconds, watch=0.3)
        return rehearse_privately(self._client(), self._master(programs), programs, wish=wish)

    def _client(self) -> bytes:
        options = {**self._fast(), "announceReceiptTimeout": _PATIENCE}
        if "syncReceiptTimeout" in self.profile.ptp4l:
            options["syncReceiptTimeout"] = _PATIENCE
        changes = [f"{key}={value}" for key, value in options.items()]
        lines = trx_conf_of(self.profile, changes=changes).settings
        triples = ((line.namespace, line.key, line.value) for line in lines)
        return TrxConf.of(
            triple for triple in triples if self.set or triple[1] != "priority1"
        ).serialise()

    def _master(self, programs: Programs) -> Grandmaster:
        master = of_profile(self.profile, programs.grandmaster)
        more = {**self._fast(), "priority1": str(self.priority)}
        return replace(
            master,
            options=(*master.options, *more.items()),
            settings=replace(master.settings, log_announce=int(FAST["logAnnounceInterval"])),
        )

    def _fast(self) -> dict[str, str]:
        """The profile's own intervals are slow, and the choice of a master does not use them."""
        return {key: value for key, value in FAST.items() if key in self.profile.ptp4l}


def releases_at_hand() -> dict[str, Programs]:
    """The linuxptp of this machine and those in `FOLDER`, by version."""
    folders = sorted(path for path in FOLDER.glob("[!.]*") if path.is_dir())
    found = [find_programs(), *(find_programs(folder, folder) for folder in folders)]
    found.sort(key=lambda each: RANK[each.client.release])
    return {each.client.version: each for each in found}


def encounters(programs: Programs) -> Iterator[Encounter]:
    """Every profile that trx.conf can express and the release knows, against every priority1."""
    for profile in profiles().values():
        known = RANK[profile.min_linuxptp] <= RANK[programs.client.release]
        if not profile.impossible and known:
            yield from (Encounter(profile=profile, priority=each) for each in PRIORITIES)


def play_all(programs: Programs) -> list[tuple[Encounter, Rehearsal]]:
    """Play all encounters with one release, some at a time."""
    listed = list(encounters(programs))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        played = pool.map(lambda each: each.play(programs), listed)
        return list(zip(listed, played, strict=True))
