"""The form of archive that a payload of each type holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.tar_header import Entry
from vibforge.model.recipe import PayloadType


class Archive(Protocol):
    """A form of archive: how it lays entries out, and how many bytes that takes."""

    def image(self, entries: Sequence[Entry]) -> Iterator[bytes | Entry]:
        """Yield bytes as they are, and entries whose content is due."""

    def image_size(self, entries: Sequence[Entry]) -> int:
        """Return the bytes that an image takes."""


ARCHIVES: Mapping[PayloadType, Archive] = {PayloadType.TGZ: gnu_tar, PayloadType.VGZ: vmtar}
