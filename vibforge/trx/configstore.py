"""The PTP settings that ESXi has a way of its own for, so that trx.conf need not carry them.

From the vSphere API (HostPtpConfig, since 7.0.3) and a public analysis of ESXi 8.0.2: since 7.0.3
they live in the ConfigStore, and `esxcli system ptp` has two of them. Neither the option names of
that command nor the form of the ConfigStore object is published, so the host itself is asked.
Whether the ConfigStore's domain or the one of trx.conf wins is not known, so both must be equal.
"""

from msgspec import Struct

from vibforge.esxi.release import Certainty


class OfficialWay(Struct, frozen=True, kw_only=True):
    """One setting with an official way: its ConfigStore key, what it is and the commands."""

    key: str
    means: str
    instead_of: str
    commands: tuple[str, ...]
    certainty: Certainty


SCHEMA = "configstorecli schema get -c esx -g system -k system_time"
CURRENT = "configstorecli config current get -c esx -g system -k system_time"
ESXCLI_HELP = "esxcli system ptp --help"


_SET_DOMAIN = (
    "(Get-View (Get-VMHost HOST).ExtensionData.ConfigManager.DateTimeSystem).UpdateDateTimeConfig("
    "(New-Object VMware.Vim.HostDateTimeConfig -Property @{{PtpConfig = New-Object "
    "VMware.Vim.HostPtpConfig -Property @{{Domain = {domain}}}}}))"
)
"""PowerCLI, by the vSphere API's UpdateDateTimeConfig and HostPtpConfig, since 7.0.3."""


def domain_advice(domain: str) -> str:
    """Say what to do about a domain that trx.conf sets, which ESXi sets too."""
    return (
        f"Set {domain} in ESXi, too: `vibforge trx host --domain {domain}` has the command. "
        f"Then check with --configstore domain_number={domain}."
    )


def official_ways(domain: int | None = None) -> tuple[OfficialWay, ...]:
    """Return the settings with an official way, the PTP domain with its value where given."""
    wanted = "the domain of your grandmaster" if domain is None else str(domain)
    command = _SET_DOMAIN.format(domain="DOMAIN" if domain is None else domain)
    return (
        OfficialWay(
            key="domain_number",
            means=f"the PTP domain: set it to {wanted}",
            instead_of="domainNumber",
            commands=(command, ESXCLI_HELP, CURRENT),
            certainty=Certainty.DOCUMENTED,
        ),
        OfficialWay(
            key="calibration_delay",
            means="a constant delay to correct; an option of ptpd, the software client",
            instead_of="",
            commands=(ESXCLI_HELP, CURRENT),
            certainty=Certainty.INFERRED,
        ),
        OfficialWay(
            key="log_level",
            means="how much is logged; its scale is not published",
            instead_of="logging_level",
            commands=(CURRENT,),
            certainty=Certainty.DOCUMENTED,
        ),
        OfficialWay(
            key="ports",
            means="the VMkernel adapter or the passed-through NIC, with its address",
            instead_of="",
            commands=(CURRENT,),
            certainty=Certainty.DOCUMENTED,
        ),
    )
