"""Recipes: what TOML lets a stranger write."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hostile.case import Hostile

_HEAD = 'name = "acme"\nversion = "1.0.0-1"\n'
_TREE = '[[payloads]]\nname = "acme"\ntree = "tree"\n'
_SIZES = (50, 2_000, 120_000)
_BUILD = ("build", ".", "--dry-run")


def recipe(name: str, text: Callable[[], str], *more: tuple[str, ...]) -> Hostile:
    """Return a project with this recipe and a tree of one file."""

    def make(folder: Path) -> None:
        (folder / "tree/etc").mkdir(parents=True)
        (folder / "tree/etc/x.conf").write_text("a\n")
        (folder / "vibforge.toml").write_text(text())

    return Hostile(f"recipe/{name}", make, (_BUILD, *more))


_DOCUMENTS: dict[str, Callable[[int], str]] = {
    "dotted-key": lambda n: ".".join(["a"] * (n // 2)) + "=1\n",
    "dotted-key-quoted": lambda n: ".".join(['"a"'] * (n // 4)) + "=1\n",
    "dotted-key-blanks": lambda n: " . ".join(["a"] * (n // 4)) + "=1\n",
    "dotted-header": lambda n: "[" + ".".join(["a"] * (n // 2)) + "]\n",
    "dotted-array-header": lambda n: "[[" + ".".join(["a"] * (n // 2)) + "]]\n",
    "dotted-in-inline": lambda n: "a = {" + ".".join(["a"] * (n // 2)) + "=1}\n",
    "many-dotted-keys": lambda n: "".join(
        ".".join(["a"] * 100) + f".b{i}=1\n" for i in range(n // 210)
    ),
    "many-headers": lambda n: "".join(f"[t{i}]\n" for i in range(n // 8)),
    "many-deep-headers": lambda n: "".join(
        "[" + ".".join(["a"] * 100) + f".t{i}]\n" for i in range(n // 210)
    ),
    "many-array-headers": lambda n: "[[payloads]]\n" * (n // 13),
    "nested-array-headers": lambda n: "[[a]]\n[[a.b]]\n[[a.b.c]]\n" * (n // 26),
    "nested-arrays": lambda n: "a = " + "[" * (n // 2) + "]" * (n // 2) + "\n",
    "nested-tables": lambda n: "a = " + "{a=" * (n // 4) + "1" + "}" * (n // 4) + "\n",
    "open-arrays": lambda n: "a = " + "[" * n,
    "long-number": lambda n: f"boot-order = {'9' * n}\n",
    "long-hex-number": lambda n: f"boot-order = 0x{'f' * n}\n",
    "long-octal-number": lambda n: f"boot-order = 0o{'7' * n}\n",
    "long-underscore-number": lambda n: f"boot-order = {'_'.join('1' * (n // 2))}\n",
    "long-float": lambda n: f"boot-order = 1e{'9' * n}\n",
    "long-fraction": lambda n: f"boot-order = 1.{'9' * n}\n",
    "long-key": lambda n: "a" * n + " = 1\n",
    "many-keys": lambda n: "".join(f"key{i} = 1\n" for i in range(n // 12)),
    "long-text": lambda n: f'summary = "{"x" * n}"\n',
    "escapes": lambda n: 'summary = "' + "\\u0041" * (n // 6) + '"\n',
    "open-text": lambda n: 'summary = "' + "a\\\\" * (n // 3),
    "open-long-text": lambda n: 'summary = """' + '"" ' * (n // 3),
    "comments": lambda n: "#\n" * (n // 2),
    "blank-lines": lambda n: "\n" * n,
    "carriage-returns": lambda n: "\r\n" * (n // 2),
    "variables": lambda n: f'summary = "{"${A:-" * (n // 5)}"\n',
    "variables-closed": lambda n: f'summary = "{"${A:-" * (n // 6)}{"}" * (n // 6)}"\n',
    "variables-many": lambda n: f'summary = "{"${A:-x}" * (n // 7)}"\n',
    "dollars": lambda n: f'summary = "{"$" * n}"\n',
    "variable-escapes": lambda n: f'summary = "{"$${" * (n // 3)}"\n',
    "variable-name": lambda n: f'summary = "${{{"A" * n}}}"\n',
    "wide-array": lambda n: "software-tags = [" + '"a",' * (n // 4) + "]\n",
    "wide-numbers": lambda n: "software-tags = [" + "1," * (n // 2) + "]\n",
    "wide-urls": lambda n: "[urls]\n" + "".join(f"u{i} = 'x'\n" for i in range(n // 12)),
    "depends": lambda n: (
        "relationships.depends = [" + "".join(f"'a{i} >= 1.0'," for i in range(n // 14)) + "]\n"
    ),
    "bad-depends": lambda n: "relationships.depends = [" + "'a b'," * (n // 6) + "]\n",
    "blank-depends": lambda n: f"relationships.depends = ['{' ' * n}a{' ' * n}b']\n",
    "payloads": lambda n: "".join(
        f"[[payloads]]\nname = 'p{i}'\ntree = 'tree'\n" for i in range(n // 42)
    ),
    "same-payloads": lambda n: _TREE * (n // 42),
    "components": lambda n: "".join(
        f"[[bundle.components]]\nname = 'c{i}'\nvibs = ['v{i}']\n" for i in range(n // 50)
    ),
    "nul": lambda n: "\0" * n,
}
"""What stands at the top of a recipe, by the number of bytes."""

_RULES: dict[str, Callable[[int], str]] = {
    "stars": lambda n: f"paths = ['{'*' * n}x']",
    "star-pairs": lambda n: f"paths = ['{'*a' * (n // 2)}b']",
    "double-stars": lambda n: f"paths = ['{'**/' * (n // 3)}b']",
    "questions": lambda n: f"paths = ['{'?*' * (n // 2)}b']",
    "brackets": lambda n: f"paths = ['{'[' * n}']",
    "classes": lambda n: f"paths = ['{'[a-z]*' * (n // 6)}b']",
    "many-paths": lambda n: "paths = [" + "'**/x*y'," * (n // 9) + "]",
    "mode": lambda n: f"paths = ['**']\nmode = '{'7' * n}'",
    "owner": lambda n: f"paths = ['**']\nowner = {'9' * n}",
    "negative-owner": lambda n: f"paths = ['**']\nowner = -{'9' * n}",
    "group": lambda n: f"paths = ['**']\ngroup = 0x{'f' * n}",
}
"""A rule for the files of a payload."""

_VALUES: dict[str, Callable[[int], str]] = {
    "version": lambda n: f'version = "{"9" * n}-1"',
    "version-dots": lambda n: f'version = "{"1." * (n // 2)}1-1"',
    "release-date": lambda n: f'release-date = "{"9" * n}"',
    "release-date-zone": lambda n: f'release-date = "2024-01-01T00:00:00+{"9" * n}"',
    "name": lambda n: f'name = "{"a" * n}"',
    "name-dashes": lambda n: f'name = "{"a-" * (n // 2)}"',
    "vendor": lambda n: f'vendor = "{"a" * n}"',
    "acceptance-level": lambda n: f'acceptance-level = "{"a" * n}"',
}
"""A key of the head, in the place of the usual one."""


Text = Callable[[int], str]


def _document(text: Text, size: int) -> str:
    return text(size) + _HEAD + _TREE


def _rule(text: Text, size: int) -> str:
    return f"{_HEAD}{_TREE}[[payloads.rules]]\n{text(size)}\n"


def _value(text: Text, size: int, head: str) -> str:
    return f"{text(size)}\n{head}{_TREE}"


def documents() -> Iterator[Hostile]:
    """Whatever TOML allows, at the top of a recipe."""
    for name, text in _DOCUMENTS.items():
        for size in _SIZES:
            yield recipe(f"{name}/{size}", partial(_document, text, size))


def rules() -> Iterator[Hostile]:
    """Patterns and numbers of the rules for files."""
    for name, text in _RULES.items():
        for size in (60, 5_000):
            yield recipe(
                f"rules/{name}/{size}",
                partial(_rule, text, size),
            )


def values() -> Iterator[Hostile]:
    """Single values that are far too long."""
    for name, text in _VALUES.items():
        for size in (5_000, 120_000):
            key = name.split("-")[0]
            head = "".join(
                line for line in _HEAD.splitlines(keepends=True) if not line.startswith(key)
            )
            yield recipe(
                f"values/{name}/{size}",
                partial(_value, text, size, head),
            )


FAMILIES = (documents, rules, values)
