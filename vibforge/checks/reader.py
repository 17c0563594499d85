"""VF110: whether ESXi's reader takes the file at all."""

from collections.abc import Iterator

from vibforge.checks.reader_archive import refused_vib
from vibforge.esxi import messages
from vibforge.findings.check import Contradiction, Fault, Reaction, Severity, Step, Topic, check
from vibforge.model.certainty import Certainty
from vibforge.scan.vib import VibScan


@check(
    "VF110",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "ESXi's reader takes archive and descriptor"),
    reaction=Reaction(Step.READING, messages.READING_FILE),
)
def refused_by_reader(subject: VibScan) -> Iterator[Fault]:
    """ESXi's reader refuses the file.

    Why: whatever the flags, `esxcli software vib install -v` ends with VibDownloadError and the
    words that the finding repeats. The reader stops at the first thing that it does not like.

    Remedy: correct what the words name and build the VIB again; no flag helps.

    Evidence: tried on 6.7 and 6.5.
    """
    if found := refused_vib(subject.vib):
        yield Fault(
            found.where,
            f"ESXi's reader refuses it: {found.values['reason']}",
            form=found.form,
            values=found.values,
        )


CHECKS = (refused_by_reader,)
