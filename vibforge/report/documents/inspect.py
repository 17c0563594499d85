"""`inspect` and `extract`: descriptors, payloads, signatures and files of a VIB."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec import Meta, structs

from vibforge.esxi.acceptance import known_signer
from vibforge.formats.inflating import Codec
from vibforge.formats.tar_reading import TarForm
from vibforge.packages.inspect import BundleInspection, Inspection, StageInspection, VibInspection
from vibforge.report import units
from vibforge.report.documents.bundle import Announced, Bulletin, Platform, Vendor
from vibforge.report.documents.shape import (
    Count,
    Document,
    Entry,
    Fault,
    Hex,
    NotRead,
    Path,
    Sha256,
    Shape,
    Size,
    Time,
    Unreadable,
    says,
)
from vibforge.vib.payload_scan import ScannedPayload

if TYPE_CHECKING:
    from vibforge.bundle.index import DepotVib
    from vibforge.bundle.metadata import Bulletin as FoundBulletin
    from vibforge.files.inputs import Several
    from vibforge.formats import certificate as formats
    from vibforge.formats import pkcs7
    from vibforge.formats.ar import ArMember
    from vibforge.formats.tar_reading import TarEntry
    from vibforge.packages.extract import Extracted
    from vibforge.vib import descriptor as model
    from vibforge.vib import relationships
    from vibforge.vib.descriptor import Payload as DeclaredPayload


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


class Signer(Shape, frozen=True):
    """A signer of a block."""

    issuer: Annotated[str | None, says("Issuer.")]
    serial_number: Annotated[Hex | None, says("Serial number.")]
    subject_key_id: Annotated[str | None, says("Instead of issuer and number.")]
    digest_algorithm: Annotated[str, says("Digest.")]
    signature_algorithm: Annotated[str, says("Signature.")]
    signed_attributes: Annotated[tuple[str, ...], says("Names of the attributes.")]
    signing_time: Annotated[Time | None, says("As stated.")]

    @classmethod
    def of(cls, signer: "pkcs7.CmsSigner") -> Self:
        """Return a signer as programs read it."""
        number = signer.serial_number
        return cls(
            issuer=signer.issuer or None,
            serial_number=None if number is None else f"{number:x}",
            subject_key_id=signer.subject_key_id or None,
            digest_algorithm=signer.digest_algorithm,
            signature_algorithm=signer.signature_algorithm,
            signed_attributes=tuple(signer.signed_attributes),
            signing_time=units.utc(signer.signing_time) if signer.signing_time else None,
        )


class BlockCertificate(Shape, frozen=True):
    """A certificate in a block."""

    subject: Annotated[str, says("Subject.")]
    issuer: Annotated[str, says("Issuer.")]
    serial_number: Annotated[str, Meta(pattern="^-?[0-9a-f]+$"), says("Serial number in hex.")]
    not_before: Annotated[Time, says("Valid from.")]
    not_after: Annotated[Time, says("Valid until.")]
    sha256: Sha256
    key: Annotated[str, says("Kind of key.")]
    known_as: Annotated[str | None, says("Which known signer of the vendor it is.")]

    @classmethod
    def of(cls, certificate: "formats.Certificate") -> Self:
        """Return a certificate as programs read it."""
        return cls(
            subject=certificate.subject,
            issuer=certificate.issuer,
            serial_number=f"{certificate.serial_number:x}",
            not_before=units.utc(certificate.not_before),
            not_after=units.utc(certificate.not_after),
            sha256=certificate.sha256,
            key=certificate.key,
            known_as=known_signer(certificate.sha256, certificate.issuer) or None,
        )


class SignatureBlock(Shape, frozen=True):
    """A block of sig.pkcs7."""

    encoding: Annotated[str, says("`PEM` or `DER`.")]
    label: Annotated[str, says("Of the PEM block.")]
    fault: Annotated[str | None, says("Why it cannot be read.")]
    attached: Annotated[bool, says("Whether it carries a text of its own.")]
    signers: Annotated[tuple[Signer, ...], says("Signers.")]
    certificates: Annotated[tuple[BlockCertificate, ...], says("Certificates.")]

    @classmethod
    def of(cls, block: "pkcs7.Block") -> Self:
        """Return a block as programs read it."""
        return cls(
            encoding=block.encoding,
            label=block.label,
            fault=block.fault or None,
            attached=block.content is not None,
            signers=tuple(map(Signer.of, block.signers)),
            certificates=tuple(map(BlockCertificate.of, block.certificates)),
        )


_FIRST = ("path", "kind")
OfFile = Annotated[str, says("File in the metadata zip.")]
Wrong = Annotated[tuple[Fault, ...], says("What is wrong.")]
Signatures = Annotated[tuple[SignatureBlock, ...], says("Signatures.")]


class ReadEntry(Entry, frozen=True):
    """An entry of a payload as it was read."""

    stored_name: Annotated[str, says("Its name as stored: `./etc/`.")]
    owner_name: Annotated[str, says("Name of the owner.")]
    group_name: Annotated[str, says("Name of the group.")]
    oddities: Annotated[tuple[str, ...], says("What is unusual.")]

    @classmethod
    def of_payload(cls, found: "TarEntry") -> Self:
        """Return an entry with what stands there."""
        return cls.of(
            found.entry,
            stored_name=found.name,
            owner_name=found.owner,
            group_name=found.group,
            oddities=found.oddities,
        )


class Declared(Shape, frozen=True):
    """What a descriptor says of a payload."""

    type: Annotated[str, says("Type.")]
    size: Annotated[int | None, says("Bytes as stored.")]
    uncompressed_size: Annotated[int | None, says("Bytes unpacked.")]
    boot_order: Annotated[int | None, says("Order at boot.")]
    vfat_name: Annotated[str | None, says("Name in the bootbank.")]
    checksums: Annotated[tuple[Checksum, ...], says("Digests.")]
    other_attributes: Annotated[Mapping[str, str], says("Attributes not known here.")]

    @classmethod
    def of(cls, payload: "DeclaredPayload") -> Self:
        """Return what a descriptor says of a payload."""
        return cls(
            type=payload.type,
            size=payload.size,
            uncompressed_size=payload.uncompressed_size,
            boot_order=payload.boot_order,
            vfat_name=payload.vfat_name or None,
            checksums=tuple(map(Checksum.of, payload.checksums)),
            other_attributes=dict(payload.other_attributes),
        )


class Payload(Shape, frozen=True):
    """A payload."""

    name: Annotated[str, says("Name.")]
    declared: Annotated[
        Declared | None, says("What the descriptor says; null where it has no such payload.")
    ]
    size: Annotated[Count, says("Bytes as stored.")]
    uncompressed_size: Annotated[Count | None, says("Bytes unpacked, as found.")]
    ratio: Annotated[float | None, says("The one by the other.")]
    compression: Annotated[tuple[Codec, ...], says("From the outside in.")]
    form: Annotated[TarForm | None, says("Null where it is no tar.")]
    tar_magics: Annotated[tuple[str, ...], says("Distinct magics of its headers.")]
    entries: Annotated[tuple[ReadEntry, ...], says("In the order met.")]
    complete: Annotated[
        bool,
        says(
            "Whether all entries are there; of a large payload only the first are, unless "
            "`--files` is given."
        ),
    ]
    oddities: Annotated[tuple[str, ...], says("What is unusual.")]
    faults: Wrong

    @classmethod
    def of(cls, found: ScannedPayload) -> "Payload":
        """Return a payload as programs read it."""
        declared = found.stored.declared
        return Payload(
            name=found.name,
            declared=Declared.of(declared) if declared else None,
            size=found.stored_size,
            uncompressed_size=found.content_size,
            ratio=round(found.ratio, 3) if found.ratio else None,
            compression=tuple(found.compression),
            form=found.form,
            tar_magics=tuple(found.magics),
            entries=tuple(map(ReadEntry.of_payload, found.entries)),
            complete=found.is_complete,
            oddities=tuple(found.oddities),
            faults=Fault.all_of(found.faults),
        )


class Member(Shape, frozen=True):
    """A member of a VIB's archive."""

    name: Annotated[str, says("Name.")]
    offset: Annotated[Count, says("Of its header.")]
    size: Annotated[Count, says("As stated.")]
    stored_size: Annotated[Count, says("Less where the file is cut.")]
    mtime_text: Annotated[str, says("As it stands.")]
    owner_text: Annotated[str, says("As it stands.")]
    group_text: Annotated[str, says("As it stands.")]
    mode_text: Annotated[str, says("As it stands.")]
    slash: Annotated[bool, says("Whether the name ends with one.")]

    @classmethod
    def of(cls, member: "ArMember") -> Self:
        """Return a member as programs read it."""
        return cls(
            name=member.name,
            offset=member.header_offset,
            size=member.size,
            stored_size=member.stored_size,
            mtime_text=member.mtime_text,
            owner_text=member.uid_text,
            group_text=member.gid_text,
            mode_text=member.mode_text,
            slash=member.has_slash,
        )


