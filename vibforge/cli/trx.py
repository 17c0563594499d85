"""`vibforge trx`: everything about trx.conf, the settings of ESXi's hardware-timestamp PTP."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from vibforge.api import trx as api
from vibforge.cli import trx_clock, trx_log
from vibforge.cli.arguments import (
    Allow,
    Because,
    Domain,
    Esxi,
    Json,
    Settings,
    exit_unless,
    paint,
    print_json,
    print_report,
    reasons_of,
    settings_of,
    tell,
    words_of,
)
from vibforge.cli.trx_arguments import (
    File,
    Files,
    Linuxptp,
    Output,
    each_of,
    name_of,
    read,
    releases_of,
    tell_inferred,
    write,
)
from vibforge.files import inputs
from vibforge.report import documents
from vibforge.report import trx_check as report_trx_check
from vibforge.report import trx_tables as report
from vibforge.trx import conf as trx_document
from vibforge.trx import configstore, effective, option
from vibforge.trx import nic as trx_nic
from vibforge.trx import profile as trx_profile
from vibforge.trx.exchange import conversion
from vibforge.trx.exchange.foreign import Foreign

app = typer.Typer(
    name="trx",
    help="Check, write, convert and rehearse trx.conf, the settings of ESXi's PTP with hardware "
    "timestamps.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class ShownAs(StrEnum):
    """Format of the output of `show`."""

    TABLE = "table"
    TRX_CONF = "trx.conf"
    PTP4L_CONF = "ptp4l.conf"
    PHC2SYS_CONF = "phc2sys.conf"


@app.command()
def check(  # noqa: PLR0913 - the options of the command
    files: Files,
    *,
    linuxptp: Linuxptp = None,
    esxi: Esxi = None,
    allow: Allow = None,
    because: Because = None,
    configstore: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Value in the host's ConfigStore: domain_number."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a trx.conf: print each finding with its line, reason, remedy and certainty.

    Several files are checked one after the other; --json takes one.
    """
    if as_json and len(files) > 1:
        raise typer.BadParameter("--json describes one file: name one")
    tell_inferred(esxi)
    checked = each_of(
        files,
        lambda file: api.check_trx(
            file,
            linuxptp=words_of(linuxptp),
            esxi=words_of(esxi),
            allow=reasons_of(allow, because),
            configstore=settings_of(configstore or [], "--configstore"),
        ),
    )
    for file, result in checked.found:
        if as_json:
            print_json(documents.trx.TrxCheck.of(result, str(file)))
        else:
            print_report(report_trx_check.check_text(result, name_of(file), paint()))
    inputs.require_readable(checked.unreadable)
    exit_unless(good=all(result.good for _file, result in checked.found))


@app.command()
def new(  # noqa: PLR0913 - the options of the command
    *,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="A PTP profile of `vibforge trx profiles`.")
    ],
    settings: Settings = None,
    domain: Domain = None,
    linuxptp: Linuxptp = None,
    esxi: Esxi = None,
    output: Output = None,
) -> None:
    """Write a trx.conf for a PTP profile.

    KEY of --set is an option of ptp4l; write phc2sys:KEY for an option of phc2sys.
    """
    made = trx_profile.new_trx_conf(
        profile, domain=domain, changes=settings or (), releases=releases_of(linuxptp, esxi)
    )
    write(made.data.decode("utf-8"), output)
    tell(report_trx_check.check_text(made.result, profile, paint(sys.stderr)))


@app.command()
def profiles(*, as_json: Json = False) -> None:
    """List the PTP profiles with their settings and sources."""
    found = trx_profile.profiles().values()
    if as_json:
        print_json(documents.trx.TrxProfiles.of(found))
    else:
        print_report(report.profiles_text(found, paint()))


@app.command()
def options(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD…]", help="Words to search for.")
    ] = None,
    *,
    linuxptp: Linuxptp = None,
    esxi: Esxi = None,
    as_json: Json = False,
) -> None:
    """Search the options of linuxptp: their values, and their effect in TRX."""
    releases = releases_of(linuxptp, esxi)
    found = option.catalogue().search(words or ())
    if as_json:
        print_json(documents.trx.TrxOptions.of(option.catalogue(), found, releases))
    else:
        print_report(report.options_text(option.catalogue(), found, releases, paint()))
    exit_unless(good=bool(found))


