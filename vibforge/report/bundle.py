"""Texts about bundles: their contents, which readers refuse them, and what was written."""

from collections.abc import Iterator

from vibforge.api.bundles import BundleListing
from vibforge.bundle.metadata import Bulletin
from vibforge.bundle.opening import UnpackedDepot, Written
from vibforge.bundle.readers import ReaderVerdict, Verdict
from vibforge.bundle.snapshot import DepotAddress
from vibforge.packages.verify import JudgedBundle
from vibforge.report import units
from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.verify import verification_text

_ROLES = {Verdict.TAKES: "good", Verdict.REFUSES: "bad", Verdict.OPEN: "warn"}


def bundle_text(found: BundleListing, paint: Paint) -> str:
    """Show the contents of a bundle."""
    return "\n".join(_bundle_lines(found, paint))


def judged_text(found: JudgedBundle, paint: Paint) -> str:
    """Show the checks of a bundle and which readers accept it."""
    lines = [
        verification_text(found.verification, paint),
        "",
        paint("Readers of the bundle", "strong"),
    ]
    for verdict in found.verdicts:
        lines += _verdict_lines(verdict, paint)
    return "\n".join(lines)


def written_text(done: Written, paint: Paint) -> str:
    """Show a bundle that was written, and what was assumed."""
    lines = [
        paint(str(done.path), "strong") + f"  {units.size(done.size)}",
        f"  SHA-256   {done.sha256}",
        f"  vendor    {plain(done.content.vendor.name)} ({plain(done.content.vendor.code)})",
        f"  for       {', '.join(dict.fromkeys(p.version for p in done.content.platforms))}",
    ]
    lines += [_bulletin_line(carried.bulletin) for carried in done.content.bulletins]
    lines += [f"  VIB       {plain(vib.id)}" for vib in done.content.vibs]
    lines += [paint("  ! ", "warn") + plain(note) for note in done.notes]
    return "\n".join(lines)


def unpacked_text(done: UnpackedDepot) -> str:
    """Show a depot that was unpacked, and how hosts can read it."""
    return "\n".join(
        [
            f"{done.folder}: {len(done.files)} files, {units.size(done.size)}",
            "",
            "Let a web server serve the folder; hosts and Lifecycle Manager then read",
            "  esxcli software vib install -d http://SERVER/PATH/index.xml",
            "To try it, run  python3 -m http.server -d " + str(done.folder),
        ]
    )


def served_text(served: DepotAddress, fingerprint: str, *, is_local: bool) -> str:
    """Show the address of a served depot, and the commands that use it."""
    lines = [f"Serving {served.url}  (stop with Ctrl-C)"]
    if fingerprint:
        lines.append(f"  certificate  SHA-256 {fingerprint}")
    if is_local:
        lines.append("  Only this machine can reach it; use --bind 0.0.0.0 for other hosts.")
    lines += ["", "On a host:", f"  esxcli software vib install -d {served.index_url}"]
    if served.has_components:
        lines.append(f"  esxcli software component apply -d {served.index_url}  (7.0 and later)")
    lines += [
        "",
        "Lifecycle Manager (imports the zip; VMware calls only HTTPS secure):",
        f"  New-LcmOfflineDepot -Location {served.zip_url}",
        f"  govc vlcm.depot.offline.create -l {served.zip_url} -source-type PULL",
    ]
    return "\n".join(lines)


def _bundle_lines(found: BundleListing, paint: Paint) -> Iterator[str]:
    of = found.bundle
    yield paint(f"Offline bundle {plain(of.name)}", "strong")
    yield f"  {units.size(found.size)}, {len(of.members)} members, {len(of.vibs)} VIBs"
    for vendor in of.vendors:
        yield f"  vendor    {plain(vendor.name)} (code {plain(vendor.code) or '-'})"
    for platform in of.platforms:
        yield f"  platform  {plain(platform.product_id)} {plain(platform.version)}"
    for bulletin in of.bulletins:
        yield _bulletin_line(bulletin)
        yield f"            {plain(bulletin.value('summary'))}"
    for vib in of.vibs:
        size = units.size(vib.packed_size) if vib.packed_size is not None else "size unknown"
        level = plain(vib.descriptor.acceptance_level or "community")
        yield f"  VIB       {plain(vib.descriptor.vib_id)}  ({level}, {size})"
        yield f"            {plain(vib.relative_path)}"
    yield "  members"
    yield from (f"            {plain(name)}" for name in of.members)
    yield "  metadata"
    yield from (f"            {plain(name)}" for name in of.metadata_members)
    yield from (paint("  ! ", "warn") + plain(str(fault)) for fault in of.faults)


def _bulletin_line(of: Bulletin) -> str:
    if of.is_component:
        return f"  component {plain(of.component_name)} {plain(of.component_version)}"
    return f"  bulletin  {plain(of.id)} (no component)"


def _verdict_lines(of: ReaderVerdict, paint: Paint) -> Iterator[str]:
    verdict = paint(of.verdict.value, _ROLES[of.verdict])
    yield f"  {of.reader.value:<36} {verdict}  ({of.certainty.value})"
    if of.says:
        yield f"    says: {plain(of.says)}"
    yield from (f"    - {plain(str(cause))} ({cause.certainty.value})" for cause in of.causes)
    yield from (f"    . {plain(remark)}" for remark in of.remarks)
