"""`vibforge evidence`: SBOMs and provenance of packages."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import evidence as api
from vibforge.cli.arguments import (
    Certificates,
    Esxi,
    Json,
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    Pkcs11Module,
    SignatureIn,
    SigningKey,
    Trust,
    environment_of,
    exit_unless,
    moment_of,
    passphrase_of,
    print_json,
    print_text,
    show,
    tell,
    words_of,
)
from vibforge.evidence.sbom import SbomFormat
from vibforge.report import change_record as record_report
from vibforge.report import change_record_folder, documents
from vibforge.report import evidence as report

app = typer.Typer(
    name="evidence",
    help="Make evidence about packages for those who approve them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Package = Annotated[Path, typer.Argument(metavar="FILE", help="VIB or offline bundle.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file, not to stdout."),
]


@app.command()
def sbom(
    package: Package,
    *,
    form: Annotated[
        SbomFormat,
        typer.Option("--as", metavar="WORD", help="cyclonedx (1.6) or spdx (2.3), both as JSON."),
    ] = SbomFormat.CYCLONEDX,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Describe a VIB or bundle by an SBOM that names every file with its digests.

    The same package gives the same bytes. `vibforge verify --sbom` checks a package against it.
    """
    made = api.make_sbom(package, output, form=form)
    if as_json:
        print_json(documents.evidence.EvidenceSbom.of(made, output))
    elif output is None:
        print_text(made.data.decode("ascii"), end="")
    else:
        tell(report.sbom_text(made, output))


@app.command()
def attest(  # noqa: PLR0913 - the options of the command
    build: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="Folder that `vibforge build` wrote, its build.json, or its VIB."
        ),
    ],
    *,
    key: SigningKey = None,
    certificates: Certificates = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    pkcs11_module: Pkcs11Module = None,
    builder: Annotated[
        str, typer.Option(metavar="URL", help="State that this pipeline is the builder.")
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="State the git commit of this project; fail if its files differ from it.",
        ),
    ] = None,
    pae_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the text whose SHA-256 has to be signed elsewhere (PAE)."
        ),
    ] = None,
    signature_in: SignatureIn = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Attest how a VIB was built: SLSA v1 provenance, signed as DSSE with the key of a VIB.

    What it states comes from build.json. `vibforge verify --attestation` checks a VIB against it.
    """
    if pae_out is not None:
        request = api.to_attest(
            build, pae_out, certificates=certificates or (), builder=builder, source=source
        )
        show(
            as_json,
            lambda: documents.evidence.EvidenceRequest.of(request, pae_out),
            lambda _: report.to_attest_text(request, pae_out),
        )
        return
    attested = api.attest(
        build,
        output,
        key=key or "",
        certificates=certificates or (),
        passphrase=passphrase_of(passphrase_file, passphrase_fd, passphrase_env),
        environment=environment_of(pkcs11_module),
        signature=signature_in,
        builder=builder,
        source=source,
    )
    if as_json:
        print_json(documents.evidence.EvidenceAttest.of(attested, output))
    elif output is None:
        print_text(attested.envelope.decode("ascii"), end="")
    else:
        tell(report.attested_text(attested, output))


@app.command("change-record")
def change_record(  # noqa: PLR0913 - the options of the command
    package: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR", help="VIB, offline bundle, or build.json or folder of a build."
        ),
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="New or empty folder.")
    ],
    previous: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The last release, to compare with.")
    ] = None,
    rehearsal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Result of `vibforge trx rehearse --json`."),
    ] = None,
    clock_log: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Result of `vibforge trx log --json`; may be repeated."),
    ] = None,
    attestation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Attestation of the build; its signer needs --trust."),
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Facts of a host; see `vibforge host-facts`."),
    ] = None,
    esxi: Esxi = None,
    trust: Trust = None,
    purpose: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it is installed, and for whom.")
    ] = "",
    date: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Date of the record; default: SOURCE_DATE_EPOCH, or else the present.",
        ),
    ] = None,
    no_sbom: Annotated[
        bool, typer.Option("--no-sbom", help="Leave out the SBOMs in CycloneDX and SPDX.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a folder with all that a board that approves changes asks about a package.

    Exit code 1 means that no host takes the package even by the steps of the record, that its
    trx.conf was rehearsed and does not fit, that an attestation does not hold, or that a clock log
    does not show its limits kept. The folder is written all the same. A package is not refused for
    being unsigned: the record says it, with the risk and the waivers that it needs.
    """
    found = api.change_record(
        package,
        previous=previous,
        rehearsal=rehearsal,
        clock_logs=clock_log or (),
        attestation=attestation,
        host=host,
        esxi=words_of(esxi),
        trust=trust or (),
        purpose=purpose,
        date=moment_of(date, "--date"),
        sboms=not no_sbom,
    )
    names = change_record_folder.write_record(found, output)
    show(
        as_json,
        lambda: documents.change_record.ChangeRecord.of(found, found.attachments),
        lambda paint: record_report.change_record_text(found, output, names, paint),
    )
    exit_unless(good=found.good)
