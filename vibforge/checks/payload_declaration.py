"""VF30x: how the descriptor declares payloads: names, types and the digests that hosts look for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vibforge.esxi import messages
from vibforge.esxi.certainty import Certainty
from vibforge.esxi.table import KNOWN_PAYLOAD_TYPES, ignores_type
from vibforge.findings.check import (
    Contradiction,
    Fault,
    Held,
    Reaction,
    Result,
    Severity,
    Step,
    Topic,
    check,
)
from vibforge.vib.descriptor import GUNZIP, Checksum, Coverage, Layer, coverage, hashed
from vibforge.vib.esxi_reader import UNPACKED_TYPES
from vibforge.vib.identity import BOOTBANK_STEM, DESCRIPTOR_NAME, PAYLOAD_NAME_LIMIT, SIGNATURE_NAME

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
    reaction=Reaction(Step.PROFILE, messages.GUNZIP_CHECKSUM),
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
    reaction=Reaction(Step.LIVE, messages.MOUNT),
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
    reaction=Reaction(Step.STAGING, messages.DIGEST_AT_EOF),
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
)
