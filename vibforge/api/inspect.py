"""Look into VIBs and bundles, and take files out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibforge.api.arguments import path_of, paths_of, typed_errors, words_of
from vibforge.errors import ModelError
from vibforge.files import inputs
from vibforge.packages import extract as packages_extract
from vibforge.packages import inspect as packages_inspect
from vibforge.packages import subjects as packages_subjects
from vibforge.project import stage as project_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vibforge.packages.extract import Extracted
    from vibforge.packages.inspect import Inspected, Inspection


@typed_errors
def inspect(files: str | Path | Iterable[str | Path], *, whole: bool = True) -> Inspected:
    """Look into VIBs, bundles, loose payloads and stage folders.

    Args:
        files: what to look into; a file that cannot be read is listed in `unreadable` of the
            result.
        whole: list every file of the payloads; otherwise of a large payload only the start is
            read, which takes the same time at any size.

    Raises:
        ModelError: no file is named.

    Examples:
        >>> from vibforge import Inspected, VibInspection, inspect
        >>> result: Inspected = inspect("acme.vib")
        >>> inspection = result.inspections[0]
        >>> assert isinstance(inspection, VibInspection)
        >>> inspection.vib.descriptor.vib_id
        'custom_bootbank_acme_1.0.0-1'
        >>> [each.entry.path for each in inspection.payloads[0].entries]
        ['etc', 'etc/vmware', 'etc/vmware/trx.conf']

        A bundle and a stage directory of VIB Author have inspections of their own:

        >>> from vibforge import BundleInspection, StageInspection
        >>> for each in inspect("fleet.zip").inspections:
        ...     if isinstance(each, BundleInspection):
        ...         print(len(each.vibs), "VIB")
        ...     elif isinstance(each, StageInspection):
        ...         print(each.folder.path)
        1 VIB
    """
    looked = inputs.each_file(paths_of(files), lambda path: _look(path, whole=whole))
    return packages_inspect.Inspected(looked.found, looked.unreadable)


def _look(path: Path, *, whole: bool) -> tuple[Inspection, ...]:
    with packages_subjects.opened(path) as subjects:
        return tuple(packages_inspect.inspect(subject, whole=whole) for subject in subjects)


@typed_errors
def cat(file: str | Path, path: str, write: Callable[[memoryview], object]) -> None:
    r"""Write one file of a VIB, bundle or payload, piece by piece; `vibforge inspect --cat`.

    Args:
        file: the VIB, bundle or loose payload.
        path: the file in it: `etc/vmware/trx.conf`.
        write: called with each piece.

    Raises:
        FormatError: it cannot be read, or has no such file.

    Examples:
        >>> from vibforge import cat
        >>> content = bytearray()
        >>> cat("acme.vib", "etc/vmware/trx.conf", content.extend)
        >>> content.decode()
        'ptp4l:delay_mechanism P2P\n'
    """
    with packages_subjects.opened(path_of(file)) as subjects:
        packages_inspect.print_file(subjects, path, write)


@typed_errors
def extract(  # noqa: PLR0913 - each one is a thing that a caller decides
    file: str | Path,
    into: str | Path,
    *,
    paths: str | Iterable[str] = (),
    payloads_only: bool = False,
    stage: bool = False,
    force: bool = False,
    owners: bool = False,
    devices: bool = False,
    outside_links: bool = False,
) -> Extracted:
    """Take files out of a VIB or bundle, into a folder and nowhere else.

    Args:
        file: the VIB, bundle or loose payload.
        into: the folder; it is created if it is missing.
        paths: files or folders in it; all if none is named.
        payloads_only: take out the members as they are stored.
        stage: write a project that `build` makes the VIB of.
        force: replace files that are there.
        owners: keep owners and set-id bits; needs root.
        devices: create devices and pipes.
        outside_links: create links that lead out of the folder.

    Raises:
        ModelError: `paths`, `payloads_only` and `stage` exclude each other.
        FormatError: it is damaged, or holds paths or links that lead out of the folder.
        OutputError: something is there already, or cannot be written.

    Examples:
        >>> from vibforge import Extracted, extract
        >>> result: Extracted = extract("acme.vib", "out", paths="etc/vmware")
        >>> result.paths
        ['etc/vmware', 'etc/vmware/trx.conf']
        >>> extract("acme.vib", "project", stage=True).folder.name
        'project'
    """
    wanted = tuple(path.strip("/") for path in words_of(paths))
    if sum((payloads_only, stage, bool(wanted))) > 1:
        raise ModelError("--payloads-only, --stage and PATH exclude each other")
    folder = path_of(into)
    with packages_subjects.opened(path_of(file)) as subjects:
        if stage:
            return project_stage.extract_stage(
                subjects[0], folder, force=force, outside_links=outside_links
            )
        if payloads_only:
            return packages_extract.extract_members(subjects, folder, force=force)
        wishes = packages_extract.ExtractOptions(
            paths=wanted,
            owners=owners,
            devices=devices,
            outside_links=outside_links,
            force=force,
        )
        return packages_extract.extract(subjects, folder, wishes)
