import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.report.schemas import require_valid
from tests.trx.log.making import phc_sample, sample, steady, text
from vibforge.cli import main

GOOD = (
    sample(1, 73_000_000, 0) + sample(2, 73_000_000, 1) + steady(3, [n % 7 * 10 for n in range(60)])
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trx.log"
    path.write_bytes(GOOD)
    return path


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--limit", "g8271-4"], 0),
        (["--limit", "g8271-4", "--reference-error", "1441"], 1),
        (["--limit", "59"], 1),
        (["--limit", "nonsense"], 2),
        (["--asymmetry", "nonsense"], 2),
        (["--seconds", "5"], 2),
    ],
)
def test_exit_codes(log: Path, options: list[str], code: int) -> None:
    assert main(["trx", "log", str(log), *options]) == code


def test_the_report(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "log", str(log), "--limit", "59"]) == 1
    said = capsys.readouterr().out
    assert "59 exceeded: max |TE| 60 ns at 9.000 s, limit 59 ns" in said
    assert "min 0 ns, max 60 ns" in said
    assert "what no such log proves" in said
    assert len(said.splitlines()) < 40


def test_json_is_as_its_schema_says(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(GOOD + phc_sample(63, 5) + text(63, "port 1: SLAVE to FAULTY on X"))
    assert main(["trx", "log", str(log), "--limit", "rts25", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert require_valid(facts) == "trx-log"
    assert facts["verdicts"][0]["verdict"] == "not shown"
    assert [clock["program"] for clock in facts["clocks"]] == ["ptp4l", "phc2sys"]
    assert facts["messages"][0]["id"] == "fault"
    assert facts["clocks"][0]["offset_statistics"]["sample_count"] == 60


@pytest.mark.parametrize("data", [b"", b"\0" * 9999, b"Nov 28 01:02:03 host sshd: hello\n" * 9])
def test_another_program_s_log(log: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(data)
    assert main(["trx", "log", str(log)]) == 2
    said = capsys.readouterr().err
    assert "no line of ptp4l or phc2sys" in said
    assert "→ give the host's /var/run/log/trx.log" in said


def test_a_folder_without_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hostd.log").write_bytes(b"x\n")
    assert main(["trx", "log", str(tmp_path)]) == 2
    assert "no clock log among 1 files" in capsys.readouterr().err


def test_what_is_cut_is_reported_and_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = log.with_name("trx.0.gz")
    packed.write_bytes(gzip.compress(GOOD, mtime=0)[:-30])
    assert main(["trx", "log", str(packed)]) == 2
    said = capsys.readouterr()
    assert "ptp4l master" in said.out
    assert f"error: {packed}: gzip is cut short" in said.err


def test_a_vm_support_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = "esx-host7-2026-11-28--01.02-2099"
    path = tmp_path / "support.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (
            ("var/run/log/trx.log.FRAG-00001", GOOD[2000:]),
            ("var/run/log/trx.log.FRAG-00000", GOOD[:2000]),
            ("commands/esxcfg-info_-a.txt", b"x"),
            ("etc/vmware/trx.conf", b"ptp4l:x 1\n"),
        ):
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert main(["trx", "log", str(path), "--limit", "g8271-4"]) == 0
    said = capsys.readouterr().out
    assert f"support.tgz:{folder}/var/run/log/trx.log: 62 lines" in said
    assert "host7: ptp4l master" in said


def test_gauges_are_written(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "clock.prom"
    assert main(["trx", "log", str(log), "--prometheus", str(target)]) == 0
    assert "vibforge_clock_locked{host=" in target.read_text(encoding="utf-8")


def test_following_ends_with_the_report(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "log", str(log), "--follow", "--seconds", "1", "--limit", "1us"]) == 0
    assert "1us kept" in capsys.readouterr().out
    assert main(["trx", "log", str(log), str(log), "--follow"]) == 2
    assert main(["trx", "log", "-", "--follow"]) == 2


def test_a_terminal_sees_the_clocks_in_one_line(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["trx", "log", str(log), "--follow", "--seconds", "1"]) == 0
    shown = capsys.readouterr().err
    assert shown.startswith("\r\x1b[Kptp4l s2 30 ns  ▁")
    assert shown.endswith("\r\x1b[K")
    assert max(map(len, shown.split("\r\x1b[K"))) < 60


@pytest.mark.slow
def test_ctrl_c_ends_following_with_the_report(log: Path) -> None:
    command = [sys.executable, "-m", "vibforge", "trx", "log", str(log), "--follow"]
    prom = log.with_name("x.prom")
    process = subprocess.Popen([*command, "--prometheus", str(prom)], stdout=subprocess.PIPE)
    for _ in range(200):
        if prom.exists():
            break
        time.sleep(0.05)
    with log.open("ab") as file:
        file.write(sample(63, 999))
    time.sleep(0.8)
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"max 999 ns" in said


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(GOOD))))
    assert main(["trx", "log", "-"]) == 0
    assert "ptp4l master" in capsys.readouterr().out
