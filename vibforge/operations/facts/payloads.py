"""Hold one payload against its declaration: sizes, digests of every layer, and its files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO

from vibforge.errors import FormatError
from vibforge.formats.budget import Budget
from vibforge.formats.hashing import Hasher, HashingThread
from vibforge.formats.sniffing import HEAD_SIZE
from vibforge.formats.tar_header import EntryKind
from vibforge.formats.tar_reading import TarReader, starts_tar
from vibforge.formats.unpacking import THREAD_WORTH, Taps, Unpacked, unpack
from vibforge.model.descriptor import Checksum, Payload
from vibforge.model.digest_coverage import Coverage, Layer, coverage, hashed, is_whole
from vibforge.model.vib import DESCRIPTOR_NAME, SIGNATURE_NAME, StoredPayload, Vib
from vibforge.operations.verification import Fact, Topic, fact

Progress = Callable[[int], None]
"""Is told how many more bytes of a file were read; what it raises stops the work."""


_NAMED_KINDS = 5
"""Kinds of digest that a reason names; more are counted."""


@dataclass(slots=True)
class FoundFiles:
    """The files and links of all payloads against the file list.

    `met` tells of each listed path whether a payload holds it, `unlisted` are the other paths of
    payloads, `unread` the payloads that could not be read.
    """

    met: dict[str, bool]
    unlisted: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)

    @classmethod
    def against(cls, file_list: Iterable[str]) -> "FoundFiles":
        """Start with a descriptor's file list."""
        return cls({path.strip("/"): False for path in file_list if not path.endswith("/")})

    def add(self, path: str) -> None:
        """Take note of a path in a payload; one that is listed is not kept a second time."""
        if path in self.met:
            self.met[path] = True
        else:
            self.unlisted.add(path)


def name_facts(vib: Vib) -> Iterator[Fact]:
    """Yield a failed fact for each name in the descriptor that does not name one payload.

    Hosts do not notice two payloads of one name and install the first member (tried on 6.7).
    """
    for name, count in Counter(each.name for each in vib.descriptor.payloads).items():
        reason = f"the descriptor declares {count} payloads of this name" if count > 1 else ""
        if name in {DESCRIPTOR_NAME, SIGNATURE_NAME}:
            reason = "this is the name of a member that is no payload"
        if reason:
            yield fact(
                Topic.PAYLOAD, "has a name of its own", holds=False, reason=reason, subject=name
            )


def table_facts(vib: Vib, *, fails: bool) -> Iterator[Fact]:
    """Yield a fact for each of GNU's tables in the archive: bytes that nothing covers.

    Hosts pass over them (tried on 6.7), and names of 15 characters need none.

    Args:
        vib: the VIB.
        fails: whether they are a failure, not a warning.
    """
    for member in vib.archive.members:
        if member.is_table:
            yield fact(
                Topic.COVERAGE,
                "every member is descriptor, signature or payload",
                holds=False,
                reason=f"a table of {member.size} bytes, which no signature covers",
                subject=member.name,
                warns=not fails,
            )


def payload_facts(
    vib: Vib, payload: StoredPayload, stream: BinaryIO, files: FoundFiles, progress: Progress
) -> Iterator[Fact]:
    """Read one payload to its end and yield what was found.

    Args:
        vib: whose payload it is.
        payload: which one.
        stream: what the VIB's source opened.
        files: gets the paths that the payload holds.
        progress: is told of the bytes that were read.
    """
    if payload.declared is None or payload.member is None:
        files.unread.append(payload.name)
        missing = "archive" if payload.declared else "descriptor"
        yield fact(
            Topic.PAYLOAD,
            "stands in the descriptor and in the archive",
            holds=False,
            reason=f"the {missing} has no payload of this name",
            subject=payload.name,
        )
        return
    check = _Check(
        payload.name, payload.declared.checksums, payload.member.stored_size, vib.source.budget
    )
    check.run(vib.stored(payload, stream), files, progress)
    yield check.content_fact()
    yield from _size_facts(payload, check.content_size)
    for checksum in payload.declared.checksums:
        yield check.digest_fact(checksum)


def coverage_fact(payload: Payload, *, strict: bool) -> Fact:
    """Tell whether the digests in the descriptor tie it to the payload.

    Digests that are weak, or of the unpacked content alone, are a warning; a failure if `strict`.
    """
    found = coverage(payload.checksums)
    missing = {
        Coverage.NONE: "no digest of a known kind",
        Coverage.PARTIAL: "no sha-256 or stronger digest of the stored bytes",
    }.get(found, "")
    return fact(
        Topic.COVERAGE,
        "the digests in the descriptor cover it",
        holds=found is Coverage.FULL,
        reason=f"the descriptor declares {missing}{_only(payload.checksums)}",
        subject=payload.name,
        warns=found is Coverage.PARTIAL and not strict,
    )


