"""Model and writer of descriptor.xml (format.md#elements)."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct, field

from vibforge.errors import ModelError, Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats import xml_reading
from vibforge.formats.streams import ALGORITHMS
from vibforge.formats.xml_writing import element, text
from vibforge.vib.relationships import Constraint, Provide, Relationships


class Url(Struct, frozen=True, kw_only=True):
    """A link, with the short name that is shown for it."""

    key: str
    link: str


class MaintenanceMode(Struct, frozen=True, kw_only=True):
    """Whether a live install or removal needs maintenance mode."""

    on_install: bool = False
    on_remove: bool = False


class HardwarePlatform(Struct, frozen=True, kw_only=True):
    """SMBIOS vendor and, if given, product that the host must have, compared exactly."""

    vendor: str
    model: str = ""


class SoftwarePlatform(Struct, frozen=True, kw_only=True):
    """ESXi release line that the VIB is for; readers before 7.0 ignore it."""

    version: str
    locale: str = ""
    product_line_id: str = "embeddedEsx"

    @classmethod
    def from_attributes(cls, attribute: Callable[[str, str], str]) -> "SoftwarePlatform":
        """Return the platform of an XML element, given its `get`; missing attributes are empty."""
        return cls(
            version=attribute("version", ""),
            locale=attribute("locale", ""),
            product_line_id=attribute("productLineID", ""),
        )

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of its element, in the vendor's order."""
        return {
            "version": self.version,
            "locale": self.locale,
            "productLineID": self.product_line_id,
        }


class SystemRequires(Struct, frozen=True, kw_only=True):
    """Requirements on the host."""

    maintenance_mode: MaintenanceMode | None = None
    """None if the descriptor says nothing; readers then require it for install and removal."""
    hardware_platforms: tuple[HardwarePlatform, ...] = ()
    software_platforms: tuple[SoftwarePlatform, ...] = ()


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
"""The words of a boolean in a descriptor; the reader ignores upper and lower case."""
GUNZIP = "gunzip"
"""The verify-process of a digest over the unpacked payload (format.md#checksums)."""


class Checksum(Struct, frozen=True, kw_only=True):
    """A payload's digest in hex, of its stored bytes or of the result of `verify_process`."""

    checksum_type: str
    digest: str
    verify_process: str = ""

    @property
    def kind(self) -> str:
        """The kind of digest in the descriptor's words: `sha-256 gunzip`."""
        return " ".join(filter(None, (self.checksum_type, self.verify_process))) or "unnamed"


class Payload(Struct, frozen=True, kw_only=True):
    """A payload's declaration in the descriptor; sizes in bytes."""

    name: str
    type: str
    size: int | None = None
    uncompressed_size: int | None = None
    boot_order: int | None = None
    vfat_name: str = ""
    checksums: tuple[Checksum, ...] = ()
    other_attributes: tuple[tuple[str, str], ...] = ()
    """Further attributes in the order of the file, such as `compression-option` of 9.0."""


class UnknownPart(Struct, frozen=True, kw_only=True):
    """An element (`relationships/requires`) or attribute (`urls/url/@colour`) without a field here.

    `text` is the element as XML or the attribute's value.
    """

    path: str
    text: str


