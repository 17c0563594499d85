"""`vibforge trx`: everything about trx.conf, the settings of ESXi's hardware-timestamp PTP."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import print_json, settings_of
from vibforge.report.paint import Paint, wants_colour

app = typer.Typer(
    name="trx",
    help="Understand trx.conf, the settings of ESXi's PTP with hardware timestamps.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_BAD_VERDICT = 1

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, not to stdout.")
]
_Linuxptp = Annotated[
    list[str] | None,
    typer.Option("--linuxptp", metavar="RELEASE", help="For 3.1.1, 4.0, 4.2, …; may be repeated."),
]
_Esxi = Annotated[
    str | None,
    typer.Option("--esxi", metavar="RELEASE", help="For what 8.0U3, … likely carries (inferred)."),
]


class Shape(StrEnum):
    """What `show` prints."""

    TABLE = "table"
    TRX_CONF = "trx.conf"
    PTP4L_CONF = "ptp4l.conf"
    PHC2SYS_CONF = "phc2sys.conf"


class Foreign(StrEnum):
    """What can be imported and exported."""

    PTP4L_CONF = "ptp4l.conf"
    PTPCONFIG = "ptpconfig"
    PHC2SYS = "phc2sys"


@app.command()
def check(  # noqa: PLR0913 - the options of the command
    file: _File,
    *,
    linuxptp: _Linuxptp = None,
    esxi: _Esxi = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Do not count what this rule finds.")
    ] = None,
    because: Annotated[
        list[str] | None, typer.Option(metavar="WHY", help="The reason for --allow.")
    ] = None,
    configstore: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the host's ConfigStore says: domain_number."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Judge a trx.conf: every problem with its line, reason, remedy and how sure it is."""
    from vibforge.report import trx_check as report  # noqa: PLC0415 - `--version` needs none of it
    from vibforge.trx.check import allowances  # noqa: PLC0415 - the same
    from vibforge.trx.check import check as judge  # noqa: PLC0415 - the same

    result = judge(
        _read(file),
        releases=_releases(linuxptp, esxi),
        allow=allowances(allow or (), because or ()),
        configstore=settings_of(configstore or []),
    )
    if as_json:
        print_json(report.check_json(result, str(file)))
    else:
        typer.echo(report.check_text(result, str(file), _paint()))
    _exit_unless(good=result.good)


