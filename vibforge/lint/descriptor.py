"""VF2xx: what descriptor.xml says, as far as a host's reader takes it and acts on it."""

from collections.abc import Iterator

from vibforge.errors import ModelError
from vibforge.host.extensibility import complaints, violations
from vibforge.host.package import DATABASE_NAME_LIMIT
from vibforge.host.reader import (
    VIB_TYPES,
    declares_encoding,
    has_namespace,
    is_level,
    is_release_date,
)
from vibforge.host.release import ESXI_70
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import VibSubject
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty
from vibforge.model.names import check_name
from vibforge.model.relationships import Relation

_SUMMARY_LIMIT = 86
"""Characters of the longest summary of a vendor's descriptor; the template says 80."""
_TEMPLATE_NAME_LIMIT = 35


@rule("VF201", Severity.ERROR, Certainty.MEASURED)
def encoding_declaration(subject: VibSubject) -> Iterator[Fault]:
    """The XML declaration names an encoding.

    Why: 6.5 and 6.7 stop with "Unicode strings with encoding declaration are not supported". Other
    releases were not tried.

    Remedy: leave the declaration out, as VMware does.

    Evidence: tried on 6.7.
    """
    if declares_encoding(subject.vib.descriptor_bytes):
        yield Fault("descriptor.xml", "its first line says encoding=")


@rule("VF202", Severity.ERROR, Certainty.MEASURED)
def empty_tag(subject: VibSubject) -> Iterator[Fault]:
    """A software tag is empty.

    Why: the host's reader crashes on `<tag/>` (AttributeError).

    Remedy: remove it.

    Evidence: tried on 6.7.
    """
    if "" in subject.descriptor.software_tags:
        yield Fault("<software-tags>", "holds an empty <tag>")


@rule("VF203", Severity.ERROR, Certainty.MEASURED)
def default_namespace(subject: VibSubject) -> Iterator[Fault]:
    """The root element has a default namespace.

    Why: the reader then finds none of the elements: "Missing VIB name".

    Remedy: write `<vib version="5.0">` without xmlns.

    Evidence: tried on 6.7.
    """
    if has_namespace(subject.vib.descriptor_bytes):
        yield Fault("<vib>", "has a default namespace")


@rule("VF204", Severity.ERROR, Certainty.MEASURED)
def missing_name(subject: VibSubject) -> Iterator[Fault]:
    """Name, version or vendor is empty.

    Why: without a name hosts stop with "Missing VIB name"; the other two make up the VIB's ID.

    Remedy: fill all three.

    Evidence: tried on 6.7.
    """
    of = subject.descriptor
    for element, value in (("name", of.name), ("version", of.version), ("vendor", of.vendor)):
        if not value:
            yield Fault(f"<{element}>", "is empty or missing")


@rule("VF205", Severity.ERROR, Certainty.MEASURED)
def name_too_long(subject: VibSubject) -> Iterator[Fault]:
    """The name is too long for the host's database.

    Why: the install stops with "database file path is too long": 50 characters always fail, 49
    depend on a hash, 48 always fit.

    Remedy: 35 characters at the most, as VMware's template has it.

    Evidence: tried on 6.7.
    """
    length = len(subject.descriptor.name)
    if length > DATABASE_NAME_LIMIT:
        yield Fault("<name>", f"has {length} characters, more than {DATABASE_NAME_LIMIT}")
    elif length > _TEMPLATE_NAME_LIMIT:
        what = f"has {length} characters; the template stops at {_TEMPLATE_NAME_LIMIT}"
        yield Fault("<name>", what, Severity.NOTE, Certainty.DOCUMENTED)


@rule("VF206", Severity.WARNING, Certainty.DOCUMENTED)
def odd_name(subject: VibSubject) -> Iterator[Fault]:
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
        try:
            check_name(value[:_TEMPLATE_NAME_LIMIT] or "x")
        except ModelError:
            yield Fault(f"<{element}>", f"{value!r:.60} has characters beyond A-Z a-z 0-9 _ . -")


