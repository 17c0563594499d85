import hashlib
import io
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import bundles, vibs
from tests.budgets import limit
from tests.bundles import members, zipped
from vibforge.bundle.create import create_bundle
from vibforge.bundle.opening import unpack
from vibforge.bundle.recipe import BundleRecipe
from vibforge.bundle.serve import Server, ServerSettings, serving
from vibforge.bundle.serving_certificate import given_identity, made_identity
from vibforge.bundle.snapshot import Snapshot, snapshot
from vibforge.errors import DepotError, FormatError, OutputError, SigningError, VibforgeError
from vibforge.formats.budget import Work

VIB = bundles.PATH
RECIPE = BundleRecipe(vendor_code="ABC", platforms=("8.0",))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return create_bundle([vibs.write(tmp_path)], tmp_path / "x.zip", RECIPE).path


class Running:
    """A server, with what it logged."""

    def __init__(self, server: Server, log: list[str]) -> None:
        self.served = server.address
        self.at = ("127.0.0.1", urlsplit(server.address.url).port or 0)
        self.log = log

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
        connection = HTTPConnection(*self.at, timeout=10)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body, response.headers.get("Content-Range", "")


def fetched(url: str, context: ssl.SSLContext | None = None) -> bytes:
    with urllib.request.urlopen(url, timeout=10, context=context) as response:  # noqa: S310 - ours
        data: bytes = response.read()
    return data


@contextmanager
def running(path: Path, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    log: list[str] = []
    with snapshot(path) as depot, serving(depot, log=log.append, tls=tls) as server:
        yield Running(server, log)


def test_every_member_and_the_bundle_itself(bundle: Path) -> None:
    with running(bundle) as found:
        for name, data in members(bundle.read_bytes()).items():
            assert fetched(found.served.url + name) == data
        assert fetched(found.served.zip_url) == bundle.read_bytes()
        assert found.served.index_url == f"{found.served.url}index.xml"
        assert any('"GET /index.xml HTTP/1.1" 200' in line for line in found.log)


def test_only_this_machine_unless_told(bundle: Path) -> None:
    with running(bundle) as found:
        assert found.served.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "path",
    [
        *("/../x.zip", "/%2e%2e/x.zip", "//etc/passwd", "/", "/vib20/", "/vib20", "/nothing"),
        *("/index.xml/", "/INDEX.XML", "/%00", "/%ff", "http://other/../../etc/passwd"),
    ],
)
def test_no_path_leads_out(bundle: Path, path: str) -> None:
    with running(bundle) as found:
        assert found.get(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_nothing_can_be_written(bundle: Path, method: str) -> None:
    with running(bundle) as found:
        assert found.get("/index.xml", method)[0] == 405


DATA = vibs.vib()
SIZE = len(DATA)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=5-{SIZE * 9}", 5, SIZE - 1),
    ],
)
def test_ranges(bundle: Path, asked: str, start: int, end: int) -> None:
    with running(bundle) as found:
        status, body, told = found.get(f"/{VIB}", Range=asked)
        assert (status, body) == (206, DATA[start : end + 1])
        assert told == f"bytes {start}-{end}/{SIZE}"


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=9-3"])
def test_ranges_that_cannot_be_given(bundle: Path, asked: str) -> None:
    with running(bundle) as found:
        assert found.get(f"/{VIB}", Range=asked)[0] in {400, 416}


def test_head_tells_the_size_alone(bundle: Path) -> None:
    with running(bundle) as found:
        assert found.get(f"/{VIB}", "HEAD")[:2] == (200, b"")


def test_a_bundle_of_others_whose_members_are_packed(corpus: Path) -> None:
    path = corpus / "bundles" / "lamw-vghetto-ghettoVCB-offline-bundle.zip"
    with running(path) as found:
        for name, data in members(path.read_bytes()).items():
            assert found.get(f"/{name}", Range="bytes=11-")[1] == data[11:]


def test_many_at_once_get_the_right_bytes(bundle: Path) -> None:
    with running(bundle) as found:
        results: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: results.append(found.get(f"/{VIB}")[1]))
            for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [DATA] * 16


