import json
import tracemalloc
from pathlib import Path

import pytest

from tests import vibs
from tests.trees import elf_program
from vibforge.cli import main
from vibforge.comparison.differences import Comparison, Difference, Section, compare
from vibforge.errors import VibforgeError
from vibforge.formats.deflating import CompressionLevel
from vibforge.project.build import build

CONF = b"ptp4l:domainNumber 24\nptp4l:delay_mechanism P2P\n"
BASE = {"name": "demo", "version": "1.0.0-1", "summary": "Demo", "description": "Demo"}


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
    return folder


def vib(folder: Path, files: dict[str, bytes], **changes: str) -> Path:
    tree(folder / "tree", files)
    built = build(
        folder / "tree",
        folder / "out",
        settings=BASE | {key.replace("_", "-"): value for key, value in changes.items()},
        environment={},
        instructions=False,
    )
    return built.vib_path


def only(found: Comparison, section: Section) -> list[Difference]:
    return [each for each in found.differences if each.section is section]


def told(found: Comparison, section: Section) -> list[tuple[str, str | None, str | None]]:
    return [(each.name, each.old, each.new) for each in only(found, section)]


def test_a_file_is_equal_to_itself(tmp_path: Path) -> None:
    path = vib(tmp_path, {"etc/vmware/trx.conf": CONF})
    found = compare(path, path)
    assert found.differences == ()
    assert found.same_bytes
    assert found.same_content


def test_fields_files_and_settings_are_compared_by_meaning(tmp_path: Path) -> None:
    old = vib(tmp_path / "a", {"etc/vmware/trx.conf": CONF, "opt/gone": b"x\n"})
    new = vib(
        tmp_path / "b",
        {"etc/vmware/trx.conf": CONF.replace(b"24", b"0"), "opt/new": b"y\n"},
        version="1.1.0-1",
    )
    found = compare(old, new)
    assert told(found, Section.DESCRIPTOR) == [("version", "1.0.0-1", "1.1.0-1")]
    assert told(found, Section.TRX) == [("ptp4l domainNumber", "24", "0")]
    conf, gone, fresh = only(found, Section.FILES)
    assert conf.name == "/etc/vmware/trx.conf"
    assert conf.lines[-3:] == (
        "-ptp4l:domainNumber 24",
        "+ptp4l:domainNumber 0",
        " ptp4l:delay_mechanism P2P",
    )
    assert (gone.name, gone.old, gone.new) == ("/opt/gone", "file, 0644 0:0, 2 bytes", None)
    assert (fresh.name, fresh.old, fresh.new) == ("/opt/new", None, "file, 0644 0:0, 2 bytes")
    assert not found.same_content


def test_modes_are_compared(tmp_path: Path) -> None:
    old = vib(tmp_path / "a", {"opt/x": b"#!/bin/sh\n"})
    tree(tmp_path / "b/tree", {"opt/x": b"#!/bin/sh\n"})
    (tmp_path / "b/tree/opt/x").chmod(0o755)
    found = compare(old, tmp_path / "b/tree", settings=BASE)
    assert told(found, Section.FILES) == [("/opt/x mode", "0644", "0755")]


def test_relationships_are_compared_one_by_one(tmp_path: Path) -> None:
    old = vib(tmp_path / "a", {"opt/x": b""}, **{"relationships.depends": '["a", "b"]'})
    new = vib(tmp_path / "b", {"opt/x": b""}, **{"relationships.depends": '["b", "c"]'})
    assert told(compare(old, new), Section.DESCRIPTOR) == [
        ("relationships.depends", "a", None),
        ("relationships.depends", None, "c"),
    ]


def test_another_level_changes_what_hosts_do(tmp_path: Path) -> None:
    old = vib(tmp_path / "a", {"opt/vendor/x": b""})
    new = vib(tmp_path / "b", {"opt/vendor/x": b""}, live_install_allowed="false")
    verdicts = told(compare(old, new), Section.VERDICT)
    assert [release for release, _, _ in verdicts] == ["6.5", "6.7", "7.0", "8.0", "9.0"]
    assert all("live" in str(was) and "after reboot" in str(now) for _, was, now in verdicts)


def test_another_compression_is_the_same_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"opt/x": b"some text " * 1000}
    old = vib(tmp_path / "a", files)
    built = build(
        tmp_path / "a/tree",
        tmp_path / "b",
        settings=BASE,
        environment={},
        level=CompressionLevel.BEST,
        instructions=False,
    )
    found = compare(old, built.vib_path)
    assert [each.section for each in found.differences] == [Section.PAYLOADS]
    assert found.same_content
    assert not found.same_bytes
    assert main(["diff", str(old), str(built.vib_path)]) == 0
    assert "the same content, other bytes" in capsys.readouterr().out


