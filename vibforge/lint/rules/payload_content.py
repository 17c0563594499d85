"""VF30x to VF32x: whether payloads are what the descriptor says: size, digests, packing."""

import posixpath
from collections.abc import Iterator

from vibforge.formats.tar_header import EntryKind
from vibforge.formats.tar_reading import TarForm
from vibforge.formats.unpacking import Compression
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import VibSubject
from vibforge.model.certainty import Certainty

_FORMS = {"vgz": {TarForm.VMTAR}, "tgz": set(TarForm) - {TarForm.VMTAR}, "vzstd": {TarForm.VMTAR}}


@rule("VF308", Severity.WARNING, Certainty.MEASURED)
def wrong_size(subject: VibSubject) -> Iterator[Fault]:
    """A payload's declared size is not that of the stored bytes.

    Why: hosts do not compare it, but reckon the space on the bootbank with it. Some tools write the
    unpacked size there.

    Remedy: the size of the stored payload in `size`, that of the unpacked one in
    `uncompressed-size`.

    Evidence: tried on 6.7; met in the field.
    """
    for payload in subject.vib.payloads:
        if payload.declared is None or payload.member is None:
            continue
        declared = payload.declared.size
        if declared is None:
            yield Fault(payload.name, "declares no size", Severity.NOTE)
        elif declared != payload.member.size:
            yield Fault(payload.name, f"declares {declared} bytes and has {payload.member.size}")


@rule("VF309", Severity.ERROR, Certainty.INFERRED)
def missing_parent_directory(subject: VibSubject) -> Iterator[Fault]:
    """A folder on the way to a file is not an entry of the payload.

    Why: of 101 VIBs one lacked them, and its author reports "Failed to mount … Operation not
    permitted" on ESXi 8; rebuilt with them, and otherwise equal, it installs.

    Remedy: pack every parent directory as an entry of its own.

    Evidence: a public report and its repair.
    """
    for payload in subject.payloads:
        folders = {f.path for f in payload.files if f.entry.kind is EntryKind.DIRECTORY}
        missing = {parent for f in payload.files for parent in _parents(f.path)} - folders
        for folder in sorted(missing):
            yield Fault(folder, f"is no entry of payload {payload.name}")


def _parents(path: str) -> Iterator[str]:
    parent = posixpath.dirname(path)
    while parent:
        yield parent
        parent = posixpath.dirname(parent)


@rule("VF314", Severity.ERROR, Certainty.MEASURED)
def unreadable_payload(subject: VibSubject) -> Iterator[Fault]:
    """A payload cannot be unpacked, or is not a tar.

    Why: the host cannot mount it.

    Remedy: pack it anew.

    Evidence: tried on 6.7.
    """
    for payload in subject.payloads:
        if payload.fault and _is_tar(payload.declared.type if payload.declared else ""):
            yield Fault(payload.name, payload.fault)


def _is_tar(kind: str) -> bool:
    return kind in _FORMS


@rule("VF315", Severity.WARNING, Certainty.INFERRED)
def type_unlike_content(subject: VibSubject) -> Iterator[Fault]:
    """A payload is not packed as its type says.

    Why: vgz is a gzipped vmtar, tgz a gzipped tar, vzstd a vmtar in zstd in gzip. Two VIBs met in
    the field declare vgz and hold a plain tar; what hosts make of the mix was not tried.

    Remedy: declare what it is.

    Evidence: vendor VIBs.
    """
    for payload in subject.payloads:
        kind = payload.declared.type if payload.declared else ""
        if payload.form is None or not _is_tar(kind):
            continue
        zstd = Compression.ZSTD in payload.compression
        if payload.form not in _FORMS[kind] or zstd != (kind == "vzstd"):
            packing = " in ".join(reversed(payload.compression)) or "no compression"
            yield Fault(payload.name, f"is declared {kind} and holds {payload.form} in {packing}")


@rule("VF316", Severity.WARNING, Certainty.UNKNOWN)
def posix_tar(subject: VibSubject) -> Iterator[Fault]:
    """A tgz payload is a tar in POSIX form.

    Why: VMware's vmtar refuses it ("invalid tar magic"); whether the kernel mounts it is open.

    Remedy: GNU format: tar --format=gnu.

    Evidence: vmtar was tried; two signed VIBs in ustar form are in the field.
    """
    for payload in subject.payloads:
        if payload.form in {TarForm.USTAR, TarForm.PAX, TarForm.V7}:
            yield Fault(payload.name, f"is a tar in {payload.form} form")


@rule("VF323", Severity.ERROR, Certainty.MEASURED)
def wrong_digest(subject: VibSubject) -> Iterator[Fault]:
    """A declared digest is not that of the payload.

    Why: the install stops with "Calculated digest at EOF does not match expected result", or the
    host's Secure Boot does later.

    Remedy: fetch the file again; if it is yours, build it anew.

    Evidence: tried on 6.7.
    """
    for payload in subject.payloads:
        for checksum in payload.declared.checksums if payload.declared else ():
            key = (checksum.checksum_type, checksum.verify_process)
            found = payload.digests.get(key)
            if found is not None and found != checksum.digest.lower():
                kind = " ".join(filter(None, key))
                yield Fault(payload.name, f"{kind} is {found}, not {checksum.digest:.64}")


RULES = (
    wrong_size,
    missing_parent_directory,
    unreadable_payload,
    type_unlike_content,
    posix_tar,
    wrong_digest,
)
