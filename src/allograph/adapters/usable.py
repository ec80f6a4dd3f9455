"""Which numbers can be learned from: what is constant, not finite or out of all measure says nothing, and must spoil nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FAR = 1e4
"""A sample so many times longer or shorter than is usual is none of a hand's."""
LARGEST = 1e15
"""Numbers beyond this, and below its inverse, have squares that float32 cannot hold."""
FLAT = 1e-6
"""Numbers that differ by less than this share of the largest are constant."""
SOME = 3
"""Of fewer numbers than this, that they are the same, or 0, is no sign that something is amiss."""
UNLIKELY = -25.0
"""Log-probabilities below this are no opinion."""
AGREE = 0.05
"""Two opinions of the base that differ by no more, a constant aside, are the same; half precision moves them by less."""


def usable(rows: NDArray[np.floating], length: float | None = None) -> NDArray[np.bool_]:
    """Which rows [n, d] say something: bool [n].

    Those do that are finite and not constant, and whose length is not out of all proportion to the usual `length`, where that is
    known.
    """
    if not rows.shape[1]:
        return np.zeros(len(rows), bool)
    few = rows.shape[1] < SOME
    extremes = zip(rows.max(axis=1).tolist(), rows.min(axis=1).tolist(), strict=True)
    told = np.array([_is_usable(high, low, few) for high, low in extremes], bool)
    if length:
        with np.errstate(invalid="ignore", over="ignore"):
            square = np.vecdot(rows, rows)
        told &= square <= (FAR * length) ** 2
        if not few:
            told &= square >= (length / FAR) ** 2
    return told


def _is_usable(high: float, low: float, few: bool) -> bool:
    """The same of one row, by its extremes, both of which are NaN where one number is. Single readings have no time for more."""
    peak = max(high, -low)
    return peak <= LARGEST and (few or (peak >= 1 / LARGEST and high - low > FLAT * peak))


def usual_length(rows: Floats) -> float:
    """The median length of usable rows [n, d]; 0 where there is none."""
    return float(np.median(np.sqrt(np.vecdot(rows, rows)))) if len(rows) else 0.0


def without_faults(logits: Floats) -> Floats:
    """Logits [n, C] whose every row has a finite highest, as a base that works gives them: those very ones, if it does.

    NaN counts as not on offer. An infinite logit is the answer; where nothing is on offer, all labels are equally likely.
    """
    if not logits.shape[1] or np.isfinite(logits.max(axis=1)).all():
        return logits
    found = np.where(np.isnan(logits), np.float32(-np.inf), logits)
    highest = found.max(axis=1, keepdims=True)
    found = np.where(highest == np.inf, np.where(found == np.inf, np.float32(0), np.float32(-LARGEST)), found)
    return np.where(highest == -np.inf, np.float32(0), found).astype(np.float32)


def agree(logs: Floats, others: Floats) -> NDArray[np.bool_]:
    """Whether the base said the same of one sample, log-probabilities [k] or [m, k], as of others [m, k]: bool [m].

    Labels that were as good as impossible, or not on offer, for one of two do not count.
    """
    both = (logs > UNLIKELY) & (others > UNLIKELY)
    apart = np.where(both, logs, 0) - np.where(both, others, 0)
    highest, lowest = np.where(both, apart, -np.inf).max(axis=1), np.where(both, apart, np.inf).min(axis=1)
    return np.asarray(highest - lowest <= AGREE)  # −inf where they have no label in common
