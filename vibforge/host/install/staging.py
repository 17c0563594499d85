"""The checks of the host and of each VIB, before anything is changed (vib-format 8, step 5)."""

from collections.abc import Callable

from vibforge.checks.extensibility import violations
from vibforge.checks.identity import name_too_long
from vibforge.checks.payload_declaration import digest_order_breaks_old_hosts
from vibforge.esxi import messages
from vibforge.esxi.messages import HostMessage
from vibforge.host.install.level_checks import extensibility_causes
from vibforge.host.install.run import Refused, Run
from vibforge.host.package import Package
from vibforge.host.prediction import Cause
from vibforge.host.question import Question
from vibforge.host.reading import cause_of, message_of
from vibforge.model.certainty import Certainty
from vibforge.scan.signature import Signature

TRUSTED = Question(
    key="trusted",
    if_yes="the host trusts the signer",
    if_no="the host does not trust the signer",
)
_LAST_DIGEST = Question(
    key="last-sha256",
    if_yes="this release takes the last sha-256 for the stored bytes, as 6.5 does",
    if_no="this release looks at verify-process, as 6.7 does",
)
RESERVED_BOOTBANK = 10 * 2**20
"""Bytes of a bootbank that a host keeps free (vib-format 5)."""


def check_host(run: Run) -> None:
    """Look whether the host has the space and the hardware.

    Raises:
        Refused: it has not.
    """
    _check_space(run)
    for package in run.change.profile:
        wanted = package.descriptor.system_requires.hardware_platforms
        if wanted and not _hardware_fits(run, package):
            cause = Cause(what=f"is for {_hardware_names(package)} only", subject=package.id)
            raise Refused(messages.HARDWARE(), [cause])


def check_packages(run: Run) -> None:
    """Look at each VIB that comes in: its name, whom it is from, and its bytes.

    Raises:
        Refused: one of them is not taken.
    """
    for package in run.change.added:
        _check_database_name(run, package)
        _check_trust(run, package)
        _check_digests(run, package)
    for refusal in run.command.damage:
        raise Refused(refusal.message, [refusal.cause])


def _check_space(run: Run) -> None:
    free = run.host.bootbank_free
    needed = sum(package.bootbank_size for package in run.change.added) - sum(
        package.bootbank_size for package in run.change.removed
    )
    if free is not None and needed > free - RESERVED_BOOTBANK:
        cause = Cause(
            what=f"needs {needed} bytes more, the bootbank has {free} free and keeps "
            f"{RESERVED_BOOTBANK}",
            certainty=Certainty.INFERRED,
        )
        megabytes = str(-(-(needed + RESERVED_BOOTBANK) // 2**20))
        raise Refused(messages.SPACE(megabytes=megabytes), [cause])


def _hardware_fits(run: Run, package: Package) -> bool:
    hardware = run.host.hardware
    wanted = package.descriptor.system_requires.hardware_platforms
    if hardware is not None:
        vendors = {hardware.vendor, *(hardware.oem_strings or ())}
        if any(w.vendor in vendors and w.model in {"", hardware.model} for w in wanted):
            return True
        if hardware.oem_strings is not None:
            return False
    names = _hardware_names(package)
    question = Question(
        key=f"hardware {names}",
        if_yes=f"the host is a {names}",
        if_no=f"the host is no {names}",
    )
    return run.answers.ask(question)


def _hardware_names(package: Package) -> str:
    wanted = package.descriptor.system_requires.hardware_platforms
    return " or ".join(f"{w.vendor} {w.model}".strip() for w in wanted)


def _check_database_name(run: Run, package: Package) -> None:
    for fault in name_too_long.faults(package):
        if fault.severity is None:
            message = message_of(name_too_long, fault, package.id)
            raise Refused(message, [cause_of(name_too_long, fault, certainty=run.sure)])


def _check_trust(run: Run, package: Package) -> None:
    if (run.flags.force or run.flags.no_sig_check) and not run.secure_boot:
        if run.flags.no_sig_check and not run.flags.force:
            run.unsigned_allowed()
        return
    if package.level.needs_signature:
        _check_signature(run, package)
    found = violations(package.level, package.descriptor.file_list, overlay=package.overlay)
    if found:
        message = messages.EXTENSIBILITY_AT_STAGE(package.id, level=package.level.value)
        raise Refused(message, extensibility_causes(run.host, package))


def _check_signature(run: Run, package: Package) -> None:
    state = package.signature
    if state is Signature.UNKNOWN:
        state = Signature.TRUSTED if run.answers.ask(TRUSTED) else Signature.UNTRUSTED
    if state is not Signature.TRUSTED:
        build, words, rule = _SIGNATURE_TROUBLE[state]
        what = words.format(level=package.level.esxcli_name)
        certainty = Certainty.MEASURED if run.row.tried else Certainty.DOCUMENTED
        cause = Cause(what=what, subject=package.id, certainty=certainty, rule=rule)
        raise Refused(build(package.id), [cause])


def _check_digests(run: Run, package: Package) -> None:
    faults = list(digest_order_breaks_old_hosts.faults(package))
    if faults and run.known(run.row.last_sha256_wins, _LAST_DIGEST):
        message = message_of(digest_order_breaks_old_hosts, faults[0], package.id)
        cause = cause_of(digest_order_breaks_old_hosts, faults[0], subject=package.id)
        raise Refused(message, [cause])


_SIGNATURE_TROUBLE: dict[Signature, tuple[Callable[..., HostMessage], str, str]] = {
    Signature.MISSING: (messages.UNSIGNED, "claims {level} and has no signature", "VF501"),
    Signature.UNTRUSTED: (messages.UNTRUSTED, "is signed by nobody whom the host trusts", ""),
    Signature.BROKEN: (messages.BROKEN_SIGNATURE, "was changed after it was signed", "VF504"),
    Signature.MALFORMED: (
        messages.BROKEN_SIGNATURE,
        "has a signature that hosts cannot read",
        "VF502",
    ),
}
