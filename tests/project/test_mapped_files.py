"""Files that a recipe maps from anywhere in the project to places on the host."""

import os
import random
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vibforge
from tests.trees import TRX_CONF, make_tree
from vibforge.errors import OutputError, VibforgeError
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.project import pack
from vibforge.project.build import build
from vibforge.project.mapped_files import SourcePattern
from vibforge.project.plan_build import BuildPlan, plan_build
from vibforge.project.up_to_date import is_up_to_date
from vibforge.report.build import build_text
from vibforge.report.paint import Paint

HEAD = 'name = "agent"\nversion = "1.0-1"\n[[payloads]]\nname = "agent"\n'
DATE = {"SOURCE_DATE_EPOCH": "0"}


def mapped(**keys: object) -> str:
    """Return one `[[payloads.files]]` as TOML."""
    lines = (
        f"{name} = {str(value).lower() if isinstance(value, bool | int) else repr(value)}"
        for name, value in keys.items()
    )
    return "\n".join(("[[payloads.files]]", *lines, ""))


def project(root: Path, *contents: str, head: str = HEAD, **files: str) -> Path:
    """Write a project whose payload maps `contents`."""
    return make_tree(root, {"vibforge.toml": head + "".join(contents)} | files)


def planned(root: Path) -> BuildPlan:
    return plan_build(root, environment=DATE)


def entries(root: Path) -> dict[str, ArchiveEntry]:
    """Return the entries of the only payload by path, which come in the order of a walked tree."""
    (tree,) = planned(root).trees
    paths = [entry.path for entry in tree.entries]
    assert paths == sorted(set(paths), key=lambda path: path.split("/"))
    return {entry.path: entry for entry in tree.entries}


def files(root: Path) -> list[str]:
    return list(planned(root).files)


def problems(root: Path) -> list[str]:
    with pytest.raises(VibforgeError) as caught:
        planned(root)
    return [str(problem).replace(f"{root}/", "") for problem in caught.value.problems]


OUT = {
    "out/bin/agent": "#!/bin/sh\n",
    "out/bin/agent.conf": "",
    "out/lib/a.py": "",
    "out/lib/sub/b.py": "",
    "out/lib/sub/c.txt": "",
}


@pytest.mark.parametrize(
    ("src", "dst", "places"),
    [
        ("out/bin/agent", "opt/x", ["opt/x"]),
        ("out/bin/agent", "opt/x/", ["opt/x/agent"]),
        ("./out//bin/agent", "opt/x/", ["opt/x/agent"]),
        ("out/bin/agent", ".", ["agent"]),
        ("out/bin", "opt/x", ["opt/x/agent", "opt/x/agent.conf"]),
        ("out/bin/", "opt/x/", ["opt/x/agent", "opt/x/agent.conf"]),
        ("out/bin", ".", ["agent", "agent.conf"]),
        ("out/bin/*", "opt", ["opt/agent", "opt/agent.conf"]),
        ("out/bin/*.conf", "opt/x", ["opt/x/agent.conf"]),
        ("out/bin/agen?", "opt/", ["opt/agent"]),
        ("out/*/[ab].py", "opt", ["opt/lib/a.py"]),
        ("out/**/*.py", "opt", ["opt/lib/a.py", "opt/lib/sub/b.py"]),
        ("out/lib/*", "opt", ["opt/a.py", "opt/sub/b.py", "opt/sub/c.txt"]),
        ("out/lib/**", "opt", ["opt/a.py", "opt/sub/b.py", "opt/sub/c.txt"]),
        ("out/**/**/sub", "opt", ["opt/lib/sub/b.py", "opt/lib/sub/c.txt"]),
        ("*/lib/s*", "opt", ["opt/out/lib/sub/b.py", "opt/out/lib/sub/c.txt"]),
    ],
)
def test_a_source_keeps_its_path_below_the_fixed_part(
    tmp_path: Path, src: str, dst: str, places: list[str]
) -> None:
    assert files(project(tmp_path / "p", mapped(src=src, dst=dst), **OUT)) == places


