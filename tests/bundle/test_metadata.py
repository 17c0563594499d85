"""Reading a bundle from index.xml on, and every way in which the chain can break."""

import io
from collections.abc import Callable

import pytest

from tests import bundles
from tests.budgets import limit, whole_budget
from tests.bundles import PATH, members
from vibforge.bundle import metadata as bundle_module
from vibforge.bundle.metadata import Bundle, read_bundle
from vibforge.errors import LimitError
from vibforge.formats.budget import Budget, Work
from vibforge.formats.zip_archive import open_zip

Change = Callable[[dict[str, bytes]], None]


OUTER = members(bundles.bundle())
INNER = members(OUTER["metadata.zip"])


def opened_with(change: Change) -> Budget:
    """Read a bundle after `change` of its members, and return what is left of its budget."""
    members = dict(OUTER)
    change(members)
    data = bundles.zipped(members.items())
    budget = whole_budget(len(data))
    with open_zip(io.BytesIO(data), "b.zip", len(data), budget) as archive:
        read_bundle(archive, "b.zip")
    return budget


def read(change: Change = lambda _: None, inner: Change = lambda _: None) -> Bundle:
    """Read a bundle after `change` of its members and `inner` of those of its metadata."""
    metadata = dict(INNER)
    inner(metadata)
    outer = OUTER | {"metadata.zip": bundles.zipped(metadata.items())}
    change(outer)
    data = bundles.zipped(outer.items())
    with open_zip(io.BytesIO(data), "b.zip", len(data), whole_budget(len(data))) as archive:
        return read_bundle(archive, "b.zip")


def faults(change: Change = lambda _: None, inner: Change = lambda _: None) -> list[str]:
    return [str(fault) for fault in read(change, inner).faults]


def without(name: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        del members[name]

    return change


def put(name: str, data: bytes) -> Change:
    def change(members: dict[str, bytes]) -> None:
        members[name] = data

    return change


def swapped(name: str, before: bytes, after: bytes) -> Change:
    def change(members: dict[str, bytes]) -> None:
        assert before in members[name]
        members[name] = members[name].replace(before, after)

    return change


def test_a_whole_bundle_is_read_without_a_fault() -> None:
    found = read(
        inner=put("vmware.xml", b"<metadataResponse><timestamp>t</timestamp></metadataResponse>")
    )
    assert found.faults == ()
    assert found.name == "b.zip"
    assert found.members == ("index.xml", "vendor-index.xml", "metadata.zip", PATH)
    assert dict(found.vendor)["code"] == "ACM"
    assert [vendor.index_file for vendor in found.vendors] == ["vendor-index.xml"]
    assert [platform.version for platform in found.platforms] == ["8.0"]
    assert found.inner_platforms == found.platforms
    assert found.metadata_members == (*INNER, "vmware.xml")
    assert [bulletin.id for bulletin in found.bulletins] == ["acme_1.0.0-1"]
    assert found.components == found.bulletins
    assert [(vib.member, vib.relative_path) for vib in found.vibs] == [("vibs/acme.xml", PATH)]
    assert found.response is not None
    assert found.response.timestamp == "t"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without("index.xml"), ["b.zip:index.xml: it is missing"]),
        (put("index.xml", b"<vendorList/>"), ["b.zip:index.xml: the index names no vendor"]),
        (
            swapped("index.xml", b"<code>ACM</code>", b""),
            ["b.zip:index.xml:1: there is no element code"],
        ),
        (without("vendor-index.xml"), ["b.zip:vendor-index.xml: it is missing"]),
        (
            swapped("vendor-index.xml", b"<locale/>", b""),
            ["b.zip:vendor-index.xml:1: there is no element locale"],
        ),
        (
            without("metadata.zip"),
            ["b.zip:metadata.zip: the vendor index names this file, but the bundle lacks it"],
        ),
        (put("metadata.zip", b"junk"), ["b.zip:metadata.zip: the zip file is damaged"]),
    ],
)
def test_a_link_that_is_missing_is_named(change: Change, told: list[str]) -> None:
    found = faults(change)
    assert len(found) == len(told)
    for text, start in zip(found, told, strict=True):
        assert text.partition("\n")[0].startswith(start)


@pytest.mark.parametrize(
    ("member", "where"),
    [
        ("vibs/acme.xml", "b.zip:vibs/acme.xml"),
        ("bulletins/acme.xml", "b.zip:bulletins/acme.xml"),
        ("vendor-index.xml", "b.zip:vendor-index.xml"),
    ],
)
def test_a_broken_file_of_the_metadata_is_named_and_the_rest_read(member: str, where: str) -> None:
    found = read(inner=put(member, b"<broken"))
    assert [fault.where.startswith(where) for fault in found.faults] == [True]
    read_ones = (len(found.vibs), len(found.bulletins), len(found.inner_platforms))
    assert sum(read_ones) == 2


def test_other_files_of_the_metadata_are_passed_over() -> None:
    found = read(inner=put("profiles/x.xml", b"<broken"))
    assert found.faults == ()
    assert "profiles/x.xml" in found.metadata_members


def twice(members: dict[str, bytes]) -> None:
    members["more.zip"] = members["metadata.zip"]
    text = members["vendor-index.xml"]
    row = text[text.index(b"<metadata>") : text.index(b"</metaList>")]
    both = row + row.replace(b"metadata.zip", b"more.zip")
    members["vendor-index.xml"] = text.replace(row, both)


@pytest.mark.parametrize("work", [Work.KEPT, Work.MARKUP, Work.DIRECTORY])
def test_all_metadata_share_the_budget_of_the_bundle(
    monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    most = 100_000
    limit(monkeypatch, work, most)
    of_one, of_two = (most - opened_with(change).left(work) for change in (lambda _: None, twice))
    assert of_one < of_two
    limit(monkeypatch, work, of_two)
    assert len(read(twice).vibs) == 2
    limit(monkeypatch, work, of_two - 1)
    with pytest.raises(LimitError):
        read(twice)


def test_a_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    size = max(len(data) for data in INNER.values())
    monkeypatch.setattr(bundle_module, "XML_LIMIT", size - 1)
    (told,) = faults()
    assert told.startswith("b.zip:")
    assert f"{size} bytes; the limit is {size - 1}" in told
