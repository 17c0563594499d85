"""Sign a set of VIBs and offline bundles with one key: each file whole, or as it was."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle.opening import (
    BundleContent,
    CarriedVib,
    Written,
    carried_anew,
    content_of,
    opened_bundles,
    write_unpublished,
)
from vibforge.errors import DepotError, ModelError, Problem, SigningError, VibforgeError, is_folder
from vibforge.files.folder_handle import behind_links
from vibforge.files.inputs import FileSource, Several
from vibforge.files.publication import Publication, explained, temporary_folder
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.packages.sign import (
    Existing,
    Signable,
    Signatures,
    Signed,
    kept_signatures,
    make_signatures,
    sign_vib,
    signable,
    write_signed,
)
from vibforge.signing.expiry import Expiry
from vibforge.signing.signer import Signer
from vibforge.vib.archive import Vib


class SignedFile(Struct, frozen=True, kw_only=True):
    """A VIB or a bundle that was signed.

    Attributes:
        path: the file that was written.
        vibs: the VIB, or all VIBs of the bundle.
        bundle: the bundle that was put together anew; None for a VIB.
    """

    path: Path
    vibs: tuple[Signed, ...]
    bundle: Written | None = None


class SignedFiles(Several[SignedFile], frozen=True):
    """What was signed, file by file.

    Attributes:
        found: each file that was signed, with its `SignedFile`, in order.
        unreadable: the files that were not signed, each with its `problems`; they are as they were.
        expiring: the certificates of the signer that have expired, or will within 30 days.
    """

    expiring: tuple[Expiry, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every file was signed."""
        return not self.unreadable

    @property
    def vibs(self) -> tuple[Signed, ...]:
        """Every VIB that was signed, those in bundles included."""
        return tuple(vib for _path, file in self.found for vib in file.vibs)

    def require(self) -> Self:
        """Return this result if every file was signed.

        Raises:
            SigningError: files were not signed; with the problems of all.
        """
        if problems := [problem for file in self.unreadable for problem in file.problems]:
            raise SigningError.from_problems(problems)
        return self


class SigningOptions(Struct, frozen=True, kw_only=True):
    """How files are signed: with what key, at what time, and what happens to signatures there."""

    signer: Signer
    signing_time: datetime | None = None
    existing: Existing = Existing.REFUSE


def outputs_of(paths: Sequence[Path], output: Path | None) -> dict[Path, Path]:
    """Return where each file is written to.

    Args:
        paths: the files.
        output: the folder for several files, or the file for one; None to replace each file.

    Raises:
        ModelError: a file is named twice, or two files would get the same name in the folder.
    """
    _refuse_repeated(paths, os.path.realpath, "this file is named twice")
    if output is None:
        return {path: path for path in paths}
    if len(paths) == 1 and not is_folder(output):
        return {paths[0]: output}
    _refuse_repeated(
        paths,
        lambda path: path.name.casefold(),  # one file where case does not count
        f"another file would get the same name in {output}",
    )
    return {path: output / path.name for path in paths}


def _refuse_repeated(paths: Sequence[Path], name_of: Callable[[Path], str], what: str) -> None:
    names = [name_of(path) for path in paths]
    counts = Counter(names)
    problems = [
        Problem(what=what, where=str(path), remedy="sign them one after the other")
        for path, name in zip(paths, names, strict=True)
        if counts[name] > 1
    ]
    if problems:
        raise ModelError.from_problems(problems)


def is_bundle(path: Path) -> bool:
    """Whether a file is a zip by its first bytes.

    Raises:
        FormatError: it cannot be read.
    """
    with FileSource.from_path(path).open() as stream:
        return file_kind(stream.read(HEAD_SIZE)) is FileKind.ZIP


def sign_file(path: Path, output: Path, options: SigningOptions) -> SignedFile:
    """Sign a VIB, or all VIBs of a bundle, which is put together anew.

    Raises:
        FormatError: it is neither, or it is damaged.
        DepotError: the bundle contradicts itself, or is one of several in its file.
        SigningError: the key or certificate cannot sign a VIB, or a VIB is signed already.
        OutputError: the result cannot be written; the file is as it was.
    """
    if is_bundle(path):
        return _sign_bundle(path, output, options)
    signed = sign_vib(
        path,
        options.signer,
        output=output,
        signing_time=options.signing_time,
        existing=options.existing,
    )
    return SignedFile(path=output, vibs=(signed,))


def _sign_bundle(path: Path, output: Path, options: SigningOptions) -> SignedFile:
    with explained(output):
        target = behind_links(output)
    with Publication(target.parent) as publication:
        with _only_bundle(path) as old, temporary_folder() as folder:
            made = _signatures(old.vibs, options)
            vibs = [
                _with_signatures(vib, one, folder / f"{number}.vib")
                for number, (vib, one) in enumerate(zip(old.vibs, made, strict=True))
            ]
            content = replace(old, vibs=tuple(vibs))
            written = write_unpublished(publication, content, target, like_replaced=True)
        publication.publish()  # last, so that what fails before it leaves the old bundle
    return SignedFile(
        path=output,
        vibs=tuple(
            one.signed(Path(f"{output}:{vib.path}")) for vib, one in zip(vibs, made, strict=True)
        ),
        bundle=replace(written, path=output),
    )


@contextmanager
def _only_bundle(path: Path) -> Iterator[BundleContent]:
    """Open a file that is one bundle; a zip around it would be lost.

    Raises:
        FormatError: it cannot be read.
        DepotError: it contradicts itself, or is a zip with bundles in it.
    """
    with opened_bundles(path) as bundles:
        if len(bundles) != 1 or not isinstance(bundles[0].container, FileSource):
            raise DepotError(
                "the zip has no index.xml: it is not a bundle, or a zip with bundles in it",
                where=str(path),
                remedy="if it has bundles in it, unpack it and sign each bundle",
            )
        yield content_of(bundles[0], str(path))


def _signatures(vibs: Sequence[CarriedVib], options: SigningOptions) -> tuple[Signatures, ...]:
    """Sign every VIB of a bundle, once it is certain that each can be signed."""
    subjects: list[tuple[Signable, bytes]] = []
    problems: list[Problem] = []
    for vib in vibs:
        try:
            subject = signable(Vib.from_source(vib.source.renewed()))
            subjects.append((subject, kept_signatures(subject, options.existing)))
        except VibforgeError as error:
            problems += error.problems
    if problems:
        raise SigningError.from_problems(problems)
    return tuple(
        make_signatures(subject, options.signer, kept, signing_time=options.signing_time)
        for subject, kept in subjects
    )


def _with_signatures(old: CarriedVib, made: Signatures, scratch: Path) -> CarriedVib:
    """Write a signed VIB to a scratch file, and return it with metadata that fits."""
    with explained(scratch), scratch.open("w+b") as file:
        write_signed(file, made.vib.afresh(), made.signatures)
    return carried_anew(old, FileSource.from_path(scratch))
