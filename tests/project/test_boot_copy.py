"""The layout boot-copy: what it packs, and what its script does on a host."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.trees import make_tree
from vibforge.checks.extensibility import find_disallowed
from vibforge.errors import PayloadError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host.rebuild import MANIFEST
from vibforge.project.build import build
from vibforge.project.instruct import render
from vibforge.project.plan_build import plan_build
from vibforge.vib.archive import Vib

TRX = "etc/vmware/trx.conf"
FILES = {TRX: "ptp4l:delay_mechanism P2P\n", "opt/x/readme": "hello\n", "bin/tool": "#!/bin/sh\n"}


def built(tmp_path: Path, files: dict[str, str], **settings: str) -> Vib:
    tree = make_tree(tmp_path / "acme", dict(files))
    settings = {"layout": "boot-copy", **settings}
    return Vib.from_path(build(tree, tmp_path / "dist", settings=settings).vib_path)


def contents(vib: Vib) -> dict[str, tuple[int, bytes]]:
    return {
        entry.entry.path: (entry.entry.mode, b"".join(bytes(piece) for piece in content))
        for payload in vib.payloads
        for entry, content in vib.contents(payload)
    }


def test_what_stands_outside_the_list_moves(tmp_path: Path) -> None:
    vib = built(tmp_path, FILES)
    found = contents(vib)
    store = "opt/acme/boot-copy"
    assert found[f"{store}/files/{TRX}"] == (0o644, FILES[TRX].encode())
    assert found[f"{store}/{MANIFEST}"] == (0o644, f"0644 bin/tool\n0644 {TRX}\n".encode())
    assert found["opt/x/readme"] == (0o644, b"hello\n")
    assert found["etc/init.d/acme"][0] == 0o755
    assert TRX not in found
    assert "bin" not in found
    assert not find_disallowed(AcceptanceLevel.COMMUNITY, vib.descriptor.file_list)
    assert vib.descriptor.file_list == tuple(
        sorted(p for p, (mode, data) in found.items() if data or mode != 0o755)
    )


def test_every_parent_is_an_entry_before_its_children(tmp_path: Path) -> None:
    paths = list(contents(built(tmp_path, FILES)))
    for index, path in enumerate(paths):
        parent = path.rpartition("/")[0]
        assert not parent or parent in paths[:index]


def test_the_bytes_are_the_same_twice(tmp_path: Path) -> None:
    one = built(tmp_path / "1", FILES, name="acme").to_bytes()
    assert built(tmp_path / "2", FILES, name="acme").to_bytes() == one


def test_nothing_moves_where_all_is_allowed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "acme", {"opt/x/readme": "hello\n"})
    plain = plan_build(tree)
    assert plan_build(tree, settings={"layout": "boot-copy"}).files == plain.files


def test_partner_moves_less(tmp_path: Path) -> None:
    files = {"etc/rc.local.d/x.sh": "#!/bin/sh\n", TRX: "ptp4l:domainNumber 0\n"}
    vib = built(tmp_path, files, **{"acceptance-level": "partner"})
    assert "etc/rc.local.d/x.sh" in vib.descriptor.file_list
    assert TRX not in vib.descriptor.file_list


def test_links_cannot_be_copied(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "acme", {TRX: "ptp4l:domainNumber 0\n"})
    (tree / "etc/vmware/other.conf").symlink_to("trx.conf")
    with pytest.raises(PayloadError, match="copies regular files only"):
        plan_build(tree, settings={"layout": "boot-copy"})


def test_the_script_needs_its_path_for_itself(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "acme", {TRX: "ptp4l:domainNumber 0\n", "etc/init.d/acme": "#!/bin/sh\n"}
    )
    with pytest.raises(PayloadError, match="needs this path for itself"):
        plan_build(tree, settings={"layout": "boot-copy"})


class HostRoot:
    """A scratch root in which the script believes itself on a host."""

    def __init__(self, root: Path, busybox: str) -> None:
        self.root, self._busybox = root, busybox
        self.script = root / "etc/init.d/acme"

    def install(self, files: dict[str, str]) -> None:
        """Put the VIB's files there, as a live install or a boot does."""
        store = self.root / "opt/acme/boot-copy"
        make_tree(store / "files", dict(files))
        manifest = "".join(f"0640 {path}\n" for path in sorted(files))
        make_tree(self.root, {f"opt/acme/boot-copy/{MANIFEST}": manifest})
        make_tree(self.root, {"etc/init.d/acme": render("boot-copy/init.sh.j2", {"name": "acme"})})

    def run(self, *words: str, expect: int = 0) -> str:
        done = subprocess.run(
            [self._busybox, "sh", self.script, *words],
            env={"PATH": "/usr/bin:/bin", "BOOT_COPY_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stderr
        assert done.stderr.replace("usage", "") == "" or expect
        return done.stdout

    def read(self, path: str) -> str | None:
        file = self.root / path
        return file.read_text() if file.exists() else None


@pytest.fixture
def host(tmp_path: Path, tool: Callable[[str], str]) -> HostRoot:
    scratch = HostRoot(tmp_path / "root", tool("busybox"))
    scratch.install({TRX: "one\n"})
    return scratch


def test_first_boot(host: HostRoot) -> None:
    assert "/etc/vmware/trx.conf is in place" in host.run("start")
    assert host.read(TRX) == "one\n"
    assert (host.root / TRX).stat().st_mode & 0o7777 == 0o640
    assert "in place" in host.run("status")


def test_a_second_start_changes_nothing(host: HostRoot) -> None:
    host.run("start", "install")
    before = (host.root / TRX).stat()
    assert host.run("start") == ""
    assert (host.root / TRX).stat().st_mtime_ns == before.st_mtime_ns


def test_reboot(host: HostRoot, tmp_path: Path, tool: Callable[[str], str]) -> None:
    host.run("start")
    rebooted = HostRoot(tmp_path / "after", tool("busybox"))
    rebooted.install({TRX: "one\n"})
    rebooted.run("start")
    assert rebooted.read(TRX) == "one\n"


def test_an_edited_file_is_kept(host: HostRoot) -> None:
    host.run("start")
    (host.root / TRX).write_text("edited\n")
    assert "was edited on this host" in host.run("start")
    assert host.read(TRX) == "edited\n"
    assert "edited on this host" in host.run("status")


def test_an_edit_that_esxi_kept_stays(host: HostRoot) -> None:
    make_tree(host.root, {TRX: "edited\n", "etc/vmware/.#trx.conf": ""})
    assert "kept by ESXi" in host.run("start")
    assert host.read(TRX) == "edited\n"


def test_upgrade_brings_the_new_file_and_keeps_an_edit(host: HostRoot) -> None:
    host.run("start", "install")
    host.run("stop", "upgrade")
    assert host.read(TRX) == "one\n"
    host.install({TRX: "two\n"})
    host.run("start", "upgrade")
    assert host.read(TRX) == "two\n"
    (host.root / TRX).write_text("edited\n")
    host.install({TRX: "three\n"})
    host.run("upgrade")
    assert host.read(TRX) == "edited\n"


def test_an_upgrade_that_brings_fewer_files(host: HostRoot) -> None:
    host.install({TRX: "one\n", "etc/vmware/trxXconf": "more\n"})
    host.run("start")
    host.install({TRX: "one\n"})
    host.run("start", "upgrade")
    assert host.read("etc/vmware/trxXconf") is None
    assert host.read(TRX) == "one\n"


def test_remove_leaves_nothing(host: HostRoot) -> None:
    host.run("start")
    assert "is removed" in host.run("stop", "remove")
    assert host.read(TRX) is None
    assert not (host.root / "etc/vmware").exists()
    assert not (host.root / "var/run/boot-copy/acme").exists()
    assert host.run("remove") == ""


def test_remove_restores_what_stood_there(host: HostRoot) -> None:
    make_tree(host.root, {TRX: "of ESXi\n"})
    host.run("start")
    assert host.read(TRX) == "one\n"
    assert "as it was before" in host.run("remove")
    assert host.read(TRX) == "of ESXi\n"


def test_remove_keeps_a_copy_of_an_edit(host: HostRoot) -> None:
    host.run("start")
    (host.root / TRX).write_text("edited\n")
    assert "the edited /etc/vmware/trx.conf is kept in /tmp/acme-edited" in host.run("remove")
    assert host.read(f"tmp/acme-edited/{TRX}") == "edited\n"
    assert host.read(TRX) is None


def test_stop_alone_leaves_the_files(host: HostRoot) -> None:
    host.run("start")
    host.run("stop")
    assert host.read(TRX) == "one\n"


def test_a_file_that_cannot_be_put_is_an_error(host: HostRoot) -> None:
    make_tree(host.root, {"etc/vmware": "a file where a folder has to be\n"})
    out = host.run("start", expect=1)
    assert "could not be put in place" in out


def test_other_words_are_refused(host: HostRoot) -> None:
    host.run("dance", expect=2)
    host.run(expect=2)


def test_the_script_is_clean(host: HostRoot, tool: Callable[[str], str]) -> None:
    subprocess.run([tool("shellcheck"), host.script], check=True)
    assert (CHECKOUT / "templates/boot-copy/init.sh.j2").is_file()
