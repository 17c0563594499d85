import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import FormatError, LimitError
from vibforge.formats.budget import LIMITS, Budget, Work


@pytest.mark.parametrize("work", Work)
def test_every_kind_of_work_has_a_limit_that_grows_with_the_file(work: Work) -> None:
    limit = LIMITS[work]
    assert limit.of(0) == limit.fixed > 0
    assert limit.of(1 << 30) > limit.fixed
    assert limit.reason.endswith(".")


@given(st.sampled_from(Work), st.integers(0, 1 << 40), st.data())
def test_a_limit_may_be_reached_and_not_passed(work: Work, size: int, data: st.DataObject) -> None:
    limit = LIMITS[work].of(size)
    first = data.draw(st.integers(0, limit))
    budget = Budget("a.vib", size)
    budget.spend(work, first)
    budget.spend(work, limit - first)
    with pytest.raises(LimitError) as caught:
        budget.spend(work)
    (problem,) = caught.value.problems
    assert problem.where == "a.vib"
    assert problem.what == f"more than {limit} {work}, the limit for a file of {size} bytes"
    assert problem.remedy


def test_kinds_of_work_are_counted_apart() -> None:
    budget = Budget("a.vib", 0)
    for work, limit in LIMITS.items():
        budget.spend(work, limit.fixed)


def test_no_reader_takes_it_for_damage_and_goes_on() -> None:
    assert not issubclass(LimitError, FormatError)