class Descriptor(Struct, frozen=True, kw_only=True):
    """A VIB's descriptor.

    `type`, `release_date` and `acceptance_level` are the raw texts, None if the element is missing.
    Booleans are None if the descriptor does not state them.
    """

    name: str
    version: str
    vendor: str
    type: str | None = "bootbank"
    summary: str = ""
    description: str = ""
    release_date: str | None = None
    urls: tuple[Url, ...] = ()
    relationships: Relationships = field(default_factory=Relationships)
    software_tags: tuple[str, ...] = ()
    system_requires: SystemRequires = field(default_factory=SystemRequires)
    file_list: tuple[str, ...] = ()
    acceptance_level: str | None = None
    live_install_allowed: bool | None = None
    live_remove_allowed: bool | None = None
    cimom_restart: bool | None = None
    stateless_ready: bool | None = None
    overlay: bool | None = None
    payloads: tuple[Payload, ...] = ()
    unknown: tuple[str, ...] = ()
    """Elements without a field here, as XML."""
    unknown_parts: tuple[UnknownPart, ...] = ()
    """Elements and attributes without a field here, inside elements that have one."""
    repeated: tuple[str, ...] = ()
    """Elements that occur more than once; the first is used."""
    faults: tuple[Problem, ...] = ()
    """Values that could not be read; their fields hold the reader's default."""

    @property
    def level(self) -> AcceptanceLevel:
        """The level that a host reads; community if the text is not one of a host's words."""
        return _level(self.acceptance_level or "community") or AcceptanceLevel.COMMUNITY

    @property
    def has_level(self) -> bool:
        """Whether the acceptance level is valid for a host: missing, empty, or one of its words."""
        return _level(self.acceptance_level or "community") is not None

    @property
    def provides(self) -> tuple[Provide, ...]:
        """The provides, with the VIB's own name and version first."""
        return (Provide(name=self.name, version=self.version), *self.relationships.provides)

    @property
    def vib_id(self) -> str:
        """`<vendor>_<type>_<name>_<version>`, which names a VIB on hosts and in depots.

        ESXi drops a dash at the end of the version (tried on 6.7).
        """
        return f"{self.vendor}_{self.type}_{self.name}_{self.version.removesuffix('-')}"


@lru_cache(maxsize=64)
def _level(text: str) -> AcceptanceLevel | None:
    """Return a level, or None; cached, because a prediction needs every VIB's level per host."""
    try:
        return AcceptanceLevel.of_descriptor(text)
    except ModelError:
        return None


_GUNZIP_ONCE = "-gunzip1"
"""Ending of 9.0's kind for a digest of the payload after one gunzip (format.md#checksums)."""
_HEX = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS = {"md5": 32, "sha-1": 40, "sha-256": 64, "sha-384": 96, "sha-512": 128}
_UNDASHED = {name.replace("-", ""): name for name in ALGORITHMS}
_WEAK = frozenset({"md5", "sha-1"})
"""Digests with known collisions: two payloads with one digest can be made."""


class Layer(StrEnum):
    """A form of a payload: as stored, after one gunzip, and fully unpacked."""

    STORED = "stored"
    GUNZIPPED = "gunzipped"
    CONTENT = "content"


_OF_PROCESS = {"": Layer.STORED, GUNZIP: Layer.CONTENT}
"""The layer that each verify-process names; the kernel's `txt-mle` is not computed here."""


class Hashed(NamedTuple):
    """The input of a digest: a layer, and an algorithm by its name in `ALGORITHMS`."""

    layer: Layer
    algorithm: str


class Coverage(StrEnum):
    """How well the digests of a payload protect it."""

    FULL = "full"
    """SHA-256 or stronger over the stored bytes."""
    PARTIAL = "partial"
    """Known digests, but only weak ones or digests of the unpacked content."""
    NONE = "none"
    """No digest of a known kind."""


def hashed(checksum: Checksum) -> Hashed | None:
    """Return a digest's layer and algorithm; None for an unknown kind."""
    kind = algorithm_of(checksum)
    layer = _OF_PROCESS.get(checksum.verify_process)
    if kind.endswith(_GUNZIP_ONCE) and not checksum.verify_process:
        kind, layer = kind.removesuffix(_GUNZIP_ONCE), Layer.GUNZIPPED
    return Hashed(layer, kind) if layer and kind in ALGORITHMS else None


def algorithm_of(checksum: Checksum) -> str:
    """Return the algorithm's name in `ALGORITHMS`, for `SHA-256` and `sha256` too, as ESXi does."""
    kind = checksum.checksum_type.lower()
    return _UNDASHED.get(kind, kind)


def is_whole(checksum: Checksum) -> bool:
    """Whether the digest has as many hex digits as its algorithm gives."""
    target, digits = hashed(checksum), checksum.digest
    if target is None:
        return False
    return len(digits) == _HEX_DIGITS[target.algorithm] and set(digits) <= _HEX


@lru_cache(maxsize=2048)
def coverage(checksums: tuple[Checksum, ...]) -> Coverage:
    """Return how well digests protect a payload; a cut short or malformed digest is ignored.

    A digest of the unpacked content does not protect the stored bytes: other bytes may unpack to
    the same content here and to another content in another reader.
    """
    known = [target for c in checksums if is_whole(c) and (target := hashed(c))]
    if any(t.layer is Layer.STORED and t.algorithm not in _WEAK for t in known):
        return Coverage.FULL
    return Coverage.PARTIAL if known else Coverage.NONE


