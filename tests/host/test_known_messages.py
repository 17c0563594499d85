"""Every message of the table, in the forms in which hosts of 6.x to 9.x print it."""

# ruff: noqa: E501 - messages stand here as hosts print them

import tomllib
from importlib.resources import files
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.releases import ESXI_65, ESXI_80
from vibforge.esxi import messages
from vibforge.esxi.messages import MessageForm, Phrase
from vibforge.esxi.release import Release
from vibforge.host.known_messages import KnownMessage, known_messages, recognise

VIB = "virtuallyGhetto_bootbank_ghettoVCB_1.0.0-0.0.0"
FORMS = [
    (
        (
            " [InstallationError]\n Calculated digest at EOF does not match expected result: 0 calculated,"
            " 8b39 expected.\n       vibs = x\n Please refer to the log file for more details."
        ),
        "digest-at-eof",
    ),
    (
        "The update failed to apply - Calculated digest at EOF does not match expected result: 0",
        "digest-at-eof",
    ),
    (
        (
            f"VIB {VIB} violates extensibility rule checks: [u'(line 23: col 0) Element vib failed to "
            "validate content']"
        ),
        "extensibility",
    ),
    (
        (
            f" [VibValidationError]\n VIB {VIB} violates extensibility rule checks: ['(line 9: col 0) "
            "Element vib failed to validate content']"
        ),
        "extensibility",
    ),
    (
        f"VIB ({VIB}) failed a check of extensibility rules for acceptance level 'community': ['(l",
        "extensibility",
    ),
    (
        (
            f"VIB {VIB}'s acceptance level is community, which is not compliant with the ImageProfile "
            "acceptance level partner"
        ),
        "acceptance-level",
    ),
    (
        (
            f"Unable to set acceptance level of community due to installed VIBs {VIB} having a lower "
            "acceptance level."
        ),
        "cannot-raise-level",
    ),
    ("Secure Boot enabled: Cannot change acceptance level to community.", "secure-boot-level"),
    ("Secure Boot enabled: Cannot skip signature checks", "secure-boot-sig-check"),
    (
        f"UEFI Secure Boot failed: Failed to verify signatures of the following vibs (s): [{VIB}]",
        "secure-boot-failed",
    ),
    (
        f" [ValueError]\n VIBs {VIB} and {VIB} have unequal values of the 'payloads' attribute: '[",
        "unequal-values",
    ),
    (
        f"ValueError: VIBS {VIB} and {VIB} had unequal values of the `payload` type",
        "unequal-values",
    ),
    (
        f"Cannot merge VIBs {VIB}, {VIB} with unequal statelessready attributes",
        "unequal-values",
    ),
    ("   Message: Host is not changed.\n   Reboot Required: false", "host-not-changed"),
    ("WARNING: Could not find a trusted signer.", "trusted-signer"),
    (f"The VIB {VIB} does not contain a signature.", "no-signature"),
    ("vmware.esximage.Errors.VibSigDigestError: Invalid PKCS7 digest.", "signature-digest"),
    ("('PEM routines', 'get_name', 'no start line')", "signature-format"),
    (
        (
            "-fIn\n ImageProfile (Updated) ESXi-8.0.0-20513097-standard, the payload(s) in VIB virt\n"
            "uallyGhetto_bootbank_ghettoVCB_1.0.0-0.0.0 does not have sha-256 gunzip checksum\n. This"
        ),
        "gunzip-checksum",
    ),
    ("<MISSING_GUNZIP_CHECKSUM_VIB_ERRORS ERROR: …", "gunzip-checksum"),
    (
        (
            " VIB ACME_bootbank_x_1-1 requires esx-version >= 6.0.0, but the requirement cannot be "
            "satisfied within the ImageProfile."
        ),
        "dependency",
    ),
    (
        (
            "WARNUNG: On platform embeddedEsx, VIB a_bootbank_b_1-1 requires vmkapi_2_2_0_0, but the "
            "requirement cannot be satisfied within the ImageProfile. However, additional VIB(s)"
        ),
        "dependency",
    ),
    (
        "File path of '/etc/a b' is claimed by multiple non-overlay VIBs:\n{'a', 'b'}",
        "file-conflict",
    ),
    (
        "<CONFLICTING_VIBS ERROR: Vibs on the host are conflicting with vibs in metadata",
        "conflicting-vibs",
    ),
    ("The upgrade contains the following set of conflicting VIBs:\nx", "conflicting-vibs"),
    (
        " [MaintenanceModeError]\n MaintenanceMode is required to remove: []; install: [a].",
        "maintenance-mode",
    ),
    ("the system needs to be rebooted for the changes to be effective.", "reboot-needed"),
    ("[StatelessError]", "stateless"),
    ("[HardwareError]\n x", "hardware"),
    ("There was an error checking file system on altbootbank, please see log", "altbootbank-check"),
    (
        (
            "Can not open /var/vmware/lifecycle/stageliveimage/data/payload1.t00 to write payload "
            "payload1: [Errno 2] No such file or directory"
        ),
        "t00-write",
    ),
    (" [ValueError]\n Expected 1 component, found 2", "expected-one-component"),
    (" [NoMatchError]\n No VIB matching VIB search specification 'x'", "no-match"),
    (
        (
            " [VibDownloadError]\n ('a.vib', '', \"[Errno 4] IOError: <urlopen error [Errno 2] No "
            "such file or directory: '/var/log/vmware/a.vib'>\")"
        ),
        "download-path",
    ),
    ("Only server local file path is supported for offline bundles.", "remote-bundle"),
    (
        "unsupported format… first member found was debian-binary, but descriptor.xml was expected",
        "not-a-vib",
    ),
    (
        "The following services were not started: /etc/init.d/x\nIt is not safe to continue.",
        "live-installation",
    ),
    ("Failed to mount tardisk x.t00: Operation not permitted", "mount-tardisk"),
    ("vmware.esximage.Errors.LockingError: Another process is holding the lock", "busy"),
    ("OSError: [Errno 28] No space left on device", "no-space-left"),
    ("\"filename 'var/db/payloads/boot_loader_efi/BOOTx64.EFI' not found\"", "boot-loader-payload"),
]


