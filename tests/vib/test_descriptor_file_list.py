"""The file list is taken while a descriptor is parsed: the same paths and the same remarks."""

import pytest

from vibforge.vib.descriptor_reading import parse

LONG = "".join(f"\n  <file>opt/{number}</file>" for number in range(9000))
PATHS = tuple(f"opt/{number}" for number in range(9000))


@pytest.mark.parametrize(
    ("xml", "paths"),
    [
        (f"<vib><file-list>{LONG}\n</file-list></vib>", PATHS),
        (f"<vib xmlns='urn:x'><file-list>{LONG}</file-list></vib>", PATHS),
        ("<vib><file-list><file>a</file> x <file>b</file></file-list></vib>", ("a", "b")),
        ("<vib><file-list><file> a <x/>b</file><file/></file-list></vib>", ("a", "")),
        ("<vib><file-list><file>a<!-- c -->b</file></file-list></vib>", ("ab",)),
        ("<vib><file-list><x><file>a</file></x></file-list></vib>", ()),
        ("<vib><file>a</file><urls><file>b</file></urls></vib>", ()),
        ("<vib xmlns:n='urn:n'><file-list><n:file>a</n:file></file-list></vib>", ()),
        (
            "<vib><file-list><file>a</file></file-list><file-list><file>b</file></file-list></vib>",
            ("a", "b"),
        ),
    ],
)
def test_paths_are_those_in_the_file_list(xml: str, paths: tuple[str, ...]) -> None:
    assert parse(xml.encode()).file_list == paths
    assert parse(xml.encode("utf-16")).file_list == paths


def test_what_is_odd_about_a_file_is_kept() -> None:
    found = parse(
        b"<vib><file-list><file>a</file><file mode='1'>b</file><file>c<d/></file>"
        b"<file>e</file><g/><file>f</file></file-list></vib>"
    )
    assert found.file_list == ("a", "b", "c", "e", "f")
    assert [part.path for part in found.unknown_parts] == [
        "file-list/file/@mode",
        "file-list/file/d",
        "file-list/g",
    ]
