"""VF2xx: descriptor.xml as the text that a host's reader takes: encoding, elements, values."""

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

    Remedy: leave the declaration out, as VMware does.

    Evidence: tried on 6.7.
    """
    if declares_encoding(subject.vib.descriptor_bytes):
        yield Fault("descriptor.xml", "its first line says encoding=")


@check("VF202", Severity.ERROR, Certainty.MEASURED)
def empty_tag(subject: VibScan) -> Iterator[Fault]:
    """A software tag is empty.

    Why: the host's reader crashes on `<tag/>` (AttributeError).

    Remedy: remove it.

    Evidence: tried on 6.7.
    """
    if "" in subject.descriptor.software_tags:
        yield Fault("<software-tags>", "holds an empty <tag>")


@check(
    "VF203",
    Severity.ERROR,
    Certainty.MEASURED,
)
def default_namespace(subject: VibScan) -> Iterator[Fault]:
    """The root element has a default namespace.

    Why: the reader then finds none of the elements: "Missing VIB name".

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
    """A yes-or-no or a number is neither, or an element occurs more than once.

    Why: hosts take true, false, 1 and 0, and whole numbers; other text is an error.

    Remedy: correct the value.

    Evidence: tried on 6.7.
    """
    for problem in subject.descriptor.faults:
        yield Fault(problem.where.rpartition("/")[2], problem.what)
    for tag in subject.descriptor.repeated:
        yield Fault(f"<{tag}>", "occurs more than once, and readers differ in which one counts")


@check("VF214", Severity.ERROR, Certainty.DOCUMENTED)
def url_without_key(subject: VibScan) -> Iterator[Fault]:
    """A link has no key.

    Why: hosts demand the attribute `key` of every <url>.

    Remedy: give it a short name: key="website".

    Evidence: read off a 6.7 host.
    """
    for url in subject.descriptor.urls:
        if not url.key:
            yield Fault("<urls>", f"{url.link!r:.60} has no key")


@check("VF215", Severity.ERROR, Certainty.MEASURED)
def malformed_constraint(subject: VibScan) -> Iterator[Fault]:
    """A constraint has a relation that does not exist, or half of relation and version.

    Why: hosts know <<, <=, =, >= and >>; relation and version go only together, and a name there
    must be.

    Remedy: write >> for >, and << for <.

    Evidence: tried on 6.7.
    """
    of = subject.descriptor.relationships
    for element, constraints in (
        ("depends", of.depends),
        ("conflicts", of.conflicts),
        ("replaces", of.replaces),
        ("compatibleWith", of.compatible_with),
    ):
        for constraint in constraints:
            halves = bool(constraint.relation) != bool(constraint.version)
            unknown = constraint.relation and constraint.relation not in set(Relation)
            if halves or unknown or not constraint.name:
                yield Fault(f"<{element}>", f"{str(constraint)!r:.80} is not a constraint")


@check("VF216", Severity.WARNING, Certainty.DOCUMENTED)
def not_ascii(subject: VibScan) -> Iterator[Fault]:
    """The descriptor holds characters beyond ASCII.

    Why: the host's database writes it back in the locale of its process, where they can be lost.

    Remedy: use ASCII, or character references.

    Evidence: read off a 6.7 host.
    """
    if not subject.vib.descriptor_bytes.isascii():
        yield Fault("descriptor.xml", "has characters beyond ASCII")


@check("VF217", Severity.NOTE, Certainty.MEASURED)
def unknown_element(subject: VibScan) -> Iterator[Fault]:
    """The descriptor holds an element that hosts do not know.

    Why: they pass over it, so a misspelt one does nothing (<cimon-restart> was met in the field).

    Remedy: look whether it is spelt right.

    Evidence: tried on 6.7.
    """
    for element in subject.descriptor.unknown:
        yield Fault("descriptor.xml", f"{element.split('>')[0][:60]}> is not known")


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
