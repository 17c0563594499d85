"""The names of the VIBs that ESXi brings itself: a VIB of such a name takes the place of one.

The names are those of the standard image of 6.7.0 (tried there). Other releases share many of them;
which, is not known here.
"""

from vibforge.esxi.release import Release

INBOX_RELEASE = Release(6, 7)
"""The release whose names these are."""

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
    """Whether 6.7.0 brings a VIB of this name."""
    return name in _ALL_NAMES


def goes_at_boot(name: str) -> bool:
    """Whether 6.7.0 brings a VIB of this name that only a reboot takes away."""
    return name in _NAMES