def test_modes_owners_links_and_folders(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="out/bin", dst="opt/bin", group=7),
        mapped(src="out/lib/a.py", dst="etc/agent/", mode="0640", owner=201, config=True),
        mapped(src="out/lib/sub/b.py", dst="etc/agent/", config=True),
        mapped(type="dir", dst="opt/logs/", mode="0700", owner=5),
        mapped(type="symlink", src="bin/agent", dst="opt/current", owner=3),
        '[[payloads.rules]]\npaths = ["etc/*", "opt/logs"]\nmode = "0600"\nowner = 9\n',
        **OUT,
    )
    (root / "out/bin/agent").chmod(0o755)
    (root / "out/bin/agent.conf").chmod(0o644)
    (root / "out/bin/link").symlink_to("agent")
    found = entries(root)
    assert {path: (f"{e.mode:04o}", e.uid, e.gid, e.link) for path, e in found.items()} == {
        "etc": ("0755", 0, 0, ""),
        "etc/agent": ("0600", 9, 0, ""),
        "etc/agent/a.py": ("1640", 201, 0, ""),
        "etc/agent/b.py": ("1600", 9, 0, ""),
        "opt": ("0755", 0, 0, ""),
        "opt/bin": ("0755", 0, 7, ""),
        "opt/bin/agent": ("0755", 0, 7, ""),
        "opt/bin/agent.conf": ("0644", 0, 7, ""),
        "opt/bin/link": ("0777", 0, 7, "agent"),
        "opt/current": ("0777", 3, 0, "bin/agent"),
        "opt/logs": ("0700", 5, 0, ""),
    }


def test_files_beside_a_tree(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="out/bin/agent", dst="opt/agent"),
        mapped(type="dir", dst="etc/init.d", mode="0700"),
        head=HEAD + 'tree = "tree"\n',
        **OUT,
    )
    make_tree(root / "tree", {"etc/init.d/agent": "", "opt/link": "-> agent"})
    found = entries(root)
    assert list(found) == ["etc", "etc/init.d", "etc/init.d/agent", "opt", "opt/agent", "opt/link"]
    assert found["etc/init.d"].mode == 0o700


def test_what_is_mapped_builds_as_if_it_stood_in_a_tree(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "t",
        {"vibforge.toml": HEAD + 'tree = "tree"\n'}
        | {path.replace("out/", "tree/opt/"): text for path, text in OUT.items()},
    )
    maps = project(tmp_path / "m", mapped(src="out/*", dst="opt"), **OUT)
    first = build(tree, tmp_path / "d1", environment=DATE)
    assert first.sha256 == build(maps, tmp_path / "d2", environment=DATE).sha256


def test_a_change_of_a_mapped_file_is_noticed(tmp_path: Path) -> None:
    root = project(tmp_path / "p", mapped(src="out/lib/*", dst="opt"), **OUT)
    build(root, tmp_path / "dist", environment=DATE)
    assert is_up_to_date(planned(root), tmp_path / "dist")
    (root / "out/lib/sub/b.py").write_text("changed")
    assert not is_up_to_date(planned(root), tmp_path / "dist")


