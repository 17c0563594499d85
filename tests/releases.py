"""ESXi releases that many tests name."""

from vibforge.esxi.release import Release

ESXI_65 = Release(6, 5)
ESXI_67 = Release(6, 7)
ESXI_70 = Release(7, 0)
ESXI_80 = Release(8, 0)
ESXI_90 = Release(9, 0)
