"""VF110: whether ESXi's reader accepts the archive and the descriptor."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.esxi import messages
from vibforge.esxi.messages import READING_CRASHED, READING_DESCRIPTOR, READING_FILE, MessageForm
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
from vibforge.formats import xml_reading
from vibforge.formats.ar import MAGIC, Archive, ArMember, read_archive
from vibforge.formats.xml_reading import SIZE_LIMIT as DESCRIPTOR_LIMIT
from vibforge.vib.descriptor import BOOLEANS
from vibforge.vib.identity import DESCRIPTOR_NAME, ESX4_NAME, PAYLOAD_NAME_LIMIT, SIGNATURE_NAME
from vibforge.vib.relationships import Relation
from vibforge.vib.scan import (
    LEVELS,
    VIB_TYPES,
    VibScan,
    bad_headers,
    declares_doctype,
    declares_encoding,
    is_counted,
    release_date_fault,
)

if TYPE_CHECKING:
    from lxml import etree

    from vibforge.files.inputs import Source
    from vibforge.vib.archive import Vib


def refused_vib(vib: "Vib") -> Fault | None:
    """Return the first fault for which the reader refuses a VIB; None if it accepts the VIB."""
    members = _counted_members(vib.archive)
    return (
        _headers(vib.archive)
        or _first_member(members)
        or refused_descriptor(vib.descriptor_bytes)
        or _second_member(members)
    )


def refused_file(source: "Source") -> Fault | None:
    """Return why the reader refuses a file that vibforge cannot read as a VIB.

    None if the reader accepts the file, or if its message is not known.
    """
    with source.open() as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return _bad_header()
        stream.seek(0)
        try:
            archive = read_archive(stream, source.size, source.budget)
        except FormatError:
            return None
        members = _counted_members(archive)
        if refused := _headers(archive) or _first_member(members):
            return refused
        if members[0].stored_size > DESCRIPTOR_LIMIT:
            return None
        stream.seek(members[0].data_offset)
        text = stream.read(members[0].stored_size)
    return unreadable_text(text) or _second_member(members)


def _counted_members(archive: Archive) -> Sequence[ArMember]:
    return [member for member in archive.members if is_counted(member)]


def _bad_header(where: str = "") -> Fault:
    return _fault(where, messages.BAD_ARCHIVE())


def _headers(archive: Archive) -> Fault | None:
    problems = bad_headers(archive)
    if problems or archive.tail_size:
        return _bad_header(problems[0].where if problems else "")
    return None


def _first_member(members: Sequence[ArMember]) -> Fault | None:
    if not members:
        return _too_short()
    name = members[0].name
    if name == ESX4_NAME:
        return _fault(name, messages.OLD_ARCHIVE())
    if name != DESCRIPTOR_NAME:
        return _fault(name, messages.FIRST_MEMBER(name=name))
    return None


def _second_member(members: Sequence[ArMember]) -> Fault | None:
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


_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
_CONSTRAINTS = ("depends", "conflicts", "replaces", "compatibleWith")
_SWITCHES = (
    *("live-install-allowed", "live-remove-allowed", "cimom-restart", "stateless-ready"),
    "overlay",
)


def fault(where: str, reason: str, form: MessageForm = READING_DESCRIPTOR) -> Fault:
    """Return the fault at which the reader stops; `reason` is the reader's own text."""
    return Fault(where, reason, form=form, values={"reason": reason})


def unreadable_text(data: bytes) -> Fault | None:
    """Return why the reader cannot parse a descriptor; None if it can, or if that is not known.

    Hosts read a descriptor with a document type; vibforge does not and cannot predict the result.
    """
    if declares_doctype(data):
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return fault("descriptor.xml", messages.NOT_UTF8(reason=str(error)), READING_FILE)
    if declares_encoding(data):
        return _malformed(messages.ENCODING_DECLARED())
    from lxml import etree  # noqa: PLC0415 - not for what a build only declares

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        etree.fromstring(text.partition("\0")[0], parser)
    except etree.XMLSyntaxError as error:
        return _malformed(error.msg or "")
    except ValueError as error:
        return _malformed(str(error))
    return None


