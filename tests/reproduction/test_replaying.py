"""Builds of other people, carried out again from their build.json."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_reading import run
from tests.report.schemas import require_valid
from tests.reproduction.test_rebuilding import recipe_project
from tests.signing.lab import Lab
from tests.trees import make_tree, trx_tree
from vibforge import Replay, build, replay, sign
from vibforge.errors import FormatError, ModelError, PayloadError, VibforgeError
from vibforge.formats.deflating import codec_version
from vibforge.reproduction import recorded_build
from vibforge.reproduction.replaying import ReplayState
from vibforge.signing.pki import KeyKind

Facts = dict[str, Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was built into `out` beside it."""
    tree = make_tree(tmp_path / "demo", {"etc/demo.conf": "a\nb\n", "opt/demo/run": "#!/bin/sh\n"})
    (tree / "opt/demo/run").chmod(0o755)
    build(tree, tmp_path / "out", environment={})
    return tree


def record_of(project: Path) -> Path:
    return project.parent / "out/build.json"


def edited(project: Path, change: Callable[[Facts], object]) -> Path:
    """Forge the record of a build."""
    path = record_of(project)
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    return path


def removed_vib(project: Path) -> None:
    next((project.parent / "out").glob("*.vib")).unlink()


def names(found: Replay) -> list[str]:
    return [each.name for each in found.differences]


def signed_project(root: Path, lab: Lab) -> Path:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    project = recipe_project(root)
    (project / "me.key").write_bytes(issued.key_path.read_bytes())
    (project / "me.pem").write_bytes(issued.certificate_path.read_bytes())
    text = (
        (project / "vibforge.toml")
        .read_text()
        .replace('"1.0.0-1"', '"1.0.0-1"\nacceptance-level = "partner"')
    )
    (project / "vibforge.toml").write_text(
        f'{text}\n[signing]\nkey = "me.key"\ncertificates = ["me.pem"]\n'
    )
    build(project, project.parent / "out", environment={"SOURCE_DATE_EPOCH": "1714564800"})
    for secret in ("me.key", "me.pem"):
        (project / secret).unlink()
    return project


def test_a_project_gives_the_recorded_vib_again(project: Path) -> None:
    found = replay(record_of(project), project)
    assert found.state is ReplayState.SAME
    assert found.good
    assert found.sha256 == found.recorded_sha256
    assert found.compared_with.endswith("custom_bootbank_demo_1.0.0-1.vib")


@pytest.mark.parametrize("compression", ["fast", "best"])
def test_recipe_date_and_compression_come_from_the_record(tmp_path: Path, compression: str) -> None:
    project = recipe_project(tmp_path / "agent")
    build(
        project,
        tmp_path / "out",
        settings={"summary": "Set $${HOME}", "version": "2.0-1"},
        environment={"SOURCE_DATE_EPOCH": "1714564800"},
        compression="best" if compression == "best" else "fast",
    )
    (project / "vibforge.toml").unlink()
    removed_vib(project)
    found = replay(record_of(project), project)
    assert found.state is ReplayState.SAME
    assert found.vib_id == "custom_bootbank_agent_2.0-1"
    assert not found.compared_with


def test_a_changed_file_is_shown_by_meaning(project: Path) -> None:
    (project / "etc/demo.conf").write_text("a\nc\n")
    found = replay(record_of(project), project)
    assert found.state is ReplayState.DIFFERENT
    assert found.first_difference is not None
    assert found.first_difference.name == "/etc/demo.conf"
    assert found.first_difference.lines[-2:] == ("-b", "+c")


def test_without_the_vib_the_payload_is_named(project: Path) -> None:
    (project / "etc/demo.conf").write_text("a\nc\n")
    removed_vib(project)
    found = replay(record_of(project), project)
    assert found.first_difference is None
    assert names(found) == ["payload1: files", "descriptor.xml"]


