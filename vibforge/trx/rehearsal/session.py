"""Run one rehearsal: start the grandmaster and the client, read the data sets, judge."""

import subprocess
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from vibforge.errors import TrxError
from vibforge.trx.network.settings import ClockSettings
from vibforge.trx.rehearsal import client as client_side
from vibforge.trx.rehearsal import grandmaster as grandmaster_side
from vibforge.trx.rehearsal.client import Client, values_of
from vibforge.trx.rehearsal.data_sets import QUESTIONS, DataSets, Log, Said, data_sets_of
from vibforge.trx.rehearsal.failover import EventResponse, Failover, PlayedGrandmaster, announced_by
from vibforge.trx.rehearsal.grandmaster import SLOWEST_ELECTION, Announced, Grandmaster
from vibforge.trx.rehearsal.linuxptp import Linuxptp, Programs
from vibforge.trx.rehearsal.sandbox import Sandbox
from vibforge.trx.rehearsal.verdict import Code, Sample, Trace, judge, on_one_scale

_BETWEEN = 0.1
"""Seconds between two readings; a reading takes as long again."""

_ASK_SECONDS = 3.0
"""For one answer of pmc, whose own timeout is 0.1 s."""

_MASTER_SECONDS = 45.0
"""For a grandmaster to become master: with a given ptp4l.conf, after its announce timeout."""

_TELL_SECONDS = 15.0
"""For a grandmaster to start and accept what it must announce, on a busy machine."""

_LONGEST = 4 * SLOWEST_ELECTION
"""Seconds that a grandmaster may take to become master, whatever interval it announces."""

_REFUSED = {254, 255}
"""The exit codes of a ptp4l that does not start."""

_ENDINGS = ("failed to create a clock", "failed to open port")
"""Lines that ptp4l logs after the reason."""

_SOCKETS = {"first": grandmaster_side.SOCKET, "second": "second.uds"}

Notice = Callable[[Sample], None]


class RunResult(Struct, frozen=True, kw_only=True):
    """The result of a run. `words` is ptp4l's last message if it ended by itself."""

    code: Code
    samples: tuple[Sample, ...]
    chosen_after: float | None
    offset_after: float | None
    words: str
    log: tuple[str, ...]
    grandmaster_log: tuple[str, ...]
    failover: tuple[EventResponse, ...] = ()
    said: frozenset[Said] = frozenset()


