"""The table of ESXi releases: one row for each release, one cell for each fact.

A cell holds a value, its certainty and its source. A missing cell means "not known"; no answer is
borrowed from a neighbouring row at run time. If the row of an update repeats the facts of its line,
the table states it (`_update`), and the certainty drops to "inferred". To add a release, add one
row to `_ROWS`.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vibforge.esxi.release import Certainty, Release

Value = TypeVar("Value")
Other = TypeVar("Other")

_MEASURED, _DOCUMENTED, _INFERRED = Certainty.MEASURED, Certainty.DOCUMENTED, Certainty.INFERRED


class DeliveryMethod(StrEnum):
    """A way to install VIBs on a host."""

    VIB = "vib"
    """`esxcli software vib install` and `update`."""
    COMPONENT = "component"
    """`esxcli software component apply`."""
    VLCM = "vlcm"
    """An image of vSphere Lifecycle Manager."""
    IMAGE_BUILDER = "image-builder"
    BASELINE = "baseline"
    """Baselines of Update Manager, later of Lifecycle Manager."""


class Cell(Struct, Generic[Value], frozen=True):
    """One fact about one release."""

    value: Value
    certainty: Certainty
    source: str
    onward: bool = False
    """True if the source covers this release and all later ones."""

    def derive(self, conclude: Callable[[Value], Other]) -> "Cell[Other]":
        """Return a fact that follows from this fact, with the same certainty and source."""
        return Cell(conclude(self.value), self.certainty, self.source, self.onward)


class Interfaces(Struct, frozen=True, kw_only=True):
    """The vmkapi versions that a release provides, as (major, minor)."""

    newest: tuple[int, int]
    is_newest_known: bool = True
    """False: `newest` is known for the release line; the update may provide a newer version."""
    oldest: tuple[int, int] | None = None
    """None: the oldest version is not known."""
    dropped: tuple[int, int] | None = None
    """The newest version that is known to be no longer provided."""


class ReleaseRow(Struct, frozen=True, kw_only=True):
    """The known facts about one release; None is "not known"."""

    release: Release
    tried: bool = False
    """True if install rules were tried on a genuine installer of exactly this release."""
    esx_version: Cell[str] | None = None
    """The start of the provided `esx-version`."""
    vmkapi: Cell[Interfaces] | None = None
    driver_apis: Cell[frozenset[str]] | None = None
    """The vmklinux driver interfaces `com.vmware.driverAPI-…` that it provides."""
    last_sha256_wins: Cell[bool] | None = None
    """True: the last sha-256 is compared with the stored bytes, whatever its verify-process."""
    requires_gunzip_sha256: Cell[bool] | None = None
    """True: a payload without a sha-256 digest of its unpacked form is refused."""
    refuses_no_sig_check: Cell[bool] | None = None
    """True: `--no-sig-check` under Secure Boot ends the command; False: it is ignored."""
    reports_all_problems: Cell[bool] | None = None
    """True: DependencyError lists the problems of all groups at once."""
    live_needs_gunzip: Cell[bool] | None = None
    """True: a live install refuses a payload without any digest of its unpacked form."""
    prints_cause: Cell[bool] | None = None
    """True: errors carry a `cause = …` line."""
    payload_types: Cell[frozenset[str]] | None = None
    """The payload types that it installs; it skips others silently."""
    bank_size: Cell[int] | None = None
    """Bytes of the smallest boot bank."""
    scripts_need_shebang: Cell[bool] | None = None
    """True: execInstalledOnly is on at run time, and refuses scripts without a `#!` line."""
    boot_exec_installed_only: Cell[bool] | None = None
    """The default of the boot option VMkernel.Boot.execInstalledOnly."""
    linuxptp: Cell[tuple[str, ...]] | None = None
    """The linuxptp versions that TRX may have; empty if there is no TRX."""
    platform: Cell[str] | None = None
    """The version string of the release in bundles."""
    deliveries: Cell[frozenset[DeliveryMethod]] | None = None
    """The ways to install VIBs on a host of this release."""
    path_lists: Cell[str] | None = None
    """The release whose lists of allowed paths, for levels partner and community, it shares."""
    stock_target: bool = False
    """True if commands predict for this release by default."""


_TYPES = frozenset(
    {
        *("vgz", "tgz", "boot", "upgrade", "boot_com32_bios", "boot_iso_bios", "boot_pxe_bios"),
        *("boot_loader_efi", "eltorito_image_efi", "text", "installer_vgz"),
    }
)
_DRIVER_APIS = frozenset(f"com.vmware.driverAPI-9.2.{number}.0" for number in range(4))
_MIB = 2**20
_VIB_ONLY = frozenset({DeliveryMethod.VIB, DeliveryMethod.IMAGE_BUILDER, DeliveryMethod.BASELINE})
_ALL_DELIVERIES = frozenset(DeliveryMethod)

_TRIED_67 = "tried on an installer of 6.7.0"
_TRIED_65 = "tried on an installer of 6.5.0"
_HOST_67 = "read from a host image of 6.7.0"
_SAME_AS_65 = "nothing older than 6.5 was tried; 6.5 and its predecessors share a reader"
_KB_318056 = "KB 318056"
_DRIVERS = "vendor drivers built for this release depend on it"
_BUNDLES = "vendor bundles for this release"
_COMPONENTS = "vendor documentation of components and images, from 7.0 on"
_NO_TRX = "TRX came with 7.0 U2"
_PHOTON = "Photon OS packages of the time; the vendor publishes no number for TRX"
_NO_VMKLINUX = "vendor documentation: vmklinux drivers are gone from 7.0 on"
_CAUSE = "public reports of installs, from 7.0.1 on"
_SCG = "vendor's security configuration guide"
_EXEC_DOC = "vendor documentation of execInstalledOnly, from 8.0 on"
_LISTS = "no other list was seen; the mechanism is unchanged in 7.0.1, and community VIBs fit it"
_AFTER_67 = "no later release was tried; reports and vendor VIBs do not contradict 6.7"


def _measured(value: Value, source: str) -> Cell[Value]:
    return Cell(value, _MEASURED, source)


def _documented(value: Value, source: str) -> Cell[Value]:
    return Cell(value, _DOCUMENTED, source)


def _onward(value: Value, source: str) -> Cell[Value]:
    return Cell(value, _DOCUMENTED, source, onward=True)


def _inferred(value: Value, source: str) -> Cell[Value]:
    return Cell(value, _INFERRED, source)


def _old(release: Release) -> ReleaseRow:
    """Return a row for a release before 6.5, of which little is known."""
    return ReleaseRow(
        release=release,
        esx_version=_inferred(f"{release.major}.{release.minor}.0", _DRIVERS),
        last_sha256_wins=_inferred(value=True, source=_SAME_AS_65),
        requires_gunzip_sha256=_documented(value=False, source=f"{_KB_318056} names 8.0 and later"),
        linuxptp=_documented((), _NO_TRX),
        deliveries=_inferred(_VIB_ONLY, "components and images came with 7.0"),
        platform=_documented(f"{release.major}.*", _BUNDLES) if release.major == 5 else None,  # noqa: PLR2004 - the wildcard that vendor bundles of the time use
    )


def _update(row: ReleaseRow, update: int, **known: Any) -> ReleaseRow:  # noqa: ANN401 - any of Row's cells
    """Return the row of an update that repeats its line's facts, now inferred, with its own."""
    note = f"taken from {row.release}, whose line it continues: "
    repeated = {
        name: Cell(cell.value, max(cell.certainty, _INFERRED, key=_doubt), note + cell.source)
        for name in row.__struct_fields__
        if isinstance(cell := getattr(row, name), Cell) and not cell.onward
    }
    own = {
        "release": Release(*row.release.line, update),
        "tried": False,
        "stock_target": False,
    }
    if row.linuxptp and row.linuxptp.value:
        own["linuxptp"] = None
    return replace(row, **{**repeated, **own, **known})