@app.command()
def show(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    shape: Annotated[
        ShownAs,
        typer.Option("--as", help="Format; ptp4l.conf and phc2sys.conf are as TRX writes them."),
    ] = ShownAs.TABLE,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show the options that the file does not set.")
    ] = False,
    linuxptp: Linuxptp = None,
    esxi: Esxi = None,
    as_json: Json = False,
) -> None:
    """Show the configuration that a trx.conf results in."""
    if as_json and shape is not ShownAs.TABLE:
        raise typer.BadParameter("--json and --as exclude each other")
    conf = trx_document.TrxConf.parse(read(file))
    if shape is ShownAs.TRX_CONF:
        write(conf.serialise().decode("utf-8", "surrogateescape"), None)
    elif shape is not ShownAs.TABLE:
        write(effective.linuxptp_file(conf, shape.removesuffix(".conf")), None)
    else:
        releases = releases_of(linuxptp, esxi)
        effects = effective.effects(conf, releases=releases, everything=everything)
        stopping = effective.stopping_lines(conf)
        if as_json:
            print_json(documents.trx.TrxShow.of(effects, stopping, releases))
        else:
            print_report(report.effects_text(effects, stopping, releases, paint()))
        exit_unless(good=not stopping)


@app.command("import")
def import_(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    source: Annotated[
        Foreign,
        typer.Option("--as", help="Format of FILE; phc2sys: a line of command-line options."),
    ] = Foreign.PTP4L_CONF,
    ptp4l_options: Annotated[
        str, typer.Option(metavar="TEXT", help="Command-line options of ptp4l.")
    ] = "",
    phc2sys_options: Annotated[
        str, typer.Option(metavar="TEXT", help="Command-line options of phc2sys.")
    ] = "",
    interface: Annotated[
        str, typer.Option(metavar="NAME", help="Import the section of this interface.")
    ] = "",
    ptpconfig_profile: Annotated[
        str, typer.Option(metavar="NAME", help="Import this profile of a PtpConfig.")
    ] = "",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Make a trx.conf from linuxptp's own files or from an OpenShift PtpConfig."""
    imported = conversion.import_text(
        read(file),
        source,
        ptp4l_options=ptp4l_options,
        phc2sys_options=phc2sys_options,
        interface=interface,
        profile=ptpconfig_profile,
    )
    if as_json:
        print_json(documents.trx.TrxImport.of(imported))
        if output:
            write(imported.conf.serialise().decode("utf-8"), output)
    else:
        write(imported.conf.serialise().decode("utf-8"), output)
        tell(report.losses_text(imported.losses, paint(sys.stderr)))
    exit_unless(good=imported.complete)


@app.command()
def export(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    target: Annotated[
        Foreign,
        typer.Option("--as", help="Format; phc2sys: a line of command-line options."),
    ] = Foreign.PTP4L_CONF,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name for the PtpConfig.")] = "trx",
    interface: Annotated[
        str, typer.Option(metavar="NAME", help="Interface for the PtpConfig.")
    ] = "ens1f0",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Convert a trx.conf to linuxptp's own files or to an OpenShift PtpConfig."""
    text, exported = conversion.export_text(read(file), target, name=name, interface=interface)
    if as_json:
        print_json(documents.trx.TrxExport.of(exported, text, target))
        if output:
            write(text, output)
    else:
        write(text, output)
        tell(report.losses_text(exported.losses, paint(sys.stderr)))
    exit_unless(good=exported.complete)


@app.command()
def host(
    *,
    nic: Annotated[
        str | None, typer.Option(metavar="VENDOR:DEVICE", help="PCI id, such as 8086:1592.")
    ] = None,
    function: Annotated[
        int, typer.Option("--pf", metavar="N", help="Physical function of the NIC.")
    ] = 0,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Show whether TRX supports a NIC, and which PTP settings ESXi has besides trx.conf."""
    verdict = trx_nic.judge_nic(nic, function) if nic else None
    ways = configstore.official_ways(domain)
    if as_json:
        print_json(documents.trx.TrxHost.of(verdict, ways))
    else:
        print_report(report.host_text(verdict, ways, paint()))
    exit_unless(good=verdict is None or verdict.answer is trx_nic.Answer.YES)


@app.command()
def fingerprint(binary: File, *, as_json: Json = False) -> None:
    """Identify the linuxptp version of a ptp4l, phc2sys or pmc binary."""
    found = option.fingerprint(read(binary, option.MAX_BYTES))
    if as_json:
        print_json(documents.trx.TrxFingerprint.of(found, str(binary)))
    else:
        print_report(report.fingerprint_text(found, name_of(binary)))


app.command()(trx_clock.rehearse)
app.command()(trx_clock.sniff)
app.command()(trx_log.log)
