"""VF31x: whether the file list names the files of the payloads, and only those, plainly."""

from collections import Counter
from collections.abc import Iterable, Iterator

from vibforge.esxi.certainty import Certainty
from vibforge.esxi.paths import SHIPPED_PATHS, host_path
from vibforge.findings.check import Contradiction, Fault, Result, Severity, Topic, Unchecked, check
from vibforge.formats.gnu_tar import EntryKind
from vibforge.vib.scan import VibScan


@check(
    "VF310",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the file list names every file of the payloads"),
)
def unlisted_file(subject: VibScan) -> Iterator[Fault]:
    """A payload holds a file that the file list does not name.

    Why: hosts judge paths and conflicts by the list alone and install the payload as it is, so such
    a file escapes both checks, and its edits are lost at an upgrade.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7; met in the field.
    """
    packed = [f.path for f in subject.files() if f.entry.kind is not EntryKind.DIRECTORY]
    for path in _without(packed, subject.descriptor.file_list):
        yield Fault(path, "is not in the file list")


@check(
    "VF311",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the payloads hold every file of the file list"),
)
def listed_file_missing(subject: VibScan) -> Iterator[Result]:
    """The file list names a file that no payload holds.

    Why: hosts do not notice; the file is simply not there, and its path stays claimed.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7.
    """
    if unread := [p.name for p in subject.payloads if p.fault or p.form is None]:
        yield Unchecked("", "the payloads hold every file of the file list", _not_read(unread))
        return
    listed = [path for path in subject.descriptor.file_list if not path.endswith("/")]
    for path in _without(listed, (found.path for found in subject.files())):
        yield Fault(path, "is in the file list and in no payload")


def _without(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the paths that name no file of the others on a host.

    Paths that are equal as they stand are compared first: few VIBs have others, and normalising
    every path takes time and memory.
    """
    wanted, as_written = sorted(paths), sorted(others)
    if wanted == as_written:
        return []
    known = set(as_written)
    rest = [path for path in wanted if path not in known]
    landed = {host_path(path) for path in as_written} if rest else set()
    return [path for path in rest if host_path(path) not in landed]


def _not_read(names: list[str]) -> str:
    return f"{', '.join(names)} could not be read as a tar"


@check("VF312", Severity.ERROR, Certainty.INFERRED)
def file_of_esxi(subject: VibScan) -> Iterator[Fault]:
    """The VIB carries a file that ESXi brings itself.

    Why: the install stops with "{FILE_CONFLICT.title}". Only some
    well-known files of ESXi are known here; its own lists are far longer.

    Remedy: give the file another path.

    Evidence: the check was tried on 6.7; the files are those that every host is known to have.
    """
    if not subject.descriptor.overlay:
        for path in subject.descriptor.file_list:
            if host_path(path).lstrip("/") in SHIPPED_PATHS:
                yield Fault(path, "is a file of ESXi")


@check(
    "VF313",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the file list has plain relative paths"),
)
def odd_path_in_list(subject: VibScan) -> Iterator[Fault]:
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


CHECKS = (
    unlisted_file,
    listed_file_missing,
    file_of_esxi,
    odd_path_in_list,
)
