"""Make, read and judge VIBs, the packages of VMware ESXi."""

__version__ = "0.1.0"
