import hashlib
import io
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.budgets import limit
from tests.depot.making import members, vib_bytes, vib_file
from tests.vibs import bundle as vendor_bundle
from tests.vibs import zipped
from vibforge.depot import serve as serve_module
from vibforge.depot.create import create_bundle
from vibforge.depot.serve import DepotServer, Served, serving
from vibforge.depot.serving_certificate import given_identity, made_identity
from vibforge.depot.unpack import unpack
from vibforge.errors import DepotError, FormatError, OutputError, SigningError, VibforgeError
from vibforge.formats.budget import Work
from vibforge.model.bundle_recipe import BundleRecipe

VIB = "vib20/test/VFG_bootbank_test_1.0.0-1.vib"
RECIPE = BundleRecipe(vendor_code="ABC", platforms=("8.0",))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return create_bundle([vib_file(tmp_path)], tmp_path / "x.zip", RECIPE).path


class Running:
    """A server in a thread, with what it logged."""

    def __init__(self, server: DepotServer, served: Served, log: list[str]) -> None:
        self.server = server
        self.served = served
        self.log = log

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
        host, port = self.server.server_address[:2]
        connection = HTTPConnection(str(host), port, timeout=10)
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
    with serving(path, log=log.append, tls=tls) as (server, served):
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Running(server, served, log)
        finally:
            server.shutdown()
            thread.join()


def test_every_member_and_the_bundle_itself(bundle: Path) -> None:
    with running(bundle) as found:
        for name, data in members(bundle.read_bytes()).items():
            assert fetched(found.served.url + name) == data
        assert fetched(found.served.zip_url) == bundle.read_bytes()
        assert found.served.index_url == f"{found.served.url}index.xml"
        status, body, _ = found.get("/")
        assert status == 200
        assert set(body.decode().split()) == {*members(bundle.read_bytes()), "x.zip"}
        assert any('"GET /index.xml HTTP/1.1" 200' in line for line in found.log)


def test_only_this_machine_unless_told(bundle: Path) -> None:
    with running(bundle) as found:
        assert found.server.server_address[0] == "127.0.0.1"
        assert found.served.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "path",
    [
        *("/../x.zip", "/%2e%2e/x.zip", "//etc/passwd", "/vib20/", "/vib20", "/nothing"),
        *("/index.xml/", "/INDEX.XML", "/%00", "/%ff", "http://other/../../etc/passwd", "*"),
    ],
)
def test_no_path_leads_out(bundle: Path, path: str) -> None:
    with running(bundle) as found:
        assert found.get(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_nothing_can_be_written(bundle: Path, method: str) -> None:
    with running(bundle) as found:
        assert found.get("/index.xml", method)[0] == 501


DATA = vib_bytes()
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


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes=-"])
def test_ranges_that_are_not_understood_give_all(bundle: Path, asked: str) -> None:
    with running(bundle) as found:
        assert found.get(f"/{VIB}", Range=asked)[:2] == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=9-3", "bytes=-0"])
def test_ranges_outside_the_file(bundle: Path, asked: str) -> None:
    with running(bundle) as found:
        assert found.get(f"/{VIB}", Range=asked) == (416, b"", f"bytes */{SIZE}")


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


def test_too_many_connections_are_closed(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_module, "CONNECTION_LIMIT", 2)
    with running(bundle) as found:
        address = ("127.0.0.1", found.server.server_address[1])
        idle = [socket.create_connection(address) for _ in range(2)]
        deadline = time.monotonic() + 5
        while threading.active_count() < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises((HTTPException, OSError)):
            found.get("/index.xml")
        for each in idle:
            each.close()
        assert any("2 connections are open" in line for line in found.log)


def test_the_log_obeys_nobody(bundle: Path) -> None:
    with running(bundle) as found:
        address = ("127.0.0.1", found.server.server_address[1])
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"GET /\x1b[31m HTTP/1.0\r\n\r\n")
            while connection.recv(1000):
                pass
        assert found.log
        assert not any("\x1b" in line for line in found.log)


def test_https_with_a_new_certificate(
    bundle: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    identity = made_identity("127.0.0.1")
    with running(bundle, identity.context) as found:
        assert found.served.url.startswith("https://")
        with pytest.raises(urllib.error.URLError, match="self-signed"):
            fetched(found.served.index_url)
        pem = ssl.get_server_certificate(("127.0.0.1", found.server.server_address[1]))
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
    other = vib_file(tmp_path, "other")
    with pytest.raises(SigningError, match="cannot be used for HTTPS"):
        given_identity(other, key)


def test_plain_http_to_a_tls_port_ends_the_connection(bundle: Path) -> None:
    with running(bundle, made_identity("localhost").context) as found:
        with pytest.raises((HTTPException, OSError)):
            found.get("/index.xml")
        assert found.log


def test_a_port_that_is_taken(bundle: Path) -> None:
    with running(bundle) as found:
        port = found.server.server_address[1]
        with (
            pytest.raises(OutputError, match="cannot listen"),
            serving(bundle, port=port, log=print),
        ):
            pass


def test_unpacked_it_is_the_tree_that_is_served(bundle: Path, tmp_path: Path) -> None:
    done = unpack(bundle, tmp_path / "depot")
    assert set(done.files) == set(members(bundle.read_bytes()))
    for name, data in members(bundle.read_bytes()).items():
        assert (done.folder / name).read_bytes() == data
    with pytest.raises(OutputError, match="there already"):
        unpack(bundle, tmp_path / "depot")


def bomb() -> bytes:
    """Return a bundle whose members unpack to 200 MB."""
    buffer = io.BytesIO(vendor_bundle())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("vib20/bomb.vib", bytes(20_000_000))
    return buffer.getvalue()


def link() -> bytes:
    buffer = io.BytesIO(vendor_bundle())
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
    "cut": (lambda: vendor_bundle()[:-30], "missing"),
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
    with pytest.raises(VibforgeError, match=reason), serving(path, log=print):
        pass
    assert not (tmp_path / "depot").exists()


def test_a_damaged_member_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(vendor_bundle().replace(b"!<arch>", b"!<ARCH>"))
    data = bytearray(vendor_bundle())
    at = data.rindex(b"VFG_bootbank_test_1.0.0-1.vib", 0, data.rindex(b"PK\x01\x02")) + 40
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
    with pytest.raises(DepotError, match="not one offline bundle"):
        unpack(vib_file(tmp_path), tmp_path / "depot")