@pytest.mark.skipif(os.name == "nt", reason="this system has no modes")
def test_without_the_vib_a_lost_mode_is_named(project: Path) -> None:
    removed_vib(project)
    (project / "opt/demo/run").chmod(0o644)
    (project / "etc/demo.conf").chmod(0o755)
    found = replay(record_of(project), project)
    told = [(each.name, each.recorded, each.rebuilt) for each in found.differences[:2]]
    assert told == [
        ("mode of /etc/demo.conf", "0644", "0755"),
        ("mode of /opt/demo/run", "0755", "0644"),
    ]


def test_a_signed_vib_is_replayed_without_its_key(tmp_path: Path, lab: Lab) -> None:
    project = signed_project(tmp_path / "agent", lab)
    record = json.loads(record_of(project).read_text())
    assert record["signing_time"] is not None
    found = replay(record_of(project), project)
    assert (found.state, found.signed) == (ReplayState.SAME, True)
    removed_vib(project)
    assert replay(record_of(project), project).state is ReplayState.SAME, "sig.pkcs7 is there"
    (tmp_path / "out/sig.pkcs7").unlink()
    found = replay(record_of(project), project)
    assert found.state is ReplayState.SAME_BUT_SIGNATURE
    assert found.good
    assert found.sha256 != found.recorded_sha256
    assert found.differences == ()


def test_a_forged_signature_beside_the_record_is_not_taken_over(tmp_path: Path, lab: Lab) -> None:
    project = signed_project(tmp_path / "agent", lab)
    removed_vib(project)
    (tmp_path / "out/sig.pkcs7").write_bytes(b"forged")
    assert replay(record_of(project), project).state is ReplayState.SAME_BUT_SIGNATURE


def test_a_vib_that_was_signed_elsewhere_is_named(project: Path, tmp_path: Path, lab: Lab) -> None:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    edited_tree = project / "vibforge.toml"
    assert not edited_tree.exists()
    partner = build(project, tmp_path / "p", settings={"acceptance-level": "partner"})
    (signed,) = sign(
        partner.vib_path,
        key=str(issued.key_path),
        certificates=issued.certificate_path,
        output=tmp_path / "signed.vib",
    ).vibs
    found = replay(tmp_path / "p/build.json", project, against=signed.path)
    assert found.state is ReplayState.DIFFERENT, "the record is of the unsigned VIB"
    assert names(found) == ["VIB"]
    assert found.first_difference is None


def test_another_vib_beside_the_record_is_said(project: Path) -> None:
    vib = next((project.parent / "out").glob("*.vib"))
    vib.write_bytes(vib.read_bytes() + b"\n")
    found = replay(record_of(project), project)
    assert found.state is ReplayState.SAME
    assert found.note == f"{vib.name}: was changed after it was written"
    assert not found.compared_with


def test_another_codec_is_no_bad_verdict(project: Path) -> None:
    """Payloads with the recorded content, that another library compressed."""

    def change(facts: Facts) -> None:
        facts["codec"], facts["codec_library"] = "zlib-ng==0.4.0", "zlib-ng 2.1.0"
        facts["payloads"][0]["sha256"] = "0" * 64
        for file in facts["files"]:
            file["sha256"] = "1" * 64

    record = edited(project, change)
    found = replay(record, project)
    assert found.state is ReplayState.OTHER_CODEC
    assert (found.good, found.possible) == (False, False)
    done = run("repro", "--build", record, project, folder=project.parent)
    assert done.returncode == 4
    assert "zlib-ng==0.4.0" in done.stdout
    (project / "etc/demo.conf").write_text("other\n")
    assert replay(record, project).state is ReplayState.DIFFERENT


def test_the_command(project: Path) -> None:
    words = ("repro", "--build", record_of(project), project)
    done = run(*words, folder=project.parent)
    assert done.returncode == 0
    assert done.stdout.endswith("The project gives the recorded VIB again, byte by byte.\n")
    (project / "etc/demo.conf").write_text("a\nc\n")
    done = run(*words, folder=project.parent)
    assert done.returncode == 1
    assert "files: ~ /etc/demo.conf" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 85
    require_valid(json.loads(run(*words, "--json", folder=project.parent).stdout))
    done = run(*words, "--vary", "locale", folder=project.parent)
    assert done.returncode == 2
    assert "--vary has no effect with --build" in done.stderr