class Session(Struct):
    """Runs linuxptp in a sandbox."""

    world: Sandbox
    programs: Programs
    seconds: float
    watch: float
    on_sample: Notice | None = None
    second: Grandmaster | None = None

    def play(
        self,
        client: Client,
        grandmaster: Grandmaster | None,
        network: Callable[[], ClockSettings | None],
    ) -> RunResult:
        """Rehearse `client` against `grandmaster`, or against whatever the network has.

        Args:
            client: the client to rehearse.
            grandmaster: the grandmaster to run, None if the network has one.
            network: returns the settings of the network if known; called again at the end.

        Raises:
            TrxError: the grandmaster does not start or does not become master.
        """
        gm_log, parent = (
            self._start_grandmaster(grandmaster, grandmaster_side.SOCKET)
            if grandmaster
            else (None, "")
        )
        scene = Trace(
            client=client.settings,
            network=grandmaster.settings if grandmaster else None,
            parent=parent,
            near=grandmaster is not None,
            elects=client.elects,
            watch=self.watch,
            quiet_socket=_quiet(client, self.programs.client),
        )
        log = self._start(
            self.programs.client,
            self.world.as_client,
            client.file,
            client_side.SOCKET,
            self.world.client_interface,
        )
        scene.said = log.said
        announced = grandmaster.announced if grandmaster else None
        utc_offset = announced.utc_offset if announced else 0
        begin = time.monotonic()
        code = self._watch(scene, (log, gm_log), client.settings, utc_offset)
        code = code or _at_the_end(scene, network)
        chosen_after, offset_after = scene.chosen_after, scene.offset_after
        failover: tuple[EventResponse, ...] = ()
        if code is Code.OK and grandmaster and gm_log and self.second:
            first = self._speaker("first", grandmaster, gm_log, parent)
            failover = self._fail_over(scene, client.settings, first, begin)
            code = (
                code
                if all(each.without_time is not None for each in failover)
                else Code.NO_FAILOVER
            )
        return RunResult(
            code=code,
            samples=tuple(scene.samples),
            chosen_after=chosen_after,
            offset_after=offset_after,
            words=_last_words(log) if code in {Code.REFUSED, Code.DIED} else "",
            log=log.lines,
            grandmaster_log=gm_log.lines if gm_log else (),
            failover=failover,
            said=frozenset(log.said),
        )

    def _fail_over(
        self, scene: Trace, client: ClockSettings, first: PlayedGrandmaster, begin: float
    ) -> tuple[EventResponse, ...]:
        if self.second is None:
            return ()
        first.alive = True
        return Failover(
            scene=scene,
            client=client,
            first=first,
            second=self._speaker("second", self.second, None, ""),
            ask=lambda: self._ask(self.programs.client, client_side.SOCKET, client),
            now=lambda: time.monotonic() - begin,
            pause=_BETWEEN,
            watch=self.watch,
        ).run()

    def _speaker(
        self, name: str, played: Grandmaster, log: Log | None, port: str
    ) -> PlayedGrandmaster:
        """Return the controls of a grandmaster; `log` is None if it does not run yet."""
        socket = _SOCKETS[name]
        linuxptp = self.programs.grandmaster
        identity = values_of(played.options).get("clockIdentity", "")
        running = [log] if log else []

        def start() -> None:
            text = played.file(linuxptp, self.world.folder, socket)
            side, interface = self.world.as_grandmaster, "gm"
            running.append(self._start(linuxptp, side, text, socket, interface))
            speaker.alive = True
            if played.announced:
                tell(speaker.announced)

        def stop() -> None:
            if running:
                process = running.pop().process
                self.world.stop(process)
            speaker.alive = False

        def tell(announced: Announced) -> None:
            self._tell(linuxptp, played, announced, socket)

        speaker = PlayedGrandmaster(
            name=name,
            played=played,
            start=start,
            stop=stop,
            tell=tell,
            announced=announced_by(played),
            port=port or f"{identity}-1",
        )
        return speaker

    def _start(
        self, linuxptp: Linuxptp, side: Sequence[str], text: str, socket: str, interface: str
    ) -> Log:
        file = self.world.folder / socket.replace(".uds", ".conf")
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        command = (*linuxptp.command("ptp4l"), "-f", str(file), "-i", interface)
        return Log(self.world.start(side, *command, output=subprocess.PIPE)).start()

    def _start_grandmaster(self, grandmaster: Grandmaster, socket: str) -> tuple[Log, str]:
        """Start the grandmaster, wait until it is master, and return its log and port."""
        linuxptp = self.programs.grandmaster
        text = grandmaster.file(linuxptp, self.world.folder, socket)
        log = self._start(linuxptp, self.world.as_grandmaster, text, socket, "gm")
        patience = max(_MASTER_SECONDS, min(4 * grandmaster.settings.announce_seconds, _LONGEST))
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if log.process.poll() is not None:
                log.finish()
                raise TrxError(
                    f"the grandmaster does not start: {_last_words(log)}",
                    where=f"{grandmaster.source}, linuxptp {linuxptp.version}",
                    remedy="Correct its options, or choose another linuxptp with --gm-linuxptp.",
                )
            answer = self._ask(linuxptp, socket, grandmaster.settings)
            if answer and answer.state in {"MASTER", "GRAND_MASTER"}:
                if grandmaster.announced:
                    self._tell(linuxptp, grandmaster, grandmaster.announced, socket)
                return log, answer.port
            if grandmaster.settings.authenticated and Said.MASTER in log.said:
                return log, ""  # it answers no request without a key
            time.sleep(_BETWEEN)
        raise TrxError(
            f"the grandmaster did not become master within {patience:.0f} s",
            where=grandmaster.source,
            remedy="Check its priority1, its role and its clock class.",
        )

    def _watch(
        self, scene: Trace, logs: tuple[Log, Log | None], settings: ClockSettings, utc_offset: int
    ) -> Code | None:
        """Read data sets until the verdict is clear; return None if time runs out first.

        Raises:
            TrxError: the grandmaster ended.
        """
        log, gm_log = logs
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < self.seconds:
            if log.process.poll() is not None:
                log.finish()
                return Code.REFUSED if log.process.returncode in _REFUSED else Code.DIED
            if gm_log and gm_log.process.poll() is not None:
                raise self._vanished(gm_log, passed)
            answer = self._ask(self.programs.client, client_side.SOCKET, settings)
            if answer:
                answer = on_one_scale(answer, utc_offset)
                scene.samples.append(Sample(round(passed, 2), answer))
                if self.on_sample:
                    self.on_sample(scene.samples[-1])
                code = judge(scene)
                if code:
                    return code
            time.sleep(_BETWEEN)
        return None

    def _vanished(self, log: Log, seconds: float) -> TrxError:
        log.finish()
        return TrxError(
            f"the grandmaster ended after {seconds:.1f} s: {_last_words(log)}",
            where=f"linuxptp {self.programs.grandmaster.version}",
            remedy="Run it again, or choose another linuxptp with --gm-linuxptp.",
        )

    def _ask(self, linuxptp: Linuxptp, socket: str, settings: ClockSettings) -> DataSets | None:
        return data_sets_of(self._pmc(linuxptp, socket, settings, *QUESTIONS))

    def _pmc(self, linuxptp: Linuxptp, socket: str, settings: ClockSettings, *requests: str) -> str:
        folder = self.world.folder
        command = (
            *(*linuxptp.command("pmc"), "-u", "-b", "0"),
            *("-d", str(settings.domain), "-t", f"{settings.sdo:x}"),
            *("-s", str(folder / socket), "-i", str(folder / "pmc.uds")),
        )
        try:
            return self.world.run(*command, *requests, seconds=_ASK_SECONDS).stdout
        except subprocess.TimeoutExpired:
            return ""

    def _tell(
        self, linuxptp: Linuxptp, grandmaster: Grandmaster, announced: Announced, socket: str
    ) -> None:
        """Set the time properties that a grandmaster announces.

        Raises:
            TrxError: it did not confirm them within `_TELL_SECONDS`.
        """
        end = time.monotonic() + _TELL_SECONDS
        while time.monotonic() < end:
            answer = self._pmc(linuxptp, socket, grandmaster.settings, announced.request)
            if "RESPONSE MANAGEMENT GRANDMASTER_SETTINGS_NP" in answer:
                return
            time.sleep(_BETWEEN)
        raise TrxError(
            "the grandmaster did not accept its time properties (GRANDMASTER_SETTINGS_NP)",
            where=f"{grandmaster.source}, linuxptp {linuxptp.version}",
            remedy="Run it again, or choose another linuxptp with --gm-linuxptp.",
        )


def _quiet(client: Client, linuxptp: Linuxptp) -> bool:
    """True for a client that does not answer on its management socket (tried with 4.4)."""
    settings = client.settings
    return settings.follow_up_information and settings.sdo != 1 and linuxptp.knows("4.4")


def _at_the_end(scene: Trace, network: Callable[[], ClockSettings | None]) -> Code:
    scene.network = scene.network or network()
    return judge(scene, final=True) or Code.NO_OFFSET


def _last_words(log: Log) -> str:
    """Return the last useful line of the log, without ptp4l's time stamp."""
    lines = [line for line in log.lines if line and not line.startswith("…")]
    useful = [line for line in lines if not any(end in line for end in _ENDINGS)] or lines
    if not useful:
        return f"exit code {log.process.returncode} without a message"
    line = useful[-1]
    return line.split("]: ", 1)[-1] if line.startswith("ptp4l[") else line
