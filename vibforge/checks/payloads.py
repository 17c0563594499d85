"""VF3xx: the payloads: what the descriptor declares, and what they contain."""

import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vibforge.esxi import messages
from vibforge.esxi.release import Certainty
from vibforge.esxi.table import KNOWN_PAYLOAD_TYPES, ignores_type
from vibforge.findings.check import (
    Contradiction,
    Fault,
    Held,
    InstallStep,
    Reaction,
    Result,
    Severity,
    Topic,
    Unchecked,
    check,
)
from vibforge.formats.gnu_tar import EntryKind
from vibforge.formats.inflating import Codec
from vibforge.formats.tar_reading import TarForm
from vibforge.vib.descriptor import GUNZIP, Checksum, Coverage, Layer, coverage, hashed, is_whole
from vibforge.vib.identity import BOOTBANK_STEM, DESCRIPTOR_NAME, PAYLOAD_NAME_LIMIT, SIGNATURE_NAME
from vibforge.vib.payload_scan import ScannedPayload
from vibforge.vib.scan import UNPACKED_TYPES, VibScan

if TYPE_CHECKING:
    from vibforge.vib.scan import Described


_COVERED = "the digests in the descriptor cover it"
_NAMED_KINDS = 5
"""Kinds of digest that a finding lists by name; it counts the others."""


@check(
    "VF301",
    Severity.ERROR,
    Certainty.MEASURED,
)
def payload_name_too_long(subject: "Described") -> Iterator[Fault]:
    """A payload's name is empty or has more than 15 characters.

    Why: hosts stop with "Invalid value … for name."

    Remedy: use 1 to 8 lower-case letters and digits.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not 1 <= len(payload.name) <= PAYLOAD_NAME_LIMIT:
            what = f"has {len(payload.name)} characters, not 1 to {PAYLOAD_NAME_LIMIT}"
            yield Fault(payload.name, what)


@check("VF302", Severity.NOTE, Certainty.DOCUMENTED)
def payload_name_over_eight(subject: "Described") -> Iterator[Fault]:
    """A payload's name has more than 8 characters.

    Why: the first 8 characters become the file name in the bootbank, so two such payloads look
    alike there. They still work; signed VIBs with names of 12 and 14 characters are in the field.

    Remedy: use 1 to 8 lower-case letters and digits.

    Evidence: vendor descriptors.
    """
    for payload in subject.descriptor.payloads:
        if BOOTBANK_STEM < len(payload.name) <= PAYLOAD_NAME_LIMIT:
            what = f"is shortened to {payload.name[:BOOTBANK_STEM]} in the bootbank"
            yield Fault(payload.name, what)


@check(
    "VF303",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "every payload has a name of its own"),
)
def duplicate_payload(subject: "Described") -> Iterator[Fault]:
    """Several payloads have the same name, or a payload is named like another member.

    Why: hosts do not notice, and install the first member for all of them.

    Remedy: give each payload a name of its own.

    Evidence: tried on 6.7.
    """
    for name, count in Counter(p.name for p in subject.descriptor.payloads).items():
        if count > 1:
            yield Fault(name, f"is declared {count} times")
        elif name in {DESCRIPTOR_NAME, SIGNATURE_NAME}:
            yield Fault(name, "is declared as a payload, but is the name of another member")


@check(
    "VF304",
    Severity.ERROR,
    Certainty.MEASURED,
)
def unknown_payload_type(subject: "Described") -> Iterator[Fault]:
    """A payload has no type, or a type that hosts do not install.

    Why: hosts refuse a payload without a type. They log a payload of an unknown type and silently
    skip it.

    Remedy: use tgz for a tar, vgz for a vmtar.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not payload.type:
            yield Fault(payload.name, "has no type")
        elif payload.type not in KNOWN_PAYLOAD_TYPES:
            what = f"has the unknown type {payload.type!r:.40}; hosts do not install it"
            yield Fault(payload.name, what)