def _doubt(certainty: Certainty) -> int:
    return certainty.doubt


def _photon(*releases: str) -> Cell[tuple[str, ...]]:
    return _inferred(releases, _PHOTON)


_DROPPED = "; public reports: 2.1 and 2.2 are gone from 7.0 on"


def _vmkapi(newest: tuple[int, int]) -> Cell[Interfaces]:
    return _documented(Interfaces(newest=newest, dropped=(2, 2)), _DRIVERS + _DROPPED)


def _vmkapi_at_least(newest: tuple[int, int]) -> Cell[Interfaces]:
    span = Interfaces(newest=newest, is_newest_known=False, dropped=(2, 2))
    return _inferred(span, "the first release of its line" + _DROPPED)


_65 = ReleaseRow(
    release=Release(6, 5),
    tried=True,
    stock_target=True,
    esx_version=_measured("6.5.0", _TRIED_65),
    vmkapi=_inferred(Interfaces(newest=(2, 4), oldest=(2, 2)), _DRIVERS),
    driver_apis=_inferred(_DRIVER_APIS, "6.7 provides these, and 6.5 runs vmklinux drivers too"),
    last_sha256_wins=_measured(value=True, source=_TRIED_65),
    requires_gunzip_sha256=_measured(value=False, source=_TRIED_65),
    refuses_no_sig_check=_measured(value=True, source=_TRIED_65),
    reports_all_problems=_measured(value=True, source=_TRIED_65),
    live_needs_gunzip=_measured(value=False, source=_TRIED_65),
    prints_cause=_measured(value=False, source=_TRIED_65),
    payload_types=_documented(_TYPES, "read from a host image of 6.5.0"),
    bank_size=_measured(250 * _MIB, _TRIED_65),
    path_lists=_measured("6.7", _TRIED_65),
    linuxptp=_documented((), _NO_TRX),
    platform=_inferred("6.5.0", "the form of 6.7.0, which is seen in vendor bundles"),
    deliveries=_documented(_VIB_ONLY, "components and images came with 7.0"),
)
_67 = ReleaseRow(
    release=Release(6, 7),
    tried=True,
    stock_target=True,
    esx_version=_measured("6.7.0", _HOST_67),
    vmkapi=_measured(Interfaces(newest=(2, 5), oldest=(2, 2)), _HOST_67),
    driver_apis=_measured(_DRIVER_APIS, _HOST_67),
    last_sha256_wins=_measured(value=False, source=_TRIED_67),
    requires_gunzip_sha256=_measured(value=False, source=_TRIED_67),
    refuses_no_sig_check=_measured(value=False, source=_TRIED_67),
    reports_all_problems=_measured(value=False, source=_TRIED_67),
    live_needs_gunzip=_documented(value=True, source=_HOST_67),
    prints_cause=_measured(value=False, source=_TRIED_67),
    payload_types=_measured(_TYPES, _TRIED_67),
    bank_size=_measured(250 * _MIB, _HOST_67),
    path_lists=_measured("6.7", _TRIED_67),
    linuxptp=_documented((), _NO_TRX),
    platform=_documented("6.7.0", _BUNDLES),
    deliveries=_documented(_VIB_ONLY, "components and images came with 7.0"),
)
_70 = ReleaseRow(
    release=Release(7, 0),
    stock_target=True,
    esx_version=_documented("7.0.0", _DRIVERS),
    vmkapi=_vmkapi((2, 6)),
    driver_apis=_onward(frozenset(), _NO_VMKLINUX),
    last_sha256_wins=_inferred(value=False, source=_AFTER_67),
    requires_gunzip_sha256=_documented(value=False, source=f"{_KB_318056} names 8.0 and later"),
    refuses_no_sig_check=_inferred(value=False, source=_AFTER_67),
    reports_all_problems=_inferred(value=False, source=_AFTER_67),
    live_needs_gunzip=_inferred(value=True, source=_AFTER_67),
    prints_cause=_inferred(value=False, source=_CAUSE),
    payload_types=_inferred(_TYPES, _AFTER_67),
    bank_size=_inferred(500 * _MIB, "vendor's release notes of 9.0: it was 500 MB before"),
    boot_exec_installed_only=_documented(value=False, source=_SCG),
    path_lists=_inferred("6.7", _LISTS),
    linuxptp=_documented((), "module lists of 7.0 have no trx.v00"),
    platform=_documented("7.0", _BUNDLES),
    deliveries=_onward(_ALL_DELIVERIES, _COMPONENTS),
)
_80 = ReleaseRow(
    release=Release(8, 0),
    stock_target=True,
    esx_version=_documented("8.0.0", _DRIVERS),
    vmkapi=_vmkapi((2, 10)),
    driver_apis=_onward(frozenset(), _NO_VMKLINUX),
    last_sha256_wins=_inferred(value=False, source=_AFTER_67),
    requires_gunzip_sha256=_onward(value=True, source=_KB_318056),
    refuses_no_sig_check=_inferred(value=False, source=_AFTER_67),
    reports_all_problems=_inferred(value=False, source=_AFTER_67),
    live_needs_gunzip=_inferred(value=True, source=_AFTER_67),
    prints_cause=_onward(value=True, source=_CAUSE),
    payload_types=_inferred(_TYPES, _AFTER_67),
    bank_size=_documented(500 * _MIB, "vendor's release notes of 9.0: it was 500 MB before"),
    scripts_need_shebang=_onward(value=True, source=_EXEC_DOC),
    boot_exec_installed_only=_documented(value=False, source=_SCG),
    linuxptp=_photon("3.1", "3.1.1"),
    path_lists=_inferred("6.7", _LISTS),
    platform=_documented("8.0", _BUNDLES),
    deliveries=_onward(_ALL_DELIVERIES, _COMPONENTS),
)
_NO_BASELINES = frozenset(_ALL_DELIVERIES - {DeliveryMethod.BASELINE})
_90 = ReleaseRow(
    release=Release(9, 0),
    stock_target=True,
    esx_version=_documented("9.0.0", _DRIVERS),
    vmkapi=_vmkapi((3, 0)),
    driver_apis=_onward(frozenset(), _NO_VMKLINUX),
    last_sha256_wins=_inferred(value=False, source=_AFTER_67),
    requires_gunzip_sha256=_onward(value=True, source=_KB_318056),
    refuses_no_sig_check=_inferred(value=False, source=_AFTER_67),
    reports_all_problems=_inferred(value=False, source=_AFTER_67),
    live_needs_gunzip=_inferred(value=True, source=_AFTER_67),
    prints_cause=_onward(value=True, source=_CAUSE),
    payload_types=_documented(_TYPES | {"vzstd"}, "vendor VIBs of 9.0 carry vzstd"),
    bank_size=_documented(1024 * _MIB, "vendor's release notes of 9.0"),
    scripts_need_shebang=_onward(value=True, source=_EXEC_DOC),
    boot_exec_installed_only=_documented(value=True, source=_SCG),
    linuxptp=_photon("4.2"),
    path_lists=_inferred("6.7", _LISTS),
    platform=_documented("9.0", _BUNDLES),
    deliveries=_onward(_NO_BASELINES, f"{_COMPONENTS}; KB 379388: 9.0 has no baselines"),
)
_91 = ReleaseRow(
    release=Release(9, 1),
    requires_gunzip_sha256=_onward(value=True, source=f"{_KB_318056} names 8.0 and later"),
    driver_apis=_onward(frozenset(), _NO_VMKLINUX),
    reports_all_problems=_inferred(
        value=False, source="reports from 7.0.1 and 8.0.1 show one group of problems at a time"
    ),
    prints_cause=_onward(value=True, source=_CAUSE),
    bank_size=_documented(1024 * _MIB, "vendor's release notes of 9.0: the smallest from 9.0 on"),
    scripts_need_shebang=_onward(value=True, source=_EXEC_DOC),
    boot_exec_installed_only=_documented(value=True, source=_SCG),
    linuxptp=_photon("4.2"),
    platform=_inferred("9.1", "public report of a component for 9.0 and 9.1"),
    deliveries=_onward(_NO_BASELINES, f"{_COMPONENTS}; KB 379388: 9.0 has no baselines"),
)

