"""`vibforge bundle`: offline bundles and components, from which fleets install."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.api import bundles as api
from vibforge.bundle import serving_certificate, snapshot
from vibforge.cli.arguments import (
    At,
    Folder,
    Json,
    RequireLevel,
    RequireSigned,
    Settings,
    Strict,
    Trust,
    VendorCode,
    check_moment_of,
    exit_unless,
    options_of,
    paint,
    print_json,
    print_report,
    settings_of,
    tell,
    words_of,
)
from vibforge.cli.lint import lint
from vibforge.errors import ModelError, OutputError
from vibforge.report import bundle as report
from vibforge.report import documents
from vibforge.report.bundle import served_text

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from vibforge.bundle.opening import Written
    from vibforge.bundle.serving_certificate import ServerIdentity
    from vibforge.report.documents.bundle import WrittenBundles


Bundle = Annotated[Path, typer.Argument(help="An offline bundle.", metavar="BUNDLE")]
Vibs = Annotated[list[Path], typer.Argument(help="Files of VIBs.", metavar="VIB…")]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Write the new bundle here.")
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(metavar="PROJECT", help="A vibforge.toml, or its folder, with a [bundle]."),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        metavar="RELEASE",
        help="Platform that the bundle declares: 7.0, 8.0, …; may be repeated.",
    ),
]
Vendor = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the vendor.")]
Component = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Put all VIBs into one component of this name."),
]
ComponentVersion = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION", help="Version of the component. Default: that of the first VIB."
    ),
]


_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


def identity(
    host: str, certificate: Path | None, key: Path | None, *, https: bool
) -> "ServerIdentity | None":
    """Return the certificate and key for HTTPS, None for plain HTTP.

    Raises:
        ModelError: a certificate without a key, or a key without a certificate.
        SigningError: the certificate or key cannot be used.
    """
    if (certificate is None) != (key is None):
        raise ModelError("--cert and --key go together")
    if certificate is None and not https:
        return None
    if certificate is not None and key is not None:
        return serving_certificate.given_identity(certificate, key)
    return serving_certificate.made_identity(snapshot.reachable_name(host))


def run(bundle: Path, host: str, port: int, identity: "ServerIdentity | None") -> None:
    """Print the address of the depot, and serve it until a signal arrives.

    Raises:
        OutputError: the server is not installed, or cannot listen.
        VibforgeError: as `snapshot` raises it.
    """
    try:
        from vibforge.bundle.serve import serving  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise OutputError(
            "serving needs the packages hypercorn and starlette",
            remedy="pip install 'vibforge[serve]', or let a web server serve what "
            "`vibforge bundle unpack` writes",
        ) from error

    tls: ssl.SSLContext | None = identity.context if identity else None
    fingerprint = identity.fingerprint if identity else ""
    with (
        snapshot.snapshot(bundle) as depot,
        serving(depot, host=host, port=port, tls=tls, log=tell) as served,
    ):
        print_report(served_text(served.address, fingerprint, is_local=host in _LOCAL))
        served.wait()


app = typer.Typer(
    name="bundle",
    help="Make, check, combine and serve offline bundles and components.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class ReaderOption(StrEnum):
    """Reader of bundles whose refusal makes the exit code 1."""

    ESXCLI = "esxcli"
    COMPONENT = "component"
    VLCM = "vlcm"
    IMAGE_BUILDER = "image-builder"
    UPDATE_MANAGER = "update-manager"


@app.command()
def create(  # noqa: PLR0913 - the options of the command
    vibs: Vibs,
    *,
    output: Output,
    recipe: RecipeFile = None,
    platform: Platforms = None,
    vendor: Vendor = None,
    vendor_code: VendorCode = None,
    component: Component = None,
    component_version: ComponentVersion = None,
    severity: Annotated[
        str | None, typer.Option(metavar="WORD", help="general, security or critical.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(metavar="WORD", help="enhancement, bugfix, …")
    ] = None,
    urgency: Annotated[
        str | None, typer.Option(metavar="WORD", help="critical, important, moderate or low.")
    ] = None,
    release_type: Annotated[
        str | None, typer.Option(metavar="WORD", help="extension, patch, update, …")
    ] = None,
    kb_url: Annotated[str | None, typer.Option(metavar="URL", help="Page with details.")] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Contact for support.")
    ] = None,
    image_profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Also make this image profile.")
    ] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Make an offline bundle of VIBs: a component for each, or --component for all together."""
    options = {
        "vendor": vendor,
        "vendor-code": vendor_code,
        "severity": severity,
        "category": category,
        "urgency": urgency,
        "release-type": release_type,
        "kb-url": kb_url,
        "contact": contact,
        "image-profile": image_profile,
    }
    written = api.create_bundle(
        vibs,
        output,
        recipe=recipe,
        settings=settings_of(settings or []) | options_of(options),
        platforms=words_of(platform),
        component=component or "",
        component_version=component_version or "",
    )
    _show(lambda: documents.bundle.BundleCreate, [written], as_json=as_json)