# Forged and old records.


def test_an_older_record_says_what_it_lacks(project: Path) -> None:
    def change(facts: Facts) -> None:
        facts["format"] = "vibforge/record/1"
        del facts["recipe"], facts["payloads"]

    with pytest.raises(FormatError) as caught:
        replay(edited(project, change), project)
    (problem,) = caught.value.problems
    assert problem.what == (
        "this record cannot be replayed: it is vibforge/record/1, and a replay reads "
        "vibforge/record/2; it lacks recipe, payloads"
    )
    assert "build the same sources with this vibforge" in problem.remedy


def test_a_newer_record_asks_for_a_newer_vibforge(project: Path) -> None:
    record = edited(project, lambda facts: facts.update(format="vibforge/record/999"))
    with pytest.raises(FormatError) as caught:
        replay(record, project)
    assert "or a later one" in caught.value.problems[0].remedy


def test_a_record_without_the_newest_keys_can_be_replayed(project: Path) -> None:
    def change(facts: Facts) -> None:
        del facts["signing_time"], facts["payloads"][0]["modes"], facts["codec_library"]
        facts["codec"] = codec_version()

    assert replay(edited(project, change), project).good


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 7}',
        '{"format": "vibforge/build/1"}',
        "[" * 100_000,
        '{"format": "vibforge/record/2"}',
        '{"format": "vibforge/record/2", "format": "x"}',
        "9" * 5000,
        "\ud83d",
    ],
)
def test_a_file_that_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "build.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FormatError):
        replay(tmp_path / "build.json", trx_tree(tmp_path / "p"))


def outside(project: Path) -> dict[str, str]:
    """Trees that lead out of the project, each with the way."""
    secret = make_tree(project.parent / "secret", {"etc/secret": "x"})
    (project / "link").symlink_to(secret)
    (project / "loop").symlink_to("loop")
    (project / "deep").mkdir()
    (project / "deep/up").symlink_to("../..")
    return {
        "whole": str(secret),
        "up": "../secret",
        "up and down": "etc/../../secret",
        "link": "link",
        "below a link": "deep/up/secret",
        "drive": "C:secret",
        "backslashes": "..\\secret",
        "share": "\\\\host\\share",
    }


@pytest.mark.parametrize(
    "way",
    ["whole", "up", "up and down", "link", "below a link", "drive", "backslashes", "share"],
)
def test_no_tree_leads_out_of_the_project(project: Path, way: str) -> None:
    tree = outside(project)[way]
    record = edited(project, lambda facts: facts["recipe"]["payloads"][0].update(tree=tree))
    with pytest.raises(ModelError, match="outside of the project") as caught:
        replay(record, project)
    assert caught.value.problems[0].where.endswith("recipe.payloads[0].tree")


def test_a_loop_of_links_is_an_error(project: Path) -> None:
    outside(project)
    record = edited(project, lambda facts: facts["recipe"]["payloads"][0].update(tree="loop"))
    with pytest.raises((PayloadError, ModelError)):
        replay(record, project)