@check(
    "VF305",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=lambda row: row.requires_gunzip_sha256,
    reaction=Reaction(InstallStep.PROFILE, messages.GUNZIP_CHECKSUM),
)
def no_gunzip_sha256(subject: "Described") -> Iterator[Fault]:
    """A payload has no sha-256 digest of its unpacked content.

    Why: ESXi 8.0 and later refuse the VIB with any flags ("{GUNZIP_CHECKSUM}"). A host that has
    it installed cannot be upgraded to these releases.

    Remedy: rebuild it with vibforge.

    Evidence: KB 318056; public reports.
    """
    return _without_unpacked_digest(subject, "sha-256")


@check(
    "VF319",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=lambda row: row.live_needs_gunzip,
    reaction=Reaction(InstallStep.LIVE, messages.MOUNT),
)
def no_gunzip_digest(subject: "Described") -> Iterator[Fault]:
    """A payload has no digest of its unpacked content at all.

    Why: a live install mounts the payload and fails without such a digest:
    "{NO_TARDISK_CHECKSUM}". An install that ends with a reboot succeeds.

    Remedy: rebuild it with vibforge.

    Evidence: observed on a 6.7 host.
    """
    return _without_unpacked_digest(subject)


@check(
    "VF306",
    Severity.ERROR,
    Certainty.MEASURED,
    minds=lambda row: row.last_sha256_wins,
    reaction=Reaction(InstallStep.STAGING, messages.DIGEST_AT_EOF),
)
def digest_order_breaks_old_hosts(subject: "Described") -> Iterator[Fault]:
    """The digests are in an order that 6.5 and older misread.

    Why: these releases compare the last sha-256 digest with the stored bytes, even if it is that of
    the unpacked content: "{DIGEST_AT_EOF}".

    Remedy: write sha-256 gunzip, sha-256, sha-1 gunzip, in this order; the VIB then works on all
    releases.

    Evidence: tried on 6.5.
    """
    for payload in subject.descriptor.payloads:
        sha256 = [c for c in payload.checksums if c.checksum_type == "sha-256"]
        last, plain = _last(sha256), _last([c for c in sha256 if not c.verify_process])
        if last and last.verify_process and (plain is None or plain.digest != last.digest):
            values = {"calculated": plain.digest if plain else "…", "expected": last.digest}
            what = "its last sha-256 digest is of the unpacked content, not of the stored bytes"
            yield Fault(payload.name, what, values=values)


def _last(checksums: Sequence[Checksum]) -> Checksum | None:
    return checksums[-1] if checksums else None


def _without_unpacked_digest(subject: "Described", kind: str = "") -> Iterator[Fault]:
    """Yield payloads without a digest of their unpacked content: of this kind, or of any kind."""
    for payload in subject.descriptor.payloads:
        kinds = {c.checksum_type for c in payload.checksums if c.verify_process == GUNZIP}
        if payload.type in UNPACKED_TYPES and not (kind in kinds if kind else kinds):
            what = f'has no {kind or "checksum"} with verify-process="{GUNZIP}"'
            yield Fault(payload.name, what)


@check(
    "VF324",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    contradiction=Contradiction(Topic.COVERAGE, _COVERED),
)
def uncovered_payload(subject: "Described") -> Iterator[Result]:
    """No strong digest in the descriptor covers a payload.

    Why: the signature covers the descriptor, and payloads only through the digests in it. A payload
    without a digest can be replaced without breaking the signature. Weak digests (sha-1, md5), or
    digests of the unpacked content alone, do not rule this out. Without any digest of the stored
    bytes, 6.7 stops with "{NO_PLAIN_DIGEST.title}".

    Remedy: rebuild it; vibforge declares sha-256 of the stored and of the unpacked bytes.

    Evidence: the format: only the descriptor is signed.
    """
    for payload in subject.descriptor.payloads:
        match coverage(payload.checksums):
            case Coverage.FULL:
                yield Held(payload.name, _COVERED)
            case Coverage.PARTIAL:
                missing = "no sha-256 or stronger digest of the stored bytes"
                what = f"the descriptor declares {missing}{_only(payload.checksums)}"
                stored = any(map(_is_of_stored_bytes, payload.checksums))
                severity = Severity.WARNING if stored else Severity.ERROR
                yield Fault(payload.name, what, severity, claim=_COVERED)
            case Coverage.NONE:
                what = (
                    f"the descriptor declares no digest of a known kind{_only(payload.checksums)}"
                )
                yield Fault(payload.name, what, claim=_COVERED)


