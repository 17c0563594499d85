"""VF30x and VF31x: how payloads are declared, packed and digested, and their file list."""

import posixpath
from collections import Counter
from collections.abc import Iterator

from vibforge.formats.tar_header import EntryKind
from vibforge.formats.tar_reading import TarForm
from vibforge.formats.unpacking import Compression
from vibforge.host.package import (
    UNPACKED_TYPES,
    Package,
    breaks_old_readers,
    lacks_gunzip_sha256,
)
from vibforge.host.reader import PAYLOAD_NAME_LIMIT
from vibforge.host.release import ESXI_67, ESXI_80, ESXI_90
from vibforge.host.stock import SHIPPED_PATHS, host_path
from vibforge.lint.rule import Fault, Severity, rule
from vibforge.lint.subject import VibSubject
from vibforge.model.certainty import Certainty

_BOOTBANK_STEM = 8
_TYPES_OF_67 = frozenset(
    {
        "vgz",
        "tgz",
        "boot",
        "upgrade",
        "boot_com32_bios",
        "boot_iso_bios",
        "boot_pxe_bios",
        "boot_loader_efi",
        "eltorito_image_efi",
        "text",
        "installer_vgz",
    }
)
_FORMS = {"vgz": {TarForm.VMTAR}, "tgz": set(TarForm) - {TarForm.VMTAR}, "vzstd": {TarForm.VMTAR}}


@rule("VF301", Severity.ERROR, Certainty.MEASURED)
def payload_name_too_long(subject: VibSubject) -> Iterator[Fault]:
    """A payload's name is empty or has more than 15 characters.

    Why: hosts stop with "Invalid value … for name."

    Remedy: 1 to 8 small letters and digits.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not 1 <= len(payload.name) <= PAYLOAD_NAME_LIMIT:
            yield Fault(payload.name, f"has {len(payload.name)} characters, not 1 to 15")


@rule("VF302", Severity.NOTE, Certainty.DOCUMENTED)
def payload_name_over_eight(subject: VibSubject) -> Iterator[Fault]:
    """A payload's name has more than 8 characters.

    Why: the file in the bootbank is named after the first 8, so two such payloads look alike there.
    It works; signed VIBs with 12 and 14 are in the field.

    Remedy: 1 to 8 small letters and digits.

    Evidence: vendor descriptors.
    """
    for payload in subject.descriptor.payloads:
        if _BOOTBANK_STEM < len(payload.name) <= PAYLOAD_NAME_LIMIT:
            yield Fault(payload.name, f"is {payload.name[:_BOOTBANK_STEM]} in the bootbank")


@rule("VF303", Severity.ERROR, Certainty.MEASURED)
def duplicate_payload(subject: VibSubject) -> Iterator[Fault]:
    """Two payloads have one name.

    Why: hosts do not notice, and install the first member for both.

    Remedy: give each a name of its own.

    Evidence: tried on 6.7.
    """
    for name, count in Counter(p.name for p in subject.descriptor.payloads).items():
        if count > 1:
            yield Fault(name, f"is declared {count} times")


@rule("VF304", Severity.ERROR, Certainty.MEASURED)
def unknown_payload_type(subject: VibSubject) -> Iterator[Fault]:
    """A payload has no type, or one that hosts do not know.

    Why: without a type the reader stops; one it does not know is logged and silently not installed.

    Remedy: tgz for a tar, vgz for a vmtar.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not payload.type:
            yield Fault(payload.name, "has no type")
        elif payload.type not in {*_TYPES_OF_67, "vzstd"}:
            yield Fault(payload.name, f"type {payload.type!r:.40} will not be installed")


@rule("VF305", Severity.ERROR, Certainty.DOCUMENTED, since=ESXI_80)
def no_gunzip_sha256(subject: VibSubject) -> Iterator[Fault]:
    """A payload has no sha-256 digest of its unpacked form.

    Why: ESXi 8.0 and later refuse the VIB whatever the flags ("does not have sha-256 gunzip
    checksum"), and a host that holds it cannot be upgraded to them.

    Remedy: build it anew with vibforge.

    Evidence: KB 318056; public reports.
    """
    for name in lacks_gunzip_sha256(Package(descriptor=subject.descriptor)):
        yield Fault(name, 'has no sha-256 with verify-process="gunzip"')


@rule("VF306", Severity.ERROR, Certainty.MEASURED, until=ESXI_67)
def digest_order_breaks_old_hosts(subject: VibSubject) -> Iterator[Fault]:
    """The digests stand in an order that 6.5 and older misread.

    Why: they take the last sha-256 for the stored bytes, whatever it is of: "Calculated digest at
    EOF does not match expected result".

    Remedy: sha-256 gunzip, sha-256, sha-1 gunzip, in this order; one file then serves all releases.

    Evidence: tried on 6.5.
    """
    for name in breaks_old_readers(Package(descriptor=subject.descriptor)):
        yield Fault(name, "its last sha-256 is that of the unpacked form")


@rule("VF307", Severity.WARNING, Certainty.DOCUMENTED)
def no_gunzip_sha1(subject: VibSubject) -> Iterator[Fault]:
    """A payload has no sha-1 digest of its unpacked form.

    Why: `esxcli software vib signature verify` and the check at a Secure Boot look for it on 6.7;
    vendor VIBs carry it up to 9.0.

    Remedy: write all three digests.

    Evidence: read off a 6.7 host; vendor descriptors.
    """
    for payload in subject.descriptor.payloads:
        pairs = {(c.checksum_type, c.verify_process) for c in payload.checksums}
        if payload.type in UNPACKED_TYPES and ("sha-1", "gunzip") not in pairs:
            yield Fault(payload.name, 'has no sha-1 with verify-process="gunzip"')


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


@rule("VF317", Severity.ERROR, Certainty.DOCUMENTED, until=ESXI_90)
def zstd_before_nine(subject: VibSubject) -> Iterator[Fault]:
    """A payload is of type vzstd, which came with 9.0.

    Why: hosts before it do not know the type and silently do not install it.

    Remedy: vgz for hosts before 9.0.

    Evidence: vendor VIBs of 9.0.
    """
    for payload in subject.descriptor.payloads:
        if payload.type == "vzstd":
            yield Fault(payload.name, "is of type vzstd")


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
    payload_name_too_long,
    payload_name_over_eight,
    duplicate_payload,
    unknown_payload_type,
    no_gunzip_sha256,
    digest_order_breaks_old_hosts,
    no_gunzip_sha1,
    wrong_size,
    missing_parent_directory,
    unlisted_file,
    listed_file_missing,
    file_of_esxi,
    odd_path_in_list,
    unreadable_payload,
    type_unlike_content,
    posix_tar,
    zstd_before_nine,
    wrong_digest,
)