@rule("VF207", Severity.ERROR, Certainty.MEASURED)
def two_dashes_in_version(subject: VibSubject) -> Iterator[Fault]:
    """The version has more than one dash.

    Why: hosts stop with "has invalid version".

    Remedy: VERSION-RELEASE with one dash: 1.2.0-1.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.version.count("-") > 1:
        yield Fault("<version>", f"{subject.descriptor.version!r} has more than one dash")


@rule("VF208", Severity.WARNING, Certainty.DOCUMENTED)
def version_without_release(subject: VibSubject) -> Iterator[Fault]:
    """The version has no release part.

    Why: VMware's form is VERSION-RELEASE; VIB Author refuses anything else, and 1.0 counts as older
    than every 1.0-N.

    Remedy: add a release: 1.0.2-1.

    Evidence: VMware's descriptor template; the order of versions was tried on 6.7.
    """
    if subject.descriptor.version and "-" not in subject.descriptor.version:
        yield Fault("<version>", f"{subject.descriptor.version!r} has no -RELEASE")


@rule("VF209", Severity.ERROR, Certainty.MEASURED)
def bad_release_date(subject: VibSubject) -> Iterator[Fault]:
    """The release date is not one that hosts read.

    Why: they stop with "invalid release-date": a date without time, a zone without colon, more than
    six digits of a second, hour 24.

    Remedy: 2026-01-31T12:00:00.000000, in UTC.

    Evidence: tried on 6.7.
    """
    date = subject.descriptor.release_date
    if date is not None and not is_release_date(date):
        yield Fault("<release-date>", f"{date!r:.60} is not YYYY-MM-DDTHH:MM:SS")


@rule("VF210", Severity.WARNING, Certainty.MEASURED)
def missing_release_date(subject: VibSubject) -> Iterator[Fault]:
    """There is no release date.

    Why: the VIB installs, but merging it with a depot's metadata breaks.

    Remedy: write one.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.release_date is None:
        yield Fault("<release-date>", "is missing")


@rule("VF211", Severity.ERROR, Certainty.MEASURED)
def invalid_type(subject: VibSubject) -> Iterator[Fault]:
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


@rule("VF212", Severity.ERROR, Certainty.MEASURED)
def invalid_acceptance_level(subject: VibSubject) -> Iterator[Fault]:
    """The acceptance level is none that hosts know.

    Why: they stop with "invalid acceptance level"; the words are small letters, and the names that
    esxcli prints (VMwareAccepted) are not among them. No level means community.

    Remedy: community, partner, accepted or certified.

    Evidence: tried on 6.7.
    """
    level = subject.descriptor.acceptance_level
    if not is_level(level):
        yield Fault("<acceptance-level>", f"{level!r:.40} is not a level")


@rule("VF213", Severity.ERROR, Certainty.MEASURED)
def unreadable_value(subject: VibSubject) -> Iterator[Fault]:
    """A yes-or-no or a number is neither.

    Why: hosts take true, false, 1 and 0, and whole numbers; other text is an error.

    Remedy: correct the value.

    Evidence: tried on 6.7.
    """
    for problem in subject.descriptor.faults:
        yield Fault(problem.where.rpartition("/")[2], problem.what)


@rule("VF214", Severity.ERROR, Certainty.DOCUMENTED)
def url_without_key(subject: VibSubject) -> Iterator[Fault]:
    """A link has no key.

    Why: hosts demand the attribute `key` of every <url>.

    Remedy: give it a short name: key="website".

    Evidence: read off a 6.7 host.
    """
    for url in subject.descriptor.urls:
        if not url.key:
            yield Fault("<urls>", f"{url.link!r:.60} has no key")


@rule("VF215", Severity.ERROR, Certainty.MEASURED)
def malformed_constraint(subject: VibSubject) -> Iterator[Fault]:
    """A constraint has a relation that does not exist, or half of relation and version.

    Why: hosts know <<, <=, =, >= and >>; relation and version go only together, and a name there
    must be.

    Remedy: write >> for >, and << for <.

    Evidence: tried on 6.7.
    """
    of = subject.descriptor.relationships
    for kind in ("depends", "conflicts", "replaces", "compatible_with"):
        for constraint in getattr(of, kind):
            halves = bool(constraint.relation) != bool(constraint.version)
            unknown = constraint.relation and constraint.relation not in set(Relation)
            if halves or unknown or not constraint.name:
                yield Fault(f"<{kind}>", f"{str(constraint)!r:.80} is not a constraint")


@rule("VF216", Severity.WARNING, Certainty.DOCUMENTED)
def not_ascii(subject: VibSubject) -> Iterator[Fault]:
    """The descriptor holds characters beyond ASCII.

    Why: the host's database writes it back in the locale of its process, where they can be lost.

    Remedy: use ASCII, or character references.

    Evidence: read off a 6.7 host.
    """
    if not subject.vib.descriptor_bytes.isascii():
        yield Fault("descriptor.xml", "has characters beyond ASCII")


@rule("VF217", Severity.NOTE, Certainty.MEASURED)
def unknown_element(subject: VibSubject) -> Iterator[Fault]:
    """The descriptor holds an element that hosts do not know.

    Why: they pass over it, so a misspelt one does nothing (<cimon-restart> was met in the field).

    Remedy: look whether it is spelt right.

    Evidence: tried on 6.7.
    """
    for element in subject.descriptor.unknown:
        yield Fault("descriptor.xml", f"{element.split('>')[0][:60]}> is not known")


