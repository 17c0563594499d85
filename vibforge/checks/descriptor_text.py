"""VF2xx: descriptor.xml as text: its encoding, elements and values."""

from collections.abc import Iterator

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Contradiction, Fault, Severity, Topic, check
from vibforge.vib.relationships import Relation
from vibforge.vib.scan import VibScan, declares_encoding, has_namespace


@check(
    "VF201",
    Severity.ERROR,
    Certainty.MEASURED,
)
def encoding_declaration(subject: VibScan) -> Iterator[Fault]:
    """The XML declaration names an encoding.

    Why: 6.5 and 6.7 stop with "{ENCODING_DECLARED}". Other
    releases were not tried.

    Remedy: omit the XML declaration, as VMware does.

    Evidence: tried on 6.7.
    """
    if declares_encoding(subject.vib.descriptor_bytes):
        yield Fault("descriptor.xml", "declares an encoding in its first line")


@check("VF202", Severity.ERROR, Certainty.MEASURED)
def empty_tag(subject: VibScan) -> Iterator[Fault]:
    """A software tag is empty.

    Why: the host's reader crashes on `<tag/>` (AttributeError).

    Remedy: remove it.

    Evidence: tried on 6.7.
    """
    if "" in subject.descriptor.software_tags:
        yield Fault("<software-tags>", "contains an empty <tag>")


@check(
    "VF203",
    Severity.ERROR,
    Certainty.MEASURED,
)
def default_namespace(subject: VibScan) -> Iterator[Fault]:
    """The root element has a default namespace.

    Why: the host's reader then finds no element: "Missing VIB name".

    Remedy: write `<vib version="5.0">` without xmlns.

    Evidence: tried on 6.7.
    """
    if has_namespace(subject.vib.descriptor_bytes):
        yield Fault("<vib>", "has a default namespace")


@check(
    "VF213",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.DESCRIPTOR, "every value can be read"),
)
def unreadable_value(subject: VibScan) -> Iterator[Fault]:
    """A Boolean or a number is malformed, or an element occurs more than once.

    Why: hosts accept true, false, 1 and 0 as Booleans, and whole numbers; other text is an error.

    Remedy: correct the value, or keep one of the elements.

    Evidence: tried on 6.7.
    """
    for problem in subject.descriptor.faults:
        yield Fault(problem.where.rpartition("/")[2], problem.what)
    for tag in subject.descriptor.repeated:
        yield Fault(f"<{tag}>", "occurs more than once, and readers differ in which one they use")


@check("VF214", Severity.ERROR, Certainty.DOCUMENTED)
def url_without_key(subject: VibScan) -> Iterator[Fault]:
    """A link has no key.

    Why: hosts require the attribute `key` on every <url>.

    Remedy: add a short name, such as key="website".

    Evidence: observed on a 6.7 host.
    """
    for url in subject.descriptor.urls:
        if not url.key:
            yield Fault("<urls>", f"{url.link!r:.60} has no key")


@check("VF215", Severity.ERROR, Certainty.MEASURED)
def malformed_constraint(subject: VibScan) -> Iterator[Fault]:
    """A constraint has no name, an invalid relation, or only one of relation and version.

    Why: hosts accept the relations <<, <=, =, >= and >>. They require a name, and a relation only
    together with a version.

    Remedy: write >> for >, and << for <; give both relation and version, or neither.

    Evidence: tried on 6.7.
    """
    relationships = subject.descriptor.relationships
    for element, constraints in (
        ("depends", relationships.depends),
        ("conflicts", relationships.conflicts),
        ("replaces", relationships.replaces),
        ("compatibleWith", relationships.compatible_with),
    ):
        for constraint in constraints:
            is_incomplete = bool(constraint.relation) != bool(constraint.version)
            is_unknown = constraint.relation and constraint.relation not in set(Relation)
            if is_incomplete or is_unknown or not constraint.name:
                yield Fault(f"<{element}>", f"{str(constraint)!r:.80} is not a valid constraint")


@check("VF216", Severity.WARNING, Certainty.DOCUMENTED)
def not_ascii(subject: VibScan) -> Iterator[Fault]:
    """The descriptor contains non-ASCII characters.

    Why: the host writes the descriptor to its database in the locale of its process, which can lose
    such characters.

    Remedy: use ASCII, or character references.

    Evidence: observed on a 6.7 host.
    """
    if not subject.vib.descriptor_bytes.isascii():
        yield Fault("descriptor.xml", "contains non-ASCII characters")


@check("VF217", Severity.NOTE, Certainty.MEASURED)
def unknown_element(subject: VibScan) -> Iterator[Fault]:
    """The descriptor contains an element that hosts ignore.

    Why: hosts skip unknown elements, so a misspelt element has no effect (seen in the field:
    <cimon-restart>).

    Remedy: check the spelling of the element.

    Evidence: tried on 6.7.
    """
    for element in subject.descriptor.unknown:
        yield Fault("descriptor.xml", f"{element.split('>')[0][:60]}> is not an element hosts use")


CHECKS = (
    encoding_declaration,
    empty_tag,
    default_namespace,
    unreadable_value,
    url_without_key,
    malformed_constraint,
    not_ascii,
    unknown_element,
)
