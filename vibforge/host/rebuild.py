"""Changes to a VIB itself with which it would install."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vibforge.checks.payloads import (
    digest_order_breaks_old_hosts,
    no_gunzip_digest,
    no_gunzip_sha256,
)
from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import BOOT_COPIED, host_path, paths_outside, shipped_among
from vibforge.host.command import Command
from vibforge.host.image import file_conflicts, installed_with_id, unequal_attribute
from vibforge.host.install.installer import VERSIONLESS_BASE
from vibforge.host.install.staging import MOUNTED_TYPES
from vibforge.host.package import Package, PayloadContent
from vibforge.vib.descriptor import GUNZIP, Checksum, Coverage, Descriptor, algorithm_of, coverage
from vibforge.vib.identity import NAME_LIMIT
from vibforge.vib.relationships import Constraint, Provisions
from vibforge.vib.scan import DATABASE_NAME_LIMIT
from vibforge.vib.signature import Signature

MANIFEST = "boot-copy.list"


def script_path(name: str) -> str:
    """Return the path of the init script of VIB `name`."""
    return f"etc/init.d/{name}"


def store_path(name: str) -> str:
    """Return the folder in which VIB `name` keeps the files that it copies into place at boot."""
    return f"opt/{name}/boot-copy"


def stored_at(name: str, path: str) -> str:
    """Return where VIB `name` keeps the file that it copies to `path` at boot."""
    return f"opt/{name}{BOOT_COPIED}{path}"


def moved_paths(level: AcceptanceLevel, files: Sequence[str]) -> tuple[str, ...]:
    """Return the files to move: those at paths that the level does not allow."""
    return paths_outside(level, files)


def boot_copy_package(package: Package) -> Package:
    """Return a VIB as it would be in the boot-copy layout."""
    descriptor = package.descriptor
    moved = _file_list(package.name, package.level, descriptor.file_list)
    if moved == descriptor.file_list:
        return package
    return replace(package, descriptor=replace(descriptor, file_list=moved))


@lru_cache(maxsize=16)
def _file_list(name: str, level: AcceptanceLevel, listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the file list in the boot-copy layout; cached, as a prediction asks per remedy."""
    moved = set(moved_paths(level, listed))
    if not moved:
        return listed
    files = {stored_at(name, path) if path in moved else path for path in listed}
    files |= {script_path(name), f"{store_path(name)}/{MANIFEST}"}
    return tuple(sorted(files))


_BUNDLE_RULES = "VF6"
_SOME_DATE = "2020-01-01T00:00:00"
_DIGESTS = (
    Checksum(checksum_type="sha-256", digest="0" * 64, verify_process=GUNZIP),
    Checksum(checksum_type="sha-256", digest="0" * 64),
    Checksum(checksum_type="sha-1", digest="0" * 40, verify_process=GUNZIP),
)
"""Digests of a VIB that is yet to be built: of full length, so that they do not count as cut."""
_FAULTY_DIGESTS = (no_gunzip_sha256, no_gunzip_digest, digest_order_breaks_old_hosts)
_OWN_BYTES_WRONG = frozenset({messages.DAMAGED_GZIP(), messages.WRONG_LENGTH_IN_GZIP()})


class Repair(Struct, frozen=True):
    """One fault that a rebuild removes.

    `words` says how the new VIB differs, `is_faulty` returns whether a VIB has the fault, and
    `corrected` returns its descriptor without the fault.
    """

    words: str
    is_faulty: Callable[[Command, Package], bool]
    corrected: Callable[[Command, Package], Descriptor] = lambda _, package: package.descriptor


def repairs(command: Command) -> tuple[Repair, ...]:
    """Return the faults of these VIBs that a rebuild removes."""
    return tuple(
        repair
        for repair in _REPAIRS
        if any(repair.is_faulty(command, package) for package in command.packages)
    )


def rebuilt(command: Command) -> Command:
    """Return the command with VIBs that vibforge has rebuilt: new versions, unsigned."""
    return replace(
        command,
        packages=tuple(_rebuilt(command, package) for package in command.packages),
        refusals=(),
        damage=(),
    )


def is_damaged(package: Package) -> bool:
    """Return whether a payload was damaged after it was packed."""
    return any(_is_damaged(content) for content in package.contents)


def undamaged(command: Command) -> Command:
    """Return the command with undamaged copies of its files."""
    packages = tuple(replace(package, contents=()) for package in command.packages)
    return replace(command, packages=packages, damage=())


def _rebuilt(command: Command, package: Package) -> Package:
    for repair in _REPAIRS:
        if repair.is_faulty(command, package):
            package = replace(package, descriptor=repair.corrected(command, package))
    payloads = tuple(replace(p, checksums=_DIGESTS) for p in package.descriptor.payloads)
    descriptor = replace(
        package.descriptor,
        version=_next_version(package.descriptor.version),
        release_date=package.descriptor.release_date or _SOME_DATE,
        payloads=payloads,
    )
    signature = Signature.MISSING
    return replace(
        package,
        descriptor=descriptor,
        signature=signature,
        first_signature=None,
        contents=(),
        missing_folders=(),
    )


def _next_version(version: str) -> str:
    """Return a newer version."""
    return f"{version}.1" if "-" in version else f"{version}-1"


def _is_damaged(content: PayloadContent) -> bool:
    if not content.present or content.unpacking in _OWN_BYTES_WRONG:
        return True
    plain = [c for c in content.payload.checksums if not c.verify_process]
    pairs = [(content.stored.get(algorithm_of(c)), c.digest.lower()) for c in plain]
    return any(stored is not None and stored != declared for stored, declared in pairs)


