"""VF1xx: the archive, its members and their order."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from vibforge.esxi import messages
from vibforge.esxi.release import Certainty
from vibforge.findings.check import (
    Contradiction,
    Fault,
    InstallStep,
    Reaction,
    Severity,
    Topic,
    check,
)
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME
from vibforge.vib.scan import VibScan, bad_headers, member_names

_OWN = frozenset({DESCRIPTOR_NAME, SIGNATURE_NAME})


@check(
    "VF101",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "descriptor.xml is the first member"),
)
def descriptor_not_first(subject: VibScan) -> Iterator[Fault]:
    """The descriptor is not the first member of the archive.

    Why: hosts read the archive as a stream and stop with "{FIRST_MEMBER.title}".

    Remedy: write descriptor.xml first, then sig.pkcs7, then the payloads.

    Evidence: tried on 6.7.
    """
    name = member_names(subject.vib)[0]
    if name != DESCRIPTOR_NAME:
        yield Fault(name, "comes before descriptor.xml")


@check(
    "VF102",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "sig.pkcs7 is the second member"),
)
def signature_not_second(subject: VibScan) -> Iterator[Fault]:
    """The second member is not sig.pkcs7.

    Why: even an unsigned VIB has a sig.pkcs7, which is empty. Without it hosts stop with
    "{SECOND_MEMBER}".

    Remedy: write sig.pkcs7 directly after descriptor.xml; leave it empty if the VIB is unsigned.

    Evidence: tried on 6.7.
    """
    names = member_names(subject.vib)
    if names[1:2] != (SIGNATURE_NAME,):
        if len(names) > 1:
            yield Fault(names[1], "is the second member, where hosts expect sig.pkcs7")
        else:
            yield Fault(SIGNATURE_NAME, "is missing; it is the second member even if it is empty")


@check(
    "VF103",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "the archive holds every declared payload"),
    reaction=Reaction(InstallStep.PAYLOADS, messages.NO_MEMBER),
)
def payload_without_member(subject: VibScan) -> Iterator[Fault]:
    """The descriptor declares a payload that the archive does not contain.

    Why: the install stops with "{NO_MEMBER}".

    Remedy: give the member the name that the descriptor gives the payload.

    Evidence: tried on 6.7; seen in the field (a VIB declares `lsimr3` and contains `payload1`).
    """
    for payload in subject.vib.payloads:
        if payload.member is None:
            what = "is declared, but the archive has no member of this name"
            yield Fault(payload.name, what, values={"name": payload.name})


@check(
    "VF104",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every header of the archive can be read"),
)
def bad_archive_header(subject: VibScan) -> Iterator[Fault]:
    """A member header is malformed, or bytes follow the last member.

    Why: hosts stop with "{BAD_ARCHIVE}" if a mode is not octal, a time is not a whole
    number, a pad byte is not a newline, or anything follows the last member.

    Remedy: write the archive again, with `vibforge build` or `ar`.

    Evidence: tried on 6.7.
    """
    for problem in bad_headers(subject.vib.archive):
        yield Fault(problem.where, problem.what)
    if subject.vib.archive.tail_size:
        yield Fault("", f"{subject.vib.archive.tail_size} bytes follow the last member")


@check("VF105", Severity.WARNING, Certainty.MEASURED)
def payloads_out_of_order(subject: VibScan) -> Iterator[Fault]:
    """The payloads are not sorted by name.

    Why: hosts request payloads in the order of their names. When a host reads the VIB as a stream,
    from a URL, it cannot go back to a payload that it has passed ("{NO_MEMBER}").

    Remedy: sort the payload members by name.

    Evidence: tried on 6.7.
    """
    names = [name for name in member_names(subject.vib) if name not in _OWN]
    for before, after in pairwise(names):
        if after < before:
            yield Fault(after, f"comes after {before}; sort the payloads by name")


@check(
    "VF106",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "the descriptor declares every member"),
)
def undeclared_member(subject: VibScan) -> Iterator[Fault]:
    """The archive contains a member that the descriptor does not declare.

    Why: hosts skip the member silently, so its files never arrive, and no signature covers it.

    Remedy: declare it as a payload, or remove it.

    Evidence: tried on 6.7.
    """
    for payload in subject.vib.payloads:
        if payload.declared is None:
            yield Fault(payload.name, "is not declared; hosts do not install it")


@check(
    "VF107",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every member has a name of its own"),
)
def duplicate_member(subject: VibScan) -> Iterator[Fault]:
    """Several members have the same name.

    Why: hosts read the first. Other tools may read the last, and then see a different VIB.

    Remedy: keep only one of them.

    Evidence: tried on 6.7.
    """
    members = Counter(member.name for member in subject.vib.archive.members)
    for name, count in members.items():
        if count > 1:
            yield Fault(name, f"occurs {count} times; hosts read the first")


@check(
    "VF108",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "the file ends where its last member does"),
)
def file_cut_short(subject: VibScan) -> Iterator[Fault]:
    """The file is truncated: it ends within a member.

    Why: a download or copy was interrupted. Hosts notice only when the digest does not match
    ("{DIGEST_AT_EOF}").

    Remedy: download or copy the file again.

    Evidence: tried on 6.7.
    """
    for member in subject.vib.archive.members:
        if member.stored_size < member.size:
            missing = member.size - member.stored_size
            yield Fault(member.name, f"{missing} of {member.size} bytes are missing")


@check(
    "VF109",
    Severity.WARNING,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.COVERAGE, "every member is descriptor, signature or payload"),
)
def uncovered_table(subject: VibScan) -> Iterator[Fault]:
    """The archive contains a symbol or name table of GNU ar.

    Why: hosts skip the table, but no signature and no digest covers its bytes. Member names of up
    to 15 characters need no table.

    Remedy: write the archive again, with `vibforge build`.

    Evidence: tried on 6.7.
    """
    for member in subject.vib.archive.members:
        if member.is_table:
            yield Fault(member.name, f"is a table of {member.size} bytes that no signature covers")


CHECKS = (
    descriptor_not_first,
    signature_not_second,
    payload_without_member,
    bad_archive_header,
    payloads_out_of_order,
    undeclared_member,
    duplicate_member,
    file_cut_short,
    uncovered_table,
)
