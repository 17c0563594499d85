"""Serve a snapshot of a depot over HTTP, read-only, with Hypercorn and Starlette."""

import asyncio
import ipaddress
import os
import socket as sockets
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from socket import AF_INET, AF_INET6, create_server, gethostname, socket
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import hypercorn.protocol
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from h11 import Request as H11Request
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibforge.bundle.index import INDEX_NAME
from vibforge.bundle.opening import opened_depot, unpack
from vibforge.errors import DepotError, OutputError, SigningError
from vibforge.files.publication import TEMPORARY, explained
from vibforge.formats.streams import read_chunks
from vibforge.signing.key_source import check_names_a_file

if TYPE_CHECKING:
    from hypercorn.typing import Framework


DAYS = 7
"""How long a certificate holds that is made here; it lives no longer than the server."""


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What a server shows: TLS context, and the SHA-256 of its certificate in hex."""

    context: ssl.SSLContext
    fingerprint: str


def given_identity(certificate: Path, key: Path) -> ServerIdentity:
    """Use a certificate (PEM, its chain behind it) and its key (PEM, without passphrase).

    Raises:
        ModelError: a path is no name, but perhaps the key.
        SigningError: a file cannot be read, or the key is not that of the certificate.
    """
    for path in (certificate, key):
        check_names_a_file(path)
    try:
        text = certificate.read_bytes()
        shown = x509.load_pem_x509_certificate(text)
        context = _context(certificate, key)
    except (OSError, ValueError) as error:
        raise SigningError(
            f"cannot be used for HTTPS: {error}",
            where=f"{certificate} and {key}",
            remedy="give a PEM certificate and its PEM key without a passphrase",
        ) from error
    return ServerIdentity(context, shown.fingerprint(hashes.SHA256()).hex())


def made_identity(host: str) -> ServerIdentity:
    """Make a self-signed certificate for an address; its key is nowhere but in memory."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    return ServerIdentity(_loaded(text + pem), made.fingerprint(hashes.SHA256()).hex())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _loaded(pem: bytes) -> ssl.SSLContext:
    """Load certificate and key; the ssl module takes them from a file only."""
    with explained(TEMPORARY):
        descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        return _context(Path(name), None)
    finally:
        Path(name).unlink()


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=_no_passphrase)
    return context


def _no_passphrase() -> str:
    """Answer OpenSSL's question, so that it does not ask at the terminal."""
    return ""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
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
    with explained(TEMPORARY):
        folder = tempfile.TemporaryDirectory(prefix="vibforge-depot-")
    with folder as name:
        copy, tree = Path(name, "bundle.zip"), Path(name, "tree")
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


PATIENCE = 10
"""Seconds that a client has for its TLS handshake, for a whole request, and between requests."""
STALLED = 60
"""Seconds that a client may take nothing of an answer; a slow disk makes it wait, not that long."""
_WAITING = 1024
"""Connections that wait to be accepted: a crowd of slow clients comes all at once."""
_TYPES = {".xml": "application/xml", ".zip": "application/zip"}
_LOG_LIMIT = 200
_LOOK = 0.2
"""Seconds between two looks whether the server still runs; Windows has signals wait for them."""

Log = Callable[[str], None]
"""Called with each request, in one line without control characters."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs in a thread, and its address."""

    address: DepotAddress
    _thread: threading.Thread

    def wait(self) -> None:
        """Wait until the server ends, or the exception of a signal."""
        while self._thread.is_alive():
            self._thread.join(_LOOK)


@contextmanager
def serving(
    depot: Snapshot,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    log: Log,
) -> Iterator[Server]:
    """Serve a depot from a thread of its own, until the context ends.

    Args:
        depot: what to serve.
        host: the address to listen at.
        port: 0 for any that is free.
        tls: certificate and key, for HTTPS.
        log: called with each request, from the server's thread.

    Raises:
        OutputError: the address cannot be listened at.
    """
    listener = _listening(host, port)
    address = DepotAddress(
        url=root_url(host, listener.getsockname()[1], secure=tls is not None),
        zip_name=depot.zip_name,
        has_components=depot.has_components,
    )
    loop, until = asyncio.new_event_loop(), asyncio.Event()
    loop.set_exception_handler(lambda _, context: _log_trouble(context, log))
    # The two packages write the types of one interface, ASGI, in different ways.
    application = cast("Framework", _Logged(_application(depot), log))
    running = serve(application, Settings(listener, tls), shutdown_trigger=until.wait)
    thread = threading.Thread(target=loop.run_until_complete, args=(running,))
    thread.start()
    try:
        yield Server(address, thread)
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join()
        loop.close()


class Settings(Config):
    """How Hypercorn serves: at a socket that listens already, and closes, with little patience.

    `keep_alive_timeout` ends whatever is no whole request. `read_timeout` would also end an answer
    that takes longer than it, as those of large bundles do.
    """

    keep_alive_timeout = PATIENCE
    ssl_handshake_timeout = PATIENCE
    graceful_timeout = 0
    backlog = _WAITING
    accesslog = None
    errorlog = None
    include_server_header = False

    def __init__(self, listener: socket, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self.bind = [f"fd://{listener.detach()}"]

    @property
    def ssl_enabled(self) -> bool:
        return self._tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._tls


class _Http1(H11Protocol):
    """Stays with HTTP/1.1, whatever a client asks for.

    In HTTP/2 a client can take nothing of an answer, or ask for nothing, and still be alive.
    """

    async def _check_protocol(self, event: H11Request) -> None:
        """Upgrade to nothing."""


hypercorn.protocol.H11Protocol = _Http1  # type: ignore[attr-defined] # there is no setting for it


def _application(depot: Snapshot) -> ASGIApp:
    async def answer(request: Request) -> Response:
        path = depot.files.get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("not here\n", 404)
        suffix = PurePosixPath(path.name).suffix.lower()
        return FileResponse(path, media_type=_TYPES.get(suffix, "application/octet-stream"))

    return Starlette(routes=[Route("/{name:path}", answer, methods=["GET"])])


class _Logged:
    """Logs each answer of an application in one line."""

    def __init__(self, application: ASGIApp, log: Log) -> None:
        self._application = application
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._log(_line(scope, message["status"]))
            await send(message)

        await self._application(scope, receive, sent)


def _log_trouble(context: dict[str, Any], log: Log) -> None:
    """Log what the event loop cannot handle: too many open files, above all."""
    error = context.get("exception")
    if not isinstance(error, asyncio.CancelledError):  # connections that were open at the end
        log(_plain(str(error or context["message"])))


def _line(scope: Scope, status: int) -> str:
    client = scope["client"][0] if scope["client"] else "-"
    target = scope["raw_path"].decode("latin-1")
    return _plain(f'{client} "{scope["method"]} {target} HTTP/{scope["http_version"]}" {status}')


def _plain(text: str) -> str:
    kept = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
    return kept[:_LOG_LIMIT]


def _listening(host: str, port: int) -> socket:
    try:
        family = AF_INET6 if ":" in host else AF_INET
        listener = create_server((host, port), family=family, backlog=_WAITING)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        where = f"{host} port {port}"
        raise OutputError(f"cannot listen: {reason}", where=where) from error
    if hasattr(sockets, "TCP_USER_TIMEOUT"):  # Linux; each connection takes it over
        listener.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, STALLED * 1000)
    return listener
