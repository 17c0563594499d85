import pytest

from vibforge.esxi import table
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import (
    STOCK_TARGETS,
    TABLE,
    Cell,
    ReleaseRow,
    has_components,
    ignores_type,
    is_known,
    releases_where,
    row_of,
    standing,
)

UNKNOWN = Release(10, 0)
CELLS = [
    pytest.param(row, name, id=f"{row.release}-{name}")
    for row in TABLE.values()
    for name in ReleaseRow.__struct_fields__
    if isinstance(getattr(row, name), Cell)
]


def test_the_rows_are_in_the_order_of_their_releases() -> None:
    assert list(TABLE) == sorted(TABLE)
    assert set(STOCK_TARGETS) <= set(TABLE)


@pytest.mark.parametrize(("row", "name"), CELLS)
def test_every_cell_has_a_source(row: ReleaseRow, name: str) -> None:
    cell = getattr(row, name)
    assert cell.source
    assert cell.certainty is not Certainty.UNKNOWN


@pytest.mark.parametrize(("row", "name"), CELLS)
def test_only_a_release_that_was_tried_has_measured_cells(row: ReleaseRow, name: str) -> None:
    assert row.tried or getattr(row, name).certainty is not Certainty.MEASURED


def test_a_release_that_is_not_in_the_table_has_no_cell() -> None:
    row = row_of(UNKNOWN)
    assert not is_known(UNKNOWN)
    assert standing(UNKNOWN) is Certainty.UNKNOWN
    assert [
        name for name in ReleaseRow.__struct_fields__ if isinstance(getattr(row, name), Cell)
    ] == []


def test_an_update_repeats_its_line_and_says_so() -> None:
    line, update = row_of(Release(6, 7)), row_of(Release(6, 7, 3))
    assert line.path_lists is not None
    assert update.path_lists is not None
    assert update.path_lists.value == line.path_lists.value
    assert update.path_lists.certainty is Certainty.INFERRED
    assert "6.7, whose line it continues" in update.path_lists.source
    assert standing(update.release) is Certainty.INFERRED


def test_a_fact_names_the_releases_that_it_holds_for(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {release: row for release, row in TABLE.items() if release <= Release(9, 1, 1)}
    monkeypatch.setattr(table, "TABLE", known)
    assert releases_where(lambda row: row.requires_gunzip_sha256) == "8.0 and later"
    assert releases_where(has_components) == "7.0 and later"
    assert releases_where(ignores_type("vzstd")) == (
        "6.5 to 8.0 U3; not known for 5.0 to 6.0, 9.1 and later"
    )
