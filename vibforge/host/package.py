"""A VIB as the rules of an install see it: what it says of itself, and how much is known."""

from dataclasses import dataclass

from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.descriptor import Descriptor, MaintenanceMode
from vibforge.model.relationships import Constraint, Provide, Relation
from vibforge.scan.signature import Signature

_ON_BOOTBANK = frozenset({"tgz", "vgz", "boot", "vzstd"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A VIB, installed or to be installed.

    The three `…_known` tell whether the descriptor's fields may be relied on: a host that was
    asked with `esxcli` alone says nothing of file lists and digests.
    """

    descriptor: Descriptor
    signature: Signature = Signature.UNKNOWN
    files_known: bool = True
    relationships_known: bool = True
    payloads_known: bool = True

    @property
    def id(self) -> str:
        """The VIB ID, as hosts print it."""
        return self.descriptor.vib_id

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def level(self) -> AcceptanceLevel:
        return self.descriptor.level

    @property
    def overlay(self) -> bool:
        return bool(self.descriptor.overlay)

    @property
    def maintenance_mode(self) -> MaintenanceMode:
        """What a live change needs; a descriptor that is silent means both (tried on 6.7)."""
        return self.descriptor.system_requires.maintenance_mode or MaintenanceMode(
            on_install=True, on_remove=True
        )

    @property
    def provides(self) -> tuple[Provide, ...]:
        """What it provides, its own name and version included."""
        own = Provide(name=self.name, version=self.descriptor.version)
        return (own, *self.descriptor.relationships.provides)

    @property
    def replaces(self) -> tuple[Constraint, ...]:
        """What it replaces, older versions of itself included."""
        own = Constraint(name=self.name, relation=Relation.LESS, version=self.descriptor.version)
        return (own, *self.descriptor.relationships.replaces)

    @property
    def bootbank_size(self) -> int:
        """Bytes that its payloads take on a bootbank, by their own account."""
        return sum(p.size or 0 for p in self.descriptor.payloads if p.type in _ON_BOOTBANK)
