"""A VIB or a bundle as checks see it: what it states, and what was found when it was read."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vibforge.vib.descriptor import Descriptor
from vibforge.vib.payload_scan import (
    Progress,
    ScannedFile,
    ScannedPayload,
    no_progress,
    scan_payload,
)
from vibforge.vib.signature import Signature, signature_of

if TYPE_CHECKING:
    from vibforge.vib.archive import Vib


class ChangedMode(NamedTuple):
    """The mode of a file in its tree, and the one that the build gave it."""

    found: int
    built: int


class Described(Protocol):
    """Anything with a descriptor: a scanned VIB, or one that a host's facts describe."""

    @property
    def descriptor(self) -> Descriptor:
        """What the VIB states."""


class VibScan:
    """A VIB that is read once, when the first check asks for what is inside."""

    def __init__(
        self,
        vib: "Vib",
        name: str = "",
        progress: Progress = no_progress,
        payloads: tuple[ScannedPayload, ...] | None = None,
        changed_modes: Mapping[str, ChangedMode] = MappingProxyType({}),
    ) -> None:
        """Prepare the scan of a VIB.

        Args:
            vib: the VIB.
            name: what findings call it; the name of its source if empty.
            progress: called with the number of payload bytes that were read.
            payloads: its payloads, where the caller has read them already; if None, they are read
                to their ends when the first check asks for them.
            changed_modes: where the VIB was just built, the modes that the build changed, by path.
        """
        self.vib = vib
        self.name = name or vib.source.name
        self._progress = progress
        self._given = payloads
        self.changed_modes = changed_modes

    @property
    def descriptor(self) -> Descriptor:
        return self.vib.descriptor

    @cached_property
    def signature(self) -> Signature:
        """What the signature is worth by its own arithmetic."""
        return signature_of(self.vib)

    @cached_property
    def payloads(self) -> tuple[ScannedPayload, ...]:
        """Every payload, read to its end unless the caller gave them."""
        if self._given is not None:
            return self._given
        with self.vib.source.open() as stream:
            return tuple(
                scan_payload(
                    payload,
                    self.vib.stored(payload, stream),
                    self.vib.source.budget,
                    progress=self._progress,
                )
                for payload in self.vib.payloads
            )

    @property
    def pairs(self) -> Iterator[ScannedPayload]:
        """The payloads that are both declared and in the archive."""
        return (p for p in self.payloads if p.stored.declared and p.stored.member)

    def files(self) -> Iterator[ScannedFile]:
        """Yield every entry of every payload."""
        for payload in self.payloads:
            yield from payload.files
