"""Serve a depot from its zip for an afternoon: reading only, and nothing but its members.

Paths are looked up among the names of the members, so that no path leads anywhere else. This is
no web server to stay: any of those serves the tree that `unpack` gives.
"""

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6, gethostname, socket
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from vibforge.depot.unpack import opened_depot
from vibforge.errors import FormatError, OutputError
from vibforge.formats.byte_stream import CHUNK_SIZE
from vibforge.model.bundle_index import INDEX_NAME
from vibforge.model.source import Source, ZipSource
from vibforge.operations.subjects import OpenBundle

CONNECTION_LIMIT = 32
"""Connections at once, each a thread; a host opens one or two."""
PATIENCE = 30.0
"""Seconds that a connection may be silent before it is closed."""
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_TYPES = {".xml": "application/xml", ".zip": "application/zip"}
_LOG_LIMIT = 200
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not listened at

Log = Callable[[str], None]
"""Is told each request, in one line without control characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A depot that is being served; `url` ends in a slash."""

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
        return f"{self.url}{self.zip_name}"


class DepotServer(ThreadingHTTPServer):
    """An HTTP server of the members of one bundle, and of the bundle itself."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTION_LIMIT

    def __init__(
        self,
        address: tuple[str, int],
        files: dict[str, Source],
        log: Log,
        tls: ssl.SSLContext | None,
    ) -> None:
        if ":" in address[0]:
            self.address_family = AF_INET6
        self.files = files
        self.log = log
        self._tls = tls
        self._places = threading.BoundedSemaphore(CONNECTION_LIMIT)
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket, tuple[str, int]]:
        """Accept a connection; the TLS handshake waits for its thread."""
        connection, peer = super().get_request()
        connection.settimeout(PATIENCE)
        if self._tls is not None:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, peer

    def process_request(self, request: object, client_address: object) -> None:
        """Give a connection a thread, or close it where there are too many."""
        if not self._places.acquire(blocking=False):
            self.log(f"{client_address}: closed, {CONNECTION_LIMIT} connections are open")
            self.shutdown_request(request)  # type: ignore[arg-type] # typeshed wants its own alias
            return
        super().process_request(request, client_address)  # type: ignore[arg-type] # the same

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type] # the same
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base's shape
        """Tell in one line what ended a connection: peers go away, and speak no TLS."""
        import sys  # noqa: PLC0415 - only where something failed

        self.log(_plain(f"{client_address}: {sys.exc_info()[1]}"))


@contextmanager
def serving(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    log: Log,
) -> Iterator[tuple[DepotServer, Served]]:
    """Open a bundle's server; it answers while somebody runs its `serve_forever`.

    Args:
        path: the bundle.
        host: the address to listen at.
        port: 0 for any that is free.
        tls: certificate and key, for HTTPS.
        log: is told each request.

    Raises:
        FormatError: it is not a bundle, or its members are unsafe.
        DepotError: there are several bundles in it, or no index.
        OutputError: the address cannot be listened at.
    """
    with opened_depot(path) as bundle:
        zip_name = f"{path.stem}.zip"
        files = _files(bundle, zip_name)
        with _listening((host, port), files, log, tls) as server:
            url = _url(host, server.server_address[1], secure=tls is not None)
            components = bool(bundle.bundle.components)
            yield server, Served(url=url, zip_name=zip_name, has_components=components)


def _listening(
    address: tuple[str, int], files: dict[str, Source], log: Log, tls: ssl.SSLContext | None
) -> DepotServer:
    try:
        return DepotServer(address, files, log, tls)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        where = f"{address[0]} port {address[1]}"
        raise OutputError(f"cannot listen: {reason}", where=where) from error


def _url(host: str, port: int, *, secure: bool) -> str:
    name = reachable_name(host)
    shown = f"[{name}]" if ":" in name else name
    return f"{'https' if secure else 'http'}://{shown}:{port}/"


def reachable_name(host: str) -> str:
    """Return what others call this machine: the address, or its name where that means all."""
    return gethostname() if host in _EVERYWHERE else host


def _files(bundle: OpenBundle, zip_name: str) -> dict[str, Source]:
    files: dict[str, Source] = {zip_name: bundle.container}
    for member in bundle.archive.members:
        files[member.name] = ZipSource(bundle.archive, member, member.name)
    return files


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the names that the server knows."""

    protocol_version = "HTTP/1.1"
    server_version = "vibforge"
    sys_version = ""
    timeout = PATIENCE
    server: DepotServer

    def do_GET(self) -> None:
        """Answer with a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of a file."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tell the server's log, without what a terminal would obey."""
        self.server.log(_plain(f"{self.client_address[0]} {format % args}"))

    def _answer(self, *, with_body: bool) -> None:
        name = _name(self.path)
        source = self.server.files.get(name)
        if source is None:
            listing = "".join(f"{each}\n" for each in sorted(self.server.files))
            status = HTTPStatus.NOT_FOUND if name else HTTPStatus.OK
            self._send_text(status, "not here\n" if name else listing, with_body=with_body)
            return
        try:
            start, size = byte_range(self.headers.get("Range"), source.size)
        except ValueError:
            self._send_text(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "", f"bytes */{source.size}"
            )
            return
        self._send_file(source, name, start, size, with_body=with_body)

    def _send_file(
        self, source: Source, name: str, start: int, size: int, *, with_body: bool
    ) -> None:
        partial = size != source.size
        with source.renewed().open() as stream:  # a depot is served for as long as it is asked
            self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
            suffix = Path(name).suffix.lower()
            self.send_header("Content-Type", _TYPES.get(suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(size))
            self.send_header("Accept-Ranges", "bytes")
            if partial:
                told = f"bytes {start}-{start + size - 1}/{source.size}"
                self.send_header("Content-Range", told)
            self.end_headers()
            if with_body:
                self._copy(stream, start, size)

    def _copy(self, stream: BinaryIO, start: int, size: int) -> None:
        try:
            stream.seek(start)
            while size > 0 and (chunk := stream.read(min(CHUNK_SIZE, size))):
                self.wfile.write(chunk)
                size -= len(chunk)
        except FormatError as error:
            self.log_message("%s", error)
        if size > 0:  # what was promised cannot be kept: only an end of the line tells
            self.close_connection = True

    def _send_text(
        self, status: HTTPStatus, text: str, content_range: str = "", *, with_body: bool = True
    ) -> None:
        data = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if with_body:
            self.wfile.write(data)


def _name(path: str) -> str:
    """Return the member that a request's path asks for."""
    try:
        return unquote(urlsplit(path).path, errors="strict").removeprefix("/")
    except ValueError:
        return "?"


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """Return start and size of the one range that was asked for; all where none was.

    Raises:
        ValueError: the range is not in the file.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or not (match[1] or match[2]):
        return 0, size
    first, last = match[1], match[2]
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise ValueError(header)
    return start, end - start + 1


def _plain(text: str) -> str:
    kept = "".join(char if char.isprintable() else "?" for char in text)
    return kept[:_LOG_LIMIT]
