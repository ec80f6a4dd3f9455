"""What the numbers of a writer's samples of each label say: how likely a new label is, and whether labels were chosen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

RARE = 0.02
"""The share of new labels that a method allows for by itself."""
ORDINARY = 0.1
"""So improbable may so few repeats be among labels that came as they come."""
HALF = 0.5
"""Samples that each label is given beside those it has."""


def unseen_factor(counts: NDArray[np.integer]) -> float:
    """By how much a label with no sample is likelier than a method thinks, from the number of samples of each label [C].

    The share of new labels is Good's and Turing's N₁ / N, the labels that came once among all samples (Good, 1953), unless
    labels were chosen to be taught: who teaches one sample of each label brings nothing new next.

    >>> round(unseen_factor(np.array([3, 1, 0, 0])), 1), round(unseen_factor(np.ones(94, int)), 1)
    (17.7, 1.0)
    """
    total, once = int(counts.sum()), int(np.count_nonzero(counts == 1))
    share = (1 - chosen(counts)) * (once + 1) / (total + 2) if total else 0.0
    return (share + RARE) / RARE


def chosen_odds(counts: NDArray[np.integer], frequencies: NDArray[np.floating]) -> NDArray[np.float32]:
    """By how much each label's log-probability [C] is higher among a writer's samples than where labels come as they come.

    That is 0 unless the labels were chosen to be taught. Whoever learns from such samples takes it into account, or learns that
    all labels are equally frequent (as in case-control studies: King and Zeng, 2001). `frequencies` [C] sum to 1.
    """
    shares = (counts + HALF) / (counts.sum() + HALF * len(counts))
    return np.asarray(chosen(counts) * np.log(shares / frequencies), np.float32)


def chosen(counts: NDArray[np.integer]) -> float:
    """How surely labels with these numbers of samples [C] were chosen to be taught, 0…1: they repeat less than chance lets them.

    >>> chosen(np.array([3, 1, 0, 0])), round(chosen(np.ones(94, int)), 3)
    (0.0, 1.0)
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    repeats = total - int(np.count_nonzero(counts))
    expected = total - len(counts) * (1 - (1 - 1 / len(counts)) ** total)  # where all labels are equally frequent: at least
    return max(0.0, 1.0 - _at_most(repeats, expected) / ORDINARY)


def _at_most(events: int, expected: float) -> float:
    """The probability of so many events or fewer, where so many are expected (Poisson)."""
    if events >= expected:
        return 1.0
    logs = [i * math.log(expected) - expected - math.lgamma(i + 1) for i in range(events + 1)]
    return float(np.exp(np.logaddexp.reduce(logs)))
