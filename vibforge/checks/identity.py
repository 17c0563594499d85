"""VF2xx: the identity of a VIB: name, version, date, type, acceptance level and summary."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

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
from vibforge.vib.identity import NAME_LIMIT, fits_template
from vibforge.vib.scan import DATABASE_NAME_LIMIT, VIB_TYPES, release_date_fault

if TYPE_CHECKING:
    from vibforge.vib.scan import Described

_SUMMARY_LIMIT = 86
"""Length of the longest summary in a vendor's descriptor; VMware's template says 80."""
_PLACEHOLDER = re.compile(
    r"\$\{[^{}\s]{1,80}\}|\{\{[^{}]{1,80}\}\}|(?<!\w)@[A-Za-z_][\w.-]{0,79}@(?!\w)"
)
_BARE_PLACEHOLDER = re.compile(r"VERSION(?:-RELEASE)?|RELEASE|NAME|VENDOR|SUMMARY|DESCRIPTION")
_NOT_TEMPLATED = frozenset({"file_list", "checksums", "faults", "unknown", "repeated"})
_ELEMENTS = {
    "software_platforms": "softwarePlatform",
    "hardware_platforms": "hwplatform",
    "urls": "url",
    "key": "url",
    "link": "url",
    "release_date": "release-date",
    "acceptance_level": "acceptance-level",
    "software_tags": "software-tags",
}
"""Element names of the descriptor fields that are named differently."""


@check(
    "VF204",
    Severity.ERROR,
    Certainty.MEASURED,
)
def missing_name(subject: "Described") -> Iterator[Fault]:
    """Name, version or vendor is empty.

    Why: without a name hosts stop with "Missing VIB name". Version and vendor are parts of the VIB
    ID.

    Remedy: fill in all three.

    Evidence: tried on 6.7.
    """
    descriptor = subject.descriptor
    for element in ("name", "version", "vendor"):
        if not getattr(descriptor, element):
            yield Fault(f"<{element}>", "is empty or missing")


@check(
    "VF205",
    Severity.ERROR,
    Certainty.MEASURED,
    reaction=Reaction(InstallStep.STAGING, messages.NAME_TOO_LONG),
)
def name_too_long(subject: "Described") -> Iterator[Fault]:
    """The name is too long for the host's database.

    Why: the install stops with "{NAME_TOO_LONG}". A name of 50 characters always
    fails, one of 49 depending on a hash, one of 48 never.

    Remedy: use at most 35 characters, the limit of VMware's template.

    Evidence: tried on 6.7.
    """
    length = len(subject.descriptor.name)
    if length > DATABASE_NAME_LIMIT:
        yield Fault("<name>", f"has {length} characters, more than {DATABASE_NAME_LIMIT}")
    elif length > NAME_LIMIT:
        what = f"has {length} characters; VMware's template allows {NAME_LIMIT}"
        yield Fault("<name>", what, Severity.NOTE, Certainty.DOCUMENTED)


@check("VF206", Severity.WARNING, Certainty.DOCUMENTED)
def odd_name(subject: "Described") -> Iterator[Fault]:
    """Name or vendor contains characters that VMware's template does not allow.

    Why: a slash breaks the path of the host's database record. A colon breaks the selection of a
    VIB as vendor:name:version. Hosts accept blanks and other letters, but other tools may not.

    Remedy: use letters, digits, `_`, `.` and `-`.

    Evidence: VMware's descriptor template; tried on 6.7.
    """
    for element, value in (
        ("name", subject.descriptor.name),
        ("vendor", subject.descriptor.vendor),
    ):
        if "/" in value:
            what = f"{value!r:.60} contains a slash; hosts cannot write the VIB to their database"
            yield Fault(f"<{element}>", what, severity=Severity.ERROR)
        elif not fits_template(value or "x"):
            what = f"{value!r:.60} contains characters other than A-Z a-z 0-9 _ . -"
            yield Fault(f"<{element}>", what)


@check(
    "VF207",
    Severity.ERROR,
    Certainty.MEASURED,
)
def two_dashes_in_version(subject: "Described") -> Iterator[Fault]:
    """The version has more than one dash.

    Why: hosts stop with "has invalid version".

    Remedy: write VERSION-RELEASE with one dash, such as 1.2.0-1.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.version.count("-") > 1:
        what = f"{subject.descriptor.version!r} has more than one dash"
        yield Fault("<version>", what)


@check("VF208", Severity.WARNING, Certainty.DOCUMENTED)
def version_without_release(subject: "Described") -> Iterator[Fault]:
    """The version has no release part.

    Why: VMware's form is VERSION-RELEASE. VIB Author refuses other forms, and hosts sort 1.0 before
    every 1.0-N.

    Remedy: add a release, such as 1.0.2-1.

    Evidence: VMware's descriptor template; the order of versions was tried on 6.7.
    """
    if subject.descriptor.version and "-" not in subject.descriptor.version:
        yield Fault("<version>", f"{subject.descriptor.version!r} has no -RELEASE")


