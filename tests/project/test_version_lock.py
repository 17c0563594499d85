"""One version, one content: every way to a second content is refused, and leaves the first."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests import vibs
from tests.signing.lab import Lab
from tests.trees import make_tree
from vibforge.api.build import BuildResult, build
from vibforge.api.bundles import create_bundle
from vibforge.api.inspect import extract
from vibforge.api.sign import sign
from vibforge.bundle.opening import file_digests, opened_bundles
from vibforge.errors import FormatError, OutputError, VibforgeError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.project.published import DEPTH_LIMIT, LINE_LIMIT
from vibforge.project.version_lock import ConflictKind

RECIPE = """\
name = "agent"
version = "1.2.0-1"
vendor = "Acme"
[[payloads]]
name = "agent"
tree = "tree"
"""
VIB = "Acme_bootbank_agent_1.2.0-1.vib"
BUNDLE = "agent-1.2.0-1-offline-bundle.zip"
NEXT = "build 1.2.0-2 (--version 1.2.0-2)"
HIGHER: dict[str, Any] = {"settings": {"version": "1.3.0-1"}}
LOWER: dict[str, Any] = {"settings": {"version": "1.1.0-1"}}


class Desk(Struct, frozen=True):
    """A project, and the folder that it is built into."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "dist"

    def build(self, out: str = "dist", **options: Any) -> BuildResult:  # noqa: ANN401 - those of build
        return build(self.root / "p", self.root / out, environment={}, **options)

    def refusal(self, **options: Any) -> str:  # noqa: ANN401 - the same
        """Return why a build is refused; whatever is in the folder stays as it is."""
        before = files(self.out)
        with pytest.raises(OutputError) as refused:
            self.build(**options)
        assert files(self.out) == before
        return str(refused.value)

    def edit(self, path: str, text: str) -> None:
        (self.root / "p" / path).write_text(text)

    def sums(self, *lines: str) -> Path:
        path = self.root / "SHA256SUMS"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    make_tree(
        tmp_path / "p",
        {"vibforge.toml": RECIPE, "tree/opt/a": "one\n", "tree/etc/vmware/trx.conf": "#\n"},
    )
    return Desk(tmp_path)


WAYS: dict[str, tuple[Callable[[Desk], object], dict[str, object], str]] = {
    "an edited file": (lambda desk: desk.edit("tree/opt/a", "two\n"), {}, "+two"),
    "a clock's setting": (
        lambda desk: desk.edit("tree/etc/vmware/trx.conf", "ptp4l:domainNumber 24\n"),
        {},
        "ptp4l domainNumber: ",
    ),
    "a file more": (lambda desk: desk.edit("tree/opt/b", ""), {}, "+ /opt/b: file, 0644"),
    "a file less": (lambda desk: (desk.root / "p/tree/opt/a").unlink(), {}, "- /opt/a: file"),
    "a mode": (
        lambda desk: (desk.root / "p/tree/opt/a").chmod(0o755),
        {},
        "~ /opt/a mode: 0644 → 0755",
    ),
    "a key of the recipe": (
        lambda desk: desk.edit("vibforge.toml", 'summary = "An agent"\n' + RECIPE),
        {},
        "~ summary: agent → An agent",
    ),
    "an option": (lambda _: None, {"settings": {"overlay": "true"}}, "~ overlay: false → true"),
    "a date": (lambda _: None, {"settings": {"release-date": "2026-01-01"}}, "release-date"),
    "another compression": (lambda _: None, {"compression": "best"}, "the same content, but other"),
}


@pytest.mark.parametrize(("way", "options", "said"), WAYS.values(), ids=list(WAYS))
def test_no_way_leads_to_a_second_content(
    desk: Desk, way: Callable[[Desk], object], options: dict[str, Any], said: str
) -> None:
    desk.build()
    way(desk)
    refusal = desk.refusal(**options)
    assert f"{desk.out / VIB}: version 1.2.0-1 exists with " in refusal
    assert said in refusal
    assert NEXT in refusal
    assert "--overwrite" in refusal
    published = desk.refusal(previous=desk.out, **options)
    assert said in published


