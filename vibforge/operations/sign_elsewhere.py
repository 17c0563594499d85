"""Sign where the key is: write what is to be signed, and take the signature back.

Nothing has to be kept between the two steps: what is signed follows from the descriptor and the
signing time, so it is made again when the signature comes, and is held against it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vibforge.errors import SigningError
from vibforge.operations.publish import Publication
from vibforge.operations.sign import Signable, read_signable
from vibforge.signing.elsewhere import given_signature
from vibforge.signing.key_source import (
    KeySource,
    open_signer,
    read_certificate_files,
    read_small_file,
)
from vibforge.signing.making import text_to_sign
from vibforge.signing.passphrase import Passphrase
from vibforge.signing.signer import Signer, chain_of
from vibforge.signing.stated_time import SigningTime


@dataclass(frozen=True, kw_only=True, slots=True)
class ToSign:
    """What a service elsewhere signs: `text`, or its SHA-256 `digest`.

    `stated` is the time that goes into the signature, and where it comes from.
    """

    signable: Signable
    stated: SigningTime
    text: bytes

    @property
    def signing_time(self) -> datetime:
        return self.stated.moment

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text).digest()


def to_sign(
    path: Path, signing_time: datetime | None = None, certificates: Sequence[Path] = ()
) -> ToSign:
    """Return what is to be signed elsewhere; the same VIB, time and signer give the same again.

    Args:
        path: the VIB.
        signing_time: what the signature will state; see `sign_vib`.
        certificates: files with the signer's certificate first; without it, a signer that is
            younger than the VIB needs a `signing_time`.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: it cannot be read, or has no release date for a signing time.
    """
    signable = read_signable(path)
    signer = next(iter(read_certificate_files(certificates)), None)
    stated = signable.signing_time(signing_time, signer)
    text = text_to_sign(signable.vib.descriptor_bytes, stated.moment)
    return ToSign(signable=signable, stated=stated, text=text)


def write_request(
    request: ToSign, digest: Path | None, attributes: Path | None
) -> tuple[Path, ...]:
    """Write the digest, and the text that it is of, for a service.

    Raises:
        OutputError: a file cannot be written.
    """
    wanted = ((digest, request.digest), (attributes, request.text))
    for path, data in wanted:
        if path is not None:
            with Publication(path.parent) as publication:
                publication.write(path.name, data)
                publication.publish()
    return tuple(path for path, _ in wanted if path is not None)


def choose_signer(
    source: KeySource,
    signature: Path | None,
    passphrase: Passphrase,
    environment: Mapping[str, str],
) -> Signer:
    """Make the signer of a key, or of a signature that was made elsewhere.

    Raises:
        SigningError: neither or both are named, or what is named cannot be used.
    """
    if signature is None and source.key:
        return open_signer(source, passphrase, environment)
    if signature is None or source.key:
        raise SigningError(
            "name one of the two: --key, or --signature-in with a signature made elsewhere",
            remedy="vibforge pki makes a key and certificate for a lab",
        )
    certificates = read_certificate_files(source.certificates)
    if not certificates:
        raise SigningError("--signature-in needs --cert: the certificate of the key that signed")
    chain = chain_of(certificates[0], certificates)
    return given_signature(read_small_file(signature), chain)