def test_a_mapped_trx_conf_is_checked_and_moved_by_the_layout(tmp_path: Path) -> None:
    conf = mapped(src="site.conf", dst="etc/vmware/trx.conf")
    root = project(tmp_path / "p", conf, **{"site.conf": TRX_CONF})
    assert planned(root).trx is not None
    moved = build(root, tmp_path / "dist", settings={"layout": "boot-copy"}, environment=DATE)
    assert "opt/agent/boot-copy/files/etc/vmware/trx.conf" in moved.plan.files
    (root / "site.conf").write_text("ptp4l:delay_mechanism nonsense\n")
    assert any("site.conf" in text for text in problems(root))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (mapped(src="out/no", dst="x"), "out/no cannot be read: No such file"),
        (mapped(src="out/*.no", dst="x"), "out/*.no matches no file"),
        (mapped(src="out/*/no*", dst="x"), "out/*/no* matches no file"),
        (mapped(src="empty", dst="x"), "empty matches no file"),
        (mapped(src="out/bin/agent/*", dst="x"), "out/bin/agent is not a folder"),
        (mapped(src="out/bin/agent", dst="x", type="tree"), "out/bin/agent is not a folder"),
        (mapped(src="outside/passwd", dst="x"), "outside/passwd is outside of the project"),
        (mapped(src="outside/*", dst="x"), "outside is not a folder"),
        (mapped(src="pipe", dst="x"), "a named pipe cannot be part of a payload"),
        (mapped(src="out/odd", dst="x"), "backslash"),
        (
            mapped(type="symlink", src="/etc/no", dst="etc/x"),
            "the link leads to /etc/no, which is not in the payload",
        ),
        (mapped(type="symlink", src="../../no", dst="etc/x"), "is not in the payload"),
        (
            mapped(src="out/bin/agent", dst="etc/x") + mapped(src="out/lib/a.py", dst="etc/x"),
            (
                "/etc/x comes from out/bin/agent (vibforge.toml:5: payloads[0].files[0]) and from "
                "out/lib/a.py"
            ),
        ),
        (
            mapped(src="out/bin/agent", dst="etc/x") + mapped(src="out/lib/a.py", dst="etc/x/y"),
            (
                "out/lib/a.py goes below /etc/x, but out/bin/agent (vibforge.toml:5: "
                "payloads[0].files[0]) is no folder"
            ),
        ),
        (mapped(type="dir", dst="etc") * 2, "/etc comes from "),
        (
            mapped(src="out/bin", dst="etc") + mapped(type="dir", dst="etc/agent"),
            "/etc/agent comes from ",
        ),
    ],
)
def test_what_cannot_be_mapped(tmp_path: Path, content: str, problem: str) -> None:
    root = project(tmp_path / "p", content, mapped(src="out/lib", dst="opt/lib"), **OUT)
    (root / "empty").mkdir()
    (root / "out/odd").mkdir()
    (root / "out/odd/a\\b").touch()
    os.mkfifo(root / "pipe")
    (root / "outside").symlink_to(make_tree(tmp_path / "etc", {"passwd": "secret"}))
    found = problems(root)
    assert any(problem in text for text in found), found
    assert all(text.startswith("vibforge.toml:") for text in found), found


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (mapped(dst="x"), "files[0].src: the source is missing"),
        (mapped(src="a"), "files[0]: the key `dst` is missing"),
        (mapped(src="/etc/passwd", dst="x"), "src: '/etc/passwd' leads out of the project"),
        (mapped(src="a/../../b", dst="x"), "src: 'a/../../b' leads out of the project"),
        (mapped(src="a\\\\b", dst="x"), "is not a path or pattern"),
        (mapped(src="a\\u0000", dst="x"), "is not a path or pattern"),
        (mapped(src="a" * 513, dst="x"), "a pattern has 513 characters"),
        (mapped(src="a/b**", dst="x"), "has `**` beside other characters"),
        (mapped(src="a/*", dst="x", type="tree"), "is a pattern, and a `tree` is one folder"),
        (mapped(src="a", dst="/opt/x"), "dst: '/opt/x' starts with a slash"),
        (mapped(src="a", dst="opt/../x"), "dst: 'opt/../x' is not a path on the host"),
        (mapped(src="a", dst="opt//x"), "dst: 'opt//x' is not a path on the host"),
        (mapped(src="a", dst=""), "dst: '' is not a path on the host"),
        (mapped(src="a", dst="opt/ä"), "other than printable ASCII"),
        (mapped(src="a", dst="o" * 511), "the path has 511 characters"),
        (mapped(src="a", dst="x", mode="9"), "mode: '9' is not a file mode"),
        (mapped(src="a", dst="x", owner=-1), "owner: -1 is not an id"),
        (mapped(src="a", dst="x", type="ghost"), "'ghost' is none of file, dir, tree, symlink"),
        (mapped(src="a", dst="x", type="dir"), "src: a `dir` is an empty folder"),
        (mapped(dst="./", type="dir"), "dst: / is there on every host"),
        (mapped(dst="x", type="dir", config=True), "config: is for files"),
        (mapped(dst="x", type="symlink"), "src: the target of the link is missing"),
        (mapped(src="a", dst="x/", type="symlink"), "dst: 'x/' is a folder, not a link"),
        (mapped(src="a", dst="x", type="symlink", mode="644"), "mode: a link has no mode"),
        (mapped(src="a", dst="x", type="symlink", config=True), "config: is for files"),
        (mapped(src="a", dst="x", permissions="644"), "unknown key `permissions`"),
    ],
)
def test_a_wrong_key(tmp_path: Path, content: str, problem: str) -> None:
    found = problems(project(tmp_path / "p", content.replace("'", '"')))
    assert any(problem in text for text in found), found
    assert all(text.startswith("vibforge.toml:") for text in found), found


