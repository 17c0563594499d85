"""Play every profile against grandmasters of each priority1 on each linuxptp; write their table."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.trx.rehearsal.locking import PRIORITIES, play_all, releases_at_hand
from vibforge.trx.profile import profiles

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "trx-locking.md"

_HEAD = """\
# Which grandmasters a profile follows

The trx.conf of `vibforge trx new --profile NAME` against grandmasters of the same profile with
another `priority1`. `make linuxptp` fetches the releases of linuxptp, runs every pair and writes
this page. Intervals are shortened; the choice of a grandmaster does not use them.

Without `ptp4l:priority1 255` a client keeps 128 and never follows a grandmaster above that, as the
check [priority1-not-255](trx-rules.md#priority1-not-255) says. The G.8275 profiles compare
grandmasters in another way and do not set it. Nobody announces in the automotive profile, so its
client follows whoever sends Sync.

"""

Table = Mapping[tuple[str, int], str]


def page(verdicts: Mapping[str, Table]) -> str:
    """Return the page of the verdicts: by release, then by profile and priority1."""
    return _HEAD + "".join(line for release in verdicts for line in _table(release, verdicts))


def _table(release: str, verdicts: Mapping[str, Table]) -> Iterator[str]:
    columns = " | ".join(map(str, PRIORITIES))
    yield f"## linuxptp {release}\n\n| profile | {columns} |\n|{' --- |' * (len(PRIORITIES) + 1)}\n"
    for name, profile in profiles().items():
        if profile.impossible:
            cells = ["trx.conf cannot express it"] + [""] * (len(PRIORITIES) - 1)
        else:
            unknown = f"wants {profile.min_linuxptp}"
            cells = [verdicts[release].get((name, each), unknown) for each in PRIORITIES]
        yield f"| {name} | {' | '.join(cells)} |\n"
    yield "\n"


def main() -> None:
    verdicts = {}
    for release, programs in releases_at_hand().items():
        print(f"linuxptp {release}", file=sys.stderr, flush=True)  # noqa: T201 - a developer's tool
        played = play_all(programs)
        verdicts[release] = {
            (each.profile.name, each.priority): str(found.code) for each, found in played
        }
    text = page(verdicts).rstrip("\n") + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print(text)  # noqa: T201 - the table that was asked for
    bad = {code for table in verdicts.values() for code in table.values()} - {"ok"}
    sys.exit(f"not every grandmaster is followed: {', '.join(sorted(bad))}" if bad else 0)


if __name__ == "__main__":
    main()
