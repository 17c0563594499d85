import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS
from vibforge.errors import VibforgeError


@pytest.mark.parametrize("name", TARGETS)
def test_good_bytes_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].read(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_bytes_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    chance = random.Random(name)
    for seed in target.seeds():
        for _ in range(target.each):
            with contextlib.suppress(VibforgeError):
                target.read(mutated(seed, chance))


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(name: str, data: st.DataObject) -> None:
    with contextlib.suppress(VibforgeError):
        TARGETS[name].read(data.draw(st.binary(max_size=2000)))
