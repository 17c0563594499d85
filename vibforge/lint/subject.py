"""What rules look at: a VIB whose payloads are read once, or a bundle with its VIBs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.formats.elf import MAGIC as ELF_MAGIC
from vibforge.formats.hashing import Hasher
from vibforge.formats.tar_entries import TarEntry
from vibforge.formats.tar_header import Entry, EntryKind
from vibforge.formats.tar_reading import TarForm, TarReader
from vibforge.formats.unpacking import Compression, Taps
from vibforge.host.package import Package
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.descriptor import Descriptor, Payload
from vibforge.model.vib import StoredPayload, Vib
from vibforge.trx.document import MAX_BYTES
from vibforge.trx.document import PATH as TRX_CONF

if TYPE_CHECKING:
    from vibforge.model.bundle import Bundle
    from vibforge.model.source import Source

HEAD_LIMIT = 64 * 1024
"""Bytes of a script in which line ends are looked at."""
_SHEBANG_LIMIT = 256
_COMPUTED = frozenset({"sha-1", "sha-256"})


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """A file of a payload: its entry, and what its first bytes tell."""

    found: TarEntry
    shebang: str = ""
    """What follows `#!`, empty where the file is no script."""
    has_crlf: bool = False
    elf_machine: int | None = None
    """The machine number of an ELF file."""
    content: bytes = b""
    """The content of a trx.conf; of no other file."""

    @property
    def entry(self) -> Entry:
        return self.found.entry

    @property
    def path(self) -> str:
        return self.found.entry.path


@dataclass(kw_only=True, slots=True)
class PayloadFacts:
    """A payload as it was read once, with the digests of its layers in hex."""

    name: str
    declared: Payload | None
    stored: StoredPayload
    files: list[FileFacts] = field(default_factory=list)
    form: TarForm | None = None
    compression: tuple[Compression, ...] = ()
    fault: str = ""
    """Why it could not be read to its end."""
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    """By checksum type and verify-process, for all that the descriptor declares."""


class VibSubject:
    """A VIB under the eyes of the rules."""

    def __init__(self, vib: Vib, name: str) -> None:
        self.vib = vib
        self.name = name

    @property
    def descriptor(self) -> Descriptor:
        return self.vib.descriptor

    @cached_property
    def package(self) -> Package:
        """The VIB as the rules of an install see it."""
        from vibforge.host.offer import package_of  # noqa: PLC0415 - for few rules

        return package_of(self.vib)

    @property
    def level(self) -> AcceptanceLevel:
        return Package(descriptor=self.descriptor).level

    @cached_property
    def payloads(self) -> tuple[PayloadFacts, ...]:
        """The payloads that are both declared and there, read to their end."""
        return tuple(_payload_facts(self.vib, payload) for payload in self.vib.payloads)

    def files(self) -> Iterator[FileFacts]:
        """Yield every entry of every payload."""
        for payload in self.payloads:
            yield from payload.files


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleSubject:
    """A bundle under the eyes of the rules, with the VIBs in it by the names of their members."""

    bundle: "Bundle"
    name: str
    vibs: tuple[tuple[str, Vib], ...]
    inside: bool = False
    """Whether it stands in another zip."""


def bundle_subject(bundle: "Bundle", sources: "Iterable[Source]", *, inside: bool) -> BundleSubject:
    """Return a bundle with its VIBs, which are read on the way.

    Args:
        bundle: what the bundle says.
        sources: its VIBs, named `BUNDLE:MEMBER`.
        inside: whether it stands in another zip.

    Raises:
        FormatError: one of the VIBs cannot be read.
    """
    return BundleSubject(
        bundle=bundle,
        name=bundle.name,
        vibs=tuple(
            (source.name.removeprefix(f"{bundle.name}:"), Vib.from_source(source))
            for source in sources
        ),
        inside=inside,
    )


def _payload_facts(vib: Vib, payload: StoredPayload) -> PayloadFacts:
    facts = PayloadFacts(name=payload.name, declared=payload.declared, stored=payload)
    if payload.member is None:
        return facts
    hashers = _Hashers(payload.declared)
    try:
        with vib.unpacked(payload, hashers.taps()) as unpacked:
            facts.compression = unpacked.compression
            reader = TarReader(unpacked.content, vib.source.budget)
            facts.files = [_file_facts(entry, content) for entry, content in reader.contents()]
            facts.form = reader.form
            reader.finish()
            unpacked.content.drain()
    except FormatError as error:
        facts.fault = error.problems[0].what
    facts.digests = hashers.digests(complete=not facts.fault)
    return facts


def _file_facts(found: TarEntry, content: Iterable[memoryview]) -> FileFacts:
    if found.entry.kind not in {EntryKind.FILE, EntryKind.SHARED_FILE} or not found.entry.size:
        return FileFacts(found=found)
    keep = MAX_BYTES if found.entry.path.endswith(TRX_CONF) else HEAD_LIMIT
    head = b""
    for piece in content:
        head += bytes(piece[: keep - len(head)])
        if len(head) >= keep or not (head.startswith(b"#!") or found.entry.path.endswith(TRX_CONF)):
            break
    if head.startswith(ELF_MAGIC):
        machine = int.from_bytes(head[18:20], "big" if head[5:6] == b"\2" else "little")
        return FileFacts(found=found, elf_machine=machine)
    if head.startswith(b"#!"):
        line = head[2:_SHEBANG_LIMIT].partition(b"\n")[0].decode("latin-1").strip()
        return FileFacts(found=found, shebang=line, has_crlf=b"\r\n" in head)
    is_trx = found.entry.path.endswith(TRX_CONF)
    return FileFacts(found=found, content=head if is_trx else b"")


class _Hashers:
    """Computes the digests that a payload declares while it is read, each once per layer."""

    def __init__(self, declared: Payload | None) -> None:
        checksums = declared.checksums if declared else ()
        self._wanted = {
            (c.checksum_type, c.verify_process): found
            for c in checksums
            if all(found := _layer_of(c.checksum_type, c.verify_process)) and found[1] in _COMPUTED
        }
        self._by_layer = {
            layer: Hasher(dict.fromkeys(kind for of, kind in self._wanted.values() if of == layer))
            for layer in ("stored", "gunzipped", "content")
        }

    def taps(self) -> Taps:
        return Taps(**{layer: hasher.take for layer, hasher in self._by_layer.items()})

    def digests(self, *, complete: bool) -> dict[tuple[str, str], str]:
        if not complete:
            return {}
        return {
            key: self._by_layer[layer].digest(algorithm)
            for key, (layer, algorithm) in self._wanted.items()
        }


def _layer_of(kind: str, process: str) -> tuple[str, str]:
    """Return which bytes a checksum is of, and its algorithm (vib-format 2.7)."""
    if kind.endswith("-gunzip1"):
        return "gunzipped", kind.removesuffix("-gunzip1")
    return {"": "stored", "gunzip": "content"}.get(process, ""), kind
