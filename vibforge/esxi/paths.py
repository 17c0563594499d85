"""Names and paths that belong to ESXi itself, and the paths that each level may install."""

import posixpath
import re
from collections.abc import Iterable
from functools import cache, lru_cache

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release

INBOX_RELEASE = Release(6, 7)
"""The release whose inbox VIBs are listed here."""

_REMOVED_AT_BOOT = """
ata-libata-92 ata-pata-amd ata-pata-atiixp ata-pata-cmd64x ata-pata-hpt3x2n
ata-pata-pdc2027x ata-pata-serverworks ata-pata-sil680 ata-pata-via block-cciss bnxtnet
brcmfcoe char-random cpu-microcode ehci-ehci-hcd elx-esx-libelxima.so elxiscsi elxnet
esx-base esx-dvfilter-generic-fastpath hid-hid i40en iavmd igbn ima-qla4xxx
ipmi-ipmi-devintf ipmi-ipmi-msghandler ipmi-ipmi-si-drv iser ixgben lpfc lpnic lsi-mr3
lsi-msgpt2 lsi-msgpt3 lsi-msgpt35 lsu-hp-hpsa-plugin lsu-lsi-lsi-mr3-plugin
lsu-lsi-lsi-msgpt3-plugin lsu-lsi-megaraid-sas-plugin lsu-lsi-mpt2sas-plugin
misc-cnic-register misc-drivers mtip32xx-native native-misc-drivers ne1000 nenic net-bnx2
net-bnx2x net-cdc-ether net-cnic net-e1000 net-e1000e net-enic net-fcoe net-forcedeth
net-igb net-ixgbe net-libfcoe-92 net-mlx4-core net-mlx4-en net-nx-nic net-tg3 net-usbnet
net-vmxnet3 nhpsa nmlx4-core nmlx4-en nmlx4-rdma nmlx5-core nmlx5-rdma ntg3 nvme nvmxnet3
nvmxnet3-ens ohci-usb-ohci pvscsi qedentv qfle3 qfle3f qfle3i qflge qlnativefc rste
sata-ahci sata-ata-piix sata-sata-nv sata-sata-promise sata-sata-sil sata-sata-sil24
sata-sata-svw scsi-aacraid scsi-adp94xx scsi-aic79xx scsi-bnx2fc scsi-bnx2i scsi-fnic
scsi-hpsa scsi-ips scsi-iscsi-linux-92 scsi-libfc-92 scsi-megaraid-mbox scsi-megaraid-sas
scsi-megaraid2 scsi-mpt2sas scsi-mptsas scsi-mptspi scsi-qla4xxx shim-iscsi-linux-9-2-1-0
shim-iscsi-linux-9-2-2-0 shim-libata-9-2-1-0 shim-libata-9-2-2-0 shim-libfc-9-2-1-0
shim-libfc-9-2-2-0 shim-libfcoe-9-2-1-0 shim-libfcoe-9-2-2-0 shim-vmklinux-9-2-1-0
shim-vmklinux-9-2-2-0 shim-vmklinux-9-2-3-0 smartpqi uhci-usb-uhci usb-storage-usb-storage
usbcore-usb vmkfcoe vmkplexer-vmkplexer vmw-ahci vsan xhci-xhci
"""
_REMOVED_LIVE = """
esx-ui esx-xserver qcnic tools-light vmkata vmkusb vmware-esx-esxcli-nvme-plugin vsanhealth
"""
_NAMES = frozenset(_REMOVED_AT_BOOT.split())
_ALL_NAMES = _NAMES | frozenset(_REMOVED_LIVE.split())


def is_inbox(name: str) -> bool:
    """Whether 6.7.0 includes a VIB of this name."""
    return name in _ALL_NAMES


def goes_at_boot(name: str) -> bool:
    """Whether 6.7.0 includes a VIB of this name that only a reboot removes."""
    return name in _NAMES


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
"""Files that are known to belong to ESXi itself on every host; its own file lists are longer."""

EDITED_PATHS = frozenset({"etc/ssh/keys-root/authorized_keys", "var/spool/cron/crontabs/root"})
"""Files of the administrator, which every host keeps and no VIB of ESXi owns."""
TRX_CONF = "etc/vmware/trx.conf"
"""The path of TRX's settings in a payload."""
TRX_CONF_LIMIT = 1 << 18
"""Bytes of a trx.conf; all options of linuxptp with their longest values have 40 KiB."""
BOOT_COPIED = "/boot-copy/files/"
"""The prefix of a path in the layout boot-copy; the rest is the path that the host copies to."""


def host_path(path: str) -> str:
    """Return the path on a host of an entry of a file list."""
    return posixpath.normpath("/" + path.lstrip("/"))


@lru_cache(maxsize=64)
def host_paths(file_list: tuple[str, ...]) -> frozenset[str]:
    """Return the paths on a host of a file list, without entries that end in `/`.

    Cached, because a prediction needs the same list for each possible host.
    """
    return frozenset(host_path(path) for path in file_list if path[-1:] != "/")


def shipped_among(file_list: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths of a file list that belong to ESXi itself, sorted."""
    landed = host_paths(file_list)
    return tuple(path for path in sorted(f"/{own}" for own in SHIPPED_PATHS) if path in landed)


COMMUNITY_PATTERNS = (
    r"etc/vmware/shutdown/shutdown.d/.+",
    r"etc/vmware/pciid/.+",
    r"etc/vmware/vm-support/.+",
    r"etc/vmware/firewall/.+",
    r"etc/vmware/service/.+",
    r"etc/vmware/(driver|fallback|default|ihv|oem).map.d/.+",
    r"etc/cim/.+",
    r"etc/config/.+",
    r"etc/init.d/.+",
    r"etc/shutdown.d/.+",
    r"opt/.+",
    r"usr/lib/cim/.+",
    r"usr/lib/pycim/.+",
    r"usr/lib/hostprofiles/(plugins|locale)/.+",
    r"usr/lib/vmware/.+",
    r"usr/lib/vmware-debug/.+",
    r"usr/libexec/jumpstart/plugins/.+",
    r"usr/lib64/vmware/.+",
    r"usr/share/hwdata/(driver|fallback|default|ihv|oem).pciids.d/.+",
    r"var/lib/sfcb/registration/.+",
)
PARTNER_PATTERNS = (
    *COMMUNITY_PATTERNS,
    r"etc/vmware/vmware.lic",
    r"etc/vmware/support",
    r"etc/vmware/oem.xml",
    r"etc/vmware/backup.conf",
    r"usr/lib/vmware/hostd/docroot/client/customLinks.xml",
    r"etc/rc.local.d/.+",
)
_PATTERNS = {
    AcceptanceLevel.COMMUNITY: COMMUNITY_PATTERNS,
    AcceptanceLevel.PARTNER: PARTNER_PATTERNS,
}


def paths_outside(level: AcceptanceLevel, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are not on the level's list; the two highest levels have no list."""
    return _outside(level, tuple(paths)) if level in _PATTERNS else ()


@lru_cache(maxsize=16)
def _outside(level: AcceptanceLevel, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths outside a level's list; cached, because a prediction asks for each host."""
    expression = _expression(level)
    return tuple(path for path in paths if not expression.fullmatch(path))


@cache
def _expression(level: AcceptanceLevel) -> re.Pattern[str]:
    """Return a level's list as one pattern; compiled on demand, as it takes a millisecond."""
    return re.compile("|".join(_PATTERNS[level]))
