import gzip
import hashlib
import io
import json
import os
import random
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trees import TRX_CONF, elf_program, make_tree, sparse, trx_tree
from vibforge import Mode, PathRule, PayloadRecipe, PayloadType, Recipe
from vibforge.errors import ModelError, OutputError, PayloadError, VibforgeError
from vibforge.formats.deflating import CompressionLevel
from vibforge.formats.gnu_tar import EntryKind
from vibforge.project import pack as packing
from vibforge.project.build import build, build_plan
from vibforge.project.plan_build import DateSource, plan_build
from vibforge.trx.check import allowances

DATE = {"SOURCE_DATE_EPOCH": "1714564800"}


def built_from(project: Path, output: Path, **settings: str) -> bytes:
    return build(project, output, settings=settings, environment=DATE).vib_path.read_bytes()


def payload_of(vib: bytes) -> bytes:
    """Return the last member of an archive with one payload."""
    start = vib.index(b"\x1f\x8b")
    size = int(vib[start - 12 : start - 2])
    return vib[start : start + size]


def problems_of(project: Path | Recipe, root: Path | str = ".") -> list[str]:
    with pytest.raises(VibforgeError) as caught:
        plan_build(project, root=root, environment=DATE)
    return [str(problem) for problem in caught.value.problems]


def test_the_archive_is_laid_out_as_the_vendors(tmp_path: Path) -> None:
    vib = built_from(trx_tree(tmp_path / "trx-conf"), tmp_path / "dist")
    descriptor = (tmp_path / "dist/descriptor.xml").read_bytes()
    payload = payload_of(vib)
    assert vib == b"".join(
        (
            b"!<arch>\n",
            b"descriptor.xml  0           0     0     0       %-10d`\n" % len(descriptor),
            descriptor,
            b"\n" * (len(descriptor) % 2),
            b"sig.pkcs7       0           0     0     0       0         `\n",
            b"payload1        0           0     0     0       %-10d`\n" % len(payload),
            payload,
            b"\n" * (len(payload) % 2),
        )
    )


def test_the_descriptor_is_in_the_vendors_form(tmp_path: Path) -> None:
    built_from(
        trx_tree(tmp_path / "trx-conf"), tmp_path / "dist", **{"acceptance-level": "partner"}
    )
    vib = (tmp_path / "dist/custom_bootbank_trx-conf_1.0.0-1.vib").read_bytes()
    payload = payload_of(vib)
    image = gzip.decompress(payload)
    assert (tmp_path / "dist/descriptor.xml").read_text() == (
        '<vib version="5.0"><type>bootbank</type><name>trx-conf</name><version>1.0.0-1</version>'
        "<vendor>custom</vendor><summary>Files for ESXi: trx-conf</summary>"
        "<description>Files for ESXi: trx-conf</description>"
        "<release-date>2024-05-01T12:00:00+00:00</release-date><urls/>"
        "<relationships><depends/><conflicts/><replaces/><provides/><compatibleWith/>"
        "</relationships><software-tags/>"
        "<system-requires><maintenance-mode>false</maintenance-mode></system-requires>"
        "<file-list><file>etc/vmware/trx.conf</file></file-list>"
        "<acceptance-level>partner</acceptance-level>"
        "<live-install-allowed>true</live-install-allowed>"
        "<live-remove-allowed>true</live-remove-allowed><cimom-restart>false</cimom-restart>"
        "<stateless-ready>true</stateless-ready><overlay>false</overlay>"
        f'<payloads><payload name="payload1" type="tgz" size="{len(payload)}" '
        f'uncompressed-size="{len(image)}">'
        '<checksum checksum-type="sha-256" verify-process="gunzip">'
        f"{hashlib.sha256(image).hexdigest()}</checksum>"
        f'<checksum checksum-type="sha-256">{hashlib.sha256(payload).hexdigest()}</checksum>'
        '<checksum checksum-type="sha-1" verify-process="gunzip">'
        f"{hashlib.sha1(image, usedforsecurity=False).hexdigest()}</checksum>"
        "</payload></payloads></vib>"
    )


