"""Find the VIB that a build.json describes."""

import hashlib
from pathlib import Path

from vibforge.errors import FormatError
from vibforge.project.ledger import RECORD_NAME, WrittenKind, is_plain_name, read_record


def recorded_vib(path: Path) -> Path:
    """Return the VIB beside a build.json; any other path unchanged.

    Raises:
        FormatError: the record cannot be read, or the VIB is missing or was changed.
    """
    if path.name != RECORD_NAME:
        return path
    record = read_record(path.parent)
    written = record.find(WrittenKind.VIB) if record else None
    if written is None or not is_plain_name(written.name):
        raise FormatError(
            "does not describe a build", where=str(path), remedy="name the VIB itself"
        )
    vib = path.parent / written.name
    try:
        with vib.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormatError(
            f"the VIB of this build cannot be read: {error.strerror}",
            where=str(vib),
            remedy="name the VIB itself",
        ) from error
    if digest != written.sha256:
        raise FormatError(
            "the VIB was changed after it was built",
            where=str(vib),
            remedy="build it again, or name the VIB",
        )
    return vib
