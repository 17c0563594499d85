"""Mock hosts of three releases for the host script: stub commands in a PATH folder, and files.

What the commands print is in the form of real hosts as far as that is public. `esxcli system ptp`
is on no public page, so its fields are made up, and nothing reads them but to show them.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.conftest import CHECKOUT
from tests.host.packages import package
from vibforge.vib.descriptor import serialise

SCRIPT = CHECKOUT / "templates/host-facts.sh"
APPLETS = [
    "[",
    "awk",
    "cat",
    "cut",
    "date",
    "dirname",
    "echo",
    "expr",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "ls",
    "printf",
    "ps",
    "readlink",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "tail",
    "test",
    "tr",
    "true",
    "uname",
    "uniq",
    "wc",
]
"""Applets of BusyBox that the mock hosts have."""

_SERVICES = """\
   service = (vim.host.ServiceInfo) {
      service = (vim.host.Service) [
         (vim.host.Service) {
            key = "ntpd",
            label = "NTP Daemon",
            required = false,
            uninstallable = false,
            running = false,
            policy = "off"
         }%s
      ]
   },
"""
_PTP_SERVICE = """,
         (vim.host.Service) {
            key = "ptpd",
            label = "PTP Daemon",
            required = false,
            uninstallable = false,
            running = true,
            ruleset = (string) [
               "ptpd"
            ],
            policy = "on"
         }"""
_ZONE = """\
   dateTimeInfo = (vim.host.DateTimeInfo) {
      timeZone = (vim.host.DateTimeSystem.TimeZone) {
         key = "UTC",
         name = "UTC",
         gmtOffset = 0
      },
      ntpConfig = (vim.host.NtpConfig) {
         server = (string) [
            "10.0.0.1"
         ]
      }%s
   },
"""
_PTP_TIME = """,
      systemClockProtocol = "ptp",
      ptpConfig = (vim.host.PtpConfig) {
         domain = 24,
         port = (vim.host.PtpConfig.PtpPort) [
            (vim.host.PtpConfig.PtpPort) {
               index = 0,
               deviceType = "pciPassthruNic",
               device = "0000:3b:00.0",
               ipConfig = (vim.host.IpConfig) null
            }
         ]
      },
      enabled = true,
      disableEvents = false,
      disableFallback = <unset>,
      inFallbackState = false,
      serviceSync = true,
      lastSyncTime = "2026-11-28T09:00:00Z\""""


def configuration(*, services: str, time: str) -> str:
    """The part of `vim-cmd hostsvc/hostconfig` around what is wanted."""
    return (
        "(vim.host.ConfigInfo) {\n"
        "   host = 'vim.HostSystem:ha-host',\n"
        + _SERVICES % services
        + '   firewall = (vim.host.FirewallInfo) {\n      service = "not this"\n   },\n'
        + _ZONE % time
        + "   enabled = false\n}\n"
    )


VIBS = [
    {
        "AcceptanceLevel": level,
        "ID": f"{vendor}_bootbank_{name}_{version}",
        "Name": name,
        "Vendor": vendor,
        "Version": version,
    }
    for level, vendor, name, version in (
        ("CommunitySupported", "ACME", "trx-conf", "1.0.0-1"),
        ("VMwareCertified", "VMware", "esx-base", "6.7.0-3.73"),
    )
]
_COMMON: dict[str, Any] = {
    "software acceptance get": "CommunitySupported",
    "hardware trustedboot get": {"Drtm Enabled": False, "Tpm Present": True},
    "system maintenanceMode get": "Disabled",
    "system boot device get": {"BootNIC": "", "StatelessBootNIC": ""},
    "hardware platform get": {"VendorName": "Dell Inc.", "ProductName": "R740"},
    "software vib list": VIBS,
    "system time get": "2026-11-28T09:00:00Z",
}
_PROTECTED = {
    "system settings encryption get": {
        "Mode": "TPM",
        "Require Executables Only From Installed VIBs": True,
        "Require Secure Boot": True,
    },
    "system settings advanced list -o /User/execInstalledOnly": [
        {"Path": "/User/execInstalledOnly", "Type": "integer", "Int Value": 1}
    ],
}


def _kernel_option(runtime: str, configured: str) -> dict[str, Any]:
    option = {"Name": "execInstalledOnly", "Runtime": runtime, "Configured": configured}
    return {"system settings kernel list -o execInstalledOnly": [option]}


BASE = package("esx-base", "6.7.0-3.73", files=("opt/base",), vendor="VMware")