def _only(checksums: tuple[Checksum, ...]) -> str:
    """Name the kinds of digest that there are instead, as far as a line can."""
    kinds = list(dict.fromkeys(map(_kind, checksums)))
    named = ", ".join(f"{kind:.40}" for kind in kinds[:_NAMED_KINDS])
    more = f" and {len(kinds) - _NAMED_KINDS} more" if len(kinds) > _NAMED_KINDS else ""
    return f", only {named}{more}" if kinds else ""


def _kind(checksum: Checksum) -> str:
    """Name a kind of digest as the descriptor does."""
    return " ".join(filter(None, (checksum.checksum_type, checksum.verify_process))) or "unnamed"


def _size_facts(payload: StoredPayload, content_size: int | None) -> Iterator[Fact]:
    declared, member = payload.declared, payload.member
    if declared is None or member is None:
        return
    if declared.size is not None:
        yield fact(
            Topic.SIZE,
            f"size {declared.size}",
            holds=declared.size == member.size,
            reason=f"the archive holds {member.size} bytes",
            subject=payload.name,
        )
    if declared.uncompressed_size is not None:
        yield fact(
            Topic.SIZE,
            f"uncompressed-size {declared.uncompressed_size}",
            holds=None if content_size is None else declared.uncompressed_size == content_size,
            reason="it cannot be unpacked"
            if content_size is None
            else f"it unpacks to {content_size} bytes",
            subject=payload.name,
        )


class _Check:
    """Unpacks a payload, and hashes what passes."""

    def __init__(
        self, name: str, checksums: tuple[Checksum, ...], stored_size: int, budget: Budget
    ) -> None:
        self._name = name
        self._budget = budget
        self._stored_size = stored_size
        wanted = [of for checksum in checksums if (of := hashed(checksum))]
        self._hashers = {
            each: Hasher(dict.fromkeys(of.algorithm for of in wanted if of.layer is each))
            for each in Layer
        }
        self._fault = ""

    @property
    def content_size(self) -> int | None:
        """Bytes of the content; None where it could not be unpacked to its end."""
        return None if self._fault else self._hashers[Layer.CONTENT].size

    def run(self, stored: Iterator[bytes], files: FoundFiles, progress: Progress) -> None:
        """Read the payload to its end, even where it cannot be unpacked."""
        with HashingThread() if self._stored_size >= THREAD_WORTH else nullcontext() as thread:
            taps = {name: _tap(hasher, thread) for name, hasher in self._hashers.items()}
            tapped = _watched(stored, taps[Layer.STORED], progress)
            layers = Taps(gunzipped=taps[Layer.GUNZIPPED], content=taps[Layer.CONTENT])
            try:
                self._read(unpack(tapped, self._budget, layers), files)
            except FormatError as error:
                self._fault = error.problems[0].what
                files.unread.append(self._name)
            for _ in tapped:
                pass

    def _read(self, unpacked: Unpacked, files: FoundFiles) -> None:
        """Read the content to its end and note its files."""
        content = unpacked.content
        if not starts_tar(content.peek(HEAD_SIZE)):
            content.drain()
            files.unread.append(self._name)
            return
        reader = TarReader(content, self._budget)
        for found in reader.entries():
            if found.entry.kind is not EntryKind.DIRECTORY:
                files.add(found.entry.path)
        reader.finish()

    def content_fact(self) -> Fact:
        return fact(
            Topic.PAYLOAD,
            "unpacks and reads to its end",
            holds=not self._fault,
            reason=self._fault,
            subject=self._name,
        )

    def digest_fact(self, checksum: Checksum) -> Fact:
        """Compare a declared digest with what was computed."""
        of = hashed(checksum)
        statement = _kind(checksum)
        holds, reason = None, "this kind of digest is not computed here"
        if of and self._fault and of.layer is not Layer.STORED:
            holds, reason = False, f"it cannot be unpacked: {self._fault}"
        elif of:
            digest = self._hashers[of.layer].digest(of.algorithm)
            holds, reason = digest == checksum.digest.lower(), f"it is {digest}"
            if not is_whole(checksum):
                reason += f"; the descriptor has no whole digest: {checksum.digest!r:.140}"
        return fact(Topic.DIGEST, statement, holds=holds, reason=reason, subject=self._name)


def _tap(hasher: Hasher, thread: HashingThread | None) -> Callable[[bytes], None]:
    if thread is None:
        return hasher.take

    def hand_over(chunk: bytes) -> None:
        thread.take(hasher, chunk)

    return hand_over


def _watched(
    chunks: Iterator[bytes], tap: Callable[[bytes], None], progress: Progress
) -> Iterator[bytes]:
    for chunk in chunks:
        tap(chunk)
        progress(len(chunk))
        yield chunk
