"""The host script under BusyBox: three releases, missing commands, hostile names and bytes."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.host.packages import package
from tests.host.script_hosts import RELEASES, SCRIPT, MockHost
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host.facts import read_facts
from vibforge.host.host_state import HostFileKind, read_state
from vibforge.vib.descriptor import serialise

TRX = b"ptp4l:delay_mechanism P2P\n"
LINE = b"2026-11-28T09:00:00Z ptp4l[12.345]: master offset 3 s2 freq +1 path delay 9\n"


@pytest.fixture
def host(tmp_path: Path, tool: Callable[[str], str]) -> MockHost:
    return MockHost(tmp_path, tool("busybox"))


@pytest.mark.parametrize("release", RELEASES)
def test_a_host_of_a_release(release: str, tmp_path: Path, tool: Callable[[str], str]) -> None:
    host = MockHost(tmp_path, tool("busybox"), release)
    host.file("etc/vmware/trx.conf", TRX)
    facts = host.run()
    known, state = read_facts(facts), read_state(facts)
    assert str(known.release).replace(" ", "").removesuffix("U0").startswith(release[:3])
    assert known.acceptance_level is AcceptanceLevel.COMMUNITY
    assert [vib.name for vib in known.installed] == ["trx-conf", "esx-base"]
    assert state.collected_at is not None
    assert state.host_name
    assert state.files is not None
    assert state.files["/etc/vmware/trx.conf"].sha256 == hashlib.sha256(TRX).hexdigest()
    assert state.trx_log is None
    is_old = release == "6.7"
    assert state.time.protocol == (None if is_old else "ptp")
    assert state.time.service.is_running is (None if is_old else True)
    assert state.time.service.policy == (None if is_old else "on")
    assert state.time.is_synchronised is (None if is_old else True)
    assert state.time.is_in_fallback is (None if is_old else False)
    assert state.time.last_sync == (None if is_old else "2026-11-28T09:00:00Z")
    assert state.requires_secure_boot is (None if is_old else True)
    assert state.time.processes == ("2099 2099 ptpd /usr/sbin/ptpd -c x",)
    protection = state.exec_installed_only
    assert protection.at_boot is (release == "9.0")
    assert protection.at_next_boot is (not is_old)
    assert protection.at_runtime is (None if is_old else True)
    assert protection.enforced is (None if is_old else True)
    expected = {
        "6.7": None,
        "7.0U3": {"Domain Number": "24", "Log Level": "warning"},
        "9.0": {"Domain Number": "24", "State": "SLAVE"},
    }
    assert state.time.ptp == expected[release]


def test_over_ssh_commands_do_not_swallow_the_script(host: MockHost) -> None:
    by_file, by_ssh = host.run("x", "/etc/a b"), host.run("x", "/etc/a b", over_ssh=True)
    stamp = rb'"time_of_day": "[^"]+"'
    assert re.sub(stamp, b"", by_file) == re.sub(stamp, b"", by_ssh)


def test_nothing_is_written(host: MockHost) -> None:
    host.file("etc/vmware/trx.conf", TRX)
    host.file("var/run/log/trx.log", LINE)
    before = host.listing()
    host.run("trx-conf", "/etc/passwd")
    assert host.listing() == before


def test_the_script_redirects_nowhere_but_to_null() -> None:
    code = re.sub(r"awk[^']*'[^']*'", "", SCRIPT.read_text(encoding="utf-8"))
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("#")]
    targets = re.findall(r"(?<![<=-])>+\s*([^\s)|;\"]+)", "\n".join(lines))
    assert set(targets) == {"/dev/null", "&2"}
    assert "<<" not in "\n".join(lines), "ash may keep a here-document in a file"


COMMANDS = [
    "awk",
    "date",
    "hostname",
    "ps",
    "readlink",
    "sed",
    "sha256sum",
    "stat",
    "tail",
    "wc",
    "tr",
    "cat",
    "vim-cmd",
    "configstorecli",
]


@pytest.mark.parametrize("missing", COMMANDS)
def test_no_missing_command_breaks_it(missing: str, host: MockHost) -> None:
    host.file("etc/vmware/trx.conf", TRX)
    host.file("var/run/log/trx.log", LINE)
    (host.bin / missing).unlink()
    for name in ("esxcli", "vim-cmd"):
        if name != missing:  # these stubs need what is missing themselves
            script = (host.bin / name).read_text().replace("cat", f"{host.busybox} cat")
            host.command(name, script.partition("\n")[2])
    facts = host.run()
    state = read_state(facts)
    assert state.files is None or state.files.keys() <= {
        "/etc/vmware/trx.conf",
        *(f"/{path}" for path in package().descriptor.file_list),
    }
    assert read_facts(facts).installed_known


def test_a_host_with_no_command_but_esxcli(host: MockHost) -> None:
    for path in host.bin.iterdir():
        if path.name != "esxcli":
            path.unlink()
    host.command("esxcli", 'echo \'{"Version": "8.0.2"}\'')
    told = host.collected()
    assert told["version"] == {"Version": "8.0.2"}
    assert told["files"] == [{"path": None, "kind": "missing", "sticky_copy": {"kind": "missing"}}]
    assert {told[name] for name in ("time_of_day", "host_name", "trx_log", "processes")} == {None}


@pytest.mark.parametrize(
    "answer",
    [
        "Error: Unknown command or namespace system ptp get",
        "{",
        '{"a": 1} and more',
        "",
        "\\033[1m",
    ],
)
def test_what_is_no_json_is_null(answer: str, host: MockHost) -> None:
    host.command("esxcli", f"printf '{answer}'")
    told = host.collected()
    assert told["ptp"] is None
    assert told["vibs"] is None


def test_an_answer_without_end_is_null(host: MockHost) -> None:
    host.command("esxcli", "printf '['; yes 1, 2>/dev/null | head -c 3000000; printf '1]'")
    (host.bin / "yes").symlink_to(host.busybox)
    assert host.collected()["vibs"] is None


def test_bytes_of_an_answer_that_are_no_utf_8(host: MockHost) -> None:
    host.command("esxcli", 'printf \'{"Name": "\\377\\303\\251\\001\\355\\240\\200"}\'')
    assert host.collected()["ptp"] == {"Name": "\udcffé \udced\udca0\udc80"}


NAMES = [
    b"with blank",
    b'quote"quote',
    b"back\\slash",
    b"$(reboot)",
    b"`reboot`",
    b"; reboot #",
    b"-rf",
    b"*",
    b"%s%n",
    "ümläut €".encode(),
    b"latin\xe9",
    b"tab\tbed",
    b"\x01\x1b[2J\x7f",
    b"'",
    b".#hidden",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name(name: bytes, host: MockHost) -> None:
    content = b"content of " + name
    folder = os.fsencode(host.root) + b"/opt"
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder + b"/" + name)).write_bytes(content)
    path = "/opt/" + os.fsdecode(name)
    state = read_state(host.run(path))
    assert state.files is not None
    assert state.files[path].sha256 == hashlib.sha256(content).hexdigest()
    assert state.files.keys() >= {"/etc/vmware/trx.conf", path}


def test_names_of_a_descriptor_are_unescaped(host: MockHost) -> None:
    path = "opt/a&b <'c'> \"d\""
    text = serialise(package(files=(path,)).descriptor)
    (host.database / "vib-0.xml").write_bytes(text)
    host.file(path, b"x")
    state = read_state(host.run())
    assert state.files is not None
    assert state.files[f"/{path}"].size == 1


def test_files_of_vmware_only_if_asked_for(host: MockHost) -> None:
    own = package("other", files=("opt/other/x",), vendor="VMware")
    (host.database / "own.xml").write_bytes(serialise(own.descriptor))
    assert "/opt/other/x" not in [each["path"] for each in host.collected()["files"]]
    assert "/opt/other/x" in [each["path"] for each in host.collected("other")["files"]]


def test_what_is_at_a_path(host: MockHost) -> None:
    host.file("etc/vmware/trx.conf", TRX, mode=0o1644)
    host.file("etc/vmware/.#trx.conf", b"edited")
    host.file("opt/folder/x", b"")
    (host.root / "opt/link").symlink_to('to "nowhere"')
    os.mkfifo(host.root / "opt/pipe")
    state = read_state(host.run("/opt/folder", "/opt/link", "/opt/pipe", "/opt/a/../x", "/dev/mem"))
    assert state.files is not None
    kinds = {path: found.kind for path, found in state.files.items()}
    trx = state.files["/etc/vmware/trx.conf"]
    assert (trx.mode, trx.size) == (0o1644, len(TRX))
    assert trx.sticky_copy is not None
    assert trx.sticky_copy.sha256 == hashlib.sha256(b"edited").hexdigest()
    assert state.files["/opt/link"].link == 'to "nowhere"'
    assert kinds["/opt/folder"] is HostFileKind.FOLDER
    assert kinds["/opt/pipe"] is HostFileKind.OTHER
    assert kinds["/opt/a/../x"] is HostFileKind.NOT_KNOWN
    assert kinds["/dev/mem"] is HostFileKind.NOT_KNOWN


def test_where_boot_copy_copies_to(host: MockHost) -> None:
    source = "opt/acme/boot-copy/files/etc/acme.conf"
    text = serialise(package(files=(source,)).descriptor)
    (host.database / "vib-0.xml").write_bytes(text)
    host.file("etc/acme.conf", b"copied")
    state = read_state(host.run())
    assert state.files is not None
    assert state.files["/etc/acme.conf"].size == len(b"copied")


def test_more_files_than_it_looks_at(host: MockHost) -> None:
    many = package(files=tuple(f"opt/{n}" for n in range(2100)))
    (host.database / "vib-0.xml").write_bytes(serialise(many.descriptor))
    script = SCRIPT.read_text().replace("file_count_limit=2000", "file_count_limit=20")
    host.command("short", script)
    told = json.loads(_run_short(host))["collected"]
    assert len(told["files"]) == 20
    assert told["files_cut"] is True


def _run_short(host: MockHost) -> str:
    import subprocess  # noqa: PLC0415 - this test alone runs another script

    done = subprocess.run(
        [host.busybox, "sh", str(host.bin / "short")],
        env={
            "PATH": str(host.bin),
            "HOST_ROOT": str(host.root),
            "ESXIMAGE_DB": str(host.database),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        (LINE * 2, [LINE.decode().strip()] * 2),
        (b"", None),
        (b"no end", ["no end"]),
        (b'a"b\\c\t\x1b[2J\xff\xc3\xa9\r\n', ['a"b\\c\t\x1b[2J\udcffé\r']),
        (b'"}],\n"x": 1\n', ['"}],', '"x": 1']),
        (b"\xe2\x82\n\xf4\x90\x80\x80\n", ["\udce2\udc82", "\udcf4\udc90\udc80\udc80"]),
        (b"x" * 5000, ["x" * 1000]),
    ],
)
def test_the_end_of_the_log(log: bytes, lines: list[str] | None, host: MockHost) -> None:
    host.file("var/run/log/trx.log", log)
    told = host.collected()["trx_log"]
    assert told["lines"] == lines
    assert told["size"] == len(log)


def test_a_long_log_begins_with_a_whole_line(host: MockHost) -> None:
    host.file("var/run/log/trx.log", LINE * 5000)
    facts = host.run()
    log = read_state(facts).trx_log
    assert log is not None
    assert set(log.lines) == {LINE.decode().strip()}
    assert 64 * 1024 - 2 * len(LINE) < sum(len(line) + 1 for line in log.lines) <= 64 * 1024
    assert len(facts) < 100_000


def test_a_log_of_noise(host: MockHost) -> None:
    noise = bytes(range(256)) * 400
    host.file("var/run/log/trx.log", noise)
    told: dict[str, Any] = host.collected()["trx_log"]
    assert told["size"] == len(noise)
    assert max(map(len, told["lines"])) <= 1000


def test_a_descriptor_of_noise_does_not_hide_the_others(host: MockHost) -> None:
    (host.database / "a.xml").write_bytes(b'"\\\xff\x00<file>\xfe</file>' * 50)
    (host.database / "b.xml").write_bytes(b"")
    known = read_facts(host.run())
    assert [vib.name for vib in known.installed] == ["trx-conf", "esx-base"]
    assert known.knows_all_files
