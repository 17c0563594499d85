"""The reports of a rehearsal, made of one that is written down; the page in a real Chromium."""

import json
import math
import os
import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.report.schemas import facts_of, require_valid
from tests.trx.rehearsal.test_verdict import GOOD, LISTENING
from vibforge import __version__
from vibforge.report.documents.trx_network import TrxRehearse
from vibforge.report.page.curves import ticks
from vibforge.report.page.rehearsal import rehearsal_page
from vibforge.report.paint import Paint
from vibforge.report.trx_rehearse import live_line, rehearsal_text
from vibforge.report.units import curve, interval, nanoseconds
from vibforge.trx.conf import TrxConf
from vibforge.trx.profile import profiles
from vibforge.trx.rehearsal.client import client_of
from vibforge.trx.rehearsal.failover import Event, EventResponse
from vibforge.trx.rehearsal.grandmaster import of_profile
from vibforge.trx.rehearsal.linuxptp import Linuxptp
from vibforge.trx.rehearsal.rehearse import Rehearsal
from vibforge.trx.rehearsal.remedy import Advice, LineChange
from vibforge.trx.rehearsal.session import RunResult
from vibforge.trx.rehearsal.verdict import Code, Sample

LINUXPTP = Linuxptp(commands={}, version="3.1.1", release="3.1.1")
HOSTILE = "ptp4l:userDescription <script>alert(1)</script>\n"
WHEN = datetime(2026, 11, 28, 4, 5, tzinfo=timezone(timedelta(hours=2)))
DARK, LIGHT = 0, 1
"""Chromium's numbers for prefers-color-scheme."""


def rehearsal(code: Code = Code.OK) -> Rehearsal:
    conf = TrxConf.parse(f"ptp4l:domainNumber 24\n{HOSTILE}".encode())
    samples = [
        Sample(0.2, LISTENING),
        *(
            Sample(
                round(1 + number / 5, 2),
                replace(GOOD, offset=1500 * math.sin(number), path_delay=2500 + 40 * number),
            )
            for number in range(40)
        ),
    ]
    play = RunResult(
        code=code,
        samples=tuple(samples if code is Code.OK else samples[:1]),
        chosen_after=1.0 if code is Code.OK else None,
        offset_after=1.2 if code is Code.OK else None,
        words="",
        log=("ptp4l[1.0]: selected best master clock",),
        grandmaster_log=(),
    )
    changes = (LineChange(line=1, old="ptp4l:domainNumber 24", new="ptp4l:domainNumber 0"),)
    return Rehearsal(
        sha256="ab" * 32,
        code=code,
        advice=Advice() if code is Code.OK else Advice(changes=changes),
        client=client_of(conf, LINUXPTP, Path("/run/x")),
        grandmaster=of_profile(profiles()["default-e2e"], LINUXPTP),
        interface="client",
        world="a private user and network namespace",
        linuxptp="3.1.1",
        grandmaster_linuxptp="3.1.1",
        network=None,
        play=play,
        rejections=(),
        coupling=(),
    )


def test_the_text_says_verdict_facts_and_overrides() -> None:
    text = rehearsal_text(rehearsal(), "trx.conf", Paint(), verbose=True)
    assert text.startswith("trx.conf: ok: the client chose the grandmaster")
    assert "chosen after 1.0 s" in text
    assert "LISTENING 0.2 s, UNCALIBRATED 1.0 s" in text
    assert "overridden   free_running 1: no clock is set" in text
    assert "cannot be rehearsed" in text


def test_the_text_says_what_to_change() -> None:
    text = rehearsal_text(rehearsal(Code.DOMAIN), "trx.conf", Paint())
    assert "→ line 1: `ptp4l:domainNumber 24` → `ptp4l:domainNumber 0`" in text
    require_valid(facts_of(TrxRehearse.of(rehearsal(Code.DOMAIN), "trx.conf")))


