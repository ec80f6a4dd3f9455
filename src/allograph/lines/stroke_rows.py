"""The rows of strokes that a pen wrote one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.lines.hypotheses import line_height

LATELY = 8
"""Pieces of the row that a new one is compared with."""


def rows_by_time(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The row [n] of each piece, from their edges [n, 4] in the order in which they were written.

    A row begins where the pen goes back to the left and down, or far down.
    """
    height = line_height(edges)
    rows, row, start = np.zeros(len(edges), np.int64), 0, 0
    for piece in range(1, len(edges)):
        left, top, _, bottom = edges[piece]
        here, lately = edges[start:piece], edges[max(start, piece - LATELY) : piece]
        level = np.median((lately[:, 1] + lately[:, 3]) / 2)
        down = (top + bottom) / 2 - level
        far_below = top > lately[:, 3].max() + 0.4 * height and down > 1.8 * height
        returned = left < here[:, 2].max() - 2.5 * height and left < (here[:, 0].min() + here[:, 2].max()) / 2
        if far_below or (returned and down > 0.8 * height):
            row, start = row + 1, piece
        rows[piece] = row
    return rows
