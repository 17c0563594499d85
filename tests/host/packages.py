"""VIBs for the rules of an install, made from what matters to them."""

from collections.abc import Sequence

from msgspec.structs import replace

from tests.vibs import GOOD, related
from vibforge.host.package import Package
from vibforge.vib.descriptor import Checksum, MaintenanceMode, Payload, SystemRequires
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
    descriptor = replace(
        GOOD,
        name=name,
        version=version,
        acceptance_level=level,
        file_list=tuple(files),
        live_install_allowed=live,
        live_remove_allowed=live,
        system_requires=SystemRequires(
            maintenance_mode=MaintenanceMode(on_install=maintenance, on_remove=maintenance)
        ),
        relationships=related(
            depends=depends, conflicts=conflicts, replaces=replaces, provides=provides
        ),
        payloads=(Payload(name="payload1", type="vgz", size=1000, checksums=tuple(checksums)),),
    )
    return Package(descriptor=replace(descriptor, **changes), signature=signature)