_ROWS = (
    *(_old(Release(5, 0)), _old(Release(5, 1)), _old(Release(5, 5)), _old(Release(6, 0))),
    *(_65, _update(_65, 1), _update(_65, 2), _update(_65, 3)),
    *(_67, _update(_67, 1), _update(_67, 2), _update(_67, 3)),
    _70,
    _update(
        _70,
        1,
        esx_version=None,
        vmkapi=_vmkapi_at_least((2, 6)),
        linuxptp=None,
        prints_cause=_onward(value=True, source=_CAUSE),
    ),
    _update(
        *(_70, 2),
        esx_version=None,
        vmkapi=_vmkapi_at_least((2, 6)),
        prints_cause=_onward(value=True, source=_CAUSE),
        linuxptp=_photon("3.1", "3.1.1"),
    ),
    _update(
        *(_70, 3),
        esx_version=_documented("7.0.3", _DRIVERS),
        vmkapi=_vmkapi((2, 9)),
        prints_cause=_onward(value=True, source=_CAUSE),
        linuxptp=_photon("3.1", "3.1.1"),
    ),
    _80,
    _update(
        *(_80, 1),
        esx_version=_documented("8.0.1", _DRIVERS),
        vmkapi=_vmkapi((2, 11)),
        linuxptp=_photon("3.1", "3.1.1"),
    ),
    _update(
        *(_80, 2),
        esx_version=_documented("8.0.2", _DRIVERS),
        vmkapi=_vmkapi((2, 12)),
        linuxptp=_photon("3.1.1", "4.0"),
    ),
    _update(
        *(_80, 3),
        esx_version=_documented("8.0.3", _DRIVERS),
        vmkapi=_vmkapi((2, 13)),
        linuxptp=_photon("4.0", "4.2"),
    ),
    _90,
    _update(
        _90, 1, esx_version=_inferred("9.0.1", "the form of 9.0"), vmkapi=_vmkapi_at_least((3, 0))
    ),
    _update(
        _90, 2, esx_version=_inferred("9.0.2", "the form of 9.0"), vmkapi=_vmkapi_at_least((3, 0))
    ),
    *(_91, _update(_91, 1)),
)
TABLE = {row.release: row for row in _ROWS}
"""The row of each release in the table, oldest first."""

