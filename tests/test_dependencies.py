"""The dependencies: each with its reason, each in the lock file."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import CHECKOUT

SOURCE = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(SOURCE)
GROUPS = PROJECT["dependency-groups"]
RUN = PROJECT["project"]["dependencies"]
EXTRAS = [text for extra in PROJECT["project"]["optional-dependencies"].values() for text in extra]
DEV = [text for text in GROUPS["dev"] if isinstance(text, str)]
LOCKS = {
    "requirements.lock": [*RUN, *GROUPS["install"]],
    "requirements-dev.lock": [*RUN, *EXTRAS, *GROUPS["install"], *DEV],
    "requirements-mutation.lock": GROUPS["mutation"],
    "requirements-upkeep.lock": GROUPS["upkeep"],
    "requirements-workflows.lock": GROUPS["workflows"],
    "constraints.txt": [*RUN, *EXTRAS],
}
WANTED = [(lock, Requirement(text)) for lock, texts in LOCKS.items() for text in texts]


def text_of(lock: str) -> str:
    return (CHECKOUT / lock).read_text(encoding="utf-8")


def pins_of(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ \n]+)", text_of(lock), re.MULTILINE))


def test_each_is_explained() -> None:
    page = text_of("docs/decisions/0008-dependencies.md")
    named = {
        canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE)
    }
    named -= {canonicalize_name(lock) for lock in LOCKS}
    assert named == {canonicalize_name(wanted.name) for _, wanted in WANTED}


@pytest.mark.parametrize(("lock", "wanted"), WANTED, ids=lambda part: getattr(part, "name", part))
def test_a_lock_has_a_release_that_fits(lock: str, wanted: Requirement) -> None:
    release = pins_of(lock).get(canonicalize_name(wanted.name), "")
    assert release, "run `make lock UPGRADE=`"
    assert wanted.specifier.contains(release)


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.endswith(".lock")])
def test_a_lock_has_digests_and_is_of_no_index_and_no_machine(lock: str) -> None:
    pin = r"[\w.-]+(?:\[[\w,-]+\])?==[\w.+]+(?: ; [\w .<>=!'()*]+)? \\\n"
    digests = r"(?:    --hash=sha256:[0-9a-f]{64} \\\n)*    --hash=sha256:[0-9a-f]{64}\n"
    assert re.fullmatch(rf"(?:#.*\n)*(?:{pin}{digests})+", text_of(lock))


def test_constraints_are_of_no_index_and_have_no_digests() -> None:
    line = r"#.*|[\w.-]+==[\w.+]+( ; [\w .<>=!'()*]+)?"
    wrong = [
        text for text in text_of("constraints.txt").splitlines() if not re.fullmatch(line, text)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-mutation.lock", "constraints.txt"]
)
def test_locks_that_share_an_environment_agree(lock: str) -> None:
    assert pins_of(lock).keys() & pins_of("requirements-dev.lock").keys()
    for name in pins_of(lock).keys() & pins_of("requirements-dev.lock").keys():
        assert pins_of(lock)[name] == pins_of("requirements-dev.lock")[name]


def test_make_installs_nothing_without_digests() -> None:
    makefile = text_of("Makefile")
    installs = [line for line in makefile.splitlines() if re.search(r"(?<!group )install --", line)]
    assert len(installs) == 3
    assert "--require-hashes" in installs[0]
    assert "--no-index --no-deps --no-build-isolation" in installs[1]
    assert "--upgrade" in installs[2]  # LOCKED=no, which asks for it
    assert not re.search(r"pip install", text_of(".ci/run"))


def test_an_upper_bound_has_its_reason() -> None:
    lines = SOURCE.splitlines()
    bounded = [number for number, line in enumerate(lines) if re.match(r'  "[^;]*<[^;]*"', line)]
    assert len(bounded) == 4
    assert all(lines[number - 1].lstrip().startswith("#") for number in bounded)
