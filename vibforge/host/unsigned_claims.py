"""What it means that a VIB claims a level which only a signature gives."""

from vibforge.model.acceptance import AcceptanceLevel


def unsigned_claim(level: AcceptanceLevel) -> str:
    """Tell how hosts and auditors see an unsigned VIB that claims a level above community.

    Secure Boot and `-f` as tried on 6.7 (vib-format 8).
    """
    name = level.esxcli_name
    return (
        f"it claims {name} and is not signed: a host takes it only with -f or --no-sig-check, a "
        f"host with Secure Boot never, and auditors look for just this, since malware has posed "
        f"as {name} in the same way"
    )