def test_the_same_content_can_be_built_again_and_again(desk: Desk) -> None:
    first = desk.build(bundle=True)
    again = desk.build(bundle=True, previous=desk.out)
    assert again.sha256 == first.sha256
    assert not again.overwritten
    assert not again.removed
    assert not again.warnings
    assert desk.build(if_changed=True, previous=desk.out).unchanged
    assert desk.build(bundle=False).sha256 == first.sha256
    assert (desk.out / BUNDLE).exists(), "it holds the same VIB"


def test_the_proposed_version_is_one_that_can_be_built(desk: Desk) -> None:
    desk.build()
    desk.edit("tree/opt/a", "two\n")
    desk.build(settings={"version": "1.2.0-2"}, previous=desk.out)
    desk.edit("tree/opt/a", "three\n")
    assert "--version 1.2.0-3" in desk.refusal(previous=desk.out)


def test_a_signature_makes_other_bytes(desk: Desk, lab: Lab) -> None:
    signer = lab.signer(AcceptanceLevel.PARTNER)
    desk.build()
    refusal = desk.refusal(signer=signer)
    assert "~ signed by: nobody → " in refusal
    desk.build("signed", signer=signer)
    with pytest.raises(OutputError, match=r"signed by: .* → nobody"):
        desk.build("signed")


def test_overwriting_is_said(desk: Desk) -> None:
    old = desk.build()
    desk.edit("tree/opt/a", "two\n")
    new = desk.build(overwrite=True)
    (overwritten,) = new.overwritten
    assert overwritten.kind is ConflictKind.OTHER_BYTES
    assert (overwritten.where, overwritten.sha256) == (str(desk.out / VIB), old.sha256)
    assert hashlib.sha256((desk.out / VIB).read_bytes()).hexdigest() == new.sha256


@pytest.mark.parametrize(
    ("there", "said"),
    [(b"", "cannot be read"), (b"!<arch>\nx", "cannot be read"), (b"<html>", "cannot be read")],
)
def test_what_is_no_vib_is_not_overwritten_either(desk: Desk, there: bytes, said: str) -> None:
    make_tree(desk.out, {VIB: there})
    assert said in desk.refusal()
    desk.build(overwrite=True)


def test_a_link_to_another_content_is_refused(desk: Desk) -> None:
    make_tree(desk.root, {"elsewhere": b"x", f"dist/{VIB}": "-> ../elsewhere"})
    desk.refusal()
    desk.build(overwrite=True)
    assert (desk.root / "elsewhere").read_bytes() == b"x"


def test_versions_that_a_host_takes_for_the_same_are_refused(desk: Desk) -> None:
    desk.build(settings={"version": "1.2.0-01"})
    assert "for a host 1.2.0-01 and 1.2.0-1 are the same version" in desk.refusal()
    (conflict,) = desk.build(overwrite=True).overwritten
    assert conflict.kind is ConflictKind.EQUAL_VERSION


@pytest.mark.parametrize("version", ["2.4.4", "8.045a-napi", "1_2-x_3"])
def test_versions_of_any_form_are_locked_too(desk: Desk, version: str) -> None:
    options: dict[str, Any] = {"settings": {"version": version, "version-as-is": "true"}}
    first = desk.build(**options)
    assert desk.build(previous=desk.out, **options).previous
    sums = desk.sums(f"{first.sha256}  {first.vib_path.name}")
    desk.edit("tree/opt/a", "two\n")
    assert f"version {version} exists with other content" in desk.refusal(**options)
    with pytest.raises(OutputError, match="exists with other bytes"):
        desk.build("other", previous=sums, **options)


def test_another_package_and_another_version_are_no_conflict(desk: Desk) -> None:
    desk.build()
    desk.edit("tree/opt/a", "two\n")
    assert desk.build(**HIGHER).overwritten == ()
    with pytest.raises(OutputError, match="holds another package"):
        desk.build(settings={"name": "agent_1"}, overwrite=True)


