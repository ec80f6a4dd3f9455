"""Every formula of the paper's method by a case computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.adapters.paper_formulas import (
    KS,
    NOTHING,
    choose_answerer,
    confidence,
    knn_answers,
    nearest_style,
    squared_distances,
    update_mean,
)
from allograph.styles import style_count, z_scores


def test_the_number_of_styles_grows_with_the_samples_and_stops_at_thirty() -> None:
    assert [style_count(n) for n in (1, 4, 5, 999, 4000, 4999, 5000, 28_999, 29_000, 100_000)] == [
        1,
        4,
        5,
        5,
        5,
        5,
        6,
        29,
        30,
        30,
    ]


def test_a_style_is_z_scored_over_its_own_numbers() -> None:
    scored = z_scores(np.array([[1, 2, 3, 6], [5, 5, 5, 5]], np.float32))
    # mean 3, population variance (4 + 1 + 0 + 9) / 4 = 3.5
    np.testing.assert_allclose(scored[0], np.array([-2, -1, 0, 3]) / np.sqrt(3.5), rtol=1e-6)
    assert scored[1].tolist() == [0, 0, 0, 0]


def test_the_nearest_style_is_by_euclidean_distance() -> None:
    styles = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert nearest_style(np.array([[1, 1], [2, 0], [1, 3]], np.float32), styles).tolist() == [[0, 0], [3, 0], [0, 4]]
    assert squared_distances(np.array([[0, 0]], np.float32), styles).tolist() == [[0, 9, 16]]


def test_the_mean_moves_as_styles_join() -> None:
    # two styles of mean 4, then 10 and 1: (4 + 4 + 10 + 1) / 4
    assert update_mean(np.array([4.0]), 2, np.array([[10.0], [1.0]])).tolist() == [4.75]
    assert update_mean(np.array([0.0]), 0, np.array([[7.0]])).tolist() == [7.0]


@pytest.mark.parametrize(
    ("nearest_first", "expected"),
    [
        ([], [NOTHING] * 5),
        ([(1, 0)], [NOTHING] * 5),  # one copy is fewer than two
        ([(2, 0)], [0, NOTHING, NOTHING, NOTHING, NOTHING]),
        ([(10, 1)], [1, 1, 1, 1, 1]),
        ([(2, 1), (8, 0)], [1, 0, 0, 0, 0]),  # k = 4: two of each, the tie to the smaller label
        ([(3, 1), (1, 0), (6, 2)], [1, 1, 1, 2, 2]),  # k = 6: 3 + 1 + 2; k = 8: 3 + 1 + 4
        ([(1, 2), (1, 1), (8, 0)], [1, 0, 0, 0, 0]),  # k = 2: one of each
    ],
)
def test_each_knn_answers_by_the_majority_of_its_nearest_copies(
    nearest_first: list[tuple[int, int]], expected: list[int]
) -> None:
    assert knn_answers([(count, label, "abc"[label]) for count, label in nearest_first]) == expected


def test_equal_majorities_go_to_the_smallest_label_by_code_point_not_by_place() -> None:
    assert knn_answers([(1, 0, "b"), (1, 1, "a")])[0] == 1


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=4, unique_by=lambda pair: pair[1]))
def test_knn_answers_equal_a_literal_vote_among_copies(pairs: list[tuple[int, int]]) -> None:
    copies = [label for count, label in pairs for _ in range(count)]
    for k, answer in zip(KS, knn_answers([(count, label, "abcd"[label]) for count, label in pairs]), strict=True):
        if len(copies) < k:
            assert answer == NOTHING
        else:
            votes = [copies[:k].count(label) for label in range(4)]
            assert answer == votes.index(max(votes))


def test_confidence_counts_wins_in_the_numerator() -> None:
    assert confidence(0, 0) == 0.5
    assert confidence(3, 1) == 4 / 6
    assert confidence(0, 8) == 0.1
    assert confidence(1, 2) == confidence(3, 5)  # 2/5 and 4/10 are one float64: equal ratios tie


def test_the_most_trusted_answers_and_ties_go_to_the_base_then_to_the_smaller_k() -> None:
    assert choose_answerer([4, 5, 6], [0.5, 0.5, 0.5]) == 0
    assert choose_answerer([4, 5, 6], [0.5, 0.6, 0.6]) == 1
    assert choose_answerer([4, NOTHING, 6], [0.5, 0.9, 0.6]) == 2
    assert choose_answerer([4, NOTHING, NOTHING], [0.1, 0.9, 0.9]) == 0
