"""How likely the next sample is of a label that the writer was never corrected to."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

RARE = 0.02
"""The share of new labels that a method allows for by itself."""
ORDINARY = 0.1
"""So improbable may so few repeats be among labels that came as they come; fewer speak for a writer who taught each label once."""


def unseen_factor(counts: NDArray[np.integer]) -> float:
    """By how much a label with no sample is likelier than a method thinks, from the number of samples of each label [C].

    The share of new labels is Good's and Turing's N₁ / N, the labels that came once among all samples (Good, 1953), unless
    labels repeat less than chance lets them: who teaches one sample of each label brings nothing new next.

    >>> round(unseen_factor(np.array([3, 1, 0, 0])), 1), unseen_factor(np.ones(94, int)) < 1.1
    (26.0, True)
    """
    total, once = int(counts.sum()), int(np.count_nonzero(counts == 1))
    if not total:
        return 1.0
    repeats, expected = total - int(np.count_nonzero(counts)), total * (total - 1) / (2 * len(counts))
    chance = min(1.0, _at_most(repeats, expected) / ORDINARY)
    share = chance * (once + 1) / (total + 2)
    return (share + RARE) / RARE


def _at_most(events: int, expected: float) -> float:
    """The probability of so many events or fewer, where so many are expected (Poisson)."""
    if events >= expected:
        return 1.0
    logs = [i * math.log(expected) - expected - math.lgamma(i + 1) for i in range(events + 1)]
    return float(np.exp(np.logaddexp.reduce(logs)))
