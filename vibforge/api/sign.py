"""Sign VIBs, here or where the key is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vibforge.api.arguments import aware, optional_path, path_of, paths_of, typed_errors
from vibforge.packages import sign as packages_sign
from vibforge.signing import key_source
from vibforge.signing import passphrase as signing_passphrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from vibforge.packages.sign import Signed, ToSign
    from vibforge.signing.signer import Signer


@typed_errors
def sign(  # noqa: PLR0913 - each one is a thing that a caller decides
    file: str | Path,
    *,
    key: str = "",
    certificates: str | Path | Iterable[str | Path] = (),
    passphrase: Callable[[], bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    signature: str | Path | None = None,
    signer: Signer | None = None,
    signing_time: datetime | None = None,
    append: bool = False,
    replace: bool = False,
    output: str | Path | None = None,
) -> Signed:
    """Sign a VIB as ESXi reads signatures.

    The signature covers the descriptor, which holds the digests of the payloads. The file is
    replaced only when the new signature has been verified.

    Args:
        file: the VIB.
        key: the certificate's key: a PEM or PKCS#12 file, `env:NAME` for PEM in the environment, or
            a `pkcs11:` URI.
        certificates: files with the certificate and its chain.
        passphrase: called if the key is encrypted or lies in a token; returns the passphrase or
            PIN.
        environment: the variables for `env:NAME` and PKCS11_MODULE_PATH; those of the process if
            None.
        signature: a signature that was made elsewhere, see `to_sign`; instead of `key`.
        signer: a key that `open_signer` opened; instead of `key`.
        signing_time: what the signature states, UTC unless it has a time zone; if None, the later
            of the VIB's release date and the first moment of the certificate.
        append: add to the signatures that the VIB has.
        replace: drop the signatures that the VIB has.
        output: the signed VIB; `file` itself if None.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: the key or certificate cannot sign it, or it is signed already.
        ModelError: the key's name is not a name, but perhaps the key.
        OutputError: the result cannot be written; the VIB is as it was.

    Examples:
        >>> from vibforge import Signed, sign
        >>> signed: Signed = sign("acme.vib", key="me.key", certificates="me.pem", output="new.vib")
        >>> signed.vib_id, signed.path.name
        ('custom_bootbank_acme_1.0.0-1', 'new.vib')

        A key that signs many VIBs is opened once:

        >>> from pathlib import Path
        >>> from vibforge import KeySource, open_signer
        >>> signer = open_signer(KeySource(key="me.key", certificates=(Path("me.pem"),)))
        >>> for name in ("a", "b"):
        ...     _ = sign("acme.vib", signer=signer, output=f"{name}.vib")
    """
    if signer is None:
        signer = packages_sign.choose_signer(
            key_source.KeySource(key=key, certificates=_paths(certificates)),
            optional_path(signature),
            passphrase or signing_passphrase.no_passphrase,
            os.environ if environment is None else environment,
        )
    return packages_sign.sign_vib(
        path_of(file),
        signer,
        output=optional_path(output),
        signing_time=aware(signing_time),
        existing=packages_sign.Existing.of(append=append, replace=replace),
    )


@typed_errors
def to_sign(
    file: str | Path,
    *,
    certificates: str | Path | Iterable[str | Path] = (),
    signing_time: datetime | None = None,
    digest: str | Path | None = None,
    attributes: str | Path | None = None,
) -> ToSign:
    """Return what a service elsewhere shall sign; `vibforge sign --digest-out`.

    The same VIB, time and signer give the same bytes again.

    Args:
        file: the VIB.
        certificates: files with the signer's certificate first; without it, a signer that is
            younger than the VIB needs a `signing_time`.
        signing_time: what the signature will state; see `sign`.
        digest: a file to write the 32 bytes to that shall be signed.
        attributes: a file to write the text to whose SHA-256 they are.

    Raises:
        FormatError: it is not a VIB, or is damaged.
        SigningError: a certificate cannot be read, or there is no signing time.
        OutputError: a file cannot be written.

    Examples:
        >>> from vibforge import ToSign, to_sign
        >>> request: ToSign = to_sign("acme.vib", certificates="me.pem", digest="digest.bin")
        >>> len(request.digest)
        32
    """
    request = packages_sign.to_sign(path_of(file), aware(signing_time), _paths(certificates))
    packages_sign.write_request(request, optional_path(digest), optional_path(attributes))
    return request


def _paths(certificates: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    return paths_of(certificates) if certificates else ()
