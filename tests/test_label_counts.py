"""What the numbers of samples of each label say: computed by hand, and by drawing labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.adapters.label_counts import HALF, ORDINARY, RARE, chosen, chosen_odds, unseen_factor


def test_without_samples_every_label_is_as_likely_as_a_method_thinks() -> None:
    nothing = np.zeros(94, np.int64)
    assert unseen_factor(nothing) == 1
    assert chosen(nothing) == 0
    assert chosen_odds(nothing, np.full(94, 1 / 94)) == pytest.approx(0)


def test_new_labels_are_as_likely_as_good_and_turing_say() -> None:
    counts = np.array([4, 3, 1, 1, 0, 0, 0, 0])
    assert chosen(counts) == 0  # five repeats; 9 samples of 8 labels at random repeat 3.4 times
    assert unseen_factor(counts) == pytest.approx(((2 + 1) / (9 + 2) + RARE) / RARE)
    assert unseen_factor(np.array([5, 5, 5])) == pytest.approx((1 / 17 + RARE) / RARE)


def test_labels_without_repeats_were_chosen() -> None:
    one_each = np.ones(94, np.int64)
    expected = 94 * (1 - 1 / 94) ** 94  # labels that chance leaves out, and as many repeats
    assert chosen(one_each) == pytest.approx(1 - math.exp(-expected) / ORDINARY)
    assert unseen_factor(one_each) == pytest.approx(1, abs=1e-6)
    assert chosen(np.array([1] * 47 + [0] * 47)) > 0.99
    assert chosen(np.array([1, 1, 1] + [0] * 91)) == 0  # three different ones of 94 are nothing strange


def test_one_repeat_by_hand() -> None:
    counts = np.array([2] + [1] * 18 + [0] * 1)
    expected = 20 - 20 * (1 - 0.95**20)
    probability = math.exp(-expected) * (1 + expected)
    assert probability < ORDINARY
    assert chosen(counts) == pytest.approx(1 - probability / ORDINARY)


def test_odds_of_chosen_labels_are_their_shares_over_what_is_usual() -> None:
    counts, frequencies = np.ones(94, np.int64), np.arange(1, 95) / (94 * 95 / 2)
    odds = chosen_odds(counts, frequencies)
    assert odds == pytest.approx(chosen(counts) * np.log(1 / 94 / frequencies), rel=1e-4)
    counts[:10] = 0
    assert chosen_odds(counts, frequencies)[0] == pytest.approx(
        chosen(counts) * math.log(HALF / (84 + 47) / frequencies[0]), rel=1e-4
    )
    assert odds.dtype == np.float32


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_any_counts_give_a_probability_and_a_factor_of_at_least_one(numbers: list[int]) -> None:
    counts = np.array(numbers)
    assert 0 <= chosen(counts) <= 1
    assert 1 <= unseen_factor(counts) <= (1 + RARE) / RARE
    assert np.isfinite(chosen_odds(counts, np.full(len(counts), 1 / len(counts)))).all()


def test_labels_that_come_as_they_come_are_seldom_taken_for_chosen() -> None:
    random, frequencies = np.random.default_rng(0), 1 / np.arange(1, 95)
    for count in (5, 20, 60, 200):
        draws = [np.bincount(random.choice(94, count, p=frequencies / frequencies.sum()), minlength=94) for _ in range(200)]
        assert np.mean([chosen(draw) for draw in draws]) < 0.05


def test_the_factor_comes_near_how_often_new_labels_come() -> None:
    random, frequencies = np.random.default_rng(1), 1 / np.arange(1, 95)
    shares = frequencies / frequencies.sum()
    for count in (20, 60, 200):
        guesses, truth = [], []
        for _ in range(300):
            counts = np.bincount(random.choice(94, count, p=shares), minlength=94)
            guesses.append(unseen_factor(counts) * RARE - RARE)
            truth.append(shares[counts == 0].sum())
        assert np.mean(guesses) == pytest.approx(np.mean(truth), abs=0.05)
