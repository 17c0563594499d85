import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.schemas import require_valid
from tests.trx.network.ptp_examples import TWO_STEP, ethernet, message, pcap
from tests.trx.network.test_sniff import SPEECH
from tests.trx.rehearsal.matrix import MATCHES, MISMATCHES, Case
from vibforge.cli import main
from vibforge.trx.network.message import MessageType
from vibforge.trx.rehearsal import linuxptp as linuxptp_module
from vibforge.trx.rehearsal.linuxptp import Programs

rehearsing = pytest.mark.usefixtures("programs")


TWO_STEPS = [
    (
        number * 1_000_000_000,
        ethernet(message(kind, domain=24, log_interval=0, flags=flags).serialise()),
    )
    for number in range(6)
    for kind, flags in (
        (MessageType.ANNOUNCE, 0),
        (MessageType.SYNC, TWO_STEP),
        (MessageType.FOLLOW_UP, 0),
    )
]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "trx.conf"
    path.write_bytes(MATCHES[0].trx_conf())
    return path


@pytest.fixture
def gm_conf(tmp_path: Path) -> Path:
    path = tmp_path / "gm.conf"
    options = "".join(f"{key} {value}\n" for key, value in MATCHES[0].master().options)
    path.write_text(f"[global]\n{options}", encoding="utf-8")
    return path


