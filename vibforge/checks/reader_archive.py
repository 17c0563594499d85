"""What ESXi's reader refuses of the archive around a descriptor (vib-format 1, tried on 6.7).

The reader goes through all headers, then looks at the first member, which must be the descriptor,
reads it, and asks for the signature behind it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vibforge.checks.reader_descriptor import fault, refused_descriptor, unreadable_text
from vibforge.errors import FormatError
from vibforge.esxi import messages
from vibforge.esxi.reader import bad_headers, is_counted
from vibforge.findings.check import Fault
from vibforge.formats.ar import MAGIC
from vibforge.formats.ar_reading import Archive, Member, read_archive
from vibforge.formats.safe_xml import SIZE_LIMIT as DESCRIPTOR_LIMIT
from vibforge.model.names import DESCRIPTOR_NAME, ESX4_NAME, SIGNATURE_NAME

if TYPE_CHECKING:
    from vibforge.model.source import Source
    from vibforge.model.vib import Vib


def refused_vib(vib: "Vib") -> Fault | None:
    """Return the first thing in a VIB that the reader refuses; None where it takes all."""
    members = _counted(vib.archive)
    return (
        _headers(vib.archive)
        or _first_member(members)
        or refused_descriptor(vib.descriptor_bytes)
        or _second_member(members)
    )


def refused_file(source: "Source") -> Fault | None:
    """Return what the reader refuses in a file that vibforge cannot read as a VIB.

    None where the reader takes it, or nobody here knows what it says.
    """
    with source.open() as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return _bad_header()
        stream.seek(0)
        try:
            archive = read_archive(stream, source.size, source.budget)
        except FormatError:
            return None
        members = _counted(archive)
        if found := _headers(archive) or _first_member(members):
            return found
        if members[0].stored_size > DESCRIPTOR_LIMIT:
            return None
        stream.seek(members[0].data_offset)
        text = stream.read(members[0].stored_size)
    return unreadable_text(text) or _second_member(members)


def _counted(archive: Archive) -> Sequence[Member]:
    return [member for member in archive.members if is_counted(member)]


def _bad_header(where: str = "") -> Fault:
    return _fault(where, messages.BAD_ARCHIVE())


def _headers(archive: Archive) -> Fault | None:
    wrong = bad_headers(archive)
    if wrong or archive.tail_size:
        return _bad_header(wrong[0].where if wrong else "")
    return None


def _first_member(members: Sequence[Member]) -> Fault | None:
    if not members:
        return _too_short()
    name = members[0].name
    if name == ESX4_NAME:
        return _fault(name, messages.OLD_ARCHIVE())
    if name != DESCRIPTOR_NAME:
        return _fault(name, messages.FIRST_MEMBER(name=name))
    return None


def _second_member(members: Sequence[Member]) -> Fault | None:
    if len(members) == 1:
        return _too_short()
    name = members[1].name
    if name == SIGNATURE_NAME:
        return None
    return _fault(name, messages.SECOND_MEMBER(name=name))


def _too_short() -> Fault:
    return _fault("", messages.SHORT_ARCHIVE())


def _fault(where: str, reason: str) -> Fault:
    return fault(where, reason, messages.READING_FILE)
