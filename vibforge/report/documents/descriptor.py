"""What documents tell of a descriptor; texts as they stand."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Shape, says

if TYPE_CHECKING:
    from vibforge.vib import descriptor as model
    from vibforge.vib import relationships


class Url(Shape, frozen=True):
    """A link of a VIB."""

    key: Annotated[str, says("Name.")]
    link: Annotated[str, says("Address.")]


class Relationships(Shape, frozen=True):
    """Relations to other packages, each like `esx-version >= 6.7.0`."""

    depends: Annotated[tuple[str, ...], says("Needed.")]
    conflicts: Annotated[tuple[str, ...], says("Excluded.")]
    replaces: Annotated[tuple[str, ...], says("Replaced.")]
    provides: Annotated[tuple[str, ...], says("Provided.")]
    compatible_with: Annotated[tuple[str, ...], says("Compatible.")]

    @classmethod
    def of(cls, found: "relationships.Relationships") -> Self:
        """Return the relations of a VIB."""
        return cls(
            depends=tuple(map(str, found.depends)),
            conflicts=tuple(map(str, found.conflicts)),
            replaces=tuple(map(str, found.replaces)),
            provides=tuple(map(str, found.provides)),
            compatible_with=tuple(map(str, found.compatible_with)),
        )


class MaintenanceMode(Shape, frozen=True):
    """When maintenance mode is needed."""

    on_install: Annotated[bool | None, says("To install.")]
    on_remove: Annotated[bool | None, says("To remove.")]


class HardwarePlatform(Shape, frozen=True):
    """Hardware that a VIB is for."""

    vendor: Annotated[str, says("SMBIOS vendor.")]
    model: Annotated[str, says("SMBIOS product.")]


class SoftwarePlatform(Shape, frozen=True):
    """A release line that a VIB is for."""

    version: Annotated[str, says("Release.")]
    locale: Annotated[str, says("Locale.")]
    product_line_id: Annotated[str, says("Product.")]


class SystemRequires(Shape, frozen=True):
    """What the host must be."""

    maintenance_mode: Annotated[
        MaintenanceMode | None, says("When it is needed; null where it does not say.")
    ]
    hardware_platforms: Annotated[tuple[HardwarePlatform, ...], says("Hardware.")]
    software_platforms: Annotated[tuple[SoftwarePlatform, ...], says("Release lines.")]

    @classmethod
    def of(cls, found: "model.SystemRequires") -> Self:
        """Return what the host must be."""
        mode = found.maintenance_mode
        return cls(
            maintenance_mode=MaintenanceMode(on_install=mode.on_install, on_remove=mode.on_remove)
            if mode
            else None,
            hardware_platforms=tuple(
                HardwarePlatform(vendor=each.vendor, model=each.model)
                for each in found.hardware_platforms
            ),
            software_platforms=tuple(
                SoftwarePlatform(
                    version=each.version,
                    locale=each.locale,
                    product_line_id=each.product_line_id,
                )
                for each in found.software_platforms
            ),
        )


class UnknownPart(Shape, frozen=True):
    """A part of a descriptor that is not known here."""

    path: Annotated[str, says("Where.")]
    text: Annotated[str, says("What.")]


class DescriptorFacts(Shape, frozen=True):
    """What a descriptor says; texts as they stand."""

    name: Annotated[str, says("Name.")]
    version: Annotated[str, says("Version.")]
    vendor: Annotated[str, says("Vendor.")]
    type: Annotated[str | None, says("Type.")]
    summary: Annotated[str, says("Summary.")]
    description: Annotated[str, says("Description.")]
    release_date: Annotated[str | None, says("Date.")]
    urls: Annotated[tuple[Url, ...], says("Links.")]
    relationships: Annotated[Relationships, says("Each like `esx-version >= 6.7.0`.")]
    software_tags: Annotated[tuple[str, ...], says("Tags.")]
    system_requires: Annotated[SystemRequires, says("What the host must be.")]
    file_list: Annotated[tuple[str, ...], says("Paths.")]
    acceptance_level: Annotated[str | None, says("Level.")]
    live_install_allowed: Annotated[
        bool | None, says("Null where it does not say, here and below.")
    ]
    live_remove_allowed: Annotated[bool | None, says("Live removal.")]
    cimom_restart: Annotated[bool | None, says("Restart of the CIM broker.")]
    stateless_ready: Annotated[bool | None, says("Auto Deploy.")]
    overlay: Annotated[bool | None, says("Overlay.")]
    unknown: Annotated[tuple[str, ...], says("Elements not known here, as XML.")]
    unknown_parts: Annotated[tuple[UnknownPart, ...], says("Parts not known here.")]
    repeated: Annotated[tuple[str, ...], says("Elements that occur more than once.")]

    @classmethod
    def of(cls, found: "model.Descriptor") -> Self:
        """Return a descriptor as programs read it."""
        return cls(
            name=found.name,
            version=found.version,
            vendor=found.vendor,
            type=found.type,
            summary=found.summary,
            description=found.description,
            release_date=found.release_date,
            urls=tuple(Url(key=each.key, link=each.link) for each in found.urls),
            relationships=Relationships.of(found.relationships),
            software_tags=found.software_tags,
            system_requires=SystemRequires.of(found.system_requires),
            file_list=found.file_list,
            acceptance_level=found.acceptance_level,
            live_install_allowed=found.live_install_allowed,
            live_remove_allowed=found.live_remove_allowed,
            cimom_restart=found.cimom_restart,
            stateless_ready=found.stateless_ready,
            overlay=found.overlay,
            unknown=found.unknown,
            unknown_parts=tuple(
                UnknownPart(path=each.path, text=each.text) for each in found.unknown_parts
            ),
            repeated=found.repeated,
        )


class Checksum(Shape, frozen=True):
    """A digest as a descriptor states it."""

    checksum_type: Annotated[str, says("As stated: `sha-256`.")]
    digest: Annotated[str, says("As stated.")]
    verify_process: Annotated[str, says("`gunzip` where it is of the unpacked bytes.")]

    @classmethod
    def of(cls, stated: "model.Checksum") -> Self:
        """Return a digest as programs read it."""
        return cls(
            checksum_type=stated.checksum_type,
            digest=stated.digest,
            verify_process=stated.verify_process,
        )
