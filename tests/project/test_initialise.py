import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from vibforge import read_recipe
from vibforge.errors import ModelError, OutputError
from vibforge.files.folder_handle import FolderHandle
from vibforge.project.build import build
from vibforge.project.initialise import initialise, template_names
from vibforge.project.plan_build import plan_build

DATE = {"SOURCE_DATE_EPOCH": "0"}


def test_the_templates() -> None:
    assert template_names() == ("files", "firewall-rule", "init-script", "trx-conf")


@pytest.mark.parametrize("template", template_names())
def test_every_template_builds(tmp_path: Path, template: str) -> None:
    written = initialise(tmp_path / "acme-tool", template)
    assert all((tmp_path / "acme-tool" / path).is_file() for path in written)
    built = build(tmp_path / "acme-tool", tmp_path / "dist", environment=DATE)
    assert built.descriptor.name == "acme-tool"
    assert built.plan.needs.flags == (("-f",) if template == "trx-conf" else ())


@pytest.mark.parametrize("template", template_names())
def test_every_key_that_is_commented_out_is_right(tmp_path: Path, template: str) -> None:
    initialise(tmp_path / "acme-tool", template)
    text = (tmp_path / "acme-tool/vibforge.toml").read_text()
    in_use = re.sub(r"^# (?=[a-z-]+ = |\[)", "", text, flags=re.MULTILINE)
    assert in_use.count("\n# ") < text.count("\n# ")
    recipe = read_recipe(in_use)
    assert recipe.release_date
    assert recipe.relationships.depends
    assert recipe.system_requires.hardware_platforms


def test_scripts_run_on_a_host(tmp_path: Path, tool: Callable[[str], str]) -> None:
    initialise(tmp_path / "acme", "init-script")
    tree = tmp_path / "acme/payloads/service"
    scripts = [str(tree / "etc/init.d/acme"), str(tree / "opt/acme/run")]
    subprocess.run([tool("shellcheck"), "-s", "sh", *scripts], check=True)
    for word, code in (("status", 3), ("stop", 0), ("dance", 2)):
        command = [tool("busybox"), "sh", scripts[0], word]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, word
    modes = {
        entry.path: entry.mode
        for entry in plan_build(tmp_path / "acme", environment=DATE).trees[0].entries
    }
    assert modes["etc/init.d/acme"] == modes["opt/acme/run"] == 0o755


def test_the_firewall_rule_is_xml(tmp_path: Path) -> None:
    initialise(tmp_path / "acme", "firewall-rule")
    rule = tmp_path / "acme/payloads/firewall/etc/vmware/firewall/acme.xml"
    assert etree.parse(rule).findtext("service/id") == "acme"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/mine").touch()
    with pytest.raises(OutputError, match="the folder is not empty"):
        initialise(tmp_path / "x", "files")
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "mine"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    initialise(tmp_path / "x", "files", name="other")
    assert 'name = "other"' in (tmp_path / "x/vibforge.toml").read_text()


def test_wrong_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no template 'driver'"):
        initialise(tmp_path / "x", "driver")
    with pytest.raises(ModelError, match="'a b' is not a name"):
        initialise(tmp_path / "a b", "files")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["-rf", "--help", "..", ".", "a\\b", "", "nul", "a\nb"])
def test_a_name_that_would_be_misread_starts_no_project(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        initialise(tmp_path / "new", "files", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["-rf", "--help", "a\\b", "a\nb", "a\x1b[2Jb"])
@pytest.mark.parametrize("name", [None, "good"])
def test_no_folder_is_made_with_a_name_that_would_be_misread(
    tmp_path: Path, folder: str, name: str | None
) -> None:
    with pytest.raises(ModelError):
        initialise(tmp_path / folder, "files", name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_filled_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the current folder of a shell, which would be left in a folder that is gone."""
    folder = tmp_path / "acme"
    folder.mkdir(mode=0o750)
    before = folder.stat()
    monkeypatch.chdir(folder)
    written = initialise(Path(), "trx-conf")
    assert all(Path(path).is_file() for path in written)
    assert (folder.stat().st_ino, folder.stat().st_mode) == (before.st_ino, before.st_mode)
    assert {path.name for path in folder.iterdir()} == {"payloads", "vibforge.toml"}


def test_a_folder_that_somebody_fills_meanwhile_keeps_that_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    take = FolderHandle.take

    def late(self: FolderHandle, other: FolderHandle, name: str) -> None:
        (folder / "vibforge.toml").write_text("mine")
        take(self, other, name)

    monkeypatch.setattr(FolderHandle, "take", late)
    with pytest.raises(OutputError, match="File exists"):
        initialise(folder, "trx-conf")
    assert [path.name for path in folder.iterdir()] == ["vibforge.toml"]
    assert (folder / "vibforge.toml").read_text() == "mine"
