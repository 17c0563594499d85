"""VF4xx: the trx.conf in a payload, by the rules of `vibforge trx check`."""

from collections.abc import Iterator

from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check
from vibforge.trx import check as trx_check
from vibforge.vib.scan import VibScan


@check("VF401", Severity.ERROR, Certainty.DOCUMENTED)
def trx_conf_fault(subject: VibScan) -> Iterator[Fault]:
    """The trx.conf in a payload has faults.

    Why: a bad line shows itself only after the install and a restart of PTP, as a clock that is not
    synchronised; a port section stops TRX altogether.

    Remedy: `vibforge trx check FILE` tells each line's rule, remedy and standing.

    Evidence: the public analysis of TRX, and linuxptp itself; each finding carries its own.
    """
    for found in subject.files():
        if found.path.endswith(TRX_CONF) and found.content:
            for finding in trx_check.check(found.content).findings:
                yield Fault(
                    f"{found.path}:{finding.line}" if finding.line else found.path,
                    f"{finding.what} (trx rule {finding.rule})",
                    finding.severity,
                    finding.certainty,
                )


CHECKS = (trx_conf_fault,)
