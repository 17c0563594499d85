"""What a host has of a VIB: asked by the real script on a mock host, and of facts made by hand."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import bundles, vibs
from tests.host.script_hosts import BASE, MockHost
from tests.vibs import File, make
from vibforge.errors import FormatError
from vibforge.esxi.release import Release
from vibforge.host.host import Host
from vibforge.host.host_state import HostFile, HostFileKind, HostState, read_state
from vibforge.host.package import Package
from vibforge.host.timekeeping import ConfState
from vibforge.packages.drift import Drift, FileState, InstalledState, find_drift
from vibforge.packages.host_check import check_host
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import serialise

CONF = b"ptp4l:delay_mechanism P2P\n"
FILES = (
    File(path="etc", content=None, mode=0o755),
    File(path="etc/vmware", content=None, mode=0o755),
    File(path="etc/vmware/trx.conf", content=CONF, mode=0o1644),
    File(path="opt", content=None, mode=0o755),
    File(path="opt/acme", content=None, mode=0o755),
    File(path="opt/acme/run", content=b"#!/bin/sh\n", mode=0o755),
    File(path="opt/acme/link", link="run"),
)
VIB = make(FILES)
VIB_ID = VIB.descriptor.vib_id
RELEASE = Release(8, 0, 3)
HOST = Host(
    release=RELEASE,
    installed=(BASE, Package(descriptor=VIB.descriptor)),
    installed_known=True,
)


def fact(content: bytes, mode: int, **changes: object) -> HostFile:
    digest = hashlib.sha256(content).hexdigest()
    none = HostFile(kind=HostFileKind.MISSING)
    found = HostFile(
        kind=HostFileKind.FILE, mode=mode, size=len(content), sha256=digest, sticky_copy=none
    )
    return replace(found, **changes)


AS_BUILT = {
    "/etc/vmware/trx.conf": fact(CONF, 0o1644),
    "/opt/acme/run": fact(b"#!/bin/sh\n", 0o755),
    "/opt/acme/link": HostFile(kind=HostFileKind.LINK, link="run"),
}


def drift(files: dict[str, HostFile] | None, host: Host = HOST) -> Drift:
    return find_drift(VIB, host, HostState(files=files))


def test_a_host_as_it_was_built() -> None:
    found = drift(AS_BUILT)
    assert found.good
    assert (found.vib_id, found.installed_id) == (VIB_ID, VIB_ID)
    assert [file.path for file in found.files] == sorted(AS_BUILT)
    assert found.settings is ConfState.AS_BUILT


TRX = "/etc/vmware/trx.conf"
RUN = "/opt/acme/run"
LINK = "/opt/acme/link"


@pytest.mark.parametrize(
    ("path", "found", "state"),
    [
        (TRX, fact(b"edited", 0o1644), FileState.DIFFERENT),
        (TRX, fact(CONF, 0o1644, sha256="a" * 64), FileState.DIFFERENT),
        (TRX, fact(b"edited", 0o1644, sha256=None), FileState.DIFFERENT),
        (TRX, fact(CONF, 0o1644, sha256=None), FileState.NOT_KNOWN),
        (TRX, HostFile(kind=HostFileKind.MISSING), FileState.MISSING),
        (TRX, HostFile(kind=HostFileKind.FOLDER), FileState.OTHER_KIND),
        (TRX, HostFile(kind=HostFileKind.LINK, link="/dev/null"), FileState.OTHER_KIND),
        (TRX, HostFile(kind=HostFileKind.NOT_KNOWN), FileState.NOT_KNOWN),
        (LINK, HostFile(kind=HostFileKind.LINK, link="elsewhere"), FileState.DIFFERENT),
        (LINK, HostFile(kind=HostFileKind.LINK), FileState.NOT_KNOWN),
        (LINK, fact(b"", 0o644), FileState.OTHER_KIND),
    ],
)
def test_one_file_that_is_not_as_built(path: str, found: HostFile, state: FileState) -> None:
    result = drift(AS_BUILT | {path: found})
    assert {file.path: file.state for file in result.files if file.state != "same"} == {path: state}
    assert not result.good
    if path == TRX:
        unknown = state is FileState.NOT_KNOWN
        assert result.settings is (ConfState.NOT_KNOWN if unknown else ConfState.CHANGED)


@pytest.mark.parametrize("files", [None, {}])
def test_facts_without_files(files: dict[str, HostFile] | None) -> None:
    found = drift(files)
    assert {file.state for file in found.files} == {FileState.NOT_KNOWN}
    assert found.settings is ConfState.NOT_KNOWN
    assert not found.good


def test_a_mode_is_told_and_not_judged() -> None:
    found = drift(AS_BUILT | {RUN: fact(b"#!/bin/sh\n", 0o644)})
    assert found.good
    assert [file.path for file in found.files if file.has_other_mode] == [RUN]


@pytest.mark.parametrize(
    ("copy", "has"),
    [
        (None, None),
        (HostFile(kind=HostFileKind.NOT_KNOWN), None),
        (HostFile(kind=HostFileKind.MISSING), False),
        (fact(b"edited", 0o644), True),
    ],
)
def test_a_sticky_copy(copy: HostFile | None, *, has: bool | None) -> None:
    found = drift(AS_BUILT | {TRX: fact(CONF, 0o1644, sticky_copy=copy)})
    assert [file.has_sticky_copy for file in found.files if file.path == TRX] == [has]
    assert found.good, "the file itself is as it was built"


def installed(*packages: Package, known: bool = True) -> Host:
    return replace(HOST, installed=(BASE, *packages), installed_known=known)


OTHER_BUILD = make((*FILES, File(path="opt/acme/more"))).descriptor


@pytest.mark.parametrize(
    ("host", "state"),
    [
        (installed(), InstalledState.NOT_INSTALLED),
        (installed(known=False), InstalledState.NOT_KNOWN),
        (
            installed(Package(descriptor=replace(VIB.descriptor, version="9.9.9-1"))),
            InstalledState.OTHER_VERSION,
        ),
        (installed(Package(descriptor=OTHER_BUILD)), InstalledState.OTHER_BUILD),
        (
            installed(
                Package(
                    descriptor=replace(VIB.descriptor, payloads=()),
                    files_known=False,
                    relationships_known=False,
                    payloads_known=False,
                )
            ),
            InstalledState.SAME,
        ),
    ],
)
def test_which_vib_is_installed(host: Host, state: InstalledState) -> None:
    found = drift(AS_BUILT, host)
    assert found.installed is state
    assert found.good is (state is InstalledState.SAME)


def test_a_copy_at_boot_is_compared_with_its_source() -> None:
    source = "opt/acme/boot-copy/files/etc/vmware/trx.conf"
    folders = tuple(
        File(path=source[:at], content=None, mode=0o755)
        for at, char in enumerate(source)
        if char == "/"
    )
    vib = make((*folders, File(path=source, content=CONF)))
    state = HostState(files={f"/{source}": fact(CONF, 0o644), TRX: fact(b"edited", 0o644)})
    found = find_drift(vib, HOST, state)
    (copied,) = (file for file in found.files if file.path == TRX)
    assert (copied.copied_from, copied.state) == (f"/{source}", FileState.DIFFERENT)
    assert found.settings is ConfState.CHANGED


def test_files_of_every_kind_in_a_real_archive() -> None:
    vib = Vib.from_bytes(vibs.MIXED_VIB, "x.vib")
    found = find_drift(vib, HOST, HostState(files={}))
    assert {file.path for file in found.files} == {
        "/etc/x/x.conf",
        "/etc/x/link",
        f"/{vibs.LONG.path}",
    }
    assert found.settings is ConfState.NOT_ASKED


def test_a_damaged_vib_is_no_traceback(tmp_path: Path) -> None:
    data = VIB.to_bytes()
    (tmp_path / "cut.vib").write_bytes(data[:-60])
    facts = b'{"format": "vibforge/host-facts/1", "version": "8.0"}'
    with pytest.raises(FormatError):
        check_host(facts, [tmp_path / "cut.vib"])
    (tmp_path / "bundle.zip").write_bytes(bundles.bundle(vibs.vib()))
    with pytest.raises(FormatError, match="this is not a VIB"):
        check_host(facts, [tmp_path / "bundle.zip"])


def test_the_whole_way_from_a_host(tmp_path: Path, tool: Callable[[str], str]) -> None:
    host = MockHost(tmp_path, tool("busybox"))
    (host.database / "vib-0.xml").write_bytes(serialise(VIB.descriptor))
    host.file(TRX, CONF, 0o1644)
    host.file(RUN, b"#!/bin/sh\n", 0o755)
    (host.root / "opt/acme/link").symlink_to("run")
    assert find_drift(VIB, HOST, read_state(host.run())).good
    host.file(TRX, b"edited")
    host.file("etc/vmware/.#trx.conf", b"edited")
    (host.root / "opt/acme/run").unlink()
    found = find_drift(VIB, HOST, read_state(host.run()))
    assert {file.path: (file.state, file.has_sticky_copy) for file in found.files} == {
        TRX: (FileState.DIFFERENT, True),
        RUN: (FileState.MISSING, False),
        LINK: (FileState.SAME, False),
    }