def bundled_content(path: Path) -> bytes:
    unpacked = path.parent / "unpacked"
    extract(path, unpacked, force=True)
    (found,) = unpacked.rglob("opt/a")
    return found.read_bytes()


def test_a_bundle_is_built_again_with_its_vib(desk: Desk) -> None:
    desk.build(bundle=True)
    desk.edit("tree/opt/a", "two\n")
    assert desk.refusal(bundle=True)
    result = desk.build(bundle=True, overwrite=True)
    assert result.removed == (desk.out / BUNDLE,)
    assert result.bundle is not None
    assert bundled_content(desk.out / BUNDLE) == b"two\n"


@pytest.mark.parametrize("bundle", [None, False])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_stale_bundle_is_removed(
    desk: Desk,
    bundle: bool | None,  # noqa: FBT001 - the parameter of the test
    recorded: bool,  # noqa: FBT001 - the same
) -> None:
    desk.build(bundle=True)
    if not recorded:
        (desk.out / "build.json").unlink()
    desk.edit("tree/opt/a", "two\n")
    assert BUNDLE in desk.refusal(bundle=bundle)
    result = desk.build(bundle=bundle, overwrite=True)
    assert result.removed == (desk.out / BUNDLE,)
    assert not (desk.out / BUNDLE).exists()
    assert BUNDLE not in (desk.out / "build.json").read_text()


def test_a_bundle_without_its_vib_has_the_id_too(desk: Desk) -> None:
    desk.build(bundle=True)
    (desk.out / VIB).unlink()
    desk.edit("tree/opt/a", "two\n")
    refusal = desk.refusal()
    assert f"{desk.out / BUNDLE}: version 1.2.0-1 exists with other content" in refusal
    assert "+two" in refusal


def test_a_stale_bundle_is_found_where_nothing_changed(desk: Desk) -> None:
    """As builds of older releases left one."""
    desk.edit("tree/opt/a", "old\n")
    desk.build("old", bundle=True)
    desk.edit("tree/opt/a", "one\n")
    desk.build()
    stale = (desk.root / "old" / BUNDLE).read_bytes()
    (desk.out / BUNDLE).write_bytes(stale)
    assert BUNDLE in desk.refusal(if_changed=True)
    assert desk.build(if_changed=True, overwrite=True).removed == (desk.out / BUNDLE,)


def test_a_forged_record_removes_nothing(desk: Desk) -> None:
    desk.build()
    record = json.loads((desk.out / "build.json").read_text())
    (desk.out / "notes.zip").write_bytes(b"mine")
    for name in ("notes.zip", "../p/vibforge.toml", "build.json"):
        fake = {"kind": "bundle", "name": name, "size": 4, "sha256": "0" * 64}
        changed = {**record, "files": [*record["files"], fake]}
        (desk.out / "build.json").write_text(json.dumps(changed))
        desk.edit("tree/opt/a", name)
        assert desk.build(overwrite=True).removed == ()
    assert (desk.out / "notes.zip").read_bytes() == b"mine"


def as_vib(desk: Desk) -> Path:
    return desk.root / "published" / VIB


def as_bundle(desk: Desk) -> Path:
    (desk.root / "published" / VIB).unlink()
    return desk.root / "published" / BUNDLE


def as_bundle_of_several(desk: Desk) -> Path:
    other = vibs.write(desk.root, "other", system_requires=vibs.requires("8.0"))
    path = desk.root / "several.zip"
    create_bundle(
        [desk.root / "published" / VIB, other],
        path,
        settings={"vendor-code": "ACM"},
        platforms="8.0",
    )
    return path


def as_record(desk: Desk) -> Path:
    return desk.root / "published/build.json"


def as_record_alone(desk: Desk) -> Path:
    (desk.root / "published" / VIB).unlink()
    return desk.root / "published/build.json"


def as_folder(desk: Desk) -> Path:
    return desk.root / "published"


def as_folder_above(desk: Desk) -> Path:
    (desk.root / "releases/1").mkdir(parents=True)
    (desk.root / "published").rename(desk.root / "releases/1/x")
    return desk.root / "releases"


