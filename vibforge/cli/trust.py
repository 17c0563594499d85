"""Whom to trust, as commands are told: the option and what it means."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import moment_of

if TYPE_CHECKING:
    from vibforge.trust.policy import TrustPolicy

Trust = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR|FILE",
        help="Whom to trust: a host's folder of certificates, or PEM files; may be repeated.",
    ),
]


class Level(StrEnum):
    """Levels that need a signature."""

    PARTNER = "partner"
    ACCEPTED = "accepted"
    CERTIFIED = "certified"


Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Fail what strict X.509 rules object to, weak payload digests, and unsigned VIBs.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Check dates at this moment, `now` or ISO 8601, not at the signing time.",
    ),
]
RequireSigned = Annotated[
    bool, typer.Option("--require-signed", help="Fail VIBs without a valid signature.")
]
RequireLevel = Annotated[
    Level | None,
    typer.Option(
        help="Fail VIBs below this acceptance level, and VIBs whose level no signer of --trust "
        "carries.",
    ),
]


def policy_of(
    trust: list[Path] | None,
    at: str | None = None,
    *,
    strict: bool = False,
    require_signed: bool = False,
    require_level: Level | None = None,
) -> "TrustPolicy":
    """Return the policy that the options of a command ask for."""
    from vibforge.model.acceptance import AcceptanceLevel  # noqa: PLC0415 - `--version` is quick
    from vibforge.trust.policy import TrustPolicy  # noqa: PLC0415 - the same

    moment = datetime.now(UTC) if at == "now" else moment_of(at, "--at")
    level = AcceptanceLevel(require_level) if require_level else None
    policy = TrustPolicy(
        at=moment, strict=strict, require_signed=require_signed, require_level=level
    )
    if not trust:
        return policy
    from vibforge.trust.store import read_store  # noqa: PLC0415 - needs OpenSSL

    return replace(policy, store=read_store(trust))
