import pytest

from tests.trees import elf_program
from vibforge.formats.elf import TextHints, text_hints


@pytest.mark.parametrize(
    ("size", "pages"), [(0x15759, 21), (0x3D59, 3), (0x1965C, 25), (0x3DBC, 3)]
)
def test_pages_are_rounded_down_as_in_vendor_files(size: int, pages: int) -> None:
    assert text_hints(elf_program(0x1000, size)) == TextHints(offset=0x1000, pages=pages)


def test_a_file_cut_anywhere_has_no_hints_or_the_right_ones() -> None:
    whole = elf_program()
    found = {text_hints(whole[:length]) for length in range(len(whole))}
    assert found <= {TextHints(), text_hints(whole)}


@pytest.mark.parametrize("head", [b"", b"#!/bin/sh\n" * 20, b"\x7fELF" + b"\xff" * 200])
def test_other_files_have_none(head: bytes) -> None:
    assert text_hints(head) == TextHints()