@app.command()
def inspect(bundle: Bundle, *, as_json: Json = False) -> None:
    """Show a bundle's members, vendors, platforms, bulletins, components and VIBs."""
    listings = api.inspect_bundle(bundle)
    if as_json:
        print_json(documents.bundle.BundleInspect.of(str(bundle), listings))
        return
    for each in listings:
        print_report(report.bundle_text(each, paint()))


@app.command()
def verify(  # noqa: PLR0913 - the options of the command
    bundle: Bundle,
    *,
    trust: Trust = None,
    strict: Strict = False,
    at: At = None,
    require_signed: RequireSigned = False,
    require_level: RequireLevel = None,
    reader: Annotated[
        ReaderOption | None, typer.Option("--for", help="Also fail if this reader refuses it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle and its VIBs against their metadata, and predict which readers refuse it.

    Exit code 1 means that a check failed, or that the reader named with --for refuses the bundle.
    """
    verified = api.verify_bundle(
        bundle,
        trust=trust or (),
        strict=strict,
        at=check_moment_of(at),
        require_signed=require_signed,
        require_level=require_level,
        reader=reader or "",
    )
    if as_json:
        print_json(documents.bundle.BundleVerify.of(str(bundle), verified))
    else:
        for each in verified.bundles:
            print_report(report.judged_text(each, paint()))
    exit_unless(good=verified.good)


app.command("lint")(lint)


@app.command()
def add(  # noqa: PLR0913 - the options of the command
    bundle: Bundle,
    vibs: Vibs,
    *,
    output: Output,
    recipe: RecipeFile = None,
    platform: Platforms = None,
    component: Component = None,
    component_version: ComponentVersion = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Add VIBs to a bundle."""
    written = api.add_to_bundle(
        bundle,
        vibs,
        output,
        recipe=recipe,
        settings=settings_of(settings or []),
        platforms=words_of(platform),
        component=component or "",
        component_version=component_version or "",
    )
    _show(lambda: documents.bundle.BundleAdd, [written], as_json=as_json)


@app.command()
def remove(
    bundle: Bundle,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME…",
            help="VIB IDs or names, bulletin IDs or component names; * matches any text.",
        ),
    ],
    *,
    output: Output,
    as_json: Json = False,
) -> None:
    """Remove VIBs, bulletins or components from a bundle."""
    _show(
        lambda: documents.bundle.BundleRemove,
        [api.remove_from_bundle(bundle, what, output)],
        as_json=as_json,
    )


@app.command()
def split(
    bundle: Bundle,
    *,
    folder: Folder,
    as_json: Json = False,
) -> None:
    """Make one bundle for each bulletin or component."""
    _show(lambda: documents.bundle.BundleSplit, api.split_bundle(bundle, folder), as_json=as_json)


@app.command()
def merge(
    bundles: Annotated[list[Path], typer.Argument(help="Offline bundles.", metavar="BUNDLE…")],
    *,
    output: Output,
    vendor: Vendor = None,
    vendor_code: VendorCode = None,
    as_json: Json = False,
) -> None:
    """Merge several bundles into one."""
    written = api.merge_bundles(bundles, output, vendor=vendor, vendor_code=vendor_code)
    _show(lambda: documents.bundle.BundleMerge, [written], as_json=as_json)


@app.command()
def modernise(
    bundle: Bundle,
    *,
    output: Output,
    platform: Platforms = None,
    vendor_code: VendorCode = None,
    as_json: Json = False,
) -> None:
    """Turn an old bundle into one with components, for ESXi 7.0 to 9.0; list the assumptions."""
    done = api.modernise_bundle(
        bundle, output, platforms=words_of(platform), vendor_code=vendor_code or ""
    )
    _show(lambda: documents.bundle.BundleModernise, [done], as_json=as_json)


@app.command()
def unpack(
    bundle: Bundle,
    *,
    folder: Folder,
    as_json: Json = False,
) -> None:
    """Unpack a bundle into a folder that any web server can serve."""
    done = api.unpack_bundle(bundle, folder)
    print_json(documents.bundle.BundleUnpack.of(done)) if as_json else print_report(
        report.unpacked_text(done)
    )


@app.command()
def serve(  # noqa: PLR0913 - the options of the command
    bundle: Bundle,
    *,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0: any free port.")
    ] = 8000,
    https: Annotated[bool, typer.Option("--https", help="HTTPS with a new certificate.")] = False,
    cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="HTTPS with this certificate and chain (PEM)."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="KEY", help="The certificate's key: a PEM file.")
    ] = None,
) -> None:
    """Serve a copy of a bundle as a depot, on localhost unless --bind names another address."""
    run(bundle, bind, port, identity(bind, cert, key, https=https))


def _show(
    document: "Callable[[], type[WrittenBundles]]", done: "Iterable[Written]", *, as_json: bool
) -> None:

    if as_json:
        print_json(document().of(done))
        return
    for each in done:
        print_report(report.written_text(each, paint()))
