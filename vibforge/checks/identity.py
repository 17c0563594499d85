"""VF2xx: who the VIB says it is: name, version, date, type, level and summary."""

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
"""Characters of the longest summary of a vendor's descriptor; the template says 80."""
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
"""Fields of a descriptor whose element has another name."""


@check(
    "VF204",
    Severity.ERROR,
    Certainty.MEASURED,
)
def missing_name(subject: "Described") -> Iterator[Fault]:
    """Name, version or vendor is empty.

    Why: without a name hosts stop with "Missing VIB name"; the other two make up the VIB's ID.

    Remedy: fill all three.

    Evidence: tried on 6.7.
    """
    of = subject.descriptor
    for element, value in (("name", of.name), ("version", of.version), ("vendor", of.vendor)):
        if not value:
            yield Fault(f"<{element}>", "is empty or missing")


@check(
    "VF205",
    Severity.ERROR,
    Certainty.MEASURED,
    reaction=Reaction(InstallStep.STAGING, messages.NAME_TOO_LONG),
)
def name_too_long(subject: "Described") -> Iterator[Fault]:
    """The name is too long for the host's database.

    Why: the install stops with "{NAME_TOO_LONG}": 50 characters always fail, 49
    depend on a hash, 48 always fit.

    Remedy: 35 characters at the most, as VMware's template has it.

    Evidence: tried on 6.7.
    """
    length = len(subject.descriptor.name)
    if length > DATABASE_NAME_LIMIT:
        yield Fault("<name>", f"has {length} characters, more than {DATABASE_NAME_LIMIT}")
    elif length > NAME_LIMIT:
        what = f"has {length} characters; the template stops at {NAME_LIMIT}"
        yield Fault("<name>", what, Severity.NOTE, Certainty.DOCUMENTED)


@check("VF206", Severity.WARNING, Certainty.DOCUMENTED)
def odd_name(subject: "Described") -> Iterator[Fault]:
    """Name or vendor holds characters that the template does not allow.

    Why: a slash breaks the path of the host's database, a colon the selection of a VIB as
    vendor:name:version; blanks and other letters pass the reader and trip tools later.

    Remedy: use letters, digits, `_`, `.` and `-`.

    Evidence: VMware's descriptor template; tried on 6.7.
    """
    for element, value in (
        ("name", subject.descriptor.name),
        ("vendor", subject.descriptor.vendor),
    ):
        if "/" in value:
            what = f"{value!r:.60} has a slash: hosts cannot write their record of the VIB"
            yield Fault(f"<{element}>", what, severity=Severity.ERROR)
        elif not fits_template(value or "x"):
            yield Fault(f"<{element}>", f"{value!r:.60} has characters beyond A-Z a-z 0-9 _ . -")


@check(
    "VF207",
    Severity.ERROR,
    Certainty.MEASURED,
)
def two_dashes_in_version(subject: "Described") -> Iterator[Fault]:
    """The version has more than one dash.

    Why: hosts stop with "has invalid version".

    Remedy: VERSION-RELEASE with one dash: 1.2.0-1.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.version.count("-") > 1:
        what = f"{subject.descriptor.version!r} has more than one dash"
        yield Fault("<version>", what)


@check("VF208", Severity.WARNING, Certainty.DOCUMENTED)
def version_without_release(subject: "Described") -> Iterator[Fault]:
    """The version has no release part.

    Why: VMware's form is VERSION-RELEASE; VIB Author refuses anything else, and 1.0 counts as older
    than every 1.0-N.

    Remedy: add a release: 1.0.2-1.

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
    """The release date is not one that hosts read.

    Why: they stop with "invalid release-date": a date without time, a zone without colon, more than
    six digits of a second, hour 24.

    Remedy: 2026-01-31T12:00:00.000000, in UTC.

    Evidence: tried on 6.7.
    """
    date = subject.descriptor.release_date
    if date and release_date_fault(date):
        yield Fault("<release-date>", f"{date!r:.60} is not YYYY-MM-DDTHH:MM:SS")


@check("VF210", Severity.WARNING, Certainty.MEASURED)
def missing_release_date(subject: "Described") -> Iterator[Fault]:
    """There is no release date.

    Why: the VIB installs, but merging it with a depot's metadata breaks.

    Remedy: write one.

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
    """The type is none that hosts know.

    Why: anything but bootbank, locker or meta ends in "VIB type invalid."; without a type the VIB's
    ID says None.

    Remedy: bootbank.

    Evidence: tried on 6.7.
    """
    kind = subject.descriptor.type
    if kind is None:
        yield Fault("<type>", "is missing; the ID will say None", Severity.WARNING)
    elif kind not in VIB_TYPES:
        yield Fault("<type>", f"{kind!r:.40} is not bootbank, locker or meta")


@check(
    "VF212",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.LEVEL, "the acceptance level is one that hosts know"),
)
def invalid_acceptance_level(subject: "Described") -> Iterator[Fault]:
    """The acceptance level is none that hosts know.

    Why: they stop with "invalid acceptance level"; the words are small letters, and the names that
    esxcli prints (VMwareAccepted) are not among them. No level means community.

    Remedy: community, partner, accepted or certified.

    Evidence: tried on 6.7.
    """
    level = subject.descriptor.acceptance_level
    if not subject.descriptor.has_level:
        yield Fault("<acceptance-level>", f"{level!r:.40} is not a level")


@check("VF225", Severity.WARNING, Certainty.INFERRED)
def placeholder_left(subject: "Described") -> Iterator[Fault]:
    """A value of the descriptor is a placeholder that no build filled in.

    Why: `${version}`, `@VERSION@` and a bare `VERSION` come from templates. Hosts take the text as
    it is, so the VIB gets a name, a version or a platform that nobody meant.

    Remedy: set the value, and look at the step of the build that should have replaced it.

    Evidence: the usual forms of Maven, CMake, autoconf and VIB Author's template.
    """
    for element, text in _texts(subject.descriptor):
        found = _PLACEHOLDER.search(text) or _BARE_PLACEHOLDER.fullmatch(text.strip())
        if found:
            yield Fault(f"<{element}>", f"holds the placeholder {found[0]:.60}")


def _texts(of: object, element: str = "vib") -> Iterator[tuple[str, str]]:
    """Yield every text of a descriptor with the element that it stands in; paths are left out."""
    if isinstance(of, str):
        yield element, of
    elif isinstance(of, tuple):
        for each in of:
            yield from _texts(each, element)
    elif isinstance(of, Struct):
        for name in of.__struct_fields__:
            if name not in _NOT_TEMPLATED:
                yield from _texts(getattr(of, name), _ELEMENTS.get(name, name))


@check("VF223", Severity.NOTE, Certainty.DOCUMENTED)
def long_summary(subject: "Described") -> Iterator[Fault]:
    """The summary is long, or has more than one line.

    Why: it is meant for one line of a list; the longest of a vendor has 86 characters.

    Remedy: say the rest in the description.

    Evidence: VMware's descriptor template and vendor descriptors.
    """
    summary = subject.descriptor.summary
    if len(summary) > _SUMMARY_LIMIT or "\n" in summary:
        yield Fault(
            "<summary>", f"has {len(summary)} characters in {summary.count(chr(10)) + 1} lines"
        )


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