def _lacks_digests(_command: Command, package: Package) -> bool:
    payloads = package.descriptor.payloads if package.payloads_known else ()
    return any(coverage(payload.checksums) is not Coverage.FULL for payload in payloads) or any(
        any(check.faults(package)) for check in _FAULTY_DIGESTS
    )


def _lacks_date(_command: Command, package: Package) -> bool:
    return not package.descriptor.release_date


def _lacks_folders(_command: Command, package: Package) -> bool:
    return bool(package.missing_folders)


def _has_wrong_content(_command: Command, package: Package) -> bool:
    """Return whether a payload is not gzip, or its content differs from the declared digests."""
    return any(
        content.unpacking or _differs_unpacked(content)
        for content in package.contents
        if not _is_damaged(content)
    )


def _differs_unpacked(content: PayloadContent) -> bool:
    gunzip = [c for c in content.payload.checksums if c.verify_process == GUNZIP]
    pairs = [(content.unpacked.get(algorithm_of(c)), c.digest.lower()) for c in gunzip]
    return any(unpacked is not None and unpacked != declared for unpacked, declared in pairs)


def _has_odd_type(_command: Command, package: Package) -> bool:
    return any(payload.type not in MOUNTED_TYPES for payload in package.descriptor.payloads)


def _with_types(_command: Command, package: Package) -> Descriptor:
    payloads = tuple(
        payload if payload.type in MOUNTED_TYPES else replace(payload, type="vgz")
        for payload in package.descriptor.payloads
    )
    return replace(package.descriptor, payloads=payloads)


def _has_bad_name(_command: Command, package: Package) -> bool:
    return len(package.name) > DATABASE_NAME_LIMIT or "/" in package.name


def _with_name(_command: Command, package: Package) -> Descriptor:
    name = package.name.replace("/", "-")[:NAME_LIMIT]
    return replace(package.descriptor, name=name)


def _lacks_type(_command: Command, package: Package) -> bool:
    return not package.descriptor.type


def _with_type(_command: Command, package: Package) -> Descriptor:
    return replace(package.descriptor, type="bootbank")


def _names_itself(_command: Command, package: Package) -> bool:
    stated = package.descriptor.relationships
    return any(map(Provisions(package.provides).meet, (*stated.replaces, *stated.conflicts)))


def _without_itself(_command: Command, package: Package) -> Descriptor:
    own, stated = Provisions(package.provides), package.descriptor.relationships

    def others(constraints: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
        return tuple(constraint for constraint in constraints if not own.meet(constraint))

    return replace(
        package.descriptor,
        relationships=replace(
            stated, replaces=others(stated.replaces), conflicts=others(stated.conflicts)
        ),
    )


def _provides_base(_command: Command, package: Package) -> bool:
    return VERSIONLESS_BASE in package.descriptor.relationships.provides


def _without_base(_command: Command, package: Package) -> Descriptor:
    stated = package.descriptor.relationships
    others = tuple(provide for provide in stated.provides if provide != VERSIONLESS_BASE)
    return replace(package.descriptor, relationships=replace(stated, provides=others))


def _differs_from_installed(command: Command, package: Package) -> bool:
    installed = installed_with_id(command.host, package)
    return installed is not None and unequal_attribute(package, installed) is not None


def _paths_of_others(command: Command, package: Package) -> frozenset[str]:
    """Return the paths on a host that another VIB contains as well."""
    if package.overlay:
        return frozenset()
    if not command.host.knows_all_files:
        return frozenset(shipped_among(package.descriptor.file_list))
    kept = [installed for installed in command.host.installed if installed.name != package.name]
    return frozenset(conflict.path for conflict in file_conflicts((*kept, package)))


def _has_paths_of_others(command: Command, package: Package) -> bool:
    return bool(_paths_of_others(command, package))


def _without_others(command: Command, package: Package) -> Descriptor:
    occupied, listed = _paths_of_others(command, package), package.descriptor.file_list
    free = tuple(path for path in listed if host_path(path) not in occupied)
    return replace(package.descriptor, file_list=free)


def _is_refused_reading(command: Command, _package: Package) -> bool:
    return any(not refusal.cause.rule.startswith(_BUNDLE_RULES) for refusal in command.refusals)


def _readable(_command: Command, package: Package) -> Descriptor:
    tags = tuple(tag for tag in package.descriptor.software_tags if tag)
    return replace(package.descriptor, software_tags=tags)


def _has_bad_metadata(command: Command, _package: Package) -> bool:
    refused = (*command.refusals, *command.damage)
    return any(refusal.cause.rule.startswith(_BUNDLE_RULES) for refusal in refused)


_REPAIRS = (
    Repair("with a descriptor that ESXi's reader accepts", _is_refused_reading, _readable),
    Repair("with every digest that hosts require", _lacks_digests),
    Repair("with a release date", _lacks_date),
    Repair("with entries for the parent folders of its files", _lacks_folders),
    Repair("with payloads packed as gzip, and digests of their content", _has_wrong_content),
    Repair("with payloads of type tgz or vgz", _has_odd_type, _with_types),
    Repair(
        f"with a name of at most {NAME_LIMIT} characters and without a slash",
        *(_has_bad_name, _with_name),
    ),
    Repair("with the type bootbank", _lacks_type, _with_type),
    Repair("without relationships that name the VIB itself", _names_itself, _without_itself),
    Repair("without providing esx-version", _provides_base, _without_base),
    Repair("with a new version", _differs_from_installed),
    Repair(
        "with new paths for files that conflict with other VIBs",
        *(_has_paths_of_others, _without_others),
    ),
    Repair("in a new bundle", _has_bad_metadata),
)


def repaired(command: Command) -> Iterator[str]:
    """Yield how the rebuilt VIB differs, as text."""
    return (repair.words for repair in repairs(command))