class Vib(Shape, frozen=True):
    """A VIB."""

    name: Annotated[str, says("Where it was read from.")]
    size: Size
    vib_id: Annotated[str, says("Vendor, type, name and version, joined by `_`.")]
    descriptor: DescriptorFacts
    members: Annotated[tuple[Member, ...], says("Members of the archive.")]
    payloads: Annotated[tuple[Payload, ...], says("Payloads.")]
    signatures: Signatures
    claims: Annotated[
        tuple[str, ...], says("Why the signatures cannot carry the level that it claims.")
    ]
    faults: Wrong

    @classmethod
    def of(cls, found: VibInspection) -> "Vib":
        """Return a VIB as programs read it."""
        vib = found.vib
        return Vib(
            name=vib.source.name,
            size=vib.source.size,
            vib_id=vib.descriptor.vib_id,
            descriptor=DescriptorFacts.of(vib.descriptor),
            members=tuple(map(Member.of, vib.archive.members)),
            payloads=tuple(map(Payload.of, found.payloads)),
            signatures=tuple(map(SignatureBlock.of, found.blocks)),
            claims=tuple(found.claims),
            faults=Fault.all_of([*vib.faults, *vib.descriptor.faults, *found.faults]),
        )


class ReadBulletin(Bulletin, frozen=True):
    """A bulletin with its file."""

    member: OfFile
    fields: Annotated[Mapping[str, str], says("Its texts by the name of the XML element.")]

    @classmethod
    def of_bundle(cls, found: "FoundBulletin") -> Self:
        """Return a bulletin with what stands there."""
        return cls(
            **structs.asdict(Bulletin.of(found)), member=found.member, fields=dict(found.fields)
        )


