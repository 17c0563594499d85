"""What documents are made of: their base, their schema's words, common shapes."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct, structs, to_builtins

from vibforge.esxi.release import Certainty
from vibforge.formats.gnu_tar import KindName, kind_name
from vibforge.report import units
from vibforge.report.plain import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.errors import Problem
    from vibforge.files import inputs
    from vibforge.formats import gnu_tar
    from vibforge.host import prediction


def says(text: str) -> Meta:
    """Describe a key, for its schema and for the page of the reference."""
    return Meta(description=text)


noted = says
"""For a shape with a field `says`, which Python 3.14 takes when it evaluates annotations late."""


class Shape(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An object in a document. Each key says what it holds; a schema knows no other keys.

    Keys are in the order of the fields, but for those that `first` names.
    """

    first: ClassVar[tuple[str, ...]] = ()


class Document(Shape, tag_field="format", frozen=True):
    """What a command prints with `--json`; the tag is its name and version."""

    title: ClassVar[str] = ""
    """Of its schema, where it is not the command whose words are the name."""


def json_text(document: Shape | Mapping[str, Any]) -> str:
    """Return a document as it is printed: indented, in ASCII, whatever the texts in it are."""
    return json.dumps(document, indent=2, default=_plain)


def _plain(part: object) -> dict[str, Any]:
    """Return a document with its shapes, or one of these shapes as plain values."""
    if isinstance(part, Document):
        config = part.__struct_config__
        keys = zip(part.__struct_encode_fields__, structs.astuple(part), strict=True)
        return {str(config.tag_field): config.tag, **dict(keys)}
    if isinstance(part, Shape):
        facts = to_builtins(part)
        return {**{name: facts[name] for name in part.first}, **facts}
    raise TypeError(f"{type(part).__name__} has no place in JSON")


Sure = Annotated[Certainty, says("How sure it is.")]
Count = Annotated[int, Meta(ge=0)]
Size = Annotated[Count, says("Bytes.")]
LineNumber = Annotated[int, Meta(ge=1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$"), says("SHA-256 in lower-case hex.")]
Sha1 = Annotated[str, Meta(pattern="^[0-9a-f]{40}$"), says("SHA-1 in lower-case hex.")]
Hex = Annotated[str, Meta(pattern="^[0-9a-f]+$"), says("Bytes or a number in lower-case hex.")]
Mode = Annotated[
    str, Meta(pattern="^[0-7]{4,}$"), says("Permission bits in octal, four digits or more.")
]
Time = Annotated[
    str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"), says("ISO 8601 in UTC.")
]
EsxiRelease = Annotated[str, Meta(pattern=r"^\d+\.\d+( U\d+)?"), says("A release of ESXi.")]
Path = Annotated[str, says("The file as it was given.")]
Good = Annotated[bool, says("Whether the exit code is 0 rather than 1.")]
AllGood = Annotated[
    bool, says("Whether every file could be read and the verdict is good: exit code 0.")
]


class Fault(Shape, frozen=True):
    """What a host would refuse, or what could not be read or done."""

    what: Annotated[str, says("What is wrong.")]
    where: Annotated[str | None, says("Where.")]
    remedy: Annotated[str | None, says("What to do.")]

    @classmethod
    def all_of(cls, problems: "Iterable[Problem]") -> tuple[Self, ...]:
        """Return problems as programs read them."""
        return tuple(
            cls(what=each.what, where=each.where or None, remedy=each.remedy or None)
            for each in problems
        )


class Unreadable(Shape, frozen=True):
    """A file that could not be looked at, while others were."""

    path: Path
    faults: Annotated[tuple[Fault, ...], says("Why; the same problems stand on standard error.")]

    @classmethod
    def all_of(cls, files: "Iterable[inputs.Unreadable]") -> tuple[Self, ...]:
        """Return the files that a command could not read, each with the reasons."""
        return tuple(cls(path=str(each.path), faults=Fault.all_of(each.problems)) for each in files)


NotRead = Annotated[
    tuple[Unreadable, ...],
    says("The files that could not be looked at. If there are any, the exit code is 2."),
]


class Entry(Shape, frozen=True):
    """An entry of a payload."""

    path: Annotated[str, says("Path without a slash in front.")]
    kind: Annotated[KindName, says("What it is.")]
    mode: Mode
    owner: Annotated[Count, says("Number of the owner.")]
    group: Annotated[Count, says("Number of the group.")]
    size: Size
    link: Annotated[str | None, says("Where a link leads.")]
    mtime: Annotated[Time | None, says("When it was changed; null where no calendar has the time.")]

    @classmethod
    def of(cls, entry: "gnu_tar.ArchiveEntry", **more: Any) -> Self:  # noqa: ANN401 - keys of a child
        """Return an entry as programs read it, with what a child of this shape has more."""
        return cls(
            path=entry.path,
            kind=kind_name(entry.kind),
            mode=units.mode(entry.mode),
            owner=entry.uid,
            group=entry.gid,
            size=entry.size,
            link=entry.link or None,
            mtime=moment(entry.mtime),
            **more,
        )


class Cause(Shape, frozen=True):
    """Why a host or a reader does what it does."""

    what: Annotated[str, says("What is the matter.")]
    subject: Annotated[str | None, says("The path, VIB ID or payload that it is about.")]
    certainty: Sure
    rule: Annotated[str | None, says("The rule of lint that says more.")]

    @classmethod
    def of(cls, cause: "prediction.Cause") -> Self:
        """Return a cause as programs read it."""
        return cls(
            what=cause.what,
            subject=cause.subject or None,
            certainty=cause.certainty,
            rule=cause.rule or None,
        )
