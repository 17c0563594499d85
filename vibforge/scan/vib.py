"""A VIB or a bundle as checks see it: what it states, and what was found when it was read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vibforge.errors import FormatError
from vibforge.model.descriptor import Descriptor
from vibforge.scan.file import ScannedFile
from vibforge.scan.payload import Progress, ScannedPayload, no_progress, scan_payload
from vibforge.scan.signature import Signature, signature_of

if TYPE_CHECKING:
    from vibforge.model.bundle import Bundle
    from vibforge.model.source import Source
    from vibforge.model.vib import Vib


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


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleScan:
    """A bundle with the VIBs in it, by the names of their members."""

    bundle: "Bundle"
    name: str
    vibs: "tuple[tuple[str, Vib], ...]"
    """Those that can be read."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """The members that cannot be read as VIBs, each with the reason."""
    inside: bool = False
    """Whether it stands in another zip."""


def bundle_scan(bundle: "Bundle", sources: "Iterable[Source]", *, inside: bool) -> BundleScan:
    """Return a bundle with its VIBs, whose containers and descriptors are read on the way.

    Args:
        bundle: what the bundle states.
        sources: its VIBs, named `BUNDLE:MEMBER`.
        inside: whether it stands in another zip.

    Raises:
        LimitError: the budget of the file is spent.
    """
    from vibforge.model.vib import Vib  # noqa: PLC0415 - a build reads none

    vibs: list[tuple[str, Vib]] = []
    unreadable: list[tuple[str, str]] = []
    for source in sources:
        member = source.name.removeprefix(f"{bundle.name}:")
        try:
            vibs.append((member, Vib.from_source(source)))
        except FormatError as error:
            unreadable.append((member, error.problems[0].what))
    return BundleScan(
        bundle=bundle,
        name=bundle.name,
        vibs=tuple(vibs),
        unreadable=tuple(unreadable),
        inside=inside,
    )
