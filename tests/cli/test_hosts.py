import io
import json
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.signing.lab import Lab
from tests.signing.lab import vib as small_vib
from tests.trees import make_tree
from tests.vibs import File, descriptor, make, related, tree, write
from vibforge.cli import main
from vibforge.packages.lint import CHECKS
from vibforge.packages.sign import sign_vib
from vibforge.trx.rules import BY_NAME as TRX_RULES

ALLOWED, OTHER = tree(File(path="opt/acme/acme.conf")), tree(File(path="opt/other/other.conf"))
TRX = tree(File(path="etc/vmware/trx.conf", content=b"ptp4l:delay_mechanism P2P\n"))


def written(tmp_path: Path, files: tuple[File, ...] = ALLOWED) -> str:
    return str(write(tmp_path, files=files))


def facts(tmp_path: Path, **changes: object) -> str:
    known = {
        "format": "vibforge/host-facts/1",
        "version": "6.7",
        "acceptance_level": "CommunitySupported",
        "secure_boot": False,
        "maintenance_mode": False,
        "reboot_pending": False,
        "stateless": False,
        "vibs": [],
    }
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(known | changes))
    return str(path)


def test_plan_says_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", written(tmp_path), "--host", facts(tmp_path), "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "On this host 6.7 (CommunitySupported, Secure Boot off)" in out
    assert "esxcli software vib install: live [measured]" in out


