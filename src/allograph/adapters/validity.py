"""Which embeddings can be learned from, and logits made finite: constant, infinite or huge numbers must spoil nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LENGTH_RATIO = 1e4
"""An embedding so many times longer or shorter than is usual is no character's."""
LARGEST_NUMBER = 1e15
"""Numbers beyond this, and below its inverse, have squares that float32 cannot hold."""
CONSTANT_RATIO = 1e-6
"""Numbers that differ by less than this share of the largest are constant."""
FEW_NUMBERS = 3
"""An embedding of fewer numbers than this may be constant, or 0."""
NO_OPINION = -25.0
"""Log-probabilities below this do not count when two opinions of the base are compared."""
OPINION_TOLERANCE = 0.05
"""Log-probabilities of the same opinion differ by no more, a constant aside; half precision changes them by less."""


def valid_rows(rows: NDArray[np.floating], length: float | None = None) -> NDArray[np.bool_]:
    """Which rows [n, d] can be learned from: bool [n].

    Those that are finite and not constant, and `LENGTH_RATIO` times longer or shorter than the usual `length`, where that is
    given, at most.
    """
    if not rows.shape[1]:
        return np.zeros(len(rows), bool)
    few = rows.shape[1] < FEW_NUMBERS
    extremes = zip(np.maximum.reduce(rows, axis=1).tolist(), np.minimum.reduce(rows, axis=1).tolist(), strict=True)
    valid = np.array([_is_valid(high, low, few) for high, low in extremes], bool)
    if length:
        with np.errstate(invalid="ignore", over="ignore"):
            square = np.vecdot(rows, rows)
        valid &= square <= (LENGTH_RATIO * length) ** 2
        if not few:
            valid &= square >= (length / LENGTH_RATIO) ** 2
    return valid


def _is_valid(high: float, low: float, few: bool) -> bool:
    """The same of one row, by its extremes, both of which are NaN where one number is: quick for a single reading."""
    peak = max(high, -low)
    return peak <= LARGEST_NUMBER and (few or (peak >= 1 / LARGEST_NUMBER and high - low > CONSTANT_RATIO * peak))


def median_length(rows: Floats) -> float:
    """The median Euclidean length of valid rows [n, d]; 0 where there is none."""
    return float(np.median(np.sqrt(np.vecdot(rows, rows)))) if len(rows) else 0.0


def repair_logits(logits: Floats) -> Floats:
    """Logits [n, C] whose every row has a finite maximum; `logits` itself where they have it already.

    NaN becomes −inf, a label that is not on offer. An infinite logit is the answer. Where no label is on offer, all are equally
    likely.
    """
    if not logits.shape[1] or all(map(math.isfinite, np.maximum.reduce(logits, axis=1).tolist())):
        return logits
    repaired = np.where(np.isnan(logits), np.float32(-np.inf), logits)
    highest = repaired.max(axis=1, keepdims=True)
    repaired = np.where(highest == np.inf, np.where(repaired == np.inf, np.float32(0), np.float32(-LARGEST_NUMBER)), repaired)
    return np.where(highest == -np.inf, np.float32(0), repaired).astype(np.float32)


def same_opinion(logs: Floats, others: Floats) -> NDArray[np.bool_]:
    """Whether the base's log-probabilities `logs`, [k] or [m, k], are as of each of `others` [m, k], a constant aside: bool [m].

    Labels that were as good as impossible, or not on offer, for one of two do not count.
    """
    both = (logs > NO_OPINION) & (others > NO_OPINION)
    apart = np.subtract(logs, others, out=np.zeros(both.shape, np.float32), where=both)
    highest, lowest = apart.max(axis=1, where=both, initial=-np.inf), apart.min(axis=1, where=both, initial=np.inf)
    return np.asarray(highest - lowest <= OPINION_TOLERANCE)  # −inf where they have no label in common
