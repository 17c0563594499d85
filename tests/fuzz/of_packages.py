"""Readers of packages and of what they are made of."""

import contextlib
import io
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import bundles, vibs
from tests.budgets import whole_budget
from tests.fuzz.target import Target, as_file, printable
from tests.trees import elf_program
from vibforge.bundle import index
from vibforge.bundle.metadata import parse_bulletin, parse_response, read_bundle, serialise_bulletin
from vibforge.errors import VibforgeError
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.files.inputs import ZipSource
from vibforge.formats.ar import read_archive
from vibforge.formats.inflating import unpack
from vibforge.formats.sniffing import file_kind
from vibforge.formats.streams import ByteStream
from vibforge.formats.tar_reading import TarReader
from vibforge.formats.vmtar import text_hints
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.formats.zip_archive import open_zip
from vibforge.host.candidate import candidate_from_vib
from vibforge.host.command import NO_FLAGS
from vibforge.host.host import stock_host
from vibforge.host.routes import Route
from vibforge.packages.extract import ExtractOptions, extract
from vibforge.packages.inspect import inspect_vib
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.plan import Plan, plan_candidate
from vibforge.packages.verify import verify_vib
from vibforge.project import recipe_writing
from vibforge.project.read_project import read_stage
from vibforge.report.documents.inspect import DescriptorFacts, inspected
from vibforge.report.documents.lint import Lint
from vibforge.report.documents.plan import Plan as PlanDocument
from vibforge.report.documents.verify import Verification as VerifiedDocument
from vibforge.report.inspect import inspection_text, listing
from vibforge.report.lint import lint_text
from vibforge.report.paint import Paint
from vibforge.report.plan import plan_text
from vibforge.report.verify import verification_text
from vibforge.vib import descriptor, descriptor_reading
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan

_TEXT = vibs.descriptor()


def read_ar(data: bytes) -> None:
    archive = read_archive(io.BytesIO(data), len(data), whole_budget(len(data)))
    ends = [member.data_offset + member.stored_size for member in archive.members]
    assert all(0 <= end <= len(data) for end in ends)
    assert archive.tail_offset + archive.tail_size >= len(data) - 1


def read_tar(data: bytes) -> None:
    listing_reader = TarReader(ByteStream(iter([data])), whole_budget(len(data)))
    entries = list(listing_reader.entries())
    listing_reader.finish()
    reader = TarReader(ByteStream(iter([data])), whole_budget(len(data)))
    count = 0
    for found, pieces in reader.contents():
        count += 1
        assert sum(len(piece) for piece in pieces) == found.entry.size
    assert count == len(entries)


def read_payload(data: bytes) -> None:
    budget = whole_budget(len(data))
    unpacked = unpack(iter([data]), budget)
    reader = TarReader(unpacked.content, budget)
    for _found in reader.entries():
        pass
    reader.finish()


def read_descriptor(data: bytes) -> None:
    found = descriptor_reading.parse(data)
    written = descriptor.serialise(found)
    assert descriptor_reading.parse(written).name == found.name
    printable(DescriptorFacts.of(found))


def read_bundle_zip(data: bytes) -> None:
    with open_zip(io.BytesIO(data), "fuzz.zip", len(data), whole_budget(len(data))) as archive:
        read_bundle(archive, "fuzz.zip")
        for member in archive.members:
            if member.name.endswith(".vib"):
                verify_vib(Vib.from_source(ZipSource(archive, member, member.name)))


def read_vib(data: bytes) -> None:
    vib = Vib.from_bytes(data)
    assert vib.to_bytes() == data
    inspection = inspect_vib(vib)
    text = inspection_text(inspection, Paint(), 80) + "\n".join(listing(inspection))
    printable(inspected("fuzz.vib", inspection), text)
    verification = verify_vib(vib)
    printable(VerifiedDocument.of(verification), verification_text(verification, Paint()))