def test_the_json_holds_it_all() -> None:
    facts = facts_of(TrxRehearse.of(rehearsal(), "trx.conf"))
    assert next(iter(facts)) == "format"
    assert require_valid(facts) == "trx-rehearse"
    assert facts["verdict"] == "ok"
    assert len(facts["samples"]) == 41
    assert facts["samples"][-1]["state"] == "UNCALIBRATED"
    assert facts["client"]["domain"] == 24


def test_the_live_line_is_one_short_line() -> None:
    play = rehearsal().play
    assert play
    line = live_line(play.samples)
    assert "\n" not in line
    assert "UNCALIBRATED" in line
    assert "▁" in line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ns"),
        (-400, "-400 ns"),
        (2786, "2.79 µs"),
        (1.2e6, "1.2 ms"),
        (3e9, "3 s"),
        (123456789012.0, "123 s"),
        (5e12, "5000 s"),
    ],
)
def test_durations(value: float, text: str) -> None:
    assert nanoseconds(value) == text


def test_small_things() -> None:
    assert curve([]) == ""
    assert curve([5, 5]) == "▁▁"
    assert curve([0, 7]) == "▁█"
    assert (interval(-3), interval(1)) == ("1/8 s", "2 s")
    assert ticks(0, 9, 10)[:3] == [0, 1, 2]
    assert ticks(5, 5, 4) == [5.0]


