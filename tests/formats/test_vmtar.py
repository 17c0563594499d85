import struct

import pytest

from tests.trees import elf_program
from vibforge.formats.vmtar import TextHints, text_hints


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


def narrow(*segments: tuple[int, int, int, int], table: int = 52) -> bytes:
    """A 32-bit program; segments are type, offset, size in the file and flags."""
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    header = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0, table, 0, 0, 52, 32, len(segments), 0, 0, 0)
    rows = [
        struct.pack("<8I", kind, offset, 0x11, 0x22, size, 0x33, flags, 4096)
        for kind, offset, size, flags in segments
    ]
    return (ident + header).ljust(table, b"\0") + b"".join(rows) + bytes(64)


@pytest.mark.parametrize("table", [52, 84])
def test_a_32_bit_program_is_read_too(table: int) -> None:
    data, text = (1, 0x1000, 0x9000, 6), (1, 0xFFFF_E000, 0x5FFF, 5)
    assert text_hints(narrow(data, text, table=table)) == TextHints(offset=0xFFFF_E000, pages=5)
    assert text_hints(narrow(data, table=table)) == TextHints()


def test_code_is_what_is_loaded_and_executable() -> None:
    for segment in ((1, 0x1000, 0x3000, 6), (2, 0x1000, 0x3000, 5), (6, 0x1000, 0x3000, 5)):
        assert text_hints(narrow(segment)) == TextHints()
    first, second = (1, 0x1000, 0x3000, 1), (1, 0x8000, 0x9000, 5)
    assert text_hints(narrow(first, second)) == TextHints(offset=0x1000, pages=3)


@pytest.mark.parametrize(
    ("offset", "size", "hints"),
    [
        (2**32 - 1, 4096, TextHints(offset=2**32 - 1, pages=1)),
        (2**32, 4096, TextHints()),
        (0, 2**32 - 1, TextHints(offset=0, pages=2**20 - 1)),
        (0, 2**32, TextHints()),
        (2**63, 4096, TextHints()),
    ],
)
def test_what_a_header_cannot_say_is_not_said(offset: int, size: int, hints: TextHints) -> None:
    assert text_hints(elf_program(offset, size)) == hints


def test_program_headers_are_bounded() -> None:
    notes, text = [(4, 0, 0, 4)] * 127, (1, 0x1000, 0x3000, 5)
    assert text_hints(narrow(*notes, text)) == TextHints(offset=0x1000, pages=3)
    assert text_hints(narrow(*notes, notes[0], text)) == TextHints()


def test_a_big_endian_program_has_none() -> None:
    assert text_hints(elf_program()[:5] + b"\2" + elf_program()[6:]) == TextHints()
