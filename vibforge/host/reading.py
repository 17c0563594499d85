"""The refusals of hosts that follow from the faults of a file: message and cause."""

from vibforge.esxi.messages import SILENT, HostMessage
from vibforge.esxi.release import Certainty
from vibforge.findings.check import Check, Fault, Subject_contra
from vibforge.host.prediction import Cause, Refusal


def refusal(check: Check[Subject_contra], fault: Fault, vib_id: str) -> Refusal:
    """Return the refusal that a fault of a VIB causes."""
    return Refusal(
        message=message_of(check, fault, vib_id),
        cause=cause_of(check, fault),
        minds=fault.minds or check.minds,
    )


def message_of(check: Check[Subject_contra], fault: Fault, vib_id: str) -> HostMessage:
    """Return what a host prints because of a fault; `…` if its message is not known."""
    form = fault.form or (check.reaction.message if check.reaction else SILENT)
    return form(**{"vib": vib_id, **fault.values})


def cause_of(
    check: Check[Subject_contra],
    fault: Fault,
    *,
    subject: str = "",
    certainty: Certainty | None = None,
) -> Cause:
    """Return the cause of a refusal.

    Args:
        check: the check that reports the fault.
        fault: the fault.
        subject: the file or VIB concerned, if not the fault's own `where`.
        certainty: the certainty on the host's release, if not that of the check.
    """
    return Cause(
        what=f"{fault.where} {fault.what}" if subject else fault.what,
        subject=subject or fault.where,
        certainty=certainty or fault.certainty or check.certainty,
        rule=check.id,
    )
