"""The front door: every public name is described, shown in use, and used by its command."""

import ast
import builtins
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from doctest import DocTestParser, DocTestRunner
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

import vibforge
from docs.generate import PAGES
from docs.library import COMMANDS, OTHERS, Docstring, errors, functions, signature, types
from tests import vibs
from tests.signing.lab import Lab
from tests.test_architecture import imports_of
from tests.trees import trx_tree
from vibforge import VibforgeError, build, create_bundle, sign
from vibforge.cli import _COMMANDS, application
from vibforge.signing.pki import KeyKind

PAGE = PAGES["api.md"]()
_MARK = re.compile(r"^#{2,3} (.*)\n", re.MULTILINE)


def sections() -> dict[str, str]:
    """Return the parts of the page below each heading; what stands above the first one is "top"."""
    parts = _MARK.split(PAGE)
    return {"top": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


SHOWN = sections()
WITH_EXAMPLES = [name for name, text in SHOWN.items() if ">>>" in text]


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    """The folder that the page describes."""
    folder = tmp_path_factory.mktemp("library")
    trx_tree(folder / "my-trx")
    issued = lab.issued(kind=KeyKind.RSA_2048)
    (folder / "me.key").write_bytes(issued.key_path.read_bytes())
    (folder / "me.pem").write_bytes(issued.certificate_path.read_bytes())
    (folder / "root.pem").write_bytes((lab.store / "vmpartner.cert").read_bytes())
    for name, level in (("acme", "community"), ("other", "community"), ("partner", "partner")):
        settings = {"name": name, "acceptance-level": level}
        built = build(folder / "my-trx", folder / f"made-{name}", settings=settings)
        built.vib_path.rename(folder / f"{name}.vib")
    sign(
        folder / "partner.vib",
        key=str(folder / "me.key"),
        certificates=folder / "me.pem",
        output=folder / "signed.vib",
    )
    code = {"vendor-code": "ABC"}
    create_bundle(folder / "acme.vib", folder / "fleet.zip", settings=code, platforms="8.0")
    _others(folder)
    return folder


def _others(folder: Path) -> None:
    size = 200 * 1024 * 1024
    vibs.write(folder, "bomb", files=[vibs.File(path="opt/zeros", content=bytes(size))])
    (folder / "trx.conf").write_text("ptp4l:delay_mechanism P2P\n")
    (folder / "page.vib").write_text("<!DOCTYPE html>")
    (folder / "esxupdate.log").write_text("[x] Could not find a trusted signer.\n")
    facts = {"format": "vibforge/host-facts/1", "version": "8.0U3", "secure_boot": None}
    (folder / "facts.json").write_text(json.dumps(facts))


def _by_tier(names: Iterable[str]) -> list[Any]:
    """Put rehearsals, which wait for clocks, into the second tier."""
    marks = [pytest.mark.rehearsals, pytest.mark.slow]
    return [
        pytest.param(name, marks=marks) if name.startswith("rehearse_trx") else name
        for name in names
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", _by_tier(WITH_EXAMPLES))
def test_examples_of_the_page_do_what_they_show(
    name: str, full_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copytree(full_folder, tmp_path / "desk", symlinks=True))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    text = re.sub(r"^```.*$", "", SHOWN[name], flags=re.MULTILINE)
    example = DocTestParser().get_doctest(text, {}, name, "api.md", 0)
    report: list[str] = []
    DocTestRunner().run(example, out=report.append)
    assert not report, "".join(report)


def code_of_examples() -> str:
    """Return all code of the page's examples."""
    lines = (line for text in SHOWN.values() for line in text.splitlines())
    return "\n".join(line for line in lines if line.startswith((">>>", "...")))


@pytest.mark.parametrize("name", [name for name in vibforge.__all__ if name != "__version__"])
def test_every_name_is_described_and_shown_in_use(name: str) -> None:
    assert Docstring.of(getattr(vibforge, name)).text
    assert name in SHOWN or f"\n| {name} | " in SHOWN["Errors"]
    assert re.search(rf"\b{name}\b", code_of_examples()), "no example uses it"


@pytest.mark.parametrize("name", functions())
def test_every_function_has_an_example_of_its_own(name: str) -> None:
    docstring = Docstring.of(getattr(vibforge, name))
    assert f"{name}(" in docstring.examples


@pytest.mark.parametrize("name", functions())
def test_every_argument_and_error_of_a_function_is_described(name: str) -> None:
    function = getattr(vibforge, name)
    docstring = Docstring.of(function)
    described = set(docstring.items("Args"))
    if name == "add_to_bundle":
        assert "arguments are those of `create_bundle`" in docstring.text
        described = set(inspect.signature(vibforge.create_bundle).parameters) | {"bundle"}
    assert described == set(inspect.signature(function).parameters)
    assert set(docstring.items("Raises")) <= set(errors())
    assert signature(function) in SHOWN[name]


def test_the_page_divides_the_names_as_they_are() -> None:
    every = {*functions(), *types(), *errors(), "__version__"}
    assert every == set(vibforge.__all__)
    assert all(inspect.isfunction(getattr(vibforge, name)) for name in functions())
    assert all(inspect.isclass(getattr(vibforge, name)) for name in types())
    assert {each.__name__ for each in VibforgeError.__subclasses__()} < set(errors())


def test_type_checkers_see_the_names_that_are_there() -> None:
    tree = ast.parse(Path(vibforge.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == vibforge._HOMES  # noqa: SLF001 - the table behind the names
    assert sorted([*seen, "__version__"]) == sorted(vibforge.__all__)


def test_an_import_loads_nothing_else() -> None:
    script = (
        "import sys; before = set(sys.modules); import vibforge\n"
        "print(*sorted(n for n in set(sys.modules) - before if n.startswith(('vibforge', "
        "'cryptography', 'lxml', 'msgspec', 'typer'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["vibforge", "vibforge.loading"]


# What commands call.

BELOW = {"files.inputs.require_readable", "host.known_messages.TEXT_LIMIT"}
"""What a command may use of the rooms below `api`, beside its one call."""


def command_of(words: str) -> Callable[..., Any]:
    """Return the function that carries out a command."""
    first, _, second = words.partition(" ")
    app = application([first])
    group = app.registered_groups[0].typer_instance if second else app
    assert group is not None
    (found,) = (
        each.callback
        for each in group.registered_commands
        if each.callback and (each.name or each.callback.__name__) == (second or first)
    )
    return found


@cache
def module_tree(function: Callable[..., Any]) -> ast.Module:
    return ast.parse(Path(inspect.getfile(function)).read_text(encoding="utf-8"))


def names_in(function: Callable[..., Any]) -> dict[str, str]:
    """Return what a module's imports from vibforge are called in it."""
    tree = module_tree(function)
    for_type_checkers = {
        node for block in tree.body if isinstance(block, ast.If) for node in block.body
    }
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}".removeprefix("vibforge.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("vibforge")
        and node not in for_type_checkers
        for alias in node.names
    }


def uses_of(function: Callable[..., Any]) -> Iterator[str]:
    """Yield what a command uses of vibforge, the private functions of its module included."""
    known = names_in(function)
    own = {
        node.name: node for node in module_tree(function).body if isinstance(node, ast.FunctionDef)
    }
    ahead, done = [function.__name__], set()
    while ahead:
        name = ahead.pop()
        done.add(name)
        arguments = {each.arg for each in ast.walk(own[name].args) if isinstance(each, ast.arg)}
        for node in ast.walk(ast.Module(own[name].body, [])):
            match node:
                case ast.Name(id=used) if used in arguments:
                    pass
                case ast.Attribute(value=ast.Name(id=base), attr=attribute) if base in known:
                    yield f"{known[base]}.{attribute}"
                case ast.Name(id=used) if used in known:
                    yield known[used]
                case ast.Name(id=used) if used in own and used not in done:
                    ahead.append(used)
                case _:
                    pass


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_makes_this_call_and_no_other(name: str) -> None:
    command = command_of(COMMANDS[name])
    used = set(uses_of(command))
    home = vibforge._HOMES[name].removeprefix("vibforge.")  # noqa: SLF001 - the table of the names
    assert f"{home}.{name}" in used
    own = {f"{vibforge._HOMES[each].removeprefix('vibforge.')}.{each}" for each in COMMANDS}  # noqa: SLF001 - the same
    others = {each for each in used if each.split(".")[0] not in {"api", "cli", "report", "errors"}}
    others -= {each for each in used if any(f"{longer}".startswith(f"{each}.") for longer in used)}
    assert others <= BELOW
    calls = {each for each in used & own if COMMANDS[each.rpartition(".")[2]] == COMMANDS[name]}
    assert used & own == calls


def test_every_function_of_the_api_is_public() -> None:
    folder = Path(vibforge.__file__).parent / "api"
    found = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and "typed_errors" in map(ast.unparse, node.decorator_list)
    }
    assert found == set(COMMANDS)
    assert not set(OTHERS) & found


def test_the_api_knows_no_command_line() -> None:
    folder = Path(vibforge.__file__).parent / "api"
    wrong = [name for path in folder.glob("*.py") for name in imports_of(path) if ".cli" in name]
    assert wrong == []
    assert {words.split()[0] for words in COMMANDS.values()} <= set(_COMMANDS)


# Whatever is given.

PATHS = ("absent", "", "\0", "folder", "page.vib", "x" * 5_000, "\udcff", "page.vib/x")
RECIPE = vibforge.Recipe(
    name="a", version="1-1", payloads=(vibforge.PayloadRecipe(name="a", tree="t"),)
)
CALLS: dict[str, Callable[[str], object]] = {
    "build": lambda path: vibforge.build(path, "out"),
    "build into": lambda path: vibforge.build("folder", path),
    "build root": lambda path: vibforge.build(RECIPE, "out", root=path),
    "build settings": lambda text: vibforge.build("folder", settings={text: text}),
    "build allow": lambda text: vibforge.build("folder", allow={text: text}),
    "build compression": lambda text: vibforge.build("folder", compression=text),  # type: ignore[arg-type] # wrong on purpose
    "lint": lambda path: vibforge.lint(path).unreadable,
    "lint esxi": lambda text: vibforge.lint("page.vib", esxi=text or "x"),
    "lint select": lambda text: vibforge.lint("page.vib", select=text),
    "plan": lambda path: vibforge.plan(path, esxi="8.0").unreadable,
    "plan host": lambda path: vibforge.plan("page.vib", host=path),
    "plan trust": lambda path: vibforge.plan("page.vib", trust=path or "absent"),
    "plan to": lambda text: vibforge.plan("page.vib", to=text or "x"),
    "plan flags": lambda text: vibforge.plan("page.vib", flags=text or "x"),
    "plan route": lambda text: vibforge.plan("page.vib", route=text),
    "explain": lambda path: vibforge.explain(Path(path)),
    "inspect": lambda path: vibforge.inspect(path).unreadable,
    "cat": lambda path: vibforge.cat(path, "x", bytearray().extend),
    "verify": lambda path: vibforge.verify(path).unreadable,
    "verify trust": lambda path: vibforge.verify("page.vib", trust=path or "absent"),
    "verify attestation": lambda path: vibforge.verify("page.vib", attestation=path),
    "verify sbom": lambda path: vibforge.verify("page.vib", sbom=path),
    "verify level": lambda text: vibforge.verify("page.vib", require_level=text or "x"),
    "extract": lambda path: vibforge.extract(path, "out"),
    "extract --stage": lambda path: vibforge.extract(path, "out", stage=True),
    "sign": lambda path: vibforge.sign(path, key="page.vib", certificates="page.vib"),
    "sign key": lambda path: vibforge.sign("page.vib", key=path, certificates="page.vib"),
    "sign certificates": lambda path: vibforge.sign("page.vib", key="x", certificates=path),
    "sign signature": lambda path: vibforge.sign("page.vib", signature=path),
    "to_sign": vibforge.to_sign,
    "bump": vibforge.bump,
    "bump version": lambda text: vibforge.bump("page.vib", version=text),
    "compare": lambda path: vibforge.compare(path, "page.vib"),
    "repro": lambda path: vibforge.repro(path, vary="hash-seed").good,
    "repro vary": lambda text: vibforge.repro("folder", vary=text),
    "repro pythons": lambda path: vibforge.repro("folder", vary="python", pythons=path),
    "repro against": lambda path: vibforge.repro("folder", against=path),
    "replay": lambda path: vibforge.replay(path, "folder"),
    "replay against": lambda path: vibforge.replay("page.vib", against=path),
    "create_bundle": lambda path: vibforge.create_bundle(path, "out.zip"),
    "create_bundle recipe": lambda path: vibforge.create_bundle("x", "out.zip", recipe=path),
    "inspect_bundle": vibforge.inspect_bundle,
    "verify_bundle": vibforge.verify_bundle,
    "verify_bundle reader": lambda text: vibforge.verify_bundle("x", reader=text),
    "add_to_bundle": lambda path: vibforge.add_to_bundle(path, "page.vib", "out.zip"),
    "remove_from_bundle": lambda path: vibforge.remove_from_bundle(path, "x", "out.zip"),
    "split_bundle": lambda path: vibforge.split_bundle(path, "out"),
    "merge_bundles": lambda path: vibforge.merge_bundles(path, "out.zip"),
    "modernise_bundle": lambda path: vibforge.modernise_bundle(path, "out.zip"),
    "unpack_bundle": lambda path: vibforge.unpack_bundle(path, "out"),
    "make_sbom": vibforge.make_sbom,
    "make_sbom output": lambda path: vibforge.make_sbom("page.vib", path),
    "make_sbom form": lambda text: vibforge.make_sbom("page.vib", form=text),
    "attest": lambda path: vibforge.attest(path, key="page.vib", certificates="page.vib"),
    "attest key": lambda path: vibforge.attest("folder", key=path, certificates="page.vib"),
    "attest signature": lambda path: vibforge.attest("folder", signature=path),
    "attest source": lambda path: vibforge.attest("x", certificates="y", key="z", source=path),
    "to_attest": lambda path: vibforge.to_attest(path, certificates="page.vib"),
    "to_attest certificates": lambda path: vibforge.to_attest("folder", certificates=path),
    "to_attest builder": lambda text: vibforge.to_attest("x", certificates="y", builder=text),
    "change_record": lambda path: vibforge.change_record(path, sboms=False),
    "change_record host": lambda path: vibforge.change_record("page.vib", host=path),
    "change_record previous": lambda path: vibforge.change_record("page.vib", previous=path),
    "check_trx": vibforge.check_trx,
    "check_trx linuxptp": lambda text: vibforge.check_trx(b"", linuxptp=text),
    "rehearse_trx": lambda path: vibforge.rehearse_trx(path, gm_profile="x"),
    "rehearse_trx pcap": lambda path: vibforge.rehearse_trx(b"", pcap=path),
    "rehearse_trx gm_conf": lambda path: vibforge.rehearse_trx(b"", gm_conf=path),
}
"""Calls with one argument that is wrong; what a result lists as unreadable was not raised."""


def succeeds(call: Callable[[str], object], path: str) -> bool:
    """Whether a call has nothing to say against its argument; an error must be one of ours."""
    try:
        return not call(path)
    except VibforgeError:
        return False


def test_every_function_is_called_with_what_is_wrong() -> None:
    assert {name.split()[0] for name in CALLS} == set(COMMANDS)


@pytest.mark.parametrize("name", _by_tier(CALLS))
def test_what_cannot_be_done_is_an_error_of_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "page.vib").write_text("<!DOCTYPE html>")
    monkeypatch.chdir(tmp_path)
    assert sum(not succeeds(CALLS[name], path) for path in PATHS) >= len(PATHS) // 2


@pytest.mark.parametrize("name", ["lint", "inspect", "verify", "create_bundle", "merge_bundles"])
def test_no_file_at_all_is_an_error(name: str) -> None:
    more = {"create_bundle": ["out.zip"], "merge_bundles": ["out.zip"]}.get(name, [])
    with pytest.raises(vibforge.ModelError, match="no file is named"):
        getattr(vibforge, name)([], *more)


def test_an_error_of_a_callback_stays_what_it_is(full_folder: Path) -> None:
    def write(_piece: object) -> None:
        raise builtins.BlockingIOError(11, "full")

    with pytest.raises(BlockingIOError):
        vibforge.cat(full_folder / "acme.vib", "etc/vmware/trx.conf", write)
