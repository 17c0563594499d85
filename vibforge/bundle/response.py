"""vmware.xml: the bulletins in the form that Update Manager reads (depot-format.md#vmwarexml).

Hosts do not look at it.
"""

from collections.abc import Iterable, Iterator

from lxml import etree
from msgspec import Struct

from vibforge.bundle.bulletin import Bulletin, response_node
from vibforge.bundle.bulletin import parse as parse_bulletin
from vibforge.bundle.index import DepotVib, child_text
from vibforge.errors import ModelError
from vibforge.esxi.release import PRODUCT
from vibforge.formats.budget import Budget
from vibforge.formats.xml_writing import branch, element, leaf, text
from vibforge.vib.descriptor import Descriptor, MaintenanceMode, SoftwarePlatform, SystemRequires
from vibforge.vib.relationships import Constraint, Provide

RESPONSE_NAME = "vmware.xml"
RESPONSE_LIMIT = 16 * 1024 * 1024
"""Characters of VIBs in a vmware.xml that is written: it repeats a VIB in each of its bulletins."""
_VERSION = "3.0"
_VIB_VERSION = "1.4.5"


class ResponseVib(Struct, frozen=True, kw_only=True):
    """A VIB as vmware.xml announces it; `packed_size` is None where it is no number."""

    vib_id: str
    relative_path: str
    packed_size: int | None
    sha256: str


class Response(Struct, frozen=True, kw_only=True):
    """What vmware.xml says: its time, its bulletins, and their VIBs in the same order."""

    timestamp: str
    bulletins: tuple[Bulletin, ...] = ()
    vibs: tuple[tuple[ResponseVib, ...], ...] = ()


def parse(root: etree._Element, budget: Budget) -> Response:
    """Read a vmware.xml; what is missing is empty.

    Raises:
        LimitError: it asks for more work than the budget allows.
    """
    nodes = root.findall("bulletin")
    return Response(
        timestamp=child_text(root, "timestamp"),
        bulletins=tuple(parse_bulletin(node, budget) for node in nodes),
        vibs=tuple(
            tuple(_parse_vib(vib) for vib in node.iterfind("vibList/vib")) for node in nodes
        ),
    )


def serialise(timestamp: str, bulletins: Iterable[Bulletin], vibs: Iterable[DepotVib]) -> bytes:
    """Return a vmware.xml.

    Args:
        timestamp: an ISO 8601 time.
        bulletins: what it tells of.
        vibs: the VIBs that the bulletins name, and others.

    Raises:
        ModelError: the bulletins repeat VIBs until it is too large.
    """
    texts = {vib.descriptor.vib_id: _vib(vib) for vib in vibs}
    named = [(b, [texts[i] for i in dict.fromkeys(b.vib_ids) if i in texts]) for b in bulletins]
    size = sum(len(text) for _bulletin, found in named for text in found)
    if size > RESPONSE_LIMIT:
        raise ModelError(
            f"the VIBs in all bulletins would take {size} characters of {RESPONSE_NAME}, more than "
            f"{RESPONSE_LIMIT}",
            remedy="leave out bulletins with `vibforge bundle remove`",
        )
    nodes = (response_node(bulletin, found) for bulletin, found in named)
    body = [leaf("version", _VERSION), leaf("timestamp", timestamp), *nodes]
    return f"{branch('metadataResponse', body)}\n".encode("ascii")


def _parse_vib(of: etree._Element) -> ResponseVib:
    size = (of.findtext("vibFile/packedSize") or "").strip()
    return ResponseVib(
        vib_id=child_text(of, "vibID"),
        relative_path=(of.findtext("vibFile/relativePath") or "").strip(),
        packed_size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,  # noqa: PLR2004 - u64
        sha256=(of.findtext("vibFile/checksum/checksum") or "").strip().lower(),
    )


def _vib(vib: DepotVib) -> str:
    of = vib.descriptor
    live = bool(of.live_install_allowed) and bool(of.live_remove_allowed)
    children = [
        leaf("vibVersion", _VIB_VERSION),
        leaf("vibID", of.vib_id),
        *(leaf(name, getattr(of, name)) for name in ("name", "version", "vendor")),
        leaf("vibType", of.type or ""),
        leaf("summary", of.summary),
        branch("systemReqs", _system_requires(of.system_requires)),
        branch("relationships", _relationships(of)),
        branch(
            "postInstall",
            [leaf("rebootRequired", _boolean(not live)), leaf("hostdRestart", "false")],
        ),
    ]
    if of.software_tags:
        children.append(branch("softwareTags", [leaf("tag", tag) for tag in of.software_tags]))
    return branch("vib", [*children, branch("vibFile", _file(vib))])


def _file(vib: DepotVib) -> Iterator[str]:
    yield leaf("sourceUrl", "")
    yield leaf("relativePath", vib.relative_path)
    yield leaf("packedSize", str(vib.packed_size or 0))
    for checksum in vib.checksums:
        yield branch(
            "checksum",
            [leaf("checksumType", checksum.checksum_type), leaf("checksum", checksum.digest)],
        )


def _system_requires(of: SystemRequires) -> Iterator[str]:
    mode = of.maintenance_mode or MaintenanceMode(on_install=True, on_remove=True)
    attributes = {} if mode.on_install == mode.on_remove else {"install": _boolean(mode.on_install)}
    yield element("maintenanceMode", text(_boolean(mode.on_remove)), attributes)
    for hardware in of.hardware_platforms:
        model = {"model": hardware.model} if hardware.model else {}
        yield element("hwPlatform", attributes={"vendor": hardware.vendor} | model)
    any_platform = SoftwarePlatform(version="", product_line_id=PRODUCT)
    for platform in of.software_platforms or (any_platform,):
        yield element("swPlatform", attributes=platform.attributes)


def _relationships(of: Descriptor) -> Iterator[str]:
    r = of.relationships
    for tag, entries in (
        ("depends", r.depends),
        ("conflicts", r.conflicts),
        ("replaces", r.replaces),
        ("provides", r.provides),
        ("compatibleWith", r.compatible_with),
    ):
        yield branch(tag, [_entry(entry) for entry in entries])


def _entry(of: Constraint | Provide) -> str:
    relation = {} if isinstance(of, Provide) else {"relation": of.relation}
    given = {"name": of.name} | relation | {"version": of.version}
    tag = "provide" if isinstance(of, Provide) else "constraint"
    return element(tag, attributes={name: value for name, value in given.items() if value})


def _boolean(value: bool) -> str:  # noqa: FBT001 - the value itself is what is written
    return "true" if value else "false"