class MockRelease(Struct, frozen=True):
    """What the commands of a release print."""

    esxcli: dict[str, Any]
    host_configuration: str
    system_time: Any = None
    """What configstorecli prints; there is none before 7.0."""


RELEASES = {
    "6.7": MockRelease(
        {
            **_COMMON,
            **_kernel_option("FALSE", "FALSE"),
            "system version get": {"Version": "6.7.0", "Update": "3"},
        },
        configuration(services="", time=""),
    ),
    "7.0U3": MockRelease(
        {
            **_COMMON,
            **_PROTECTED,
            **_kernel_option("FALSE", "TRUE"),
            "system version get": {"Version": "7.0.3", "Update": "3"},
            "system ptp get": {"Domain Number": 24, "Log Level": "warning"},
        },
        configuration(services=_PTP_SERVICE, time=_PTP_TIME),
        {"ptp": {"domain_number": 24}},
    ),
    "9.0": MockRelease(
        {
            **_COMMON,
            **_PROTECTED,
            **_kernel_option("TRUE", "TRUE"),
            "system version get": {"Version": "9.0.0", "Update": "0"},
            "system ptp get": [{"Domain Number": 24}],
            "system ptp stats get": {"State": "SLAVE"},
        },
        configuration(services=_PTP_SERVICE, time=_PTP_TIME),
        {"ptp": {"domain_number": 24}},
    ),
}


class MockHost:
    """A folder in which the host script finds a host."""

    def __init__(self, folder: Path, busybox: str, release: str = "7.0U3") -> None:
        self.busybox = busybox
        self.folder = folder
        self.root, self.bin, self.database = (folder / name for name in ("root", "bin", "db"))
        for path in (self.root, self.bin, self.database, folder / "cwd", folder / "tmp"):
            path.mkdir()
        for applet in APPLETS:
            (self.bin / applet).symlink_to(busybox)
        self.answer(RELEASES[release])
        for index, vib in enumerate((package(), BASE)):
            (self.database / f"vib-{index}.xml").write_bytes(serialise(vib.descriptor))

    def answer(self, release: MockRelease) -> None:
        """Give the host the commands of a release."""
        cases = "".join(
            f"    '{words}') cat <<'EOF'\n{json.dumps(answer)}\nEOF\n    ;;\n"
            for words, answer in release.esxcli.items()
        )
        self.command(
            "esxcli", f'cat >/dev/null; shift\ncase "$*" in\n{cases}    *) exit 1 ;;\nesac'
        )
        self.command("vim-cmd", f"cat >/dev/null; cat <<'EOF'\n{release.host_configuration}EOF")
        self.command("ps", "echo '2099 2099 ptpd /usr/sbin/ptpd -c x'; echo '1 1 init /bin/init'")
        if release.system_time is not None:
            self.command("configstorecli", f"echo '{json.dumps(release.system_time)}'")

    def command(self, name: str, script: str) -> None:
        """Put a command into the PATH folder, instead of what is there."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!{self.busybox} sh\n{script}\n")
        path.chmod(0o755)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> Path:
        """Put a file onto the host."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
        return place

    def run(self, *arguments: str, over_ssh: bool = False) -> bytes:
        """Run the script, and return what it prints; nothing may be said on standard error."""
        words = [self.busybox, "sh", *(["-s"] if over_ssh else [str(SCRIPT)])]
        done = subprocess.run(
            [*words, *arguments],
            env={
                "PATH": str(self.bin),
                "HOST_ROOT": str(self.root),
                "ESXIMAGE_DB": str(self.database),
                "TMPDIR": str(self.folder / "tmp"),
            },
            input=SCRIPT.read_bytes() if over_ssh else b"",
            cwd=self.folder / "cwd",
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        return done.stdout

    def collected(self, *arguments: str) -> dict[str, Any]:
        """Run the script, and return what it collected."""
        return dict(json.loads(self.run(*arguments).decode("utf-8"))["collected"])

    def listing(self) -> list[tuple[str, float, int]]:
        """Return every path of the host with its date and size."""
        return sorted(
            (str(path), path.lstat().st_mtime, path.lstat().st_size)
            for path in map(Path, _walk(self.folder))
        )


def _walk(folder: Path) -> list[str]:
    return [
        os.path.join(parent, name)  # noqa: PTH118 - names that are no UTF-8
        for parent, folders, files in os.walk(folder)
        for name in [*folders, *files]
    ]
