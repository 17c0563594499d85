"""VF30x to VF32x: whether payloads are what the descriptor says: size, digests, packing."""

import posixpath
from collections.abc import Iterator

from vibforge.esxi import messages
from vibforge.esxi.certainty import Certainty
from vibforge.findings.check import (
    Contradiction,
    Fault,
    Held,
    Reaction,
    Result,
    Severity,
    Step,
    Topic,
    Unchecked,
    check,
)
from vibforge.formats.gnu_tar import EntryKind
from vibforge.formats.inflating import Compression
from vibforge.formats.tar_reading import TarForm
from vibforge.vib.descriptor import Checksum, hashed, is_whole
from vibforge.vib.payload_scan import ScannedPayload
from vibforge.vib.scan import VibScan

_FORMS = {"vgz": {TarForm.VMTAR}, "tgz": set(TarForm) - {TarForm.VMTAR}, "vzstd": {TarForm.VMTAR}}
_PACKING: dict[str, set[tuple[Compression, ...]]] = {
    "vgz": {(Compression.GZIP,)},
    "tgz": {(Compression.GZIP,)},
    "vzstd": {(Compression.GZIP, Compression.ZSTD), (Compression.ZSTD,)},
}
_UNPACKS = "unpacks and reads to its end"


@check(
    "VF308",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.SIZE, "every payload has its declared size"),
)
def wrong_size(subject: VibScan) -> Iterator[Result]:
    """A payload's declared size is not that of the stored bytes.

    Why: hosts do not compare it, but compute the space on the bootbank with it. Some tools write
    the unpacked size there.

    Remedy: the size of the stored payload in `size`, that of the unpacked one in
    `uncompressed-size`.

    Evidence: tried on 6.7; met in the field.
    """
    for payload in subject.vib.payloads:
        if payload.declared is None or payload.member is None:
            continue
        declared, size = payload.declared.size, payload.member.size
        claim = f"size {declared}"
        if declared is None:
            yield Fault(payload.name, "declares no size", Severity.NOTE, claim="declares its size")
        elif declared == size:
            yield Held(payload.name, claim)
        else:
            what = f"declares {declared} bytes, but the archive holds {size} bytes"
            yield Fault(payload.name, what, claim=claim)


@check(
    "VF318",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    contradiction=Contradiction(Topic.SIZE, "every payload unpacks to its declared size"),
)
def wrong_uncompressed_size(subject: VibScan) -> Iterator[Result]:
    """A payload does not unpack to its declared `uncompressed-size`.

    Why: the attribute came with 8.0 U3; what hosts do with a wrong one was not tried, but the
    payload is not the one that the descriptor describes.

    Remedy: fetch the file again; if it is yours, build it anew.

    Evidence: vendor descriptors from 8.0 U3 on.
    """
    for payload in subject.pairs:
        declared = payload.stored.declared.uncompressed_size if payload.stored.declared else None
        if declared is None:
            continue
        claim = f"uncompressed-size {declared}"
        if payload.content_size is None:
            yield Unchecked(payload.name, claim, "it cannot be unpacked")
        elif payload.content_size == declared:
            yield Held(payload.name, claim)
        else:
            what = f"declares {declared} bytes and unpacks to {payload.content_size} bytes"
            yield Fault(payload.name, what, claim=claim)


@check("VF309", Severity.ERROR, Certainty.INFERRED)
def missing_parent_directory(subject: VibScan) -> Iterator[Fault]:
    """A folder on the way to a file is not an entry of the payload.

    Why: of 101 VIBs one lacked them, and its author reports "Failed to mount … Operation not
    permitted" on ESXi 8; rebuilt with them, and otherwise equal, it installs.

    Remedy: pack every parent directory as an entry of its own.

    Evidence: a public report and its repair.
    """
    for payload in subject.payloads:
        entries = [found.entry for found in payload.entries]
        folders = {entry.path for entry in entries if entry.kind is EntryKind.DIRECTORY}
        missing = {parent for entry in entries for parent in _parents(entry.path)} - folders
        for folder in sorted(missing):
            yield Fault(folder, f"is no entry of payload {payload.name}")


