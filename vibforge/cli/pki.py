"""`vibforge pki`: a CA for labs."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import Json, SignedLevel, moment_of, paint, show, tell
from vibforge.errors import escaped, shell_line
from vibforge.esxi import acceptance
from vibforge.report import documents
from vibforge.report import sign as report
from vibforge.signing import pki as signing_pki

app = typer.Typer(
    name="pki",
    help="Keep a CA for labs in a folder, to sign VIBs and to test a host's chain of trust. Never "
    "use it in production: its keys are stored unencrypted.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Key(StrEnum):
    """Kinds of keys that ESXi reads."""

    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"
    P256 = "p-256"
    P384 = "p-384"


Folder = Annotated[Path, typer.Argument(help="Folder of the CA.", metavar="DIR")]
Name = Annotated[str, typer.Argument(help="Name of the signer.", metavar="NAME")]
KeyType = Annotated[Key, typer.Option(help="Kind of key.")]


@app.command()
def init(folder: Folder, *, key_type: KeyType = Key.RSA_2048, as_json: Json = False) -> None:
    """Make a CA: two roots, an intermediate for partners, and its certificate revocation list."""
    _warn()
    signing_pki.init_authority(folder, _now(), signing_pki.KeyKind(key_type))
    then = shell_line("vibforge", "pki", "issue", folder)
    text = f"A lab CA is in {escaped(str(folder))}. Next: {then} NAME --acceptance-level partner"
    show(as_json, lambda: documents.sign.PkiInit.of(folder), lambda _: text)


@app.command()
def issue(  # noqa: PLR0913 - the options of the command
    folder: Folder,
    name: Name,
    *,
    acceptance_level: Annotated[
        SignedLevel,
        typer.Option(
            metavar="LEVEL",
            help="Acceptance level: partner, accepted or certified.",
        ),
    ] = SignedLevel.PARTNER,
    key_type: KeyType = Key.RSA_2048,
    valid_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601. Default: 2000-01-01.")
    ] = None,
    valid_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601. Default: in 20 years.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue a signer's key, and its certificate with the chain."""
    wanted = signing_pki.SignerRequest(
        name=name,
        level=acceptance.AcceptanceLevel(acceptance_level),
        kind=signing_pki.KeyKind(key_type),
        first=moment_of(valid_from, "--valid-from"),
        last=moment_of(valid_until, "--valid-until"),
    )
    _warn()
    issued = signing_pki.issue(folder, wanted, _now())
    show(as_json, lambda: documents.sign.PkiIssue.of(issued), lambda _: report.issued_text(issued))


@app.command()
def revoke(folder: Folder, name: Name, *, as_json: Json = False) -> None:
    """Revoke a signer. Then export again: hosts read the revocation list from their trust store."""
    certificate = signing_pki.revoke(folder, name, _now())
    then = shell_line("vibforge", "pki", "export", folder)
    text = f"{name} is revoked. Next: {then} --output STORE"
    show(as_json, lambda: documents.sign.PkiRevoke.of(folder, certificate), lambda _: text)


@app.command()
def export(
    folder: Folder,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the trust store.")
    ],
    as_json: Json = False,
) -> None:
    """Write the trust store under a host's file names: vmware.cert, vmpartner.cert and .crl."""
    _warn()
    files = signing_pki.export(folder, output)
    text = "\n".join(str(path) for path in files)
    show(as_json, lambda: documents.sign.PkiExport.of(output, files), lambda _: text)


def _warn() -> None:
    tell(f"{paint(sys.stderr)('warning:', 'warn')} {signing_pki.WARNING}")


def _now() -> datetime:
    """Return the present time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
