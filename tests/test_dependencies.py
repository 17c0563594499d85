"""The dependencies: each with its reason, each in the lock file."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import CHECKOUT

SOURCE = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(SOURCE)
LOCK = (CHECKOUT / "requirements-dev.lock").read_text(encoding="utf-8")
GROUPS = PROJECT["dependency-groups"]
LOCKED = [
    Requirement(text)
    for text in (
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["pkcs11"],
        *GROUPS["dev"],
    )
]


def test_each_is_explained() -> None:
    page = (CHECKOUT / "docs/decisions/0008-dependencies.md").read_text(encoding="utf-8")
    named = {
        canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE)
    }
    upkeep = [Requirement(text) for text in (*GROUPS["upkeep"], *GROUPS["mutation"])]
    assert set(map(canonicalize_name, named)) == {
        canonicalize_name(each.name) for each in (*LOCKED, *upkeep)
    }


@pytest.mark.parametrize("wanted", LOCKED, ids=lambda wanted: str(wanted.name))
def test_the_lock_has_a_release_that_fits(wanted: Requirement) -> None:
    pins = dict(re.findall(r"^([\w.-]+)==([^ ]+)", LOCK, re.MULTILINE))
    release = pins.get(canonicalize_name(wanted.name), "")
    assert release, "run `make lock`"
    assert wanted.specifier.contains(release)


def test_the_lock_is_of_no_index_and_no_machine() -> None:
    line = r"#.*|[\w.-]+==[\w.+]+( ; [\w .<>=!']+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?"
    assert [text for text in LOCK.splitlines() if not re.fullmatch(line, text)] == []
    assert "://" not in LOCK


def test_an_upper_bound_has_its_reason() -> None:
    lines = SOURCE.splitlines()
    bounded = [number for number, line in enumerate(lines) if re.match(r'  "[^;]*<[^;]*"', line)]
    assert len(bounded) == 4
    assert all(lines[number - 1].lstrip().startswith("#") for number in bounded)
