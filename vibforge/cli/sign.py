"""`vibforge sign`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import sign as api
from vibforge.cli.arguments import (
    Json,
    Pkcs11Module,
    environment_of,
    moment_of,
    passphrase_of,
    show,
)
from vibforge.report import documents
from vibforge.report import sign as report


def sign(  # noqa: PLR0913 - the options of the command
    file: Annotated[Path, typer.Argument(help="The VIB.", metavar="VIB")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="The certificate's key: PEM or PKCS#12 file, env:NAME for PEM in the "
            "environment, or a pkcs11: URI.",
        ),
    ] = None,
    certificates: Annotated[
        list[Path] | None,
        typer.Option("--cert", metavar="FILE", help="Certificate and chain; may be repeated."),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File whose first line is the passphrase or PIN."),
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        typer.Option(metavar="N", help="Open file descriptor to read the passphrase from."),
    ] = None,
    passphrase_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable that holds the passphrase."),
    ] = None,
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
    signature_in: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Insert the signature that was made elsewhere."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the signed VIB here, not to VIB."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign a VIB in the format that ESXi reads.

    The signature covers the descriptor, which holds the digests of the payloads. VIB is replaced
    only after the new signature has been verified.
    """
    time = moment_of(signing_time, "--signing-time")
    if digest_out or attributes_out:
        request = api.to_sign(
            file,
            certificates=certificates or (),
            signing_time=time,
            digest=digest_out,
            attributes=attributes_out,
        )
        files = tuple(path for path in (digest_out, attributes_out) if path)
        show(
            as_json,
            lambda: documents.sign.SignRequest.of(request, files),
            lambda _: report.to_sign_text(request, files),
        )
        return
    signed = api.sign(
        file,
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
