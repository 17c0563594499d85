"""Notice that a build has the ID of the VIB that its project was taken from, and other content."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vibforge.errors import Problem
from vibforge.vib.identity import Version, proposed_version

if TYPE_CHECKING:
    from vibforge.formats.deflating import GzipMember
    from vibforge.project.build import Built
    from vibforge.vib.descriptor import Payload


def warnings(built: "Built") -> Iterator[Problem]:
    """Yield a warning if a VIB has the ID of another one, perhaps of somebody else, by its project.

    The recipe of an extracted VIB names it under `origin`. A stage directory can hold the
    descriptor of a VIB that was built, with the digests of its payloads.
    """
    plan = built.plan
    origin = plan.recipe.origin
    if origin is not None and origin.vib_id == plan.vib_id:
        if origin.sha256 != built.sha256:
            yield _warning(built, "the VIB that the project was extracted from")
    elif any(map(_differs, _declared(built), built.members)):
        yield _warning(built, "the VIB that the stage's descriptor.xml is from")


def _declared(built: "Built") -> list["Payload | None"]:
    """Return what the descriptor of a stage says of each payload, if it is about this version."""
    staged = built.plan.project.staged
    known = {payload.name: payload for payload in staged.payloads} if staged else {}
    is_same = staged is not None and staged.vib_id == built.plan.vib_id
    return [known.get(tree.recipe.name) if is_same else None for tree in built.plan.trees]


def _differs(declared: "Payload | None", member: "GzipMember") -> bool:
    """Whether a declaration has digests, and none of them is of this payload."""
    if declared is None or not declared.checksums:
        return False
    own = {member.sha256, member.content_sha256, member.content_sha1}
    return own.isdisjoint(checksum.digest.lower() for checksum in declared.checksums)


def _warning(built: "Built", other: str) -> Problem:
    plan = built.plan
    following = proposed_version(Version(plan.recipe.version))
    proposal = f": --version {following}" if following else ""
    return Problem(
        what=f"this VIB has the ID of {other}, and other bytes: a host that has {plan.vib_id} "
        "keeps the files it has",
        where=plan.vib_id,
        remedy=f"give it a version, vendor or name of your own{proposal}",
    )
