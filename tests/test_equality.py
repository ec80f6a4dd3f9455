"""Values that hold arrays are equal where their content is."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from allograph.adapters import State, Trial
from allograph.adapters.allograph import Allograph
from allograph.adapters.paper import PaperAdapter
from allograph.adapters.population import Population
from allograph.bundle import Bundle
from allograph.profiles.journal import Entry
from allograph.readings import Corrections, Samples, Scores
from allograph.samples.equality import equal

BUNDLE = Bundle.open()
SAMPLES = Samples(np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 4), np.float32))
assert BUNDLE.styles is not None
VALUES: list[Any] = [
    SAMPLES,
    Corrections(SAMPLES.embeddings, SAMPLES.logits, ["a", "b"]),
    Scores(SAMPLES.logits, np.zeros(2, np.int8)),
    Trial(np.arange(3), np.arange(2)),
    State(("ß",), {"labels": np.arange(3), "change": np.ones((2, 2))}),
    BUNDLE.styles,
    Population.of(BUNDLE),
    PaperAdapter.of(BUNDLE),
    Allograph.of(BUNDLE),
    Entry("id", "a", False, 0.0, "a", "a", None, SAMPLES, np.zeros((28, 28), np.uint8), "hash", "batch"),
    BUNDLE,
]


def changed(value: Any) -> Any:
    """The value with one number changed, somewhere inside."""
    other = copy.deepcopy(value)
    waiting = [other]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, np.ndarray):
            part.flat[-1] = 1 - part.flat[-1]
            return other
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, tuple):
            waiting += part
        else:
            waiting += vars(part).values() if hasattr(part, "__dict__") else ()
    raise AssertionError("no array")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_equal_is_who_has_the_same_content(value: Any) -> None:
    same, other = copy.deepcopy(value), changed(value)
    assert value == same
    assert same == value
    assert not (value != same)  # noqa: SIM202
    assert value != other
    assert not (value == other)  # noqa: SIM201
    assert value in [other, same]
    strangers: list[Any] = [None, 3, "text", (), (1, 2, 3), [], SAMPLES.embeddings.tolist()]
    for stranger in strangers:
        assert value != stranger
        assert stranger != value


@pytest.mark.parametrize("value", VALUES[:-1], ids=lambda value: type(value).__name__)
def test_who_holds_arrays_has_no_hash(value: Any) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_a_bundle_has_a_hash_that_goes_with_equality() -> None:
    again = Bundle.open()
    assert again == BUNDLE
    assert len({again, BUNDLE}) == 1
    assert replace(BUNDLE, config=replace(BUNDLE.config, unknown={"name": "another"})) != BUNDLE
    assert Bundle.open(BUNDLE.path) == BUNDLE


def test_equal_by_hand() -> None:
    assert equal(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    assert not equal(np.ones(2, np.float32), np.ones(2))
    assert not equal(np.ones(2), np.ones(3))
    assert not equal(np.ones(1), 1)
    assert equal({"a": [np.ones(2)]}, {"a": [np.ones(2)]})
    assert not equal({"a": [np.ones(2)]}, {"b": [np.ones(2)]})
    assert equal(np.array(["a"]), np.array(["a"]))
