"""The checks of the host and of each VIB before the host changes anything (install.md#staging).

The order of the checks, and the digests that they compare, were tried on 6.7 and 6.5.
"""

from functools import lru_cache
from itertools import islice

from msgspec import Struct

from vibforge.checks.extensibility import find_disallowed
from vibforge.checks.identity import name_too_long
from vibforge.esxi import messages
from vibforge.esxi.messages import HostMessage
from vibforge.esxi.release import Certainty
from vibforge.formats.streams import ALGORITHMS
from vibforge.host.host import Hardware
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.validation import extensibility_causes, profile_name, relaxng_errors
from vibforge.host.package import UNPACKED_TO_END, Package, PayloadContent, declared_contents
from vibforge.host.prediction import Cause, UnknownFact
from vibforge.host.reading import cause_of
from vibforge.vib.descriptor import Checksum, HardwarePlatform, SystemRequires, algorithm_of
from vibforge.vib.scan import DATABASE_NAME_LIMIT
from vibforge.vib.signature import Signature

TRUSTED = UnknownFact(
    key="trusted",
    if_yes="the host trusts the signer",
    if_no="the host does not trust the signer",
)
_LAST_DIGEST = UnknownFact(
    key="last-sha256",
    if_yes="this release compares the last sha-256 digest with the stored bytes, as 6.5 does",
    if_no="this release respects verify-process, as 6.7 does",
)
RESERVED_BOOTBANK = 10 * 2**20
"""Bytes of a bootbank that a host keeps free (format.md#boot-bank)."""
MOUNTED_TYPES = frozenset({"tgz", "vgz"})
"""Payloads that a live install unpacks and mounts."""
_SHORT_HASH = UnknownFact(
    key="database-hash",
    if_yes="the path of this VIB in the host's database, which ends in a hash, is short enough",
    if_no="the path of this VIB in the host's database, which ends in a hash, is too long",
)
_MISMATCH_LIMIT = 1_000
"""Most lines of a hardware message, which compares each required with each actual platform."""
_NAMED = 20
"""Most hardware platforms that a message names; VIBs require one or a few."""
_DATABASE_FRAME = "/var/db/esximg/vibs/-.xml.sig"
_HASH_SIZE = 20
"""Length of most hashes: a sign and 19 digits."""


def check_host(run: Run) -> None:
    """Check that the host has the space and the hardware that the image requires.

    Raises:
        Refused: it does not.
    """
    _check_space(run)
    for package in run.change.profile:
        required = package.descriptor.system_requires.hardware_platforms
        if required and not _hardware_fits(run, package):
            what = f"installs only on {_hardware_names(package)}"
            cause = Cause(what=what, subject=package.id, certainty=run.sure)
            message = messages.HARDWARE(
                profile=profile_name(run.host), mismatches=_mismatches(run, package)
            )
            raise Refused(message, [cause])


def stage(run: Run) -> None:
    """Check the signature, date, payloads and name of each VIB to install.

    Raises:
        Refused: the host refuses one of them.
    """
    for package in run.change.added:
        _check_trust(run, package)
    for package in run.change.added:
        _check_date(run, package)
        for content in package.contents or declared_contents(package):
            _check_content(run, package, content)
    for refusal in run.command.damage:
        raise Refused(refusal.message, [refusal.cause])
    for package in run.change.added:
        _check_database_name(run, package)


