"""Messages of a host (install.md#console-output), from recordings and public threads.

Each text is written only here: `plan` prints it, `explain` finds it in a log, the manuals of the
checks quote it. `«…»` marks the words by which users and `explain` recognise the message.

`N` replaces a line number in the host's own rendering of the VIB, which cannot be predicted and has
no meaning for users; `…` replaces text that is not on record.
"""

import re

from msgspec import Struct

from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of

NOT_ON_RECORD = "…"
"""Replaces words of a message that are not on record."""
_FOOT = "Please refer to the log file for more details."


class HostMessage(Struct, frozen=True, kw_only=True):
    """An error of the installer: its class, its text, and the attributes printed below it."""

    error: str
    text: str
    vibs: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    """The attributes besides the VIBs: the URL or file that could not be read."""

    def render(self, release: Release) -> str:
        """Return the text on the host's console."""
        lines = [f"[{self.error}]", *self.text.splitlines()]
        prints_cause = row_of(release).prints_cause
        if self.vibs and prints_cause and prints_cause.value:
            lines += [f"     cause = {self.text.splitlines()[0]}"]
            lines += [f"      vibs = [{', '.join(repr(vib) for vib in self.vibs)}]"]
        elif self.vibs:
            lines += [f"      vibs = {' '.join(self.vibs)}"]
        lines += [f"{name:>10} = {value}" for name, value in self.attributes]
        return "\n".join(f" {line}" for line in (*lines, _FOOT))


class _Marked:
    """A text with places for values, and marks around the words that identify it."""

    __slots__ = ()
    marked: str

    @property
    def text(self) -> str:
        """The text without its marks."""
        return self.marked.replace("«", "").replace("»", "")

    @property
    def marks(self) -> tuple[str, ...]:
        """The words that identify the message: the marked ones, or else the whole text."""
        return tuple(re.findall("«(.*?)»", self.marked)) or (self.marked,)

    @property
    def words(self) -> str:
        """The first marked words, by which users recognise the message."""
        return self.marks[0]

    @property
    def title(self) -> str:
        """The sentence that contains the words, with `…` for the values."""
        from string import Formatter  # noqa: PLC0415 - only where a message is explained

        parts = Formatter().parse(self.text)
        shown = "".join(text + NOT_ON_RECORD * (place is not None) for text, place, *_ in parts)
        sentences = shown.replace("\n", ". ").split(". ")
        title = next((sentence for sentence in sentences if self.words in sentence), shown)
        return title.strip().removesuffix(".")


class Phrase(Struct, _Marked, frozen=True):
    """A part of a message, or a line that is not an error."""

    marked: str

    def __call__(self, **values: str) -> str:
        return self.text.format_map(_Values(values))


class _Values(dict[str, str]):
    """The values for a message's places; a missing value is `…`."""

    def __missing__(self, _place: str) -> str:
        return NOT_ON_RECORD


class MessageForm(Struct, _Marked, frozen=True):
    """A message with places for values."""

    error: str
    marked: str
    names_vib: bool = False
    """Whether the host prints the VIB's ID as an attribute below the text."""
    attribute: str = ""
    """Another attribute below the text: `filename`, with the VIB's ID as its value, or `url`."""
    pair: str = ""
    """If set, the host prints the Python pair of this value and the text."""

    def __call__(self, vib: str = "", **values: str) -> HostMessage:
        filled = _Values(values, vib=vib)
        text = self.text.format_map(filled)
        if self.pair:
            text = str((None if self.pair == "None" else self.pair.format_map(filled), text))
        of_attribute = FILE if self.attribute == "url" else vib
        return HostMessage(
            error=self.error,
            text=text,
            vibs=(vib,) if self.names_vib else (),
            attributes=((self.attribute, of_attribute),) if self.attribute else (),
        )


FILE = "<path>"
"""Replaces the URL or path under which the host got the file."""
SILENT = MessageForm(NOT_ON_RECORD, NOT_ON_RECORD)
INSTALLED_LIVE = Phrase("Operation finished successfully.")
NEEDS_REBOOT = Phrase(
    "The update completed successfully, but «the system needs to be rebooted for the changes to be "
    "effective»."
)
INSTALLED_LIVE_ONLY = Phrase(f"WARNING: «Only live system was updated»{NOT_ON_RECORD}")
NOT_CHANGED = Phrase("«Host is not changed».")
DRY_RUN = Phrase("Dryrun only, host not changed. The following installers will be applied: […]")

NOT_THE_CONTENT = Phrase("(line N: col 0) «Element vib failed to validate content»")
NOT_THE_VALUE = Phrase("(line N: col 0) «Error validating value boolean»")

