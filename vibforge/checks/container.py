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

    Remedy: write descriptor.xml, sig.pkcs7, then the payloads.

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

    Why: an unsigned VIB has an empty sig.pkcs7; without it hosts stop with "{SECOND_MEMBER}".

    Remedy: put sig.pkcs7 behind the descriptor, empty if there is no signature.

    Evidence: tried on 6.7.
    """
    names = member_names(subject.vib)
    if names[1:2] != (SIGNATURE_NAME,):
        second = names[1] if len(names) > 1 else "nothing"
        yield Fault(second, "is in the place of sig.pkcs7")


@check(
    "VF103",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "the archive holds every declared payload"),
    reaction=Reaction(InstallStep.PAYLOADS, messages.NO_MEMBER),
)
def payload_without_member(subject: VibScan) -> Iterator[Fault]:
    """The descriptor declares a payload that the archive does not hold.

    Why: the install stops with "{NO_MEMBER}".

    Remedy: name the member as the descriptor names the payload.

    Evidence: tried on 6.7; met in the field (a VIB that declares `lsimr3` and holds `payload1`).
    """
    for payload in subject.vib.payloads:
        if payload.member is None:
            what = "the archive has no payload of this name"
            yield Fault(payload.name, what, values={"name": payload.name})


@check(
    "VF104",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every header of the archive can be read"),
)
def bad_archive_header(subject: VibScan) -> Iterator[Fault]:
    """A header of the archive cannot be read, or bytes follow the last member.

    Why: hosts stop with "{BAD_ARCHIVE}": a mode that is not octal, a time that is not a
    whole number, a pad byte other than a newline, anything behind the last member.

    Remedy: write the archive anew, with `vibforge build` or `ar`.

    Evidence: tried on 6.7.
    """
    for problem in bad_headers(subject.vib.archive):
        yield Fault(problem.where, problem.what)
    if subject.vib.archive.tail_size:
        yield Fault("", f"{subject.vib.archive.tail_size} bytes follow the last member")


@check("VF105", Severity.WARNING, Certainty.MEASURED)
def payloads_out_of_order(subject: VibScan) -> Iterator[Fault]:
    """The payloads do not stand in the order of their names.

    Why: hosts ask for payloads in that order; read as a stream, from a URL, a payload that comes
    before the one wanted is lost ("{NO_MEMBER}").

    Remedy: write the members sorted by name.

    Evidence: tried on 6.7.
    """
    names = [name for name in member_names(subject.vib) if name not in _OWN]
    for before, after in pairwise(names):
        if after < before:
            yield Fault(after, f"comes behind {before}")


@check(
    "VF106",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "the descriptor declares every member"),
)
def undeclared_member(subject: VibScan) -> Iterator[Fault]:
    """The archive holds a member that the descriptor does not declare.

    Why: hosts skip it without a word, whoever put it there expects its files to arrive, and no
    signature covers it.

    Remedy: declare it as a payload, or take it out.

    Evidence: tried on 6.7.
    """
    for payload in subject.vib.payloads:
        if payload.declared is None:
            yield Fault(payload.name, "is not declared and will not be installed")


@check(
    "VF107",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "every member has a name of its own"),
)
def duplicate_member(subject: VibScan) -> Iterator[Fault]:
    """Two members have one name.

    Why: hosts read the first; other tools may read the last, and so see another VIB.

    Remedy: keep one of them.

    Evidence: tried on 6.7.
    """
    members = Counter(member.name for member in subject.vib.archive.members)
    for name, count in members.items():
        if count > 1:
            yield Fault(name, f"is there {count} times; hosts read the first")


@check(
    "VF108",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "the file ends where its last member does"),
)
def file_cut_short(subject: VibScan) -> Iterator[Fault]:
    """The file ends before its last member does.

    Why: a download or copy broke off; hosts notice only by the digest ("{DIGEST_AT_EOF}").

    Remedy: fetch the file again.

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
    """The archive has a table of GNU ar.

    Why: hosts skip it, but no signature and no digest covers its bytes. Member names of up to 15
    characters need no table.

    Remedy: write the archive anew with `vibforge build`.

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
