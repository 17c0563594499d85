"""VF31x: whether the file list names the files of the payloads, and only those, plainly."""

from collections import Counter
from collections.abc import Iterator

from vibforge.formats.tar_header import EntryKind
from vibforge.host.stock import SHIPPED_PATHS, host_path
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import VibSubject
from vibforge.model.certainty import Certainty


@rule("VF310", Severity.ERROR, Certainty.MEASURED)
def unlisted_file(subject: VibSubject) -> Iterator[Fault]:
    """A payload holds a file that the file list does not name.

    Why: hosts judge paths and conflicts by the list alone and install the payload as it is, so such
    a file escapes both checks, and its edits are lost at an upgrade.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7; met in the field.
    """
    listed = {host_path(path) for path in subject.descriptor.file_list}
    for found in subject.files():
        if found.entry.kind is not EntryKind.DIRECTORY and host_path(found.path) not in listed:
            yield Fault(found.path, "is not in the file list")


@rule("VF311", Severity.ERROR, Certainty.MEASURED)
def listed_file_missing(subject: VibSubject) -> Iterator[Fault]:
    """The file list names a file that no payload holds.

    Why: hosts do not notice; the file is simply not there, and its path stays claimed.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7.
    """
    if any(payload.fault for payload in subject.payloads):
        return
    packed = {host_path(found.path) for found in subject.files()}
    for path in subject.descriptor.file_list:
        if not path.endswith("/") and host_path(path) not in packed:
            yield Fault(path, "is in the file list and in no payload")


@rule("VF312", Severity.ERROR, Certainty.INFERRED)
def file_of_esxi(subject: VibSubject) -> Iterator[Fault]:
    """The VIB carries a file that ESXi brings itself.

    Why: the install stops with "File path of … is claimed by multiple non-overlay VIBs". Only some
    well-known files of ESXi are known here; its own lists are far longer.

    Remedy: give the file another path.

    Evidence: the check was tried on 6.7; the files are those that every host is known to have.
    """
    if not subject.descriptor.overlay:
        for path in subject.descriptor.file_list:
            if host_path(path).lstrip("/") in SHIPPED_PATHS:
                yield Fault(path, "is a file of ESXi")


@rule("VF313", Severity.ERROR, Certainty.MEASURED)
def odd_path_in_list(subject: VibSubject) -> Iterator[Fault]:
    """An entry of the file list is absolute, is no plain path, or is there twice.

    Why: a leading / or ./ fails the check of paths; .. passes it and conflicts elsewhere; entries
    that end in / are left out of the check of conflicts.

    Remedy: relative paths of files, each once.

    Evidence: tried on 6.7.
    """
    counts = Counter(subject.descriptor.file_list)
    for path, count in counts.items():
        if not path:
            yield Fault("<file-list>", "holds an empty path")
        elif path.startswith(("/", "./")) or host_path(path) != f"/{path}":
            yield Fault(path, "is not a plain relative path of a file")
        elif count > 1:
            yield Fault(path, f"is there {count} times", Severity.WARNING)


RULES = (
    unlisted_file,
    listed_file_missing,
    file_of_esxi,
    odd_path_in_list,
)