EXTENSIBILITY = MessageForm(
    "VibValidationError", "VIB {vib} «violates extensibility rule checks»: {complaints}"
)
EXTENSIBILITY_AT_STAGE = MessageForm(
    "InstallationError",
    "VIB ({vib}) «failed a check of extensibility rules» for acceptance level '{level}': "
    "{complaints}",
    names_vib=True,
)
ACCEPTANCE = MessageForm(
    "AcceptanceConfigError",
    "VIB {vib}'s acceptance level is {level}, «which is not compliant with the ImageProfile "
    "acceptance level» {host_level}\n"
    "To change the host acceptance level, use the 'esxcli software acceptance set' command.",
)
DEPENDENCY = MessageForm(
    "DependencyError",
    "VIB {vib} requires {constraint}, «but the requirement cannot be satisfied within» the "
    "ImageProfile.",
)
CONFLICT = MessageForm("DependencyError", "VIBs ({vibs}) «are conflicting with each other»")
FILE_CONFLICT = MessageForm(
    "ProfileValidationError",
    "File path of '{path}' «is claimed by multiple» {kind} VIBs: {{{owners}}}",
)
GUNZIP_CHECKSUM = MessageForm(
    "ProfileValidationError",
    "In ImageProfile (Updated) …, the payload(s) in VIB {vib} «does not have sha-256 gunzip "
    "checksum». This will prevent VIB security verification and secure boot from functioning "
    "properly. Please remove this VIB or please check with your vendor for a replacement of this "
    "VIB",
)
NO_BASE = MessageForm(
    "ProfileValidationError",
    "«Base ESX package not found» in profile (Updated) {profile}: There is no VIB providing "
    "'esx-version'.",
)
UNSIGNED = MessageForm(
    "InstallationError",
    "The VIB {vib} «does not contain a signature».",
    names_vib=True,
    pair="{vib}",
)
UNTRUSTED = MessageForm(
    "InstallationError", "«Could not find a trusted signer».", names_vib=True, pair="{vib}"
)
WRONG_SUBJECT = MessageForm(
    "InstallationError",
    "«Validating signer subject» for '{level}' level failed: Signer {subject} «is not valid for "
    "this acceptance level».",
    names_vib=True,
    pair="{vib}",
)
UNREADABLE_SIGNATURE = MessageForm(
    "InstallationError", "«Error reading PKCS7 signature»: {reason}", names_vib=True, pair="{vib}"
)
BROKEN_SIGNATURE = MessageForm(
    "InstallationError", "«Invalid PKCS7 digest».", names_vib=True, pair="{vib}"
)
DIGEST_UNLIKE = Phrase(
    "«Calculated digest at EOF does not match expected result»: {calculated} calculated, "
    "{expected} expected."
)
"""The message about a wrong digest, at every step that compares digests."""
DIGEST_AT_EOF = MessageForm("InstallationError", DIGEST_UNLIKE.marked, names_vib=True)
NO_PLAIN_DIGEST = MessageForm(
    "InstallationError", "'NoneType' «object has no attribute 'checksumtype'»", names_vib=True
)
UNKNOWN_DIGEST = MessageForm("InstallationError", "«unsupported hash type» {kind}", names_vib=True)
NO_DATE = MessageForm(
    "InstallationError", "«unorderable types: NoneType() > NoneType()»", names_vib=True
)
UNPACKING = MessageForm("InstallationError", "{reason}", names_vib=True)
EMPTY_TYPE = MessageForm("IndexError", "string index out of range")
UNEQUAL = MessageForm(
    "ValueError",
    "VIBs {vib} and {vib} have «unequal values of the» '{attribute}' attribute: "
    "'{offered}' != '{installed}'",
)
CANNOT_MERGE = MessageForm(
    "ValueError",
    "«Cannot merge VIBs» {vib}, {vib} with unequal {attribute} attributes: "
    "({offered}, {installed})",
)
REPLACES_ITSELF = MessageForm(
    "ValueError",
    "VIB {vib} obsoletes VIBs {vibs} «in the input to AddVibs» -- cannot continue",
)
VERSIONLESS_ESX = MessageForm(
    "TypeError", "Type 'NoneType' «not valid for comparisons with VibVersion»."
)
NO_MATCH = MessageForm("NoMatchError", "«No VIB matching VIB search specification» '{name}'.")
MAINTENANCE_MODE = MessageForm(
    "MaintenanceModeError",
    "«MaintenanceMode is required to» remove: [{removed}]; install: [{installed}].",
)
STATELESS = MessageForm("StatelessError", "…")
HARDWARE = MessageForm(
    "HardwareError",
    "Host doesn't meet image profile '(Updated) {profile}' hardware requirements:\n{mismatches}",
)
SIG_CHECK_UNDER_SECURE_BOOT = MessageForm(
    "InstallationError",
    "The installation transaction failed.\n      vibs = «Secure Boot enabled: Cannot skip "
    "signature checks». Installing unsigned VIBs will prevent the system from booting.",
)
SPACE = MessageForm(
    "InstallationError",
    "The «pending transaction requires» {megabytes} MB free space, however the maximum supported "
    "size is {limit} MB.",
)
NOT_SAFE = Phrase(
    "«It is not safe to continue». Please reboot the host immediately to discard the unfinished "
    "update."
)
MOUNT = MessageForm(
    "LiveInstallationError",
    "Error in running ['/usr/lib/vmware/secureboot/bin/«secureMount.py»', '{vib}', '{payload}', "
    "'/tmp/stageliveimage/data/{file}']:\nReturn code: 255\n"
    "Output: ERROR:root:Failed to mount: {reason}\n"
    f"{NOT_SAFE.text}",
)
UNMOUNTED = MessageForm(
    "LiveInstallationError", "[Errno 2] «No such file or directory: '/tmp/img-stg/data/»{file}'"
)
NO_MEMBER = MessageForm(
    "VibFormatError", "«Could not find file object for payload» '{name}'.", attribute="filename"
)
READING_FILE = MessageForm("VibDownloadError", "{reason}", attribute="url", pair=FILE)
"""The reader's message about the archive."""
READING_DESCRIPTOR = MessageForm("VibDownloadError", "{reason}", attribute="url", pair="None")
"""The reader's message about the descriptor."""
READING_CRASHED = MessageForm("VibDownloadError", "{reason}", attribute="url")
"""The message if the reader itself crashes."""
ELEMENT_EXPECTED = MessageForm(
    "MetadataFormatError", "Element {name} «was expected, but not found»"
)
UNEQUAL_METADATA = MessageForm(
    "InstallationError",
    UNEQUAL.marked.partition(":")[0],
    names_vib=True,
)
NAME_TOO_LONG = MessageForm(
    "InstallationError",
    "Failed to finish bootbank stage: ('/tmp/stagebootbank/imgdb.tgz', 'Error writing tar "
    "database: «database file path is too long» ({length}),  the limit is 99.\\n{path}')",
)
DATABASE_PATH = MessageForm(
    "DatabaseIOError",
    "«Failed to save VIB metadata» to dir /tmp/stageliveimage/imgdb/vibs.new: «Failed to write VIB "
    "descriptor» to {path}: [Errno 2] No such file or directory: '{path}'",
)

