"""Whatever changes the result of a build is noticed, whatever the times of the files say."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.signing.lab import Lab
from tests.trees import make_tree
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.deflating import CompressionLevel
from vibforge.project import ledger
from vibforge.project.build import build_plan
from vibforge.project.bundle_of_build import bundle_of, with_bundle
from vibforge.project.plan_build import BuildPlan, plan_build
from vibforge.project.up_to_date import has_bundle, is_up_to_date
from vibforge.project.version_lock import VersionLock

RECIPE = 'name = "p"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "tree"\n'


def planned(project: Path, **settings: str) -> BuildPlan:
    return plan_build(project, settings=settings, environment={})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_tree(
        tmp_path / "p", {"vibforge.toml": RECIPE, "tree/opt/a": "aaaa", "tree/opt/link": "-> a"}
    )
    build_plan(planned(tmp_path / "p"), tmp_path / "out")
    return tmp_path / "p"


def in_place(project: Path) -> None:
    file = project / "tree/opt/a"
    before = file.stat()
    file.write_bytes(b"bbbb")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def relink(project: Path) -> None:
    link = project / "tree/opt/link"
    link.unlink()
    link.symlink_to("/opt/a")


def linked(project: Path) -> None:
    block = project.parent / "out/sig.pkcs7"
    block.rename(project.parent / "elsewhere")
    block.symlink_to("../elsewhere")


def forge(**values: object) -> Callable[[Path], object]:
    def change(project: Path) -> None:
        path = project.parent / "out/build.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    "content in place, time set back": in_place,
    "mode": lambda project: (project / "tree/opt/a").chmod(0o755),
    "a file more": lambda project: (project / "tree/opt/b").touch(),
    "a folder more": lambda project: (project / "tree/opt/d").mkdir(),
    "a file renamed": lambda project: (project / "tree/opt/a").rename(project / "tree/opt/link"),
    "a link's target": relink,
    "the recipe": lambda project: (project / "vibforge.toml").write_text(
        'summary = "s"\n' + RECIPE
    ),
    "an output removed": lambda project: (project.parent / "out/INSTALL.md").unlink(),
    "an output changed": lambda project: (project.parent / "out/install.sh").write_text("x"),
    "an output that is a link": linked,
    "no record": lambda project: (project.parent / "out/build.json").unlink(),
    "a record that is no JSON": lambda project: (project.parent / "out/build.json").write_text("["),
    "a record that nests": lambda project: (project.parent / "out/build.json").write_text(
        "[" * 10**5
    ),
    "a record that lists less": forge(files=[]),
    "a record of another shape": forge(format="vibforge/record/1"),
    "a record without payloads": forge(payloads=None),
    "a record with a strange recipe": forge(recipe=[]),
    "a record of another codec": forge(codec="none"),
    "a record of other certificates": forge(certificates=["00"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_change_is_noticed(project: Path, change: Callable[[Path], object]) -> None:
    out = project.parent / "out"
    assert is_up_to_date(planned(project), out)
    change(project)
    assert not is_up_to_date(planned(project), out)


def test_what_does_not_change_the_result_is_no_change(project: Path) -> None:
    out = project.parent / "out"
    os.utime(project / "tree/opt/a", (0, 0))
    (project / "README").write_text("not in the tree")
    (out / "mine").touch()
    (project.parent / "link").symlink_to(out)
    assert is_up_to_date(planned(project), project.parent / "link")


def test_options_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = project.parent / "out"
    assert not is_up_to_date(planned(project, version="2-1"), out)
    assert not is_up_to_date(planned(project), out, level=CompressionLevel.BEST)
    assert not is_up_to_date(plan_build(project, environment={}, instructions=False), out)
    assert not is_up_to_date(plan_build(project, environment={"SOURCE_DATE_EPOCH": "1"}), out)
    assert not is_up_to_date(planned(project), project.parent / "elsewhere")
    monkeypatch.setattr(ledger, "__version__", "99")
    assert not is_up_to_date(planned(project), out)


def test_another_certificate_counts(project: Path, lab: Lab) -> None:
    out = project.parent / "out"
    signer, other = lab.signer(AcceptanceLevel.PARTNER), lab.signer(AcceptanceLevel.ACCEPTED)
    build_plan(planned(project), out, signer=signer, lock=VersionLock(overwrite=True))
    assert is_up_to_date(planned(project), out, signer=signer)
    assert not is_up_to_date(planned(project), out, signer=other)
    assert not is_up_to_date(planned(project), out)


def test_a_bundle_counts_by_itself(project: Path) -> None:
    out = project.parent / "bundled"
    plan = with_bundle(planned(project, vendor="Acme"))
    build_plan(plan, out)
    assert not has_bundle(plan, out)
    written = bundle_of(plan, out)
    assert has_bundle(plan, out)
    assert is_up_to_date(plan, out)
    assert is_up_to_date(planned(project, vendor="Acme"), out)
    other = with_bundle(planned(project, **{"vendor": "Acme", "bundle.vendor-code": "XYZ"}))
    assert is_up_to_date(other, out)
    assert not has_bundle(other, out)
    written.path.write_bytes(b"x")
    assert not has_bundle(plan, out)
    (listed,) = [
        f for f in json.loads((out / "build.json").read_text())["files"] if f["kind"] == "bundle"
    ]
    assert listed["sha256"] == written.sha256
