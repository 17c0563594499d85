"""Write the instructions that go with a VIB: INSTALL.md, install.sh and remove.sh."""

from collections.abc import Iterator
from dataclasses import dataclass

from vibforge.esxi.paths import TRX_CONF
from vibforge.host.install_needs import InstallNeeds
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.descriptor import Descriptor, MaintenanceMode
from vibforge.operations.render import render

GUIDES = {"INSTALL.md": False, "install.sh": True, "remove.sh": True}
"""The files of instructions, each with whether it is a script."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A file of instructions."""

    name: str
    text: str
    executable: bool


def instructions(
    descriptor: Descriptor, vib_name: str, sha256: str, needs: InstallNeeds
) -> Iterator[Guide]:
    """Yield the files of instructions for one VIB.

    Args:
        descriptor: the VIB's.
        vib_name: the name of its file.
        sha256: the digest of its file, in hex.
        needs: what its install takes.
    """
    values = {
        "vib": descriptor,
        "vib_name": vib_name,
        "sha256": sha256,
        "needs": needs,
        "flags": " ".join(needs.flags),
        "level": needs.host_level,
        "lower_levels": [level for level in AcceptanceLevel if level.rank > needs.host_level.rank],
        "maintenance": _maintenance(descriptor),
        "has_trx_conf": any(path.endswith(TRX_CONF) for path in descriptor.file_list),
    }
    for name, executable in GUIDES.items():
        text = render(f"instructions/{name}.j2", values)
        yield Guide(name=name, text=text, executable=executable)


def _maintenance(descriptor: Descriptor) -> MaintenanceMode:
    """Return for which live changes a host wants maintenance mode; one that waits wants none."""
    said = descriptor.system_requires.maintenance_mode
    stated = said or MaintenanceMode(on_install=True, on_remove=True)
    return MaintenanceMode(
        on_install=stated.on_install and bool(descriptor.live_install_allowed),
        on_remove=stated.on_remove and bool(descriptor.live_remove_allowed),
    )