@app.command()
def new(  # noqa: PLR0913 - the options of the command
    *,
    profile: Annotated[str, typer.Option(help="A name that `vibforge trx profiles` lists.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="[ptp4l:|phc2sys:]key=value on top."),
    ] = None,
    domain: Annotated[int | None, typer.Option(help="The PTP domain.")] = None,
    linuxptp: _Linuxptp = None,
    esxi: _Esxi = None,
    output: _Output = None,
) -> None:
    """Write a trx.conf for a PTP profile."""
    from vibforge.operations.trx_new import new_trx_conf  # noqa: PLC0415 - only here
    from vibforge.report.trx_check import check_text  # noqa: PLC0415 - only here

    made = new_trx_conf(
        profile, domain=domain, changes=settings or (), releases=_releases(linuxptp, esxi)
    )
    _write(made.data.decode("utf-8"), output)
    typer.echo(check_text(made.result, profile, _paint()), err=True)


@app.command()
def profiles(*, as_json: _Json = False) -> None:
    """List the PTP profiles with their settings and sources."""
    from vibforge.report import trx_tables as report  # noqa: PLC0415 - only here
    from vibforge.trx.profile import profiles as known  # noqa: PLC0415 - only here

    found = known().values()
    if as_json:
        print_json(report.profiles_json(found))
    else:
        typer.echo(report.profiles_text(found, _paint()))


@app.command()
def options(
    words: Annotated[list[str] | None, typer.Argument(help="What they speak of.")] = None,
    *,
    linuxptp: _Linuxptp = None,
    esxi: _Esxi = None,
    as_json: _Json = False,
) -> None:
    """Search the options of linuxptp: what they take, and what they mean inside TRX."""
    from vibforge.report import trx_tables as report  # noqa: PLC0415 - only here
    from vibforge.trx.catalogue import catalogue  # noqa: PLC0415 - only here

    releases = _releases(linuxptp, esxi)
    found = catalogue().search(words or ())
    if as_json:
        print_json(report.options_json(catalogue(), found, releases))
    else:
        typer.echo(report.options_text(catalogue(), found, releases, _paint()))
    _exit_unless(good=bool(found))


@app.command()
def show(  # noqa: PLR0913 - the options of the command
    file: _File,
    *,
    shape: Annotated[
        Shape, typer.Option("--as", help="A table, or the file that TRX would make of it.")
    ] = Shape.TABLE,
    everything: Annotated[
        bool, typer.Option("--all", help="Also the options that the file does not set.")
    ] = False,
    linuxptp: _Linuxptp = None,
    esxi: _Esxi = None,
    as_json: _Json = False,
) -> None:
    """Show the configuration that is in effect with a trx.conf."""
    from vibforge.report import trx_tables as report  # noqa: PLC0415 - only here
    from vibforge.trx import effective  # noqa: PLC0415 - only here
    from vibforge.trx.document import TrxConf  # noqa: PLC0415 - only here

    conf = TrxConf.parse(_read(file))
    if shape is Shape.TRX_CONF:
        _write_bytes(conf.serialise())
    elif shape is not Shape.TABLE:
        typer.echo(effective.linuxptp_file(conf, shape.removesuffix(".conf")), nl=False)
    else:
        releases = _releases(linuxptp, esxi)
        effects = effective.effects(conf, releases=releases, everything=everything)
        stopping = effective.stopping_lines(conf)
        if as_json:
            print_json(report.effects_json(effects, stopping, releases))
        else:
            typer.echo(report.effects_text(effects, stopping, releases, _paint()))
        _exit_unless(good=not stopping)


@app.command("import")
def import_(  # noqa: PLR0913 - the options of the command
    file: _File,
    *,
    source: Annotated[
        Foreign, typer.Option("--from", help="What FILE is; phc2sys: a line of its options.")
    ] = Foreign.PTP4L_CONF,
    ptp4l_options: Annotated[str, typer.Option(help="Arguments of ptp4l beside the file.")] = "",
    phc2sys_options: Annotated[str, typer.Option(help="Arguments of phc2sys.")] = "",
    interface: Annotated[str, typer.Option(help="Whose section to take, of several.")] = "",
    ptp_profile: Annotated[str, typer.Option(help="Which profile of a PtpConfig.")] = "",
    output: _Output = None,
    as_json: _Json = False,
) -> None:
    """Make a trx.conf of linuxptp's own files or of an OpenShift PtpConfig."""
    from vibforge.operations.trx_import import import_text  # noqa: PLC0415 - only here
    from vibforge.report import trx_transfer as report  # noqa: PLC0415 - only here

    imported = import_text(
        _read(file),
        str(source),
        ptp4l_options=ptp4l_options,
        phc2sys_options=phc2sys_options,
        interface=interface,
        profile=ptp_profile,
    )
    if as_json:
        print_json(report.imported_json(imported))
    else:
        _write(imported.conf.serialise().decode("utf-8"), output)
        _tell(report.losses_text(imported.losses, _paint()))
    _exit_unless(good=imported.complete)


@app.command()
def export(  # noqa: PLR0913 - the options of the command
    file: _File,
    *,
    target: Annotated[
        Foreign, typer.Option("--to", help="ptp4l.conf, the options of phc2sys, or a PtpConfig.")
    ] = Foreign.PTP4L_CONF,
    name: Annotated[str, typer.Option(help="Name of a PtpConfig.")] = "trx",
    interface: Annotated[str, typer.Option(help="Interface of a PtpConfig.")] = "ens1f0",
    output: _Output = None,
    as_json: _Json = False,
) -> None:
    """Turn a trx.conf into linuxptp's own files or into an OpenShift PtpConfig."""
    from vibforge.operations.trx_export import export_text  # noqa: PLC0415 - only here
    from vibforge.report import trx_transfer as report  # noqa: PLC0415 - only here

    text, exported = export_text(_read(file), str(target), name=name, interface=interface)
    if as_json:
        print_json(report.exported_json(exported, text, str(target)))
    else:
        _write(text, output)
        _tell(report.losses_text(exported.losses, _paint()))
    _exit_unless(good=exported.complete)


@app.command()
def host(
    *,
    nic: Annotated[
        str | None, typer.Option(metavar="VENDOR:DEVICE", help="PCI id, such as 8086:1592.")
    ] = None,
    function: Annotated[int, typer.Option("--pf", help="Physical function of the NIC.")] = 0,
    domain: Annotated[int | None, typer.Option(help="The PTP domain that is wanted.")] = None,
    as_json: _Json = False,
) -> None:
    """Say whether TRX takes a NIC, and how ESXi itself sets what trx.conf need not carry."""
    from vibforge.report import trx_host as report  # noqa: PLC0415 - only here
    from vibforge.trx.nic import Answer, judge_nic  # noqa: PLC0415 - only here
    from vibforge.trx.official import official_ways  # noqa: PLC0415 - only here

    verdict = judge_nic(nic, function) if nic else None
    ways = official_ways(domain)
    if as_json:
        print_json(report.host_json(verdict, ways))
    else:
        typer.echo(report.host_text(verdict, ways, _paint()))
    _exit_unless(good=verdict is None or verdict.answer is Answer.YES)


@app.command()
def fingerprint(binary: _File, *, as_json: _Json = False) -> None:
    """Tell the linuxptp release of a ptp4l, phc2sys or pmc binary."""
    from vibforge.report import trx_host as report  # noqa: PLC0415 - only here
    from vibforge.trx import fingerprint as labels  # noqa: PLC0415 - only here

    found = labels.fingerprint(_read(binary, labels.MAX_BYTES))
    if as_json:
        print_json(report.fingerprint_json(found, str(binary)))
    else:
        typer.echo(report.fingerprint_text(found, str(binary)))


def _releases(linuxptp: list[str] | None, esxi: str | None) -> tuple[str, ...]:
    from vibforge.trx.release import chosen, span  # noqa: PLC0415 - for the commands that judge

    releases = chosen(linuxptp or (), esxi)
    if esxi:
        _tell(f"ESXi {esxi}: linuxptp {span(releases)} is inferred; the vendor does not say.")
    return releases


def _paint() -> Paint:
    return Paint(wants_colour(sys.stdout))


def _read(path: Path, most: int | None = None) -> bytes:
    from vibforge.errors import TrxError  # noqa: PLC0415 - for the commands that read
    from vibforge.operations.read_input import read_input  # noqa: PLC0415 - the same
    from vibforge.trx.document import MAX_BYTES  # noqa: PLC0415 - the same

    return read_input(path, most or MAX_BYTES, TrxError)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    from vibforge.operations.publish import Publication  # noqa: PLC0415 - only for files

    with Publication(output.parent) as publication:
        publication.write(output.name, text.encode("utf-8"))
        publication.publish()


def _write_bytes(data: bytes) -> None:
    sys.stdout.buffer.write(data)


def _tell(text: str) -> None:
    if text:
        typer.echo(text, err=True)


def _exit_unless(*, good: bool) -> None:
    if not good:
        raise typer.Exit(_BAD_VERDICT)
