"""One rehearsal: start the grandmaster, start the client, read its data sets, judge."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vibforge.errors import TrxError
from vibforge.ptp.settings import ClockSettings
from vibforge.rehearsal import client as client_side
from vibforge.rehearsal import grandmaster as grandmaster_side
from vibforge.rehearsal.client import Client
from vibforge.rehearsal.data_sets import QUESTIONS, DataSets, data_sets_of
from vibforge.rehearsal.grandmaster import Grandmaster
from vibforge.rehearsal.linuxptp import Linuxptp
from vibforge.rehearsal.log import Log
from vibforge.rehearsal.programs import Programs
from vibforge.rehearsal.verdict import Code, Sample, Scene, judge
from vibforge.rehearsal.world import World

_BETWEEN = 0.1
"""Seconds between two readings; a reading takes as long again."""

_ASK_SECONDS = 3.0
"""For one answer of pmc, which gives up by itself after 0.1 s."""

_MASTER_SECONDS = 45.0
"""A grandmaster of someone's own configuration waits for its announce timeout first."""

_REFUSED = {254, 255}
"""How ptp4l exits when it does not start."""

_ENDINGS = ("failed to create a clock", "failed to open port")
"""What ptp4l says behind the reason."""

Notice = Callable[[Sample], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """What happened on the stage. `words` are ptp4l's own, where it ended by itself."""

    code: Code
    samples: tuple[Sample, ...]
    chosen_after: float | None
    offset_after: float | None
    words: str
    log: tuple[str, ...]
    grandmaster_log: tuple[str, ...]


@dataclass(slots=True)
class Stage:
    """A world with linuxptp in it."""

    world: World
    programs: Programs
    seconds: float
    watch: float
    on_sample: Notice | None = None

    def play(
        self,
        client: Client,
        grandmaster: Grandmaster | None,
        network: Callable[[], ClockSettings | None],
    ) -> Play:
        """Rehearse `client` against `grandmaster`, or against whatever the network has.

        Args:
            client: whom to rehearse.
            grandmaster: the other side, None where it is on the network already.
            network: what the other side is known to speak; asked at the end once more.

        Raises:
            TrxError: the grandmaster does not start or does not become master.
        """
        gm_log, parent = self._start_grandmaster(grandmaster) if grandmaster else (None, "")
        scene = Scene(
            client=client.settings,
            network=grandmaster.settings if grandmaster else None,
            parent=parent,
            near=grandmaster is not None,
            elects=client.elects,
            watch=self.watch,
        )
        log = self._start(
            self.programs.client,
            self.world.as_client,
            client.file,
            client_side.SOCKET,
            self.world.client_interface,
        )
        code = self._watch(scene, log, client.settings) or _at_the_end(scene, network)
        return Play(
            code=code,
            samples=tuple(scene.samples),
            chosen_after=scene.chosen_after,
            offset_after=scene.offset_after,
            words=_last_words(log) if code in {Code.REFUSED, Code.DIED} else "",
            log=log.lines,
            grandmaster_log=gm_log.lines if gm_log else (),
        )

    def _start(
        self, linuxptp: Linuxptp, side: Sequence[str], text: str, socket: str, interface: str
    ) -> Log:
        file = self.world.folder / socket.replace(".uds", ".conf")
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        command = (*linuxptp.command("ptp4l"), "-f", str(file), "-i", interface)
        return Log(self.world.start(side, *command, output=subprocess.PIPE)).start()

    def _start_grandmaster(self, grandmaster: Grandmaster) -> tuple[Log, str]:
        """Start it and wait until it is master; return its port."""
        linuxptp = self.programs.grandmaster
        text = grandmaster.file(linuxptp, self.world.folder)
        log = self._start(linuxptp, self.world.as_grandmaster, text, grandmaster_side.SOCKET, "gm")
        end = time.monotonic() + _MASTER_SECONDS
        while time.monotonic() < end:
            if log.process.poll() is not None:
                log.finish()
                raise TrxError(
                    f"the grandmaster does not start: {_last_words(log)}",
                    where=f"{grandmaster.source}, linuxptp {linuxptp.version}",
                    remedy="Correct it, or choose another linuxptp with --gm-linuxptp.",
                )
            answer = self._ask(linuxptp, grandmaster_side.SOCKET, grandmaster.settings)
            if answer and answer.state in {"MASTER", "GRAND_MASTER"}:
                return log, answer.port
            time.sleep(_BETWEEN)
        raise TrxError(
            f"the grandmaster has not become master in {_MASTER_SECONDS:.0f} s",
            where=grandmaster.source,
            remedy="See its priority, its role and its clock class.",
        )

    def _watch(self, scene: Scene, log: Log, settings: ClockSettings) -> Code | None:
        """Read until the verdict is clear; None where the time is over first."""
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < self.seconds:
            if log.process.poll() is not None:
                log.finish()
                return Code.REFUSED if log.process.returncode in _REFUSED else Code.DIED
            answer = self._ask(self.programs.client, client_side.SOCKET, settings)
            if answer:
                scene.samples.append(Sample(round(passed, 2), answer))
                if self.on_sample:
                    self.on_sample(scene.samples[-1])
                code = judge(scene)
                if code:
                    return code
            time.sleep(_BETWEEN)
        return None

    def _ask(self, linuxptp: Linuxptp, socket: str, settings: ClockSettings) -> DataSets | None:
        folder = self.world.folder
        command = (
            *(*linuxptp.command("pmc"), "-u", "-b", "0"),
            *("-d", str(settings.domain), "-t", f"{settings.sdo:x}"),
            *("-s", str(folder / socket), "-i", str(folder / "pmc.uds")),
        )
        try:
            answer = self.world.run(*command, *QUESTIONS, seconds=_ASK_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        return data_sets_of(answer.stdout)


def _at_the_end(scene: Scene, network: Callable[[], ClockSettings | None]) -> Code:
    scene.network = scene.network or network()
    return judge(scene, final=True) or Code.NO_OFFSET


def _last_words(log: Log) -> str:
    """The last line of the log, without ptp4l's time stamp in front."""
    lines = [line for line in log.lines if line and not line.startswith("…")]
    useful = [line for line in lines if not any(end in line for end in _ENDINGS)] or lines
    if not useful:
        return f"it exits with {log.process.returncode} and says nothing"
    line = useful[-1]
    return line.split("]: ", 1)[-1] if line.startswith("ptp4l[") else line
