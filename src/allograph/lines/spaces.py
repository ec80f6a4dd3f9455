"""Numbers that tell a space from a gap between letters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.lines.hypotheses import FAR, Hypotheses

NUMBERS = 14
"""How many there are of a run."""


def gap_numbers(hypotheses: Hypotheses, path: NDArray[np.int64]) -> NDArray[np.float32]:
    """[q, 14] the gap before each run, against those between the runs of a path [n] through the line; 0 at a row's beginning."""
    gaps = hypotheses.gap_before
    known = gaps[path][~np.isnan(gaps[path])]
    quarter, middle, upper, high = np.percentile(known, (25, 50, 75, 90)) if len(known) else (0.0, 0.0, 0.0, 0.0)
    widest = known.max() if len(known) else 0.0
    edges, height = hypotheses.edges, hypotheses.height
    before = hypotheses.pieces[np.maximum(hypotheses.runs[:, 0] - 1, 0)]
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
    ]
    return np.clip(np.nan_to_num(np.stack(columns, axis=1), nan=0.0), -FAR, FAR).astype(np.float32)
