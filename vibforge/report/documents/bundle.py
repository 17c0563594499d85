"""`bundle` documents and the parts of a bundle."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec import structs

from vibforge.bundle.readers import ReaderVerdict, Verdict
from vibforge.host.candidate import BundleReader
from vibforge.report.documents.shape import (
    Cause,
    Count,
    Document,
    Fault,
    Good,
    Path,
    Sha256,
    Shape,
    Size,
    Sure,
    noted,
    says,
)
from vibforge.report.documents.verify import Verification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.api.bundles import BundleListing
    from vibforge.bundle import index, metadata
    from vibforge.bundle.index import DepotVib
    from vibforge.bundle.opening import UnpackedDepot, Written
    from vibforge.packages.verify import JudgedBundle, VerifiedBundles


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
    def of(cls, found: "metadata.Bulletin") -> "Bulletin":
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


def _component(found: "metadata.Bulletin") -> Component:
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


class InspectedBundle(Shape, frozen=True):
    """What a bundle says of itself."""

    path: Path
    name: Annotated[str, says("Where it was read from.")]
    size: Size
    members: Annotated[tuple[str, ...], says("Names in the zip.")]
    metadata_members: Annotated[tuple[str, ...], says("Names in the metadata zips.")]
    vendors: Annotated[tuple[Vendor, ...], says("Vendors of index.xml.")]
    platforms: Annotated[tuple[Platform, ...], says("What it is for.")]
    bulletins: Annotated[tuple[Bulletin, ...], says("Bulletins and components.")]
    announced: Annotated[tuple[Announced, ...], says("What its metadata says of its VIBs.")]
    faults: Annotated[tuple[Fault, ...], says("What is wrong.")]

    @classmethod
    def of(cls, path: str, found: "BundleListing") -> Self:
        """Return a bundle as programs read it."""
        bundle = found.bundle
        return cls(
            path=path,
            name=bundle.name,
            size=found.size,
            members=tuple(bundle.members),
            metadata_members=tuple(bundle.metadata_members),
            vendors=tuple(Vendor(name=each.name, code=each.code) for each in bundle.vendors),
            platforms=tuple(map(Platform.of, bundle.platforms)),
            bulletins=tuple(map(Bulletin.of, bundle.bulletins)),
            announced=tuple(map(Announced.of, bundle.vibs)),
            faults=Fault.all_of(bundle.faults),
        )


class BundleInspect(Document, tag="vibforge/bundle-inspect/1", frozen=True):
    """What a bundle says of itself."""

    files: Annotated[tuple[InspectedBundle, ...], says("One for each bundle.")]

    @classmethod
    def of(cls, path: str, found: "Iterable[BundleListing]") -> Self:
        """Show the bundles of a file."""
        return cls(files=tuple(InspectedBundle.of(path, each) for each in found))


class Reader(Shape, frozen=True):
    """What a reader makes of a bundle."""

    reader: Annotated[BundleReader, noted("Who.")]
    verdict: Annotated[Verdict, noted("What becomes of it.")]
    certainty: Sure
    says: Annotated[str | None, noted("What it prints.")]
    causes: Annotated[tuple[Cause, ...], noted("Why.")]
    notes: Annotated[tuple[str, ...], noted("What else to know.")]

    @classmethod
    def of(cls, found: ReaderVerdict) -> Self:
        """Return a reader's verdict as programs read it."""
        return cls(
            reader=found.reader,
            verdict=found.verdict,
            certainty=found.certainty,
            says=found.says or None,
            causes=tuple(map(Cause.of, found.causes)),
            notes=tuple(found.remarks),
        )


class JudgedFile(Verification, frozen=True):
    """A bundle that was verified."""

    first: ClassVar[tuple[str, ...]] = ("path",)

    path: Path
    readers: Annotated[tuple[Reader, ...], says("What each reader makes of it.")]

    @classmethod
    def of_bundle(cls, path: str, found: "JudgedBundle") -> Self:
        """Return what was found of a bundle, and what its readers make of it."""
        return cls(
            **structs.asdict(Verification.of(found.verification)),
            path=path,
            readers=tuple(map(Reader.of, found.verdicts)),
        )


class BundleVerify(Document, tag="vibforge/bundle-verify/1", frozen=True):
    """Whether a bundle is what it says, and who takes it."""

    good: Good
    files: Annotated[tuple[JudgedFile, ...], says("One for each bundle.")]

    @classmethod
    def of(cls, path: str, verified: "VerifiedBundles") -> Self:
        """Tell what was verified."""
        files = tuple(JudgedFile.of_bundle(path, each) for each in verified.bundles)
        return cls(good=verified.good, files=files)


class WrittenBundles(Document, frozen=True):
    """Bundles that were written."""

    bundles: Annotated[tuple[WrittenBundle, ...], says("One for each bundle.")]

    @classmethod
    def of(cls, done: "Iterable[Written]") -> Self:
        """Tell what was written."""
        return cls(bundles=tuple(map(WrittenBundle.of, done)))


class BundleAdd(WrittenBundles, tag="vibforge/bundle-add/1", frozen=True):
    """Bundles that were written: with VIBs added."""


class BundleCreate(WrittenBundles, tag="vibforge/bundle-create/1", frozen=True):
    """Bundles that were written: made of VIBs."""


class BundleMerge(WrittenBundles, tag="vibforge/bundle-merge/1", frozen=True):
    """Bundles that were written: made of several."""


class BundleModernise(WrittenBundles, tag="vibforge/bundle-modernise/1", frozen=True):
    """Bundles that were written: for newer hosts."""


class BundleRemove(WrittenBundles, tag="vibforge/bundle-remove/1", frozen=True):
    """Bundles that were written: with parts left out."""


class BundleSplit(WrittenBundles, tag="vibforge/bundle-split/1", frozen=True):
    """Bundles that were written: one of each bulletin or component."""


class BundleUnpack(Document, tag="vibforge/bundle-unpack/1", frozen=True):
    """A depot that was unpacked."""

    folder: Annotated[str, says("Where to.")]
    outputs: Annotated[tuple[str, ...], says("Names of the files, below the folder.")]
    size: Annotated[Size, says("Bytes of all files.")]

    @classmethod
    def of(cls, done: "UnpackedDepot") -> Self:
        """Tell what was unpacked."""
        return cls(folder=str(done.folder), outputs=tuple(done.files), size=done.size)
