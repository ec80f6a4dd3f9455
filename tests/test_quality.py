"""Calibration, abstaining, labels and look-alikes, method against method: each by a case computed by hand."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.alphabet.labels import Alphabet
from allograph.evaluation.measures.duels import duels
from allograph.evaluation.measures.learning_curve import falling_ratios, learning_curve
from allograph.evaluation.measures.quality import (
    BINS,
    abstaining_cut,
    calibration_error,
    merged_places,
    qualities,
    quality,
    reliability,
    risk_coverage,
)
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.readings import highest_probability

MIXED = Alphabet("0OocC1aA")


def truth(text: str) -> np.ndarray:
    return np.array([flag == "1" for flag in text])


def sure(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_macro_accuracy_counts_each_tested_label_the_same() -> None:
    # a: 3 of 4; A: 0 of 1; the rest are not tested
    found = quality(MIXED.indices("aaaaA"), MIXED.indices("aaa1a"), None, MIXED)
    assert found.macro == (3 / 4 + 0) / 2


def test_look_alikes_merged_count_for_one_another_and_nothing_else_does() -> None:
    #        right, o for 0, C for c, a for A: no look-alikes, 1 for 0: none either
    found = quality(MIXED.indices("000cA0"), MIXED.indices("0oOCa1"), None, MIXED)
    assert found.merged == 4 / 6
    assert merged_places(MIXED).tolist() == [0, 0, 0, 3, 3, 5, 6, 7]


def test_longer_labels_are_nobodys_look_alike_and_no_digits() -> None:
    alphabet = Alphabet(["cC", "c", "12", "oO"])
    assert merged_places(alphabet).tolist() == [0, 1, 2, 3]
    assert quality(alphabet.indices(["12"]), alphabet.indices(["12"]), None, alphabet).digits is None


def test_digits_upper_and_lower_case_apart() -> None:
    found = quality(MIXED.indices("0101aAAA"), MIXED.indices("0100aAaO"), None, MIXED)
    assert (found.digits, found.lower, found.upper) == (3 / 4, 1, 1 / 3)
    assert quality(MIXED.indices("aa"), MIXED.indices("aa"), None, MIXED).digits is None


def test_calibration_error_over_equal_mass_bins() -> None:
    # 30 answers in 15 bins of two: the probabilities are 0.50, 0.51 … 0.79, the first ten wrong, the rest right
    values = sure(*(0.5 + 0.01 * i for i in range(30)))
    right = np.arange(30) >= 10
    bins = reliability(right, values)
    assert [count for _, _, count in bins] == [2] * BINS
    assert np.array(bins)[[0, 14], :2] == pytest.approx(np.array([[0.505, 0], [0.785, 1]]))
    wrong_bins = sum(0.505 + 0.02 * i for i in range(5))
    right_bins = sum(1 - (0.505 + 0.02 * i) for i in range(5, 15))
    assert calibration_error(bins) == pytest.approx((wrong_bins + right_bins) / 15, abs=1e-6)


def test_bins_of_fewer_answers_than_there_are_bins() -> None:
    bins = reliability(truth("10"), sure(0.75, 0.25))
    assert bins == [(0.25, 0, 1), (0.75, 1, 1)]
    assert calibration_error(bins) == 0.25


def test_equally_sure_answers_share_their_bin() -> None:
    # two values, each right as often as it says, however the right ones lie
    right = truth("1" * 15 + "0" * 15 + "1" * 30)
    values = np.repeat(sure(0.5, 1.0), 30)
    assert calibration_error(reliability(right, values)) == 0
    assert abstaining_cut(right, values) == pytest.approx(3 / 15)


def test_risk_falls_as_the_least_sure_are_left_out() -> None:
    # twenty answers, the surest last; wrong are the 1st, 2nd, 3rd and 11th
    right = np.ones(20, bool)
    right[[0, 1, 2, 10]] = False
    values = np.linspace(0.05, 1, 20).astype(np.float32)
    risk = dict(risk_coverage(right, values))
    assert (risk[1.0], risk[0.9], risk[0.85], risk[0.5]) == (4 / 20, 2 / 18, 1 / 17, 1 / 10)
    assert risk[0.45] == risk[0.05] == 0
    assert abstaining_cut(right, values) == 2 / 4  # two of twenty are left out, both wrong
    assert abstaining_cut(np.ones(20, bool), values) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.4, 0.7, 0.9])), min_size=1, max_size=60), st.randoms())
def test_the_order_of_the_samples_does_not_matter(answers: list[tuple[bool, float]], random: Random) -> None:
    mixed = answers[:]
    random.shuffle(mixed)
    one, other = (
        (np.array([right for right, _ in some]), np.array([value for _, value in some], np.float32)) for some in (answers, mixed)
    )
    assert reliability(*one) == reliability(*other)
    assert risk_coverage(*one) == risk_coverage(*other)
    assert abstaining_cut(*one) == abstaining_cut(*other)
    assert 0 <= calibration_error(reliability(*one)) <= 1
    assert risk_coverage(*one)[0][1] == pytest.approx(1 - one[0].mean())


def writer(name: str, true: str, base: str, **methods: str) -> WriterAnswers:
    answers = {method: MethodAnswers(MIXED.indices(said), None, 0.0) for method, said in methods.items()}
    return WriterAnswers(name, np.arange(len(true)), MIXED.indices(true), MIXED.indices(base), answers, np.full(len(true), 0.5))


WRITERS = [writer("ana", "aaaa", "aa11", one="aaa1", two="aaaa"), writer("ben", "0000", "0oo1", one="000o", two="0oo1")]


def test_a_method_without_probabilities_has_no_calibration_and_the_base_has() -> None:
    found = qualities(WRITERS, MIXED)
    assert list(found) == ["base", "one", "two"]
    assert found["base"].calibration_error == pytest.approx(0.5 - 3 / 8)
    assert found["base"].merged == 5 / 8
    assert found["one"].calibration_error is None
    assert found["one"].risk_coverage is None
    assert found["one"].macro == 3 / 4


def test_the_better_method_stands_first_and_the_bootstrap_is_paired() -> None:
    (duel,) = duels(WRITERS)
    assert (duel.method, duel.rival) == ("one", "two")  # 6 right against 5
    assert duel.difference == 1 / 8
    assert duel.error_cut == 1 / 3
    # ana twice: one right fewer of four; ben twice: two more
    assert duel.difference_ci95 == (-1 / 4, 2 / 4)
    alike = [writer("ana", "aaaa", "aa11", one="aaa1", two="aaa1"), writer("ben", "0000", "0oo1", one="0000", two="0000")]
    assert duels(alike)[0].difference_ci95 == (0, 0)  # as far apart as they are, each writer is the same for both


def test_an_answers_probability() -> None:
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]], np.float32) + np.float32(1e-30))
    np.testing.assert_allclose(highest_probability(logits), [0.5, 0.9], rtol=1e-6)
    assert highest_probability(np.array([[-np.inf, 3.0]], np.float32)).tolist() == [1]


# How fast a label is learned


def sequence(true: str, base: str, method: str, passes: int = 1) -> WriterAnswers:
    """A sequential run, its samples answered in the order of the text; `passes` runs through the same samples."""
    rows = np.tile(np.arange(len(true) // passes), passes)
    answers = {"it": MethodAnswers(MIXED.indices(method), None, 0.0)}
    return WriterAnswers("ana", rows, MIXED.indices(true), MIXED.indices(base), answers)


def test_the_learning_curve_divides_errors_by_earlier_corrections_of_the_label() -> None:
    # a after 0 to 11 corrections; the base errs always, the method at 0 to 4
    curve = learning_curve([sequence("a" * 12, "c" * 12, "ccccc" + "a" * 7)], "it")
    # the first a is left out: no other label was corrected before; after 3 … 4 corrections both are wrong, then none
    assert curve == ((0, 1), (1, 1), (2, 1), (3, 1), (5, 0), (10, 0), (30, 0))


def test_a_label_never_corrected_counts_after_thirty_corrections_of_others() -> None:
    others = "a" * 29
    early = learning_curve([sequence(others + "cC", others + "CC", others + "aa")], "it")
    # c is the 30th sample and too early; C, the 31st, the base reads right and the method wrong
    assert early[0] == (0, 1)  # one error of the method, none of the base: no ratio
    late = learning_curve([sequence("a" * 30 + "cC", "a" * 30 + "CC", "a" * 30 + "aa")], "it")
    assert late[0] == (0, 2)  # the method errs twice, the base once


def test_each_pass_begins_with_nothing_learned() -> None:
    once = sequence("aaaa", "cccc", "caaa")
    twice = sequence("aaaa" * 2, "cccc" * 2, "caaa" * 2, passes=2)
    assert learning_curve([twice], "it") == learning_curve([once], "it") == learning_curve([once, once], "it")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_ratios_never_rise_and_keep_their_weighted_sum(pairs: list[tuple[int, int]]) -> None:
    over, under = (np.array(values, float) for values in zip(*pairs, strict=True))
    ratios = falling_ratios(over, under)
    assert len(ratios) == len(pairs)
    if under.all():
        assert ratios == sorted(ratios, reverse=True)
        assert float(np.dot(ratios, under)) == pytest.approx(over.sum())
