"""Trust stores: the files of an ESXi host, or plain PEM.

In /usr/share/certs, 6.7 keeps `vmware.cert`, the roots for certified VIBs, and `vmpartner.cert`
with `vmpartner.crl`, the roots for accepted and partner VIBs. If either partner file is missing, it
loads no root for these levels (format.md#trust, tried on 6.7). The names on 8.0 and later are not
known.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from msgspec import Struct

from vibforge.errors import FormatError, Problem, VibforgeError, is_folder
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.certificate import parse_certificate
from vibforge.formats.pkcs7 import PEM_BEGIN
from vibforge.signing.path import (
    ChainCertificate,
    RevocationList,
    chain_certificate,
    parse_revocation_list,
)
from vibforge.vib.identity import check_no_secret

CERTIFIED_FILE = "vmware.cert"
PARTNER_FILE = "vmpartner.cert"
PARTNER_LISTS_FILE = "vmpartner.crl"
HOST_FILES = (CERTIFIED_FILE, PARTNER_FILE, PARTNER_LISTS_FILE)

FILE_SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of one file of a store; the revocation list of a public CA may have several million."""
CERTIFICATE_LIMIT = 512
"""Certificates in a whole store; a browser's store has 150, a host's three."""

BLOCK_LIMIT = 1024
"""PEM blocks of any kind in one file; a browser's store has 150."""

_CERTIFICATE_LABELS = {b"CERTIFICATE", b"X509 CERTIFICATE"}
_LIST_LABEL = b"X509 CRL"


class StorePart(Struct, frozen=True, kw_only=True):
    """The trusted certificates for some levels, and their revocation lists."""

    certificates: tuple[ChainCertificate, ...] = ()
    lists: tuple[RevocationList, ...] = ()

    def __add__(self, other: "StorePart") -> "StorePart":
        return StorePart(
            certificates=(*self.certificates, *other.certificates),
            lists=(*self.lists, *other.lists),
        )


class TrustStore(Struct, frozen=True, kw_only=True):
    """The certificates that a host trusts, by level; `plain` is trusted for every level.

    `partner_loads` is False if a host's folder lacks `vmpartner.cert` or `vmpartner.crl`; 6.7 then
    loads no partner root. `names` are the files read.
    """

    certified: StorePart = StorePart()
    partner: StorePart = StorePart()
    plain: StorePart = StorePart()
    partner_loads: bool = True
    names: tuple[str, ...] = ()

    def part_for(self, level: AcceptanceLevel) -> StorePart:
        """Return the certificates that a host uses for a VIB of `level`."""
        if level is AcceptanceLevel.CERTIFIED:
            return self.certified + self.plain
        if level is AcceptanceLevel.COMMUNITY:
            return self.certified + self.partner + self.plain
        return (self.partner if self.partner_loads else StorePart()) + self.plain


def read_store(paths: Sequence[Path]) -> TrustStore:
    """Read a store from the PEM blocks in folders and files; other text is ignored.

    Of a folder, the host's three files are read if one of them is there, else every PEM file. A
    single file with a host's file name is trusted for that file's levels, any other for all levels.

    Args:
        paths: folders of certificates, and PEM files.

    Raises:
        FormatError: a file cannot be read or nothing holds a certificate; lists all problems.
        ModelError: a path is not a name; it may be a key itself.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import TrustStore, read_store, verify
        >>> store: TrustStore = read_store([Path("root.pem")])
        >>> [verify(name, trust=store).good for name in ("acme.vib", "signed.vib")]
        [True, True]
    """
    problems: list[Problem] = []
    parts = _read_all(_files_of(paths, problems), problems)
    if not problems and not any(part.certificates for part in parts.values()):
        problems.append(
            Problem(
                what="the trust store has no certificate: " + ", ".join(map(str, paths)),
                remedy="name PEM files, or a folder with the host's vmware.cert, vmpartner.cert "
                "and vmpartner.crl",
            )
        )
    if problems:
        raise FormatError.from_problems(problems)
    return _store_from(parts)


def _files_of(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        check_no_secret(str(path))
        if not is_folder(path):
            files.append(path)
            continue
        inside = sorted(child for child in path.iterdir() if child.is_file())
        host_files = [file for file in inside if file.name in HOST_FILES]
        files += host_files or [file for file in inside if _looks_like_pem(file)]
        if not inside:
            problems.append(Problem(what="the folder holds no files", where=str(path)))
    return files


def _looks_like_pem(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"-----BEGIN " in file.read(64 * 1024)
    except OSError:
        return False


def _read_all(files: Sequence[Path], problems: list[Problem]) -> dict[Path, StorePart]:
    parts: dict[Path, StorePart] = {}
    for path in files:
        try:
            parts[path] = _read_file(path)
        except OSError as error:
            problems.append(Problem(what=error.strerror or str(error), where=str(path)))
        except VibforgeError as error:
            problems += [Problem(what=problem.what, where=str(path)) for problem in error.problems]
    count = sum(len(part.certificates) for part in parts.values())
    if count > CERTIFICATE_LIMIT:
        what = f"the trust store has {count} certificates; the limit is {CERTIFICATE_LIMIT}"
        problems.append(Problem(what=what, remedy="name only the roots that you trust"))
    return parts


def _read_file(path: Path) -> StorePart:
    with path.open("rb") as file:
        data = file.read(FILE_SIZE_LIMIT + 1)
    if len(data) > FILE_SIZE_LIMIT:
        raise FormatError(f"the file exceeds the limit of {FILE_SIZE_LIMIT} bytes")
    blocks = list(_pem_blocks(data))
    certificates = [body for label, body in blocks if label in _CERTIFICATE_LABELS]
    if len(certificates) > CERTIFICATE_LIMIT:
        raise FormatError(f"{len(certificates)} certificates; the limit is {CERTIFICATE_LIMIT}")
    return StorePart(
        certificates=tuple(
            chain_certificate(parse_certificate(_decoded(body))) for body in certificates
        ),
        lists=tuple(
            parse_revocation_list(_decoded(body)) for label, body in blocks if label == _LIST_LABEL
        ),
    )


def _pem_blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield label and body of each PEM block; other text is ignored."""
    begins = list(islice(PEM_BEGIN.finditer(data), BLOCK_LIMIT + 1))
    if len(begins) > BLOCK_LIMIT:
        raise FormatError(f"the file has more than {BLOCK_LIMIT} PEM blocks, which is the limit")
    for begin, after in zip_longest(begins, begins[1:]):
        stop = after.start() if after else len(data)
        end = data.find(b"-----END %b-----" % begin[1], begin.end(), stop)
        if end < 0:
            raise FormatError("a PEM block has no end")
        yield begin[1], data[begin.end() : end]


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise FormatError(f"a PEM block is not base64: {error}") from error


def _store_from(parts: dict[Path, StorePart]) -> TrustStore:
    def named(*names: str) -> StorePart:
        return sum((part for path, part in parts.items() if path.name in names), StorePart())

    present = {path.name for path in parts}
    partner_files = {PARTNER_FILE, PARTNER_LISTS_FILE}
    plain = (part for path, part in parts.items() if path.name not in HOST_FILES)
    return TrustStore(
        certified=named(CERTIFIED_FILE),
        partner=named(PARTNER_FILE, PARTNER_LISTS_FILE),
        plain=sum(plain, StorePart()),
        partner_loads=partner_files <= present or not present & set(HOST_FILES),
        names=tuple(str(path) for path in parts),
    )
