"""Each message of a host stands once, and so does each value that a rule decides by.

Docstrings quote nothing either: the manual of a check names the form of a message
(`{DIGEST_AT_EOF}`), and `explain` prints its words.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from vibforge.esxi import messages
from vibforge.esxi.messages import MessageForm, Phrase

CHECKOUT = Path(__file__).parents[1]
HOME = CHECKOUT / "vibforge" / "esxi" / "messages.py"
SHORTEST_PART, SHORTEST_MARK = 24, 17
"""Letters without blanks; what is shorter says nothing that is a host's own."""
FOLDERS = ("vibforge", "templates", "payloads")


def squeezed(text: str) -> str:
    """Return the letters of a text without blanks, quotes and joints of strings."""
    return re.sub(r"[\s\"'\\]+", "", text).lower()


def parts_of(form: MessageForm | Phrase) -> Iterator[str]:
    """Yield what is fixed in a text: between its places, and the words by which it is known."""
    for text, *_ in Formatter().parse(form.text):
        yield from (part for part in re.split(r"\n|: |\. ", text) if longer(part, SHORTEST_PART))
    yield from (mark for mark in form.marks if longer(mark, SHORTEST_MARK) and "{" not in mark)


def longer(text: str, limit: int) -> bool:
    return len(squeezed(text)) >= limit


PARTS = {
    squeezed(part): name
    for name, form in vars(messages).items()
    if isinstance(form, MessageForm | Phrase)
    for part in parts_of(form)
}


def sources() -> Iterator[Path]:
    """Yield every text of the product."""
    for folder in FOLDERS:
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and path.suffix not in {".pyc", ".vib", ".gz"} and path != HOME:
                yield path


def copies(text: str) -> set[str]:
    """Return the messages whose words stand in a text."""
    found = squeezed(text)
    return {name for part, name in PARTS.items() if part in found}


def test_no_message_of_a_host_stands_twice() -> None:
    found = {
        str(path.relative_to(CHECKOUT)): told
        for path in sources()
        if (told := copies(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert not found


def test_a_copy_would_be_found() -> None:
    assert len(PARTS) > 60
    assert copies('f"Calculated digest at EOF "\n    "does not match expected result: {x}"') == {
        "DIGEST_AT_EOF"
    }
    assert copies("it does not\ncontain a signature") == {"UNSIGNED"}
    assert not copies("it has no signature")


JUDGING = (*("bundle", "checks", "esxi", "findings", "formats", "host", "signing", "vib"),)
"""The rooms that decide what is good: a value of theirs stands in one module."""
FEWEST_WORDS, SHORTEST_PATTERN, SHORTEST_WORD = 3, 12, 6
COINCIDENCES: dict[object, str] = {
    frozenset({"name", "version", "vendor"}): "an ID has them, and so has an element of vmware.xml",
    15: "what fits a header of ar, and what ESXi takes as a payload's name",
    35: "VMware's template stops names and versions at the same length",
    48: "the tag of a DER sequence, and the longest name in the host's database",
    255: "long names of ar that are read here, and what ESXi takes as a tag or a link's key",
}
"""Equal values that are not the same fact, and why."""


def constants(source: str) -> Iterator[object]:
    """Yield the values that a module decides by.

    These are collections of words, patterns, and what it names: words, and numbers that nobody
    takes by chance (no power of two, no multiple of ten).
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Set(elts) | ast.Tuple(elts) | ast.List(elts) if len(elts) >= FEWEST_WORDS:
                words = [each.value for each in elts if isinstance(each, ast.Constant)]
                if len(words) == len(elts) and all(isinstance(word, str) for word in words):
                    yield frozenset(words)
            case ast.Call(
                func=ast.Attribute(value=ast.Name("re")), args=[ast.Constant(pattern), *_]
            ) if len(str(pattern)) >= SHORTEST_PATTERN:
                yield pattern
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str | int):
            if is_telling(value.value):
                yield value.value
        elif isinstance(value, ast.Dict):
            yield f"{[*map(ast.dump, filter(None, value.keys))]}: {[*map(ast.dump, value.values)]}"


def is_telling(value: str | int) -> bool:
    """Whether two modules would hardly have the value for different reasons."""
    if isinstance(value, str):
        return len(value) >= SHORTEST_WORD
    return value > 12 and bool(value % 10) and value.bit_count() > 1


def second_copies(modules: dict[str, str]) -> dict[object, list[str]]:
    """Return the values that more than one module has, with the modules."""
    found: dict[object, set[str]] = defaultdict(set)
    for name, source in modules.items():
        for value in constants(source):
            found[value].add(name)
    return {
        value: sorted(names)
        for value, names in found.items()
        if len(names) > 1 and value not in COINCIDENCES
    }


def test_no_value_that_decides_stands_twice() -> None:
    modules = {
        str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8")
        for layer in JUDGING
        for path in (CHECKOUT / "vibforge" / layer).rglob("*.py")
    }
    assert len(modules) > 80
    assert not second_copies(modules)


def test_second_copies_of_each_kind_would_be_found() -> None:
    source = """
NAME_LIMIT = 77
WORD = "debian-binary"
LEVELS = frozenset({"a", "b", "c"})
FORM = re.compile(r"[0-9A-Za-z_.-]+")
BY_WORD = {"a": 1, "b": 2}
ROUND, POWER = 100, 4096
"""
    found = second_copies({"one": source, "two": source.replace('"a", "b", "c"', '"c", "a", "b"')})
    assert len(found) == 5
    assert set(found) >= {77, "debian-binary", frozenset("abc"), "[0-9A-Za-z_.-]+"}