@contextmanager
def slow_clients(address: tuple[str, int], *, tls: bool) -> Iterator[None]:
    """Open 200 connections that never finish: silent, half a request, a byte now and then."""
    half = b"\x16\x03\x01\x02\x00" if tls else b"GET /index.xml HTTP/1.1\r\nHost: x\r\nX-A: "
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(200)
        ]
        for number, each in enumerate(sockets):
            each.sendall((b"", half, half[:1])[number % 3])
        over = threading.Event()

        def drip() -> None:
            while not over.wait(1):
                for each in sockets[2::3]:
                    with suppress(OSError):
                        each.sendall(b"G")

        dripping = threading.Thread(target=drip)
        dripping.start()
        yield
        over.set()
        dripping.join()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_200_slow_clients_stop_nobody(
    bundle: Path, tmp_path: Path, tool: Callable[[str], str], scheme: str
) -> None:
    tls = made_identity("127.0.0.1").context if scheme == "https" else None
    with running(bundle, tls) as found:
        assert found.served.url.startswith(f"{scheme}://127.0.0.1:")
        address = found.at
        with slow_clients(address, tls=tls is not None):
            url = found.served.url
            index, whole, part = (str(tmp_path / name) for name in ("index", "whole", "part"))
            words = [tool("curl"), "-skSf", "--max-time", "20"]
            urls = [f"{url}index.xml", "-o", index, f"{url}{VIB}", "-o", whole]
            subprocess.run([*words, *urls], check=True)
            subprocess.run([*words, "-r", "100-199", f"{url}{VIB}", "-o", part], check=True)
            assert Path(index).read_bytes() == members(bundle.read_bytes())["index.xml"]
            assert Path(whole).read_bytes() == DATA
            assert Path(part).read_bytes() == DATA[100:200]


NO_PATIENCE = ("keep_alive_timeout", "ssl_handshake_timeout")
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"GET /index.xml HTTP/1.1\r\nX-A: ", HTTP2])
@pytest.mark.parametrize("secure", [False, True])
def test_a_client_that_asks_for_nothing_is_closed(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes, *, secure: bool
) -> None:
    for name in NO_PATIENCE:
        monkeypatch.setattr(ServerSettings, name, 1)
    tls = made_identity("127.0.0.1").context if secure else None
    with running(bundle, tls) as found:
        address = found.at
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"" if secure else sent)
            answer = b"".join(iter(partial(connection.recv, 4096), b""))
            assert answer.startswith(b"HTTP/1.1 4" if answer else b"")


@pytest.mark.parametrize("wish", ["h2c", "websocket"])
def test_nobody_talks_the_server_into_another_protocol(bundle: Path, wish: str) -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAQAAAAA"}
    with running(bundle) as found:
        assert found.get("/index.xml", Upgrade=wish, **upgrade)[0] in {200, 400, 403}


