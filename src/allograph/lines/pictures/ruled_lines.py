"""Ruled lines of the paper, taken out of the ink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.lines.pictures.components import Runs, find_runs, label_runs

LONG = 25
"""Pens; no stroke of a character has a longer run of ink along a row."""
ACROSS = 0.6
"""The share of the picture's width that a ruled line reaches over, at least."""
FRINGE = 2
"""Pixels above and below a ruled line's runs that are its edge."""


def remove_ruled_lines(mask: NDArray[np.bool_], pen: float) -> NDArray[np.bool_]:
    """Ink [h, w], drawn by a `pen` of so many pixels, without long thin level lines; strokes that cross them stay whole."""
    runs = find_runs(mask)
    long = runs.end - runs.start >= LONG * pen
    if not long.any():
        return mask
    runs = runs.choose(long)
    labels = label_runs(runs)
    kept = mask.copy()
    for label in range(int(labels.max()) + 1):
        line = runs.choose(labels == label)
        left, right = int(line.start.min()), int(line.end.max())
        if right - left >= ACROSS * mask.shape[1]:
            _remove(kept, mask, line, left, right)
    return kept


def _remove(kept: NDArray[np.bool_], mask: NDArray[np.bool_], line: Runs, left: int, right: int) -> None:
    """Take a line out of `kept`, but for the columns in which more ink stands on it or hangs from it."""
    top = np.full(right - left, len(mask))
    bottom = np.full(right - left, -1)
    for row, start, end in zip(line.row.tolist(), line.start.tolist(), line.end.tolist(), strict=True):
        part = np.s_[start - left : end - left]
        top[part] = np.minimum(top[part], row)
        bottom[part] = np.maximum(bottom[part], row)
    padded = np.pad(mask, ((FRINGE + 1, FRINGE + 1), (0, 0)))
    columns = np.flatnonzero(bottom >= 0)
    above = padded[top[columns], left + columns]  # the pixel beyond the fringe
    below = padded[bottom[columns] + 2 * FRINGE + 2, left + columns]
    for column in columns[~above & ~below].tolist():
        kept[max(0, top[column] - FRINGE) : bottom[column] + FRINGE + 1, left + column] = False
