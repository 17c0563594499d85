"""What an install of a VIB takes on a host without Secure Boot (trx and vib-format 7 and 8).

Tried on 6.7: `--force` skips the list of allowed paths, the signature and the comparison of
levels; releases from 7.0.1 are reported to stop at the level all the same, so the host's level is
always part of what is needed.
"""

from dataclasses import dataclass

from vibforge.host.allowed_paths import paths_outside
from vibforge.model.acceptance import AcceptanceLevel

_NAMED_PATHS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallNeeds:
    """The flags that `esxcli software vib install` needs, and one sentence for each reason."""

    host_level: AcceptanceLevel
    """The highest level that the host may have."""
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    secure_boot: bool
    """Whether the VIB can be installed under Secure Boot, as far as is known here."""


def install_needs(
    level: AcceptanceLevel, files: tuple[str, ...], *, signed: bool, overlay: bool
) -> InstallNeeds:
    """Tell what the install of a VIB with these files at this level takes."""
    reasons = []
    if outside := paths_outside(level, files):
        named = ", ".join(f"/{path}" for path in outside[:_NAMED_PATHS])
        more = len(outside) - _NAMED_PATHS
        named += f" and {more} more" if more > 0 else ""
        reasons.append(
            f"{named}: not on the list of paths that ESXi allows at {level.esxcli_name}; without "
            "-f it stops with 'violates extensibility rule checks'."
        )
    if overlay and level is AcceptanceLevel.COMMUNITY:
        reasons.append("The VIB is an overlay, which ESXi does not allow at CommunitySupported.")
    if level.needs_signature and not signed:
        reasons.append(
            f"The VIB claims {level.esxcli_name} and has no signature; without -f ESXi stops with "
            "'does not contain a signature'."
        )
    return InstallNeeds(
        host_level=level,
        flags=("-f",) if reasons else (),
        reasons=tuple(reasons),
        secure_boot=signed and level.needs_signature and not reasons,
    )
