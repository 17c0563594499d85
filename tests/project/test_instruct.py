import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct, field

from tests.trees import make_tree, trx_tree
from vibforge.project.build import build
from vibforge.project.instruct import GUIDES

DATE = {"SOURCE_DATE_EPOCH": "1714564800"}

ESXCLI = """\
#!/bin/sh
# What these scripts ask of esxcli, with its state in files beside it.
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case "$*" in
    "software acceptance get") cat "$here/level" ;;
    "software acceptance set --level="*)
        [ ! -e "$here/refuse-level" ] || { echo "Unable to set acceptance level" >&2; exit 1; }
        echo "${4#--level=}" >"$here/level" ;;
    "software vib install -v "*--dry-run*) echo "Dryrun only, host not changed." ;;
    "software vib install -v "*)
        [ ! -e "$here/reboots" ] || { echo "trx-conf 1.0.0-1" >"$here/next"; exit 0; }
        echo 1.0.0-1 >"$here/installed" ;;
    "software vib get -n "*--rebooting-image) grep -q trx-conf "$here/next" ;;
    "software vib get -n "*)
        [ -e "$here/installed" ] || exit 1
        echo "   Name: trx-conf"
        echo "   Version: $(cat "$here/installed")" ;;
    "software vib list --rebooting-image")
        [ -e "$here/next" ] || exit "$(cat "$here/no-next-image" 2>/dev/null || echo 0)"
        printf 'Name  Version  Vendor\\n----  -------  ------\\n'
        cat "$here/next" ;;
    "software vib list")
        printf 'Name      Version  Vendor\\n----      -------  ------\\n'
        cat "$here/running" 2>/dev/null || true ;;
    "software vib remove -n "*--dry-run*) echo "Dryrun only, host not changed." ;;
    "software vib remove -n "*)
        [ -e "$here/reboots" ] && echo "other 1.0-1" >"$here/next" || rm "$here/installed" ;;
    "system maintenanceMode get") cat "$here/maintenance" ;;
    *) exit 9 ;;
esac
"""


class Host(Struct):
    """A host's shell with a stub esxcli, and the folder of a build on its datastore."""

    folder: Path
    busybox: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.busybox, "sh", str(self.folder / "dist" / script), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", **self.environment},
        )

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def level(self) -> str:
        return (self.folder / "level").read_text().strip()

    def has(self, file: str, text: str = "") -> None:
        """Put the host into a state that the stub reads from a file."""
        (self.folder / file).write_text(f"{text}\n")

    def holds(self, version: str, digest: str | None) -> None:
        """Have the VIB installed; `digest` is that of the payload in the host's database."""
        self.has("installed", version)
        database = self.folder / "database"
        database.mkdir()
        self.environment["VIB_DATABASE"] = str(database)
        if digest is not None:
            text = f"<vib><name>trx-conf</name><checksum>{digest}</checksum></vib>"
            (database / "trx-conf-123.xml").write_text(text)

    def secure_boot(self, answer: str) -> None:
        script = self.folder / "secureBoot.py"
        script.write_text(f"#!/bin/sh\necho {answer}\n")
        script.chmod(0o755)
        self.environment["SECUREBOOT_SCRIPT"] = str(script)


HostMaker = Callable[..., Host]


@pytest.fixture
def host(tmp_path: Path, tool: Callable[[str], str]) -> HostMaker:
    def make(host_level: str, vib_level: str, **settings: str) -> Host:
        settings = {"acceptance-level": vib_level, **settings}
        built = build(
            trx_tree(tmp_path / "trx-conf"), tmp_path / "made", settings=settings, environment=DATE
        )
        shutil.copytree(built.folder, tmp_path / "dist")
        (tmp_path / "level").write_text(f"{host_level}\n")
        (tmp_path / "esxcli").write_text(ESXCLI)
        (tmp_path / "esxcli").chmod(0o755)
        made = Host(tmp_path, tool("busybox"))
        made.secure_boot("Disabled")
        return made

    return make


