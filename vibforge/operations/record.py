"""The record of a build: what was made, of what and by what, and what was allowed and why."""

import json

from vibforge import __version__
from vibforge.formats.gzip_member import Member, codec_release
from vibforge.model.recipe_writing import table
from vibforge.operations.plan_build import BuildPlan
from vibforge.trx.check import allowed

RECORD_NAME = "build.json"


def record(plan: BuildPlan, size: int, sha256: str, members: tuple[Member, ...]) -> bytes:
    """Return build.json: the same build gives the same bytes on any machine."""
    facts = {
        "format": "vibforge/record/1",
        "vibforge": __version__,
        "codec": codec_release(),
        "vib": {"name": plan.vib_name, "size": size, "sha256": sha256},
        "payloads": [
            {
                "name": tree.recipe.name,
                "size": member.size,
                "sha256": member.sha256,
                "uncompressed_size": member.content_size,
                "uncompressed_sha256": member.content_sha256,
            }
            for tree, member in zip(plan.trees, members, strict=True)
        ],
        "release_date": str(plan.dated.date),
        "release_date_source": plan.dated.source.value,
        "recipe": table(plan.recipe),
        "allowed": allowed(plan.trx),
    }
    return json.dumps(facts, indent=2).encode("utf-8") + b"\n"
