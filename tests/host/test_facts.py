import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.host.packages import package
from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.host.facts import read_facts
from vibforge.host.host import Hardware
from vibforge.vib.descriptor import serialise

FORMAT = "vibforge/host-facts/1"
BASE = package("esx-base", "6.7.0-3.73", files=("opt/base",), vendor="VMware")
BASE_ID = "VMware_bootbank_esx-base_6.7.0-3.73"
COLLECTED: dict[str, Any] = {
    "version": {"Product": "VMware ESXi", "Version": "6.7.0", "Update": "3", "Patch": "73"},
    "acceptance": "PartnerSupported",
    "secure_boot": "Disabled ",
    "trusted_boot": {"Drtm Enabled": False, "Tpm Present": True},
    "maintenance_mode": "Disabled",
    "boot_device": {"BootNIC": "", "StatelessBootNIC": ""},
    "platform": {"VendorName": "Dell Inc.", "ProductName": "PowerEdge R740"},
    "filesystems": [
        {"MountPoint": "/vmfs/volumes/a", "Free": 1},
        {"Mount Point": "/vmfs/volumes/b", "Free": 123456789},
    ],
    "altbootbank": "/vmfs/volumes/b",
    "rebooting_vibs": None,
    "vibs": [
        {
            "AcceptanceLevel": "CommunitySupported",
            "ID": "ACME_bootbank_trx-conf_1.0.0-1",
            "Name": "trx-conf",
            "Vendor": "ACME",
            "Version": "1.0.0-1",
        },
        {
            "AcceptanceLevel": "VMwareCertified",
            "ID": BASE_ID,
            "Name": "esx-base",
            "Vendor": "VMware",
            "Version": "6.7.0-3.73",
        },
    ],
    "descriptors": [serialise(each.descriptor).decode() for each in (package(), BASE)],
}


def facts(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps({"format": FORMAT, **changes}).encode()


def collected(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return facts(collector=1, collected=COLLECTED | changes)


def notes(document: bytes) -> str:
    return "\n".join(str(note) for note in read_facts(document).notes)


def test_what_a_collector_tells() -> None:
    host = read_facts(collected())
    assert host.release == Release(6, 7, 3)
    assert host.acceptance_level is AcceptanceLevel.PARTNER
    assert (host.secure_boot, host.tpm, host.maintenance_mode) == (False, True, False)
    assert (host.reboot_pending, host.stateless) == (False, False)
    assert host.hardware == Hardware(vendor="Dell Inc.", model="PowerEdge R740")
    assert host.bootbank_free == 123456789
    assert [vib.id for vib in host.installed] == ["ACME_bootbank_trx-conf_1.0.0-1", BASE_ID]
    assert host.installed_known
    assert host.knows_all_files
    assert [note.what for note in host.notes] == [
        "whether vLCM manages the host with an image is not known"
    ]


def test_what_a_person_wrote() -> None:
    host = read_facts(
        facts(version="8.0U3", acceptance_level="community", secure_boot=True, vibs=[])
    )
    assert host.release == Release(8, 0, 3)
    assert host.secure_boot
    assert host.maintenance_mode is None


def test_an_installed_vib_without_its_descriptor_is_known_by_name_only() -> None:
    host = read_facts(collected(descriptors=[]))
    assert host.installed[0].level is AcceptanceLevel.COMMUNITY
    assert all(vib.is_only_listed for vib in host.installed)
    assert host.installed_known
    assert not host.knows_all_files
    told = notes(collected(descriptors=[]))
    assert "2 of 2 VIBs have no descriptor in the facts" in told
    names = f"ACME_bootbank_trx-conf_1.0.0-1, {BASE_ID}"
    assert f"files, sizes, dependencies and flags are not known: {names}" in told


def test_a_list_without_descriptors_is_one_note() -> None:
    one = COLLECTED["vibs"][0]
    many = [one | {"Name": f"v{n}", "ID": f"ACME_bootbank_v{n}_1.0.0-1"} for n in range(99)]
    found = read_facts(collected(vibs=[*many, COLLECTED["vibs"][1]], descriptors=[])).notes
    (told,) = [note.what for note in found if "descriptor" in note.what]
    assert told.startswith("100 of 100 VIBs")
    assert told.endswith("and 95 more")


def test_a_list_without_esx_base_is_not_whole() -> None:
    host = read_facts(collected(vibs=COLLECTED["vibs"][:1]))
    assert not host.installed_known
    assert [vib.name for vib in host.installed] == ["trx-conf"]
    assert "it lacks esx-base" in notes(collected(vibs=COLLECTED["vibs"][:1]))


def test_what_the_next_boot_changes_is_named() -> None:
    host = read_facts(collected(rebooting_vibs=[{"ID": BASE_ID}, {"ID": "another"}]))
    assert host.pending == ("+ another", "- ACME_bootbank_trx-conf_1.0.0-1")
    many = read_facts(facts(version="6.7", pending_vibs=[f"+ {n}" for n in range(12)]))
    assert many.pending[-2:] == ("+ 9", "and 2 more")
    assert read_facts(collected()).pending == ()


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (
            collected(version={"Version": "8.0.3", "Update": "3"}),
            f"the installed {BASE_ID} belongs to",
        ),
        (
            facts(version="8.0", secure_boot=True, acceptance_level="community"),
            "a host with Secure Boot refuses this level",
        ),
        (collected(secure_boot="Enabled"), "does not boot with such a VIB"),
        (
            facts(version="8.0", reboot_pending=False, pending_vibs=["+ x"]),
            "the next boot changes VIBs: + x",
        ),
        (facts(version="8.0", pending_vibs="x"), "is not a list of VIBs"),
    ],
)
def test_what_cannot_be_true_together_is_told_first(document: bytes, says: str) -> None:
    found = [str(note) for note in read_facts(document).notes]
    assert any(says in note for note in found), found
    assert says in found[0] or "not a list" in says


