"""Payload trees for tests, written from a readable dict."""

import os
import struct
from collections.abc import Mapping
from pathlib import Path

TRX_CONF = "ptp4l:delay_mechanism P2P\n"


def make_tree(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files below `root`; a text that starts with `-> ` makes a symbolic link."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("-> "):
            target.symlink_to(content.removeprefix("-> "))
        else:
            target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def trx_tree(root: Path) -> Path:
    """Write a tree with nothing but a trx.conf."""
    return make_tree(root, {"etc/vmware/trx.conf": TRX_CONF})


def elf_program(text_offset: int = 0x1000, text_size: int = 0x3D59) -> bytes:
    """Return the start of a 64-bit ELF program with a data and an executable LOAD segment."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    data = struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, 0x200, 0x200, 4096)
    text = struct.pack("<IIQQQQQQ", 1, 5, text_offset, 0, 0, text_size, text_size, 4096)
    return ident + header + data + text + bytes(100)


def sparse(path: Path, size: int) -> Path:
    """Make a file of `size` bytes that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        os.ftruncate(file.fileno(), size)
    return path