@pytest.mark.parametrize("key", ["env:SECRET", "pkcs11:token=x", "/etc/shadow", 7, None])
def test_no_key_is_opened(project: Path, key: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a key was opened")

    monkeypatch.setattr("vibforge.signing.key_source.open_signer", opened)
    signing = {"key": key, "certificates": ["/etc/passwd"], "passphrase-file": "/etc/shadow"}
    record = edited(project, lambda facts: facts["recipe"].update(signing=signing, bundle={"x": 1}))
    assert replay(record, project).good


@pytest.mark.parametrize("name", ["../demo.vib", "/etc/passwd", "..", "a/b.vib", ""])
def test_only_a_vib_beside_the_record_is_read(project: Path, name: str) -> None:
    def change(facts: Facts) -> None:
        facts["files"][0]["name"] = name

    found = replay(edited(project, change), project)
    assert found.state is ReplayState.SAME
    assert not found.compared_with


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_pipe_or_a_link_in_place_of_the_vib_is_not_opened(project: Path, kind: str) -> None:
    vib = next((project.parent / "out").glob("*.vib"))
    moved = vib.rename(project.parent / "elsewhere")
    if kind == "pipe":
        os.mkfifo(vib)
    else:
        vib.symlink_to(moved)
    found = replay(record_of(project), project)
    assert found.state is ReplayState.SAME
    assert not found.compared_with


def put(*path: str | int, value: object) -> Callable[[Facts], object]:
    """Return what puts a value into a record."""

    def change(facts: Facts) -> None:
        place: Any = facts
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


FORGED = {
    "a date that is none": put("release_date", value="tomorrow"),
    "a date of another kind": put("release_date", value=[]),
    "a level": put("compression_level", value="utmost"),
    "a codec of two lines": put("codec", value="zlib\nrm -rf /"),
    "a codec without end": put("codec", value="z" * 5000),
    "a control character": put("vibforge", value="\x1b[2J"),
    "certificates": put("certificates", value=["0"]),
    "a recipe that is none": put("recipe", value=[]),
    "an unknown key": put("recipe", "exec", value="rm -rf /"),
    "a long unknown key": put("recipe", "x" * 100_000, value=1),
    "a number": put("recipe", "name", value=7),
    "a huge number": put("recipe", "payloads", 0, "boot-order", value=10**400),
    "infinity": put("recipe", "payloads", 0, "boot-order", value=float("inf")),
    "half a character in a name": put("files", 0, "name", value="\ud800"),
    "a negative size": put("files", 0, "size", value=-1),
    "an unknown kind of file": put("files", 0, "kind", value="program"),
    "a long recipe": put("recipe", "description", value="x" * (5 << 20)),
    "half a character": put("recipe", "description", value="\ud800"),
    "a NUL": put("recipe", "payloads", 0, "tree", value="a\0b"),
    "many values": put("recipe", "payloads", value=[{}] * 200_000),
    "many faults": put("recipe", "payloads", value=[{"name": "x" * 400}] * 10_000),
    "no payload": put("recipe", "payloads", value=[]),
    "nested tables": put("recipe", "urls", value={"a": {"a": {"a": {}}}}),
    "payloads that are none": put("payloads", value={"a": 1}),
    "a digest that is none": put("payloads", 0, "sha256", value="xyz"),
    "modes that are none": put("payloads", 0, "modes", value=[1]),
    "files that are none": put("files", value="all"),
    "no VIB": put("files", value=[]),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_record_is_an_error_and_no_bug(project: Path, name: str) -> None:
    record = edited(project, FORGED[name])
    with pytest.raises((FormatError, ModelError)) as caught:
        replay(record, project)
    assert len(caught.value.problems) <= recorded_build.PROBLEMS_LIMIT
    for problem in caught.value.problems:
        assert problem.where.startswith(str(record))
        assert len(str(problem)) < 1500
        assert "\n" not in problem.what
    done = run("repro", "--build", record, project, folder=project.parent)
    assert done.returncode == 2
    assert done.stdout == ""


def test_modes_of_files_that_are_not_there_are_bounded(project: Path) -> None:
    modes = {"0755": [f"opt/{number}" for number in range(50_000)]}
    record = edited(project, put("payloads", 0, "modes", value=modes))
    (project / "etc/demo.conf").write_text("other\n")
    removed_vib(project)
    assert len(replay(record, project).differences) == 20


def test_a_variable_in_a_recorded_text_stays(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    record = edited(project, put("recipe", "description", value="${SECRET}"))
    found = replay(record, project)
    assert found.first_difference is not None
    assert found.first_difference.new == "${SECRET}"


def test_a_project_that_is_not_there(project: Path) -> None:
    shutil.rmtree(project)
    with pytest.raises(VibforgeError):
        replay(record_of(project), project)
