"""Numbers that tell a space from a gap between letters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.hypotheses import FAR, Hypotheses

NUMBERS = 30
"""How many there are of a run."""
NARROW = 0.15
"""Added to gaps before their ratio is taken, in heights."""
STEEP = 0.1
"""Added to the jump from narrow to wide gaps before a distance is measured in it."""
UNKNOWN_SPLIT = 0.5
"""Where narrow and wide gaps part, in heights, as long as there are too few."""
MANY = 20
"""So many gaps in a row, or more, count as many."""


def gap_numbers(hypotheses: Hypotheses, path: NDArray[np.int64]) -> NDArray[np.float32]:
    """[q, 30] the gap before each run, against those between the runs of a path [n] through the line; 0 at a row's beginning.

    Against those of the whole line, and where these part best in narrow and wide ones (`split_gaps`); against those of its row,
    the one before and the one after it.
    """
    gaps, edges, height = hypotheses.gap_before, hypotheses.edges, hypotheses.height
    known = gaps[path][~np.isnan(gaps[path])]
    quarter, middle, upper, high = np.percentile(known, (25, 50, 75, 90)) if len(known) else (0.0, 0.0, 0.0, 0.0)
    widest = known.max() if len(known) else 0.0
    before = hypotheses.pieces[np.maximum(hypotheses.runs[:, 0] - 1, 0)]
    of_row = np.array([_of_row(gaps[path], hypotheses.row[path] == row) for row in range(hypotheses.rows.max() + 1)])
    row_middle, row_widest, row_narrowest, row_count = of_row[hypotheses.row].T
    last, next_ = _beside(hypotheses, path)
    split = split_gaps(known)
    wide = np.median(edges[path, 2] - edges[path, 0]) / height
    columns = [
        gaps,
        gaps - quarter,
        gaps - middle,
        gaps - upper,
        gaps - high,
        gaps - widest,
        np.full(len(gaps), middle),
        np.full(len(gaps), upper),
        np.full(len(gaps), high - upper),
        (edges[:, 2] - edges[:, 0]) / height,
        (edges[:, 3] - edges[:, 1]) / height,
        (before[:, 2] - before[:, 0]) / height,
        (before[:, 3] - before[:, 1]) / height,
        (before[:, 3] - edges[:, 3]) / height,
        gaps - row_middle,
        gaps - row_widest,
        gaps - row_narrowest,
        row_count,
        row_widest - row_middle,
        last,
        next_,
        gaps - last,
        gaps - next_,
        gaps - split.middle,
        np.full(len(gaps), split.share),
        np.full(len(gaps), split.apart),
        np.full(len(gaps), split.jump),
        np.log((np.maximum(gaps, 0) + NARROW) / (max(middle, 0) + NARROW)),
        np.full(len(gaps), wide),
        (gaps - split.middle) / (split.jump + STEEP),
    ]
    return np.clip(np.nan_to_num(np.stack(columns, axis=1), nan=0.0), -FAR, FAR).astype(np.float32)


class Split(NamedTuple):
    """Where gaps part best in two: narrow and wide ones."""

    middle: float
    """Between the widest narrow and the narrowest wide one."""
    share: float
    """Of their variance that the two explain, 0…1."""
    apart: float
    """From the mean narrow to the mean wide one."""
    jump: float
    """From the widest narrow to the narrowest wide one."""


def split_gaps(gaps: NDArray[np.float64]) -> Split:
    """Part gaps [n], in heights, with the least variance within (Otsu, 1979); of fewer than three nothing is known.

    >>> split_gaps(np.array([0.2, 1.0, 0.2, 0.2, 1.2])).middle
    0.6
    """
    if len(gaps) < 3:
        return Split(UNKNOWN_SPLIT, 0.0, 0.0, 0.0)
    ordered = np.sort(np.maximum(gaps, -NARROW * 2))
    sums, narrow = np.cumsum(ordered), np.arange(1, len(ordered))
    wide = len(ordered) - narrow
    means, upper = sums[:-1] / narrow, (sums[-1] - sums[:-1]) / wide
    between = narrow * wide / len(ordered) ** 2 * (upper - means) ** 2
    place = int(between.argmax())
    low, high = float(ordered[place]), float(ordered[place + 1])
    share = float(between[place] / (ordered.var() + 1e-6))
    return Split((low + high) / 2, share, float(upper[place] - means[place]), high - low)


def _of_row(gaps: NDArray[np.float64], here: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """The middle, the widest and the narrowest gap of a row, and how many there are, against many; 0 where there is none."""
    known = gaps[here & ~np.isnan(gaps)]
    if not len(known):
        return 0.0, 0.0, 0.0, 0.0
    return float(np.median(known)), float(known.max()), float(known.min()), min(len(known), MANY) / (MANY / 2)


def _beside(hypotheses: Hypotheses, path: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[q] the gap on the path before that of each run, and the one after; 0 where there is none."""
    gaps, starts = np.nan_to_num(hypotheses.gap_before[path]), hypotheses.runs[path, 0]
    first, after = hypotheses.runs.T
    earlier = np.searchsorted(starts, first) - 1  # the character that is before the run
    later = np.searchsorted(starts, after)
    there = np.minimum(later, len(path) - 1)
    follows = (later < len(path)) & (hypotheses.rows[starts[there]] == hypotheses.row)
    return np.where(earlier >= 0, gaps[np.maximum(earlier, 0)], 0.0), np.where(follows, gaps[there], 0.0)
