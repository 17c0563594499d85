"""Attest a build: sign its provenance with a key, here or where the key is."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from msgspec import Struct

from vibforge.errors import ModelError, SigningError
from vibforge.evidence import dsse
from vibforge.evidence.provenance import PAYLOAD_TYPE, Build, read_build, statement, time_of
from vibforge.evidence.source_commit import source_commit
from vibforge.signing.key_source import read_certificate_files
from vibforge.signing.signer import Signer
from vibforge.signing.stated_time import SigningTime


class Attested(Struct, frozen=True, kw_only=True):
    """An attestation: the envelope as one line of JSON, and the statement in it."""

    build: Build
    stated: SigningTime
    certificate: x509.Certificate
    statement: bytes
    envelope: bytes

    @property
    def key_id(self) -> str:
        """The SHA-256 of the public key in hex."""
        return dsse.key_id(self.certificate)


class ToAttest(Struct, frozen=True, kw_only=True):
    """What a signing service shall sign: `text`, or its SHA-256."""

    build: Build
    stated: SigningTime
    text: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text in hex."""
        return hashlib.sha256(self.text).hexdigest()


def attest(path: Path, signer: Signer, builder: str = "", project: Path | None = None) -> Attested:
    """Attest a build; the same build and signer give the same statement.

    Args:
        path: the folder of the build, its build.json, or the VIB in it.
        signer: holds the key.
        builder: URI of the builder; empty if it has no name.
        project: the folder of the project, to state its git commit; None to state none.

    Raises:
        FormatError: there is no build, or its VIB is damaged.
        ModelError: `builder` is not a URI, or the project is not what a commit has.
        SigningError: the key or certificate cannot sign, or a payload was changed.
    """
    build, stated, text = _stated(path, signer.certificates[0], builder, project)
    return Attested(
        build=build,
        stated=stated,
        certificate=signer.certificates[0],
        statement=text,
        envelope=dsse.sign(PAYLOAD_TYPE, text, signer),
    )


def to_attest(
    path: Path, certificates: tuple[Path, ...], builder: str = "", project: Path | None = None
) -> ToAttest:
    """Return what a signing service shall sign; arguments and errors are those of `attest`.

    Args:
        path: the folder of the build, its build.json, or the VIB in it.
        certificates: files with the signer's certificate first.
        builder: URI of the builder; empty if it has no name.
        project: the folder of the project, to state its git commit.
    """
    own = next(iter(read_certificate_files(certificates)), None)
    if own is None:
        raise SigningError("the signer's certificate is needed", remedy="name it with --cert")
    build, stated, text = _stated(path, own, builder, project)
    return ToAttest(build=build, stated=stated, text=dsse.pae(PAYLOAD_TYPE, text))


def _stated(
    path: Path, certificate: x509.Certificate, builder: str, project: Path | None
) -> tuple[Build, SigningTime, bytes]:
    _check_builder(builder)
    build = read_build(path)
    stated = time_of(build, certificate)
    commit = source_commit(project, build.record) if project is not None else ""
    return build, stated, statement(build, stated.moment, builder, commit)


def _check_builder(builder: str) -> None:
    if not builder:
        return
    if not builder.isprintable() or " " in builder or not urlsplit(builder).scheme:
        raise ModelError(
            f"{builder!r} is not the URI of a builder",
            remedy="name the pipeline by its address: https://ci.example.com/fleet",
        )
