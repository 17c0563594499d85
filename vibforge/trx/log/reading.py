"""Read clock logs: every line once, in flat memory, whatever their size."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import Problem, TrxError, VibforgeError, refused
from vibforge.files.sources import Sources
from vibforge.trx.log import lines
from vibforge.trx.log.clock import ClockKey, ClockLog
from vibforge.trx.log.events import ClockEvent, Events
from vibforge.trx.log.lines import LINE, LINE_LIMIT, Lines, RawRow, host_in, wall_of
from vibforge.trx.log.messages import Found, Messages, Unknown
from vibforge.trx.log.order import Part, is_clock_log, ordered
from vibforge.trx.log.program import ChosenGrandmaster, LoggedProgram, Port

COMMONEST = 10
"""Shapes of unknown lines that are told."""
_HOSTS = 256
"""Hosts and programs that are told apart."""
_PLACES = 10_000
"""Texts in front of a program's name that are remembered."""


class SourceLog(Struct, frozen=True):
    """A file that was read."""

    name: str
    host: str
    size: int
    """Bytes, unpacked."""
    sha256: str
    lines: int
    cut: int
    """Lines that were too long or did not end."""
    first: str
    last: str
    """Time of day, or seconds of the monotonic clock, of its first and last line."""


class LogReading(Struct, frozen=True):
    """What clock logs say."""

    sources: tuple[SourceLog, ...]
    hosts: tuple[str, ...]
    """Hosts, or logs whose lines name none, with lines of ptp4l or phc2sys."""
    clocks: tuple[ClockLog, ...]
    ports: tuple[Port, ...]
    grandmasters: tuple[ChosenGrandmaster, ...]
    grandmaster_changes: int
    events: tuple[ClockEvent, ...]
    event_count: int
    messages: tuple[Found, ...]
    unknown: tuple[Unknown, ...]
    unknown_lines: int
    known_lines: int
    """Lines of ptp4l and phc2sys."""
    overlooked: int
    """Lines of more hosts, clocks or ports than are told apart."""
    unread_time: str
    """A time of day that was not understood, such as one of another language."""
    problems: tuple[Problem, ...]


class ClockNow(Struct, frozen=True):
    """A clock of a log that is being followed."""

    key: ClockKey
    state: str
    """Empty where nothing is heard of it."""
    last: int | None


class LogReader:
    """Takes blocks of lines in, and says what they came to."""

    def __init__(self) -> None:
        self.programs: dict[tuple[str, str], LoggedProgram] = {}
        self.events = Events()
        self._other = Messages()
        self._places: dict[tuple[bytes, bytes, str], LoggedProgram | None] = {}
        self._overlooked = 0
        self.known_lines = 0

    def take(self, block: bytes, host: str) -> int:
        """Take whole lines of a log.

        Args:
            block: the lines.
            host: the name for lines that tell none.

        Returns:
            How many lines there were, empty ones left out.
        """
        waiting: dict[LoggedProgram, list[RawRow]] = {}
        rows = LINE.findall(block)
        for row in rows:
            if row[lines.OTHER]:
                self._other.add(row[lines.OTHER])
                continue
            program = self._program(row, host)
            if program is None:
                self._overlooked += 1
            elif row[lines.SERVO] or row[lines.RMS]:
                waiting.setdefault(program, []).append(row)
            else:
                if measured := waiting.pop(program, None):
                    program.take_measurements(measured)
                program.take_text(row)
        for program, measured in waiting.items():
            program.take_measurements(measured)
        return len(rows)

    def idle(self, seconds: float) -> None:
        """Take note that the log has not grown for so long."""
        for program in self.programs.values():
            for clock in program.clocks.values():
                clock.idle(seconds)

    def now(self) -> tuple[ClockNow, ...]:
        """Return the present state of each clock."""
        return tuple(
            ClockNow(clock.key, clock.state, clock.last_offset)
            for key in sorted(self.programs, key=_ptp4l_first)
            for clock in self.programs[key].clocks.values()
        )

    def result(
        self, sources: Iterable[SourceLog] = (), problems: Iterable[Problem] = ()
    ) -> LogReading:
        """Return what was found."""
        programs = [self.programs[key] for key in sorted(self.programs, key=_ptp4l_first)]
        tallies = [self._other, *(program.messages for program in programs)]
        unknown = [each for tally in tallies for each in tally.unknown(COMMONEST)]
        unknown.sort(key=lambda each: (-each.count, each.shape))
        clocks = [clock.result() for program in programs for clock in program.clocks.values()]
        unread = next((p.timeline.unread for p in programs if p.timeline.unread), b"")
        return LogReading(
            sources=tuple(sources),
            hosts=tuple(sorted({program.host for program in programs})),
            clocks=tuple(clocks),
            ports=tuple(port for program in programs for port in program.ports()),
            grandmasters=tuple(each for program in programs for each in program.grandmasters),
            grandmaster_changes=sum(program.grandmaster_changes for program in programs),
            events=self.events.kept(),
            event_count=self.events.count,
            messages=tuple(each for tally in tallies for each in tally.found()),
            unknown=tuple(unknown[:COMMONEST]),
            unknown_lines=sum(tally.unknown_lines for tally in tallies),
            known_lines=self.known_lines,
            overlooked=self._overlooked + sum(program.overlooked for program in programs),
            unread_time=unread.decode("utf-8", "replace"),
            problems=tuple(problems),
        )

    def _program(self, row: RawRow, host: str) -> LoggedProgram | None:
        self.known_lines += 1
        place = (row[lines.BEFORE], row[lines.PROGRAM], host)
        if place in self._places:
            return self._places[place]
        if len(self._places) >= _PLACES:
            self._places.clear()
        key = (host_in(row[lines.BEFORE]) or host, row[lines.PROGRAM].decode())
        program = self.programs.get(key)
        if program is None and len(self.programs) < _HOSTS:
            program = self.programs[key] = LoggedProgram(*key, self.events)
        self._places[place] = program
        return program


