"""`vibforge sign`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import sign as api
from vibforge.cli.arguments import (
    Certificates,
    Json,
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    Pkcs11Module,
    SignatureIn,
    SigningKey,
    environment_of,
    moment_of,
    passphrase_of,
    show,
)
from vibforge.errors import ModelError
from vibforge.files import inputs
from vibforge.report import documents
from vibforge.report import sign as report


def sign(  # noqa: PLR0913 - the options of the command
    files: Annotated[list[Path], typer.Argument(help="VIBs or bundles.", metavar="FILE…")],
    *,
    key: SigningKey = None,
    certificates: Certificates = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    pkcs11_module: Pkcs11Module = None,
    append: Annotated[
        bool, typer.Option("--append", help="Keep the existing signatures and add one.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the existing signatures.")
    ] = False,
    signing_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="ISO 8601. Default: the VIB's release date or the start of the certificate's "
            "validity, whichever is later.",
        ),
    ] = None,
    digest_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the 32 bytes (SHA-256) to be signed elsewhere."),
    ] = None,
    attributes_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the text whose SHA-256 has to be signed."),
    ] = None,
    signature_in: SignatureIn = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE",
            help="Folder for the signed files, or the one signed file. Default: replace each FILE.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign VIBs and the VIBs in bundles, in the format that ESXi reads.

    The signature covers the descriptor, which holds the digests of the payloads. A bundle gets
    metadata that fits its signed VIBs. Each FILE is replaced only after its new signatures have
    been verified. A FILE that cannot be signed stays as it is, and the others are signed.
    """
    time = moment_of(signing_time, "--signing-time")
    if digest_out or attributes_out:
        if len(files) > 1:
            raise ModelError("--digest-out and --attributes-out are for one VIB")
        request = api.to_sign(
            files[0],
            certificates=certificates or (),
            signing_time=time,
            digest=digest_out,
            attributes=attributes_out,
        )
        written = tuple(path for path in (digest_out, attributes_out) if path)
        show(
            as_json,
            lambda: documents.sign.SignRequest.of(request, written),
            lambda _: report.to_sign_text(request, written),
        )
        return
    signed = api.sign(
        files,
        key=key or "",
        certificates=certificates or (),
        passphrase=passphrase_of(passphrase_file, passphrase_fd, passphrase_env),
        environment=environment_of(pkcs11_module),
        signature=signature_in,
        signing_time=time,
        append=append,
        replace=replace,
        output=output,
    )
    show(
        as_json,
        lambda: documents.sign.Sign.of(signed),
        lambda paint: report.signed_text(signed, paint),
    )
    inputs.require_readable(signed.unreadable)