@rule("VF218", Severity.ERROR, Certainty.MEASURED)
def path_outside_list(subject: VibSubject) -> Iterator[Fault]:
    """A path is not on the list that ESXi allows at the VIB's level.

    Why: the install stops with "violates extensibility rule checks" and names no path; an ISO
    upgrade halts with the VIB installed.

    Remedy: move the files below opt/, build with layout = "boot-copy", or install with --force on a
    host without Secure Boot.

    Evidence: the list was tried on 6.7; other releases have one too, and theirs was not seen.
    """
    of = subject.descriptor
    found = violations(subject.level, of.file_list)
    if found and complaints(subject.level, of.file_list):
        for path in found.paths:
            yield Fault(path, f"is on no list of level {subject.level}")


@rule("VF219", Severity.ERROR, Certainty.MEASURED)
def overlay_not_allowed(subject: VibSubject) -> Iterator[Fault]:
    """A community VIB says that it is an overlay.

    Why: hosts refuse it as a violation of the extensibility rules.

    Remedy: overlay = false, and no path that another VIB has.

    Evidence: tried on 6.7.
    """
    if violations(subject.level, (), overlay=bool(subject.descriptor.overlay)).overlay:
        yield Fault("<overlay>", "is true, which level community may not be")


@rule("VF220", Severity.WARNING, Certainty.DOCUMENTED)
def depends_on_itself(subject: VibSubject) -> Iterator[Fault]:
    """The VIB depends on its own name.

    Why: VIB Author forbids it, and it says nothing: a host finds it met by the VIB itself.

    Remedy: remove the dependency.

    Evidence: VIB Author's manual.
    """
    for constraint in subject.descriptor.relationships.depends:
        if constraint.name == subject.descriptor.name:
            yield Fault("<depends>", f"{constraint} is the VIB itself")


@rule("VF221", Severity.NOTE, Certainty.INFERRED, since=ESXI_70)
def no_software_platform(subject: VibSubject) -> Iterator[Fault]:
    """The VIB does not say for which ESXi it is.

    Why: every vendor VIB built for 7.0.3 and later has <softwarePlatform>, and vLCM matches
    components by it; what a host does without one was not tried.

    Remedy: <softwarePlatform version="8.*" locale="" productLineID="embeddedEsx"/>.

    Evidence: vendor descriptors from 7.0 to 9.0.
    """
    if not subject.descriptor.system_requires.software_platforms:
        yield Fault("<system-requires>", "has no <softwarePlatform>")


@rule("VF222", Severity.NOTE, Certainty.MEASURED)
def maintenance_mode_unsaid(subject: VibSubject) -> Iterator[Fault]:
    """The descriptor does not say whether maintenance mode is needed.

    Why: hosts take silence as yes, so a live install then stops with MaintenanceModeError.

    Remedy: <maintenance-mode>false</maintenance-mode>, if nothing that runs depends on it.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.system_requires.maintenance_mode is None:
        yield Fault("<system-requires>", "does not speak of maintenance-mode")


@rule("VF223", Severity.NOTE, Certainty.DOCUMENTED)
def long_summary(subject: VibSubject) -> Iterator[Fault]:
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


@rule("VF224", Severity.NOTE, Certainty.UNKNOWN, since=ESXI_70)
def community_init_script(subject: VibSubject) -> Iterator[Fault]:
    """A community VIB carries an init script.

    Why: 6.7 has etc/init.d on its community list; lists before it kept that for partners, and one
    report from 7 or 8 says so again. Theirs was not seen.

    Remedy: try the install with --dry-run first; --force gets past it without Secure Boot.

    Evidence: tried on 6.7; reports.
    """
    if subject.level is AcceptanceLevel.COMMUNITY:
        for path in subject.descriptor.file_list:
            if path.startswith("etc/init.d/"):
                yield Fault(path, "may be kept for partners by this release")


RULES = (
    encoding_declaration,
    empty_tag,
    default_namespace,
    missing_name,
    name_too_long,
    odd_name,
    two_dashes_in_version,
    version_without_release,
    bad_release_date,
    missing_release_date,
    invalid_type,
    invalid_acceptance_level,
    unreadable_value,
    url_without_key,
    malformed_constraint,
    not_ascii,
    unknown_element,
    path_outside_list,
    overlay_not_allowed,
    depends_on_itself,
    no_software_platform,
    maintenance_mode_unsaid,
    long_summary,
    community_init_script,
)
