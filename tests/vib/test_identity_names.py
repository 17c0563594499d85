"""Names that a shell, a terminal or a file system would take for something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from vibforge.errors import ModelError, VibforgeError
from vibforge.project.plan_build import plan_build
from vibforge.vib.identity import check_file_name, check_name, check_payload_name

BAD = (
    *("", ".", "..", "...", ".hidden", "dot.", "-rf", "--help", "-", "dash-", "a b", "a\\b", "a/b"),
    *("a\nb", "a\tb", "a\0b", "a\x1b[2Jb", "$(id)", "`id`", "a;b", "a'b", 'a"b', "a|b", "*", "é"),
    *("con", "NUL", "nul.txt", "Com1", "LPT9.v00", "aux", "prn"),
)
GOOD = ("a", "A1", "trx-conf", "net_e1000", "vib.2", "_x_", "console", "com10", "null", "0")


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_would_be_misread_is_refused(name: str) -> None:
    for check in (check_name, check_payload_name):
        with pytest.raises(ModelError) as caught:
            check(name)
        assert caught.value.problems[0].remedy
        assert str(caught.value).isprintable() or "\n  → " in str(caught.value)


@pytest.mark.parametrize("name", GOOD)
def test_usual_names_are_good(name: str) -> None:
    check_name(name)
    check_payload_name(name)


@given(st.text(max_size=12))
def test_what_is_accepted_is_one_plain_word_of_a_shell(name: str) -> None:
    try:
        check_name(name)
    except ModelError:
        return
    assert name
    assert name.replace("_", "x").replace(".", "x").replace("-", "x").isalnum()
    assert name.isascii()
    assert not name.startswith(("-", "."))
    assert not name.endswith(("-", "."))


@pytest.mark.parametrize("name", ["-rf", "--help", "a\\b", "a\nb", "a\x1bb"])
def test_a_folder_of_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="is not a name for a folder"):
        check_file_name(name)


def test_blanks_and_letters_of_all_languages_are_good_for_a_folder() -> None:
    for name in ("my project", "プロジェクト", "it's", "a;b", ".x"):
        check_file_name(name)


@pytest.mark.parametrize("name", ["-rf", "--help", "..", "nul"])
@pytest.mark.parametrize("key", ["name", "vendor", "payloads[0].name"])
def test_a_build_refuses_such_names_wherever_they_come_from(name: str, key: str) -> None:
    with pytest.raises(VibforgeError) as caught:
        plan_build(CHECKOUT / "payloads/trx-conf", settings={key: name})
    assert f"--set {key}" in str(caught.value)