@contextmanager
def large(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Serve a file that no buffer holds, and give the address."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(LARGE)
    depot = Snapshot(files={"large": tmp_path / "large"}, zip_name="large", has_components=False)
    with serving(depot, log=lambda _: None) as server:
        yield "127.0.0.1", urlsplit(server.address.url).port or 0


LARGE = 64 * 1024 * 1024


@pytest.mark.slow
def test_a_slow_client_gets_all_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NO_PATIENCE:
        monkeypatch.setattr(ServerSettings, name, 1)
    with large(tmp_path) as address, closing(HTTPConnection(*address, timeout=10)) as connection:
        connection.request("GET", "/large")
        with connection.getresponse() as response:
            size = len(response.read(1000))
            time.sleep(3)
            assert size + len(response.read()) == LARGE


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has such a time-out")
def test_a_client_that_takes_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibforge.bundle.serve.STALLED", 1)
    with large(tmp_path) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(address)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(6)
        size = 0
        with suppress(ConnectionResetError):
            while got := connection.recv(65536):
                size += len(got)
        assert size < LARGE


def test_what_happens_to_the_zip_changes_nothing(bundle: Path, tmp_path: Path) -> None:
    before = bundle.read_bytes()
    other = create_bundle([vibs.write(tmp_path, "other")], tmp_path / "o.zip", RECIPE).path
    with running(bundle) as found:
        bundle.write_bytes(other.read_bytes())
        for name, data in members(before).items():
            assert fetched(found.served.url + name) == data
        assert fetched(found.served.zip_url) == before
        bundle.unlink()
        assert found.get(f"/{VIB}", Range="bytes=5-5")[1] == DATA[5:6]


def test_nothing_is_left_of_the_copy(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with running(bundle) as found:
        assert found.get("/index.xml")[0] == 200
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_member_with_the_name_of_the_bundle(bundle: Path, tmp_path: Path) -> None:
    same = bundle.rename(tmp_path / "metadata.zip")
    with pytest.raises(DepotError, match="has the name of the bundle"), snapshot(same):
        pass


def test_the_log_obeys_nobody(bundle: Path) -> None:
    with running(bundle) as found:
        address = found.at
        for target in (b"/%1b[31m", b"/\x1b[31m", b"/%0d%0aX", b"/\xc2\x9b31m"):
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(b"GET " + target + b" HTTP/1.0\r\n\r\n")
                while connection.recv(1000):
                    pass
        assert '127.0.0.1 "GET /%1b[31m HTTP/1.0" 404' in found.log
        assert all(line.isascii() and line.isprintable() for line in found.log)


def test_https_with_a_new_certificate(
    bundle: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    identity = made_identity("127.0.0.1")
    with running(bundle, identity.context) as found:
        assert found.served.url.startswith("https://")
        with pytest.raises(urllib.error.URLError, match="self-signed"):
            fetched(found.served.index_url)
        pem = ssl.get_server_certificate(found.at)
        der = ssl.PEM_cert_to_DER_cert(pem)
        assert hashlib.sha256(der).hexdigest() == identity.fingerprint
        trusting = ssl.create_default_context(cadata=pem)
        assert b"<vendorList>" in fetched(found.served.index_url, trusting)
        (tmp_path / "ca.pem").write_text(pem)
        words = [tool("curl"), "-sSf", "--cacert", str(tmp_path / "ca.pem"), found.served.index_url]
        done = subprocess.run(words, capture_output=True, check=True)
        assert b"<vendorList>" in done.stdout


def test_a_given_certificate(bundle: Path, tmp_path: Path, tool: Callable[[str], str]) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = [
        tool("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    names = ["-subj", "/CN=depot", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-nodes", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words, *names, *files], check=True, capture_output=True)
    with running(bundle, given_identity(certificate, key).context) as found:
        trusting = ssl.create_default_context(cafile=certificate)
        assert b"<vendorList>" in fetched(found.served.index_url, trusting)
    other = vibs.write(tmp_path, "other")
    with pytest.raises(SigningError, match="cannot be used for HTTPS"):
        given_identity(other, key)


def test_plain_http_to_a_tls_port_ends_the_connection(bundle: Path) -> None:
    with (
        running(bundle, made_identity("localhost").context) as found,
        pytest.raises((HTTPException, OSError)),
    ):
        found.get("/index.xml")


def test_a_port_that_is_taken(bundle: Path) -> None:
    with (
        running(bundle) as found,
        pytest.raises(OutputError, match="cannot listen"),
        snapshot(bundle) as depot,
        serving(depot, port=found.at[1], log=print),
    ):
        pass


def test_unpacked_it_is_the_tree_that_is_served(bundle: Path, tmp_path: Path) -> None:
    done = unpack(bundle, tmp_path / "depot")
    assert set(done.files) == set(members(bundle.read_bytes()))
    for name, data in members(bundle.read_bytes()).items():
        assert (done.folder / name).read_bytes() == data
    with pytest.raises(OutputError, match="the path exists"):
        unpack(bundle, tmp_path / "depot")


def bomb() -> bytes:
    """Return a bundle whose members unpack to 200 MB."""
    buffer = io.BytesIO(bundles.bundle())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("vib20/bomb.vib", bytes(20_000_000))
    return buffer.getvalue()


def link() -> bytes:
    buffer = io.BytesIO(bundles.bundle())
    info = zipfile.ZipInfo("vib20/link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(info, "/etc")
    return buffer.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb": (bomb, "more than 10000000 bytes unpacked"),
    "a link": (link, "symbolic link"),
    "upwards": (lambda: zipped([("../x", b"x"), ("index.xml", b"")]), "leads upwards"),
    "no index": (lambda: zipped([("readme", b"x")]), "index.xml: it is missing"),
    "cut": (lambda: bundles.bundle()[:-30], "missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_unpacked_or_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    limit(monkeypatch, Work.UNPACKED, 10_000_000)
    make, reason = BAD[case]
    path = tmp_path / "bad.zip"
    path.write_bytes(make())
    with pytest.raises(VibforgeError, match=reason):
        unpack(path, tmp_path / "depot")
    with pytest.raises(VibforgeError, match=reason), snapshot(path):
        pass
    assert not (tmp_path / "depot").exists()


def test_a_damaged_member_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(bundles.bundle().replace(b"!<arch>", b"!<ARCH>"))
    data = bytearray(bundles.bundle())
    at = data.rindex(b"ACME_bootbank_acme_1.0.0-1.vib", 0, data.rindex(b"PK\x01\x02")) + 40
    data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(FormatError, match="damaged"):
        unpack(path, tmp_path / "depot")
    assert not (tmp_path / "depot").exists()


def test_a_bundle_in_a_zip_is_served_and_unpacked(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "itiligent-ESXi650-VMKUSB-NIC-FLING-39176435-16775917.zip"
    done = unpack(path, tmp_path / "depot")
    assert "index.xml" in done.files
    with running(path) as found:
        assert b"<vendorList>" in found.get("/index.xml")[1]
        assert zipfile.is_zipfile(io.BytesIO(found.get(f"/{found.served.zip_name}")[1]))


def test_a_vib_is_no_depot(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not an offline bundle"):
        unpack(vibs.write(tmp_path), tmp_path / "depot")
