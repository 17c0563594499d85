"""What a VIB says of other VIBs: constraints and what it provides (vib-format 2.6)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from vibforge.errors import ModelError


class Relation(StrEnum):
    """How a version is compared; `<` and `>` alone are not relations to ESXi."""

    LESS = "<<"
    LESS_OR_EQUAL = "<="
    EQUAL = "="
    GREATER_OR_EQUAL = ">="
    GREATER = ">>"


_CONSTRAINT = re.compile(r"\s*(\S+)(?:\s+(\S+)\s+(\S+))?\s*")
_PROVIDE = re.compile(r"\s*(\S+)(?:\s+=\s+(\S+))?\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraint:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Provide:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Relationships:
    """The five relationships of a descriptor, in the order VMware writes them."""

    depends: tuple[Constraint, ...] = ()
    conflicts: tuple[Constraint, ...] = ()
    replaces: tuple[Constraint, ...] = ()
    provides: tuple[Provide, ...] = ()
    compatible_with: tuple[Constraint, ...] = ()
