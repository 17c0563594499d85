"""VF30x: how the descriptor declares payloads: names, types and the digests that hosts look for."""

from collections import Counter
from collections.abc import Iterator

from vibforge.esxi.table import ignores_type
from vibforge.host.package import (
    UNPACKED_TYPES,
    Package,
    breaks_old_readers,
    lacks_gunzip_sha256,
)
from vibforge.host.reader import PAYLOAD_NAME_LIMIT
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


@rule("VF305", Severity.ERROR, Certainty.DOCUMENTED, minds=lambda row: row.requires_gunzip_sha256)
def no_gunzip_sha256(subject: VibSubject) -> Iterator[Fault]:
    """A payload has no sha-256 digest of its unpacked form.

    Why: ESXi 8.0 and later refuse the VIB whatever the flags ("does not have sha-256 gunzip
    checksum"), and a host that holds it cannot be upgraded to them.

    Remedy: build it anew with vibforge.

    Evidence: KB 318056; public reports.
    """
    for name in lacks_gunzip_sha256(Package(descriptor=subject.descriptor)):
        yield Fault(name, 'has no sha-256 with verify-process="gunzip"')


@rule("VF306", Severity.ERROR, Certainty.MEASURED, minds=lambda row: row.last_sha256_wins)
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


@rule("VF317", Severity.ERROR, Certainty.DOCUMENTED, minds=ignores_type("vzstd"))
def zstd_before_nine(subject: VibSubject) -> Iterator[Fault]:
    """A payload is of type vzstd, which came with 9.0.

    Why: hosts before it do not know the type and silently do not install it.

    Remedy: vgz for hosts before 9.0.

    Evidence: vendor VIBs of 9.0.
    """
    for payload in subject.descriptor.payloads:
        if payload.type == "vzstd":
            yield Fault(payload.name, "is of type vzstd")


RULES = (
    payload_name_too_long,
    payload_name_over_eight,
    duplicate_payload,
    unknown_payload_type,
    no_gunzip_sha256,
    digest_order_breaks_old_hosts,
    no_gunzip_sha1,
    zstd_before_nine,
)