_PLACES = {release: place for place, release in enumerate(TABLE)}

KNOWN_PAYLOAD_TYPES = frozenset().union(
    *(row.payload_types.value for row in _ROWS if row.payload_types)
)
"""The payload types that at least one release installs."""

STOCK_TARGETS = tuple(row.release for row in _ROWS if row.stock_target)
"""The releases that commands predict for by default."""


def row_of(release: Release) -> ReleaseRow:
    """Return the row of a release; a row of empty cells if it is not in the table."""
    return TABLE.get(release) or ReleaseRow(release=release)


def is_known(release: Release) -> bool:
    """Whether the table has the release."""
    return release in TABLE


def standing(release: Release) -> Certainty:
    """Return the certainty of an install rule without a cell in the table, on a release.

    Measured if an installer of exactly this release was tried, inferred for the other releases of
    the table, unknown for all others.
    """
    if row_of(release).tried:
        return _MEASURED
    return _INFERRED if is_known(release) else Certainty.UNKNOWN


Fact = Callable[[ReleaseRow], Cell[bool] | None]
"""Returns a yes/no fact of a row; None if it is not known."""


def has_components(row: ReleaseRow) -> Cell[bool] | None:
    """Whether `esxcli software component` and images of Lifecycle Manager exist."""
    return (
        row.deliveries.derive(lambda ways: DeliveryMethod.COMPONENT in ways)
        if row.deliveries
        else None
    )


