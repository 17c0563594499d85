"""The page of the library: signatures, descriptions and examples of every public name."""

import ast
import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from types import ModuleType
from typing import Any

from msgspec import Struct

import vibforge
from vibforge.errors import VibforgeError

COMMANDS = {
    "build": "build",
    "bump": "bump",
    "lint": "lint",
    "plan": "plan",
    "explain": "explain",
    "inspect": "inspect",
    "cat": "inspect",
    "compare": "diff",
    "repro": "repro",
    "replay": "repro",
    "verify": "verify",
    "extract": "extract",
    "sign": "sign",
    "to_sign": "sign",
    "create_bundle": "bundle create",
    "inspect_bundle": "bundle inspect",
    "verify_bundle": "bundle verify",
    "add_to_bundle": "bundle add",
    "remove_from_bundle": "bundle remove",
    "split_bundle": "bundle split",
    "merge_bundles": "bundle merge",
    "modernise_bundle": "bundle modernise",
    "unpack_bundle": "bundle unpack",
    "make_sbom": "evidence sbom",
    "attest": "evidence attest",
    "to_attest": "evidence attest",
    "change_record": "evidence change-record",
    "check_trx": "trx check",
    "rehearse_trx": "trx rehearse",
}
"""The functions, in the order of the page, each with the command that calls it."""

OTHERS = ("open_signer", "read_store", "read_recipe")
"""Functions that prepare an argument of the others."""

_HEAD = """\
# The library

<!-- made by `make docs` from the docstrings -->

Every command is one call of a function, and a program can make the same call:

```pycon
>>> from vibforge import build, verify
>>> result = build("my-trx", "dist", settings={"version": "1.2.0-1"})
>>> verify(result.vib_path).require().good
True
```

- Paths are `str` or `Path`. Where several files are taken, one alone will do as well. Where texts
  such as releases or rules are taken, so will one alone.
- What cannot be done raises a child of `VibforgeError`, with all problems of the input in
  `problems`: what is wrong, where, and what to do. Nothing else is raised, but by your own
  callbacks, or for an argument of a type that the signature does not have.
- A bad verdict is a result that is not `good`. `require()` makes an error of it where a result
  has that method.
- Of several files, those that cannot be read are in `unreadable` of the result, and the others are
  looked at all the same.
- A call prints nothing and starts no other program, but for git, which is asked for the date and
  the version of a project, linuxptp in a rehearsal, and Python where `repro` builds again.
- `import vibforge` loads nothing; a name is loaded when it is first used. Everything that is not on
  this page may change with any version.

A test runs each example in a folder with these files: `my-trx/`, a tree with an
`etc/vmware/trx.conf`; `acme.vib` and `other.vib`, unsigned; `signed.vib`; `fleet.zip`, a bundle
with acme.vib for ESXi 8.0; `me.key` and `me.pem`, a key with its certificate, and `root.pem`, their
root; `trx.conf`; `facts.json` of a host; `esxupdate.log`; and `page.vib`, a web page.
"""
_SECTION = re.compile(r"^(Args|Attributes|Raises|Examples):$", re.MULTILINE)
_ITEM = re.compile(r"^    (\w[\w.]*): ", re.MULTILINE)


class Docstring(Struct, frozen=True):
    """A docstring in its parts: `sections` are indented as they stand."""

    text: str
    sections: dict[str, str]

    @classmethod
    def of(cls, subject: object) -> "Docstring":
        """Take the docstring of a function or class."""
        parts = _SECTION.split(inspect.getdoc(subject) or "")
        return cls(parts[0].strip(), dict(zip(parts[1::2], parts[2::2], strict=True)))

    def items(self, section: str) -> dict[str, str]:
        """Return the names of a section, each with its text in one line."""
        parts = _ITEM.split(self.sections.get(section, ""))
        texts = (" ".join(text.split()) for text in parts[2::2])
        return dict(zip(parts[1::2], texts, strict=True))

    @property
    def examples(self) -> str:
        return dedent(self.sections.get("Examples", "").strip("\n")).strip()


class Field(Struct, frozen=True):
    """A field or property of a type."""

    name: str
    kind: str
    text: str


def functions() -> tuple[str, ...]:
    """Return the names of all functions, in the order of the page."""
    return (*COMMANDS, *OTHERS)


def errors() -> tuple[str, ...]:
    """Return the names of the errors, the parent first."""
    names = (name for name in vibforge.__all__ if name not in functions())
    found = [name for name in names if _is_error(getattr(vibforge, name))]
    return tuple(sorted(found, key=lambda name: (name != VibforgeError.__name__, name)))


def types() -> tuple[str, ...]:
    """Return the names of all other types."""
    others = {*functions(), *errors(), "__version__"}
    return tuple(name for name in vibforge.__all__ if name not in others)


def _is_error(subject: object) -> bool:
    return isinstance(subject, type) and issubclass(subject, VibforgeError)