def test_the_page_is_whole_and_safe_and_the_same_each_time() -> None:
    page = rehearsal_page(rehearsal(), "trx.conf", WHEN)
    assert page == rehearsal_page(rehearsal(), "trx.conf", WHEN)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    addresses = set(re.findall(r"https?://[^\"' ]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"\b(src|href)=", page)


def test_the_page_says_when_with_what_and_of_which_file() -> None:
    good = rehearsal_page(rehearsal(), "trx.conf", WHEN)
    assert "<h1>It fits: trx.conf</h1>" in good
    assert f"2026-11-28 02:05 UTC, with vibforge {__version__}" in good
    assert "ab" * 32 in good
    assert "What to change" not in good
    bad = rehearsal_page(rehearsal(Code.DOMAIN), "trx.conf", WHEN)
    assert "<h1>It does not fit: trx.conf</h1>" in bad
    assert "The client ignores the grandmaster" in bad
    assert "<h2>What to change</h2>" in bad


def test_no_offset_is_shown_before_one_was_measured() -> None:
    early = Sample(0.5, replace(GOOD, offset=77_000.0, path_delay=0.0))
    found = rehearsal()
    assert found.play
    play = replace(found.play, samples=(found.play.samples[0], early, *found.play.samples[1:]))
    late, never = replace(found, play=play), replace(found, play=replace(play, offset_after=None))
    for shown in (late, never):
        text = rehearsal_text(shown, "trx.conf", Paint())
        assert "77 µs" not in text + rehearsal_page(shown, "trx.conf", WHEN)
    assert "Offset from the grandmaster" not in rehearsal_page(never, "trx.conf", WHEN)
    assert live_line([Sample(0.2, LISTENING)]).count(" - ") == 2


def test_a_failover_is_in_text_json_and_page() -> None:
    found = rehearsal()
    assert found.play
    lost = EventResponse(
        event=Event.LOSS,
        at=2.5,
        without_time=1.9,
        followed="second",
        parent="020000.fffe.000002-1",
        states=("UNCALIBRATED",),
        utc_offset=37,
        flags=("leap_61",),
    )
    gone = replace(lost, event=Event.RETURN, at=9.0, without_time=None, followed="none")
    shown = replace(found, play=replace(found.play, failover=(lost, gone)))
    facts = facts_of(TrxRehearse.of(shown, "trx.conf"))
    assert require_valid(facts) == "trx-rehearse"
    assert [each["without_time_seconds"] for each in facts["failover"]] == [1.9, None]
    for text in (
        rehearsal_text(shown, "trx.conf", Paint()),
        rehearsal_page(shown, "trx.conf", WHEN),
    ):
        assert "1.9 s without time, follows the second" in text
        assert "leap 61" in text
        assert "no time any more" in text


def test_what_was_not_played_or_heard_is_said() -> None:
    found = rehearsal(Code.NOT_KNOWN)
    assert found.grandmaster
    master = replace(found.grandmaster, assumed=(("delay_mechanism", "E2E"),), changed=("x 1",))
    shown = replace(found, unlike=("it is signed",), grandmaster=master)
    assert "overridden  " not in rehearsal_text(shown, "trx.conf", Paint())
    text = rehearsal_text(shown, "trx.conf", Paint(), verbose=True)
    assert "not played   it is signed" in text
    assert "not heard    delay_mechanism: the grandmaster plays the default E2E" in text
    assert "overridden   grandmaster: x 1" in text
    page = rehearsal_page(shown, "trx.conf", WHEN)
    assert "<h1>Not known: trx.conf</h1>" in page
    assert "it is signed" in page
    assert require_valid(facts_of(TrxRehearse.of(shown, "trx.conf"))) == "trx-rehearse"


def test_a_page_without_a_play() -> None:
    page = rehearsal_page(replace(rehearsal(Code.REJECTED), play=None), "trx.conf", WHEN)
    assert "conf-rejected" in page
    assert "<svg" not in page


_PROBE = """<script>
const seen = name => getComputedStyle(document.querySelector(name));
document.documentElement.dataset.probe = JSON.stringify({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  width: document.documentElement.clientWidth,
  paper: seen("body").backgroundColor, ink: seen("body").color,
  wide: seen(".wide").display, narrow: seen(".narrow").display,
  guide: seen("svg .guide.line").stroke, curve: seen("svg .color-0").stroke,
  dots: document.querySelectorAll(".wide circle").length,
});
</script>"""


@pytest.fixture
def chromium(
    tool: Callable[[str], str], tmp_path: Path
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    path = tool("chromium")

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [
            *(path, "--headless", "--disable-gpu", "--disable-background-networking"),
            *("--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}"),
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, check=True, timeout=60
        )

    return run


def probe(
    chromium: Callable[..., "subprocess.CompletedProcess[str]"], page: Path, scheme: int, width: int
) -> dict[str, str | int]:
    said = chromium(
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--window-size={width},2000",
        "--dump-dom",
        page.as_uri(),
    )
    found = re.search(r'data-probe="([^"]*)"', said.stdout)
    assert found, said.stdout[:500]
    facts: dict[str, str | int] = json.loads(found[1].replace("&quot;", '"'))
    return facts


def brightness(colour: str | int) -> float:
    return sum(int(part) for part in re.findall(r"\d+", str(colour))[:3]) / 3


@pytest.mark.slow
def test_the_page_in_chromium(
    chromium: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    text = rehearsal_page(rehearsal(), "trx.conf", WHEN)
    page.write_text(text.replace("</body>", f"{_PROBE}</body>"), encoding="utf-8")
    light = probe(chromium, page, LIGHT, 1000)
    dark = probe(chromium, page, DARK, 1000)
    phone = probe(chromium, page, LIGHT, 500)
    assert brightness(light["paper"]) - brightness(light["ink"]) > 150
    assert brightness(dark["ink"]) - brightness(dark["paper"]) > 150
    assert brightness(dark["curve"]) > brightness(light["curve"])
    assert brightness(light["guide"]) > brightness(dark["guide"]) > brightness(dark["paper"])
    assert (light["wide"], light["narrow"]) == ("block", "none")
    assert (phone["wide"], phone["narrow"]) == ("none", "block")
    assert light["overflow"] == dark["overflow"] == phone["overflow"] == 0
    assert int(light["dots"]) > 40


def test_the_page_on_paper(
    chromium: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(rehearsal_page(rehearsal(), "trx.conf", WHEN), encoding="utf-8")
    dark = f"--blink-settings=preferredColorScheme={DARK}"
    chromium(dark, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type /Page\b", data)) <= 3