def serialise(descriptor: Descriptor) -> bytes:
    """Return the bytes of descriptor.xml; the same descriptor gives the same bytes.

    Raises:
        FormatError: an unknown element cannot be written in ASCII.
    """
    body = "".join(_elements(descriptor))
    return element("vib", body, {"version": "5.0"}).encode("ascii")


def _elements(descriptor: Descriptor) -> Iterator[str]:
    if descriptor.type is not None:
        yield element("type", text(descriptor.type))
    yield element("name", text(descriptor.name))
    yield element("version", text(descriptor.version))
    yield element("vendor", text(descriptor.vendor))
    yield element("summary", text(descriptor.summary))
    yield element("description", text(descriptor.description))
    if descriptor.release_date is not None:
        yield element("release-date", text(descriptor.release_date))
    yield element(
        "urls", _join(element("url", text(u.link), {"key": u.key}) for u in descriptor.urls)
    )
    yield _relationships(descriptor.relationships)
    yield element(
        "software-tags", _join(element("tag", text(tag)) for tag in descriptor.software_tags)
    )
    yield _system_requires(descriptor.system_requires)
    if descriptor.file_list:
        yield element(
            "file-list", _join(element("file", text(path)) for path in descriptor.file_list)
        )
    if descriptor.acceptance_level is not None:
        yield element("acceptance-level", text(descriptor.acceptance_level))
    yield from _flags(descriptor)
    yield element("payloads", _join(_payload(payload) for payload in descriptor.payloads))
    if descriptor.unknown:
        yield from map(xml_reading.as_ascii, descriptor.unknown)


def _flags(descriptor: Descriptor) -> Iterator[str]:
    flags = {
        "live-install-allowed": descriptor.live_install_allowed,
        "live-remove-allowed": descriptor.live_remove_allowed,
        "cimom-restart": descriptor.cimom_restart,
        "stateless-ready": descriptor.stateless_ready,
        "overlay": descriptor.overlay,
    }
    for name, value in flags.items():
        if value is not None:
            yield element(name, _boolean(value))


def _relationships(relationships: Relationships) -> str:
    provides = _join(
        element("provide", attributes=_given(name=p.name, version=p.version))
        for p in relationships.provides
    )
    return element(
        "relationships",
        _constraints("depends", relationships.depends)
        + _constraints("conflicts", relationships.conflicts)
        + _constraints("replaces", relationships.replaces)
        + element("provides", provides)
        + _constraints("compatibleWith", relationships.compatible_with),
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


def _system_requires(requires: SystemRequires) -> str:
    hardware = _join(
        element("hwplatform", attributes=_given(vendor=h.vendor, model=h.model))
        for h in requires.hardware_platforms
    )
    software = _join(
        element("softwarePlatform", attributes=platform.attributes)
        for platform in requires.software_platforms
    )
    mode = _maintenance_mode(requires.maintenance_mode) if requires.maintenance_mode else ""
    return element("system-requires", mode + hardware + software)


def _maintenance_mode(mode: MaintenanceMode) -> str:
    if mode.on_install == mode.on_remove:
        return element("maintenance-mode", _boolean(mode.on_install))
    attributes = {"on-install": _boolean(mode.on_install), "on-remove": _boolean(mode.on_remove)}
    return element("maintenance-mode", attributes=attributes)


def _payload(payload: Payload) -> str:
    attributes = {"name": payload.name, "type": payload.type}
    numbers = {
        "size": payload.size,
        "uncompressed-size": payload.uncompressed_size,
        "boot-order": payload.boot_order,
    }
    attributes |= {name: str(value) for name, value in numbers.items() if value is not None}
    attributes |= {"vfat-name": payload.vfat_name} if payload.vfat_name else {}
    checksums = _join(
        element(
            "checksum",
            c.digest,
            {"checksum-type": c.checksum_type}
            | ({"verify-process": c.verify_process} if c.verify_process else {}),
        )
        for c in payload.checksums
    )
    return element("payload", checksums, attributes | dict(payload.other_attributes))


def _given(**attributes: str) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def _boolean(value: bool) -> str:  # noqa: FBT001 - the value itself is what is written
    return "true" if value else "false"


def _join(parts: Iterable[str]) -> str:
    return "".join(parts)