class ReadAnnounced(Announced, frozen=True):
    """A VIB as the metadata announces it, with its file."""

    member: OfFile

    @classmethod
    def of_bundle(cls, vib: "DepotVib") -> Self:
        """Return what the metadata says of a VIB, and where."""
        return cls(**structs.asdict(Announced.of(vib)), member=vib.member)


class VibFile(Vib, tag_field="kind", tag="vib", frozen=True):
    """A VIB."""

    first: ClassVar[tuple[str, ...]] = _FIRST
    path: Path


class BundleFile(Shape, tag_field="kind", tag="bundle", frozen=True):
    """A bundle."""

    first: ClassVar[tuple[str, ...]] = _FIRST

    path: Path
    name: Annotated[str, says("Where it was read from.")]
    size: Size
    members: Annotated[tuple[str, ...], says("Names in the zip.")]
    metadata_members: Annotated[tuple[str, ...], says("Names in the metadata zips.")]
    vendors: Annotated[tuple[Vendor, ...], says("Vendors of index.xml.")]
    vendor_fields: Annotated[
        Mapping[str, str], says("The first vendor's texts by the name of the XML element.")
    ]
    platforms: Annotated[tuple[Platform, ...], says("What it is for.")]
    bulletins: Annotated[tuple[ReadBulletin, ...], says("Bulletins and components.")]
    announced: Annotated[tuple[ReadAnnounced, ...], says("What its metadata says of its VIBs.")]
    vibs: Annotated[tuple[Vib, ...], says("Its VIBs as they are.")]
    faults: Wrong

    @classmethod
    def of(cls, path: str, found: BundleInspection) -> Self:
        """Return a bundle as programs read it."""
        bundle = found.bundle
        return cls(
            path=path,
            name=bundle.name,
            size=found.size,
            members=tuple(bundle.members),
            metadata_members=tuple(bundle.metadata_members),
            vendors=tuple(Vendor(name=each.name, code=each.code) for each in bundle.vendors),
            vendor_fields=dict(bundle.vendor),
            platforms=tuple(map(Platform.of, bundle.platforms)),
            bulletins=tuple(map(ReadBulletin.of_bundle, bundle.bulletins)),
            announced=tuple(map(ReadAnnounced.of_bundle, bundle.vibs)),
            vibs=tuple(map(Vib.of, found.vibs)),
            faults=Fault.all_of([*bundle.faults, *found.faults]),
        )


