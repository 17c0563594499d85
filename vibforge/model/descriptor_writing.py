"""Write a descriptor in the one form of vendor descriptors: fixed order, one line, ASCII."""

from collections.abc import Iterable, Iterator

from vibforge.formats.xml_text import element, text
from vibforge.model.descriptor import Descriptor, MaintenanceMode, Payload, SystemRequires
from vibforge.model.relationships import Constraint, Relationships


def serialise(descriptor: Descriptor) -> bytes:
    """Return the bytes of descriptor.xml; the same descriptor gives the same bytes.

    Raises:
        FormatError: it has elements of others that cannot be written in ASCII.
    """
    body = "".join(_elements(descriptor))
    return element("vib", body, {"version": "5.0"}).encode("ascii")


def _elements(of: Descriptor) -> Iterator[str]:
    if of.type is not None:
        yield element("type", text(of.type))
    yield element("name", text(of.name))
    yield element("version", text(of.version))
    yield element("vendor", text(of.vendor))
    yield element("summary", text(of.summary))
    yield element("description", text(of.description))
    if of.release_date is not None:
        yield element("release-date", text(of.release_date))
    yield element("urls", _join(element("url", text(u.link), {"key": u.key}) for u in of.urls))
    yield _relationships(of.relationships)
    yield element("software-tags", _join(element("tag", text(tag)) for tag in of.software_tags))
    yield _system_requires(of.system_requires)
    if of.file_list:
        yield element("file-list", _join(element("file", text(path)) for path in of.file_list))
    if of.acceptance_level is not None:
        yield element("acceptance-level", text(of.acceptance_level))
    yield from _flags(of)
    yield element("payloads", _join(_payload(payload) for payload in of.payloads))
    if of.unknown:
        from vibforge.formats.safe_xml import as_ascii  # noqa: PLC0415 - lxml, for few descriptors

        yield from map(as_ascii, of.unknown)


def _flags(of: Descriptor) -> Iterator[str]:
    flags = {
        "live-install-allowed": of.live_install_allowed,
        "live-remove-allowed": of.live_remove_allowed,
        "cimom-restart": of.cimom_restart,
        "stateless-ready": of.stateless_ready,
        "overlay": of.overlay,
    }
    for name, value in flags.items():
        if value is not None:
            yield element(name, _boolean(value))


def _relationships(of: Relationships) -> str:
    provides = _join(
        element("provide", attributes=_given(name=p.name, version=p.version)) for p in of.provides
    )
    return element(
        "relationships",
        _constraints("depends", of.depends)
        + _constraints("conflicts", of.conflicts)
        + _constraints("replaces", of.replaces)
        + element("provides", provides)
        + _constraints("compatibleWith", of.compatible_with),
    )


def _constraints(tag: str, constraints: tuple[Constraint, ...]) -> str:
    return element(
        tag,
        _join(
            element(
                "constraint",
                attributes=_given(name=c.name, relation=c.relation, version=c.version),
            )
            for c in constraints
        ),
    )


def _system_requires(of: SystemRequires) -> str:
    hardware = _join(
        element("hwplatform", attributes=_given(vendor=h.vendor, model=h.model))
        for h in of.hardware_platforms
    )
    software = _join(
        element("softwarePlatform", attributes=platform.attributes)
        for platform in of.software_platforms
    )
    mode = _maintenance_mode(of.maintenance_mode) if of.maintenance_mode else ""
    return element("system-requires", mode + hardware + software)


def _maintenance_mode(mode: MaintenanceMode) -> str:
    if mode.on_install == mode.on_remove:
        return element("maintenance-mode", _boolean(mode.on_install))
    attributes = {"on-install": _boolean(mode.on_install), "on-remove": _boolean(mode.on_remove)}
    return element("maintenance-mode", attributes=attributes)


def _payload(of: Payload) -> str:
    attributes = {"name": of.name, "type": of.type}
    numbers = {
        "size": of.size,
        "uncompressed-size": of.uncompressed_size,
        "boot-order": of.boot_order,
    }
    attributes |= {name: str(value) for name, value in numbers.items() if value is not None}
    attributes |= {"vfat-name": of.vfat_name} if of.vfat_name else {}
    checksums = _join(
        element(
            "checksum",
            c.digest,
            {"checksum-type": c.checksum_type}
            | ({"verify-process": c.verify_process} if c.verify_process else {}),
        )
        for c in of.checksums
    )
    return element("payload", checksums, attributes | dict(of.other_attributes))


def _given(**attributes: str) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def _boolean(value: bool) -> str:  # noqa: FBT001 - the value itself is what is written
    return "true" if value else "false"


def _join(parts: Iterable[str]) -> str:
    return "".join(parts)
