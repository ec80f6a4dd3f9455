"""Several settings of one method at once answer as each of them alone."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.adapters import OURS, Trial, replay
from allograph.adapters.trials import replay_settings
from allograph.adapters.tunable_adapter import TunableAdapter
from test_adapter_contract import ALPHABET, POPULATION, corrections


def made(method: type[TunableAdapter], chosen: dict[str, float]) -> TunableAdapter:
    wanted: dict[str, Any] = {"population": POPULATION} if "population" in {field.name for field in fields(method)} else {}
    return method(ALPHABET, **(wanted | chosen))


@pytest.mark.parametrize("method", OURS)
@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_settings_together_answer_as_each_alone(method: type[TunableAdapter], data: st.DataObject, seed: int) -> None:
    choice = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in method.grid.items()})
    chosen = data.draw(st.lists(choice, min_size=1, max_size=4))
    samples = corrections(40, seed % 1000)
    order = np.random.default_rng(seed)
    cuts = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=3))
    trials = [Trial(*np.split(order.permutation(40), [cut])) for cut in cuts]
    adapters = [made(method, one) for one in chosen]
    for adapter, together in zip(adapters, replay_settings(adapters, samples, trials), strict=True):
        for found, alone in zip(together, replay(adapter, samples, trials, reveal=False), strict=True):
            assert np.array_equal(found.answers, alone.answers)
            np.testing.assert_array_equal(found.probabilities, alone.probabilities)


@pytest.mark.parametrize("method", OURS)
def test_what_is_learned_depends_on_nothing_but_what_the_method_names(method: type[TunableAdapter]) -> None:
    first = {name: values[0] for name, values in method.grid.items()}
    last = {name: value if name in method.learns_by else method.grid[name][-1] for name, value in first.items()}
    batch = corrections(30, 3)
    one, other = (adapter.learn(adapter.start(), batch) for adapter in (made(method, first), made(method, last)))
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert np.array_equal(array, other.arrays[name])
