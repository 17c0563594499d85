"""Running the server of `vibforge bundle serve` until somebody stops it."""

from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.cli.arguments import print_report
from vibforge.depot.serve import DepotServer, Served, reachable_name
from vibforge.errors import ModelError
from vibforge.report.bundle import served_text

if TYPE_CHECKING:
    from vibforge.depot.serving_certificate import ServerIdentity

_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


def identity(
    host: str, certificate: Path | None, key: Path | None, *, https: bool
) -> "ServerIdentity | None":
    """Return what HTTPS needs, None for plain HTTP.

    Raises:
        ModelError: a certificate without a key, or a key without a certificate.
        SigningError: they cannot be used.
    """
    if (certificate is None) != (key is None):
        raise ModelError("--cert and --key go together")
    if certificate is None and not https:
        return None
    from vibforge.depot.serving_certificate import (  # noqa: PLC0415 - plain HTTP needs none of it
        given_identity,
        made_identity,
    )

    if certificate is not None and key is not None:
        return given_identity(certificate, key)
    return made_identity(reachable_name(host))


def run(server: DepotServer, served: Served, *, fingerprint: str) -> None:
    """Say where the depot is, and serve it until a signal comes."""
    is_local = str(server.server_address[0]) in _LOCAL
    print_report(served_text(served, fingerprint, is_local=is_local))
    server.serve_forever(poll_interval=0.2)
