"""The end of a build says what lint says of its VIB."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trees import elf_program, make_tree, trx_tree
from vibforge.cli import main
from vibforge.findings.check import Finding
from vibforge.packages.lint import CheckSelection, lint
from vibforge.project.build import build
from vibforge.project.judge_build import judge_build, judge_plan
from vibforge.project.plan_build import plan_build
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan


def program(folder: Path) -> Path:
    tree = make_tree(folder, {"opt/acme/bin/agent": elf_program(), "opt/acme/lib/x": b"\x7fELFx"})
    (tree / "opt/acme/bin/agent").chmod(0o755)
    return tree


def scripts(folder: Path) -> Path:
    files: dict[str, bytes | str] = {
        "etc/init.d/plain": "echo\n",
        "etc/init.d/bash": "#!/bin/bash\r\n",
        "etc/vmware/firewall/acme.xml": "<ConfigRoot><port>70000</port></ConfigRoot>",
        "usr/lib/vmware/long": "#!/bin/sh\n" + "x" * 70_000 + "\r\n",
        "usr/lib/vmware/empty": "",
    }
    tree = make_tree(folder, files)
    (tree / "etc/init.d/plain").chmod(0o755)
    return tree


def many(folder: Path) -> Path:
    return make_tree(folder, {f"bin/x{number:03}": "x" for number in range(150)})


def modes(folder: Path) -> Path:
    tree = make_tree(folder, {"etc/init.d/key": "k", "etc/init.d/run": "#!/bin/sh\n"})
    (tree / "etc/init.d/key").chmod(0o600)
    (tree / "etc/init.d/run").chmod(0o4755)
    return tree


TREES: dict[str, Callable[[Path], Path]] = {
    "trx.conf": trx_tree,
    "program": program,
    "scripts": scripts,
    "many": many,
    "modes": modes,
}
SETTINGS: dict[str, dict[str, str]] = {
    "plain": {},
    "partner": {"acceptance-level": "partner"},
    "boot-copy": {"layout": "boot-copy"},
    "vgz": {"payloads[0].type": "vgz"},
    "overlay": {"overlay": "true"},
}


def said(finding: Finding) -> tuple[Any, ...]:
    return (finding.rule, finding.severity, finding.certainty, finding.where, finding.what)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("tree", TREES)
def test_a_build_finds_what_lint_finds(tree: str, settings: str, tmp_path: Path) -> None:
    """But for the trx.conf, of which the build says more in a section of its own."""
    root = TREES[tree](tmp_path / "tree")
    options = SETTINGS[settings]
    built = build(root, tmp_path / "out", settings=options, environment={}, instructions=False)
    scan = VibScan(Vib.from_path(built.vib_path), changed_modes=built.plan.changed_modes)
    linted = [
        said(each) for each in lint([scan], CheckSelection()).findings if each.rule != "VF401"
    ]
    assert [said(each) for each in judge_build(built).findings] == linted
    planned = plan_build(root, settings=options, environment={}, instructions=False)
    assert [said(each) for each in judge_plan(planned).findings] == linted


def recipe(root: Path, rule: str = "") -> Path:
    tree = root / "payload" / "opt" / "acme"
    make_tree(tree, {"key": "k", "other": "o"})
    (tree / "key").chmod(0o600)
    text = f"""name = "acme"
version = "1.0-1"
vendor = "ACME"
[[payloads]]
name = "acme"
tree = "payload"
{rule}
"""
    (root / "vibforge.toml").write_text(text, encoding="utf-8")
    return root


def test_a_mode_that_the_build_changes_is_told(tmp_path: Path) -> None:
    planned = plan_build(recipe(tmp_path), environment={})
    (found,) = [each for each in judge_plan(planned).findings if each.rule == "VF347"]
    assert found.where == "opt/acme/key"
    assert found.what == "has mode 0600 in the tree and 0644 in the VIB"


@pytest.mark.parametrize("mode", ["0600", "0644"])
def test_a_mode_that_a_rule_names_is_meant(mode: str, tmp_path: Path) -> None:
    rule = f'[[payloads.rules]]\npaths = ["opt/acme/key"]\nmode = "{mode}"'
    planned = plan_build(recipe(tmp_path, rule), environment={})
    assert planned.changed_modes == {}


def test_what_a_umask_takes_from_the_group_is_no_change(tmp_path: Path) -> None:
    root = recipe(tmp_path)
    (root / "payload/opt/acme/key").chmod(0o664)
    (root / "payload/opt").chmod(0o775)
    assert plan_build(root, environment={}).changed_modes == {}


def test_lint_of_a_project_tells_the_mode_and_of_its_vib_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = recipe(tmp_path)
    assert main(["lint", str(root)]) == 0
    assert "VF347" in capsys.readouterr().out
    assert main(["build", str(root), "-o", str(tmp_path / "out")]) == 0
    assert "0600 in the tree and 0644 in the VIB" in capsys.readouterr().out
    assert main(["lint", str(next((tmp_path / "out").glob("*.vib")))]) == 0
    assert "VF347" not in capsys.readouterr().out


def test_a_check_that_repeats_itself_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(many(tmp_path / "tree")), "-o", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if "path-outside-list" in line]
    assert len(told) == 1
    assert "and 149 more like it" in told[0]


def test_a_vib_that_no_stock_host_takes_is_told_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be meant for older hosts, so the exit code does not tell it."""
    root = recipe(tmp_path)
    words = ["build", str(root), "-o", str(tmp_path / "out")]
    assert main([*words, "--set", 'relationships.depends=["vmkapi_2_1_0_0"]']) == 0
    assert (
        "No stock host of ESXi 6.5 to 9.0 installs this VIB"
        in capsys.readouterr().out.splitlines()[-1]
    )


def test_what_a_recipe_allows_is_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = recipe(tmp_path)
    with (root / "vibforge.toml").open("a", encoding="utf-8") as file:
        file.write('[[allow]]\nrule = "VF347"\nbecause = "it is public"\n')
    assert main(["build", str(root), "-o", str(tmp_path / "out")]) == 0
    assert "What lint finds" not in capsys.readouterr().out