def library_page() -> str:
    """Return the page, in Markdown."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_lines())).strip() + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "## Functions\n"
    yield "| function | command |\n| --- | --- |"
    for name in functions():
        command = f"`vibforge {COMMANDS[name]}`" if name in COMMANDS else "prepares an argument"
        yield f"| [{name}](#{name}) | {command} |"
    for name in functions():
        yield from ("", f"### {name}", "", *_function_lines(getattr(vibforge, name)))
    yield "\n## Types"
    for name in types():
        yield from ("", f"### {name}", "", *_type_lines(getattr(vibforge, name)))
    yield "\n## Errors\n"
    yield "| error | what |\n| --- | --- |"
    for name in errors():
        summary = Docstring.of(getattr(vibforge, name)).text.partition("\n\n")[0]
        yield f"| {name} | {_cell(summary)} |"
    for name in errors():
        if example := Docstring.of(getattr(vibforge, name)).examples:
            yield from ("", f"### {name}", "", *_example_lines(example))


def _function_lines(function: Any) -> Iterator[str]:  # noqa: ANN401 - whatever is public
    docstring = Docstring.of(function)
    yield from ("```text", signature(function), "```", "", docstring.text)
    for section, title in (("Args", "argument"), ("Raises", "raises")):
        if items := docstring.items(section):
            yield f"\n| {title} | |\n| --- | --- |"
            yield from (f"| `{name}` | {_cell(text)} |" for name, text in items.items())
    yield f"\nReturns {_returned(function)}."
    if docstring.examples:
        yield from ("", *_example_lines(docstring.examples))


def _returned(function: Any) -> str:  # noqa: ANN401 - whatever is public
    """Return the type of a result, with a link where it is on the page."""
    node = _parsed(inspect.unwrap(function))
    assert isinstance(node, ast.FunctionDef)  # noqa: S101 - the source of a function
    kind = ast.unparse(node.returns) if node.returns else "None"
    link = next((name for name in types() if re.search(rf"\b{name}\b", kind)), "")
    return f"[`{kind}`](#{link.lower()})" if link else f"`{kind}`"


def _type_lines(subject: type) -> Iterator[str]:
    docstring = Docstring.of(subject)
    yield docstring.text
    if members := list(fields(subject)):
        yield "\n| attribute | type | |\n| --- | --- | --- |"
        for each in members:
            yield f"| `{each.name}` | `{_cell(each.kind)}` | {_cell(each.text)} |"
    if docstring.examples:
        yield from ("", *_example_lines(docstring.examples))


def _example_lines(example: str) -> Iterator[str]:
    """Yield code and, between, what is said of it."""
    for part in re.split(r"\n\n", example):
        fenced = part.startswith(">>>")
        yield from (("```pycon", part, "```", "") if fenced else (part, ""))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def signature(function: Any) -> str:  # noqa: ANN401 - whatever is public
    """Return a signature as the source has it, an argument a line where there are several."""
    node = _parsed(inspect.unwrap(function))
    assert isinstance(node, ast.FunctionDef)  # noqa: S101 - the source of a function
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = node.args
    plain = [*zip(reversed(arguments.args), _padded(arguments.defaults), strict=False)]
    words = [_argument(each, default) for each, default in reversed(plain)]
    if arguments.kwonlyargs:
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        words += ["*", *(_argument(each, default) for each, default in named)]
    line = f"{node.name}({', '.join(words)}){returns}"
    if len(line) <= 100:  # noqa: PLR2004 - as the source
        return line
    return "\n".join([f"{node.name}(", *(f"    {word}," for word in words), f"){returns}"])


def _padded(defaults: list[ast.expr]) -> Iterator[ast.expr | None]:
    """Yield the defaults of positional arguments from the last one on, then None for ever."""
    yield from reversed(defaults)
    while True:
        yield None


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{kind}" + (f" = {ast.unparse(default)}" if default else "")


def _parsed(subject: Any) -> ast.AST:  # noqa: ANN401 - a function or a class
    return ast.parse(dedent(inspect.getsource(subject))).body[0]


def fields(subject: type) -> Iterator[Field]:
    """Yield the public fields and properties of a type, those of its parents first."""
    docs = Docstring.of(subject).items("Attributes")
    for base in reversed(subject.__mro__):
        if base.__module__.startswith("vibforge."):
            node = _parsed(base)
            assert isinstance(node, ast.ClassDef)  # noqa: S101 - the source of a class
            yield from _own_fields(node.body, docs)


def _own_fields(body: list[ast.stmt], docs: dict[str, str]) -> Iterator[Field]:
    for number, node in enumerate(body):
        after = body[number + 1] if number + 1 < len(body) else None
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                kind, text = _kind(annotation)
                yield Field(name, kind, docs.get(name) or text or _text(after))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                if not name.startswith("_"):
                    yield Field(name, repr(value), _text(after))
            case ast.FunctionDef(name=name) if not name.startswith("_"):
                if ast.get_docstring(node):
                    yield _method(node)
            case _:
                pass


def _method(node: ast.FunctionDef) -> Field:
    summary = (ast.get_docstring(node) or "").partition("\n\n")[0]
    decorators = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
    returns = ast.unparse(node.returns).strip("'\"") if node.returns else ""
    if decorators & {"property", "cached_property"}:
        return Field(node.name, returns, summary)
    skipped = 0 if "staticmethod" in decorators else 1
    arguments = ", ".join(each.arg for each in (*node.args.args[skipped:], *node.args.kwonlyargs))
    return Field(f"{node.name}({arguments})", returns, summary)


def _kind(annotation: ast.expr) -> tuple[str, str]:
    """Return a type, and the text that a key of a recipe has."""
    text = ""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)  # noqa: S101 - a type, and what is said of it
        kind, key = annotation.slice.elts[:2]
        first = key.args[0] if isinstance(key, ast.Call) and key.args else None
        text = str(first.value) if isinstance(first, ast.Constant) else ""
        annotation = kind
    return ast.unparse(annotation).strip("'\""), text


def _text(node: ast.stmt | None) -> str:
    """Return the text below a field."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
        case _:
            return ""


def module_of(name: str) -> ModuleType | None:
    """Return the module that a public name is defined in."""
    return inspect.getmodule(inspect.unwrap(getattr(vibforge, name)))