def _ptp4l_first(key: tuple[str, str]) -> tuple[str, bool]:
    """Order programs by host, and the one that knows the grandmaster before the others."""
    host, program = key
    return host, program != "ptp4l"


def read_clock_logs(paths: Sequence[Path], standard_input: BinaryIO) -> LogReading:
    """Read logs wherever they are: files, folders, archives; `-` is the standard input.

    Raises:
        TrxError: no log was found, or no line of ptp4l or phc2sys in those that were.
    """
    with Sources(is_clock_log) as sources:
        sources.find(paths, standard_input)
        if not sources.files:
            raise _nothing_found(paths, sources)
        reader = LogReader()
        read = list(read_parts(ordered(sources.files), reader))
        problems = [each for each in read if isinstance(each, Problem)]
        logs = [each for each in read if isinstance(each, SourceLog)]
        reading = reader.result(logs, [*sources.problems, *problems])
    require_clock_lines(reading)
    return reading


def _nothing_found(paths: Sequence[Path], sources: Sources) -> TrxError:
    if sources.problems:
        return TrxError.from_problems(sources.problems)
    return TrxError(
        f"no clock log among {sources.passed_over} files",
        where=", ".join(map(str, paths[:3])),
        remedy="files called trx*, *ptp4l* and *phc2sys* are looked for; name the log itself if it"
        " is called otherwise",
    )


def read_parts(parts: Iterable[Part], reader: LogReader) -> Iterator[SourceLog | Problem]:
    """Read logs in the order given, and yield what each was, or why not all of it could be read."""
    for part in parts:
        taken, cutter, count, ends = _Taken(part), Lines(), 0, _Ends()
        try:
            for block in cutter.blocks(taken):
                count += reader.take(block, part.host)
                ends.see(block)
        except VibforgeError as error:
            yield from (
                replace(problem, where=problem.where or part.name) for problem in error.problems
            )
        except OSError as error:
            yield from refused(error, part.name).problems
        yield SourceLog(
            name=part.name,
            host=part.host,
            size=taken.size,
            sha256=taken.digest.hexdigest(),
            lines=count,
            cut=cutter.cut,
            first=ends.first,
            last=ends.last,
        )


class _Taken:
    """The chunks of a file, measured and hashed while they pass."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._part.chunks():
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


class _Ends:
    """When a log begins and ends."""

    def __init__(self) -> None:
        self.first = self.last = ""

    def see(self, block: bytes) -> None:
        """Look at the next block."""
        if not self.first:
            self.first = next(_times(block), "")
        self.last = next(_times(block[-4 * LINE_LIMIT :], backwards=True), self.last)


def _times(block: bytes, *, backwards: bool = False) -> Iterator[str]:
    """Yield the times of the lines of ptp4l and phc2sys."""
    rows = [row for row in LINE.findall(block[: 16 * LINE_LIMIT]) if row[lines.SECONDS]]
    for row in reversed(rows) if backwards else rows:
        wall = wall_of(row[lines.WALL])
        yield wall.text() if wall else f"{float(row[lines.SECONDS]):.3f} s"


def require_clock_lines(reading: LogReading) -> None:
    """Insist that something in the logs is of ptp4l or phc2sys.

    Raises:
        TrxError: nothing is; with what could not be read.
    """
    if reading.known_lines:
        return
    count = sum(each.lines for each in reading.sources)
    like = f"; most are like `{reading.unknown[0].example}`" if reading.unknown else ""
    nothing = Problem(
        what=f"no line of ptp4l or phc2sys in {count} lines{like}",
        where=", ".join(each.name for each in reading.sources[:3]),
        remedy="give the host's /var/run/log/trx.log, what ptp4l and phc2sys print, or a vm-support"
        " archive of a host where PTP runs",
    )
    raise TrxError.from_problems([*reading.problems, nothing])