def test_plan_says_no_and_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vib = written(tmp_path, TRX)
    assert main(["plan", vib, "--host", facts(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "vibforge/plan/1"
    (host,) = found["files"][0]["hosts"]
    assert host["routes"][0]["predictions"][0]["causes"][0]["subject"] == "etc/vmware/trx.conf"
    assert [step["flag"] for step in host["remedies"][0]["steps"]] == ["--no-sig-check"]
    assert host["boot_copy_remedies"][0]["steps"] == []


def test_plan_holds_a_signature_against_a_trust_store(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "signed.vib"
    path.write_bytes(small_vib())
    sign_vib(path, lab.signer())
    asked = ["plan", str(path), "--esxi", "6.7"]
    assert main(asked) == 1
    assert "the host trusts the signer" in capsys.readouterr().out
    assert main([*asked, "--trust", str(lab.store)]) == 0
    assert "the host trusts the signer" not in capsys.readouterr().out


def test_plan_with_flags(tmp_path: Path) -> None:
    vib = written(tmp_path, TRX)
    assert main(["plan", vib, "--host", facts(tmp_path), "--flags", "-f"]) == 0


def test_plan_from_one_release_to_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", written(tmp_path), "--esxi", "7.0U3", "--to", "9.0", "--verbose"]) == 1
    out = capsys.readouterr().out
    assert "On stock 7.0 U3" in out
    assert "ISO upgrade with the VIB installed: refused" in out


BASE = descriptor(
    name="esx-base", version="6.7.0-1", vendor="VMware", file_list=(), acceptance_level="certified"
).decode()


def named(tmp_path: Path, name: str, files: tuple[File, ...] = OTHER, **changes: object) -> str:
    return str(write(tmp_path, name, files=files, **changes))


def test_plan_of_a_removal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lib = named(tmp_path, "lib", relationships=related(provides=["api = 1"]))
    user = named(tmp_path, "user", ALLOWED, relationships=related(depends=["api"]))
    host = facts(tmp_path, vibs=[{"descriptor": BASE}])
    assert main(["plan", "--remove", "user", lib, user, "--host", host, "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "esxcli software vib remove: live [inferred]" in out
    assert main(["plan", "--remove", "lib", lib, user, "--host", host, "--verbose"]) == 1
    out = capsys.readouterr().out
    assert "requires api, but the requirement cannot be satisfied" in out
    assert "needs: also remove the VIBs that depend on it: -n user → live" in out
    assert main(["plan", "--remove", "lib", "--remove", "user", lib, user, "--host", host]) == 0
    assert main(["plan", "--remove", "absent", lib, "--host", host, "--verbose"]) == 1
    assert "No VIB matching VIB search specification 'absent'." in capsys.readouterr().out


def test_plan_of_a_removal_from_stock_hosts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vib = named(tmp_path, "other")
    assert main(["plan", "--remove", "other", vib]) == 0
    assert main(["plan", "--remove", "other", "--esxi", "8.0"]) == 1
    assert "if other is not installed" in " ".join(capsys.readouterr().out.split())


def test_a_removal_tells_the_level_that_comes_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = facts(tmp_path, vibs=[{"descriptor": BASE}])
    vib, second = named(tmp_path, "other"), named(tmp_path, "second", ALLOWED)
    main(["plan", "--remove", "other", vib, "--host", host])
    assert "can then raise it to VMwareCertified" in " ".join(capsys.readouterr().out.split())
    main(["plan", "--remove", "other", vib, second, "--host", host])
    assert "you cannot raise it above CommunitySupported" in " ".join(
        capsys.readouterr().out.split()
    )


def test_plan_of_all_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = named(tmp_path, "other"), named(tmp_path, "acme", ALLOWED)
    asked = ["plan", "--together", one, two, "--host", facts(tmp_path)]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [file["hosts"] for file in found["files"]] == [[], []]
    (host,) = found["together"]["hosts"]
    assert len(host["routes"][0]["predictions"][0]["added"]) == 2
    bad = named(tmp_path, "bad", TRX)
    assert main(["plan", "--together", one, bad, "--host", facts(tmp_path)]) == 1
    assert "so none of the 2 VIBs goes in" in capsys.readouterr().out


def test_a_file_that_nobody_can_read_leaves_no_plan_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--together", str(tmp_path / "no.vib"), named(tmp_path, "other")]) == 2
    assert "All of them" not in capsys.readouterr().out


def test_old_files_that_stay_are_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, held = written(tmp_path, OTHER), make(ALLOWED).descriptor_bytes.decode()
    host = facts(tmp_path, vibs=[{"descriptor": held}])
    assert main(["plan", str(path), "--host", host, "--verbose"]) == 1
    out = capsys.readouterr().out
    lines = out.partition("On this host")[2].splitlines()
    assert lines[1].startswith("  NOT INSTALLED, AND NO ERROR: ")
    assert "the host keeps the OLD FILES" in " ".join(out.split())
    assert "needs: another version" in out
    assert main(["plan", str(path), "--host", host, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert "OLD FILES" in found["files"][0]["hosts"][0]["warnings"][0]


def test_a_network_booted_host_with_a_reboot_that_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"stateless": True, "reboot_pending": True, "pending_vibs": ["+ new", "- old"]}
    assert main(["plan", written(tmp_path), "--host", facts(tmp_path, **state), "--verbose"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "[StatelessError]" in out
    assert "its next boot loads the image of Auto Deploy again" in out
    assert "A change waits for a reboot of this host (+ new; - old)" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "there is nothing to plan"),
        (["--remove", "a", "--together"], "--remove does not go with --together"),
        (["--remove", "a", "--to", "9.0"], "--remove does not go with --to"),
        (["--remove", "a", "--route", "update"], "--remove does not go with --route update"),
        (["--remove", "a", "--flags", "--no-sig-check"], "has no flag --no-sig-check"),
    ],
)
def test_what_plan_is_not_asked(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["plan", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_what_cannot_be_read_does_not_hide_the_plan_of_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.vib"
    page.write_text("<html>not found</html>")
    assert main(["plan", str(page), written(tmp_path), "--esxi", "8.0"]) == 2
    told = capsys.readouterr()
    assert told.err.count(str(page)) == 1
    assert "an HTML page" in told.err
    assert "On stock 8.0" in told.out
    assert "Bad VIB archive header" in told.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--esxi", "x"], "is not a release of ESXi"),
        (["--route", "mail"], "is not a route"),
        (["--host", "absent.json"], "cannot be read"),
    ],
)
def test_what_plan_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["plan", written(tmp_path), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_host_facts_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host-facts"]) == 0
    script = CHECKOUT / "templates/host-facts.sh"
    assert capsys.readouterr().out == script.read_text(encoding="utf-8")


def test_explain_a_message_a_rule_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "Could not find a trusted signer."]) == 0
    assert "Building the VIB anew does not help." in capsys.readouterr().out
    assert main(["explain", "vf305"]) == 0
    assert "VF305 no-gunzip-sha256" in capsys.readouterr().out
    assert main(["explain", "all is well"]) == 1
    assert main(["explain", "VF999"]) == 2
    assert "`vibforge lint` prints the rule" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("path-outside-list", "VF218 path-outside-list"),
        ("port-section", "trx.conf: port-section\nerror, documented"),
    ],
)
def test_explain_a_rule_by_its_name(
    word: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", word]) == 0
    assert capsys.readouterr().out.startswith(shown)
    assert main(["explain", word, "--json"]) == 0
    assert word in capsys.readouterr().out


def test_every_rule_can_be_explained_by_its_name() -> None:
    from vibforge.api.explain import find_manual  # noqa: PLC0415 - as the command does

    names = [*(rule.name for rule in CHECKS), *TRX_RULES]
    assert [name for name in names if find_manual(name) is None] == []
    assert len(set(names)) == len(names), "one name, one rule"


def test_explain_a_log_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "esxupdate.log").write_bytes(b"\xff\n[x] Could not find a trusted signer.\n")
    assert main(["explain", str(tmp_path / "esxupdate.log")]) == 0
    assert "trusted-signer, line 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--flags", "--frce"], "not a flag that vibforge can predict: --frce"),
        (["--route", "upgrade"], "the upgrade has no target release"),
        (["--esxi", "9.0", "--to", "7.0"], "7.0 is older than 9.0"),
    ],
)
def test_a_plan_that_asks_for_nonsense(
    words: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", written(tmp_path), *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_plan_names_secure_boot_where_it_is_the_wall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = facts(tmp_path, secure_boot=True)
    assert main(["plan", written(tmp_path, TRX), "--host", host]) == 1
    assert "Secure Boot is on: no flag overrides" in " ".join(capsys.readouterr().out.split())


def test_explain_a_log_on_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = b"\xff\xfe junk\n [ValueError]\n Expected 1 component, found 2\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log)))
    assert main(["explain", "-", "--json"]) == 0
    (message,) = json.loads(capsys.readouterr().out)["messages"]
    assert message["id"] == "expected-one-component"
    assert message["names"] == {}


def test_lint_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", written(tmp_path)]) == 0
    assert main(["lint", written(tmp_path, TRX)]) == 1
    assert "VF218 path-outside-list" in capsys.readouterr().out
    assert main(["lint", written(tmp_path, TRX), "--ignore", "VF218"]) == 0
    assert main(["lint", written(tmp_path, TRX), "--select", "VF999"]) == 2


@pytest.mark.parametrize(
    "form",
    [["--json"], ["--as", "sarif"], ["--as", "github"], ["--as", "gitlab"], ["--as", "text"]],
    ids=" ".join,
)
def test_lint_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    assert main(["lint", written(tmp_path, TRX), *form]) == 1
    out = capsys.readouterr().out
    assert "VF218" in out
    if form[-1] in {"--json", "sarif", "gitlab"}:
        json.loads(out)


def test_lint_a_project_whose_recipe_allows_a_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = (
        'name = "acme"\nversion = "1.0.0-1"\n'
        '[[allow]]\nrule = "VF218"\nbecause = "TRX reads it there"\n'
        '[[payloads]]\nname = "acme"\ntree = "tree"\n'
    )
    make_tree(tmp_path / "project/tree", {"etc/vmware/trx.conf": "ptp4l:delay_mechanism P2P\n"})
    (tmp_path / "project/vibforge.toml").write_text(recipe)
    assert main(["lint", str(tmp_path / "project")]) == 0
    out = capsys.readouterr().out
    assert "(TRX reads it there)" in out
    assert "1 allowed" in out
    (tmp_path / "project/vibforge.toml").write_text(recipe.replace("TRX reads it there", ""))
    assert main(["lint", str(tmp_path / "project")]) == 2


def test_lint_what_is_no_vib(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.vib"
    page.write_text("<html>not found</html>")
    assert main(["lint", str(page)]) == 2
    assert "an HTML page" in capsys.readouterr().err


def test_build_in_the_layout_that_needs_no_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = make_tree(tmp_path / "acme", {"etc/vmware/trx.conf": "ptp4l:delay_mechanism P2P\n"})
    out = str(tmp_path / "dist")
    assert main(["build", str(tree), "--layout", "boot-copy", "-o", out, "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["install"]["flags"] == []
    assert built["recipe"]["layout"] == "boot-copy"
    assert main(["lint", built["vib"]["path"]]) == 0


@pytest.mark.parametrize("files", [ALLOWED, TRX], ids=["allowed", "trx.conf"])
def test_a_plan_of_one_vib_fits_a_screen(
    files: tuple[File, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["plan", written(tmp_path, files)])
    short = capsys.readouterr().out.splitlines()
    assert len(short) <= 25
    assert not any("vLCM" in line for line in short), "vLCM takes no loose VIB"
    main(["plan", written(tmp_path, files), "--verbose"])
    assert len(capsys.readouterr().out.splitlines()) > 2 * len(short)


def test_the_short_plan_says_first_that_old_files_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held, other = make(ALLOWED, name="acme"), make(OTHER, name="acme")
    path = tmp_path / "acme.vib"
    path.write_bytes(other.to_bytes())
    host = facts(tmp_path, vibs=[{"descriptor": held.descriptor_bytes.decode()}])
    assert main(["plan", str(path), "--host", host]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("  NOT INSTALLED, AND NO ERROR: ")
