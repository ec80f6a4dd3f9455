"""The formulas of "Learn the Way We Write" (Čugurović, Nikolić, Novaković), §3.3 and §3.4, one function each.

Equations are numbered as in docs/method.md; 1 and 2, of the styles (§3.2), are `allograph.styles.style_count` and `z_scores`.
Labels are places in the alphabet, which the writer's own labels follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

KS = (2, 4, 6, 8, 10)
"""Numbers of neighbours of the kNN classifiers (§3.4)."""
NOTHING = -1
"""The answer of a kNN classifier that has too few neighbours."""


def squared_distances(embeddings: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Euclidean distances [n, k] from embeddings [n, d] to points [k, d]."""
    difference = embeddings[:, None, :] - points
    return np.asarray(np.einsum("nkd,nkd->nk", difference, difference))


def nearest_style(embeddings: NDArray[np.float32], styles: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each embedding [n, d] the style [d] among those of one label [k, d] that is nearest to it (§3.3)."""
    nearest: NDArray[np.float64] = styles[squared_distances(embeddings, styles).argmin(axis=1)]
    return nearest


def update_mean(mean: NDArray[np.float64], count: int, styles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean [d] of `count` styles after more of them [m, d] have joined (§3.3, equation 3).

    >>> update_mean(np.array([1.0]), 3, np.array([[5.0]])).tolist()
    [2.0]
    """
    return mean + (styles - mean).sum(axis=0) / (count + len(styles))


def knn_answers(nearest_first: Sequence[tuple[int, int, str]]) -> list[int]:
    """The answer of each kNN classifier, given the pairs of p as (count, place of the true label, that label), the nearest first.

    A pair stands for `count` equal copies. A classifier with fewer than k copies has no answer; else the majority of the k
    nearest copies, and of equal majorities the label that is smallest by code point (§3.4, equation 4).

    >>> knn_answers([(1, 0, "a"), (4, 1, "b")])  # k = 2 ties: one copy of a, one of b
    [0, 1, -1, -1, -1]
    """
    copies = sum(count for count, _, _ in nearest_first)
    answers = []
    for k in KS:
        if copies < k:
            answers.append(NOTHING)
            continue
        left, best, best_name, most = k, NOTHING, "", 0
        for count, label, name in nearest_first:  # each label stands in one pair, so a pair's copies are its label's votes
            votes = min(count, left)
            if votes > most or (votes == most and name < best_name):
                best, best_name, most = label, name, votes
            left -= votes
            if not left:
                break
        answers.append(best)
    return answers


def confidence(wins: int, losses: int) -> float:
    """The confidence of an answerer in one label: (1 + wins) / (2 + wins + losses) (§3.4, equation 5).

    >>> confidence(0, 0), confidence(3, 1)
    (0.5, 0.6666666666666666)
    """
    return (1 + wins) / (2 + wins + losses)


def choose_answerer(answers: Sequence[int], confidences: Sequence[float]) -> int:
    """The answerer whose confidence in its own answer is highest; a tie goes to the base, then to the smaller k (equation 6).

    >>> choose_answerer([5, 7, NOTHING], [0.5, 0.8, 0.9])
    1
    """
    best = 0
    for answerer in range(1, len(answers)):
        if answers[answerer] != NOTHING and confidences[answerer] > confidences[best]:
            best = answerer
    return best