def test_a_project_is_compared_without_its_key(tmp_path: Path) -> None:
    files = {"opt/x": b"x"}
    old = vib(tmp_path / "a", files)
    project = tmp_path / "project"
    tree(project / "payloads/payload1", files)
    (project / "vibforge.toml").write_text(
        'name = "demo"\nversion = "1.0.0-1"\nsummary = "Demo"\ndescription = "Demo"\n'
        '[[payloads]]\nname = "payload1"\ntree = "payloads/payload1"\n'
        '[signing]\nkey = "nowhere.pem"\n'
    )
    found = compare(old, project)
    assert found.same_content
    assert sorted(path.name for path in project.iterdir()) == ["payloads", "vibforge.toml"]


def test_two_trx_confs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.conf", tmp_path / "new.conf"
    old.write_bytes(CONF)
    new.write_bytes(CONF + b"ptp4l:priority1 255\n")
    assert main(["diff", str(old), str(new)]) == 1
    assert "~ ptp4l priority1: 128 (the default of linuxptp) → 255" in capsys.readouterr().out


def test_a_setting_that_linuxptp_does_not_know_has_no_default(tmp_path: Path) -> None:
    old, new = tmp_path / "old.conf", tmp_path / "new.conf"
    old.write_bytes(CONF)
    new.write_bytes(CONF + b"sys2vmw:interval 4\n")
    assert told(compare(old, new), Section.TRX) == [("sys2vmw interval", None, "4")]


def test_releases_whose_verdict_changes_alike_share_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"etc/vmware/trx.conf": CONF}
    old, new = vib(tmp_path / "a", files), vib(tmp_path / "b", files, acceptance_level="partner")
    assert main(["diff", str(old), str(new)]) == 1
    assert "  ~ 6.7, 7.0, 8.0, 9.0: refused" in capsys.readouterr().out


def test_host_facts(tmp_path: Path) -> None:
    facts = {"format": "vibforge/host-facts/1", "version": "6.7.0", "secure_boot": False}
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(facts))
    new.write_text(json.dumps(facts | {"secure_boot": True}))
    assert told(compare(old, new), Section.HOST) == [("secure-boot", "false", "true")]


def test_two_kinds_cannot_be_compared(tmp_path: Path) -> None:
    path = vib(tmp_path, {"opt/x": b""})
    conf = tmp_path / "trx.conf"
    conf.write_bytes(CONF)
    with pytest.raises(VibforgeError, match=r"is a trx\.conf, .* is a VIB"):
        compare(conf, path)
    conf.write_bytes(b"nothing that vibforge knows\n")
    with pytest.raises(VibforgeError, match="host facts"):
        compare(conf, path)


def test_json_and_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = vib(tmp_path / "a", {"opt/x|y": b"```\n"})
    new = vib(tmp_path / "b", {"opt/x|y": b"`````\n"})
    assert main(["diff", str(old), str(new), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "vibforge/diff/1"
    assert [each["change"] for each in document["differences"]] == ["changed", "changed"]
    assert main(["diff", str(old), str(new), "--format", "markdown"]) == 1
    text = capsys.readouterr().out
    assert r"/opt/x\|y" in text
    assert "``````diff\n" in text


def test_untrusted_names_do_not_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.conf", tmp_path / "new.conf"
    old.write_bytes(CONF)
    new.write_bytes(CONF + b"ptp4l:userDescription \x1b[31mred\n")
    main(["diff", str(old), str(new)])
    assert "\x1b" not in capsys.readouterr().out


def test_a_long_diff_is_cut(tmp_path: Path) -> None:
    old = vib(tmp_path / "a", {"opt/x": b"".join(b"%d\n" % n for n in range(3000))})
    new = vib(tmp_path / "b", {"opt/x": b"".join(b"%d x\n" % n for n in range(3000))})
    (change,) = only(compare(old, new), Section.FILES)
    assert len(change.lines) == 400
    assert change.more_lines > 5000


@pytest.mark.slow
def test_many_files_take_little_memory(tmp_path: Path) -> None:
    files = {f"opt/d{n // 100}/f{n}": b"%d" % n * 200 for n in range(2000)}
    old = vib(tmp_path, files)
    tracemalloc.start()
    found = compare(old, tmp_path / "tree", settings=BASE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.same_content
    assert peak < 60 * 2**20


def test_a_program_is_the_same_file_in_a_vmtar(tmp_path: Path) -> None:
    """A vmtar marks ELF files as shared; a host gets the same file."""
    files = {"opt/acme/tool": elf_program()}
    old = vib(tmp_path / "a", files)
    new = vib(tmp_path / "b", files, **{"payloads[0].type": "vgz"})
    found = compare(old, new)
    assert only(found, Section.FILES) == []
    assert only(found, Section.PAYLOADS) != []


def test_a_boot_module_is_compared_by_its_digest(tmp_path: Path) -> None:
    """It is no tar, so there are no files to compare; diff used to refuse such a VIB."""
    old = vibs.write(tmp_path, "old", kind="boot", content=b"module", file_list=[])
    new = vibs.write(tmp_path, "new", kind="boot", content=b"other module", file_list=[])
    found = compare(old, new)
    assert [each.name for each in found.differences if each.section is Section.PAYLOADS] == ["acme"]
    assert compare(old, old).same_content
