"""One side of a comparison: what a VIB, bundle, project, trx.conf or host says, as plain values."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle.opening import OpenBundle
from vibforge.errors import FormatError
from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.files.inputs import FileSource, read_file
from vibforge.files.publication import temporary_folder
from vibforge.formats.gnu_tar import kind_name
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.formats.streams import read_chunks
from vibforge.formats.tar_reading import TarEntry
from vibforge.host.facts import read_facts
from vibforge.host.host import Host
from vibforge.host.install_needs import install_needs, outlook, outlook_words
from vibforge.packages.plan import judged_candidate
from vibforge.packages.subjects import Subject, opened
from vibforge.project.build import build_plan
from vibforge.project.plan_build import plan_build, without_key
from vibforge.project.recipe_writing import table_of
from vibforge.trx.conf import TrxConf
from vibforge.trx.effective import UNKNOWN, effects
from vibforge.vib.archive import StoredPayload, Vib
from vibforge.vib.scan import VibScan

TEXT_LIMIT = 128 * 1024
"""Bytes of a file whose text is compared line by line."""
TEXTS_LIMIT = 8 * 1024 * 1024
"""Bytes of all texts of one VIB that are kept; of further files only the digests are compared."""


class SideKind(StrEnum):
    """What is compared."""

    VIB = "VIB"
    BUNDLE = "bundle"
    PROJECT = "project"
    TRX_CONF = "trx.conf"
    HOST = "host facts"

    @property
    def holds_vibs(self) -> bool:
        """Whether it is a VIB, or makes or carries some."""
        return self in {SideKind.VIB, SideKind.BUNDLE, SideKind.PROJECT}


class PackedFile(Struct, frozen=True):
    """An entry of a payload. `owner` is `UID:GID`, `digest` the SHA-256 of a file's content."""

    kind: str
    mode: int
    owner: str
    size: int
    link: str = ""
    digest: bytes = b""
    text: str | None = None
    """The content, where it is text and there is room for it."""


class Setting(Struct, frozen=True):
    """A setting of a trx.conf: its value, and the value that holds where it is not set."""

    value: str
    default: str
    """Empty where it is not known."""


class VibSide(Struct, frozen=True, kw_only=True):
    """A VIB: its fields by dotted name, its files by path, and how its payloads are stored."""

    id: str
    fields: Mapping[str, Any]
    files: Mapping[str, PackedFile]
    payloads: Mapping[str, str]
    signatures: tuple[str, ...]
    settings: Mapping[str, Setting]
    verdicts: Mapping[str, str]
    """What a stock host does with it, by release."""


class Side(Struct, frozen=True, kw_only=True):
    """What is compared: `vibs` by name, `fields` of a bundle or host, `settings` of a trx.conf."""

    label: str
    kind: SideKind
    sha256: str = ""
    """Of the file; empty for a project."""
    vibs: Mapping[str, VibSide] = {}
    fields: Mapping[str, Any] = {}
    settings: Mapping[str, Setting] = {}
    text: str = ""


def read_side(path: Path, *, settings: Mapping[str, str] | None = None) -> Side:
    """Read one side of a comparison.

    A project or stage directory is built into a temporary folder, unsigned: its key is not needed.

    Args:
        path: a VIB, a bundle, a project, a stage directory, a trx.conf, or facts of a host.
        settings: keys of the recipe that are overridden, as `build --set` does.

    Raises:
        FormatError: it is none of these, or cannot be read.
        ModelError: the recipe of a project is wrong.
        PayloadError: a file of a project cannot be read.
    """
    if path.is_dir() or path.name == "vibforge.toml":
        return _project_side(path, settings or {})
    source = FileSource.from_path(path)
    with source.open() as stream:
        head = stream.read(HEAD_SIZE)
    if file_kind(head) in {FileKind.ARCHIVE, FileKind.ZIP}:
        return _package_side(path, source)
    data = read_file(path, TEXTS_LIMIT, FormatError)
    if data.lstrip().startswith(b"{"):
        fields = _host_fields(read_facts(data, str(path)))
        return Side(label=str(path), kind=SideKind.HOST, sha256=_sha256([data]), fields=fields)
    return _conf_side(path, data)


def _conf_side(path: Path, data: bytes) -> Side:
    settings = _settings(data)
    if not settings:
        raise FormatError(
            "not a VIB, bundle, project, trx.conf or host facts",
            where=str(path),
            remedy="name two files or folders of one kind",
        )
    return Side(
        label=str(path),
        kind=SideKind.TRX_CONF,
        sha256=_sha256([data]),
        settings=settings,
        text=data.decode("utf-8", "backslashreplace"),
    )


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _package_side(path: Path, source: FileSource) -> Side:
    with source.open() as stream:
        sha256 = _sha256(read_chunks(stream, source.size))
    with opened(path) as subjects:
        if isinstance(subjects[0], Vib):
            vib = _vib_side(subjects[0])
            name = str(vib.fields.get("name", ""))
            return Side(label=str(path), kind=SideKind.VIB, sha256=sha256, vibs={name: vib})
        return _bundle_side(str(path), sha256, subjects)


def _bundle_side(label: str, sha256: str, subjects: Iterable[Subject]) -> Side:
    vibs: dict[str, VibSide] = {}
    fields: dict[str, Any] = {}
    for subject in subjects:
        if not isinstance(subject, OpenBundle):
            raise FormatError("neither a VIB nor an offline bundle", where=label)
        fields |= _bundle_fields(subject)
        for source in subject.sources:
            vib = _vib_side(Vib.from_source(source))
            name = str(vib.fields.get("name", ""))
            vibs[vib.id if name in vibs else name] = vib
    return Side(label=label, kind=SideKind.BUNDLE, sha256=sha256, vibs=vibs, fields=fields)


