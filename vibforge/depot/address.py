"""Where a served depot is: what hosts and Lifecycle Manager are told."""

from dataclasses import dataclass
from socket import gethostname
from urllib.parse import quote

from vibforge.model.bundle_index import INDEX_NAME

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not listened at


@dataclass(frozen=True, kw_only=True, slots=True)
class DepotAddress:
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
