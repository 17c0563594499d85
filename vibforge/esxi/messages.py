"""What a host prints: the texts of vib-format and of public threads, and their frame.

`N` stands where a host prints the line of its own rendering of the VIB, which nobody can know
beforehand and nothing should be read from; `…` where the text is not on record.
"""

from dataclasses import dataclass

from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of

NOT_ON_RECORD = "…"
"""Stands for words of a message that are on no record."""
_FOOT = "Please refer to the log file for more details."


@dataclass(frozen=True, kw_only=True, slots=True)
class HostMessage:
    """An error of the installer: its class, its text, and the attributes printed below."""

    error: str
    text: str
    vibs: tuple[str, ...] = ()

    def render(self, release: Release) -> str:
        """Return what the host's console shows."""
        lines = [f"[{self.error}]", *self.text.splitlines()]
        prints_cause = row_of(release).prints_cause
        if self.vibs and prints_cause and prints_cause.value:
            lines += [f"     cause = {self.text.splitlines()[0]}"]
            lines += [f"      vibs = [{', '.join(repr(vib) for vib in self.vibs)}]"]
        elif self.vibs:
            lines += [f"      vibs = {', '.join(self.vibs)}"]
        return "\n".join(f" {line}" for line in (*lines, _FOOT))


class _Values(dict[str, str]):
    """The values of a message's places."""

    def __missing__(self, _place: str) -> str:
        return NOT_ON_RECORD


@dataclass(frozen=True, slots=True)
class Form:
    """A message with places for values; a place without a value reads `…`."""

    error: str
    text: str
    names_vib: bool = False
    """Whether the host prints the VIB's ID as an attribute below the text."""

    def __call__(self, vib: str = "", **values: str) -> HostMessage:
        text = self.text.format_map(_Values(values, vib=vib))
        return HostMessage(error=self.error, text=text, vibs=(vib,) if self.names_vib else ())


SILENT = Form(NOT_ON_RECORD, NOT_ON_RECORD)
INSTALLED_LIVE = "Operation finished successfully."
NEEDS_REBOOT = (
    "The update completed successfully, but the system needs to be rebooted for the changes to be "
    "effective."
)
NOT_CHANGED = "Host is not changed."
DRY_RUN = "Dryrun only, host not changed. The following installers will be applied: […]"

_LIST_CHECK = "['(line N: col 0) Element vib failed to validate content']"

EXTENSIBILITY = Form(
    "VibValidationError", "VIB {vib} violates extensibility rule checks: " + _LIST_CHECK
)
EXTENSIBILITY_AT_STAGE = Form(
    "InstallationError",
    "VIB ({vib}) failed a check of extensibility rules for acceptance level '{level}': "
    + _LIST_CHECK,
    names_vib=True,
)
ACCEPTANCE = Form(
    "AcceptanceConfigError",
    "VIB {vib}'s acceptance level is {level}, which is not compliant with the ImageProfile "
    "acceptance level {host_level}\n"
    "To change the host acceptance level, use the 'esxcli software acceptance set' command.",
)
DEPENDENCY = Form(
    "DependencyError",
    "VIB {vib} requires {constraint}, but the requirement cannot be satisfied within the "
    "ImageProfile.",
)
CONFLICT = Form("DependencyError", "…")
FILE_CONFLICT = Form(
    "ProfileValidationError",
    "File path of '{path}' is claimed by multiple {kind} VIBs: {{{owners}}}",
)
GUNZIP_CHECKSUM = Form(
    "ProfileValidationError",
    "In ImageProfile (Updated) …, the payload(s) in VIB {vib} does not have sha-256 gunzip "
    "checksum. This will prevent VIB security verification and secure boot from functioning "
    "properly. Please remove this VIB or please check with your vendor for a replacement of this "
    "VIB",
)
UNSIGNED = Form("InstallationError", "The VIB {vib} does not contain a signature.", names_vib=True)
UNTRUSTED = Form("InstallationError", "Could not find a trusted signer.", names_vib=True)
BROKEN_SIGNATURE = Form("InstallationError", "Invalid PKCS7 digest.", names_vib=True)
DIGEST_AT_EOF = Form(
    "InstallationError",
    "Calculated digest at EOF does not match expected result: {calculated} calculated, {expected} "
    "expected.",
    names_vib=True,
)
UNEQUAL = Form(
    "ValueError", "VIBs {vib} and {vib} have unequal values of the '{attribute}' attribute: …"
)
MAINTENANCE_MODE = Form(
    "MaintenanceModeError",
    "MaintenanceMode is required to remove: [{removed}]; install: [{installed}].",
)
STATELESS = Form("StatelessError", "…")
HARDWARE = Form("HardwareError", "…")
SIG_CHECK_UNDER_SECURE_BOOT = Form(
    "InstallationError", "Secure Boot enabled: Cannot skip signature checks…"
)
SPACE = Form("InstallationError", "The pending transaction requires {megabytes} MB free space…")
TARDISK_CHECKSUM = Form("…", "Tardisk checksum is not found for payload")
FIRST_MEMBER = Form(
    "VibFormatError",
    "unsupported format… first member found was {name}, but descriptor.xml was expected",
)
SECOND_MEMBER = Form(
    "VibFormatError",
    "Expected second member of Vib file to be sig.pkcs7, but found {name} instead.",
)
BAD_HEADER = Form("VibFormatError", "Bad VIB archive header")
NO_MEMBER = Form("InstallationError", "Could not find file object for payload {name}")
ENCODING_DECLARED = Form(
    "VibFormatError", "Unicode strings with encoding declaration are not supported"
)
MISSING_NAME = Form("VibFormatError", "Missing VIB name.")
INVALID_VERSION = Form("VibFormatError", "VIB {name} has invalid version")
INVALID_TYPE = Form("VibFormatError", "VIB type invalid.")
INVALID_RELEASE_DATE = Form("VibFormatError", "invalid release-date")
INVALID_LEVEL = Form("VibFormatError", "invalid acceptance level")
EMPTY_TAG = Form("AttributeError", "…")
INVALID_PAYLOAD_NAME = Form("VibFormatError", "Invalid value '{name}' for name.")
NO_PAYLOAD_TYPE = Form("VibFormatError", "…")
ELEMENT_EXPECTED = Form("MetadataFormatError", "{what}")
UNEQUAL_METADATA = Form(
    "InstallationError",
    "VIBs {vib} and {vib} have unequal values of the '{attribute}' attribute",
    names_vib=True,
)
NAME_TOO_LONG = Form("InstallationError", "… database file path is too long …", names_vib=True)