def test_a_base_of_no_known_version_contradicts_nothing() -> None:
    odd = package("esx-base", "x.y-1", files=("opt/base",), vendor="VMware")
    document = facts(version="8.0", vibs=[{"descriptor": serialise(odd.descriptor).decode()}])
    assert "two releases" not in notes(document)


def test_a_pending_change_shows_in_the_next_image() -> None:
    assert read_facts(collected(rebooting_vibs=[])).reboot_pending is False
    assert read_facts(collected(rebooting_vibs=COLLECTED["vibs"])).reboot_pending is False
    other = [{"ID": "another"}]
    assert read_facts(collected(rebooting_vibs=other)).reboot_pending is True


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (facts(version="6.7"), "whether UEFI Secure Boot is on is not known"),
        (facts(version="6.7", secure_boot="yes"), "'yes' is neither true nor false"),
        (facts(version="6.7", acceptance_level="high"), "'high' is not an acceptance level"),
        (facts(version="6.7", bootbank_free=-5), "-5 is not a number of bytes"),
        (facts(version="6.7", vibs={"a": 1}), "the installed VIBs are not known"),
        (facts(version="6.7", vibs=[7]), "is not an installed VIB"),
        (facts(version="6.7", vibs=[{"descriptor": "<vib"}]), "not well-formed XML"),
        (facts(version="6.7", vibs=[{}] * 5001), "5001 VIBs, more than 1000"),
        (facts(version="6.7", moon="full"), "is not a known fact"),
        (facts(version="6.7", collected=[]), "is not a table"),
        (facts(collected=COLLECTED), "the facts come from collector None, but vibforge expects 2"),
        (facts(collector=7, collected=COLLECTED), "the facts come from collector 7"),
        (
            facts(collector=1, collected=COLLECTED, secure_boot=True),
            "is given as True, but collected as False; vibforge treats it as not known",
        ),
        (
            collected(vibs=[], descriptors=COLLECTED["descriptors"]),
            "is not known",
        ),
        (
            collected(vibs=[COLLECTED["vibs"][0] | {"Name": "other", "ID": "x"}]),
            "has a descriptor, but the host does not list this VIB",
        ),
    ],
)
def test_what_cannot_be_used_is_named(document: bytes, says: str) -> None:
    assert says in notes(document)


