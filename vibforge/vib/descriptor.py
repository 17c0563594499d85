"""What descriptor.xml says, and how it is written (format.md#elements)."""

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
    """A link with the short name that is shown for it."""

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
    def of(cls, attribute: Callable[[str, str], str]) -> "SoftwarePlatform":
        """Take what an element's `get` gives; attributes that are missing count as empty."""
        return cls(
            version=attribute("version", ""),
            locale=attribute("locale", ""),
            product_line_id=attribute("productLineID", ""),
        )

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of its element, in the order of the vendor's."""
        return {
            "version": self.version,
            "locale": self.locale,
            "productLineID": self.product_line_id,
        }


class SystemRequires(Struct, frozen=True, kw_only=True):
    """What the host must be or do."""

    maintenance_mode: MaintenanceMode | None = None
    """None where the descriptor says nothing, which readers take as needed for both."""
    hardware_platforms: tuple[HardwarePlatform, ...] = ()
    software_platforms: tuple[SoftwarePlatform, ...] = ()


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
"""The words of a boolean in a descriptor, which the reader takes in any case."""
GUNZIP = "gunzip"
"""The verify-process of a digest over the unpacked payload (format.md#checksums)."""


class Checksum(Struct, frozen=True, kw_only=True):
    """A digest in hex of a payload, as stored or after what `verify_process` names."""

    checksum_type: str
    digest: str
    verify_process: str = ""

    @property
    def kind(self) -> str:
        """The kind of digest as the descriptor names it: `sha-256 gunzip`."""
        return " ".join(filter(None, (self.checksum_type, self.verify_process))) or "unnamed"


class Payload(Struct, frozen=True, kw_only=True):
    """A payload as the descriptor declares it; sizes in bytes."""

    name: str
    type: str
    size: int | None = None
    uncompressed_size: int | None = None
    boot_order: int | None = None
    vfat_name: str = ""
    checksums: tuple[Checksum, ...] = ()
    other_attributes: tuple[tuple[str, str], ...] = ()
    """Attributes beyond those above, in the order met: `compression-option` of 9.0, say."""


class UnknownPart(Struct, frozen=True, kw_only=True):
    """An element (`relationships/requires`) or attribute (`urls/url/@colour`) without a field.

    `text` is the element as XML or the attribute's value.
    """

    path: str
    text: str


class Descriptor(Struct, frozen=True, kw_only=True):
    """A VIB's descriptor.

    `type`, `release_date` and `acceptance_level` are texts as found, None where the element is
    missing; booleans are None where the descriptor does not say.
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
    """Elements that this model does not know, as XML."""
    unknown_parts: tuple[UnknownPart, ...] = ()
    """Elements and attributes inside known elements that this model does not know."""
    repeated: tuple[str, ...] = ()
    """Elements that occur more than once, of which the first counts."""
    faults: tuple[Problem, ...] = ()
    """Values that could not be read; the fields hold the reader's default for them."""

    @property
    def level(self) -> AcceptanceLevel:
        """The level that a host reads: community where the text is none of a host's words."""
        return _level(self.acceptance_level or "community") or AcceptanceLevel.COMMUNITY

    @property
    def has_level(self) -> bool:
        """Whether the acceptance level is missing, empty, or one of a host's words."""
        return _level(self.acceptance_level or "community") is not None

    @property
    def provides(self) -> tuple[Provide, ...]:
        """What it provides, its own name and version included."""
        return (Provide(name=self.name, version=self.version), *self.relationships.provides)

    @property
    def vib_id(self) -> str:
        """`<vendor>_<type>_<name>_<version>`, which names a VIB on hosts and in depots.

        A dash without a release behind it is no part of a version to ESXi (tried on 6.7).
        """
        return f"{self.vendor}_{self.type}_{self.name}_{self.version.removesuffix('-')}"


@lru_cache(maxsize=64)
def _level(text: str) -> AcceptanceLevel | None:
    """Read a level once: a prediction asks for those of all VIBs for each possible host."""
    try:
        return AcceptanceLevel.of_descriptor(text)
    except ModelError:
        return None


_GUNZIP_ONCE = "-gunzip1"
"""Ending of 9.0's digest of what exactly one gunzip leaves (format.md#checksums)."""
_HEX = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS = {"md5": 32, "sha-1": 40, "sha-256": 64, "sha-384": 96, "sha-512": 128}
_UNDASHED = {name.replace("-", ""): name for name in ALGORITHMS}
_WEAK = frozenset({"md5", "sha-1"})
"""Digests with known collisions: two payloads of one digest can be made."""


class Layer(StrEnum):
    """A form of a payload: as stored, after one gunzip, and fully unpacked."""

    STORED = "stored"
    GUNZIPPED = "gunzipped"
    CONTENT = "content"


_OF_PROCESS = {"": Layer.STORED, GUNZIP: Layer.CONTENT}
"""Which layer a verify-process names; `txt-mle`, of the kernel, is not computed here."""


class Hashed(NamedTuple):
    """What a digest is of: a layer, and an algorithm by its name in `ALGORITHMS`."""

    layer: Layer
    algorithm: str


class Coverage(StrEnum):
    """How well the digests of a payload tie it to its descriptor."""

    FULL = "full"
    """SHA-256 or stronger over the stored bytes."""
    PARTIAL = "partial"
    """Known digests, but weak ones, or only of the unpacked content."""
    NONE = "none"
    """No digest of a known kind."""


def hashed(checksum: Checksum) -> Hashed | None:
    """Return what a digest is of; None for a kind that is not known."""
    kind = algorithm_of(checksum)
    layer = _OF_PROCESS.get(checksum.verify_process)
    if kind.endswith(_GUNZIP_ONCE) and not checksum.verify_process:
        kind, layer = kind.removesuffix(_GUNZIP_ONCE), Layer.GUNZIPPED
    return Hashed(layer, kind) if layer and kind in ALGORITHMS else None


def algorithm_of(checksum: Checksum) -> str:
    """Return the algorithm by its name here: ESXi takes `SHA-256` and `sha256` for it, too."""
    kind = checksum.checksum_type.lower()
    return _UNDASHED.get(kind, kind)


def is_whole(checksum: Checksum) -> bool:
    """Whether the text is as many hex digits as its algorithm gives."""
    of = hashed(checksum)
    digits = checksum.digest
    return of is not None and len(digits) == _HEX_DIGITS[of.algorithm] and set(digits) <= _HEX


@lru_cache(maxsize=2048)
def coverage(checksums: tuple[Checksum, ...]) -> Coverage:
    """Tell what digests cover; one that is cut or not hex covers nothing.

    A digest of the unpacked content leaves the stored bytes open: others may unpack to the same
    here and to something else in another reader.
    """
    known = [of for each in checksums if is_whole(each) and (of := hashed(each))]
    if any(of.layer is Layer.STORED and of.algorithm not in _WEAK for of in known):
        return Coverage.FULL
    return Coverage.PARTIAL if known else Coverage.NONE


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
        yield from map(xml_reading.as_ascii, of.unknown)


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