@pytest.mark.slow
@rehearsing
def test_a_good_rehearsal(
    conf: Path, gm_conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    command = ["trx", "rehearse", str(conf), "--gm-conf", str(gm_conf), "--watch", "0.5"]
    assert main([*command, "--verbose", "--html", str(page)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{conf}: ok:")
    assert "free_running 1" in said.out
    assert said.err == ""
    assert "<svg" in page.read_text(encoding="utf-8")


@rehearsing
def test_a_bad_rehearsal(conf: Path, gm_conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = gm_conf.read_text(encoding="utf-8") + "domainNumber 7\n"
    gm_conf.write_text(text, encoding="utf-8")
    command = ["trx", "rehearse", str(conf), "--gm-conf", str(gm_conf), "--json"]
    assert main(command) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "wrong-domain"
    assert facts["changes"][0]["new"] == "ptp4l:domainNumber 7"


@pytest.mark.rehearsals
@pytest.mark.slow
@rehearsing
def test_a_rehearsal_against_a_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, conf = tmp_path / "heard.pcap", tmp_path / "new.conf"
    capture.write_bytes(pcap(TWO_STEPS))
    assert main(["trx", "sniff", str(capture), "--write", str(conf)]) == 0
    assert "1 grandmaster(s)" in capsys.readouterr().out
    command = ["trx", "rehearse", str(conf), "--pcap", str(capture), "--watch", "0"]
    assert main([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["network"]["domain"] == 24
    assert {"key": "delay_mechanism", "value": "E2E"} in facts["grandmaster_not_heard"]
    assert require_valid(facts) == "trx-rehearse"
    capture.write_bytes(pcap(SPEECH))
    assert main([*command, "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "not-known"
    assert "in one step" in facts["not_played"][0]


def test_a_network_that_no_trx_conf_fits_gives_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, conf = tmp_path / "heard.pcap", tmp_path / "new.conf"
    frames = [(time, frame[:12] + b"\x81\0\0\x07" + frame[12:]) for time, frame in TWO_STEPS]
    capture.write_bytes(pcap(frames))
    assert main(["trx", "sniff", str(capture), "--write", str(conf)]) == 1
    said = capsys.readouterr()
    assert "no trx.conf fits: it is tagged with VLAN 7" in said.out
    assert "is not written" in said.err
    assert not conf.exists()
    assert main(["trx", "sniff", str(capture), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert require_valid(facts) == "trx-sniff"
    assert facts["domains"][0]["trx_conf"] is None
    assert main(["trx", "sniff", str(capture), "--vlan", "7", "--write", str(conf)]) == 0
    assert "# not heard: delay_mechanism" in conf.read_text()


def test_one_grandmaster_must_be_named(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "rehearse", str(conf)]) == 2
    assert "--gm-profile" in capsys.readouterr().err
    both = ["--gm-profile", "gptp", "--interface", "eth0"]
    assert main(["trx", "rehearse", str(conf), *both]) == 2


def test_a_machine_without_linuxptp_has_an_exit_code_of_its_own(
    conf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(linuxptp_module, "_ALSO_IN", ())
    assert main(["trx", "rehearse", str(conf), "--gm-profile", "gptp"]) == 4
    assert "ptp4l is missing" in capsys.readouterr().err


def test_a_folder_of_linuxptp_that_does_not_do_is_named(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["trx", "rehearse", str(conf), "--gm-profile", "gptp"]
    for option in ("--client-linuxptp", "--gm-linuxptp"):
        assert main([*command, option, str(tmp_path / "none")]) == 2
        assert f"{tmp_path / 'none'}: this is not a folder" in capsys.readouterr().err
        assert main([*command, option, str(tmp_path)]) == 2
        assert "pmc is missing" in capsys.readouterr().err
    for name in ("ptp4l", "pmc", "phc2sys"):
        (tmp_path / name).write_bytes(b"\x7fELF of another machine")
        (tmp_path / name).chmod(0o755)
    assert main([*command, "--gm-linuxptp", str(tmp_path)]) == 4
    assert "not a program for this machine" in capsys.readouterr().err


def test_sniffing_silence_is_a_bad_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "heard.pcap"
    capture.write_bytes(pcap([]))
    assert main(["trx", "sniff", str(capture)]) == 1
    assert "0 grandmaster(s)" in capsys.readouterr().out
    assert main(["trx", "sniff", str(tmp_path / "none")]) == 2
    assert main(["trx", "sniff", "--interface", "no-such-one"]) == 4


def test_sniffing_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "heard.pcap"
    capture.write_bytes(pcap(SPEECH)[:-1])
    assert main(["trx", "sniff", str(capture), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "vibforge/trx-sniff/1"
    assert facts["complete"] is False
    (domain,) = facts["domains"]
    assert domain["clock_settings"]["domain"] == 24
    assert domain["delay_seen"] is False
    assert domain["ports"][0]["announce"]["clock_class"] == 6
    assert "ptp4l:domainNumber 24\n" in domain["trx_conf"]


@pytest.mark.rehearsals
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a real interface is for root")
@pytest.mark.parametrize("case", [MATCHES[1], MISMATCHES[2]], ids=lambda case: case.name)
def test_a_real_interface(case: Case, programs: Programs, tmp_path: Path) -> None:
    """A whole machine in a namespace: its one interface, and a grandmaster at the other end."""
    conf = tmp_path / "trx.conf"
    conf.write_bytes(case.trx_conf())
    done = on_a_machine_of_its_own(conf, grandmaster_conf(case, tmp_path), programs)
    if "Operation not permitted" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout, done.stderr
    facts = json.loads(done.stdout)
    assert facts["verdict"] == str(case.code), done.stdout[-3000:]
    assert facts["world"] == "the network of this machine"
    assert facts["network"]["domain"] == 24


def grandmaster_conf(case: Case, folder: Path) -> Path:
    options = "".join(f"{key} {value}\n" for key, value in case.master().options)
    path = folder / "gm.conf"
    path.write_text(
        f"[global]\n{options}time_stamping software\nfree_running 1\nuds_address {folder}/g\n",
        encoding="utf-8",
    )
    return path


def on_a_machine_of_its_own(
    conf: Path, gm_conf: Path, programs: Programs
) -> subprocess.CompletedProcess[str]:
    name, peer = f"vf{os.getpid() % 100000}a", f"vf{os.getpid() % 100000}b"
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin") or "ip"
    (ptp4l,) = programs.grandmaster.command("ptp4l")
    script = (
        f"{ip} link add {name} type veth peer name {peer} && {ip} link set {name} up && "
        f"{ip} addr add 192.0.2.9/24 dev {name} && "
        f"unshare --net sh -c 'sleep 1; {ip} addr add 192.0.2.8/24 dev {peer}; "
        f"{ip} link set {peer} up; exec {ptp4l} -f {gm_conf} -i {peer}' & "
        f"sleep 0.3; {ip} link set {peer} netns $!; sleep 1.2; "
        f"{sys.executable} -m vibforge trx rehearse {conf} --interface {name} --seconds 6 "
        "--watch 1 --json; code=$?; kill %1; exit $code"
    )
    unshare = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return subprocess.run(
        [*unshare, "sh", "-c", f"mount -t sysfs sysfs /sys; {script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