@check(
    "VF209",
    Severity.ERROR,
    Certainty.MEASURED,
)
def bad_release_date(subject: "Described") -> Iterator[Fault]:
    """The release date has a form that hosts do not read.

    Why: hosts stop with "invalid release-date" for a date without a time, a zone without a colon,
    more than six digits after the second, or hour 24.

    Remedy: write 2026-01-31T12:00:00.000000, in UTC.

    Evidence: tried on 6.7.
    """
    date = subject.descriptor.release_date
    if date and release_date_fault(date):
        yield Fault("<release-date>", f"{date!r:.60} is not YYYY-MM-DDTHH:MM:SS")


@check("VF210", Severity.WARNING, Certainty.MEASURED)
def missing_release_date(subject: "Described") -> Iterator[Fault]:
    """The descriptor has no release date.

    Why: the VIB installs, but merging it with the metadata of a depot fails.

    Remedy: add <release-date>2026-01-31T12:00:00.000000</release-date>, in UTC.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.release_date is None:
        yield Fault("<release-date>", "is missing")


@check(
    "VF211",
    Severity.ERROR,
    Certainty.MEASURED,
)
def invalid_type(subject: "Described") -> Iterator[Fault]:
    """The VIB type is invalid or missing.

    Why: hosts refuse every type but bootbank, locker and meta with "VIB type invalid.". Without a
    type, the VIB ID contains the word None.

    Remedy: write <type>bootbank</type>.

    Evidence: tried on 6.7.
    """
    kind = subject.descriptor.type
    if kind is None:
        yield Fault("<type>", "is missing; the VIB ID will contain None", Severity.WARNING)
    elif kind not in VIB_TYPES:
        yield Fault("<type>", f"{kind!r:.40} is not bootbank, locker or meta")


@check(
    "VF212",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.LEVEL, "the acceptance level is valid"),
)
def invalid_acceptance_level(subject: "Described") -> Iterator[Fault]:
    """The acceptance level is invalid.

    Why: hosts stop with "invalid acceptance level". Levels are lower-case words; the names that
    esxcli prints (VMwareAccepted) are not valid here. A missing level means community.

    Remedy: write community, partner, accepted or certified.

    Evidence: tried on 6.7.
    """
    level = subject.descriptor.acceptance_level
    if not subject.descriptor.has_level:
        yield Fault("<acceptance-level>", f"{level!r:.40} is not an acceptance level")


@check("VF225", Severity.WARNING, Certainty.INFERRED)
def placeholder_left(subject: "Described") -> Iterator[Fault]:
    """A value of the descriptor is a placeholder that no build filled in.

    Why: `${version}`, `@VERSION@` and a bare `VERSION` come from templates. Hosts use the text as
    it is, so the VIB gets a wrong name, version or platform.

    Remedy: set the value, and fix the build step that should have replaced the placeholder.

    Evidence: the usual forms of Maven, CMake, autoconf and VIB Author's template.
    """
    for element, text in _texts(subject.descriptor):
        match = _PLACEHOLDER.search(text) or _BARE_PLACEHOLDER.fullmatch(text.strip())
        if match:
            yield Fault(f"<{element}>", f"contains the placeholder {match[0]:.60}")


def _texts(value: object, element: str = "vib") -> Iterator[tuple[str, str]]:
    """Yield every text of a descriptor but its paths, each with the name of its element."""
    if isinstance(value, str):
        yield element, value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item, element)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            if name not in _NOT_TEMPLATED:
                yield from _texts(getattr(value, name), _ELEMENTS.get(name, name))


@check("VF223", Severity.NOTE, Certainty.DOCUMENTED)
def long_summary(subject: "Described") -> Iterator[Fault]:
    """The summary is too long, or has more than one line.

    Why: lists show the summary in one line; the longest summary of a vendor has 86 characters.

    Remedy: shorten it, and move the details to the description.

    Evidence: VMware's descriptor template and vendor descriptors.
    """
    summary = subject.descriptor.summary
    if len(summary) > _SUMMARY_LIMIT or "\n" in summary:
        lines = summary.count("\n") + 1
        what = f"has {len(summary)} characters in {lines} {'line' if lines == 1 else 'lines'}"
        yield Fault("<summary>", what)


CHECKS = (
    missing_name,
    name_too_long,
    odd_name,
    two_dashes_in_version,
    version_without_release,
    bad_release_date,
    missing_release_date,
    invalid_type,
    invalid_acceptance_level,
    long_summary,
    placeholder_left,
)
