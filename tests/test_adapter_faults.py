"""Numbers that say nothing: constant, huge, tiny, not finite. Every adapter then gives the base's answer, and learns on."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters import OURS, Adapter, State
from allograph.adapters.population import Population
from allograph.adapters.validity import repair_logits, same_opinion, valid_rows
from allograph.readings import Corrections, Samples
from test_adapter_contract import ADAPTERS, ALPHABET, D, corrections, learned, ours

COUNTING = {"prior", "lookup", "prior+size", "lookup+size"}
"""They look at no embedding."""
STRANGE = {
    "zero": np.zeros(D),
    "constant": np.full(D, 0.7),
    "huge": np.arange(1, D + 1) * 1e30,
    "largest": np.arange(1, D + 1) * 5e37,
    "tiny": np.arange(1, D + 1) * 1e-30,
    "denormal": np.arange(1, D + 1) * 1e-42,
    "not a number": np.full(D, np.nan),
    "infinite": np.full(D, np.inf),
    "one infinite": np.where(np.arange(D) == 2, -np.inf, 1.0),
}


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    found: Adapter = request.param
    return found


def with_embedding(batch: Corrections, embedding: NDArray[Any]) -> Corrections:
    return replace(batch, embeddings=np.tile(embedding.astype(np.float32), (len(batch.labels), 1)))


def check_sound(adapter: Adapter, state: State, samples: Samples) -> NDArray[np.int64]:
    """The answers; probabilities that are finite and sum to one."""
    scores = adapter.scores(state, samples)
    assert not np.isnan(scores.log_probabilities).any()
    np.testing.assert_allclose(np.exp(scores.log_probabilities).sum(axis=1), 1, rtol=1e-4)
    for array in state.arrays.values():
        assert array.dtype.kind != "f" or np.isfinite(array[array != -np.inf]).all()
    return scores.answers


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.filterwarnings("error::RuntimeWarning:allograph")
def test_what_says_nothing_is_the_bases_to_answer(adapter: Adapter, strange: str) -> None:
    asked = with_embedding(corrections(40, 3), STRANGE[strange])
    good = learned(adapter, corrections(60, 1))
    bad = learned(adapter, with_embedding(corrections(60, 1), STRANGE[strange]))
    for state in (good, bad):
        answers = check_sound(adapter, state, asked.samples)
        if adapter.name not in COUNTING:
            assert answers.tolist() == asked.logits.argmax(axis=1).tolist()
        adapter.explain(state, asked.take([0]).samples)
    check_sound(adapter, bad, corrections(40, 3).samples)
    if adapter.name not in COUNTING | {"paper"}:
        taught = adapter.scores(bad, corrections(40, 3).samples).answers
        assert taught.tolist() == corrections(40, 3).logits.argmax(axis=1).tolist()


@pytest.mark.parametrize("strange", STRANGE)
def test_a_bad_batch_does_not_spoil_what_is_learned_of_good_ones(adapter: Adapter, strange: str) -> None:
    if getattr(adapter, "window", None):
        return  # what is bad pushes out what was good, as anything new does
    test, good = corrections(200, 5), corrections(60, 1)
    bad = with_embedding(corrections(20, 2), STRANGE[strange])
    clean, before, after = learned(adapter, good), learned(adapter, bad, good), learned(adapter, good, bad)
    right = [
        np.mean([ALPHABET[i] == label for i, label in zip(answers, test.labels, strict=True)])
        for answers in (check_sound(adapter, state, test.samples) for state in (clean, before, after))
    ]
    assert min(right[1:]) >= right[0] - 0.06


@settings(max_examples=40, deadline=None)
@given(st.floats(-44, 38), st.floats(-44, 38), st.integers(0, 10**6), st.booleans())
def test_every_scale_gives_finite_answers(scale: float, other: float, seed: int, flat: bool) -> None:
    with warnings.catch_warnings(), np.errstate(over="ignore", under="ignore"):
        batch = corrections(12, seed, "abcdeß")
        batch = replace(batch, embeddings=batch.embeddings * np.float32(10**scale), logits=batch.logits * np.float32(10**other))
        asked = corrections(6, seed + 1).samples
        asked = replace(asked, logits=np.full_like(asked.logits, 10**other) if flat else asked.logits)
        for adapter in ADAPTERS:
            state = learned(adapter, batch, corrections(5, seed))
            check_sound(adapter, state, asked)
            check_sound(adapter, state, batch.samples)


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_logits_that_say_nothing(adapter: Adapter, value: float) -> None:
    batch = corrections(30, 1, "abcdeß")
    batch.logits[::3] = value
    for state in (adapter.start(), learned(adapter, batch), learned(adapter, batch, corrections(30, 2))):
        check_sound(adapter, state, batch.samples)
        check_sound(adapter, state, corrections(20, 4).samples)
        adapter.explain(state, batch.take([0]).samples)


def test_embeddings_that_are_all_the_same_say_nothing() -> None:
    same = np.random.default_rng(0).normal(size=D)
    taught, asked = with_embedding(corrections(60, 1), same), with_embedding(corrections(40, 3), same)
    for method in OURS:
        if method.name not in COUNTING:
            adapter = ours(method)
            answers = check_sound(adapter, learned(adapter, taught), asked.samples)
            assert answers.tolist() == asked.logits.argmax(axis=1).tolist(), method.name


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_populations_statistics_stay_finite(strange: str, share: float) -> None:
    batch = corrections(200, 1)
    rows = np.arange(200) < 200 * share
    batch.embeddings[rows] = STRANGE[strange].astype(np.float32)
    found = Population.estimate(batch.samples, ALPHABET.indices(batch.labels), np.array([f"w{i % 5}" for i in range(200)]))
    for name, array in found.arrays().items():
        assert np.isfinite(array).all(), name
    assert np.isfinite(found.whitening(1.0)).all()
    for method in OURS:
        adapter = ours(method)
        if hasattr(adapter, "population"):
            adapter = replace(adapter, population=found)  # type: ignore[type-var]
        check_sound(adapter, learned(adapter, corrections(30, 2)), corrections(20, 3).samples)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_statistics_are_kept_in_numbers_that_hold_them(scale: float) -> None:
    batch = corrections(300, 1)
    samples = Samples((batch.embeddings * scale).astype(np.float32), batch.logits)
    found = Population.estimate(samples, ALPHABET.indices(batch.labels), np.array([f"w{i % 5}" for i in range(300)]))
    back = Population(*(array.astype(np.float32) for array in found.arrays().values()))
    np.testing.assert_allclose(back.whitening(), found.whitening(), rtol=0.02, atol=0.02 * np.abs(found.whitening()).max())
    np.testing.assert_allclose(back.means, found.means, rtol=0.02, atol=1e-3 * scale)


def test_which_numbers_say_something() -> None:
    rows = np.array([[1, 2, 3], [0, 0, 0], [2, 2, 2], [1, np.nan, 3], [1, np.inf, 3], [1e20, 2e20, 0], [1e-20, 0, 0]], np.float32)
    assert valid_rows(rows).tolist() == [True] + 6 * [False]
    assert valid_rows(rows[:1], 3.0).tolist() == [True]
    assert valid_rows(rows[:1], 3e5).tolist() == [False]
    assert valid_rows(np.empty((3, 0), np.float32)).tolist() == 3 * [False]
    logits = np.array([[1, -np.inf], [np.nan, 2], [np.inf, 5], [-np.inf, -np.inf]], np.float32)
    assert repair_logits(logits).argmax(axis=1).tolist() == [0, 1, 0, 0]
    assert repair_logits(logits[:1]) is not None
    assert same_opinion(
        np.array([0.0, -1, -40], np.float32), np.array([[2, 1, -30], [0, 1, 0], [-30, -30, 0]], np.float32)
    ).tolist() == [
        True,
        False,
        True,
    ]