def _is_of_stored_bytes(checksum: Checksum) -> bool:
    algorithm = hashed(checksum)
    return algorithm is not None and algorithm.layer is Layer.STORED


def _only(checksums: tuple[Checksum, ...]) -> str:
    """Return a text that lists the declared kinds of digest, cut to the length of a line."""
    kinds = list(dict.fromkeys(checksum.kind for checksum in checksums))
    named = ", ".join(f"{kind:.40}" for kind in kinds[:_NAMED_KINDS])
    more = f" and {len(kinds) - _NAMED_KINDS} more" if len(kinds) > _NAMED_KINDS else ""
    return f", only {named}{more}" if kinds else ""


@check("VF307", Severity.WARNING, Certainty.DOCUMENTED)
def no_gunzip_sha1(subject: "Described") -> Iterator[Fault]:
    """A payload has no sha-1 digest of its unpacked content.

    Why: on 6.7, `esxcli software vib signature verify` and the check during Secure Boot require it.
    Vendor VIBs have it up to 9.0.

    Remedy: write all three digests.

    Evidence: observed on a 6.7 host; vendor descriptors.
    """
    return _without_unpacked_digest(subject, "sha-1")


@check(
    "VF317",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=ignores_type("vzstd"),
)
def zstd_before_nine(subject: "Described") -> Iterator[Fault]:
    """A payload has the type vzstd, which hosts before 9.0 do not install.

    Why: 9.0 introduced this type. Older hosts silently skip such a payload.

    Remedy: use vgz for hosts before 9.0.

    Evidence: vendor VIBs of 9.0.
    """
    for payload in subject.descriptor.payloads:
        if payload.type == "vzstd":
            yield Fault(payload.name, "has type vzstd, which hosts before 9.0 silently skip")


_FORMS = {"vgz": {TarForm.VMTAR}, "tgz": set(TarForm) - {TarForm.VMTAR}, "vzstd": {TarForm.VMTAR}}
_PACKING: dict[str, set[tuple[Codec, ...]]] = {
    "vgz": {(Codec.GZIP,)},
    "tgz": {(Codec.GZIP,)},
    "vzstd": {(Codec.GZIP, Codec.ZSTD), (Codec.ZSTD,)},
}
_UNPACKS = "unpacks and reads to its end"


@check(
    "VF308",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.SIZE, "every payload has its declared size"),
)
def wrong_size(subject: VibScan) -> Iterator[Result]:
    """A payload's declared size is not the size of its stored bytes.

    Why: hosts do not check the size, but use it to compute the space needed on the bootbank. Some
    tools write the unpacked size there.

    Remedy: write the size of the stored bytes to `size`, and the size of the unpacked content to
    `uncompressed-size`.

    Evidence: tried on 6.7; seen in the field.
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
            what = f"declares {declared} bytes, but has {size} bytes in the archive"
            yield Fault(payload.name, what, claim=claim)


@check(
    "VF318",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    contradiction=Contradiction(Topic.SIZE, "every payload unpacks to its declared size"),
)
def wrong_uncompressed_size(subject: VibScan) -> Iterator[Result]:
    """A payload does not unpack to its declared `uncompressed-size`.

    Why: the payload is not the one that the descriptor describes. 8.0 U3 introduced the attribute;
    how hosts react to a wrong value was not tried.

    Remedy: download the file again; if you built it, rebuild it.

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
            what = f"declares {declared} bytes, but unpacks to {payload.content_size} bytes"
            yield Fault(payload.name, what, claim=claim)


