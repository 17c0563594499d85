"""What hosts refuse because of faults that checks find: the message, the cause, the step.

A check says what is wrong with a file, at which step a host notices it, and what the host prints.
"""

from vibforge.esxi.messages import SILENT, HostMessage
from vibforge.esxi.release import Certainty
from vibforge.findings.check import Check, Fault, Subject_contra
from vibforge.host.prediction import Cause, Refusal


def refusal(check: Check[Subject_contra], fault: Fault, vib_id: str) -> Refusal:
    """Return a host's refusal because of a fault of a VIB."""
    return Refusal(
        message=message_of(check, fault, vib_id),
        cause=cause_of(check, fault),
        minds=fault.minds or check.minds,
    )


def message_of(check: Check[Subject_contra], fault: Fault, vib_id: str) -> HostMessage:
    """Return what a host prints because of a fault; `…` where no message is on record."""
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
        check: what found the fault.
        fault: the fault.
        subject: what it is about, if not the fault's own place.
        certainty: how certain it is on the host's release, if not as certain as the check.
    """
    return Cause(
        what=f"{fault.where} {fault.what}" if subject else fault.what,
        subject=subject or fault.where,
        certainty=certainty or fault.certainty or check.certainty,
        rule=check.id,
    )
