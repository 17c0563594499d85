"""Running the server of `vibforge bundle serve` until somebody stops it."""

from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.cli.arguments import print_report, tell
from vibforge.depot.address import reachable_name
from vibforge.errors import ModelError, OutputError
from vibforge.report.bundle import served_text

if TYPE_CHECKING:
    import ssl

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


def run(bundle: Path, host: str, port: int, identity: "ServerIdentity | None") -> None:
    """Say where the depot is, and serve it until a signal comes.

    Raises:
        OutputError: the server is not installed, or cannot listen; else as `snapshot` has them.
    """
    try:
        from vibforge.depot.serve import serving  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise OutputError(
            "serving needs the packages hypercorn and starlette",
            remedy="pip install 'vibforge[serve]', or let a web server serve what "
            "`vibforge bundle unpack` writes",
        ) from error
    from vibforge.depot.snapshot import snapshot  # noqa: PLC0415 - only where it is served

    tls: ssl.SSLContext | None = identity.context if identity else None
    fingerprint = identity.fingerprint if identity else ""
    with (
        snapshot(bundle) as depot,
        serving(depot, host=host, port=port, tls=tls, log=tell) as served,
    ):
        print_report(served_text(served.address, fingerprint, is_local=host in _LOCAL))
        served.wait()
