"""What the commands of `bundle` print with `--json`."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec import structs

from vibforge.bundle.readers import ReaderVerdict, Verdict
from vibforge.host.offer import BundleReader
from vibforge.report.documents.bundle_shapes import (
    Announced,
    Bulletin,
    Platform,
    Vendor,
    WrittenBundle,
)
from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Cause, Fault, Good, Path, Size, Sure
from vibforge.report.documents.verify import Verification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.bundle.content import Written
    from vibforge.bundle.opening import OpenBundle, Unpacked
    from vibforge.packages.verify import JudgedBundle


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
    def of(cls, path: str, found: "OpenBundle") -> Self:
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
    def of(cls, path: str, found: "Iterable[OpenBundle]") -> Self:
        """Show the bundles of a file."""
        return cls(files=tuple(InspectedBundle.of(path, each) for each in found))


class Reader(Shape, frozen=True):
    """What a reader makes of a bundle."""

    reader: Annotated[BundleReader, says("Who.")]
    verdict: Annotated[Verdict, says("What becomes of it.")]
    certainty: Sure
    says: Annotated[str | None, says("What it prints.")]
    causes: Annotated[tuple[Cause, ...], says("Why.")]
    notes: Annotated[tuple[str, ...], says("What else to know.")]

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
    def of(cls, path: str, found: "Iterable[JudgedBundle]", *, good: bool) -> Self:
        """Tell what was verified."""
        return cls(good=good, files=tuple(JudgedFile.of_bundle(path, each) for each in found))


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
    def of(cls, done: "Unpacked") -> Self:
        """Tell what was unpacked."""
        return cls(folder=str(done.folder), outputs=tuple(done.files), size=done.size)