def sums_line(desk: Desk) -> str:
    digest = hashlib.sha256((desk.root / "published" / VIB).read_bytes()).hexdigest()
    return f"{digest}  ./published/{VIB}"


def as_sums(desk: Desk) -> Path:
    return desk.sums(sums_line(desk))


def as_sums_alone(desk: Desk) -> Path:
    path = desk.sums(sums_line(desk).upper().replace(f"./PUBLISHED/{VIB.upper()}", VIB))
    (desk.root / "published" / VIB).unlink()
    return path


def as_bsd_sums(desk: Desk) -> Path:
    return desk.sums("# tagged", "", f"SHA256 (x/{VIB}) = {sums_line(desk)[:64]}\r")


KINDS: dict[str, tuple[Callable[[Desk], Path], str]] = {
    "a VIB": (as_vib, "+two"),
    "a bundle": (as_bundle, "+two"),
    "a bundle of several": (as_bundle_of_several, "+two"),
    "a record": (as_record, "+two"),
    "a record alone": (as_record_alone, "~ content of payload agent: sha-256 "),
    "a folder": (as_folder, "+two"),
    "a folder above": (as_folder_above, "+two"),
    "checksums": (as_sums, "+two"),
    "checksums alone": (as_sums_alone, "exists with other bytes"),
    "tagged checksums": (as_bsd_sums, "exists with other bytes"),
}


@pytest.mark.parametrize(("kind", "said"), KINDS.values(), ids=list(KINDS))
def test_what_was_published_is_compared(
    desk: Desk, kind: Callable[[Desk], Path], said: str
) -> None:
    desk.build("published", bundle=True)
    previous = kind(desk)
    assert desk.build("same", previous=previous).sha256
    desk.edit("tree/opt/a", "two\n")
    refusal = desk.refusal(previous=previous)
    assert said in refusal
    assert NEXT in refusal
    assert not desk.out.exists()
    assert desk.build(previous=[previous], overwrite=True).overwritten
    higher = desk.build("next", previous=previous, **HIGHER)
    assert higher.previous
    assert {release.version for release in higher.previous} == {"1.2.0-1"}


@pytest.mark.parametrize(("kind", "said"), KINDS.values(), ids=list(KINDS))
def test_a_version_below_what_was_published_is_refused(
    desk: Desk, kind: Callable[[Desk], Path], said: str
) -> None:
    assert said
    desk.build("published", bundle=True)
    previous = kind(desk)
    refusal = desk.refusal(previous=previous, **LOWER)
    assert "a host with 1.2.0-1 does not install 1.1.0-1, which is lower" in refusal
    assert NEXT in refusal
    with pytest.raises(OutputError, match="is lower"):
        desk.build(previous=previous, dry_run=True, **LOWER)
    (conflict,) = desk.build(previous=previous, overwrite=True, **LOWER).overwritten
    assert (conflict.kind, conflict.version) == (ConflictKind.HIGHER_VERSION, "1.2.0-1")


def test_an_old_release_can_be_built_again(desk: Desk) -> None:
    desk.build("published/1.2")
    desk.build("published/1.3", **HIGHER)
    assert desk.build(previous=desk.root / "published").overwritten == ()
    desk.edit("tree/opt/a", "two\n")
    assert "--version 1.3.0-2" in desk.refusal(previous=desk.root / "published")


def test_an_equal_version_that_was_published_is_refused(desk: Desk) -> None:
    desk.build("published", settings={"version": "1.2.0-01"})
    assert "are the same version" in desk.refusal(previous=desk.root / "published")


def test_an_unchanged_build_is_compared_too(desk: Desk) -> None:
    desk.build("published")
    desk.edit("tree/opt/a", "two\n")
    desk.build()
    assert "+two" in desk.refusal(previous=desk.root / "published", if_changed=True)


def test_nothing_published_is_said(desk: Desk) -> None:
    (desk.root / "empty").mkdir()
    assert desk.build(previous=desk.root / "empty").previous == ()
    assert desk.build().previous is None
    other = vibs.write(desk.root, "other")
    assert desk.build(previous=other).previous == ()


