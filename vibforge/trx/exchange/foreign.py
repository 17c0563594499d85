"""The files of others that settings come from and go to."""

from enum import StrEnum


class Foreign(StrEnum):
    """What can be imported and exported."""

    PTP4L_CONF = "ptp4l.conf"
    PTPCONFIG = "ptpconfig"
    PHC2SYS = "phc2sys"