def _check_space(run: Run) -> None:
    """Compare the declared sizes of all VIBs with the size of a boot bank (tried).

    The host ignores how much space is free. If not all installed VIBs are known, the image is
    larger than the sum of the known VIBs.
    """
    bank = run.row.bank_size
    if bank is None:
        return
    profile = run.change.profile
    needed = sum(package.bootbank_size for package in profile)
    limit = bank.value - RESERVED_BOOTBANK
    if needed <= limit:
        return
    whole = run.host.installed_known and not any(package.is_only_listed for package in profile)
    at_least = "" if whole else "at least "
    cause = Cause(
        what=f"the image needs {at_least}{needed} bytes, but a boot bank has room for {limit}",
        certainty=bank.certainty,
    )
    megabytes = str(needed // 2**20) if whole else messages.NOT_ON_RECORD
    message = messages.SPACE(megabytes=megabytes, limit=str(limit // 2**20))
    raise Refused(message, [cause])


def _platforms(hardware: Hardware) -> list[tuple[str, str]]:
    """Return vendor and model, and each OEM string as a vendor without a model."""
    return [
        (hardware.vendor, hardware.model),
        *((oem, "") for oem in hardware.oem_strings or ()),
    ]


class _Requirements(Struct, frozen=True, eq=False):
    """The system requirements of a VIB, compared by identity as cache keys."""

    stated: SystemRequires

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Requirements) and self.stated is other.stated

    def __hash__(self) -> int:
        return hash(len(self.stated.hardware_platforms))


def _required_hardware(package: Package) -> tuple[HardwarePlatform, ...]:
    return _precise(_Requirements(package.descriptor.system_requires))


@lru_cache(maxsize=16)
def _precise(requirements: _Requirements) -> tuple[HardwarePlatform, ...]:
    """Return the required hardware, without a vendor alone if the vendor also has a model.

    Cached, as a prediction asks for the same VIB once per branch and remedy.
    """
    platforms = [
        HardwarePlatform(vendor=stated.vendor.strip(), model=stated.model.strip())
        for stated in requirements.stated.hardware_platforms
    ]
    with_model = {platform.vendor for platform in platforms if platform.model}
    return tuple(p for p in platforms if p.model or p.vendor not in with_model)


def _hardware_fits(run: Run, package: Package) -> bool:
    hardware = run.host.hardware
    if hardware is not None:
        actual = frozenset(_platforms(hardware))
        vendors = {vendor for vendor, _model in actual}
        if any(
            (required.vendor, required.model) in actual
            if required.model
            else required.vendor in vendors
            for required in _required_hardware(package)
        ):
            return True
        if hardware.oem_strings is not None:
            return False
    names = _hardware_names(package)
    unknown = UnknownFact(
        key=f"hardware {names}",
        if_yes=f"the host is a {names}",
        if_no=f"the host is not a {names}",
    )
    return run.assumptions.assume(unknown)


def _mismatches(run: Run, package: Package) -> str:
    if run.host.hardware is None:
        return messages.NOT_ON_RECORD
    lines = (
        f"BIOS vendor {required.vendor} is required but host BIOS vendor is {vendor}"
        if required.vendor != vendor
        else f"BIOS model {required.model} is required but host BIOS model is {model}"
        for required in _required_hardware(package)
        for vendor, model in _platforms(run.host.hardware)
    )
    return "\n".join(islice(lines, _MISMATCH_LIMIT))


def _hardware_names(package: Package) -> str:
    required = _required_hardware(package)
    names = " or ".join(f"{p.vendor} {p.model}".strip() for p in required[:_NAMED])
    return names + (f" or {len(required) - _NAMED} others" if len(required) > _NAMED else "")


def _check_database_name(run: Run, package: Package) -> None:
    if "/" in package.name:
        what = "has a slash in its name; the host cannot write it to its database"
        cause = Cause(what=what, subject=package.id, certainty=run.sure, rule="VF206")
        path = "/tmp/stageliveimage/imgdb/vibs.new/…"  # noqa: S108 - a path on the host
        raise Refused(messages.DATABASE_PATH(path=path), [cause])
    for fault in name_too_long.faults(package):
        if fault.severity is None and (
            len(package.name) > DATABASE_NAME_LIMIT + 1 or not run.assumptions.assume(_SHORT_HASH)
        ):
            length = len(_DATABASE_FRAME) + len(package.name) + _HASH_SIZE
            message = messages.NAME_TOO_LONG(length=str(length))
            raise Refused(message, [cause_of(name_too_long, fault, certainty=run.sure)])


def _check_trust(run: Run, package: Package) -> None:
    if (run.flags.force or run.flags.no_sig_check) and not run.secure_boot:
        if run.flags.no_sig_check and not run.flags.force:
            run.unsigned_allowed()
        return
    if package.level.needs_signature:
        _check_signature(run, package)
    level, file_list = package.level, package.descriptor.file_list
    if find_disallowed(level, file_list, overlay=package.overlay):
        message = messages.EXTENSIBILITY_AT_STAGE(
            package.id, level=package.level.value, complaints=relaxng_errors(package)
        )
        raise Refused(message, extensibility_causes(run.host, package))


def _check_signature(run: Run, package: Package) -> None:
    state = package.signature
    if run.row.tried and package.first_signature is not None:
        state = package.first_signature
    if state is Signature.UNKNOWN:
        state = Signature.TRUSTED if run.assumptions.assume(TRUSTED) else Signature.UNTRUSTED
    if package.is_signer_inferred:
        run.doubts.append(Certainty.INFERRED)
    if state is not Signature.TRUSTED:
        message, words, rule = _signature_refusal(state, package)
        certainty = Certainty.MEASURED if run.row.tried else Certainty.DOCUMENTED
        cause = Cause(what=words, subject=package.id, certainty=certainty, rule=rule)
        raise Refused(message, [cause])


def _signature_refusal(state: Signature, package: Package) -> tuple[HostMessage, str, str]:
    vib, level, says = package.id, package.level, package.signature_says
    match state:
        case Signature.MISSING:
            what = f"claims {level.esxcli_name} and has no signature"
            return messages.UNSIGNED(vib), what, "VF501"
        case Signature.BROKEN:
            return messages.BROKEN_SIGNATURE(vib), "was changed after it was signed", "VF504"
        case Signature.MALFORMED:
            what = "has a signature that hosts cannot read"
            return messages.UNREADABLE_SIGNATURE(vib, reason=says), what, "VF502"
        case Signature.UNFIT:
            what = f"has a signer who may not sign at {level.esxcli_name}"
            return messages.WRONG_SUBJECT(vib, level=level.value, subject=says), what, ""
        case _:
            return messages.UNTRUSTED(vib), "has no signer that the host trusts", ""


def _check_date(run: Run, package: Package) -> None:
    if not package.descriptor.release_date:
        what = "has no release date, which hosts refuse with any flags"
        cause = Cause(what=what, subject=package.id, certainty=run.sure, rule="VF210")
        raise Refused(messages.NO_DATE(package.id), [cause])


def _check_content(run: Run, package: Package, content: PayloadContent) -> None:
    """Read a payload as a host does: unpacked for a live change, else only its stored bytes."""
    payload = content.payload
    if not content.present:
        what = "is declared, but the archive has no member of this name"
        cause = Cause(what=what, subject=payload.name, certainty=run.sure, rule="VF103")
        raise Refused(messages.NO_MEMBER(package.id, name=payload.name), [cause])
    if not payload.type:
        cause = Cause(what="has an empty type", subject=payload.name, certainty=run.sure)
        raise Refused(messages.EMPTY_TYPE(), [cause])
    if not payload.checksums:
        return
    chosen = _staged_digest(run, payload.checksums)
    live = payload.type in MOUNTED_TYPES and not run.own_reboot_causes
    if chosen is None and not run.takes_last_digest(_LAST_DIGEST):
        what = "has no digest of the stored bytes"
        cause = Cause(what=what, subject=payload.name, certainty=run.sure, rule="VF324")
        raise Refused(messages.NO_PLAIN_DIGEST(package.id), [cause])
    if live and content.unpacking not in {"", UNPACKED_TO_END}:
        _refuse_unpacking(run, package, content)
    if chosen is not None:
        _compare(run, package, content, chosen)
    if live and content.unpacking:
        _refuse_unpacking(run, package, content)


def _refuse_unpacking(run: Run, package: Package, content: PayloadContent) -> None:
    cause = Cause(
        what=f"cannot be unpacked: {content.unpacking}",
        subject=content.payload.name,
        certainty=run.sure,
        rule="VF314",
    )
    raise Refused(messages.UNPACKING(package.id, reason=content.unpacking), [cause])


def _staged_digest(run: Run, checksums: tuple[Checksum, ...]) -> Checksum | None:
    """Return the digest that the host compares with the stored bytes.

    6.7 uses the digests without a verify-process; older releases use the last sha-256 digest, even
    if it is that of the unpacked content.
    """
    if run.takes_last_digest(_LAST_DIGEST):
        return preferred([c for c in checksums if c.checksum_type in {"sha-256", "sha-1"}])
    return preferred([c for c in checksums if not c.verify_process])


def preferred(checksums: list[Checksum]) -> Checksum | None:
    """Return the last sha-256, else the last sha-1, else the last of any kind."""
    for kind in ("sha-256", "sha-1"):
        of_kind = [checksum for checksum in checksums if checksum.checksum_type == kind]
        if of_kind:
            return of_kind[-1]
    return checksums[-1] if checksums else None


def _compare(run: Run, package: Package, content: PayloadContent, declared: Checksum) -> None:
    name, kind = content.payload.name, algorithm_of(declared)
    if kind not in ALGORITHMS:
        what = f"hosts do not support the digest {kind}"
        cause = Cause(what=what, subject=name, certainty=run.sure)
        raise Refused(messages.UNKNOWN_DIGEST(package.id, kind=kind), [cause])
    digest = content.stored.get(kind)
    if digest is None or digest == declared.digest.lower():
        return
    misread = declared.verify_process and "; its last sha-256 digest is of the unpacked content"
    cause = Cause(
        what=f"{declared.kind} is {digest}, not {declared.digest:.128}{misread}",
        subject=name,
        certainty=run.sure,
        rule="VF306" if misread else "VF323",
    )
    message = messages.DIGEST_AT_EOF(package.id, calculated=digest, expected=declared.digest)
    raise Refused(message, [cause])