def test_a_contradiction_counts_as_not_known() -> None:
    host = read_facts(facts(collector=1, collected=COLLECTED, secure_boot=True))
    assert host.secure_boot is None


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a file of host facts"),
        (b'{"format": "vibforge/host-facts/9"}', "not a file of host facts"),
        (facts(), "lack the release"),
        (facts(version=8.0), "lack the release"),
        (facts(version="4.1"), "is not a release of ESXi"),
    ],
)
def test_what_are_no_facts(document: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_facts(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from([*COLLECTED, "collector"]), json_values)
def test_no_value_of_a_collector_is_a_traceback(name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    try:
        read_facts(collected(**{name: value}))
    except ModelError:
        assert name == "version"


_ESXCLI = """\
#!/bin/sh
shift
case "$*" in
    "system version get") echo '{"Version": "8.0.2", "Update": "2"}' ;;
    "software acceptance get") echo '"CommunitySupported"' ;;
    "hardware trustedboot get") exit 1 ;;
    "system maintenanceMode get") echo '"Enabled"' ;;
    "storage filesystem list") echo '[{"MountPoint": "'"$BANK"'", "Free": 300000000}]' ;;
    "software vib list") echo '[{"ID": "ACME_bootbank_trx-conf_1.0.0-1", "Name": "trx-conf", \
"Version": "1.0.0-1", "Vendor": "ACME", "AcceptanceLevel": "CommunitySupported"}, \
{"ID": "VMware_bootbank_esx-base_6.7.0-3.73", "Name": "esx-base", "Version": "6.7.0-3.73", \
"Vendor": "VMware", "AcceptanceLevel": "VMwareCertified"}]' ;;
    "software vib list --rebooting-image") ;;
    *) exit 1 ;;
esac
"""


def test_the_script_under_busybox(tmp_path: Path, tool: Callable[[str], str]) -> None:
    busybox = tool("busybox")
    (tmp_path / "bin").mkdir()
    (tmp_path / "db").mkdir()
    (tmp_path / "bank").mkdir()
    xml = (
        serialise(package().descriptor)
        .decode()
        .replace("<summary>Acme</summary>", '<summary>\t"a\\b"\n</summary>')
    )
    (tmp_path / "db/trx-conf-1.xml").write_text(xml)
    (tmp_path / "db/esx-base-2.xml").write_bytes(serialise(BASE.descriptor))
    (tmp_path / "db/trx-conf-1.xml.orig").write_text("not this one")
    for name, text in (("esxcli", _ESXCLI), ("secureBoot.py", "#!/bin/sh\necho Enabled\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "ESXIMAGE_DB": str(tmp_path / "db"),
        "SECUREBOOT_SCRIPT": str(tmp_path / "bin/secureBoot.py"),
        "ALTBOOTBANK": str(tmp_path / "bank"),
        "BANK": str((tmp_path / "bank").resolve()),
    }
    script = CHECKOUT / "templates/host-facts.sh"
    done = subprocess.run(
        [busybox, "sh", script], env=environment, capture_output=True, text=True, check=True
    )
    host = read_facts(done.stdout.encode())
    assert host.release == Release(8, 0, 2)
    assert host.acceptance_level is AcceptanceLevel.COMMUNITY
    assert (host.secure_boot, host.tpm, host.maintenance_mode) == (True, None, True)
    assert host.bootbank_free == 300000000
    assert host.knows_all_files
    assert host.installed[0].descriptor.summary == '"a\\b"'


def test_the_script_is_clean(tool: Callable[[str], str]) -> None:
    script = CHECKOUT / "templates/host-facts.sh"
    subprocess.run([tool("shellcheck"), "--shell", "sh", script], check=True)


def test_the_script_asks_for_a_host(tool: Callable[[str], str], tmp_path: Path) -> None:
    script = CHECKOUT / "templates/host-facts.sh"
    done = subprocess.run(
        [tool("busybox"), "sh", script],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no esxcli here" in done.stderr
