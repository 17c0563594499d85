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
"""The message for truncated bytes; the host prints it only after it has read all of them."""
LOCKER = "locker"
"""The type of VIBs that hosts install on the locker partition instead of the boot banks."""


class PayloadContent(Struct, frozen=True, kw_only=True):
    """The content of a payload: digests in hex by algorithm, and the error of unpacking it.

    `unpacking` is the message of Python's gzip module with which the host fails to unpack it;
    empty if the host unpacks it.
    """

    payload: Payload
    present: bool = True
    stored: Mapping[str, str] = field(default_factory=dict)
    unpacked: Mapping[str, str] = field(default_factory=dict)
    unpacking: str = ""


def declared_contents(package: "Package") -> tuple[PayloadContent, ...]:
    """Return the payloads as declared, assuming that every digest of the stored bytes matches."""
    return tuple(
        PayloadContent(
            payload=payload,
            stored={algorithm_of(c): c.digest for c in payload.checksums if not c.verify_process},
        )
        for payload in sorted(package.descriptor.payloads, key=lambda payload: payload.name)
    )


class Package(Struct, frozen=True, kw_only=True):
    """A VIB, installed or to be installed.

    The three `…_known` fields say which parts of the descriptor are complete: `esxcli` alone
    reports neither file lists nor digests of an installed VIB.
    """

    descriptor: Descriptor
    signature: Signature = Signature.UNKNOWN
    first_signature: Signature | None = None
    """The state of the first block, the only one that 6.5 and 6.7.0 check; None: as `signature`."""
    is_signer_inferred: bool = False
    """Whether the signer is trusted by its known fingerprint alone, without a trust store."""
    known_signers: tuple[str, ...] = ()
    """The vendor's signer of each block, by its fingerprint, if no trust store was given; empty
    for a block of somebody else. No entries if no signer is known."""
    signature_says: str = ""
    """Why the signature cannot be read, or who signed."""
    contents: tuple[PayloadContent, ...] = ()
    """The contents of the payloads, sorted by name; empty if the VIB's file is not available."""
    missing_folders: tuple[str, ...] = ()
    """The parent folders of its files that the payload lacks, in the order of the file."""
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
        """Whether only the output of `esxcli software vib list` is known."""
        return not (self.files_known or self.relationships_known or self.payloads_known)

    @property
    def overlay(self) -> bool:
        return bool(self.descriptor.overlay)

    @property
    def is_installable(self) -> bool:
        """Whether a host installs it: not if its type is `meta` or missing."""
        return self.descriptor.type in {"bootbank", LOCKER}

    @property
    def maintenance_mode(self) -> MaintenanceMode:
        """Whether live changes require maintenance mode; both do by default (tried on 6.7)."""
        return self.descriptor.system_requires.maintenance_mode or MaintenanceMode(
            on_install=True, on_remove=True
        )

    @property
    def provides(self) -> tuple[Provide, ...]:
        """What it provides, including its own name and version."""
        return self.descriptor.provides

    @property
    def replaces(self) -> tuple[Constraint, ...]:
        """What it replaces, including older versions of itself."""
        own = Constraint(name=self.name, relation=Relation.LESS, version=self.descriptor.version)
        return (own, *self.descriptor.relationships.replaces)

    @property
    def bootbank_size(self) -> int:
        """The declared size of its payloads on a bootbank, in bytes."""
        if self.descriptor.type == LOCKER:
            return 0
        return sum(p.size or 0 for p in self.descriptor.payloads if p.type in UNPACKED_TYPES)


def seen_by(release: Release, package: Package) -> Package:
    """Return a VIB with its signature judged as a stock host of a release does.

    6.5 and 6.7.0 check only the first block of a signature; later releases try each block.
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