def _malformed(reason: str) -> Fault:
    return fault("descriptor.xml", messages.NOT_XML(reason=reason))


def refused_descriptor(data: bytes) -> Fault | None:
    """Return the first fault for which the reader refuses a well-formed descriptor.

    Args:
        data: a descriptor that `vib.descriptor_reading` has read.
    """
    try:
        data.decode("utf-8")
        root = xml_reading.parse(
            data, "descriptor.xml", tag="{*}file", take=_drop_previous, comments=True
        )
    except (UnicodeDecodeError, FormatError):
        return unreadable_text(data)
    if declares_encoding(data):
        return _malformed(messages.ENCODING_DECLARED())
    return next(_Reader(root).faults(), None)


def _drop_previous(file: "etree._Element") -> None:
    """Drop the preceding entry of a long file list; the reader accepts every entry."""
    parent, before = file.getparent(), file.getprevious()
    if parent is not None and before is not None and before.tag == file.tag:
        parent.remove(before)


class _Reader:
    """Checks one descriptor in the order of ESXi's reader."""

    def __init__(self, root: "etree._Element") -> None:
        self._root = root
        self._name = (self._text("name") or "").strip()
        version = (self._text("version") or "").strip()
        self._label = f"{self._name}-{version.removesuffix('-')}" if version else self._name

    def _text(self, tag: str) -> str | None:
        element = self._root.find(tag)
        return None if element is None else element.text

    def _all(self, path: str) -> "Iterator[etree._Element]":
        return self._root.iterfind(path)

    def _invalid(self, what: str, reason: str, label: str | None = None) -> Fault:
        message = messages.INVALID(label=label or self._label, what=what, reason=reason)
        return fault(f"<{what.split(maxsplit=1)[0]}>", message)

    def faults(self) -> Iterator[Fault]:
        """Yield every fault that the reader refuses, in its order; it stops at the first."""
        steps: tuple[Callable[[], Iterator[Fault]], ...] = (
            self._identity,
            self._date,
            self._links,
            self._relationships,
            self._tags,
            self._requirements,
            self._depot_elements,
            self._level,
            self._switches,
            self._payloads,
        )
        for step in steps:
            yield from step()

    def _identity(self) -> Iterator[Fault]:
        kind = self._text("type")
        if kind and kind not in VIB_TYPES:
            yield fault("<type>", messages.NO_TYPE())
        if not self._name:
            yield fault("<name>", messages.NO_NAME())
        version = (self._text("version") or "").strip()
        if version.count("-") > 1:
            yield self._invalid("version", f" '{version}'.", self._name)

    def _date(self) -> Iterator[Fault]:
        text = (self._text("release-date") or "").strip()
        if text and (reason := release_date_fault(text)):
            message = messages.INVALID_DATE(date=text, reason=reason)
            yield self._invalid("release-date", f": {message}")

    def _links(self) -> Iterator[Fault]:
        for url in self._all("urls/url"):
            if url.text is None:
                yield fault("<urls>", messages.NO_TEXT(), READING_CRASHED)
            elif not url.get("key"):
                link = url.text.strip()
                yield fault("<urls>", messages.NO_LINK_KEY(name=self._name, link=link))

    def _relationships(self) -> Iterator[Fault]:
        for kind in _CONSTRAINTS[:3]:
            yield from self._constraints(kind)
        for provide in self._all("relationships/provides/provide"):
            if reason := _provide_fault(provide):
                yield self._invalid("provide", f": {reason}.")
        yield from self._constraints(_CONSTRAINTS[3])

    def _constraints(self, kind: str) -> Iterator[Fault]:
        for constraint in self._all(f"relationships/{kind}/constraint"):
            if reason := _constraint_fault(constraint):
                yield self._invalid(kind, f": {reason}.")

    def _tags(self) -> Iterator[Fault]:
        if any(tag.text is None for tag in self._all("software-tags/tag")):
            yield fault("<software-tags>", messages.NO_TEXT(), READING_CRASHED)

    def _requirements(self) -> Iterator[Fault]:
        mode = self._root.find("system-requires/maintenance-mode")
        if mode is not None:
            for text in (mode.text, mode.get("on-install"), mode.get("on-remove")):
                if text and text.strip().lower() not in BOOLEANS:
                    reason = f": '{text.strip()}' is not a valid boolean."
                    yield self._invalid("maintenance mode", reason)
        for hardware in self._all("system-requires/hwplatform"):
            if not hardware.get("vendor", "").strip():
                yield self._invalid("hwplatform", ": hwplatform must specify vendor.")

    def _depot_elements(self) -> Iterator[Fault]:
        """Check elements of depot metadata, which the reader also parses in a descriptor."""
        size = self._text("packed-size")
        if size and not _NUMBER.fullmatch(size):
            reason = f": invalid literal for int() with base 10: '{size}'"
            yield self._invalid("packed-size", reason)
        for checksum in self._root.findall("checksum")[:1]:
            if not checksum.get("checksum-type", "").strip():
                yield self._invalid("checksum", ": checksum-type attribute was not found")
        date = (self._text("installdate") or "").strip()
        if date and (why := release_date_fault(date)):
            yield self._invalid("installdate", f": {messages.INVALID_DATE(date=date, reason=why)}")

    def _level(self) -> Iterator[Fault]:
        text = self._text("acceptance-level")
        if text and text.strip() not in LEVELS:
            yield self._invalid("acceptance level", f" '{text.strip()}'.")

    def _switches(self) -> Iterator[Fault]:
        for tag in _SWITCHES:
            text = self._text(tag)
            if text and text.strip().lower() not in BOOLEANS:
                yield self._invalid(tag, f" value '{text}'.")

    def _payloads(self) -> Iterator[Fault]:
        for payload in self._all("payloads/payload"):
            if reason := _payload_fault(payload):
                yield self._invalid("payload", f": {reason}")


