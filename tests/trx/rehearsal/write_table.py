"""Rehearse every profile and every mismatch, and write the table that the documentation shows."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tests.trx.rehearsal.captures import table
from tests.trx.rehearsal.matrix import MATCHES, MISMATCHES, REFUSALS, WHY_NOBODY_IS_FOLLOWED, Case
from tests.trx.rehearsal.recording import record
from vibforge.report.trx_rehearse import answer_text
from vibforge.report.units import nanoseconds
from vibforge.trx.conf import TrxConf
from vibforge.trx.network.settings import fit_domain
from vibforge.trx.network.sniff import NetworkFilter, chosen_domain, hear_capture
from vibforge.trx.profile import Profile, profile_named, profiles, trx_conf_of
from vibforge.trx.rehearsal.grandmaster import Grandmaster, of_profile
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.remedy import MEANING
from vibforge.trx.rehearsal.session import RunResult
from vibforge.trx.rehearsal.verdict import Code

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "trx-rehearsals.md"

_HEAD = """\
# Rehearsals

What `vibforge trx rehearse` says of every profile against a grandmaster of the same profile,
and of each kind of mismatch. `make rehearse` runs them all and writes this page; the times are of
one run with linuxptp {version} and differ a little each time.

## Profiles

The trx.conf of `vibforge trx new --profile NAME`, with its own intervals. Times count from
the start of the client. The last column says whether `vibforge trx sniff`, given a capture of the
rehearsal, tells the domain, transport, transportSpecific, delay mechanism, Announce interval and
802.1AS TLV that were used.

| profile | verdict | grandmaster chosen | first offset | path delay | sniffed back |
| --- | --- | --- | --- | --- | --- |
"""


class Row(Struct, frozen=True, kw_only=True):
    name: str
    verdict: str
    play: RunResult | None
    sniffed: str

    def __str__(self) -> str:
        play = self.play
        chosen = _seconds(play.chosen_after if play else None)
        offset = _seconds(play.offset_after if play else None)
        return (
            f"| {self.name} | {self.verdict} | {chosen} | {offset} | {_delay(play)} "
            f"| {self.sniffed} |\n"
        )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _delay(play: RunResult | None) -> str:
    if play is None or not play.samples:
        return ""
    last = play.samples[-1].data
    if last.path_delay:
        return nanoseconds(last.path_delay)
    return f"{nanoseconds(last.peer_delay)} (peer)" if last.peer_delay else ""


def _profile(profile: Profile, programs: Programs, folder: Path) -> Row:
    say(profile.name)
    if profile.impossible:
        return Row(name=profile.name, verdict="trx.conf cannot express it", play=None, sniffed="")
    conf = trx_conf_of(profile)
    found = rehearse_privately(
        conf.serialise(),
        of_profile(profile, programs.grandmaster),
        programs,
        wish=RehearsalOptions(watch=1.0),
    )
    words = found.rejections[0].words if found.rejections else ""
    verdict = f"{found.code}: {words}" if words else str(found.code)
    sniffed = "" if words else _sniffed(profile, conf, programs, folder)
    return Row(name=profile.name, verdict=verdict, play=found.play, sniffed=sniffed)


def _sniffed(profile: Profile, conf: TrxConf, programs: Programs, folder: Path) -> str:
    target = folder / f"{profile.name}.pcap"
    _, used = record(profile, conf, programs, target, wish=RehearsalOptions(watch=1.0))
    fit = fit_domain(chosen_domain(hear_capture(target), NetworkFilter(), target.name))
    heard = fit.settings
    same = (
        heard.domain == used.domain
        and heard.sdo == used.sdo
        and heard.transport is used.transport
        and heard.delay is used.delay
        and heard.follow_up_information == used.follow_up_information
        and (heard.log_announce == used.log_announce or not used.announces)
    )
    return ("yes, as " + ", ".join(fit.profiles)) if same else f"no: {heard}"


def _cases(title: str, cases: tuple[Case, ...], programs: Programs) -> Iterator[str]:
    yield f"\n## {title}\n\n| client and grandmaster | verdict | after | what to change "
    yield "| then |\n| --- | --- | --- | --- | --- |\n"
    for case in cases:
        say(case.name)
        found = case.play(programs)
        if found.code is not case.code:
            sys.exit(f"{case.name}: {found.code}, and {case.code} was expected")
        again = case.play_changed(found, programs).code if found.advice.changes else ""
        yield f"| {case.name} | {found.code} | {_after(found)} | {_changes(found)} | {again} |\n"


def _after(found: Rehearsal) -> str:
    play = found.play
    return _seconds(play.samples[-1].seconds) if play and play.samples else "at once"


def _changes(found: Rehearsal) -> str:
    if found.play and found.play.words:
        return f"{found.play.words}; " + "; ".join(map(str, found.advice.changes))
    said = [each.words for each in found.rejections]
    hint = [] if found.advice.changes or said else [found.advice.hint]
    return "; ".join([*said, *map(str, found.advice.changes), *hint])


_FAILOVERS = """
## Failovers

Two grandmasters of one profile, with the clock classes 6 and 7; see
[with two grandmasters](../how-to/rehearse-the-clock.md#with-two-grandmasters).

| profile | after | what happened | what the client did |
| --- | --- | --- | --- |
"""


def failover(profile: Profile, programs: Programs) -> Rehearsal:
    """Rehearse a profile with two grandmasters of it."""
    first, second = (of_classed(profile, programs, each) for each in ("6", "7"))
    wish = RehearsalOptions(watch=1.0, second=second)
    return rehearse_privately(trx_conf_of(profile).serialise(), first, programs, wish=wish)


def of_classed(profile: Profile, programs: Programs, clock_class: str) -> Grandmaster:
    """A grandmaster of a profile with another clock class."""
    master = of_profile(profile, programs.grandmaster)
    settings = replace(master.settings, clock_class=int(clock_class))
    options = (*master.options, ("clockClass", clock_class))
    return replace(master, options=options, settings=settings)


def _failovers(programs: Programs) -> Iterator[str]:
    yield _FAILOVERS
    for name in ("st2059-2", "iec61850-9-3"):
        say(f"failover of {name}")
        found = failover(profile_named(name), programs)
        for each in found.play.failover if found.play else ():
            yield f"| {name} | {each.at:.1f} s | {each.event} | {answer_text(each)} |\n"


def _verdicts() -> Iterator[str]:
    yield "\n## The verdicts\n\n| verdict | what it means |\n| --- | --- |\n"
    yield from (f"| {code} | {MEANING[code]} |\n" for code in Code)


def say(name: str) -> None:
    print(name, file=sys.stderr, flush=True)  # noqa: T201 - the progress of a developer's tool


def main() -> None:
    programs = find_programs()
    with tempfile.TemporaryDirectory() as folder:
        rows = [_profile(each, programs, Path(folder)) for each in profiles().values()]
        captured = list(table(programs, Path(folder)))
    parts = [
        _HEAD.format(version=programs.client.version),
        *map(str, rows),
        *_cases("What fits", MATCHES, programs),
        *_cases("What does not fit", MISMATCHES, programs),
        *_cases("Why nobody is followed", WHY_NOBODY_IS_FOLLOWED, programs),
        *_cases("What ptp4l refuses", REFUSALS, programs),
        *captured,
        *_failovers(programs),
        *_verdicts(),
    ]
    PAGE.write_text("".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