def read_bundle_part(data: bytes) -> None:
    """Read one document of a bundle as each kind of document that it may be."""
    with contextlib.suppress(VibforgeError):
        index.parse(data, "vibs/a.xml", "fuzz.zip", whole_budget(len(data)))
    root = parse_xml(data, "fuzz.zip")
    for vendor in index.parse_index(root):
        index.index_bytes([vendor])
    for platform in index.parse_vendor_index(root, "folder"):
        index.vendor_index_bytes([platform])
    serialise_bulletin(parse_bulletin(root, whole_budget(len(data))))
    parse_response(root, whole_budget(len(data)))


def judge_vib(data: bytes) -> None:
    """Lint a VIB, and plan its way onto hosts."""
    vib = Vib.from_bytes(data)
    result = lint([VibScan(vib, "fuzz.vib")], CheckSelection())
    printable(Lint.of(result), lint_text(result, Paint()))
    plan = plan_candidate(
        candidate_from_vib(vib, "fuzz.vib"), [("stock", stock_host(STOCK_TARGETS[-1]))]
    )
    whole = Plan(files=(plan,), route=Route.INSTALL, flags=NO_FLAGS)
    printable(PlanDocument.of(whole), plan_text(whole, Paint()))


def extract_tree(data: bytes) -> None:
    """Take the files out of a payload: inside the folder, or nothing at all."""
    vib = Vib.from_bytes(vibs.vib(content=data))
    with TemporaryDirectory() as folder:
        inside = Path(folder, "inside")
        inside.mkdir()
        try:
            extract([vib], inside, ExtractOptions())
        except VibforgeError:
            assert not list(inside.iterdir())
            raise
        finally:
            assert [path.name for path in Path(folder).iterdir()] == ["inside"]
        for path in inside.rglob("*"):
            kind = path.lstat().st_mode
            assert stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)
            assert path.resolve().is_relative_to(inside.resolve())


def read_stage_folder(data: bytes) -> None:
    """Read the descriptor of a stage folder as a project."""

    def use(path: Path) -> None:
        (path.parent / "payloads/payload1").mkdir(parents=True)
        recipe_writing.serialise(read_stage(path, {}).recipe)

    as_file(data, "descriptor.xml", use)


def read_head(data: bytes) -> None:
    """Tell by its first bytes what a file is, and what an ESXi program says of its text."""
    file_kind(data)
    text_hints(data)


def _archives() -> list[bytes]:
    return [vibs.vib(), vibs.archive([("//", b"a-long-name/\n"), ("/0", b"x")])]


def _bundle_parts() -> list[bytes]:
    with open_zip(
        io.BytesIO(bundles.bundle()), "seed.zip", len(bundles.bundle()), whole_budget()
    ) as archive:
        outer = {each.name: archive.read(each, each.size) for each in archive.members}
    inner = outer["metadata.zip"]
    with open_zip(io.BytesIO(inner), "metadata.zip", len(inner), whole_budget()) as metadata:
        parts = [metadata.read(each, each.size) for each in metadata.members]
    return [outer["index.xml"], *parts]


PACKAGES = {
    "ar": Target(read_ar, _archives),
    "vmtar": Target(read_tar, lambda: [vibs.VMTAR_IMAGE, vibs.GNU_IMAGE]),
    "payload": Target(
        read_payload, lambda: [vibs.packed(vibs.VMTAR_IMAGE), vibs.zstd_in_gzip(vibs.VMTAR_IMAGE)]
    ),
    "descriptor": Target(read_descriptor, lambda: [_TEXT, vibs.descriptor('<payload name="a"/>')]),
    "bundle": Target(read_bundle_zip, lambda: [bundles.bundle()]),
    "bundle-part": Target(read_bundle_part, _bundle_parts),
    "head": Target(read_head, lambda: [elf_program(), vibs.vib(), bundles.bundle()]),
    "extract": Target(extract_tree, lambda: [vibs.VMTAR_IMAGE, vibs.GNU_IMAGE], each=25),
    "judge": Target(
        judge_vib,
        lambda: [vibs.vib(), vibs.signed_vib(), vibs.vib(acceptance_level="partner")],
        each=25,
    ),
    "stage": Target(
        read_stage_folder, lambda: [vibs.descriptor('<payload name="payload1" type="tgz"/>')]
    ),
    "vib": Target(
        read_vib, lambda: [vibs.vib(), vibs.signed_vib(), vibs.vib(kind="vgz", pack=bytes)]
    ),
}
