"""The order of a line's pieces: as they were written, but dots and bars that came late stand beside their letter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

APART = 0.05
"""A piece that is this far, in the line's heights, from the one before it may belong to an earlier one."""
NEARER = 0.2
"""It does, where that one is nearer by this much, in the line's heights."""

LEAN = 0.1
"""Late dots lie so far, in the line's heights, to the right of their letter's middle."""


def order_late_pieces(edges: NDArray[np.float64], rows: NDArray[np.int64], height: float) -> NDArray[np.int64]:
    """The places [n] of pieces in the order in which they are read, from edges [n, 4] and rows [n] as they were written.

    Row by row. A piece is late where it ends left of what was written, and an earlier piece of its row, not the one written
    before it, is nearest along the row: it is read right after that one.
    """
    order: list[int] = []
    for row in np.unique(rows).tolist():
        read: list[int] = []
        for piece in np.flatnonzero(rows == row).tolist():
            read.insert(_place(edges, read, piece, height), piece)
        order += read
    return np.array(order, np.int64)


def _place(edges: NDArray[np.float64], read: list[int], piece: int, height: float) -> int:
    """Where a piece belongs among those of its row that were written before it."""
    if len(read) < 2:
        return len(read)
    left, right = edges[read, 0], edges[read, 2]
    gaps = np.maximum(left, edges[piece, 0]) - np.minimum(right, edges[piece, 2])
    written_before = read.index(max(read))
    last = float(gaps[written_before])
    goes_on = edges[piece, 2] >= right.max()
    if goes_on or last <= APART * height or gaps.min() >= last - NEARER * height:
        return len(read)
    away = np.abs(left + right - edges[piece, 0] - edges[piece, 2] + 2 * LEAN * height)
    away[gaps > max(0.0, float(gaps.min())) + NEARER * height] = np.inf
    return int(np.flatnonzero(away == away.min())[-1]) + 1
