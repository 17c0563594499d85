"""Payloads: what the descriptor declares, and what is in them."""

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
"""Kinds of digest that a finding names; more are counted."""


@check(
    "VF301",
    Severity.ERROR,
    Certainty.MEASURED,
)
def payload_name_too_long(subject: "Described") -> Iterator[Fault]:
    """A payload's name is empty or has more than 15 characters.

    Why: hosts stop with "Invalid value … for name."

    Remedy: 1 to 8 small letters and digits.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not 1 <= len(payload.name) <= PAYLOAD_NAME_LIMIT:
            what = f"has {len(payload.name)} characters, not 1 to {PAYLOAD_NAME_LIMIT}"
            yield Fault(payload.name, what)


@check("VF302", Severity.NOTE, Certainty.DOCUMENTED)
def payload_name_over_eight(subject: "Described") -> Iterator[Fault]:
    """A payload's name has more than 8 characters.

    Why: the file in the bootbank is named after the first 8, so two such payloads look alike there.
    It works; signed VIBs with 12 and 14 are in the field.

    Remedy: 1 to 8 small letters and digits.

    Evidence: vendor descriptors.
    """
    for payload in subject.descriptor.payloads:
        if BOOTBANK_STEM < len(payload.name) <= PAYLOAD_NAME_LIMIT:
            yield Fault(payload.name, f"is {payload.name[:BOOTBANK_STEM]} in the bootbank")


@check(
    "VF303",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.PAYLOAD, "every payload has a name of its own"),
)
def duplicate_payload(subject: "Described") -> Iterator[Fault]:
    """Two payloads have one name.

    Why: hosts do not notice, and install the first member for both.

    Remedy: give each a name of its own.

    Evidence: tried on 6.7.
    """
    for name, count in Counter(p.name for p in subject.descriptor.payloads).items():
        if count > 1:
            yield Fault(name, f"is declared {count} times")
        elif name in {DESCRIPTOR_NAME, SIGNATURE_NAME}:
            yield Fault(name, "is the name of a member that is no payload")


@check(
    "VF304",
    Severity.ERROR,
    Certainty.MEASURED,
)
def unknown_payload_type(subject: "Described") -> Iterator[Fault]:
    """A payload has no type, or one that hosts do not know.

    Why: without a type the reader stops; one it does not know is logged and silently not installed.

    Remedy: tgz for a tar, vgz for a vmtar.

    Evidence: tried on 6.7.
    """
    for payload in subject.descriptor.payloads:
        if not payload.type:
            yield Fault(payload.name, "has no type")
        elif payload.type not in KNOWN_PAYLOAD_TYPES:
            yield Fault(payload.name, f"type {payload.type!r:.40} will not be installed")


@check(
    "VF305",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=lambda row: row.requires_gunzip_sha256,
    reaction=Reaction(InstallStep.PROFILE, messages.GUNZIP_CHECKSUM),
)
def no_gunzip_sha256(subject: "Described") -> Iterator[Fault]:
    """A payload has no sha-256 digest of its unpacked form.

    Why: ESXi 8.0 and later refuse the VIB whatever the flags ("{GUNZIP_CHECKSUM}"), and
    a host that holds it cannot be upgraded to them.

    Remedy: build it anew with vibforge.

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
    """A payload has no digest of its unpacked form at all.

    Why: a live install mounts the payload and looks for that digest:
    "{NO_TARDISK_CHECKSUM}". The same VIB goes in with a reboot.

    Remedy: build it anew with vibforge.

    Evidence: read from a 6.7 host.
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
    """The digests stand in an order that 6.5 and older misread.

    Why: they take the last sha-256 for the stored bytes, whatever it is of: "{DIGEST_AT_EOF}".

    Remedy: sha-256 gunzip, sha-256, sha-1 gunzip, in this order; one file then serves all releases.

    Evidence: tried on 6.5.
    """
    for payload in subject.descriptor.payloads:
        sha256 = [c for c in payload.checksums if c.checksum_type == "sha-256"]
        last, plain = _last(sha256), _last([c for c in sha256 if not c.verify_process])
        if last and last.verify_process and (plain is None or plain.digest != last.digest):
            values = {"calculated": plain.digest if plain else "…", "expected": last.digest}
            what = "its last sha-256 is that of the unpacked form"
            yield Fault(payload.name, what, values=values)


def _last(checksums: Sequence[Checksum]) -> Checksum | None:
    return checksums[-1] if checksums else None


def _without_unpacked_digest(subject: "Described", kind: str = "") -> Iterator[Fault]:
    """Find payloads that hosts unpack and that no digest of this kind, or of any, covers then."""
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

    Why: a signature is over the descriptor and reaches a payload only through the digests declared
    there; a payload without one can be swapped under a valid signature. Weak digests (sha-1, md5),
    and digests of the unpacked content alone, leave room for another file. Without any digest of
    the stored bytes 6.7 stops: "{NO_PLAIN_DIGEST.title}".

    Remedy: build it anew; vibforge declares sha-256 of the stored and of the unpacked bytes.

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
    of = hashed(checksum)
    return of is not None and of.layer is Layer.STORED


def _only(checksums: tuple[Checksum, ...]) -> str:
    """Name the kinds of digest that there are instead, as far as a line can."""
    kinds = list(dict.fromkeys(each.kind for each in checksums))
    named = ", ".join(f"{kind:.40}" for kind in kinds[:_NAMED_KINDS])
    more = f" and {len(kinds) - _NAMED_KINDS} more" if len(kinds) > _NAMED_KINDS else ""
    return f", only {named}{more}" if kinds else ""


@check("VF307", Severity.WARNING, Certainty.DOCUMENTED)
def no_gunzip_sha1(subject: "Described") -> Iterator[Fault]:
    """A payload has no sha-1 digest of its unpacked form.

    Why: `esxcli software vib signature verify` and the check at a Secure Boot look for it on 6.7;
    vendor VIBs carry it up to 9.0.

    Remedy: write all three digests.

    Evidence: read off a 6.7 host; vendor descriptors.
    """
    return _without_unpacked_digest(subject, "sha-1")


@check(
    "VF317",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=ignores_type("vzstd"),
)
def zstd_before_nine(subject: "Described") -> Iterator[Fault]:
    """A payload is of type vzstd, which came with 9.0.

    Why: hosts before it do not know the type and silently do not install it.

    Remedy: vgz for hosts before 9.0.

    Evidence: vendor VIBs of 9.0.
    """
    for payload in subject.descriptor.payloads:
        if payload.type == "vzstd":
            yield Fault(
                payload.name, "is of type vzstd, which hosts before 9.0 leave out without a word"
            )


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
    reaction=Reaction(InstallStep.PAYLOADS, messages.DIGEST_AT_EOF),
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
