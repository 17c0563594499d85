import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from vibforge.formats.toml_keys import key_lines

DOCUMENT = """\
# a comment
name = "x"            # line 2
text = \"\"\"
several
lines ] } = \"\"\"
other = '''
one ''' # seven
array = [
  1,  # nine
  [2, 3],
  {inner = "]", deep.er = 1},
]
"quoted key".'lit' = 1
[table]
key = 1
[table.sub]
key = 2
[[list]]
name = "first"
[[list]]
name = "second"
[list.sub]
key = 3
[[list.nested]]
key = 4
"""


def test_every_shape_of_key() -> None:
    tomllib.loads(DOCUMENT)
    lines = key_lines(DOCUMENT)
    expected = {
        ("name",): 2,
        ("text",): 3,
        ("other",): 6,
        ("array",): 8,
        ("array", 0): 9,
        ("array", 1): 10,
        ("array", 1, 1): 10,
        ("array", 2, "inner"): 11,
        ("array", 2, "deep", "er"): 11,
        ("quoted key", "lit"): 13,
        ("table",): 14,
        ("table", "key"): 15,
        ("table", "sub", "key"): 17,
        ("list",): 18,
        ("list", 0): 18,
        ("list", 0, "name"): 19,
        ("list", 1): 20,
        ("list", 1, "name"): 21,
        ("list", 1, "sub", "key"): 23,
        ("list", 1, "nested", 0, "key"): 25,
    }
    assert {path: lines.get(path) for path in expected} == expected


keys = st.text("abc-_ .\"'\\é\n", min_size=1, max_size=6)
values = st.recursive(
    st.text(max_size=12) | st.integers(-(2**40), 2**40) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, part in value.items():
            found |= paths_of(part, (*path, key))
    if isinstance(value, list):
        for index, part in enumerate(value):
            found |= paths_of(part, (*path, index))
    return found


@given(st.dictionaries(keys, values, max_size=5))
def test_every_key_of_any_document_has_a_line(document: dict[str, object]) -> None:
    text = tomli_w.dumps(document)
    lines = key_lines(text)
    assert paths_of(tomllib.loads(text)) == set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (r'"\u00e9"', "é"),
        (r'"\U0001F600"', "😀"),
        (r'"a\tb\\\""', 'a\tb\\"'),
        (r"'\u00e9'", r"\u00e9"),
        (r'"\b\n\f\r"', "\b\n\f\r"),
    ],
)
def test_escapes_in_a_key_are_read(written: str, key: str) -> None:
    document = f"# a comment\n{written} = 1\n"
    assert tomllib.loads(document) == {key: 1}
    assert key_lines(document) == {(key,): 2}
