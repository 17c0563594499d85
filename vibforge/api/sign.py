"""Sign VIBs and bundles, here or where the key is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from vibforge.api.arguments import aware, optional_path, path_of, paths_of, present, typed_errors
from vibforge.errors import ModelError
from vibforge.files import inputs
from vibforge.packages import sign as packages_sign
from vibforge.packages import sign_files
from vibforge.signing import expiry, key_source
from vibforge.signing import passphrase as signing_passphrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from vibforge.packages.sign import ToSign
    from vibforge.packages.sign_files import SignedFile, SignedFiles
    from vibforge.signing.signer import Signer


@typed_errors
def sign(  # noqa: PLR0913 - each one is a thing that a caller decides
    files: str | Path | Iterable[str | Path],
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
    now: datetime | None = None,
) -> SignedFiles:
    """Sign VIBs, and the VIBs in offline bundles, as ESXi reads signatures.

    The signature covers the descriptor, which holds the digests of the payloads. A bundle is put
    together anew, so that its metadata has the sizes and digests of the signed VIBs. A file is
    replaced only when all its new signatures have been verified.

    One file that is not signed raises an error. Of several, those that are not signed are listed
    in `unreadable` of the result, and the others are signed.

    Args:
        files: VIBs and offline bundles.
        key: the certificate's key: a PEM or PKCS#12 file, `env:NAME` for PEM in the environment, or
            a `pkcs11:` URI. It is opened once for all files.
        certificates: files with the certificate and its chain.
        passphrase: called once if the key is encrypted or lies in a token; returns the passphrase
            or PIN.
        environment: the variables for `env:NAME` and PKCS11_MODULE_PATH; those of the process if
            None.
        signature: a signature of one VIB that was made elsewhere, see `to_sign`; instead of `key`.
        signer: a key that `open_signer` opened; instead of `key`.
        signing_time: what the signatures state, UTC unless it has a time zone; if None, the later
            of each VIB's release date and the first moment of the certificate.
        append: add to the signatures that a VIB has.
        replace: drop the signatures that a VIB has.
        output: the signed file, or the folder for several; each file itself if None.
        now: the moment to warn of expired certificates at, UTC unless it has a time zone; the time
            of the clock if None. It changes no byte of a signature.

    Raises:
        FormatError: the file is neither a VIB nor a bundle, or is damaged.
        DepotError: the bundle contradicts itself, or is one of several in its file.
        SigningError: the key or certificate cannot sign, or a VIB is signed already.
        ModelError: the key's name is not a name, but perhaps the key; a file is named twice, or
            two would get the same name.
        OutputError: the result cannot be written; the file is as it was.

    Examples:
        >>> from vibforge import Signed, SignedFile, SignedFiles, sign
        >>> result: SignedFiles = sign(
        ...     "acme.vib", key="me.key", certificates="me.pem", output="new.vib"
        ... )
        >>> signed: Signed = result.vibs[0]
        >>> signed.vib_id, signed.path.name
        ('custom_bootbank_acme_1.0.0-1', 'new.vib')

        A set is signed with a key that is opened once:

        >>> result = sign(
        ...     ["acme.vib", "fleet.zip", "page.vib"],
        ...     key="me.key",
        ...     certificates="me.pem",
        ...     output="signed",
        ... )
        >>> [path.name for path, file in result.found], [str(f.path) for f in result.unreadable]
        (['acme.vib', 'fleet.zip'], ['page.vib'])
        >>> bundle: SignedFile = result.found[1][1]
        >>> [str(vib.path) for vib in bundle.vibs]
        ['signed/fleet.zip:vib20/acme/custom_bootbank_acme_1.0.0-1.vib']
    """
    existing = packages_sign.Existing.of(append=append, replace=replace)
    outputs = sign_files.outputs_of(paths_of(files), optional_path(output))
    if signature is not None:
        _require_one_vib(outputs)
    if signer is None:
        signer = packages_sign.choose_signer(
            key_source.KeySource(key=key, certificates=_paths(certificates)),
            optional_path(signature),
            passphrase or signing_passphrase.no_passphrase,
            os.environ if environment is None else environment,
        )
    options = sign_files.SigningOptions(
        signer=signer, signing_time=aware(signing_time), existing=existing
    )

    def one(path: Path) -> SignedFile:
        return sign_files.sign_file(path, outputs[path], options)

    alone = isinstance(files, str | Path)
    signed = sign_files.SignedFiles.from_results(
        (path, one(path) if alone else inputs.tried(path, one)) for path in outputs
    )
    return structs.replace(signed, expiring=expiry.signer_expiries(signer, present(now)))


def _require_one_vib(outputs: Mapping[Path, Path]) -> None:
    """Refuse a set or a bundle, of which one given signature cannot be.

    Raises:
        ModelError: it is not one VIB.
    """
    if len(outputs) > 1 or any(map(sign_files.is_bundle, outputs)):
        raise ModelError(
            "a signature that was made elsewhere is that of one VIB",
            remedy="name one VIB; take VIBs out of a bundle with `vibforge extract`",
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
