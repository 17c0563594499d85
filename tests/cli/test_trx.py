import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vibforge.cli import main

BAD = "ptp4l:port0:delay_mechanism P2P\n"
GOOD = "ptp4l:delay_mechanism P2P\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "trx.conf"
    path.write_text(BAD, encoding="utf-8")
    return path


_UNNEEDED = ("cryptography", "lxml", "vibforge.project.recipe", "vibforge.project.plan_build")


def test_a_check_loads_nothing_that_builds(conf: Path) -> None:
    script = (
        "import sys\nfrom vibforge.cli import main\n"
        f"main(['trx', 'check', {str(conf)!r}])\n"
        f"print([name for name in {_UNNEEDED} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_exits_by_its_verdict(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "check", str(conf)]) == 1
    said = capsys.readouterr().out
    assert f"{conf}:1:7: error: the line names the port `port0`: TRX allows one `:`" in said
    assert "[port-section, documented]" in said
    assert "→ Write `ptp4l:delay_mechanism P2P`." in said
    assert "neither documents nor supports" in said
    conf.write_text(GOOD, encoding="utf-8")
    assert main(["trx", "check", str(conf)]) == 0


def test_check_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert main(["trx", "check", "-"]) == 1
    assert "-:1:7: error" in capsys.readouterr().out


def test_check_of_several_files_names_each_and_is_as_bad_as_the_worst(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = conf.with_name("good.conf")
    good.write_text(GOOD, encoding="utf-8")
    assert main(["trx", "check", str(conf), str(good)]) == 1
    said = capsys.readouterr().out
    assert f"{conf}: bad" in said
    assert f"{good}: good" in said
    assert main(["trx", "check", str(good), str(good.with_name("gone")), str(conf)]) == 2
    caught = capsys.readouterr()
    assert f"{conf}: bad" in caught.out
    assert "gone: cannot be read" in caught.err
    assert main(["trx", "check", str(good), str(good)]) == 0
    capsys.readouterr()
    assert main(["trx", "check", str(good), str(conf), "--json"]) == 2
    assert "name one" in capsys.readouterr().err


def test_check_as_json_has_a_stable_shape(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["trx", "check", str(conf), "--esxi", "8.0U3", "--json"]
    assert main([*arguments, "--allow", "port-section", "--because", "tried"]) == 0
    caught = capsys.readouterr()
    assert "inferred" in caught.err
    facts = json.loads(caught.out)
    assert next(iter(facts)) == "format"
    assert facts["format"] == "vibforge/trx-check/1"
    assert facts["good"] is True
    assert facts["linuxptp_releases"] == ["4.0", "4.2"]
    assert facts["allowed"][0]["because"] == "tried"
    assert facts["allowed"][0]["lines"] == [1]
    assert facts["findings"][0]["because"] == "tried"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trx", "check", "/nonexistent/trx.conf"],
        ["trx", "check", "/"],
        ["trx", "check", "{conf}", "--linuxptp", "7.7"],
        ["trx", "check", "{conf}", "--esxi", "6.7"],
        ["trx", "check", "{conf}", "--allow", "port-section"],
        ["trx", "show", "{conf}", "--as", "ptp4l.conf"],
        ["trx", "new", "--profile", "g8265-1"],
        ["trx", "new", "--profile", "default-p2p", "--set", "domainNumber=300"],
        ["trx", "host", "--nic", "vmnic0"],
        ["trx", "fingerprint", "{conf}"],
        ["trx", "import", "{conf}", "--as", "ptpconfig"],
    ],
)
def test_what_cannot_be_done_exits_2(
    arguments: list[str], conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([each.format(conf=conf) for each in arguments]) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert caught.err.startswith("error:")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "{conf}"],
        ["show", "{conf}"],
        ["show", "{conf}", "--as", "trx.conf"],
        ["show", "{conf}", "--as", "ptp4l.conf"],
        ["export", "{conf}"],
        ["export", "{conf}", "--as", "ptpconfig"],
        ["export", "{conf}", "--as", "ptpconfig", "-o", "{conf}.yaml"],
        ["export", "{conf}", "-o", "{conf}.out"],
        ["import", "{conf}"],
        ["import", "{conf}", "--as", "ptpconfig"],
        ["fingerprint", "{conf}"],
    ],
)
def test_bytes_that_are_no_text_do_not_stop_a_command(arguments: list[str], tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path / "b") + b"\xff.conf"))
    path.write_bytes(b"ptp4l:b\xff 1\nptp4l:userDescription \xfe\n\xed\xa0\x80\n")
    done = subprocess.run(
        [sys.executable, "-m", "vibforge", "trx", *(each.format(conf=path) for each in arguments)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert done.returncode in {0, 1, 2}, done.stderr


def test_file_larger_than_any_trx_conf_is_refused(conf: Path) -> None:
    conf.write_bytes(b"#" * ((1 << 20) + 1))
    assert main(["trx", "check", str(conf)]) == 2


def test_new_writes_a_file_that_check_finds_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "new.conf"
    arguments = ["trx", "new", "--profile", "g8275-1", "--domain", "30", "-o", str(made)]
    assert main([*arguments, "--set", "announceReceiptTimeout=4"]) == 0
    assert capsys.readouterr().out == ""
    assert "ptp4l:domainNumber 30\n" in made.read_text(encoding="utf-8")
    assert main(["trx", "check", str(made)]) == 0


def test_show_prints_a_table_or_a_file(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "show", str(conf)]) == 1
    assert "TRX does not start" in capsys.readouterr().out
    conf.write_text("# c\nptp4l: delay_mechanism  P2P\n", encoding="utf-8")
    assert main(["trx", "show", str(conf)]) == 0
    assert "ptp4l:delay_mechanism  P2P    E2E      line 2  How" in capsys.readouterr().out
    assert main(["trx", "show", str(conf), "--as", "ptp4l.conf"]) == 0
    assert capsys.readouterr().out == "[global]\ndelay_mechanism P2P\n"
    assert main(["trx", "show", str(conf), "--all", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["settings"]) > 100


def test_show_prints_the_canonical_form(
    conf: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    conf.write_bytes(b"# c\r\nptp4l: delay_mechanism  P2P\r\n")
    assert main(["trx", "show", str(conf), "--as", "trx.conf"]) == 0
    assert capsysbinary.readouterr().out == GOOD.encode()


def test_export_and_import_through_files(
    tmp_path: Path, conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "ptp4l:domainNumber 24\nphc2sys:domainNumber 24\n"
    conf.write_text(text, encoding="utf-8")
    yaml = tmp_path / "ptp.yaml"
    assert main(["trx", "export", str(conf), "--as", "ptpconfig", "-o", str(yaml)]) == 0
    assert main(["trx", "import", str(yaml), "--as", "ptpconfig"]) == 0
    assert capsys.readouterr().out == text
    assert main(["trx", "export", str(conf)]) == 1
    caught = capsys.readouterr()
    assert caught.out == "[global]\ndomainNumber 24\n"
    assert "it is in --as phc2sys" in caught.err
    assert main(["trx", "export", str(conf), "--as", "phc2sys", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["text"] == "--domainNumber=24\n"


def test_import_of_phc2sys_options(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf.write_text("-a -r -n 24 -O -37\n", encoding="utf-8")
    assert main(["trx", "import", str(conf), "--as", "phc2sys"]) == 1
    caught = capsys.readouterr()
    assert caught.out == "phc2sys:domainNumber 24\n"
    assert caught.err.startswith("lost: phc2sys options: `-O -37`")
    assert main(["trx", "import", str(conf), "--as", "phc2sys", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["good"] is False


@pytest.mark.parametrize(("function", "code"), [("0", 0), ("1", 1)])
def test_host_answers_for_the_nic(
    function: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trx", "host", "--nic", "8086:1592", "--pf", function]) == code
    said = capsys.readouterr().out
    assert "configstorecli schema get -c esx -g system -k system_time" in said
    assert main(["trx", "host", "--nic", "8086:1592", "--pf", function, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["nic"]["id"] == "8086:1592"


def test_host_without_a_nic_shows_the_official_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "host", "--domain", "24"]) == 0
    assert "set it to 24" in capsys.readouterr().out


def test_options_are_searched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "options", "path", "delay"]) == 0
    assert "delay_mechanism" in capsys.readouterr().out
    assert main(["trx", "options", "nosuchword"]) == 1
    capsys.readouterr()
    assert main(["trx", "options", "domainNumber", "--linuxptp", "3.1.1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    found = {each["name"]: each for each in facts["options"]}
    assert found["domainNumber"]["max"] == 127
    assert found["cmlds.domainNumber"]["known"] is False


def test_profiles_are_listed_with_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trx", "profiles"]) == 0
    said = capsys.readouterr().out
    assert said.count("not for trx.conf") == 2
    assert main(["trx", "profiles", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["profiles"]
    assert len(found) == 14
    assert all(each["sources"] for each in found)


def test_fingerprint_tells_an_installed_linuxptp(capsys: pytest.CaptureFixture[str]) -> None:
    binary = Path("/usr/sbin/ptp4l")
    if not binary.exists():
        pytest.skip("ptp4l is missing; Debian's linuxptp has it")
    assert main(["trx", "fingerprint", str(binary)]) == 0
    assert "linuxptp" in capsys.readouterr().out
    assert main(["trx", "fingerprint", str(binary), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] is True
