"""Give a rebuilt VIB the signature of a published one, to compare them byte by byte.

A signature is made of the descriptor and a key. A rebuild has the same descriptor, but no key.
"""

from pathlib import Path

from vibforge.files.publication import explained
from vibforge.packages.sign import with_signatures
from vibforge.vib.archive import Vib


def same_signature(rebuilt: Path, published: Path, folder: Path) -> Path:
    """Write the rebuilt VIB with the signature member of another into a folder.

    Raises:
        FormatError: one of them is not a VIB, or cannot be read.
    """
    return signed_copy(rebuilt, Vib.from_path(published).signature, folder)


def signed_copy(rebuilt: Path, signature: bytes, folder: Path) -> Path:
    """Write the rebuilt VIB with this signature member into a folder.

    Raises:
        OutputError: it cannot be written.
    """
    vib = Vib.from_path(rebuilt)
    copy = folder / rebuilt.name
    with explained(copy), vib.source.open() as source, copy.open("xb") as file:
        for chunk in with_signatures(vib, signature, source):
            file.write(chunk)
    return copy
