"""Run the checks of lint on the VIB of a build, from what the build knows about it.

Nothing is unpacked again: the entries come from the trees and sizes and digests from packing. Of
each file the first bytes are looked at, as a scan of the VIB would.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from vibforge.files.inputs import BytesSource
from vibforge.formats import ar
from vibforge.formats.ar import Archive, ArMember
from vibforge.formats.budget import Budget
from vibforge.formats.deflating import GzipMember
from vibforge.formats.inflating import Codec
from vibforge.formats.streams import KnownDigests
from vibforge.formats.tar_reading import TarEntry, TarForm
from vibforge.packages.lint import CheckSelection, LintResult, lint
from vibforge.project.build import Built
from vibforge.project.pack import PayloadTree
from vibforge.project.plan_build import BuildPlan, describe
from vibforge.project.recipe import PayloadType
from vibforge.vib.archive import StoredPayload, Vib
from vibforge.vib.descriptor import Descriptor, Layer, serialise
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME
from vibforge.vib.payload_scan import ScannedPayload, scan_file
from vibforge.vib.scan import VibScan

_FORMS = {PayloadType.TGZ: TarForm.GNU, PayloadType.VGZ: TarForm.VMTAR}
_LEFT_OUT = ("VF110", "VF401")
"""Checks of the archive's format, which a build always writes correctly, and of the trx.conf, which
is checked before it is packed."""
_PIECE = 64 * 1024


def judge_build(built: Built) -> LintResult:
    """Return the findings of lint for the VIB that was built.

    Raises:
        LimitError: checks would keep more of its files than the budget of such a VIB allows.
    """
    signature = built.signature.block if built.signature else b""
    return _judge(built.plan, built.descriptor, built.members, signature, str(built.vib_path))


def judge_plan(plan: BuildPlan) -> LintResult:
    """Return the findings of lint for a VIB before it is packed, as far as they are known.

    The key is not opened: a VIB whose recipe names one is taken for signed. Sizes and digests of
    what is not packed yet are stand-ins, which agree with each other.
    """
    members = tuple(_stand_in(tree) for tree in plan.trees)
    packed = [(tree.recipe, member) for tree, member in zip(plan.trees, members, strict=True)]
    descriptor = describe(plan.recipe, plan.dated.date, plan.files, packed)
    result = _judge(
        plan, descriptor, members, b"", plan.vib_name, to_be_signed=plan.recipe.signing is not None
    )
    keys = (str(plan.project.root),) if plan.recipe.signing else ()
    return replace(result, keys_not_opened=keys)


def _stand_in(tree: PayloadTree) -> GzipMember:
    sha256, sha1 = "ab" * 32, "ab" * 20
    return GzipMember(
        size=tree.image_size,
        sha256=sha256,
        content_size=tree.image_size,
        content_sha256=sha256,
        content_sha1=sha1,
    )


def _judge(  # noqa: PLR0913 - the parts of a VIB
    plan: BuildPlan,
    descriptor: Descriptor,
    members: Sequence[GzipMember],
    signature: bytes,
    name: str,
    *,
    to_be_signed: bool = False,
) -> LintResult:
    text = serialise(descriptor)
    parts = [(DESCRIPTOR_NAME, len(text)), (SIGNATURE_NAME, len(signature))]
    parts += [(t.recipe.name, m.size) for t, m in zip(plan.trees, members, strict=True)]
    archive = _archive(parts)
    of_payloads = zip(descriptor.payloads, archive.members[2:], strict=True)
    stored = [StoredPayload(name=d.name, declared=d, member=m) for d, m in of_payloads]
    vib = Vib(
        source=BytesSource.from_bytes(b"", name),
        archive=archive,
        descriptor_bytes=text,
        descriptor=descriptor,
        signature=signature,
        payloads=tuple(stored),
    )
    budget = Budget(name, archive.tail_offset)
    scanned = tuple(
        _scanned(each, tree, member, budget)
        for each, tree, member in zip(stored, plan.trees, members, strict=True)
    )
    scan = VibScan(
        vib,
        name,
        payloads=scanned,
        changed_modes=plan.changed_modes,
        to_be_signed=to_be_signed,
    )
    return lint([scan], CheckSelection(ignore=_LEFT_OUT, allowances=plan.recipe.allow))


def _archive(parts: Sequence[tuple[str, int]]) -> Archive:
    """Return an archive with members of these names and sizes."""
    members, offset = [], len(ar.MAGIC)
    for name, size in parts:
        header, padding = ar.member_header(name, size), ar.member_padding(size)
        offset += len(header)
        members.append(
            ArMember(
                name=name,
                header=header,
                data_offset=offset,
                size=size,
                stored_size=size,
                padding=padding,
            )
        )
        offset += size + len(padding)
    return Archive(members=tuple(members), tail_offset=offset, tail_size=0)


def _scanned(
    stored: StoredPayload, tree: PayloadTree, member: GzipMember, budget: Budget
) -> ScannedPayload:
    payload = ScannedPayload(
        stored=stored,
        stored_size=member.size,
        entries=[TarEntry(entry=e, name=e.path, data_offset=0) for e in tree.entries],
        compression=(Codec.GZIP,),
        form=_FORMS[tree.recipe.type],
        content_size=member.content_size,
        hashers={
            Layer.STORED: KnownDigests({"sha-256": member.sha256}),
            Layer.CONTENT: KnownDigests(
                {"sha-256": member.content_sha256, "sha-1": member.content_sha1}
            ),
        },
    )
    for place, entry in enumerate(payload.entries):
        file = scan_file(entry, _content(tree, entry.entry.path), budget)
        if not file.is_plain:
            payload.known_files[place] = file
    return payload


def _content(tree: PayloadTree, path: str) -> Iterator[memoryview]:
    """Yield a file's content; nothing if the file vanished after it was packed."""
    origin = tree.source_of(path)
    if isinstance(origin, bytes):
        yield memoryview(origin)
        return
    try:
        with Path(origin).open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield memoryview(piece)
    except OSError:
        return
