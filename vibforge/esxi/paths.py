"""Where the files of a VIB land on a host, and which files ESXi brings itself."""

import posixpath
from functools import lru_cache

SHIPPED_PATHS = frozenset(
    {
        "bin/busybox",
        "bin/sh",
        "etc/hosts",
        "etc/inittab",
        "etc/ntp.conf",
        "etc/passwd",
        "etc/profile",
        "etc/rc.local.d/local.sh",
        "etc/resolv.conf",
        "etc/shadow",
        "etc/ssh/sshd_config",
        "etc/vmware/config",
        "etc/vmware/esx.conf",
        "etc/vmware/firewall/service.xml",
        "etc/vmware/hostd/config.xml",
        "sbin/esxcli",
        "sbin/init",
    }
)
"""Files that every ESXi is known to bring itself; its own file lists are far longer."""

EDITED_PATHS = frozenset({"etc/ssh/keys-root/authorized_keys", "var/spool/cron/crontabs/root"})
"""Files that no VIB of ESXi owns, and that every host keeps for its administrator."""
TRX_CONF = "etc/vmware/trx.conf"
"""The settings of TRX, as a payload member names it."""
TRX_CONF_LIMIT = 1 << 18
"""Bytes; all options of linuxptp with their longest values are 40 KiB."""
BOOT_COPIED = "/boot-copy/files/"
"""What precedes, in a path of the layout boot-copy, the path to which the file is copied."""


def host_path(path: str) -> str:
    """Return where an entry of a file list lands on a host."""
    return posixpath.normpath("/" + path.lstrip("/"))


@lru_cache(maxsize=64)
def host_paths(file_list: tuple[str, ...]) -> frozenset[str]:
    """Return where the entries of a file list land; those that end in `/` are left out.

    A prediction asks for the same list once for each possible host.
    """
    return frozenset(host_path(path) for path in file_list if path[-1:] != "/")


def shipped_among(file_list: tuple[str, ...]) -> tuple[str, ...]:
    """Return those paths on a host that ESXi brings itself, sorted."""
    landed = host_paths(file_list)
    return tuple(path for path in sorted(f"/{own}" for own in SHIPPED_PATHS) if path in landed)
