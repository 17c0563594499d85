import pytest

from vibforge.errors import FormatError
from vibforge.formats import ar


def test_header_is_the_vendors() -> None:
    assert ar.member_header("descriptor.xml", 1202) == (
        b"descriptor.xml  0           0     0     0       1202      `\n"
    )


def test_the_longest_name_and_the_largest_size_fill_their_fields() -> None:
    header = ar.member_header("fifteen-letters", 10**10 - 1)
    assert header[:17] == b"fifteen-letters 0"
    assert header[48:] == b"9999999999`\n"
    assert ar.member_header("payload1", 0)[48:] == b"0         `\n"


@pytest.mark.parametrize("name", ["", "sixteen-letters.", "naïve", "a\nb"])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match="cannot name an archive member") as caught:
        ar.member_header(name, 1)
    assert caught.value.problems[0].remedy == "use 1 to 15 printable ASCII characters"


@pytest.mark.parametrize("size", [10**10, -1])
def test_a_size_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(FormatError, match=f"member payload1: {size} bytes .* 10 digits"):
        ar.member_header("payload1", size)


@pytest.mark.parametrize(("size", "padding"), [(0, b""), (1, b"\n"), (2, b"")])
def test_members_start_at_even_offsets(size: int, padding: bytes) -> None:
    assert ar.member_padding(size) == padding
