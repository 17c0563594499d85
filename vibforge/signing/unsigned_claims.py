"""What it means that a VIB claims a level which only a signature gives."""

from vibforge.esxi.acceptance import AcceptanceLevel


def auditors_view(level: AcceptanceLevel) -> str:
    """Tell why an unsigned VIB above community draws attention."""
    return (
        f"auditors look for unsigned VIBs that claim {level.esxcli_name}, since malware has posed "
        "as just that"
    )


def unsigned_claim(level: AcceptanceLevel) -> str:
    """Tell how hosts and auditors see an unsigned VIB that claims a level above community.

    Secure Boot and `-f` as tried on 6.7 (install.md#flags).
    """
    return (
        f"it claims {level.esxcli_name} and is not signed: a host takes it only with -f or "
        f"--no-sig-check, a host with Secure Boot never, and {auditors_view(level)}"
    )
