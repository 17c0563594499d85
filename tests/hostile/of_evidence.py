"""SBOMs and attestations from strangers, and packages that make a large SBOM."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests import bundles, vibs
from tests.hostile.case import Hostile, file_input
from tests.signing import made
from vibforge.project.build import build

_SIZE = 950_000
_SBOM = (*("evidence sbom x.vib -o o", "evidence sbom x.vib --as spdx -o o"),)


def _many_files(count: int) -> bytes:
    files = [vibs.File(path=f"opt/{number}", content=b"") for number in range(count)]
    return vibs.vib(files=files, file_list=["opt/x"])


def packages() -> Iterator[Hostile]:
    """Packages with as many files as their budget allows, and with odd texts."""
    for count in (1_000, 4_300):
        content = partial(_many_files, count)
        yield file_input(f"evidence/files-{count}", "x.vib", content, *_SBOM)
    of_bundle = (command.replace("x.vib", "x.zip") for command in _SBOM)
    content = partial(bundles.bundle, *(vibs.vib(name=f"v{number}") for number in range(300)))
    yield file_input("evidence/bundle", "x.zip", content, *of_bundle)
    for name, text in (("slash", "/"), ("long", "x" * 100_000), ("parentheses", "(a@b)")):
        content = partial(vibs.vib, name=text, vendor=text, version=text, summary=text)
        yield file_input(f"evidence/{name}", "x.vib", content, *_SBOM)


def _repeated(before: str, item: str, after: str) -> bytes:
    return (before + ",".join([item] * (_SIZE // len(item))) + after).encode()


def _numbered(before: str, item: str, after: str) -> bytes:
    items = (item % number for number in range(_SIZE // (len(item) + 4)))
    return (before + ",".join(items) + after).encode()


_CYCLONEDX = '{"bomFormat":"CycloneDX","metadata":{"component":{"name":"a"}},"components":['
_SPDX = (
    '{"spdxVersion":"SPDX-2.3","documentDescribes":["a"],'
    '"packages":[{"name":"a","SPDXID":"a"}],"files":['
)
_SBOMS: dict[str, Callable[[], bytes]] = {
    "components": partial(_repeated, _CYCLONEDX, '{"name":""}', "]}"),
    "names": partial(_numbered, _CYCLONEDX, '{"name":"%d"}', "]}"),
    "hashes": partial(
        _repeated, _CYCLONEDX + '{"name":"b","hashes":[', '{"alg":"SHA-256","content":""}', "]}]}"
    ),
    "properties": partial(
        _repeated, _CYCLONEDX + '{"name":"b","properties":[', '{"name":"vibforge:x"}', "]}]}"
    ),
    "deep": lambda: _CYCLONEDX.encode() + b'{"name":"","components":[' * (_SIZE // 24),
    "files": partial(_repeated, _SPDX, '{"fileName":""}', "]}"),
    "comment": lambda: (
        b"%b%b%b"
        % (
            _SPDX.encode() + b'{"fileName":"b","comment":"',
            b"vibforge:a: b\\n" * (_SIZE // 15),
            b'"}]}',
        )
    ),
    "brackets": lambda: b"[" * _SIZE,
    "numbers": lambda: b'{"bomFormat":' + b"9" * _SIZE + b"}",
    "escapes": lambda: b'{"bomFormat":"' + b"\\u0000" * (_SIZE // 6) + b'"}',
}


def _envelope(payload: bytes, signature: dict[str, str], count: int = 1) -> bytes:
    whole = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": b64encode(payload).decode(),
        "signatures": [signature] * count,
    }
    return json.dumps(whole).encode()


def _statement(**parts: object) -> bytes:
    return json.dumps({"_type": "x", "predicateType": "x", "subject": [], **parts}).encode()


_CERTIFICATE = b64encode(made.made("a", ca=True).certificate_pem()).decode()
_ATTESTATIONS: dict[str, Callable[[], bytes]] = {
    "subjects": lambda: _envelope(
        _statement(subject=[{"digest": {"sha256": ""}}] * (_SIZE // 50)), {"sig": ""}
    ),
    "deep": lambda: _envelope(b'{"x":' * (_SIZE // 8), {"sig": ""}),
    "payload": lambda: _envelope(b" " * (_SIZE * 3 // 4), {"sig": ""}),
    "signature": lambda: _envelope(_statement(), {"sig": "A" * _SIZE}),
    "signatures": lambda: _envelope(_statement(), {"sig": ""}, _SIZE // 12),
    "certificates": lambda: json.dumps(
        {
            "payloadType": "application/vnd.in-toto+json",
            "payload": b64encode(_statement()).decode(),
            "signatures": [
                {"sig": "", "certificate": _CERTIFICATE, "intermediates": [_CERTIFICATE] * 31}
            ]
            * 8,
        }
    ).encode(),
    "certificate": lambda: _envelope(_statement(), {"sig": "", "certificate": "A" * _SIZE}),
    "pem": lambda: _envelope(
        _statement(),
        {
            "sig": "",
            "certificate": b64encode(b"-----BEGIN CERTIFICATE-----\n" * (_SIZE // 40)).decode(),
        },
    ),
    "keyid": lambda: _envelope(_statement(), {"sig": "", "keyid": "x" * _SIZE}),
}


def evidence() -> Iterator[Hostile]:
    """What is said to be evidence of a good VIB."""
    for name, content in _SBOMS.items():
        yield _beside(f"evidence/sbom-{name}", content, "verify x.vib --sbom e.json")
    for name, content in _ATTESTATIONS.items():
        command = "verify x.vib --attestation e.json --trust root.pem"
        yield _beside(f"evidence/attestation-{name}", content, command)


def _beside(name: str, content: Callable[[], bytes], command: str) -> Hostile:
    def make(folder: Path) -> None:
        (folder / "x.vib").write_bytes(vibs.vib())
        (folder / "root.pem").write_bytes(made.made("root", ca=True).certificate_pem())
        (folder / "e.json").write_bytes(content())

    return Hostile(name, make, (tuple(command.split(" ")),))


def records() -> Iterator[Hostile]:
    """Builds with a build.json from a stranger."""
    for name, text in (
        ("nested", "[" * _SIZE),
        ("nested-and-closed", "[" * 900 + "]" * 900),
        ("tables", "[" + "{}," * (_SIZE // 3) + "{}]"),
        ("keys", "{" + ",".join(f'"{n}":1' for n in range(_SIZE // 12)) + "}"),
        ("text", '"' + "x" * _SIZE + '"'),
        ("digits", "9" * _SIZE),
    ):
        yield _recorded(f"evidence/record-{name}", text)


def _recorded(name: str, text: str) -> Hostile:
    def make(folder: Path) -> None:
        (folder / "tree").mkdir()
        (folder / "tree/x").write_text("x")
        build(folder / "tree", folder / "made", environment={}, instructions=False)
        record = json.loads((folder / "made/build.json").read_text())
        whole = json.dumps(record | {"allowed": "@@"}).replace('"@@"', text)
        (folder / "made/build.json").write_text(whole)
        signer = made.made("own", ca=True)
        (folder / "own.pem").write_bytes(signer.certificate_pem())
        (folder / "own.key").write_bytes(signer.key_pem())

    words = ("evidence", "attest", "made", "--key", "own.key", "--cert", "own.pem", "-o", "o")
    return Hostile(name, make, (words,))


FAMILIES = (packages, evidence, records)