def broken_vib(desk: Desk) -> Path:
    path = desk.root / "published" / VIB
    path.write_bytes(path.read_bytes()[:-600])
    return path


def broken_bundle(desk: Desk) -> Path:
    path = desk.root / "published" / BUNDLE
    path.write_bytes(path.read_bytes()[:-600])
    return path


def forged(**values: object) -> Callable[[Desk], Path]:
    def forge(desk: Desk) -> Path:
        path = desk.root / "published/build.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
        return path

    return forge


def written(name: str, data: str | bytes) -> Callable[[Desk], Path]:
    def write(desk: Desk) -> Path:
        return make_tree(desk.root, {name: data}) / name

    return write


def deep(desk: Desk) -> Path:
    path = desk.root
    for _ in range(DEPTH_LIMIT + 2):
        path /= "d"
    make_tree(path, {VIB: b"not looked at"})
    return desk.root / "d"


DIGEST = "a" * 64
BROKEN: dict[str, tuple[Callable[[Desk], Path], str]] = {
    "a truncated VIB": (broken_vib, VIB),
    "a truncated bundle": (broken_bundle, BUNDLE),
    "a broken VIB in a folder": (lambda desk: broken_vib(desk).parent, VIB),
    "no such file": (lambda desk: desk.root / "absent", "absent"),
    "an old record": (forged(format="vibforge/record/1"), "but vibforge/record/1"),
    "a record of something else": (forged(format=["x"]), "its format is not vibforge/record/2"),
    "a record without files": (forged(files=None), "build.json"),
    "a record with a forged file": (forged(files=[{"kind": "vib"}]), r"files\[0\]"),
    "a truncated record": (written("build.json", '{"format": "vibforge/record/2"'), "build.json"),
    "a record that nests": (written("build.json", '{"a":' * 10**5), "build.json"),
    "a page": (written("x.vib", "<!doctype html><html>"), "x.vib"),
    "an empty file": (written("SHA256SUMS", ""), "SHA256SUMS"),
    "checksums with a strange line": (
        written("SHA256SUMS", f"{DIGEST}  a\n{DIGEST[:-1]}  {VIB}\n"),
        "SHA256SUMS:2",
    ),
    "checksums of another digest": (written("SHA512SUMS", f"{DIGEST * 2}  {VIB}\n"), "SHA512SUMS"),
    "too many lines": (written("SHA256SUMS", "\n" * (LINE_LIMIT + 1)), "more than 100000 lines"),
    "too many bytes": (written("SHA256SUMS", "x" * (16 * 2**20 + 1)), "SHA256SUMS"),
    "a folder with nothing to compare": (
        lambda desk: make_tree(desk.root / "docs", {"a.txt": ""}),
        "holds no VIB, bundle, build.json or SHA256SUMS",
    ),
    "a VIB too deep": (deep, "holds no VIB"),
}


