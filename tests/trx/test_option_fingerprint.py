from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trx.linuxptp import installed, release_of
from vibforge.errors import TrxError
from vibforge.trx.option import MAX_BYTES, RELEASES, catalogue, fingerprint


def table_of(release: str, *, without: str = "", extra: str = "") -> bytes:
    names = [name for name, each in catalogue().options.items() if each.known_to(release)]
    labels = [name.ljust(64, "\0") for name in [*names, extra] if name and name != without]
    return b"\x7fELF\2\1\1\0" + "".join(labels).encode() + b"\1\0\2"


@pytest.mark.parametrize("release", RELEASES)
def test_option_table_of_a_release_is_told(release: str) -> None:
    found = fingerprint(table_of(release))
    assert release in found.releases
    assert found.exact


def test_releases_with_the_same_options_look_alike() -> None:
    assert fingerprint(table_of("3.1")).releases == ("3.1", "3.1.1")


def test_patched_build_shows_its_extra_option() -> None:
    found = fingerprint(table_of("3.1.1", extra="clock_class_threshold"))
    assert found.releases == ("3.1", "3.1.1")
    assert found.extra == ("clock_class_threshold",)
    assert not found.exact
    assert fingerprint(table_of("4.2", without="verbose")).missing == ("verbose",)


@pytest.mark.parametrize("program", ["ptp4l", "phc2sys", "pmc"])
def test_installed_program_is_told(program: str, tool: Callable[[str], str]) -> None:
    path, release = installed(program, tool)
    assert release == release_of(path)
    found = fingerprint(Path(path).read_bytes())
    assert release in found.releases
    assert found.exact


@pytest.mark.parametrize("data", [b"", b"\x7fELF" * 1000, b"domainNumber\0" * 1000, b"x\0" * 100])
def test_other_file_is_refused(data: bytes) -> None:
    with pytest.raises(TrxError):
        fingerprint(data)


def test_larger_than_any_program_is_refused() -> None:
    with pytest.raises(TrxError):
        fingerprint(bytes(MAX_BYTES + 1))
