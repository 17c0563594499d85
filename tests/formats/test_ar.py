import pytest

from vibforge.errors import FormatError
from vibforge.formats import ar


def test_header_is_the_vendors() -> None:
    assert ar.member_header("descriptor.xml", 1202) == (
        b"descriptor.xml  0           0     0     0       1202      `\n"
    )


@pytest.mark.parametrize("name", ["", "sixteen-letters.", "naïve", "a\nb"])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match="cannot name an archive member"):
        ar.member_header(name, 1)


def test_a_size_of_eleven_digits_is_refused() -> None:
    with pytest.raises(FormatError, match="10 digits"):
        ar.member_header("payload1", 10**10)


@pytest.mark.parametrize(("size", "padding"), [(0, b""), (1, b"\n"), (2, b"")])
def test_members_start_at_even_offsets(size: int, padding: bytes) -> None:
    assert ar.member_padding(size) == padding