def _constraint_fault(constraint: "etree._Element") -> str:
    relation, version = constraint.get("relation", ""), constraint.get("version", "")
    if not constraint.get("name"):
        return messages.NO_CONSTRAINT_NAME()
    if relation and not version:
        return messages.HALF_CONSTRAINT(present="relation", absent="version")
    if version and not relation:
        return messages.HALF_CONSTRAINT(present="version", absent="relation")
    if relation and relation not in set(Relation):
        return f"Invalid relation value: {relation}."
    return _version_fault(version)


def _provide_fault(provide: "etree._Element") -> str:
    if not provide.get("name"):
        return messages.NO_CONSTRAINT_NAME()
    if provide.get("version") == "":
        return "'str' object has no attribute 'versionstring'"
    return _version_fault(provide.get("version", ""))


def _version_fault(version: str) -> str:
    if version.strip().count("-") > 1:
        return f"version attribute has invalid value '{version.strip()}'."
    return ""


def _payload_fault(payload: "etree._Element") -> str:
    name, kind = payload.get("name"), payload.get("type")
    if name is None or kind is None:
        return messages.NO_TEXT()
    if not 1 <= len(name.strip()) <= PAYLOAD_NAME_LIMIT:
        return messages.INVALID_VALUE(value=name, name="name")
    for attribute in ("size", "boot-order"):
        value = payload.get(attribute)
        if value is not None and not _NUMBER.fullmatch(value):
            return messages.INVALID_VALUE(value=value, name=attribute)
    checksums = payload.iterfind("checksum")
    if any(not checksum.get("checksum-type", "").strip() for checksum in checksums):
        return "checksum-type attribute was not found"
    return ""


@check(
    "VF110",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.CONTAINER, "ESXi's reader accepts archive and descriptor"),
    reaction=Reaction(InstallStep.READING, messages.READING_FILE),
)
def refused_by_reader(subject: VibScan) -> Iterator[Fault]:
    """ESXi's reader refuses the file.

    Why: `esxcli software vib install -v` fails with VibDownloadError and the message that the
    finding quotes. No flag changes that. The reader stops at the first fault.

    Remedy: correct what the message names, and rebuild the VIB.

    Evidence: tried on 6.7 and 6.5.
    """
    if refused := refused_vib(subject.vib):
        yield Fault(
            refused.where,
            f"ESXi's reader refuses it: {refused.values['reason']}",
            form=refused.form,
            values=refused.values,
        )


CHECKS = (refused_by_reader,)
