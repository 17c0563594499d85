"""A VIB's relationships to other VIBs, and when they are met (format.md#relationships)."""

import operator
import re
from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.esxi.paths import INBOX_RELEASE, is_inbox
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import ReleaseRow, is_known, row_of
from vibforge.vib.identity import Version


class Relation(StrEnum):
    """How a version is compared; `<` and `>` alone are not relations to ESXi."""

    LESS = "<<"
    LESS_OR_EQUAL = "<="
    EQUAL = "="
    GREATER_OR_EQUAL = ">="
    GREATER = ">>"


_CONSTRAINT = re.compile(r"\s*(\S+)(?:\s+(\S+)\s+(\S+))?\s*")
_PROVIDE = re.compile(r"\s*(\S+)(?:\s+=\s+(\S+))?\s*")


class Constraint(Struct, frozen=True, kw_only=True):
    """A name, optionally with both a relation and a version."""

    name: str
    relation: str = ""
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read `name` or `name >= version`.

        Raises:
            ModelError: the text has another form.
        """
        match = _CONSTRAINT.fullmatch(text)
        if not match or (match[2] and match[2] not in set(Relation)):
            raise ModelError(
                f"{text!r} is not a constraint",
                remedy="write NAME, or NAME RELATION VERSION with one of << <= = >= >>",
            )
        return cls(name=match[1], relation=match[2] or "", version=match[3] or "")

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.relation, self.version) if part)


class Provide(Struct, frozen=True, kw_only=True):
    """A name that other VIBs may depend on, optionally with a version."""

    name: str
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> "Provide":
        """Read `name` or `name = version`.

        Raises:
            ModelError: the text has another form.
        """
        match = _PROVIDE.fullmatch(text)
        if not match:
            raise ModelError(f"{text!r} is not a provide", remedy="write NAME or NAME = VERSION")
        return cls(name=match[1], version=match[2] or "")

    def __str__(self) -> str:
        return f"{self.name} = {self.version}" if self.version else self.name


class Relationships(Struct, frozen=True, kw_only=True):
    """The five relationships of a descriptor, in VMware's order."""

    depends: tuple[Constraint, ...] = ()
    conflicts: tuple[Constraint, ...] = ()
    replaces: tuple[Constraint, ...] = ()
    provides: tuple[Provide, ...] = ()
    compatible_with: tuple[Constraint, ...] = ()

    @property
    def count(self) -> int:
        """The number of constraints and provides."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)


INSTALLER = Provide(name="installer:esximage", version="1.0")
"""A provide that every host has."""


def matches(constraint: Constraint, provide: Provide) -> bool:
    """Whether `provide` meets `constraint`.

    A provide without a version meets no relation. A constraint without a `-` in its version is
    compared only with the provide's part before the `-`: 1.0-5 meets `= 1.0`, and 1.0-9 does not
    meet `>> 1.0`.
    """
    if constraint.name != provide.name:
        return False
    if not constraint.relation:
        return True
    if not provide.version:
        return False
    wanted, provided = Version(constraint.version), Version(provide.version)
    if wanted.parts[1] is None:
        provided = Version(provided.parts[0])
    return _holds(constraint.relation, provided, wanted)


class Provisions:
    """The provides of a set of VIBs, indexed by name, so that a look-up takes constant time."""

    def __init__(self, provides: Iterable[Provide]) -> None:
        self._versions: dict[str, set[str]] = {}
        for provide in provides:
            self._versions.setdefault(provide.name, set()).add(provide.version)
        self._bounds: dict[tuple[str, bool], _Bounds] = {}

    def meet(self, constraint: Constraint) -> bool:
        """Whether anything in the set meets `constraint`."""
        name = constraint.name
        if name not in self._versions:
            return False
        if not constraint.relation:
            return True
        wanted = Version(constraint.version)
        short = wanted.parts[1] is None
        if (name, short) not in self._bounds:
            self._bounds[name, short] = _Bounds.from_texts(self._versions[name], short=short)
        return self._bounds[name, short].meet(constraint.relation, wanted)


class _Bounds(Struct, frozen=True):
    """The versions of one name; the lowest and the highest decide whether any meets a relation."""

    versions: frozenset[Version]
    ends: tuple[Version, ...]

    @classmethod
    def from_texts(cls, texts: Iterable[str], *, short: bool) -> "_Bounds":
        """Return the bounds of versions, if `short` only of the part before the `-`.

        Empty texts are ignored.
        """
        versions = frozenset(map(Version, texts)) - {Version("")}
        if short:
            versions = frozenset(Version(version.parts[0]) for version in versions)
        return cls(versions, (min(versions), max(versions)) if versions else ())

    def meet(self, relation: str, wanted: Version) -> bool:
        if relation == Relation.EQUAL:
            return wanted in self.versions
        return any(_holds(relation, end, wanted) for end in self.ends)


class Demands:
    """A set of constraints, indexed to find out quickly whether a provide meets any of them."""

    def __init__(self, constraints: Iterable[Constraint]) -> None:
        self._names: set[str] = set()
        self._bare: set[str] = set()
        self._wanted: dict[tuple[str, bool, str], set[Version]] = {}
        for constraint in constraints:
            self._names.add(constraint.name)
            if not constraint.relation:
                self._bare.add(constraint.name)
                continue
            wanted = Version(constraint.version)
            kind = (constraint.name, wanted.parts[1] is None, constraint.relation)
            self._wanted.setdefault(kind, set()).add(wanted)
        self._ends = {kind: (min(each), max(each)) for kind, each in self._wanted.items()}

    def met_by(self, provide: Provide) -> bool:
        """Whether `provide` meets any of the constraints."""
        if provide.name in self._bare:
            return True
        if provide.name not in self._names or not provide.version:
            return False
        whole = Version(provide.version)
        return any(
            self._met(provide.name, short, Version(whole.parts[0]) if short else whole)
            for short in (False, True)
        )

    def _met(self, name: str, short: bool, provided: Version) -> bool:  # noqa: FBT001 - see the key
        for relation in Relation:
            kind = (name, short, relation.value)
            if relation is Relation.EQUAL:
                if provided in self._wanted.get(kind, ()):
                    return True
            elif any(_holds(relation, provided, end) for end in self._ends.get(kind, ())):
                return True
        return False


def _holds(relation: str, provided: Version, wanted: Version) -> bool:
    return relation in _COMPARISONS and _COMPARISONS[relation](provided, wanted)


_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.GREATER: operator.gt,
}


_VMKAPI = re.compile(r"vmkapi_(incompat_)?(\d{1,9})_(\d{1,9})_0_0")
DRIVER_API = "com.vmware.driverAPI-"
"""The start of the names of vmklinux driver interfaces."""
_ZSTD = "zstd-compression"


_INTERFACES = ("vmkapi_", DRIVER_API, "libvmkuser", "uwglibc")
_OF_ESXI = (*_INTERFACES, "esx-version", "esximage", _ZSTD)


def is_interface(name: str) -> bool:
    """Whether drivers or programs need this name to run (names seen on a 6.7 host)."""
    return name.startswith(_INTERFACES)


def is_of_esxi(name: str) -> bool:
    """Whether only ESXi itself provides this name, so that installing another VIB cannot help."""
    return name.startswith(_OF_ESXI)


class Provision(Struct, frozen=True):
    """Whether a constraint is met (None if unknown), and how certain the answer is."""

    met: bool | None
    certainty: Certainty


_NOT_KNOWN = Provision(None, Certainty.UNKNOWN)


def provision(release: Release, constraint: Constraint) -> Provision:
    """Return whether an ESXi host of `release` without added VIBs meets `constraint`."""
    name, row = constraint.name, row_of(release)
    if name == INSTALLER.name:
        return Provision(matches(constraint, INSTALLER), Certainty.INFERRED)
    if name == "esximage":
        return _by_version(constraint, "1.0") if is_known(release) else _NOT_KNOWN
    if name == "esx-version":
        return (
            _by_version(constraint, f"{row.esx_version.value}-0") if row.esx_version else _NOT_KNOWN
        )
    if name == _ZSTD:
        return _zstd(constraint, row)
    if name.startswith(DRIVER_API):
        apis = row.driver_apis
        return Provision(name in apis.value, apis.certainty) if apis else _NOT_KNOWN
    if (api := _VMKAPI.fullmatch(name)) is not None:
        return _vmkapi(row, (int(api[2]), int(api[3])), only=bool(api[1]))
    if release == INBOX_RELEASE and is_inbox(name) and not constraint.relation:
        return Provision(met=True, certainty=Certainty.MEASURED)
    return _NOT_KNOWN


def _by_version(constraint: Constraint, version: str) -> Provision:
    """Compare with a version that every host of the release presumably provides."""
    provided = Provide(name=constraint.name, version=version)
    return Provision(matches(constraint, provided), Certainty.INFERRED)


def _zstd(constraint: Constraint, row: ReleaseRow) -> Provision:
    """Return the answer for `zstd-compression`: a release provides it if it installs vzstd."""
    if row.payload_types is None:
        return _NOT_KNOWN
    if "vzstd" in row.payload_types.value:
        return _by_version(constraint, "1.0")
    return Provision(met=False, certainty=Certainty.INFERRED)


def _vmkapi(row: ReleaseRow, wanted: tuple[int, int], *, only: bool) -> Provision:
    """Compare with the vmkapi span of a release; `only` is True for `vmkapi_incompat_…`."""
    if row.vmkapi is None:
        return _NOT_KNOWN
    span, certainty = row.vmkapi.value, row.vmkapi.certainty
    if wanted == span.newest and (span.is_newest_known or not only):
        return Provision(met=True, certainty=certainty)
    if span.oldest is not None:
        return Provision(not only and span.oldest <= wanted <= span.newest, certainty)
    if wanted > span.newest or (only and wanted == span.newest):
        known = False if span.is_newest_known else None
        return Provision(known, Certainty.INFERRED if span.is_newest_known else Certainty.UNKNOWN)
    if only:
        return Provision(met=False, certainty=Certainty.INFERRED)
    if span.dropped is not None and wanted <= span.dropped:
        return Provision(met=False, certainty=Certainty.DOCUMENTED)
    return _NOT_KNOWN