class PayloadFile(Payload, tag_field="kind", tag="payload", frozen=True):
    """A loose payload."""

    first: ClassVar[tuple[str, ...]] = _FIRST

    path: Path


class Tree(Shape, frozen=True):
    """The tree of a payload."""

    name: Annotated[str, says("Name of the payload.")]
    entries: Annotated[tuple[Entry, ...], says("Its files.")]


class StageFolder(Shape, tag_field="kind", tag="stage", frozen=True):
    """A stage folder of VIB Author."""

    first: ClassVar[tuple[str, ...]] = _FIRST

    path: Path
    name: Annotated[str, says("The folder.")]
    vib_id: Annotated[str, says("VIB ID.")]
    descriptor: DescriptorFacts
    trees: Annotated[tuple[Tree, ...], says("Trees of payloads.")]
    signatures: Signatures
    faults: Wrong

    @classmethod
    def of(cls, path: str, found: StageInspection) -> Self:
        """Return a stage folder as programs read it."""
        descriptor = found.folder.descriptor
        return cls(
            path=path,
            name=str(found.folder.path),
            vib_id=descriptor.vib_id,
            descriptor=DescriptorFacts.of(descriptor),
            trees=tuple(
                Tree(name=name, entries=tuple(map(Entry.of, entries)))
                for name, entries in found.trees
            ),
            signatures=tuple(map(SignatureBlock.of, found.blocks)),
            faults=Fault.all_of([*descriptor.faults, *found.faults]),
        )


Inspected = VibFile | BundleFile | PayloadFile | StageFolder


def inspected(path: str, found: Inspection) -> Inspected:
    """Return what was found at a path; its `kind` says what it is."""
    match found:
        case VibInspection():
            return VibFile(**structs.asdict(Vib.of(found)), path=path)
        case BundleInspection():
            return BundleFile.of(path, found)
        case ScannedPayload():
            return PayloadFile(**structs.asdict(Payload.of(found)), path=path)
        case StageInspection():
            return StageFolder.of(path, found)


class Inspect(Document, tag="vibforge/inspect/1", frozen=True):
    """What is in VIBs, bundles, payloads and stage folders."""

    files: Annotated[
        tuple[Inspected, ...],
        says("One for each file; a zip of bundles gives one for each bundle."),
    ]
    unreadable: NotRead

    @classmethod
    def of(cls, files: "Several[tuple[Inspection, ...]]") -> Self:
        """Tell for each path what was found there."""
        return cls(
            files=tuple(
                inspected(str(path), each) for path, all_in_it in files.found for each in all_in_it
            ),
            unreadable=Unreadable.all_of(files.unreadable),
        )


class Extract(Document, tag="vibforge/extract/1", frozen=True):
    """What was taken out."""

    folder: Annotated[str, says("Where to.")]
    outputs: Annotated[tuple[str, ...], says("What was written, below the folder.")]
    left_out: Annotated[tuple[Fault, ...], says("What was not written, and why.")]

    @classmethod
    def of(cls, done: "Extracted") -> Self:
        """Tell what was taken out."""
        return cls(
            folder=str(done.folder),
            outputs=tuple(done.paths),
            left_out=Fault.all_of(done.left_out),
        )
