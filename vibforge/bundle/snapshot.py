"""A depot as it was at one moment, and the address at which it is served."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gethostname
from urllib.parse import quote

from msgspec import Struct

from vibforge.bundle.index import INDEX_NAME
from vibforge.bundle.opening import opened_depot, unpack
from vibforge.errors import DepotError
from vibforge.files.publication import TEMPORARY, explained, temporary_folder
from vibforge.formats.streams import read_chunks

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not listened at


class DepotAddress(Struct, frozen=True, kw_only=True):
    """The address of a depot; `url` ends in a slash."""

    url: str
    zip_name: str
    has_components: bool

    @property
    def index_url(self) -> str:
        """What `esxcli software vib install -d` takes."""
        return f"{self.url}{INDEX_NAME}"

    @property
    def zip_url(self) -> str:
        """What Lifecycle Manager pulls."""
        return f"{self.url}{quote(self.zip_name)}"


def root_url(host: str, port: int, *, secure: bool) -> str:
    """Return the address of a server that listens at `host`."""
    name = reachable_name(host)
    shown = f"[{name}]" if ":" in name else name
    return f"{'https' if secure else 'http'}://{shown}:{port}/"


def reachable_name(host: str) -> str:
    """Return what others call this machine: the address, or its name where that means all."""
    return gethostname() if host in _EVERYWHERE else host


class Snapshot(Struct, frozen=True, kw_only=True):
    """The files of a depot by name: its members, and the zip itself as `zip_name`."""

    files: dict[str, Path]
    zip_name: str
    has_components: bool


@contextmanager
def snapshot(path: Path) -> Iterator[Snapshot]:
    """Copy a bundle to a temporary folder and unpack the copy there; both go in the end.

    Raises:
        FormatError: it is not a bundle, is damaged or was changed meanwhile, or its members are
            unsafe.
        DepotError: there are several bundles in it, no index, or a member has the zip's name.
        OutputError: the temporary folder cannot be written, or is too small.
    """
    with temporary_folder("vibforge-depot-") as folder:
        copy, tree = folder / "bundle.zip", folder / "tree"
        with opened_depot(path) as found, found.container.open() as stream:
            with explained(TEMPORARY), copy.open("wb") as file:
                for piece in read_chunks(stream, found.container.size):
                    file.write(piece)
            has_components = bool(found.bundle.components)
        files = {each: tree / each for each in unpack(copy, tree).files}
        zip_name = f"{path.stem}.zip"
        if zip_name in files:
            raise DepotError(
                f"its member {zip_name} has the name of the bundle",
                where=str(path),
                remedy="rename the bundle's file",
            )
        yield Snapshot(
            files=files | {zip_name: copy}, zip_name=zip_name, has_components=has_components
        )