@pytest.mark.parametrize(("kind", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_release_is_an_error_that_names_it(
    desk: Desk, kind: Callable[[Desk], Path], said: str
) -> None:
    desk.build("published", bundle=True)
    with pytest.raises(VibforgeError, match=said) as refused:
        desk.build(previous=kind(desk))
    assert not isinstance(refused.value, OutputError)
    assert not desk.out.exists()


FORGERIES: dict[str, dict[str, object]] = {
    "no recipe": {"recipe": None},
    "a recipe of another kind": {"recipe": [1, {"a": []}]},
    "strange values": {"recipe": {"name": 5, "payloads": 0, "urls": "x", "summary": ["a"]}},
    "payloads of another kind": {"payloads": {"a": 1}, "codec": [], "certificates": 7},
    "strange payloads": {"payloads": [1, {}, {"name": [], "uncompressed_sha256": {}}]},
    "control characters": {"recipe": {"name": "\x1b[2J\n", "x\n": "y"}},
}


@pytest.mark.parametrize("values", FORGERIES.values(), ids=list(FORGERIES))
def test_a_forged_record_is_compared_without_harm(desk: Desk, values: dict[str, object]) -> None:
    desk.build("published")
    previous = as_record_alone(desk)
    forged(**values)(desk)
    desk.edit("tree/opt/a", "two\n")
    refusal = desk.refusal(previous=previous)
    assert "exists with other content" in refusal
    assert "\x1b" not in refusal


def test_a_recipe_that_nests_is_compared_without_harm(desk: Desk) -> None:
    desk.build("published")
    previous = as_record_alone(desk)
    text = previous.read_text()
    for depth in (50, 400, 900):
        nested = "[" * depth + "]" * depth
        previous.write_text(text.replace('"recipe": {', f'"recipe": {{"x": {nested}, "y": 1,', 1))
        desk.edit("tree/opt/a", "two\n")
        try:
            assert "exists with other content" in desk.refusal(previous=previous)
        except FormatError:
            assert depth > 400


NAMES = [
    f"../../{VIB}",
    f"/etc/{VIB}",
    f"C:\\releases\\{VIB}",
    f"./a b/\u00e9/{VIB}",
    f"{'d/' * 2000}{VIB}",
    f"\udcff/{VIB}",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("mark", ["  ", " *"])
def test_odd_names_in_checksums_are_read(desk: Desk, name: str, mark: str) -> None:
    path = desk.root / "SHA256SUMS"
    path.write_bytes(f"{DIGEST}{mark}{name}\n".encode("utf-8", "surrogateescape"))
    assert "SHA256SUMS:1: version 1.2.0-1 exists with other bytes" in desk.refusal(previous=path)


def test_an_escaped_name_in_checksums_is_read(desk: Desk) -> None:
    path = desk.sums(f"\\{DIGEST}  new\\nline\\\\/{VIB}", f"{DIGEST}  other.vib")
    assert "SHA256SUMS:1" in desk.refusal(previous=path)


def test_one_version_with_many_digests_is_said_in_a_few_lines(desk: Desk) -> None:
    path = desk.sums(*(f"{number:064x}  {VIB}" for number in range(5000)))
    assert desk.refusal(previous=path).count("exists with other bytes") == 3


def test_names_that_only_look_alike_are_no_conflict(desk: Desk) -> None:
    path = desk.sums(
        f"{DIGEST}  Acme_bootbank_agent_x_1.2.0-1.vib",
        f"{DIGEST}  Acme_bootbank_agent_1_9.2.0-1.vib",
        f"{DIGEST}  Acme_bootbank_agent_.vib",
        f"{DIGEST}  {VIB}.asc",
        f"{DIGEST}  x{VIB}",
    )
    assert desk.build(previous=path).previous == ()


def test_two_builds_at_once_leave_one_content(desk: Desk) -> None:
    """The first that is done has the version; the other is refused while the folder is locked."""
    done: list[str] = []

    def meanwhile(_packed: int, _size: int) -> None:
        if not done:
            make_tree(desk.root / "q", {"vibforge.toml": RECIPE, "tree/opt/a": "other\n"})
            done.append(build(desk.root / "q", desk.out, environment={}).sha256)

    with pytest.raises(OutputError, match="exists with other content") as refused:
        desk.build(on_progress=meanwhile)
    assert "-other" in str(refused.value)
    assert hashlib.sha256((desk.out / VIB).read_bytes()).hexdigest() == done[0]
    assert json.loads((desk.out / "build.json").read_text())["files"][0]["sha256"] == done[0]
    assert not list(desk.out.glob(".vibforge*"))


@pytest.mark.slow
def test_of_two_processes_one_has_the_version(desk: Desk) -> None:
    for turn in range(4):
        out = desk.root / f"out{turn}"
        running = []
        for text in ("one\n", "two\n"):
            make_tree(desk.root / text.strip(), {"vibforge.toml": RECIPE, "tree/opt/a": text})
            words = [sys.executable, "-m", "vibforge", "build", str(desk.root / text.strip())]
            running.append(
                subprocess.Popen(
                    [*words, "-o", str(out)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=os.environ | {"SOURCE_DATE_EPOCH": "0"},
                )
            )
        said = [process.communicate(timeout=60)[1].decode() for process in running]
        assert sorted(process.returncode for process in running) == [0, 2], said
        listed = json.loads((out / "build.json").read_text())["files"][0]
        assert hashlib.sha256((out / VIB).read_bytes()).hexdigest() == listed["sha256"]


def test_the_id_of_somebody_elses_vib_warns(desk: Desk) -> None:
    vib = vibs.write(desk.root, "theirs", vendor="THEM")
    extract(vib, desk.root / "stage", stage=True)
    project = desk.root / "stage"
    result = build(project, desk.out)
    (warning,) = result.warnings
    assert warning.where == "THEM_bootbank_theirs_1.0.0-1"
    assert "has the ID of the VIB that the project was extracted from" in warning.what
    assert "--version 1.0.0-2" in warning.remedy
    for key, value in {"version": "1.0.0-2", "vendor": "Us", "name": "ours"}.items():
        assert build(project, desk.root / key, settings={key: value}).warnings == ()


def test_an_own_vib_extracted_and_built_again_does_not_warn(desk: Desk) -> None:
    vib = desk.build().vib_path
    extract(vib, desk.root / "stage", stage=True)
    assert build(desk.root / "stage", desk.root / "again").warnings == ()
    make_tree(desk.root / "stage", {"payloads/agent/opt/a": "edited"})
    assert build(desk.root / "stage", desk.root / "edited").warnings


def test_a_stage_with_the_descriptor_of_a_vib_warns(desk: Desk) -> None:
    desk.build()
    stage = desk.root / "stage"
    make_tree(stage, {"descriptor.xml": (desk.out / "descriptor.xml").read_bytes()})
    make_tree(stage / "payloads/agent", {"opt/a": "one\n", "etc/vmware/trx.conf": "#\n"})
    assert build(stage, desk.root / "same").warnings == ()
    make_tree(stage / "payloads/agent", {"opt/a": "edited"})
    (warning,) = build(stage, desk.root / "edited").warnings
    assert "the stage's descriptor.xml" in warning.what
    assert build(stage, desk.root / "new", settings={"version": "2-1"}).warnings == ()


def test_the_command_line_says_it_in_text_and_json(desk: Desk) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "vibforge", "build", str(desk.root / "p"), *words]
        return subprocess.run(command, cwd=desk.root, capture_output=True, text=True, check=False)

    assert run("--bundle", "--quiet").returncode == 0
    desk.edit("tree/opt/a", "two\n")
    refused = run("--json")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "+two" in refused.stderr
    facts = json.loads(run("--json", "--overwrite", "--previous", "dist").stdout)
    assert {each["kind"] for each in facts["overwritten"]} == {"other bytes"}
    assert facts["removed"] == [f"dist/{BUNDLE}"]
    assert {each["version"] for each in facts["previous"]} == {"1.2.0-1"}
    assert facts["warnings"] == []
    desk.edit("tree/opt/a", "three\n")
    said = run("--overwrite", "--bundle").stdout
    assert "! dist/Acme_bootbank_agent_1.2.0-1.vib: 1.2.0-1 had other bytes" in said
    facts = json.loads(run("--json", "--if-changed", "--bundle").stdout)
    assert facts["previous"] is None
    assert facts["overwritten"] == facts["removed"] == []


def test_a_signed_release_is_not_what_the_project_builds(desk: Desk, lab: Lab) -> None:
    """Signing in place makes other bytes; the unsigned build is refused after it."""
    issued = lab.issued(AcceptanceLevel.PARTNER)
    vib = desk.build(settings={"acceptance-level": "partner"}).vib_path
    sign(vib, key=str(issued.key_path), certificates=issued.certificate_path)
    assert "signed by" in desk.refusal(settings={"acceptance-level": "partner"})


def test_the_bundle_of_the_latest_build_holds_its_vib(desk: Desk) -> None:
    for text in ("two\n", "three\n"):
        desk.edit("tree/opt/a", text)
        result = desk.build(bundle=True, overwrite=True)
        with opened_bundles(desk.out / BUNDLE) as (bundle,):
            (source,) = bundle.sources
            assert file_digests(source)[0] == result.sha256
