"""What descriptor.xml says, field by field (vib-format 2.2 to 2.7).

Values stay as their author wrote them: a reader that judges them is a matter of lint. What could
not be read is told in `faults`, what is not known stands in `unknown`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from vibforge.errors import ModelError, Problem
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.relationships import Provide, Relationships


@dataclass(frozen=True, kw_only=True, slots=True)
class Url:
    """A link with the short name that is shown for it."""

    key: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MaintenanceMode:
    """Whether a live install or removal needs maintenance mode."""

    on_install: bool = False
    on_remove: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwarePlatform:
    """SMBIOS vendor and, if given, product that the host must have, compared exactly."""

    vendor: str
    model: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftwarePlatform:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemRequires:
    """What the host must be or do."""

    maintenance_mode: MaintenanceMode | None = None
    """None where the descriptor says nothing, which readers take as needed for both."""
    hardware_platforms: tuple[HardwarePlatform, ...] = ()
    software_platforms: tuple[SoftwarePlatform, ...] = ()


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
"""The words of a boolean in a descriptor, which the reader takes in any case."""
GUNZIP = "gunzip"
"""The verify-process of a digest over the unpacked payload (vib-format 2.7)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checksum:
    """A digest in hex of a payload, as stored or after what `verify_process` names."""

    checksum_type: str
    digest: str
    verify_process: str = ""

    @property
    def kind(self) -> str:
        """The kind of digest as the descriptor names it: `sha-256 gunzip`."""
        return " ".join(filter(None, (self.checksum_type, self.verify_process))) or "unnamed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownPart:
    """An element (`relationships/requires`) or attribute (`urls/url/@colour`) without a field.

    `text` is the element as XML or the attribute's value.
    """

    path: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
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
    unknown_parts: tuple[UnknownPart, ...] = field(default=(), compare=False)
    """Elements and attributes inside known elements that this model does not know."""
    repeated: tuple[str, ...] = field(default=(), compare=False)
    """Elements that occur more than once, of which the first counts."""
    faults: tuple[Problem, ...] = field(default=(), compare=False)
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