def test_all_problems_at_once_each_with_its_line(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="no", dst="a"),
        mapped(src="no/*", dst="b"),
        mapped(src="out/bin/agent", dst="c"),
        mapped(src="out/lib/a.py", dst="c"),
        **OUT,
    )
    lines = [text.split(": ")[0] for text in problems(root)]
    assert lines == ["vibforge.toml:5", "vibforge.toml:8", "vibforge.toml:14"]


def test_what_exclude_leaves_out(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="out/lib", dst="opt/lib"),
        head=HEAD + 'exclude = ["*.txt", "opt/lib/a*"]\n',
        **OUT,
    )
    assert files(root) == ["opt/lib/sub/b.py"]
    project(
        root,
        mapped(src="out/lib/a.py", dst="opt/lib/"),
        mapped(src="out/bin/*", dst="opt/bin"),
        head=HEAD + 'exclude = ["opt/lib"]\n',
    )
    (problem,) = problems(root)
    assert "out/lib/a.py matches no file, or only files that `exclude` leaves out" in problem


def test_an_output_folder_that_would_be_packed(tmp_path: Path) -> None:
    root = project(tmp_path / "p", mapped(src="**/*.vib", dst="opt"), **{"old/a.vib": "x"})
    with pytest.raises(OutputError, match=r"agent_1\.0-1\.vib from the output"):
        build(root, root / "dist", environment=DATE)
    build(root, tmp_path / "dist", environment=DATE)


def test_patterns_that_look_at_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "p", mapped(src="**/*.py", dst="opt"), **OUT)
    monkeypatch.setattr(pack, "SEARCH_LIMIT", 5)
    assert "look at more than 5 names" in problems(root)[0]


def test_patterns_do_not_follow_links_to_folders(tmp_path: Path) -> None:
    root = project(tmp_path / "p", mapped(src="out/**/*.py", dst="opt"), **OUT)
    (root / "out/loop").symlink_to("..")
    (root / "out/far").symlink_to(make_tree(tmp_path / "far", {"x.py": ""}))
    assert files(root) == ["opt/lib/a.py", "opt/lib/sub/b.py"]


def test_a_link_to_a_file_that_another_line_maps(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="out/lib/link", dst="opt/lib/"),
        mapped(src="out/bin/agent", dst="opt/bin/"),
        **OUT,
    )
    (root / "out/lib/link").symlink_to("../bin/agent")
    assert entries(root)["opt/lib/link"].kind is EntryKind.SYMLINK


NAMES = st.text(alphabet="ab.", min_size=1, max_size=3)
PARTS = st.one_of(st.text(alphabet="ab.*?", min_size=1, max_size=3), st.just("**"))


@given(st.lists(PARTS, min_size=1, max_size=5), st.lists(NAMES, min_size=1, max_size=6))
def test_patterns_match_as_a_plain_definition_says(pattern: list[str], names: list[str]) -> None:
    parts = [part for part in pattern if part != "." and (part == "**" or "**" not in part)]
    parsed = SourcePattern.parse("/".join(parts))
    expected = any(_matches(parts, names[:count]) for count in range(len(names) + 1))
    assert parsed.takes(names) == expected


def _matches(pattern: list[str], names: list[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_matches(pattern[1:], names[count:]) for count in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _matches(pattern[1:], names[1:])


def test_the_order_of_the_entries_is_that_of_nothing_else(tmp_path: Path) -> None:
    contents = [mapped(src=f"out/{name}", dst=f"opt/{name}") for name in ("bin", "lib")]
    digests = set()
    for number in range(3):
        shuffled = random.Random(number).sample(sorted(OUT), len(OUT))
        root = make_tree(tmp_path / f"{number}", {path: OUT[path] for path in shuffled})
        project(root, *contents)
        digests.add(build(root, tmp_path / f"dist{number}", environment=DATE).sha256)
    assert len(digests) == 1


def test_the_end_of_a_build_counts_the_files_that_keep_edits(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        mapped(src="out/lib", dst="etc/agent", config=True),
        mapped(src="out/bin", dst="opt/agent", config=True),
        **OUT,
    )
    text = build_text(vibforge.build(root, tmp_path / "dist", environment=DATE), Paint())
    assert "  config   3 files below /etc keep edits, on 6.7 over an update too" in text
    result = vibforge.lint(root, select=("VF348", "VF331"), environment=DATE)
    assert [each.rule for each in result.findings] == ["VF331"] * 2 + ["VF348"] * 3
