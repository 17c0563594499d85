"""VF4xx: the trx.conf in a payload, checked with the rules of `vibforge trx check`."""

from collections.abc import Iterator

from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check
from vibforge.trx import check as trx_check
from vibforge.vib.scan import VibScan


@check("VF401", Severity.ERROR, Certainty.DOCUMENTED)
def trx_conf_fault(subject: VibScan) -> Iterator[Fault]:
    """The trx.conf in a payload has faults.

    Why: a bad line has no visible effect until PTP restarts after the install; then the clock is
    not synchronised. A port section stops TRX altogether.

    Remedy: run `vibforge trx check FILE`; it prints the rule, remedy and certainty for each line.

    Evidence: the public analysis of TRX, and linuxptp itself; each finding has its own.
    """
    for file in subject.files():
        if file.path.endswith(TRX_CONF) and file.content:
            for finding in trx_check.check(file.content).findings:
                yield Fault(
                    f"{file.path}:{finding.line}" if finding.line else file.path,
                    f"{finding.what} (trx rule {finding.rule})",
                    finding.severity,
                    finding.certainty,
                    line=finding.line,
                    column=finding.column,
                )


CHECKS = (trx_conf_fault,)
