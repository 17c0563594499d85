"""`vibforge trx rehearse` and `vibforge trx sniff`: test a trx.conf before it is on a host."""

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.api import trx as api
from vibforge.cli.arguments import (
    Domain,
    Json,
    Verbose,
    columns,
    exit_unless,
    paint,
    print_json,
    print_report,
    progress,
    tell,
)
from vibforge.cli.trx_arguments import File, name_of, write
from vibforge.errors import shell_line
from vibforge.report import documents
from vibforge.report import trx_rehearse as report
from vibforge.report import trx_rehearse as report_trx_rehearse
from vibforge.report.page import rehearsal as rehearsal_pages
from vibforge.trx.network import settings
from vibforge.trx.network import sniff as network_sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vibforge.trx.rehearsal.verdict import Sample

Transport = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Choose the network by transport: L2, UDPv4 or UDPv6."),
]
Vlan = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Choose the network of this VLAN, which the host gets untagged; 0: no VLAN.",
    ),
]
Master = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Choose the master by its address or clock identity."),
]


def rehearse(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    gm_profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run against a grandmaster of this PTP profile."),
    ] = None,
    gm_conf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run against a grandmaster with this ptp4l.conf."),
    ] = None,
    pcap: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run against a grandmaster as in this capture."),
    ] = None,
    interface: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run against the network at this interface; root only."),
    ] = None,
    second_profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fail over to a second grandmaster of this PTP profile."),
    ] = None,
    second_conf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fail over to a second one with this ptp4l.conf."),
    ] = None,
    domain: Domain = None,
    transport: Transport = None,
    vlan: Vlan = None,
    master: Master = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="Stop after this many seconds, 1 to 600.")
    ] = None,
    watch: Annotated[
        float,
        typer.Option(metavar="N", help="Watch for this many seconds after the client has locked."),
    ] = 3.0,
    client_linuxptp: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run the client with the linuxptp in this folder."),
    ] = None,
    gm_linuxptp: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run the grandmaster with the linuxptp in this folder."),
    ] = None,
    keep_threshold: Annotated[
        bool, typer.Option("--keep-threshold", help="Do not raise neighborPropDelayThresh.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write an HTML page with the curves.")
    ] = None,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Run the real ptp4l with a trx.conf in an isolated network, and report whether it locks.

    Name the grandmaster with one of --gm-profile, --gm-conf, --pcap and --interface. No clock is
    set. DIR holds ptp4l, pmc and phc2sys, wrappers of them, or an extracted Debian package. Exit
    code 1 means that the trx.conf does not fit the grandmaster, or that this is not known.
    """
    with _live(report_trx_rehearse.live_line) as on_sample:
        found = api.rehearse_trx(
            file,
            gm_profile=gm_profile,
            gm_conf=gm_conf,
            pcap=pcap,
            interface=interface,
            second_profile=second_profile,
            second_conf=second_conf,
            domain=domain,
            transport=transport,
            vlan=vlan,
            master=master,
            seconds=seconds,
            watch=watch,
            client_linuxptp=client_linuxptp,
            gm_linuxptp=gm_linuxptp,
            keep_threshold=keep_threshold,
            on_sample=on_sample,
        )
    if html:
        write(rehearsal_pages.rehearsal_page(found, name_of(file), datetime.now(UTC)), html)
    if as_json:
        print_json(documents.trx_network.TrxRehearse.of(found, name_of(file)))
    else:
        print_report(
            report_trx_rehearse.rehearsal_text(found, name_of(file), paint(), verbose=verbose)
        )
    exit_unless(good=found.good)


def sniff(  # noqa: PLR0913 - the options of the command
    capture: Annotated[
        Path | None,
        typer.Argument(metavar="[PCAP]", help="pcap or pcapng, or - for standard input."),
    ] = None,
    *,
    interface: Annotated[
        str | None, typer.Option(metavar="NAME", help="Listen to this interface; root only.")
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(metavar="N", min=1, max=3600, help="How long to listen to an interface."),
    ] = 15.0,
    domain: Domain = None,
    transport: Transport = None,
    vlan: Vlan = None,
    master: Master = None,
    output: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Write the trx.conf that fits.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the PTP domains, masters and delay mechanism of a network, and a trx.conf that fits."""
    where = interface or (name_of(capture) if capture else "")
    with progress("listening") as on_progress:
        heard = network_sniff.observe(capture, interface, seconds, on_progress)
    choice = network_sniff.NetworkFilter(
        domain=domain, transport=transport, vlan=vlan, master=master
    )
    fits = [settings.fit_domain(each, untagged=vlan is not None) for each in heard.domains]
    if as_json:
        confs = [network_sniff.fitting_conf(fit) for fit in fits]
        print_json(
            documents.trx_network.TrxSniff.of(
                heard, fits, confs, path="" if interface else where, interface=interface or ""
            )
        )
    else:
        print_report(report.hearing_text(heard, fits, where, paint()))
    good = report.good_hearing(fits)
    if output:
        fit = network_sniff.chosen_fit(heard, choice, where)
        good = not fit.inexpressible
        if good:
            write(network_sniff.fitting_conf(fit), output)
            then = shell_line("vibforge", "trx", "check", name_of(output))
            tell(f"Next: check it against the rules:  {then}")
        else:
            tell(f"{output} is not written: no trx.conf fits this network")
        if good and fit.defaults:
            bare = shell_line("vibforge", "trx", "show", name_of(output), "--as", "trx.conf")
            tell(f"To print it without its comments:  {bare}")
    exit_unless(good=good)


@contextmanager
def _live(line_of: "Callable[[list[Sample]], str]") -> "Iterator[Callable[[Sample], None] | None]":
    """Yield a callback that shows a running rehearsal in one line of a terminal, or None."""
    if not sys.stderr.isatty():
        yield None
        return
    samples: list[Sample] = []

    def show(sample: "Sample") -> None:
        samples.append(sample)
        tell(f"\r\x1b[K{line_of(samples)[: columns(80) - 1]}", end="")

    try:
        yield show
    finally:
        tell("\r\x1b[K", end="")