def _bundle_fields(opened_bundle: OpenBundle) -> dict[str, Any]:
    bundle = opened_bundle.bundle
    return {
        "vendors": [f"{vendor.name} ({vendor.code})" for vendor in bundle.vendors],
        "platforms": sorted({f"{each.product_id} {each.version}" for each in bundle.platforms}),
        "bulletins": sorted(str(bulletin.id) for bulletin in bundle.bulletins),
    }


def _project_side(path: Path, settings: Mapping[str, str]) -> Side:
    plan = without_key(plan_build(path, settings=settings, instructions=False, keyless=True))
    recipe = replace(plan.recipe, bundle=None)
    with temporary_folder() as folder:
        built = build_plan(replace(plan, project=replace(plan.project, recipe=recipe)), folder)
        vib = _vib_side(Vib.from_path(built.vib_path))
    return Side(label=str(path), kind=SideKind.PROJECT, vibs={recipe.name: vib})


def _vib_side(vib: Vib) -> VibSide:
    files = _Files()
    scan = VibScan(vib, watch=files.watch)
    if faults := [payload for payload in scan.payloads if payload.fault]:
        where = f"{vib.source.name}: payload {faults[0].stored.name}"
        raise FormatError(faults[0].fault, where=where)
    candidate = judged_candidate(scan, vib.source.name)
    (package,) = candidate.packages
    needs = install_needs(replace(package, contents=()))
    return VibSide(
        id=vib.descriptor.vib_id,
        fields=dict(_flat("", {**table_of(vib.descriptor), "payloads": []})),
        files=files.by_path,
        payloads={
            payload.name: _stored(vib, payload) for payload in vib.payloads if payload.member
        },
        signatures=tuple(_signatures(vib)),
        settings=_settings(files.trx_conf),
        verdicts={
            str(each.release): outlook_words(each, needs)
            for each in outlook(package, needs, STOCK_TARGETS)
        },
    )


class _Files:
    """Takes in the entries of all payloads while a scan reads them, and keeps texts within limits.

    A boot module and other payloads that are not a tar have no entries; their digests are compared
    as those of payloads.
    """

    def __init__(self) -> None:
        self._left = TEXTS_LIMIT
        self.trx_conf = b""
        self.by_path: dict[str, PackedFile] = {}

    def watch(self, found: TarEntry, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        """Pass on the content of an entry, and take the entry in when all of it was passed on."""
        entry = found.entry
        digest, kept = hashlib.sha256(), bytearray()
        keep = entry.kind.is_file and entry.size <= min(TEXT_LIMIT, self._left)
        for piece in pieces:
            digest.update(piece)
            if keep:
                kept += piece
            yield piece
        if entry.path == TRX_CONF:
            self.trx_conf = bytes(kept)
        self.by_path[entry.path] = PackedFile(
            kind=kind_name(entry.kind),
            mode=entry.mode,
            owner=f"{entry.uid}:{entry.gid}",
            size=entry.size,
            link=entry.link,
            digest=digest.digest() if entry.kind.is_file else b"",
            text=self._text(kept) if keep else None,
        )

    def _text(self, kept: bytearray) -> str | None:
        """Return a content as text, if it is text."""
        if b"\0" in kept:
            return None
        try:
            text = kept.decode("utf-8")
        except UnicodeDecodeError:
            return None
        self._left -= len(kept)
        return text


def _stored(vib: Vib, payload: StoredPayload) -> str:
    """Describe how a payload is stored: type, size and digest of the stored bytes."""
    kind = payload.declared.type if payload.declared else "not declared"
    with vib.source.open() as stream:
        sha256 = _sha256(vib.stored(payload, stream))
    size = payload.member.stored_size if payload.member else 0
    return f"{kind}, {size} bytes stored, sha-256 {sha256[:16]}…"


def _signatures(vib: Vib) -> Iterator[str]:
    """Yield who signed; a signature that cannot be read is said as such."""
    if not vib.is_signed:
        return
    from vibforge.formats.pkcs7 import check_block, parse_blocks  # noqa: PLC0415 - signed VIBs only

    try:
        blocks = parse_blocks(vib.signature)
    except FormatError:
        yield "a signature that cannot be read"
        return
    for block in blocks:
        certificate = check_block(block, vib.descriptor_bytes).certificate
        yield f"{certificate.subject}, {certificate.key}" if certificate else "unknown signer"


def _settings(data: bytes) -> dict[str, Setting]:
    """Return what a trx.conf sets, by `NAMESPACE KEY`."""
    return {
        f"{effect.namespace} {effect.key}": Setting(
            effect.value, "" if effect.default == UNKNOWN else effect.default
        )
        for effect in effects(TrxConf.parse(data))
    }


def _host_fields(host: Host) -> dict[str, Any]:
    known = {
        "release": str(host.release),
        "acceptance-level": host.acceptance_level and host.acceptance_level.esxcli_name,
        "secure-boot": host.secure_boot,
        "maintenance-mode": host.maintenance_mode,
        "reboot-pending": host.reboot_pending,
        "network-booted": host.stateless,
    }
    fields = {name: value for name, value in known.items() if value is not None}
    return fields | {
        f"VIB {package.name}": package.descriptor.version for package in host.installed
    }


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any TOML value
    """Yield the values of nested tables by dotted name."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, part)
    elif value not in ("", [], None):
        yield prefix, value
