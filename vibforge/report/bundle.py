"""How bundles look: what they hold, what their readers make of them, what became of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from vibforge.depot.serve import Served
from vibforge.depot.unpack import Unpacked
from vibforge.depot.verify import JudgedBundle
from vibforge.depot.write import Written
from vibforge.errors import Problem
from vibforge.host.bundle_readers import Reception, Verdict
from vibforge.model.bulletin import Bulletin
from vibforge.model.bundle_vib import DepotVib
from vibforge.operations.subjects import OpenBundle
from vibforge.report import units
from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.verify import verification_text, verifications_json

_ROLES = {Verdict.TAKES: "good", Verdict.REFUSES: "bad", Verdict.OPEN: "warn"}


def bundle_text(found: OpenBundle, paint: Paint) -> str:
    """Show what is in a bundle."""
    return "\n".join(_bundle_lines(found, paint))


def bundle_json(found: OpenBundle) -> dict[str, Any]:
    """Return what is in a bundle."""
    of = found.bundle
    return {
        "name": of.name,
        "size": found.size,
        "members": list(of.members),
        "metadata_members": list(of.metadata_members),
        "vendors": [{"name": v.name, "code": v.code} for v in of.vendors],
        "platforms": [{"product": p.product_id, "version": p.version} for p in of.platforms],
        "bulletins": [_bulletin_json(bulletin) for bulletin in of.bulletins],
        "vibs": [_vib_json(vib) for vib in of.vibs],
        "faults": [_problem_json(fault) for fault in of.faults],
    }


def judged_text(found: JudgedBundle, paint: Paint) -> str:
    """Show the facts of a bundle and what its readers make of it."""
    lines = [
        verification_text(found.verification, paint),
        "",
        paint("Who takes the bundle", "strong"),
    ]
    for reception in found.receptions:
        lines += _reception_lines(reception, paint)
    return "\n".join(lines)


def judged_json(path: str, found: Iterable[JudgedBundle]) -> dict[str, Any]:
    """Return the facts of `bundle verify --json`."""
    judged = tuple(found)
    facts = verifications_json((path, each.verification) for each in judged)
    return {
        **facts,
        "format": "vibforge/bundle-verify/1",
        "readers": [[_reception_json(each) for each in one.receptions] for one in judged],
    }


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


def written_json(command: str, done: Iterable[Written]) -> dict[str, Any]:
    """Return the facts of a command that writes bundles."""
    return {
        "format": f"vibforge/bundle-{command}/1",
        "bundles": [
            {
                "path": str(each.path),
                "size": each.size,
                "sha256": each.sha256,
                "vendor": {
                    "name": each.content.vendor.name,
                    "code": each.content.vendor.code,
                },
                "platforms": [
                    {"product": p.product_id, "version": p.version} for p in each.content.platforms
                ],
                "bulletins": [_bulletin_json(b.bulletin) for b in each.content.bulletins],
                "vibs": [
                    {
                        "vib_id": vib.id,
                        "path": vib.path,
                        "size": vib.source.size,
                        "sha256": vib.sha256,
                    }
                    for vib in each.content.vibs
                ],
                "notes": list(each.notes),
            }
            for each in done
        ],
    }


def unpacked_text(done: Unpacked) -> str:
    """Show a depot that was unpacked, and how hosts get at it."""
    return "\n".join(
        [
            f"{done.folder}: {len(done.files)} files, {units.size(done.size)}",
            "",
            "Let a web server serve the folder; hosts and Lifecycle Manager then read",
            "  esxcli software vib install -d http://SERVER/PATH/index.xml",
            "or look at it with  python3 -m http.server -d " + str(done.folder),
        ]
    )


def unpacked_json(done: Unpacked) -> dict[str, Any]:
    """Return the facts of `bundle unpack --json`."""
    return {
        "format": "vibforge/bundle-unpack/1",
        "folder": str(done.folder),
        "files": list(done.files),
        "size": done.size,
    }


def served_text(served: Served, fingerprint: str, *, is_local: bool) -> str:
    """Show where a depot is served, and the lines that use it."""
    lines = [f"Serving {served.url}  (stop with Ctrl-C)"]
    if fingerprint:
        lines.append(f"  certificate  SHA-256 {fingerprint}")
    if is_local:
        lines.append("  Only this machine gets at it; --bind 0.0.0.0 lets hosts in.")
    lines += ["", "On a host:", f"  esxcli software vib install -d {served.index_url}"]
    if served.has_components:
        lines.append(f"  esxcli software component apply -d {served.index_url}  (7.0 and later)")
    lines += [
        "",
        "Lifecycle Manager (it takes the zip; HTTPS is what VMware calls secure):",
        f"  New-LcmOfflineDepot -Location {served.zip_url}",
        f"  govc vlcm.depot.offline.create -l {served.zip_url} -source-type PULL",
    ]
    return "\n".join(lines)


def _bundle_lines(found: OpenBundle, paint: Paint) -> Iterator[str]:
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


def _reception_lines(of: Reception, paint: Paint) -> Iterator[str]:
    verdict = paint(of.verdict.value, _ROLES[of.verdict])
    yield f"  {of.reader.value:<36} {verdict}  ({of.certainty.value})"
    if of.says:
        yield f"    says: {plain(of.says)}"
    yield from (f"    - {plain(str(cause))} ({cause.certainty.value})" for cause in of.causes)
    yield from (f"    . {plain(remark)}" for remark in of.remarks)


def _reception_json(of: Reception) -> dict[str, Any]:
    return {
        "reader": of.reader.value,
        "verdict": of.verdict.value,
        "certainty": of.certainty.value,
        "says": of.says,
        "causes": [
            {
                "what": cause.what,
                "subject": cause.subject,
                "certainty": cause.certainty.value,
                "rule": cause.rule,
            }
            for cause in of.causes
        ],
        "remarks": list(of.remarks),
    }


def _bulletin_json(of: Bulletin) -> dict[str, Any]:
    return {
        "id": of.id,
        "component": (
            {"name": of.component_name, "version": of.component_version}
            if of.is_component
            else None
        ),
        **{
            name: of.value(tag)
            for name, tag in (
                ("vendor", "vendor"),
                ("summary", "summary"),
                ("severity", "severity"),
                ("category", "category"),
                ("urgency", "urgency"),
                ("release_type", "releaseType"),
                ("kb_url", "kbUrl"),
                ("contact", "contact"),
                ("release_date", "releaseDate"),
            )
        },
        "platforms": [{"product": p.product_line_id, "version": p.version} for p in of.platforms],
        "vib_ids": list(of.vib_ids),
    }


def _vib_json(of: DepotVib) -> dict[str, Any]:
    return {
        "vib_id": of.descriptor.vib_id,
        "path": of.relative_path,
        "size": of.packed_size,
        "acceptance_level": of.descriptor.acceptance_level,
        "checksums": [{"type": c.checksum_type, "digest": c.digest.lower()} for c in of.checksums],
    }


def _problem_json(of: Problem) -> dict[str, str]:
    return {"what": of.what, "where": of.where, "remedy": of.remedy}
