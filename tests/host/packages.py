"""VIBs for the rules of an install, made from what matters to them."""

from collections.abc import Sequence

from msgspec.structs import replace

from vibforge.host.package import Package
from vibforge.vib.descriptor import Checksum, Descriptor, MaintenanceMode, Payload, SystemRequires
from vibforge.vib.relationships import Constraint, Provide, Relationships
from vibforge.vib.signature import Signature

PLAIN = Checksum(checksum_type="sha-256", digest="aa" * 32)
UNPACKED = Checksum(checksum_type="sha-256", digest="bb" * 32, verify_process="gunzip")
UNPACKED_SHA1 = Checksum(checksum_type="sha-1", digest="cc" * 20, verify_process="gunzip")
VENDOR_ORDER = (UNPACKED, PLAIN, UNPACKED_SHA1)


def package(  # noqa: PLR0913 - each is one thing that a test varies
    name: str = "trx-conf",
    version: str = "1.0.0-1",
    *,
    level: str = "community",
    files: Sequence[str] = ("opt/trx-conf/trx.conf",),
    checksums: Sequence[Checksum] = VENDOR_ORDER,
    depends: Sequence[str] = (),
    conflicts: Sequence[str] = (),
    replaces: Sequence[str] = (),
    provides: Sequence[str] = (),
    live: bool = True,
    maintenance: bool = False,
    signature: Signature = Signature.MISSING,
    **changes: object,
) -> Package:
    descriptor = Descriptor(
        name=name,
        version=version,
        vendor="ACME",
        release_date="2026-01-01T00:00:00.000000",
        acceptance_level=level,
        file_list=tuple(files),
        live_install_allowed=live,
        live_remove_allowed=live,
        system_requires=SystemRequires(
            maintenance_mode=MaintenanceMode(on_install=maintenance, on_remove=maintenance)
        ),
        relationships=Relationships(
            depends=tuple(Constraint.parse(text) for text in depends),
            conflicts=tuple(Constraint.parse(text) for text in conflicts),
            replaces=tuple(Constraint.parse(text) for text in replaces),
            provides=tuple(Provide.parse(text) for text in provides),
        ),
        payloads=(Payload(name="payload1", type="vgz", size=1000, checksums=tuple(checksums)),),
    )
    return Package(
        descriptor=replace(descriptor, **changes),
        signature=signature,
    )
