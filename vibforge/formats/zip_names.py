"""Names of zip members that stay where they are put."""

import re

_DRIVE = re.compile(r"[A-Za-z]:")
_DEPTH_LIMIT = 32
"""Folders within folders; a depot needs two."""
_LENGTH_LIMIT = 512


def unsafe_name(name: str) -> str:
    """Return why a member of this name cannot be unpacked or carried on; empty if it can."""
    steps = name.split("/")
    if not name or len(name) > _LENGTH_LIMIT or len(steps) > _DEPTH_LIMIT:
        return "the name is empty, too long or too deep"
    if name.startswith("/") or _DRIVE.match(name):
        return "the name is absolute"
    if ".." in steps:
        return "the name leads upwards"
    if "" in steps or "." in steps or "\\" in name or not name.isprintable():
        return "the name is not a plain path"
    return ""