def test_the_folder_holds_all_for_review_and_install(tmp_path: Path) -> None:
    built = build(trx_tree(tmp_path / "trx-conf"), tmp_path / "dist", environment=DATE)
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {
        "custom_bootbank_trx-conf_1.0.0-1.vib",
        "descriptor.xml",
        "sig.pkcs7",
        "build.json",
        "INSTALL.md",
        "install.sh",
        "remove.sh",
    }
    assert (tmp_path / "dist/sig.pkcs7").read_bytes() == b""
    data = built.vib_path.read_bytes()
    assert (built.size, built.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_the_bytes_are_known(tmp_path: Path) -> None:
    """The golden digest of a small VIB, on every machine with this release of the codec."""
    tree = make_tree(
        tmp_path / "project",
        {
            "etc/vmware/trx.conf": TRX_CONF,
            "opt/tool/bin/tool": elf_program(),
            "opt/tool/link": "-> bin/tool",
            f"opt/{'long/' * 30}name": b"",
        },
    )
    found = {}
    for kind in ("tgz", "vgz"):
        settings = {"payloads[0].type": kind, "name": "golden"}
        for level in CompressionLevel:
            out = tmp_path / f"{kind}-{level}"
            built = build(tree, out, settings=settings, environment=DATE, level=level)
            found[kind, level] = built.sha256
    assert found == GOLDEN
    default = build(tree, tmp_path / "default", settings={"name": "golden"}, environment=DATE)
    assert default.sha256 == GOLDEN["tgz", CompressionLevel.FAST]


GOLDEN = {
    (
        "tgz",
        CompressionLevel.BEST,
    ): "0e510a81ef461b214ce6d5d2445c2c4c67d8507d8bfdc9983957800d5076ef45",
    (
        "vgz",
        CompressionLevel.BEST,
    ): "7f6d8d78fe0b0bcbd6d3d97c901539348a72066b6262b4d258ee27c5c20597a3",
    (
        "tgz",
        CompressionLevel.FAST,
    ): "bdad9bcbae60d2c110f05b4557c9ad71963b5790c38c50dbe4663a931e892e05",
    (
        "vgz",
        CompressionLevel.FAST,
    ): "57d12eba60cbd2632e12cc268ac303f334637998e9bfad6b491eb16aeb8a4d7f",
}


def test_independent_tools_read_it(tmp_path: Path, tool: Callable[[str], str]) -> None:
    tree = make_tree(
        tmp_path / "t",
        {"etc/a": "A", "opt/b/c": "C" * 9000, "opt/b/l": "-> c", f"o/{'x' * 120}": "L"},
    )
    built = build(tree, tmp_path / "dist", environment=DATE)
    ar, bsdtar = tool("ar"), tool("bsdtar")
    names = subprocess.run([ar, "t", built.vib_path], capture_output=True, text=True, check=True)
    assert names.stdout.split() == ["descriptor.xml", "sig.pkcs7", "payload1"]
    subprocess.run([bsdtar, "-xf", built.vib_path, "-C", tmp_path], check=True)
    payload = tmp_path / "payload1"
    for command in ([bsdtar, "-tf", str(payload)], [tool("tar"), "-tzf", str(payload)]):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert [line.rstrip("/") for line in done.stdout.split()] == [
            entry.path for entry in built.plan.trees[0].entries
        ]
    subprocess.run([tool("xmllint"), "--noout", tmp_path / "descriptor.xml"], check=True)
    digest = subprocess.run(["sha256sum", payload], capture_output=True, text=True, check=True)
    assert digest.stdout.split()[0] == built.members[0].sha256
    command = [tool("gunzip"), "-c"]
    image = subprocess.run(command, input=payload.read_bytes(), capture_output=True, check=True)
    assert hashlib.sha256(image.stdout).hexdigest() == built.members[0].content_sha256


@pytest.mark.parametrize("kind", list(PayloadType))
def test_files_links_and_modes_arrive(tmp_path: Path, kind: PayloadType) -> None:
    tree = make_tree(
        tmp_path / "t",
        {"etc/a.conf": "A", "opt/run": "#!/bin/sh\n", "opt/l": "-> run", "etc/s": "s"},
    )
    (tree / "opt/run").chmod(0o700)
    (tree / "etc/s").chmod(0o1666)
    recipe = Recipe(
        name="x",
        version="1-1",
        payloads=(
            PayloadRecipe(
                name="p",
                tree="t",
                type=kind,
                rules=(
                    PathRule(paths=("etc/*.conf",), mode=Mode(0o1600), owner=7),
                    PathRule(paths=("etc",), group=8),
                ),
            ),
        ),
    )
    entries = plan_build(recipe, root=tmp_path, environment=DATE).trees[0].entries
    assert [(e.path, e.kind, oct(e.mode), e.uid, e.gid, e.link) for e in entries] == [
        ("etc", EntryKind.DIRECTORY, "0o755", 0, 8, ""),
        ("etc/a.conf", EntryKind.FILE, "0o1600", 7, 0, ""),
        ("etc/s", EntryKind.FILE, "0o1644", 0, 0, ""),
        ("opt", EntryKind.DIRECTORY, "0o755", 0, 0, ""),
        ("opt/l", EntryKind.SYMLINK, "0o777", 0, 0, "run"),
        ("opt/run", EntryKind.FILE, "0o755", 0, 0, ""),
    ]


def test_payloads_are_written_in_the_order_of_their_names(tmp_path: Path) -> None:
    make_tree(tmp_path / "project/payloads", {"zz/opt/z": "z", "aa/opt/a": "a", "B/opt/b": "b"})
    built = build(tmp_path / "project", tmp_path / "dist", environment=DATE)
    assert [payload.name for payload in built.descriptor.payloads] == ["B", "aa", "zz"]
    assert built.descriptor.file_list == ("opt/a", "opt/b", "opt/z")


def test_the_bytes_do_not_depend_on_where_when_and_who(tmp_path: Path) -> None:
    digests = set()
    variants = [
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"},
        {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "3"},
    ]
    for number, variant in enumerate(variants):
        home = tmp_path / str(number)
        names = [f"opt/{letter}" for letter in "Zabäc".encode("ascii", "ignore").decode()]
        ordered = names if number else names[::-1]
        umask = os.umask([0o022, 0o077, 0o000][number])
        try:
            make_tree(home / "trx-conf", {"etc/x": "x", **dict.fromkeys(ordered, "y")})
        finally:
            os.umask(umask)
        os.utime(home / "trx-conf/etc/x", (number, number))
        script = (
            "import sys; from vibforge import build; print(build(sys.argv[1], sys.argv[2]).sha256)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "trx-conf", "dist"],
            cwd=home,
            env=os.environ | DATE | variant,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_the_last_commit_dates_the_vib(tmp_path: Path, tool: Callable[[str], str]) -> None:
    project = trx_tree(tmp_path / "project")
    when = "2023-03-04T05:06:07+02:00"
    env = os.environ | {
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run([tool("git"), "-C", tmp_path, *words], check=True, env=env)
    plan = plan_build(project, environment={})
    assert (str(plan.dated.date), plan.dated.source) == (
        "2023-03-04T03:06:07+00:00",
        DateSource.COMMIT,
    )


def test_the_settings_of_a_repository_make_git_run_no_program(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """A commit that claims a signature, and a setting that has git check it with a program."""
    project, trace = trx_tree(tmp_path / "project"), tmp_path / "trace"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{trace}'\n")
    program.chmod(0o755)
    env = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*words: str, text: str = "") -> str:
        command = [tool("git"), "-C", str(tmp_path), *words]
        done = subprocess.run(
            command, check=True, env=env, text=True, capture_output=True, input=text
        )
        return done.stdout.strip()

    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    git("init", "-q")
    git("add", "project")
    git(*who, "commit", "-qm", "x", "--date", "2023-03-04T05:06:07Z")
    head, _, message = git("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abcd\n -----END PGP SIGNATURE-----"
    commit = git(
        "hash-object", "-t", "commit", "-w", "--stdin", text=f"{head}\n{signature}\n\n{message}\n"
    )
    git("reset", "-q", commit)
    for setting in ("gpg.program", "core.fsmonitor", "core.pager", "diff.external"):
        git("config", setting, str(program))
    git("config", "log.showSignature", "true")
    git("log", "-1")
    assert trace.exists(), "what is asked of git would run it"
    trace.unlink()
    assert plan_build(project, environment={}).dated.source is DateSource.COMMIT
    assert not trace.exists()


def test_without_git_the_date_is_fixed_and_said_so(tmp_path: Path) -> None:
    plan = plan_build(trx_tree(tmp_path / "project"), environment={})
    assert (str(plan.dated.date), plan.dated.source) == (
        "2000-01-01T00:00:00+00:00",
        DateSource.FIXED,
    )


def test_a_wrong_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="SOURCE_DATE_EPOCH is 'now'"):
        plan_build(trx_tree(tmp_path / "p"), environment={"SOURCE_DATE_EPOCH": "now"})


def test_missing_tree(tmp_path: Path) -> None:
    recipe = Recipe(name="x", version="1-1", payloads=(PayloadRecipe(name="p", tree="t"),))
    assert "there is no such folder" in problems_of(recipe, tmp_path)[0]
    assert "there is no such project" in problems_of(tmp_path / "nothing")[0]


def test_empty_tree(tmp_path: Path) -> None:
    (tmp_path / "project/etc").mkdir(parents=True)
    assert "the tree holds no files" in problems_of(tmp_path / "project")[0]


def test_all_faults_of_a_tree_at_once(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "project",
        {
            "a/naïve": "",
            "b/new\nline": "",
            "c/out": "-> ../../../etc/passwd",
            "c/absolute": "-> /etc/passwd",
            "c/dangling": "-> nothing",
            "c/fine": "-> /a",
        },
    )
    os.mkfifo(tree / "d")
    found = "\n".join(problems_of(tree))
    for part in (
        "a/naïve: the name has characters other than printable ASCII",
        "'b/new\\nline': the name has characters",
        "c/out: the link leads to ../../../etc/passwd, which is not in the tree",
        "c/absolute: the link leads to /etc/passwd, which is not in the tree",
        "c/dangling: the link leads to nothing, which is not in the tree",
        "project/d: a named pipe cannot be part of a payload",
    ):
        assert part in found
    assert "c/fine" not in found


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = trx_tree(tmp_path / "p")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert "a socket cannot be part of a payload" in problems_of(tree)[0]


def test_outside_links_and_exclusions(tmp_path: Path) -> None:
    make_tree(tmp_path / "t", {"opt/x": "-> /bin/vmx", "opt/.y.swp": "", "opt/z": ""})
    payload = PayloadRecipe(name="p", tree="t", outside_links=("opt/x",), exclude=("*.swp",))
    recipe = Recipe(name="x", version="1-1", payloads=(payload,))
    plan = plan_build(recipe, root=tmp_path, environment=DATE)
    assert plan.files == ("opt/x", "opt/z")


def test_a_rule_that_matches_nothing(tmp_path: Path) -> None:
    trx_tree(tmp_path / "t")
    payload = PayloadRecipe(name="p", tree="t", rules=(PathRule(paths=("etc/trx*",)),))
    recipe = Recipe(name="x", version="1-1", payloads=(payload,))
    assert "no path matches rules[0] of payload p: etc/trx*" in problems_of(recipe, tmp_path)[0]


def test_an_unreadable_file(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    (tree / "etc/vmware/trx.conf").chmod(0)
    script = (
        "import os, sys; from vibforge.project.plan_build import plan_build\n"
        "plan_build(sys.argv[1], environment={'SOURCE_DATE_EPOCH': '0'})\n"  # loads all it needs
        "os.geteuid() or os.setuid(65534)\n"  # root reads every file
        "plan_build('.', environment={'SOURCE_DATE_EPOCH': '0'})"
    )
    tree.chmod(0o755)
    command = [sys.executable, "-c", script, str(trx_tree(tmp_path / "good"))]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert "etc/vmware/trx.conf: cannot be read: permission denied" in done.stderr


def test_a_path_of_512_characters(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"/".join(["d" * 100] * 6): ""})
    assert "the path has" in problems_of(tree)[0]


def test_two_payloads_with_one_path(tmp_path: Path) -> None:
    make_tree(tmp_path / "p/payloads", {"a/etc/x": "", "b/etc/x": "", "b/etc/y": ""})
    assert problems_of(tmp_path / "p") == [
        "/etc/x: payloads a and b both have this path\n  → remove it from all trees but one"
    ]


def test_four_gibibytes_unpacked(tmp_path: Path) -> None:
    sparse(tmp_path / "p/opt/disk", 4 * 1024**3 - 1)
    assert "end at 4 GiB" in problems_of(tmp_path / "p")[0]


def test_a_recipe_given_as_a_value_is_held_against_the_rules() -> None:
    recipe = Recipe(name="a'; reboot", version="one", payloads=(PayloadRecipe(name="", tree="t"),))
    assert len(problems_of(recipe)) == 3


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    plan = plan_build(tree, environment=DATE)
    (tree / "etc/vmware/trx.conf").write_text("longer than it was before")
    with pytest.raises(PayloadError, match="changed while it was read"):
        build_plan(plan, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "p", {"opt/log": "x" * 5000})
    plan = plan_build(tree, environment=DATE)
    read = packing._read_into  # noqa: SLF001 - the moment between two reads

    def read_and_grow(descriptor: int, buffer: memoryview) -> int:
        with (tree / "opt/log").open("a") as file:
            file.write("more")
        return read(descriptor, buffer)

    monkeypatch.setattr(packing, "_read_into", read_and_grow)
    with pytest.raises(PayloadError, match="changed while it was read"):
        build_plan(plan, tmp_path / "dist")


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    plan = plan_build(tree, environment=DATE)
    (tree / "etc/vmware/trx.conf").unlink()
    os.mkfifo(tree / "etc/vmware/trx.conf")
    with pytest.raises(PayloadError, match="changed while it was read"):
        build_plan(plan, tmp_path / "dist")


def test_a_failed_build_leaves_what_was_there(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    build(tree, tmp_path / "dist", environment=DATE)
    before = {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()}
    plan = plan_build(tree, environment=DATE)
    (tree / "etc/vmware/trx.conf").write_text("other")
    with pytest.raises(PayloadError):
        build_plan(plan, tmp_path / "dist")
    assert {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()} == before


def test_a_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    plan = plan_build(trx_tree(tmp_path / "p"), environment=DATE)
    (tmp_path / "dist").mkdir()
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from vibforge.__main__ import run; sys.argv[0] = 'vibforge'; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "build", tmp_path / "p", "-o", tmp_path / "dist"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"{plan.vib_name}: cannot be written: File too large" in done.stderr
    assert list((tmp_path / "dist").iterdir()) == []


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    (tmp_path / "dist/INSTALL.md").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder has this name"):
        build(tree, tmp_path / "dist", environment=DATE)
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["INSTALL.md"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_in_the_way_stays_a_pipe(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    (tmp_path / "dist").mkdir()
    os.mkfifo(tmp_path / "dist/INSTALL.md")
    with pytest.raises(OutputError, match="a pipe, socket or device has this name"):
        build(tree, tmp_path / "dist", environment=DATE)
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["INSTALL.md"]
    assert (tmp_path / "dist/INSTALL.md").is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="this system has no such links")
@pytest.mark.parametrize("target", ["/proc/self/fd/1", "/dev/fd/1", "/dev/null", "."])
def test_a_link_to_an_open_file_stays(tmp_path: Path, target: str) -> None:
    tree = trx_tree(tmp_path / "p")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/INSTALL.md").symlink_to(target)
    with pytest.raises(OutputError, match="a link to something that is not a file has this name"):
        build(tree, tmp_path / "dist", environment=DATE)
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["INSTALL.md"]
    assert str((tmp_path / "dist/INSTALL.md").readlink()) == target


def test_the_folder_of_another_package(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    build(tree, tmp_path / "dist", environment=DATE)
    build(tree, tmp_path / "dist", settings={"version": "1.0.1-1"}, environment=DATE)
    with pytest.raises(OutputError, match="the folder holds another package"):
        build(tree, tmp_path / "dist", settings={"name": "other"}, environment=DATE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PayloadType))
def test_memory_stays_flat(tmp_path: Path, kind: PayloadType) -> None:
    """A payload of 300 MB takes less than 64 MiB above what the imports take."""
    tree = tmp_path / "p"
    big = sparse(tree / "opt/big", 300_000_000)
    with big.open("r+b") as file:  # enough that the file carries what it unpacks to
        file.write(random.Random(3).randbytes(16 << 20))
    script = (
        "import resource, sys; from vibforge.project.build import build; import jinja2, lxml.etree;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak();"
        "build(sys.argv[1], sys.argv[2], settings={'payloads[0].type': sys.argv[3]}, threads=2);"
        "print(peak() - before)"
    )
    command = [sys.executable, "-c", script, str(tree), str(tmp_path / "dist"), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64 * 1024


def test_the_image_can_be_read_by_python(tmp_path: Path) -> None:
    vib = built_from(trx_tree(tmp_path / "trx-conf"), tmp_path / "dist")
    with tarfile.open(fileobj=io.BytesIO(payload_of(vib))) as archive:
        file = archive.extractfile("etc/vmware/trx.conf")
        assert file is not None
        assert file.read().decode() == TRX_CONF


def test_a_trx_conf_with_errors_stops_the_build(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"etc/vmware/trx.conf": "ptp4l:port0:delay_mechanism P2P\n"})
    assert "trx.conf:1:7: the line names the port `port0`" in problems_of(tree)[0]
    assert not (tmp_path / "dist").exists()


def test_what_is_allowed_stands_in_the_record(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"etc/vmware/trx.conf": "ptp4l:port0:delay_mechanism P2P\n"})
    allow = allowances({"port-section": "tried on our host"})
    built = build(tree, tmp_path / "dist", environment=DATE, allow=allow)
    record = json.loads((built.folder / "build.json").read_text())
    expected = {"rule": "port-section", "because": "tried on our host", "lines": [1]}
    assert record["allowed"] == [expected]
    assert record["files"][0]["sha256"] == built.sha256
    (tmp_path / "vibforge.toml").write_text(
        'name = "p"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "p"\n'
        '[[allow]]\nrule = "port-section"\nbecause = "tried on our host"\n'
    )
    built = build(tmp_path, tmp_path / "dist2", environment=DATE)
    assert json.loads((built.folder / "build.json").read_text())["allowed"] == [expected]


def test_instructions_can_be_left_out(tmp_path: Path) -> None:
    built = build(trx_tree(tmp_path / "p"), tmp_path / "dist", environment=DATE, instructions=False)
    assert {path.name for path in built.folder.iterdir()} == set(built.plan.output_names)
    assert not (built.folder / "INSTALL.md").exists()


def test_output_within_a_tree_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = trx_tree(tmp_path / "p")
    monkeypatch.chdir(tree)
    with pytest.raises(OutputError) as caught:
        build(".", "dist")
    assert "the output folder is in the payload tree" in str(caught.value)
    assert f"-o {tmp_path / 'dist'}" in caught.value.problems[0].remedy
    assert not (tree / "dist").exists()
    payload = PayloadRecipe(name="p", tree=".", exclude=("dist",))
    recipe = Recipe(name="x", version="1-1", payloads=(payload,))
    first = build(recipe, "dist").sha256
    assert build(recipe, "dist").sha256 == first, "left out, it may stay"


@pytest.mark.parametrize("name", ["a.vib", "etc/vmware/trx.conf"])
def test_a_file_that_is_no_recipe(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"ptp4l:priority1 255\n\x8b")
    with pytest.raises(ModelError, match=r"no recipe: the name of a recipe ends with \.toml"):
        build(tmp_path / name, tmp_path / "dist")


def test_paths_that_need_a_flag_are_named_and_counted(tmp_path: Path) -> None:
    names = [".profile", *(f"bin/{letter}" for letter in "abcdefg")]
    plan = plan_build(make_tree(tmp_path / "p", dict.fromkeys(names, "")), environment=DATE)
    (reason,) = plan.needs.reasons
    assert reason.startswith(
        "/.profile, /bin/a, /bin/b, /bin/c, /bin/d and 3 more: CommunitySupported VIBs may not"
    )
    assert reason.count("may not install") == 1


@pytest.mark.parametrize("name", ["a\\b", "opt\\..\\x", "\\"])
def test_a_name_with_a_backslash_is_refused(tmp_path: Path, name: str) -> None:
    tree = trx_tree(tmp_path / "tree")
    (tree / name).write_text("")
    with pytest.raises(PayloadError, match="has a backslash") as caught:
        build(tree, tmp_path / "out")
    assert "exclude" in caught.value.problems[0].remedy
    assert not (tmp_path / "out").exists()