def test_install_and_remove(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    done = esx.run("install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    vib = esx.folder / "dist/custom_bootbank_trx-conf_1.0.0-1.vib"
    assert f"software vib install -v {vib} -f" in esx.calls()
    assert "trx-conf 1.0.0-1 is installed." in done.stdout
    assert "Restart the PTP service, or reboot" in done.stdout
    done = esx.run("remove.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (esx.folder / "installed").exists()
    assert esx.level == "PartnerSupported"


def test_a_host_that_is_too_strict_is_left_alone(host: HostMaker) -> None:
    esx = host("PartnerSupported", "community")
    done = esx.run("install.sh")
    assert done.returncode == 1
    assert "the host's level is too high for this VIB" in done.stderr
    assert "esxcli software acceptance set --level=CommunitySupported" in done.stderr
    assert esx.calls() == ["software acceptance get"]


def test_the_former_level_comes_back(host: HostMaker) -> None:
    esx = host("VMwareAccepted", "community")
    assert esx.run("install.sh", "--lower-host-level").returncode == 0
    assert esx.level == "CommunitySupported"
    assert esx.run("install.sh", "--lower-host-level").returncode == 0, (
        "a second run changes nothing"
    )
    done = esx.run("remove.sh")
    assert done.returncode == 0
    assert esx.level == "VMwareAccepted"
    assert "acceptance level is VMwareAccepted again" in done.stdout
    assert esx.run("remove.sh").returncode == 0, "nothing is left to remove"


def test_a_level_that_cannot_come_back_is_told(host: HostMaker) -> None:
    esx = host("PartnerSupported", "community")
    esx.run("install.sh", "--lower-host-level")
    (esx.folder / "refuse-level").touch()
    done = esx.run("remove.sh")
    assert done.returncode == 1
    assert "could not be set back to PartnerSupported" in done.stderr
    (esx.folder / "refuse-level").unlink()
    assert esx.run("remove.sh").returncode == 0
    assert esx.level == "PartnerSupported"


def test_secure_boot_stops_before_anything_changes(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.secure_boot("Enabled")
    done = esx.run("install.sh")
    assert done.returncode == 1
    assert "Secure Boot is on" in done.stderr
    assert esx.calls() == []


def test_an_unknown_secure_boot_is_said(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.environment["SECUREBOOT_SCRIPT"] = "/nowhere"
    done = esx.run("install.sh")
    assert done.returncode == 0
    assert "Whether Secure Boot is on could not be told" in done.stdout


def test_a_damaged_copy_is_refused(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    vib = esx.folder / "dist/custom_bootbank_trx-conf_1.0.0-1.vib"
    data = bytearray(vib.read_bytes())
    data[-20] ^= 1
    vib.write_bytes(data)
    done = esx.run("install.sh")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    vib.unlink()
    assert "is missing" in esx.run("install.sh").stderr


def test_dry_run_changes_nothing(host: HostMaker) -> None:
    esx = host("VMwareAccepted", "community")
    done = esx.run("install.sh", "--dry-run", "--lower-host-level")
    assert done.returncode == 0
    assert "Dryrun only" in done.stdout
    assert esx.level == "VMwareAccepted"
    assert not (esx.folder / "installed").exists()


def test_wrong_arguments(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    assert esx.run("install.sh", "--force").returncode == 2
    assert esx.run("remove.sh", "now").returncode == 2
    assert esx.run("install.sh", "--help").returncode == 0
    assert esx.calls() == []


def payload_digest(esx: Host) -> str:
    text = (esx.folder / "dist/install.sh").read_text()
    found = re.search(r"payload_digests=([0-9a-f]{64})$", text, re.MULTILINE)
    assert found
    return found[1]


def test_a_host_that_holds_these_files_is_left_alone(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.holds("1.0.0-1", payload_digest(esx))
    done = esx.run("install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "already installed, with the files of this VIB" in done.stdout
    assert not [call for call in esx.calls() if "vib install" in call]


def test_the_same_version_with_other_files_is_refused(host: HostMaker) -> None:
    esx = host("VMwareAccepted", "community")
    esx.holds("1.0.0-1", "0" * 64)
    done = esx.run("install.sh", "--lower-host-level")
    assert done.returncode == 1
    assert "already installed WITH OTHER FILES" in done.stderr
    assert "under a new version" in done.stderr
    assert esx.level == "VMwareAccepted"
    assert not [call for call in esx.calls() if "vib install" in call]


def test_what_the_database_does_not_tell_is_said(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.holds("1.0.0-1", None)
    done = esx.run("install.sh")
    assert done.returncode == 0
    assert "whether they differ from those of this VIB is not known" in done.stdout


def test_another_version_is_replaced(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.holds("0.9.0-1", "0" * 64)
    done = esx.run("install.sh")
    assert done.returncode == 0
    assert "This host has trx-conf 0.9.0-1; 1.0.0-1 replaces it." in done.stdout


MAINTENANCE = {
    "live-install-allowed": "true",
    "live-remove-allowed": "true",
    "system-requires.maintenance-mode.on-install": "true",
    "system-requires.maintenance-mode.on-remove": "true",
}


def test_maintenance_mode_is_asked_for(host: HostMaker) -> None:
    esx = host("VMwareAccepted", "community", **MAINTENANCE)
    esx.has("maintenance", "Disabled")
    done = esx.run("install.sh", "--lower-host-level")
    assert done.returncode == 1
    assert "esxcli system maintenanceMode set --enable true" in done.stderr
    assert esx.level == "VMwareAccepted", "nothing changes before all checks are done"
    tried = esx.run("install.sh", "--lower-host-level", "--dry-run")
    assert tried.returncode == 0
    assert "Before the install: this VIB is installed in maintenance mode only" in tried.stdout
    esx.has("maintenance", "Enabled")
    assert esx.run("install.sh", "--lower-host-level").returncode == 0
    esx.has("maintenance", "Disabled")
    done = esx.run("remove.sh")
    assert done.returncode == 1
    assert "removed in maintenance mode only" in done.stderr
    tried = esx.run("remove.sh", "--dry-run")
    assert tried.returncode == 0
    assert "Before the removal: this VIB is removed in maintenance mode only" in tried.stdout
    assert esx.level == "CommunitySupported"
    esx.has("maintenance", "Enabled")
    assert esx.run("remove.sh").returncode == 0
    assert esx.level == "VMwareAccepted"


def test_a_change_that_waits_for_a_reboot_is_told(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner", **MAINTENANCE)
    esx.has("maintenance", "Disabled")
    esx.has("next", "other 2.0-1 ACME")
    esx.has("running", "other 1.0-1 ACME")
    esx.has("reboots")
    done = esx.run("install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "this VIB takes effect at that reboot, too" in done.stdout
    assert "Reboot the host: the VIB takes effect at the next boot." in done.stdout
    assert "is installed." not in done.stdout
    done = esx.run("remove.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the VIB is gone after that reboot" in done.stdout
    assert "Reboot the host: the VIB is gone at the next boot." in done.stdout


def test_an_image_that_is_the_same_at_the_next_boot_waits_for_nothing(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.has("next", "other  1.0-1  ACME\nmore  1-1  ACME")
    esx.has("running", "more      1-1  ACME\nother     1.0-1  ACME")
    done = esx.run("install.sh")
    assert done.returncode == 0
    assert "waits for a reboot" not in done.stdout


def test_a_host_that_does_not_tell_what_waits(host: HostMaker) -> None:
    esx = host("PartnerSupported", "partner")
    esx.has("no-next-image", "1")
    done = esx.run("install.sh")
    assert done.returncode == 0
    assert "Whether an earlier change waits for a reboot is not known" in done.stdout


def test_a_level_that_waits_for_the_reboot(host: HostMaker) -> None:
    cold = {"live-install-allowed": "false", "live-remove-allowed": "false"}
    esx = host("PartnerSupported", "community", **cold)
    esx.has("reboots")
    done = esx.run("install.sh", "--lower-host-level")
    assert done.returncode == 0
    assert "Reboot the host: the VIB takes effect at the next boot." in done.stdout
    esx.has("refuse-level")
    done = esx.run("remove.sh")
    assert done.returncode == 1
    assert "Reboot the host, then run remove.sh again" in done.stderr


@pytest.mark.parametrize(
    ("files", "level", "flags", "reasons"),
    [
        ({"etc/vmware/trx.conf": ""}, "community", ("-f",), 1),
        ({"etc/vmware/trx.conf": ""}, "partner", ("-f",), 2),
        ({"etc/vmware/trx.conf": ""}, "accepted", ("-f",), 1),
        ({"opt/x": ""}, "community", (), 0),
        ({"opt/x": ""}, "partner", ("-f",), 1),
        ({"etc/rc.local.d/x": ""}, "community", ("-f",), 1),
        ({"bin/x": ""}, "certified", ("-f",), 1),
    ],
)
def test_exactly_the_flags_that_are_needed(
    tmp_path: Path, files: dict[str, bytes | str], level: str, flags: tuple[str, ...], reasons: int
) -> None:
    tree = make_tree(tmp_path / "p", files)
    built = build(tree, tmp_path / "dist", settings={"acceptance-level": level}, environment=DATE)
    assert built.plan.needs.flags == flags
    assert len(built.plan.needs.reasons) == reasons
    line = next(
        line
        for line in (built.folder / "install.sh").read_text().splitlines()
        if line.startswith("esxcli software vib install")
    )
    assert ("-f" in line.split()) == bool(flags)
    assert ("## Why `-f`" in (built.folder / "INSTALL.md").read_text()) == bool(flags)


@pytest.mark.parametrize("maintenance", ["true", "false"])
@pytest.mark.parametrize("live", ["true", "false"])
@pytest.mark.parametrize("level", ["community", "partner", "accepted", "certified"])
def test_shellcheck_finds_nothing(
    tmp_path: Path, tool: Callable[[str], str], level: str, live: str, maintenance: str
) -> None:
    settings = {
        "system-requires.maintenance-mode.on-install": maintenance,
        "system-requires.maintenance-mode.on-remove": maintenance,
        "acceptance-level": level,
        "live-install-allowed": live,
        "live-remove-allowed": live,
    }
    built = build(trx_tree(tmp_path / "p"), tmp_path / "dist", settings=settings, environment=DATE)
    scripts = [str(built.folder / name) for name, is_script in GUIDES.items() if is_script]
    done = subprocess.run(
        [tool("shellcheck"), "-s", "sh", *scripts], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert all(os.access(script, os.X_OK) for script in scripts)


def test_the_guide_names_the_very_file(tmp_path: Path) -> None:
    built = build(trx_tree(tmp_path / "trx-conf"), tmp_path / "dist", environment=DATE)
    guide = (built.folder / "INSTALL.md").read_text()
    assert hashlib.sha256(built.vib_path.read_bytes()).hexdigest() in guide
    assert f"/{built.plan.vib_name} -f" in guide
    assert "esxcli software vib remove -n trx-conf" in guide


def test_the_guide_reads_well(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    built = build(
        trx_tree(tmp_path / "trx-conf"),
        tmp_path / "dist",
        settings={"acceptance-level": "partner"},
        environment=DATE,
    )
    text = (built.folder / "INSTALL.md").read_text().replace(built.sha256, "SHA-256 of the VIB")
    golden("INSTALL-trx-conf.md", text)


ODD_PATHS = (
    "etc/with blank",
    "etc/it's",
    'etc/a"b',
    "etc/$(touch PWN)",
    "etc/`touch PWN`",
    "etc/a;touch PWN",
    "etc/<img src=x>",
    "etc/[a](http:x)",
    "etc/*_~&|#!{}",
    "-rf",
    "--help",
)


@pytest.mark.parametrize("path", ODD_PATHS)
def test_the_guide_quotes_every_path_for_a_shell(
    tmp_path: Path, path: str, tool: Callable[[str], str]
) -> None:
    tree = make_tree(tmp_path / "tree", {path: "x"})
    settings = {"name": "odd", "acceptance-level": "partner"}
    built = build(tree, tmp_path / "out", settings=settings, environment=DATE)
    guide = (built.folder / "INSTALL.md").read_text()
    (line,) = (line.strip() for line in guide.splitlines() if line.strip().startswith("ls -l"))
    assert shlex.split(line) == ["ls", "-l", f"/{path}"]
    shown = subprocess.run(
        [tool("busybox"), "sh", "-c", line.replace("ls -l", "printf %s", 1)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert shown.stdout == f"/{path}"
    assert not (tmp_path / "PWN").exists()


@pytest.mark.parametrize("path", ODD_PATHS)
def test_the_guide_shows_a_path_as_text_and_not_as_markup(tmp_path: Path, path: str) -> None:
    tree = make_tree(tmp_path / "tree", {path: "x"})
    settings = {"name": "odd", "acceptance-level": "partner"}
    built = build(tree, tmp_path / "out", settings=settings, environment=DATE)
    (reason,) = (each for each in built.plan.needs.reasons if f"/{path}" in each)
    lines = (built.folder / "INSTALL.md").read_text().splitlines()
    shown = [re.sub(r"\\(?=[^A-Za-z0-9\s])", "", line) for line in lines]
    assert f"- {reason}" in shown
    (line,) = (lines[number] for number, line in enumerate(shown) if line == f"- {reason}")
    assert re.search(r"(?<!\\)[`*<>\[\]&|~]", line) is None


def test_the_scripts_take_the_quoted_values_as_they_are(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    built = build(trx_tree(tmp_path / "tree"), tmp_path / "out", environment=DATE)
    for name in ("install.sh", "remove.sh"):
        text = (built.folder / name).read_text()
        assert "name=tree" in text
        subprocess.run([tool("busybox"), "sh", "-n", built.folder / name], check=True)
