"""What a VIB says of other VIBs, and when that is met (format.md#relationships)."""

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
    """A name, and possibly a relation and a version, which go only together."""

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
    """A name that others may depend on, possibly with a version."""

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
    """The five relationships of a descriptor, in the order VMware writes them."""

    depends: tuple[Constraint, ...] = ()
    conflicts: tuple[Constraint, ...] = ()
    replaces: tuple[Constraint, ...] = ()
    provides: tuple[Provide, ...] = ()
    compatible_with: tuple[Constraint, ...] = ()

    @property
    def count(self) -> int:
        """How many VIBs and interfaces are named, each time that one is."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)


INSTALLER = Provide(name="installer:esximage", version="1.0")
"""A provide that every host has."""


def matches(constraint: Constraint, provide: Provide) -> bool:
    """Whether `provide` meets `constraint`.

    A relation is never met by a provide without a version. A version without a release part is
    compared with the part before the `-` alone, so `= 1.0` is met by 1.0-5 and `>> 1.0` is not
    met by 1.0-9.
    """
    if constraint.name != provide.name:
        return False
    if not constraint.relation:
        return True
    if not provide.version:
        return False
    wanted, found = Version(constraint.version), Version(provide.version)
    if wanted.parts[1] is None:
        found = Version(found.parts[0])
    return _holds(constraint.relation, found, wanted)


class Provisions:
    """What a set of VIBs provides, by name: a question takes the same time for any number."""

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
            self._bounds[name, short] = _Bounds.of(self._versions[name], short=short)
        return self._bounds[name, short].meet(constraint.relation, wanted)


class _Bounds(Struct, frozen=True):
    """The versions under one name: the lowest and the highest tell whether any meets a relation."""

    versions: frozenset[Version]
    ends: tuple[Version, ...]

    @classmethod
    def of(cls, texts: Iterable[str], *, short: bool) -> "_Bounds":
        """Take versions, whole or without their release part; an empty text is none."""
        found = frozenset(map(Version, texts)) - {Version("")}
        if short:
            found = frozenset(Version(version.parts[0]) for version in found)
        return cls(found, (min(found), max(found)) if found else ())

    def meet(self, relation: str, wanted: Version) -> bool:
        if relation == Relation.EQUAL:
            return wanted in self.versions
        return any(_holds(relation, end, wanted) for end in self.ends)


class Demands:
    """A set of constraints, indexed: whether a provide meets any of them."""

    def __init__(self, constraints: Iterable[Constraint]) -> None:
        self._names: set[str] = set()
        self._bare: set[str] = set()
        self._wanted: dict[tuple[str, bool, str], set[Version]] = {}
        for one in constraints:
            self._names.add(one.name)
            if not one.relation:
                self._bare.add(one.name)
                continue
            wanted = Version(one.version)
            kind = (one.name, wanted.parts[1] is None, one.relation)
            self._wanted.setdefault(kind, set()).add(wanted)
        self._ends = {kind: (min(found), max(found)) for kind, found in self._wanted.items()}

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

    def _met(self, name: str, short: bool, found: Version) -> bool:  # noqa: FBT001 - see the key
        for relation in Relation:
            kind = (name, short, relation.value)
            if relation is Relation.EQUAL:
                if found in self._wanted.get(kind, ()):
                    return True
            elif any(_holds(relation, found, end) for end in self._ends.get(kind, ())):
                return True
        return False


def _holds(relation: str, found: Version, wanted: Version) -> bool:
    return relation in _COMPARISONS and _COMPARISONS[relation](found, wanted)


_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.GREATER: operator.gt,
}


_VMKAPI = re.compile(r"vmkapi_(incompat_)?(\d{1,9})_(\d{1,9})_0_0")
DRIVER_API = "com.vmware.driverAPI-"
"""How the names of vmklinux driver interfaces begin."""
_ZSTD = "zstd-compression"


_INTERFACES = ("vmkapi_", DRIVER_API, "libvmkuser", "uwglibc")
_OF_ESXI = (*_INTERFACES, "esx-version", "esximage", _ZSTD)


def is_interface(name: str) -> bool:
    """Whether a driver or program does not run without this (names seen on a host of 6.7)."""
    return name.startswith(_INTERFACES)


def is_of_esxi(name: str) -> bool:
    """Whether only ESXi itself provides this, so that no other VIB can be installed for it."""
    return name.startswith(_OF_ESXI)


class Provision(Struct, frozen=True):
    """Whether a constraint is met, as far as is known, and how sure that is."""

    met: bool | None
    certainty: Certainty


_NOT_KNOWN = Provision(None, Certainty.UNKNOWN)


def provision(release: Release, constraint: Constraint) -> Provision:
    """Return whether a plain ESXi of `release` meets `constraint`."""
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
    """Compare with a version that every host of the release is taken to provide."""
    provided = Provide(name=constraint.name, version=version)
    return Provision(matches(constraint, provided), Certainty.INFERRED)


def _zstd(constraint: Constraint, row: ReleaseRow) -> Provision:
    """A release provides `zstd-compression` where it installs payloads of type vzstd."""
    if row.payload_types is None:
        return _NOT_KNOWN
    if "vzstd" in row.payload_types.value:
        return _by_version(constraint, "1.0")
    return Provision(met=False, certainty=Certainty.INFERRED)


def _vmkapi(row: ReleaseRow, wanted: tuple[int, int], *, only: bool) -> Provision:
    """Compare with the vmkapi span of a release; `only` is set for `vmkapi_incompat_…`."""
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
