import tracemalloc

import pytest

from vibforge.errors import FormatError
from vibforge.formats.toml_reading import DEPTH_LIMIT, KEY_LIMIT, SIZE_LIMIT, read_toml


def dotted(count: int, name: str = "a", dot: str = ".") -> str:
    return dot.join([name] * count)


@pytest.mark.parametrize("name", ["a", '"a"', "'a.b'", '""'])
@pytest.mark.parametrize("dot", [".", " . ", "\t."])
def test_a_key_has_so_many_names(name: str, dot: str) -> None:
    read_toml(f"{dotted(KEY_LIMIT, name, dot)} = 1")
    for document in ("\n{} = 1", "\n[{}]", "\n[[{}]]", "\na = {{ {} = 1 }}"):
        with pytest.raises(FormatError, match=f"line 2: a key joins more than {KEY_LIMIT} names"):
            read_toml(document.format(dotted(KEY_LIMIT + 1, name, dot)))


def test_texts_with_dots_are_no_keys() -> None:
    read_toml(f'a = "{"1." * (KEY_LIMIT - 1)}1"\nb = "{"." * 1000}"\nc = "{"a. b " * 1000}"')


@pytest.mark.parametrize("document", ["{}", "[{}]", "a = {{{}=1}}"])
def test_a_long_key_takes_no_memory(document: str) -> None:
    tracemalloc.start()
    with pytest.raises(FormatError):
        read_toml(document.format(dotted(20_000)) + "=1")
    assert tracemalloc.get_traced_memory()[1] < 10 * 1024 * 1024
    tracemalloc.stop()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a=", "}")])
def test_tables_and_arrays_nest_so_deep(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return f"a = {opening * depth}{closing * depth}".replace("=}", "=1}")

    read_toml(nested(DEPTH_LIMIT - 1))
    for depth in (DEPTH_LIMIT + 1, 300, 20_000):
        with pytest.raises(FormatError, match=f"more than {DEPTH_LIMIT} deep"):
            read_toml(nested(depth))


@pytest.mark.parametrize(
    "number",
    ["9" * 19, "-" + "9" * 19, "9" * 5_000, "0x" + "f" * 9_000, "[[1, 0o7777777777777777777777]]"],
)
def test_numbers_have_64_bits(number: str) -> None:
    assert read_toml(f"a = {2**63 - 1}")["a"] == 2**63 - 1
    with pytest.raises(FormatError, match="64 bits"):
        read_toml(f"a = {number}")


def test_a_document_is_so_long() -> None:
    read_toml("#" * SIZE_LIMIT)
    with pytest.raises(FormatError, match=f"the limit is {SIZE_LIMIT}"):
        read_toml("#" * (SIZE_LIMIT + 1))
