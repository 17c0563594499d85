"""A VIB as the rules of an install see it: what it says of itself, and how much is known."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from vibforge.errors import ModelError
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.descriptor import Checksum, Descriptor, MaintenanceMode, Payload
from vibforge.model.relationships import Constraint, Provide, Relation

UNPACKED_TYPES = frozenset({"tgz", "vgz", "boot", "vzstd"})
"""Payloads that a host unpacks or mounts, and wants digests of their unpacked form for."""
DATABASE_NAME_LIMIT = 48
"""Characters of a name that always fit the path of the host's database (tried on 6.7)."""
_ON_BOOTBANK = frozenset({"tgz", "vgz", "boot", "vzstd"})


class Signature(StrEnum):
    """What a host would make of a VIB's signature."""

    MISSING = "missing"
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    BROKEN = "broken"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    """There is one, and nobody has held it against the host's trust store."""


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
        """The level that a host reads: community where the descriptor says nothing usable."""
        return _level(self.descriptor.acceptance_level or "community")

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


@lru_cache(maxsize=64)
def _level(text: str) -> AcceptanceLevel:
    """Read a level once: a prediction asks for those of all VIBs for each possible host."""
    try:
        return AcceptanceLevel.parse(text)
    except ModelError:
        return AcceptanceLevel.COMMUNITY


def lacks_gunzip_sha256(package: Package) -> tuple[str, ...]:
    """Return the payloads without the digest that ESXi 8.0 and later demand (KB 318056)."""
    return tuple(
        payload.name
        for payload in package.descriptor.payloads
        if payload.type in UNPACKED_TYPES
        and not any(_is(c, "sha-256", "gunzip") for c in payload.checksums)
    )


def lacks_any_gunzip(package: Package) -> tuple[str, ...]:
    """Return the payloads that 6.7 cannot mount live: no digest of their unpacked form."""
    return tuple(
        payload.name
        for payload in package.descriptor.payloads
        if payload.type in UNPACKED_TYPES
        and not any(c.verify_process == "gunzip" for c in payload.checksums)
    )


def old_reader_digest(payload: Payload) -> tuple[Checksum | None, Checksum | None]:
    """Return the digest that 6.5 takes for the stored bytes, and the one it should have taken.

    6.5 ignores `verify-process`, and the last sha-256 element wins (tried on 6.5).
    """
    sha256 = [c for c in payload.checksums if c.checksum_type == "sha-256"]
    plain = [c for c in sha256 if not c.verify_process]
    return (sha256[-1] if sha256 else None), (plain[-1] if plain else None)


def breaks_old_readers(package: Package) -> tuple[str, ...]:
    """Return the payloads whose digests stand in an order that 6.5 misreads."""
    return tuple(p.name for p in package.descriptor.payloads if _is_misread(p))


def _is_misread(payload: Payload) -> bool:
    taken, meant = old_reader_digest(payload)
    if taken is None or not taken.verify_process:
        return False
    return meant is None or taken.digest != meant.digest


def _is(checksum: Checksum, kind: str, process: str) -> bool:
    return checksum.checksum_type == kind and checksum.verify_process == process
