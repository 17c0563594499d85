"""Serve a snapshot of a depot over HTTP, read-only, with Hypercorn and Starlette."""

import asyncio
import socket as sockets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from socket import AF_INET, AF_INET6, create_server, socket
from typing import TYPE_CHECKING, Any, cast

import hypercorn.protocol
from h11 import Request as H11Request
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibforge.bundle.snapshot import DepotAddress, Snapshot, root_url
from vibforge.errors import OutputError

if TYPE_CHECKING:
    from hypercorn.typing import Framework


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


class Server(Struct, frozen=True):
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
    running = serve(application, ServerSettings(listener, tls), shutdown_trigger=until.wait)
    thread = threading.Thread(target=loop.run_until_complete, args=(running,))
    thread.start()
    try:
        yield Server(address, thread)
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join()
        loop.close()


class ServerSettings(Config):
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
