"""What ESXi's own reader refuses or crashes on, before any rule of an install (vib-format 1 and 2).

Found by giving such VIBs to a 6.7 installer. Each check returns what the host prints, or None.
"""

import hashlib
from collections.abc import Iterator

from vibforge.host import messages
from vibforge.host.messages import HostMessage
from vibforge.host.prediction import Cause, Refusal
from vibforge.host.reader import (
    PAYLOAD_NAME_LIMIT,
    VIB_TYPES,
    bad_headers,
    declares_encoding,
    has_namespace,
    is_level,
    is_release_date,
    member_names,
)
from vibforge.model.certainty import Certainty
from vibforge.model.descriptor import Descriptor
from vibforge.model.vib import DESCRIPTOR_NAME, SIGNATURE_NAME, StoredPayload, Vib


def refusals(vib: Vib) -> tuple[Refusal, ...]:
    """Return what a host's reader says of a VIB, in the order in which it would be met."""
    return (
        *_of_container(vib),
        *_of_text(vib.descriptor_bytes),
        *_of_values(vib.descriptor),
    )


def _of_container(vib: Vib) -> Iterator[Refusal]:
    names = member_names(vib)
    if names[0] != DESCRIPTOR_NAME:
        text = f"unsupported format… first member found was {names[0]}, but {DESCRIPTOR_NAME} was "
        what = f"the first member is {names[0]}"
        yield _refusal("VibFormatError", text + "expected", what, "VF101")
    if len(names) == 1:
        what = "nothing follows the descriptor"
        yield _refusal("VibFormatError", "VIB archive is too short", what, "VF102")
    elif names[1] != SIGNATURE_NAME and names[0] == DESCRIPTOR_NAME:
        text = f"Expected second member of Vib file to be {SIGNATURE_NAME}, but found {names[1]} "
        what = f"the second member is {names[1]}"
        yield _refusal("VibFormatError", text + "instead.", what, "VF102")
    if vib.archive.tail_size or bad_headers(vib):
        what = "the archive has a bad header, or bytes behind its last member"
        yield _refusal("VibFormatError", "Bad VIB archive header", what, "VF104")


def payload_refusals(vib: Vib) -> Iterator[Refusal]:
    """Yield what a host says of the payloads when it reads them: one is missing or damaged."""
    for payload in vib.payloads:
        if payload.member is None:
            text = f"Could not find file object for payload {payload.name}"
            what = f"the archive holds no payload {payload.name}"
            yield _refusal("InstallationError", text, what, "VF103")
        elif payload.declared is not None:
            yield from _damage(vib, payload)


def _damage(vib: Vib, payload: StoredPayload) -> Iterator[Refusal]:
    """Hold the stored bytes against the digest that hosts from 6.7 on take: sha-256, then sha-1."""
    checksums = payload.declared.checksums if payload.declared else ()
    plain = {c.checksum_type: c.digest.lower() for c in checksums if not c.verify_process}
    kind = next((kind for kind in ("sha-256", "sha-1") if kind in plain), None)
    if kind is None:
        return
    digest = hashlib.new(kind.replace("-", ""), usedforsecurity=False)
    with vib.source.open() as stream:
        for chunk in vib.stored(payload, stream):
            digest.update(chunk)
    if digest.hexdigest() != plain[kind]:
        message = messages.DIGEST_AT_EOF(
            vib.descriptor.vib_id, calculated=digest.hexdigest(), expected=plain[kind]
        )
        what = f"payload {payload.name} is not the one that the descriptor tells of"
        cause = Cause(what=what, certainty=Certainty.MEASURED, rule="VF323")
        yield Refusal(message=message, cause=cause)


def _of_text(text: bytes) -> Iterator[Refusal]:
    if declares_encoding(text):
        yield _refusal(
            "VibFormatError",
            "Unicode strings with encoding declaration are not supported",
            "the XML declaration names an encoding",
            "VF201",
        )
    if has_namespace(text):
        yield _refusal("VibFormatError", "Missing VIB name.", "the root has a namespace", "VF203")


def _of_values(of: Descriptor) -> Iterator[Refusal]:
    if not of.name:
        yield _refusal("VibFormatError", "Missing VIB name.", "the name is empty", "VF204")
    if of.version.count("-") > 1:
        text = f"VIB {of.name} has invalid version"
        yield _refusal("VibFormatError", text, f"version {of.version!r} has two dashes", "VF207")
    if of.type is not None and of.type not in VIB_TYPES:
        yield _refusal("VibFormatError", "VIB type invalid.", f"the type is {of.type!r}", "VF211")
    if of.release_date is not None and not is_release_date(of.release_date):
        yield _refusal(
            "VibFormatError",
            "invalid release-date",
            f"the release date is {of.release_date!r}",
            "VF209",
        )
    if not is_level(of.acceptance_level):
        text = "invalid acceptance level"
        what = f"the acceptance level is {of.acceptance_level!r}"
        yield _refusal("VibFormatError", text, what, "VF212")
    if "" in of.software_tags:
        yield _refusal("AttributeError", "…", "a software tag is empty", "VF202")
    yield from _of_payloads(of)


def _of_payloads(of: Descriptor) -> Iterator[Refusal]:
    for payload in of.payloads:
        if not 1 <= len(payload.name) <= PAYLOAD_NAME_LIMIT:
            text = f"Invalid value '{payload.name}' for name."
            what = f"payload name {payload.name!r} has {len(payload.name)} characters"
            yield _refusal("VibFormatError", text, what, "VF301")
        if not payload.type:
            what = f"payload {payload.name} has no type"
            yield _refusal("VibFormatError", "…", what, "VF304")


def _refusal(error: str, text: str, what: str, rule: str) -> Refusal:
    return Refusal(
        message=HostMessage(error=error, text=text),
        cause=Cause(what=what, certainty=Certainty.MEASURED, rule=rule),
    )