NOT_GZIP = Phrase("«Not a gzipped file»")
CUT_GZIP = Phrase("Reached EOF")
DAMAGED_GZIP = Phrase("«CRC check failed»")
WRONG_LENGTH_IN_GZIP = Phrase("«Incorrect length of data produced»")
NOT_STAGED = Phrase("[Errno 2] «No such file or directory: '/tmp/stageliveimage/data/»{file}'")
NOT_MOUNTED = Phrase("[Errno 1] «Operation not permitted: '/tardisks/»…'")
NOT_IN_DATABASE = Phrase("«Unable to find vib» {vib} in staging databases")
NO_TARDISK_CHECKSUM = Phrase("«Tardisk checksum is not found» for payload {payload}")

BAD_ARCHIVE = Phrase("«Bad VIB archive header»")
SHORT_ARCHIVE = Phrase("«VIB archive is too short»")
OLD_ARCHIVE = Phrase("«This VIB is a ESX 4.x VIB and is not supported» on this version of ESX.")
FIRST_MEMBER = Phrase(
    "This VIB has an unsupported format.  The first member found was {name}, «but descriptor.xml "
    "was expected»."
)
SECOND_MEMBER = Phrase(
    "«Expected second member of Vib file to be sig.pkcs7», but found {name} instead."
)
NOT_UTF8 = Phrase("«Unable to read VIB descriptor»: {reason}")
NOT_XML = Phrase("«Could not parse VIB XML data»: {reason}.")
ENCODING_DECLARED = Phrase(
    "«Unicode strings with encoding declaration are not supported». Please use bytes input or XML "
    "fragments without declaration."
)
NO_TEXT = Phrase("'NoneType' «object has no attribute 'strip'»")
NO_TYPE = Phrase("«VIB type invalid».")
NO_NAME = Phrase("«Missing VIB name».")
NO_LINK_KEY = Phrase("VIB '{name}' url '{link}' «has missing or invalid key»")
INVALID = Phrase("VIB '{label}«' has invalid» {what}{reason}")
NO_CONSTRAINT_NAME = Phrase("«name attribute is missing or empty».")
HALF_CONSTRAINT = Phrase(
    "{present} «attribute exists and is non-empty, but» {absent} attribute is missing or empty."
)
INVALID_DATE = Phrase("'{date}' «is not a valid date/time»{reason}.")
INVALID_VALUE = Phrase("«Invalid value» '{value}' for {name}.")
