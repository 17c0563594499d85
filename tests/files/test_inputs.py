import io
import os
from pathlib import Path

import pytest

from tests import bundles
from tests.budgets import whole_budget
from vibforge.errors import FormatError
from vibforge.files.inputs import BytesSource, FileSource, Source, ZipSource
from vibforge.formats.zip_archive import open_zip


def test_every_source_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"text")
    data = bundles.zipped([("a", b"text")])
    with open_zip(io.BytesIO(data), "x.zip", len(data), whole_budget(len(data))) as archive:
        sources: list[Source] = [
            BytesSource.from_bytes(b"text", "a"),
            FileSource.from_path(path),
            ZipSource(archive, archive.members[0], "a"),
        ]
        for source in sources:
            assert source.size == 4
            assert source.name.endswith("a")
            with source.open() as stream:
                stream.seek(1)
                assert stream.read(2) == b"ex"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("none", "No such file"),
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(FormatError, match=reason) as caught:
            FileSource.from_path(tmp_path / name)
        assert caught.value.problems[0].where == str(tmp_path / name)


def test_a_file_that_goes_is_told_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"text")
    source = FileSource.from_path(path)
    path.unlink()
    with pytest.raises(FormatError, match="cannot be read: No such file") as caught:
        source.open()
    assert caught.value.problems[0].where == str(path)