@pytest.mark.parametrize(("text", "message"), FORMS)
@pytest.mark.parametrize(
    "frame", ["{}", "2024-01-19T10:00:00Z esxupdate: 1: root: ERROR: {}\nnext line\n"]
)
def test_a_message_is_found(text: str, message: str, frame: str) -> None:
    assert message in [one.message.id for one in recognise(frame.format(text))]


def test_every_message_of_the_table_has_a_text() -> None:
    """A text here as a host printed it, or a form that `plan` prints."""
    named = {message for _, message in FORMS} | {message for _, message in PREDICTED}
    assert {message.id for message in known_messages()} == named
    assert len(known_messages()) >= 30


@pytest.mark.parametrize("width", [20, 79])
@pytest.mark.parametrize(("text", "message"), FORMS)
def test_a_terminal_may_break_it_anywhere(text: str, message: str, width: int) -> None:
    broken = "\n".join(text[at : at + width] for at in range(0, len(text), width))
    assert message in [one.message.id for one in recognise(broken)]


def test_the_names_in_it_are_told() -> None:
    text = "VIB a_bootbank_b_1-1 requires vmkapi_2, but the requirement cannot be satisfied within"
    (found,) = recognise(f"line one\n{text}")
    assert dict(found.names) == {"vib": "a_bootbank_b_1-1", "requirement": "vmkapi_2"}
    assert found.line == 2
    assert found.excerpt == text


def test_a_log_gives_each_message_once_in_its_order() -> None:
    log = "x\nHost is not changed.\nMissing VIB name.\nHost is not changed.\n"
    assert [one.message.id for one in recognise(log)] == ["host-not-changed", "missing-name"]
    assert recognise("nothing of note") == ()


PREDICTED = [
    (name, entry["id"])
    for entry in tomllib.loads(
        files("vibforge.host").joinpath("messages.toml").read_text(encoding="utf-8")
    )["message"]
    for name in entry.get("forms", ())
]
"""The texts of `vibforge.esxi.messages`, each with the message that it is."""
UNTOLD = {"SILENT", "STATELESS", "HARDWARE"}
"""Their words are on no record, or differ with every host: they are known by their class."""
CARRIERS = {"UNPACKING", "READING_FILE", "READING_DESCRIPTOR", "READING_CRASHED"}
"""They say what other phrases say."""
SUCCESS = {"INSTALLED_LIVE", "DRY_RUN"}
"""They need no explanation."""
VALUES = {
    "attribute": "payloads",
    "calculated": "a",
    "complaints": "['x']",
    "file": "a.t00",
    "installed": "1",
    "kind": "overlay",
    "length": "99",
    "limit": "240",
    "mismatches": "BIOS vendor a is required but host BIOS vendor is b",
    "offered": "2",
    "payload": "a",
    "profile": "ESXi-6.7.0-1-standard",
    "reason": "CRC check failed",
    "subject": "CN=a",
    "vibs": "a, b",
    "constraint": "a >= 1",
    "expected": "b",
    "host_level": "partner",
    "level": "community",
    "megabytes": "5",
    "name": "name",
    "what": "version",
    "absent": "version",
    "present": "relation",
    "date": "yesterday",
    "label": "a-1",
    "link": "http://a",
    "value": "averyverylongname",
    "vib": VIB,
    "owners": "'a', 'b'",
    "path": "/a",
    "removed": "",
}


def printed(name: str, release: Release) -> str:
    """Return a text of the table as `plan` prints it."""
    form: MessageForm | Phrase = getattr(messages, name)
    places = {field for _, field, _, _ in Formatter().parse(form.text) if field}
    values = {place: VALUES[place] for place in places}
    if isinstance(form, Phrase):
        return form(**values)
    return form(values.pop("vib", VIB), **values).render(release)


@pytest.mark.parametrize(("name", "message"), PREDICTED)
@pytest.mark.parametrize("release", [ESXI_65, ESXI_80], ids=str)
def test_what_vibforge_predicts_it_also_explains(name: str, message: str, release: Release) -> None:
    assert message in [one.message.id for one in recognise(printed(name, release))]


def test_every_text_that_plan_prints_is_explained() -> None:
    forms = {
        name for name, form in vars(messages).items() if isinstance(form, MessageForm | Phrase)
    }
    explained = {name for name, _ in PREDICTED}
    for name in sorted(forms - explained - UNTOLD - CARRIERS - SUCCESS):
        assert recognise(printed(name, ESXI_80)), name
    assert all(recognise(printed(name, ESXI_80)) for name in ("STATELESS", "HARDWARE"))


@pytest.mark.parametrize("message", known_messages(), ids=lambda message: message.id)
def test_an_entry_says_what_it_must(message: KnownMessage) -> None:
    assert message.rebuild in {"yes", "no", "sometimes"}
    assert message.cause.endswith((".", ")"))
    assert message.remedy.endswith((".", ")"))
    assert all(link.startswith(("https://", "http://www.v-front.de/")) for link in message.evidence)


@given(st.text(max_size=300))
def test_no_text_is_a_traceback(text: str) -> None:
    recognise(text)
