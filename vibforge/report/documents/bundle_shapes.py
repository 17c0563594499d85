"""What several documents tell of bundles: vendors, platforms, bulletins, announced VIBs."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Shape, says
from vibforge.report.documents.shapes import Count, Sha256, Size

if TYPE_CHECKING:
    from vibforge.bundle import bulletin, index
    from vibforge.bundle.content import Written
    from vibforge.bundle.index import DepotVib


class Vendor(Shape, frozen=True):
    """A vendor of a depot."""

    name: Annotated[str, says("Name.")]
    code: Annotated[str, says("Three letters or digits.")]


class Platform(Shape, frozen=True):
    """Hosts that a metadata zip is for, by a vendor's index."""

    product_id: Annotated[str, says("Product.")]
    version: Annotated[str, says("Release.")]
    locale: Annotated[str | None, says("Locale.")]
    url: Annotated[str, says("The metadata zip.")]
    channels: Annotated[tuple[str, ...], says("Channels.")]

    @classmethod
    def of(cls, platform: "index.Platform") -> Self:
        """Return a platform as programs read it."""
        return cls(
            product_id=platform.product_id,
            version=platform.version,
            locale=platform.locale or None,
            url=platform.url,
            channels=tuple(platform.channels),
        )


class Component(Shape, frozen=True):
    """A component, which a bulletin may be."""

    name: Annotated[str, says("Name.")]
    version: Annotated[str, says("Version.")]


class BulletinPlatform(Shape, frozen=True):
    """A platform of a bulletin."""

    product_id: Annotated[str, says("Product.")]
    version: Annotated[str, says("Release.")]


class Bulletin(Shape, frozen=True):
    """A bulletin, or a component."""

    id: Annotated[str, says("ID.")]
    component: Annotated[Component | None, says("The component that it is, if it is one.")]
    vendor: Annotated[str | None, says("Vendor.")]
    summary: Annotated[str | None, says("Summary.")]
    severity: Annotated[str | None, says("Severity.")]
    category: Annotated[str | None, says("Category.")]
    urgency: Annotated[str | None, says("Urgency.")]
    release_type: Annotated[str | None, says("Type of release.")]
    kb_url: Annotated[str | None, says("Page that tells more.")]
    contact: Annotated[str | None, says("Whom to ask.")]
    release_date: Annotated[str | None, says("Date as it stands.")]
    platforms: Annotated[tuple[BulletinPlatform, ...], says("What it is for.")]
    vib_ids: Annotated[tuple[str, ...], says("Its VIBs.")]

    @classmethod
    def of(cls, found: "bulletin.Bulletin") -> "Bulletin":
        """Return a bulletin as programs read it."""
        return Bulletin(
            id=found.id,
            component=_component(found) if found.is_component else None,
            vendor=found.value("vendor") or None,
            summary=found.value("summary") or None,
            severity=found.value("severity") or None,
            category=found.value("category") or None,
            urgency=found.value("urgency") or None,
            release_type=found.value("releaseType") or None,
            kb_url=found.value("kbUrl") or None,
            contact=found.value("contact") or None,
            release_date=found.value("releaseDate") or None,
            platforms=tuple(
                BulletinPlatform(product_id=each.product_line_id, version=each.version)
                for each in found.platforms
            ),
            vib_ids=tuple(found.vib_ids),
        )


def _component(found: "bulletin.Bulletin") -> Component:
    return Component(name=found.component_name, version=found.component_version)


class StatedChecksum(Shape, frozen=True):
    """A digest as the metadata of a bundle states it."""

    checksum_type: Annotated[str, says("As stated: `sha-256`.")]
    digest: Annotated[str, says("As stated, in lower case.")]


class Announced(Shape, frozen=True):
    """A VIB as the metadata of a bundle announces it."""

    vib_id: Annotated[str, says("VIB ID.")]
    path: Annotated[str, says("File in the bundle.")]
    size: Annotated[Count | None, says("Bytes as stated.")]
    acceptance_level: Annotated[str | None, says("Level as it stands.")]
    checksums: Annotated[tuple[StatedChecksum, ...], says("Digests as stated.")]

    @classmethod
    def of(cls, vib: "DepotVib") -> "Announced":
        """Return what the metadata says of a VIB."""
        return Announced(
            vib_id=vib.descriptor.vib_id,
            path=vib.relative_path,
            size=vib.packed_size,
            acceptance_level=vib.descriptor.acceptance_level,
            checksums=tuple(
                StatedChecksum(checksum_type=each.checksum_type, digest=each.digest.lower())
                for each in vib.checksums
            ),
        )


class BundledVib(Shape, frozen=True):
    """A VIB in a bundle that was written."""

    vib_id: Annotated[str, says("VIB ID.")]
    path: Annotated[str, says("File in the bundle.")]
    size: Size
    sha256: Sha256


class WrittenBundle(Shape, frozen=True):
    """A bundle that was written."""

    path: Annotated[str, says("The file.")]
    size: Size
    sha256: Sha256
    vendor: Vendor
    platforms: Annotated[tuple[Platform, ...], says("What it is for.")]
    bulletins: Annotated[tuple[Bulletin, ...], says("Its bulletins and components.")]
    vibs: Annotated[tuple[BundledVib, ...], says("Its VIBs.")]
    notes: Annotated[tuple[str, ...], says("What was assumed.")]

    @classmethod
    def of(cls, done: "Written") -> Self:
        """Return what a bundle that was written is."""
        content = done.content
        return cls(
            path=str(done.path),
            size=done.size,
            sha256=done.sha256,
            vendor=Vendor(name=content.vendor.name, code=content.vendor.code),
            platforms=tuple(map(Platform.of, content.platforms)),
            bulletins=tuple(Bulletin.of(each.bulletin) for each in content.bulletins),
            vibs=tuple(
                BundledVib(vib_id=vib.id, path=vib.path, size=vib.source.size, sha256=vib.sha256)
                for vib in content.vibs
            ),
            notes=tuple(done.notes),
        )
