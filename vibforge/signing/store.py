"""Trust stores: the files of an ESXi host, or plain PEM.

A 6.7 host keeps `vmware.cert` (roots for certified VIBs) and `vmpartner.cert` with `vmpartner.crl`
(for accepted and partner ones) in /usr/share/certs; without both of the latter it loads no root for
those levels (format.md#trust, tried on 6.7). The names on 8.0 and later are not known.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from msgspec import Struct

from vibforge.errors import FormatError, Problem, VibforgeError, is_folder
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.certificate import read_certificate
from vibforge.formats.pkcs7 import PEM_BEGIN
from vibforge.signing.path import ChainCertificate, RevocationList, read_link, read_revocation_list
from vibforge.vib.identity import check_no_secret

CERTIFIED_FILE = "vmware.cert"
PARTNER_FILE = "vmpartner.cert"
PARTNER_LISTS_FILE = "vmpartner.crl"
HOST_FILES = (CERTIFIED_FILE, PARTNER_FILE, PARTNER_LISTS_FILE)

FILE_SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of one file of a store; a revocation list of a public CA may take several million."""
CERTIFICATE_LIMIT = 512
"""Certificates of a whole store; a browser's has 150, a host's three."""

BLOCK_LIMIT = 1024
"""PEM blocks of any kind in one file; a browser's store has 150."""

_CERTIFICATE_LABELS = {b"CERTIFICATE", b"X509 CERTIFICATE"}
_LIST_LABEL = b"X509 CRL"


class StorePart(Struct, frozen=True, kw_only=True):
    """What counts for some levels: certificates, and lists of those taken back."""

    certificates: tuple[ChainCertificate, ...] = ()
    lists: tuple[RevocationList, ...] = ()

    def __add__(self, other: "StorePart") -> "StorePart":
        return StorePart(
            certificates=(*self.certificates, *other.certificates),
            lists=(*self.lists, *other.lists),
        )


class TrustStore(Struct, frozen=True, kw_only=True):
    """Whom a host believes, by level; `plain` counts for every level.

    `partner_loads` is False where a host's folder lacks `vmpartner.cert` or `vmpartner.crl`, which
    6.7 takes as no root at all; `names` are the files read.
    """

    certified: StorePart = StorePart()
    partner: StorePart = StorePart()
    plain: StorePart = StorePart()
    partner_loads: bool = True
    names: tuple[str, ...] = ()

    def part_for(self, level: AcceptanceLevel) -> StorePart:
        """Return what a host would look at for a VIB of `level`."""
        if level is AcceptanceLevel.CERTIFIED:
            return self.certified + self.plain
        if level is AcceptanceLevel.COMMUNITY:
            return self.certified + self.partner + self.plain
        return (self.partner if self.partner_loads else StorePart()) + self.plain


def read_store(paths: Sequence[Path]) -> TrustStore:
    """Read a store from folders and files; PEM is looked for in them, other text passed over.

    In a folder the host's three files are read if one of them is there, else every file that is
    PEM. A file given by itself counts by its name, as on a host, or for every level.

    Args:
        paths: folders of certificates, and PEM files.

    Raises:
        FormatError: something cannot be read or holds no certificate; all problems at once.
        ModelError: a path is no name, but perhaps a key.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import TrustStore, read_store, verify
        >>> store: TrustStore = read_store([Path("root.pem")])
        >>> [verify(name, trust=store).good for name in ("acme.vib", "signed.vib")]
        [True, True]
    """
    problems: list[Problem] = []
    found = _read_all(_files_of(paths, problems), problems)
    if not problems and not any(part.certificates for part in found.values()):
        problems.append(
            Problem(
                what="no certificate in " + ", ".join(str(path) for path in paths),
                remedy="name PEM files, or a folder with the host's vmware.cert, vmpartner.cert "
                "and vmpartner.crl",
            )
        )
    if problems:
        raise FormatError.of(problems)
    return _store_of(found)


def _files_of(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        check_no_secret(str(path))
        if not is_folder(path):
            files.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if one.is_file())
        of_host = [one for one in inside if one.name in HOST_FILES]
        files += of_host or [one for one in inside if _looks_like_pem(one)]
        if not inside:
            problems.append(Problem(what="the folder is empty", where=str(path)))
    return files


def _looks_like_pem(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"-----BEGIN " in file.read(64 * 1024)
    except OSError:
        return False


def _read_all(files: Sequence[Path], problems: list[Problem]) -> dict[Path, StorePart]:
    found: dict[Path, StorePart] = {}
    for path in files:
        try:
            found[path] = _read_file(path)
        except OSError as error:
            problems.append(Problem(what=error.strerror or str(error), where=str(path)))
        except VibforgeError as error:
            problems += [Problem(what=one.what, where=str(path)) for one in error.problems]
    count = sum(len(part.certificates) for part in found.values())
    if count > CERTIFICATE_LIMIT:
        problems.append(Problem(what=f"{count} certificates, more than {CERTIFICATE_LIMIT}"))
    return found


def _read_file(path: Path) -> StorePart:
    with path.open("rb") as file:
        data = file.read(FILE_SIZE_LIMIT + 1)
    if len(data) > FILE_SIZE_LIMIT:
        raise FormatError(f"more than {FILE_SIZE_LIMIT} bytes")
    blocks = list(_pem_blocks(data))
    certificates = [body for label, body in blocks if label in _CERTIFICATE_LABELS]
    if len(certificates) > CERTIFICATE_LIMIT:
        raise FormatError(f"{len(certificates)} certificates, more than {CERTIFICATE_LIMIT}")
    return StorePart(
        certificates=tuple(read_link(read_certificate(_decoded(body))) for body in certificates),
        lists=tuple(
            read_revocation_list(_decoded(body)) for label, body in blocks if label == _LIST_LABEL
        ),
    )


def _pem_blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield label and body of each PEM block; other text is passed over."""
    begins = list(islice(PEM_BEGIN.finditer(data), BLOCK_LIMIT + 1))
    if len(begins) > BLOCK_LIMIT:
        raise FormatError(f"more than {BLOCK_LIMIT} PEM blocks")
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


def _store_of(found: dict[Path, StorePart]) -> TrustStore:
    def named(*names: str) -> StorePart:
        parts = (part for path, part in found.items() if path.name in names)
        return sum(parts, StorePart())

    present = {path.name for path in found}
    partner_files = {PARTNER_FILE, PARTNER_LISTS_FILE}
    plain = (part for path, part in found.items() if path.name not in HOST_FILES)
    return TrustStore(
        certified=named(CERTIFIED_FILE),
        partner=named(PARTNER_FILE, PARTNER_LISTS_FILE),
        plain=sum(plain, StorePart()),
        partner_loads=partner_files <= present or not present & set(HOST_FILES),
        names=tuple(str(path) for path in found),
    )
