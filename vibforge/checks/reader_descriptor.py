"""What ESXi's reader refuses of a descriptor, in the order in which it reads (tried on 6.7).

The reader decodes the text as UTF-8, parses the string, and takes the first element of each name
as its own text says. It stops at the first thing that it does not like; what it stops at, and in
which words, is returned here.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.esxi import messages
from vibforge.esxi.messages import READING_CRASHED, READING_DESCRIPTOR, READING_FILE, Form
from vibforge.esxi.reader import (
    LEVELS,
    VIB_TYPES,
    declares_doctype,
    declares_encoding,
    release_date_fault,
)
from vibforge.findings.check import Fault
from vibforge.model.descriptor import BOOLEANS
from vibforge.model.names import PAYLOAD_NAME_LIMIT
from vibforge.model.relationships import Relation

if TYPE_CHECKING:
    from lxml import etree

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
_CONSTRAINTS = ("depends", "conflicts", "replaces", "compatibleWith")
_SWITCHES = (
    *("live-install-allowed", "live-remove-allowed", "cimom-restart", "stateless-ready"),
    "overlay",
)


def fault(where: str, reason: str, form: Form = READING_DESCRIPTOR) -> Fault:
    """Return what the reader stops at; `reason` are its own words."""
    return Fault(where, reason, form=form, values={"reason": reason})


def unreadable_text(data: bytes) -> Fault | None:
    """Return why the reader cannot parse a descriptor; None where it can, or nobody here knows.

    A document type is what vibforge does not read, and hosts do: then nothing is said.
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
    """Return the first thing in a well-formed descriptor that the reader refuses.

    Args:
        data: a descriptor that `vibforge.model` has read.
    """
    from vibforge.formats.safe_xml import parse as parse_xml  # noqa: PLC0415 - the same

    try:
        data.decode("utf-8")
        root = parse_xml(data, "descriptor.xml", tag="{*}file", take=_drop, comments=True)
    except (UnicodeDecodeError, FormatError):
        return unreadable_text(data)
    if declares_encoding(data):
        return _malformed(messages.ENCODING_DECLARED())
    return next(_Reader(root).faults(), None)


def _drop(file: "etree._Element") -> None:
    """Drop the entry before this one: a file list may be long, and the reader takes all of it."""
    parent, before = file.getparent(), file.getprevious()
    if parent is not None and before is not None and before.tag == file.tag:
        parent.remove(before)


class _Reader:
    """Goes through one descriptor."""

    def __init__(self, root: "etree._Element") -> None:
        self._root = root
        self._name = (self._text("name") or "").strip()
        version = (self._text("version") or "").strip()
        self._label = f"{self._name}-{version.removesuffix('-')}" if version else self._name

    def _text(self, tag: str) -> str | None:
        found = self._root.find(tag)
        return None if found is None else found.text

    def _all(self, path: str) -> "Iterator[etree._Element]":
        return self._root.iterfind(path)

    def _invalid(self, what: str, reason: str, label: str | None = None) -> Fault:
        named = label or self._label
        said = messages.INVALID(label=named, what=what, reason=reason)
        return fault(f"<{what.split(maxsplit=1)[0]}>", said)

    def faults(self) -> Iterator[Fault]:
        """Yield what the reader refuses; it stops at the first."""
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
            said = messages.INVALID_DATE(date=text, reason=reason)
            yield self._invalid("release-date", f": {said}")

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
        found = self._root.find("system-requires/maintenance-mode")
        if found is not None:
            words = (found.text, found.get("on-install"), found.get("on-remove"))
            for word in words:
                if word and word.strip().lower() not in BOOLEANS:
                    reason = f": '{word.strip()}' is not a valid boolean."
                    yield self._invalid("maintenance mode", reason)
        for hardware in self._all("system-requires/hwplatform"):
            if not hardware.get("vendor", "").strip():
                yield self._invalid("hwplatform", ": hwplatform must specify vendor.")

    def _depot_elements(self) -> Iterator[Fault]:
        """Elements of depot metadata, which the reader takes in a descriptor as well."""
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
    if any(not one.get("checksum-type", "").strip() for one in payload.iterfind("checksum")):
        return "checksum-type attribute was not found"
    return ""
