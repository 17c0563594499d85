"""`host-check`: what people and programs read, and the exit code."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests import bundles, vibs
from tests.cli.test_hosts import BASE, TRX, written
from tests.cli.test_reading import run
from tests.host.script_hosts import RELEASES
from tests.report.schemas import require_valid
from tests.trees import trx_tree
from vibforge.cli import main
from vibforge.vib.archive import Vib

CONF = b"ptp4l:delay_mechanism P2P\n"
PATH = "/etc/vmware/trx.conf"
LINE = "2026-11-28T08:59:59Z ptp4l[12.345]: master offset 3 s2 freq +1 path delay 9"


def facts(tmp_path: Path, vib: str = "", content: bytes = CONF, **changes: Any) -> str:  # noqa: ANN401 - any JSON value
    told = {
        "time_of_day": "2026-11-28T09:00:00Z",
        "host_name": "esx01",
        "version": {"Version": "8.0.3", "Update": "3"},
        "acceptance": "CommunitySupported",
        "secure_boot": "Disabled",
        "files": [
            {
                "path": PATH,
                "kind": "file",
                "mode": "644",
                "size": len(content),
                "modified": 1795856390,
                "sha256": hashlib.sha256(content).hexdigest(),
                "sticky_copy": {"kind": "missing"},
            }
        ],
        "host_configuration": RELEASES["9.0"].host_configuration.splitlines(),
        "ptp": {"Domain Number": 24},
        "trx_log": {"path": "x", "size": 76, "modified": 1795856390, "lines": [LINE]},
    }
    known: dict[str, Any] = {"format": "vibforge/host-facts/1", "collector": 2}
    descriptors = [BASE]
    if vib:
        descriptors.append(Vib.from_path(Path(vib)).descriptor_bytes.decode())
    known["vibs"] = [{"descriptor": text} for text in descriptors]
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(known | {"collected": told | changes}))
    return str(path)


def log(tmp_path: Path, *, locked: bool = True, verdict: str = "kept") -> str:
    clock = {"host_name": "esx01", "program": "ptp4l", "clock": "master", "locked_at_end": locked}
    limit = {"host_name": "esx01", "limit": "g8271-4", "verdict": verdict}
    path = tmp_path / "log.json"
    path.write_text(
        json.dumps({"format": "vibforge/trx-log/1", "clocks": [clock], "verdicts": [limit]})
    )
    return str(path)


def test_a_host_that_is_as_built_and_keeps_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vib = written(tmp_path, TRX)
    asked = ["host-check", facts(tmp_path, vib), "--vib", vib, "--trx-log", log(tmp_path)]
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert "1 of 1 files are as built" in out
    assert "Keeps time as intended: yes" in out
    assert "esxcli system ptp: Domain Number: 24" in out
    assert LINE in out
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    require_valid(found)
    assert found["time_verdict"]["keeps_time"] == "yes"
    assert found["told_log"] == {"size": 76, "seconds_old": 10, "last_lines": [LINE]}
    assert found["drifts"][0]["installation"] == "same"


def test_an_edited_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vib = written(tmp_path, TRX)
    given = facts(tmp_path, vib, content=b"edited")
    assert main(["host-check", given, "--vib", vib, "--trx-log", log(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"{PATH}: differs from the build" in out
    assert "Keeps time as intended: no" in out


def test_a_sticky_copy_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vib = written(tmp_path, TRX)
    path = Path(facts(tmp_path, vib))
    given = json.loads(path.read_text())
    given["collected"]["files"][0]["sticky_copy"] = {"kind": "file"}
    path.write_text(json.dumps(given))
    main(["host-check", str(path), "--vib", vib])
    out = capsys.readouterr().out
    assert "it has a sticky copy .#trx.conf" in out
    assert "whether later releases do is not known" in out


@pytest.mark.parametrize(
    ("options", "verdict"),
    [({"locked": False}, "no"), ({"verdict": "exceeded"}, "no"), ({"verdict": "x"}, "not known")],
)
def test_a_log_that_does_not_show_it(
    options: dict[str, Any], verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = facts(tmp_path)
    assert main(["host-check", given, "--trx-log", log(tmp_path, **options)]) == 1
    assert f"Keeps time as intended: {verdict}\n" in capsys.readouterr().out


def test_without_a_log_it_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host-check", facts(tmp_path, trx_log={"modified": 1795856390})]) == 1
    assert "--trx-log" in capsys.readouterr().out


REAL = Path(__file__).parents[1] / "trx/log/real/linuxptp-4.4.log"


@pytest.mark.parametrize(
    ("limit", "verdict"), [([], "yes"), (["--limit", "1s"], "yes"), (["--limit", "1ns"], "no")]
)
def test_the_lines_among_the_facts_are_read(
    limit: list[str], verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*REAL.read_text().splitlines(), "odd \udcff \ud800"]
    given = facts(tmp_path, trx_log={"modified": 1795856390, "lines": lines})
    assert main(["host-check", given, *limit]) == (verdict == "no")
    assert f"Keeps time as intended: {verdict}\n" in capsys.readouterr().out


def test_a_limit_belongs_to_the_lines_among_the_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = facts(tmp_path)
    assert main(["host-check", given, "--trx-log", log(tmp_path), "--limit", "1us"]) == 2
    assert "give it to `vibforge trx log`" in capsys.readouterr().err


def test_a_host_without_ptp_is_no_bad_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = facts(tmp_path, files=[], host_configuration=None, trx_log=None, ptp=None)
    assert main(["host-check", given]) == 0
    out = capsys.readouterr().out
    assert "Keeps time as intended: not known" in out
    assert "esxcli system ptp: no answer" in out


def test_the_vib_of_a_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trx_tree(tmp_path / "tree")
    assert run("build", "tree", "-o", "out", folder=tmp_path).returncode == 0
    record = str(tmp_path / "out/build.json")
    given = facts(tmp_path)
    assert main(["host-check", given, "--vib", record, "--json"]) == 1
    (drift,) = json.loads(capsys.readouterr().out)["drifts"]
    assert drift["installation"] == "not installed"
    (vib,) = (tmp_path / "out").glob("*.vib")
    vib.write_bytes(vib.read_bytes() + b"\n")
    assert main(["host-check", given, "--vib", record]) == 2
    assert "the VIB was changed after it was built" in capsys.readouterr().err
    vib.unlink()
    assert main(["host-check", given, "--vib", record]) == 2
    assert "the VIB of this build cannot be read" in capsys.readouterr().err
    Path(record).write_text("{}")
    assert main(["host-check", given, "--vib", record]) == 2
    assert "does not describe a build" in capsys.readouterr().err


def test_protection_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = facts(
        tmp_path,
        encryption={
            "Require Secure Boot": True,
            "Require Executables Only From Installed VIBs": True,
        },
        exec_installed_only_boot=[{"Runtime": "FALSE", "Configured": "TRUE"}],
        exec_installed_only_runtime=[{"Int Value": 1}],
    )
    main(["host-check", given])
    out = capsys.readouterr().out
    assert "CommunitySupported, Secure Boot off, enforced by the TPM" in out
    assert "boot option off (on from the next boot), runtime option on, enforced by the TPM" in out


def test_verbose_shows_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vib = written(tmp_path, TRX)
    given = facts(tmp_path, vib, trx_log={"lines": [f"line {n}" for n in range(9)]})
    main(["host-check", given, "--vib", vib])
    short = capsys.readouterr().out
    main(["host-check", given, "--vib", vib, "--verbose"])
    whole = capsys.readouterr().out
    assert "line 0" not in short
    assert "line 0" in whole
    assert f"{PATH}: as built" in whole
    assert "note: " in whole


def test_hostile_texts_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "\x1b[2J\udcff\n\u202e"
    given = facts(
        tmp_path,
        host_name=f"a{bad}b",
        trx_log={"lines": [bad, "x" * 5000]},
        ptp={bad: bad},
        processes=[bad],
    )
    out = ""
    for more in ([], ["--verbose"], ["--json"]):
        assert main(["host-check", given, *more]) == 1
        out = capsys.readouterr().out
        assert not {"\x1b", "\u202e", "\udcff"} & set(out)
    require_valid(json.loads(out))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["absent.json"], "cannot be read"),
        (["facts.json", "--vib", "absent.vib"], "absent.vib"),
        (["facts.json", "--vib", "page.vib"], "an HTML page"),
        (["facts.json", "--vib", "bundle.zip"], "this is not a VIB"),
        (["facts.json", "--trx-log", "absent.json"], "cannot be read"),
        (["facts.json", "--trx-log", "facts.json"], "no result of a clock log"),
        (["page.vib"], "not JSON"),
    ],
)
def test_what_cannot_be_done(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    facts(tmp_path)
    (tmp_path / "page.vib").write_text("<html>not found</html>")
    (tmp_path / "bundle.zip").write_bytes(bundles.bundle(vibs.vib()))
    assert main(["host-check", *words]) == 2
    assert says in capsys.readouterr().err
