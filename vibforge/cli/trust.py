"""Whom to trust, as commands are told: the option and what it means."""

from datetime import UTC, datetime
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


def policy_of(
    trust: list[Path] | None, at: str | None = None, *, strict: bool = False
) -> "TrustPolicy":
    """Return the policy that the options of a command ask for."""
    from vibforge.trust.policy import TrustPolicy  # noqa: PLC0415 - `--version` is quick

    moment = datetime.now(UTC) if at == "now" else moment_of(at, "--at")
    if not trust:
        return TrustPolicy(at=moment, strict=strict)
    from vibforge.trust.store import read_store  # noqa: PLC0415 - needs OpenSSL

    return TrustPolicy(store=read_store(trust), at=moment, strict=strict)
