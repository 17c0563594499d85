import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.vib.identity import Version
from vibforge.vib.relationships import (
    INSTALLER,
    Constraint,
    Demands,
    Provide,
    Provisions,
    Relation,
    matches,
)

versions = st.from_regex(r"[0-9][0-9a-z.]{0,6}(-[0-9][0-9a-z.]{0,4})?", fullmatch=True)
whole_versions = st.from_regex(r"[0-9][0-9a-z.]{0,6}-[0-9][0-9a-z.]{0,4}", fullmatch=True)
relations = st.sampled_from(list(Relation))


@pytest.mark.parametrize(
    ("constraint", "provide", "met"),
    [
        ("a", "a", True),
        ("a", "a = 1.0", True),
        ("a", "b", False),
        ("a = 1.0", "a", False),
        ("a = 1.0", "a = 1.0-5", True),
        ("a >> 1.0", "a = 1.0-9", False),
        ("a >= 1.0", "a = 1.0-9", True),
        ("a << 1.0-5", "a = 1.0-4", True),
        ("a = 1.0-5", "a = 1.0", False),
        ("a = 1.0-5", "a = 1.0-5", True),
        ("a >= 1.10", "a = 1.9-1", False),
        ("a <= 1.0", "a = 01.0-1", True),
    ],
)
def test_as_tried(constraint: str, provide: str, met: bool) -> None:  # noqa: FBT001 - a column
    assert matches(Constraint.parse(constraint), Provide.parse(provide)) is met


def test_a_relation_that_does_not_exist_is_never_met() -> None:
    wrong = Constraint(name="a", relation=">", version="0")
    assert not matches(wrong, Provide(name="a", version="1"))


def test_every_host_provides_its_installer() -> None:
    assert Provisions([INSTALLER]).meet(Constraint.parse("installer:esximage = 1.0"))


names = st.sampled_from("ab")
provides = st.builds(Provide, name=names, version=st.one_of(st.just(""), versions))
constraints = st.one_of(
    st.builds(Constraint, name=names),
    st.builds(Constraint, name=names, relation=relations, version=versions),
)


@given(st.lists(provides, max_size=6), constraints)
def test_provisions_answer_as_each_provide_does(found: list[Provide], wanted: Constraint) -> None:
    assert Provisions(found).meet(wanted) == any(matches(wanted, one) for one in found)


@given(st.lists(constraints, max_size=6), provides)
def test_demands_answer_as_each_constraint_does(wanted: list[Constraint], found: Provide) -> None:
    assert Demands(wanted).met_by(found) == any(matches(one, found) for one in wanted)


def constraint(relation: Relation, version: str) -> Constraint:
    return Constraint(name="a", relation=relation, version=version)


@given(whole_versions, whole_versions)
def test_with_a_release_the_relations_are_those_of_the_order(wanted: str, found: str) -> None:
    provide = Provide(name="a", version=found)
    held = {relation for relation in Relation if matches(constraint(relation, wanted), provide)}
    if Version(found) == Version(wanted):
        assert held == {Relation.EQUAL, Relation.LESS_OR_EQUAL, Relation.GREATER_OR_EQUAL}
    elif Version(found) < Version(wanted):
        assert held == {Relation.LESS, Relation.LESS_OR_EQUAL}
    else:
        assert held == {Relation.GREATER, Relation.GREATER_OR_EQUAL}


@given(relations, whole_versions, st.from_regex(r"[0-9][0-9a-z.]{0,4}", fullmatch=True))
def test_without_a_release_it_does_not_matter(relation: Relation, found: str, other: str) -> None:
    """A constraint without a release sees only the part before the dash."""
    wanted = constraint(relation, found.partition("-")[0])
    changed = f"{found.partition('-')[0]}-{other}"
    assert matches(wanted, Provide(name="a", version=found)) is matches(
        wanted, Provide(name="a", version=changed)
    )


@given(relations, versions)
def test_names_decide_first(relation: Relation, version: str) -> None:
    assert not matches(constraint(relation, version), Provide(name="b", version=version))
