import gzip
import io
import tarfile
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from vibforge.errors import LimitError
from vibforge.files.sources import DEPTH, FoundFile, Sources

LOG = b"a line\n" * 50


def tar(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def bytes_of(file: FoundFile) -> bytes:
    return b"".join(file.chunks())


def found_in(*paths: Path, stdin: bytes = b"") -> tuple[dict[str, bytes], list[str], int]:
    """Names and bytes of what is found, what went wrong, and how many files were passed over."""
    with Sources(lambda path: path.rpartition("/")[2].startswith("trx")) as sources:
        sources.find(paths, io.BytesIO(stdin))
        for file in sources.files:
            assert bytes_of(file) == bytes_of(file) or file.name == "-"
        files = {file.path: bytes_of(file) for file in sources.files}
        return files, list(map(str, sources.problems)), sources.passed_over


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_that_is_named_is_wanted_whatever_it_is_called(place: Path) -> None:
    assert found_in(put(place, "some.txt", LOG)) == ({"": LOG}, [], 0)
    assert found_in(put(place, "some.gz", gzip.compress(LOG))) == ({"": LOG}, [], 0)


def test_a_folder_is_walked_in_order(place: Path) -> None:
    put(place, "b/trx.log", LOG)
    put(place, "a/trx.0.gz", gzip.compress(LOG))
    put(place, "a/hostd.log", LOG)
    (place / "trx.link").symlink_to(place / "b/trx.log")
    files, problems, passed_over = found_in(place)
    assert files == {"a/trx.0.gz": LOG, "b/trx.log": LOG}
    assert list(files) == ["a/trx.0.gz", "b/trx.log"]
    assert (problems, passed_over) == ([], 2)


def test_a_file_that_is_named_twice_is_read_once(place: Path) -> None:
    log = put(place, "a/trx.log", LOG)
    files, problems, passed_over = found_in(log, place, log)
    assert (files, problems, passed_over) == ({"": LOG}, [], 0)


@pytest.mark.parametrize("pack", [tar, lambda members: tar(members, "w"), zipped])
def test_archives_in_archives(place: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    inner = pack({"var/log/trx.log": LOG, "var/log/trx.1.gz": gzip.compress(LOG + LOG), "x": b"y"})
    path = put(place, "all", pack({"in/one.tgz": inner, "readme": b"z"}))
    files, problems, passed_over = found_in(path)
    assert files == {"in/one.tgz/var/log/trx.log": LOG, "in/one.tgz/var/log/trx.1.gz": LOG + LOG}
    assert (problems, passed_over) == ([], 2)


def test_fragments_are_put_together_in_their_order(place: Path) -> None:
    cut = {f"h/trx.log.FRAG-{n:05}": LOG[n * 100 : n * 100 + 100] for n in (2, 0, 3, 1)}
    cut["h/big.core.FRAG-00000"] = b"x"
    files, problems, _ = found_in(put(place, "v.tgz", tar(cut)))
    assert (files, problems) == ({"h/trx.log": LOG}, [])
    for name, data in cut.items():
        put(place / "folder", name, data)
    files, problems, _ = found_in(place / "folder")
    assert (files, problems) == ({"h/trx.log": LOG}, [])


def test_a_missing_fragment_is_told_and_the_rest_is_read(place: Path) -> None:
    cut = {f"h/trx.log.FRAG-{n:05}": LOG[n * 100 : n * 100 + 100] for n in (0, 2)}
    files, (problem,), _ = found_in(put(place, "v.tgz", tar(cut)))
    assert files == {"h/trx.log": LOG[:100] + LOG[200:300]}
    assert "v.tgz:h/trx.log: fragment 00001 is missing of 3" in problem
    assert "reconstruct.sh" in problem


def test_fragments_of_a_compressed_file(place: Path) -> None:
    data = gzip.compress(LOG)
    cut = {"h/trx.0.gz.FRAG-00000": data[:20], "h/trx.0.gz.FRAG-00001": data[20:]}
    files, problems, _ = found_in(put(place, "v.tgz", tar(cut)))
    assert (list(files.values()), problems) == ([LOG], [])


def test_standard_input_may_be_an_archive() -> None:
    with Sources(lambda path: "trx" in path) as sources:
        sources.find([Path("-")], io.BytesIO(tar({"trx.log": LOG})))
        assert [bytes_of(file) for file in sources.files] == [LOG]
    with Sources(lambda path: "trx" in path) as sources:
        sources.find([Path("-")], io.BytesIO(LOG))
        assert [bytes_of(file) for file in sources.files] == [LOG]


def test_what_is_damaged_is_told_and_the_others_are_found(place: Path) -> None:
    whole = tar({"trx.log": LOG, "trx-2.log": LOG * 1000}, "w")
    cut = put(place, "cut.tar", whole[:-20_000])
    bad = put(place, "bad.tgz", b"\x1f\x8b\x08\x00 this is no gzip")
    good = put(place, "trx.log", LOG)
    files, problems, _ = found_in(cut, bad, place / "absent", good)
    assert files["trx.log"] == LOG
    assert files[""] == LOG
    assert len(problems) == 3
    assert "cut.tar" in problems[0]
    assert "bad.tgz" in problems[1]
    assert "absent" in problems[2]


def test_archives_in_archives_have_an_end(place: Path) -> None:
    data = tar({"trx.log": LOG}, "w")
    for _ in range(DEPTH + 1):
        data = tar({"more.tar": data}, "w")
    files, (problem,), _ = found_in(put(place, "deep.tar", data))
    assert files == {}
    assert f"more than {DEPTH}" in problem


def test_a_bomb_is_stopped_by_the_budget(place: Path) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * (200 << 20)))
    path = put(place, "bomb.gz", bomb)
    with Sources(lambda _: True) as sources:
        sources.find([path], io.BytesIO())
        (file,) = sources.files
        with pytest.raises(LimitError, match="bytes of files found in archives"):
            deque(file.chunks(), maxlen=0)


def test_no_room_for_a_copy_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    files, (problem,), _ = found_in(put(place, "v.tgz", tar({"trx.log": LOG})))
    assert files == {}
    assert "No space left" in problem
    assert "TMPDIR" in problem
