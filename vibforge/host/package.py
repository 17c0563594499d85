"""A VIB as a host sees it."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel, is_trusted_by
from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of
from vibforge.vib.descriptor import Descriptor, MaintenanceMode, Payload, algorithm_of
from vibforge.vib.relationships import Constraint, Provide, Relation
from vibforge.vib.scan import UNPACKED_TYPES
from vibforge.vib.signature import Signature

UNPACKED_TO_END = messages.CUT_GZIP()
"""What unpacking says of bytes that end too early: only when all of them have been read."""
LOCKER = "locker"
"""The type of VIBs that go to the locker partition, beside the boot banks."""


class PayloadContent(Struct, frozen=True, kw_only=True):
    """What is in a payload of a file: digests in hex by algorithm, and what unpacking it says.

    `unpacking` holds the words of Python's gzip where the host's own unpacking stops.
    """

    payload: Payload
    present: bool = True
    stored: Mapping[str, str] = field(default_factory=dict)
    unpacked: Mapping[str, str] = field(default_factory=dict)
    unpacking: str = ""


def declared_contents(package: "Package") -> tuple[PayloadContent, ...]:
    """Return the payloads as they are if every digest of the stored bytes is right."""
    return tuple(
        PayloadContent(
            payload=payload,
            stored={algorithm_of(c): c.digest for c in payload.checksums if not c.verify_process},
        )
        for payload in sorted(package.descriptor.payloads, key=lambda each: each.name)
    )


class Package(Struct, frozen=True, kw_only=True):
    """A VIB, installed or to be installed.

    The three `…_known` tell whether the descriptor's fields may be relied on: a host that was
    asked with `esxcli` alone says nothing of file lists and digests.
    """

    descriptor: Descriptor
    signature: Signature = Signature.UNKNOWN
    first_signature: Signature | None = None
    """What the first block is worth, which 6.5 and 6.7.0 look at alone; None: the same."""
    is_signer_inferred: bool = False
    """Whether the signer is trusted because it is known by its fingerprint, by no store at hand."""
    known_signers: tuple[str, ...] = ()
    """Who signed each block, as far as a vendor's signer is known by its fingerprint, where no
    store is at hand; empty for a block of somebody else, and where none is known."""
    signature_says: str = ""
    """What cannot be read of the signature, or who signed."""
    contents: tuple[PayloadContent, ...] = ()
    """What is in the payloads, by their names in order; empty for a VIB without its file."""
    missing_folders: tuple[str, ...] = ()
    """The folders above its files that are no entries of the payload, in the file's order."""
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
    def is_only_listed(self) -> bool:
        """Whether nothing is known of it but what `esxcli software vib list` prints."""
        return not (self.files_known or self.relationships_known or self.payloads_known)

    @property
    def overlay(self) -> bool:
        return bool(self.descriptor.overlay)

    @property
    def is_installable(self) -> bool:
        """Whether a host changes anything for it: not for `meta`, nor without a type."""
        return self.descriptor.type in {"bootbank", LOCKER}

    @property
    def maintenance_mode(self) -> MaintenanceMode:
        """What a live change needs; a descriptor that is silent means both (tried on 6.7)."""
        return self.descriptor.system_requires.maintenance_mode or MaintenanceMode(
            on_install=True, on_remove=True
        )

    @property
    def provides(self) -> tuple[Provide, ...]:
        """What it provides, its own name and version included."""
        return self.descriptor.provides

    @property
    def replaces(self) -> tuple[Constraint, ...]:
        """What it replaces, older versions of itself included."""
        own = Constraint(name=self.name, relation=Relation.LESS, version=self.descriptor.version)
        return (own, *self.descriptor.relationships.replaces)

    @property
    def bootbank_size(self) -> int:
        """Bytes that its payloads take on a bootbank, by their own account."""
        if self.descriptor.type == LOCKER:
            return 0
        return sum(p.size or 0 for p in self.descriptor.payloads if p.type in UNPACKED_TYPES)


def seen_by(release: Release, package: Package) -> Package:
    """Return a VIB with what its signature is worth to a stock host of a release.

    6.5 and 6.7.0 read the first block of a signature alone; later releases try each.
    """
    if package.signature is not Signature.UNKNOWN or not package.known_signers:
        return package
    blocks = package.known_signers[:1] if row_of(release).tried else package.known_signers
    trusted = [is_trusted_by(release, signer, package.level) for signer in blocks]
    if any(trusted):
        return replace(package, signature=Signature.TRUSTED, is_signer_inferred=True)
    if all(verdict is False for verdict in trusted):
        return replace(package, signature=Signature.UNTRUSTED)
    return package