@check("VF309", Severity.ERROR, Certainty.INFERRED)
def missing_parent_directory(subject: VibScan) -> Iterator[Fault]:
    """A parent folder of a file is not an entry of the payload.

    Why: of 101 VIBs, one lacked such entries, and its author reports "Failed to mount … Operation
    not permitted" on ESXi 8. Rebuilt with these entries and otherwise unchanged, it installs.

    Remedy: pack every parent folder as an entry of its own.

    Evidence: a public report and its solution.
    """
    for payload in subject.payloads:
        entries = [found.entry for found in payload.entries]
        folders = {entry.path for entry in entries if entry.kind is EntryKind.DIRECTORY}
        missing = {parent for entry in entries for parent in _parents(entry.path)} - folders
        for folder in sorted(missing):
            yield Fault(folder, f"is not an entry of payload {payload.name}")


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

    Remedy: download the file again; if you built it, rebuild it.

    Evidence: tried on 6.7.
    """
    for payload in subject.pairs:
        if payload.fault:
            yield Fault(payload.name, payload.fault, claim=_UNPACKS)
        elif payload.form is None and _type_of(payload) in _FORMS:
            what = f"has type {_type_of(payload)}, but contains no tar: {payload.content_kind}"
            yield Fault(payload.name, what, claim=_UNPACKS)
        else:
            yield Held(payload.name, _UNPACKS)


def _type_of(payload: ScannedPayload) -> str:
    return payload.stored.declared.type if payload.stored.declared else ""


@check("VF315", Severity.WARNING, Certainty.INFERRED)
def type_unlike_content(subject: VibScan) -> Iterator[Fault]:
    """A payload is not packed as its type says.

    Why: vgz is a gzipped vmtar, tgz a gzipped tar, vzstd a vmtar in zstd in gzip. Two VIBs seen in
    the field declare vgz and contain a plain tar; how hosts react was not tried.

    Remedy: declare the type that fits the content.

    Evidence: vendor VIBs.
    """
    for payload in subject.payloads:
        kind = _type_of(payload)
        if payload.form is None or kind not in _FORMS:
            continue
        if payload.form not in _FORMS[kind] or payload.compression not in _PACKING[kind]:
            packing = " in ".join(reversed(payload.compression)) or "no compression"
            what = f"has type {kind}, but contains {payload.form} in {packing}"
            yield Fault(payload.name, what)


@check("VF316", Severity.WARNING, Certainty.UNKNOWN)
def posix_tar(subject: VibScan) -> Iterator[Fault]:
    """A tgz payload is a tar in POSIX format.

    Why: VMware's vmtar refuses it ("invalid tar magic"). Whether the kernel mounts it is not known.

    Remedy: use the GNU format: tar --format=gnu.

    Evidence: vmtar was tried; two signed VIBs in ustar form are in the field.
    """
    for payload in subject.payloads:
        if payload.form in {TarForm.USTAR, TarForm.PAX, TarForm.V7}:
            yield Fault(payload.name, f"is a tar in {payload.form} format, not in GNU format")


@check(
    "VF323",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.DIGEST, "every declared digest is that of the payload"),
    reaction=Reaction(InstallStep.PAYLOADS, messages.DIGEST_AT_EOF),
)
def wrong_digest(subject: VibScan) -> Iterator[Result]:
    """A declared digest does not match the payload.

    Why: the install stops with "{DIGEST_AT_EOF}", or
    Secure Boot stops the host later.

    Remedy: download the file again; if you built it, rebuild it.

    Evidence: tried on 6.7.
    """
    for payload in subject.pairs:
        for checksum in payload.checksums:
            yield _compare(payload, checksum)


def _compare(payload: ScannedPayload, checksum: Checksum) -> Result:
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
        what += "; the declared text is not a complete digest"
    values = {"calculated": digest, "expected": checksum.digest}
    return Fault(payload.name, what, claim=checksum.kind, values=values)


CHECKS = (
    payload_name_too_long,
    payload_name_over_eight,
    duplicate_payload,
    unknown_payload_type,
    no_gunzip_sha256,
    digest_order_breaks_old_hosts,
    no_gunzip_digest,
    uncovered_payload,
    no_gunzip_sha1,
    zstd_before_nine,
    wrong_size,
    wrong_uncompressed_size,
    missing_parent_directory,
    unreadable_payload,
    type_unlike_content,
    posix_tar,
    wrong_digest,
)