def has_path_lists(row: ReleaseRow) -> Cell[bool] | None:
    """Whether the release restricts paths by lists that vibforge has."""
    return row.path_lists.derive(bool) if row.path_lists else None


def has_unseen_path_lists(row: ReleaseRow) -> Cell[bool] | None:
    """Whether the release's own lists of paths are not known, so that those of 6.7 are assumed."""
    lists = row.path_lists
    return lists.derive(lambda _: lists.certainty is not _MEASURED) if lists else None


def ignores_type(payload_type: str) -> Fact:
    """Return the fact whether a release silently skips payloads of a type."""

    def fact(row: ReleaseRow) -> Cell[bool] | None:
        return (
            row.payload_types.derive(lambda t: payload_type not in t) if row.payload_types else None
        )

    return fact


def releases_where(fact: Fact) -> str:
    """Return the releases for which a fact holds, as text: `8.0 and later`, `6.5 to 8.0 U3`.

    The text also names the releases for which the fact is not known.
    """
    answers = {release: fact(row) for release, row in TABLE.items()}
    holds = [release for release, cell in answers.items() if cell and cell.value]
    unknown = [release for release, cell in answers.items() if cell is None]
    text = ", ".join(_spans(holds)) or "none"
    return f"{text}; not known for {', '.join(_spans(unknown))}" if unknown else text


def _spans(releases: list[Release]) -> Iterator[str]:
    """Yield each run of neighbouring releases, as text."""
    run: list[Release] = []
    for release in [*releases, None]:
        if release and (not run or _PLACES[release] == _PLACES[run[-1]] + 1):
            run.append(release)
            continue
        if run:
            yield _span(run)
        run = [release] if release else []


def _span(run: list[Release]) -> str:
    if _PLACES[run[-1]] == len(TABLE) - 1 and len(run) > 1:
        return f"{run[0]} and later"
    return str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}"
