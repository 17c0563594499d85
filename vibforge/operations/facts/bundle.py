"""Hold a bundle's metadata against the VIB files in it; 6.7 does not do so (vib-format 9.3)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from vibforge.errors import FormatError
from vibforge.formats.byte_stream import read_chunks
from vibforge.formats.hashing import ALGORITHMS, Hasher
from vibforge.model.agreement import disagreements
from vibforge.model.bundle_vib import DepotVib
from vibforge.model.source import Source
from vibforge.model.vib import Vib
from vibforge.operations.subjects import OpenBundle
from vibforge.operations.verification import Fact, Topic, fact


def bundle_facts(subject: OpenBundle) -> Iterator[Fact]:
    """Yield whether the metadata can be read, and whether the files are what it announces."""
    reason = "; ".join(str(fault) for fault in subject.bundle.faults)
    yield fact(Topic.CONTAINER, "indexes and metadata can be read", holds=not reason, reason=reason)
    prefix = f"{subject.bundle.name}:"
    sources = {source.name.removeprefix(prefix): source for source in subject.sources}
    announced: dict[str, list[DepotVib]] = defaultdict(list)
    for each in subject.bundle.vibs:
        announced[each.relative_path].append(each)
    for path, vibs in announced.items():
        yield from _file_facts(path or vibs[0].member, vibs, sources.get(path))


def agreement_fact(vib: Vib, announced: DepotVib | None, subject: str) -> Fact:
    """Hold a VIB's descriptor against what the metadata says of it, as hosts do."""
    statement = "the metadata says what the VIB says"
    if announced is None:
        reason = "it does not announce this file"
        return fact(Topic.METADATA, statement, holds=False, reason=reason, subject=subject)
    unequal = disagreements(vib.descriptor, announced.descriptor)
    reason = f"they differ in {', '.join(unequal)}"
    return fact(Topic.METADATA, statement, holds=not unequal, reason=reason, subject=subject)


def unreadable(error: FormatError, subject: str) -> Fact:
    """Return the fact that a member cannot be read at all."""
    reason = error.problems[0].what
    return fact(Topic.CONTAINER, "can be read", holds=False, reason=reason, subject=subject)


def _file_facts(path: str, announced: Sequence[DepotVib], source: Source | None) -> Iterator[Fact]:
    yield fact(
        Topic.METADATA,
        "the announced file is there",
        holds=source is not None,
        reason="the bundle has no member of this name",
        subject=path,
    )
    if source is None:
        return
    for size in {each.packed_size for each in announced if each.packed_size is not None}:
        yield fact(
            Topic.METADATA,
            f"packed-size {size}",
            holds=size == source.size,
            reason=f"the file has {source.size} bytes",
            subject=path,
        )
    try:
        yield from _digest_facts(path, announced, source)
    except FormatError as error:
        yield unreadable(error, path)


def _digest_facts(path: str, announced: Sequence[DepotVib], source: Source) -> Iterator[Fact]:
    """Read the file once, however often it is announced."""
    wanted = {
        (checksum.checksum_type, checksum.digest.lower()): None
        for each in announced
        for checksum in each.checksums
        if checksum.checksum_type in ALGORITHMS
    }
    hasher = Hasher(dict.fromkeys(algorithm for algorithm, _digest in wanted))
    with source.open() as stream:
        for chunk in read_chunks(stream, source.size):
            hasher.take(chunk)
    for algorithm, digest in wanted:
        found = hasher.digest(algorithm)
        yield fact(
            Topic.METADATA,
            f"{algorithm} of the file",
            holds=digest == found,
            reason=f"it is {found}",
            subject=path,
        )
