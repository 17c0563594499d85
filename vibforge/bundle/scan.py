"""A bundle as checks see it: what it states, and the VIBs in it."""

from typing import TYPE_CHECKING

from msgspec import Struct

from vibforge.errors import FormatError
from vibforge.vib import archive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.bundle.metadata import Bundle
    from vibforge.files.inputs import Source
    from vibforge.vib.archive import Vib


class BundleScan(Struct, frozen=True, kw_only=True):
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
    vibs: list[tuple[str, archive.Vib]] = []
    unreadable: list[tuple[str, str]] = []
    for source in sources:
        member = source.name.removeprefix(f"{bundle.name}:")
        try:
            vibs.append((member, archive.Vib.from_source(source)))
        except FormatError as error:
            unreadable.append((member, error.problems[0].what))
    return BundleScan(
        bundle=bundle,
        name=bundle.name,
        vibs=tuple(vibs),
        unreadable=tuple(unreadable),
        inside=inside,
    )