def _parents(path: str) -> Iterator[str]:
    parent = posixpath.dirname(path)
    while parent:
        yield parent
        parent = posixpath.dirname(parent)


@check(
    "VF314",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, _UNPACKS),
)
def unreadable_payload(subject: VibScan) -> Iterator[Result]:
    """A payload cannot be unpacked, or is not a tar although its type says so.

    Why: the host cannot mount it.

    Remedy: fetch the file again; if it is yours, build it anew.

    Evidence: tried on 6.7.
    """
    for payload in subject.pairs:
        if payload.fault:
            yield Fault(payload.name, payload.fault, claim=_UNPACKS)
        elif payload.form is None and _type_of(payload) in _FORMS:
            what = f"is declared {_type_of(payload)} and holds no tar, but {payload.content_kind}"
            yield Fault(payload.name, what, claim=_UNPACKS)
        else:
            yield Held(payload.name, _UNPACKS)


def _type_of(payload: ScannedPayload) -> str:
    return payload.stored.declared.type if payload.stored.declared else ""


@check("VF315", Severity.WARNING, Certainty.INFERRED)
def type_unlike_content(subject: VibScan) -> Iterator[Fault]:
    """A payload is not packed as its type says.

    Why: vgz is a gzipped vmtar, tgz a gzipped tar, vzstd a vmtar in zstd in gzip. Two VIBs met in
    the field declare vgz and hold a plain tar; what hosts make of the mix was not tried.

    Remedy: declare what it is.

    Evidence: vendor VIBs.
    """
    for payload in subject.payloads:
        kind = _type_of(payload)
        if payload.form is None or kind not in _FORMS:
            continue
        if payload.form not in _FORMS[kind] or payload.compression not in _PACKING[kind]:
            packing = " in ".join(reversed(payload.compression)) or "no compression"
            yield Fault(payload.name, f"is declared {kind} and holds {payload.form} in {packing}")


@check("VF316", Severity.WARNING, Certainty.UNKNOWN)
def posix_tar(subject: VibScan) -> Iterator[Fault]:
    """A tgz payload is a tar in POSIX form.

    Why: VMware's vmtar refuses it ("invalid tar magic"); whether the kernel mounts it is open.

    Remedy: GNU format: tar --format=gnu.

    Evidence: vmtar was tried; two signed VIBs in ustar form are in the field.
    """
    for payload in subject.payloads:
        if payload.form in {TarForm.USTAR, TarForm.PAX, TarForm.V7}:
            yield Fault(payload.name, f"is a tar in {payload.form} form")


@check(
    "VF323",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.DIGEST, "every declared digest is that of the payload"),
    reaction=Reaction(Step.PAYLOADS, messages.DIGEST_AT_EOF),
)
def wrong_digest(subject: VibScan) -> Iterator[Result]:
    """A declared digest is not that of the payload.

    Why: the install stops with "{DIGEST_AT_EOF}", or the
    host's Secure Boot does later.

    Remedy: fetch the file again; if it is yours, build it anew.

    Evidence: tried on 6.7.
    """
    for payload in subject.pairs:
        for checksum in payload.checksums:
            yield _compared(payload, checksum)


def _compared(payload: ScannedPayload, checksum: Checksum) -> Result:
    digest = payload.digest(checksum)
    if digest == checksum.digest.lower():
        return Held(payload.name, checksum.kind)
    if hashed(checksum) is None:
        why = "vibforge does not compute this kind of digest"
        return Unchecked(payload.name, checksum.kind, why)
    if digest is None:
        what = f"{checksum.kind} cannot be computed: {payload.fault}"
        return Fault(payload.name, what, claim=checksum.kind)
    what = f"{checksum.kind} is {digest}, not {checksum.digest:.128}"
    if not is_whole(checksum):
        what += "; the declared text is not a whole digest"
    values = {"calculated": digest, "expected": checksum.digest}
    return Fault(payload.name, what, claim=checksum.kind, values=values)


CHECKS = (
    wrong_size,
    wrong_uncompressed_size,
    missing_parent_directory,
    unreadable_payload,
    type_unlike_content,
    posix_tar,
    wrong_digest,
)
