"""Which NICs TRX takes, as far as it is known.

The list is a file on the host (`/usr/lib/vmware/trx/etc/device.list`) that is not published. A
public analysis of ESXi 8.0.2 and 8.0 U3 names families: Intel X710 and E810, and vmxnet3 as a
mock device for nested hosts. The device ids of the families are those of the Linux drivers i40e
and ice (vmxnet3's is VMware's own); that each of them is on the list is inferred.
"""

import re
from enum import StrEnum

from msgspec import Struct

from vibforge.errors import TrxError
from vibforge.esxi.release import Certainty

_INTEL = "8086"
_X710 = ("104e", "104f", "1572", "1581", "1586", "1589", "15ff")
_E810 = ("1591", "1592", "1593", "1599", "159a", "159b")
_SAME_DRIVER = {
    "i40e, as the X710": (
        *("1580", "1583", "1584", "1585", "1587", "1588", "158a", "158b", "101f", "0dd2"),
        *("0dda", "37ce", "37cf", "37d0", "37d1", "37d2", "37d3"),
    ),
    "ice, as the E810": (
        *("124c", "124d", "124e", "124f", "151d", "188a", "188b", "188c", "188d", "188e"),
        *("1890", "1891", "1892", "1893", "1894", "1897", "1898", "1899", "189a"),
        *("579c", "579d", "579e", "579f", "12d1", "12d2", "12d3", "12d4", "12d5"),
        *("12d8", "12da", "12dc", "12dd", "12de", "1248", "1249", "124a", "1261", "1262"),
    ),
}
"""XL710, XXV710 and X722; E823, E822, E825, E830 and E835: the driver knows them, and whether the
list does is not known."""

_VMXNET3 = "15ad:07b0"

_ID = re.compile(r"(?:0x)?([0-9a-fA-F]{4}):(?:0x)?([0-9a-fA-F]{4})")

_MOST_FUNCTIONS = 256
"""Functions of a PCI device with alternative routing ids."""


class Answer(StrEnum):
    """Whether TRX takes a NIC."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class NicFact(Struct, frozen=True, kw_only=True):
    """One sentence about a NIC in TRX, and how sure it is."""

    says: str
    certainty: Certainty


class NicVerdict(Struct, frozen=True, kw_only=True):
    """Whether TRX takes one function of one NIC, with the facts that say so."""

    nic: str
    function: int
    answer: Answer
    facts: tuple[NicFact, ...]


_HCL = NicFact(
    says="The vendor's compatibility guide (8.0 U3, hardware timestamp based PTP) lists three NICs,"
    " all of them E810: look yours up there.",
    certainty=Certainty.DOCUMENTED,
)


def judge_nic(nic: str, function: int) -> NicVerdict:
    """Say whether TRX takes physical function `function` of the NIC `vendor:device`.

    Raises:
        TrxError: no PCI id, or no function number.
    """
    found = _ID.fullmatch(nic)
    if not found:
        raise TrxError(
            f"{nic!r} is no PCI id",
            remedy="Write vendor:device as `esxcli hardware pci list` shows them: 8086:1592.",
        )
    if not 0 <= function < _MOST_FUNCTIONS:
        raise TrxError(f"{function} is no physical function", remedy="0 to 255; TRX wants 0.")
    vendor, device = found[1].lower(), found[2].lower()
    answer, facts = _family(vendor, device)
    worse, of_function = _function(function, device)
    if answer is not Answer.NO:
        answer = worse or answer
    return NicVerdict(
        nic=f"{vendor}:{device}", function=function, answer=answer, facts=(*facts, *of_function)
    )


def _family(vendor: str, device: str) -> tuple[Answer, tuple[NicFact, ...]]:
    if vendor == _INTEL and device in _E810:
        says = "Intel E810 (driver ice) is one of the families in the device list of TRX."
        return Answer.YES, (_documented(says), _HCL)
    if vendor == _INTEL and device in _X710:
        says = "Intel X710 (driver i40e) is one of the families in the device list of TRX."
        return Answer.YES, (_documented(says), _HCL)
    if f"{vendor}:{device}" == _VMXNET3:
        says = "vmxnet3 is in the device list as a mock, for nested test beds: no real timestamps."
        return Answer.YES, (_documented(says),)
    driver = next((name for name, ids in _SAME_DRIVER.items() if device in ids), "")
    if vendor == _INTEL and driver:
        says = (
            f"It has the driver {driver}, but is not of the families that are named: whether TRX "
            "takes it is not known. /usr/lib/vmware/trx/etc/device.list on the host says."
        )
        return Answer.UNKNOWN, (NicFact(says=says, certainty=Certainty.UNKNOWN), _HCL)
    says = "It is none of the families in the device list (X710, E810, vmxnet3): no driver for it."
    return Answer.NO, (_documented(says), _HCL)


def _documented(says: str) -> NicFact:
    return NicFact(says=says, certainty=Certainty.DOCUMENTED)


def _function(function: int, device: str) -> tuple[Answer | None, tuple[NicFact, ...]]:
    if function == 0:
        says = "Physical function 0 is the one that TRX takes."
        return None, (_documented(says),)
    if device in _E810:
        says = "TRX refuses a physical function other than 0: its check of PF 1 fails."
        return Answer.NO, (_documented(says),)
    says = "TRX refuses physical function 1 of an E810; whether of this NIC too is not known."
    return Answer.UNKNOWN, (NicFact(says=says, certainty=Certainty.UNKNOWN),)
