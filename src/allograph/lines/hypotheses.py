"""Hypotheses: every run of a few pieces of a line, in order, may be one character."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

LONGEST_RUN = 5
"""Pieces of one character, at most."""
WIDEST_GAP = 0.8
"""Pieces of one character are never further apart, in the line's heights."""
WIDEST = 3.0
"""No character of several pieces is wider, in the line's heights."""
NEAR = 3
"""So many pieces before and after a run are its neighbours."""
FAR = 3.0
"""Numbers that describe a run are kept within this, in the line's heights."""
HEIGHT_PERCENTILE = 70.0
"""The line's height is this percentile of its pieces' heights: about that of a letter, whatever dots and bars there are."""
FLAT = 0.15
"""Pieces that are all lower than this share of the distance from one to the next are dots and bars."""
GEOMETRY = 29
"""Numbers that describe the geometry of a run."""


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The runs of a line of p pieces that may be characters, the first piece's first: each single piece is one."""

    runs: Places
    """[q, 2] the first piece of each run, and the one after its last."""
    edges: Floats
    """[q, 4] left, top, right and bottom."""
    pieces: Floats
    """[p, 4] those of the pieces."""
    rows: Places
    """[p] the row of each piece."""
    height: float
    """The line's, in its unit."""
    ends: Floats
    """[p, 4] x and y of the first and the last point of each piece."""

    @classmethod
    def of(cls, pieces: Floats, rows: Places, ends: Floats) -> Hypotheses:
        """Of at least one piece, in order, with their edges [p, 4], rows [p] and ends [p, 4]."""
        count, height = len(pieces), line_height(pieces)
        found: list[Places] = []
        for length in range(1, min(LONGEST_RUN, count) + 1):
            first = np.arange(count - length + 1)
            if length > 1:
                first = first[_may_be_one(pieces, rows, first, length, height)]
            found.append(np.stack([first, first + length], axis=1))
        runs = np.concatenate(found)
        runs = runs[np.lexsort((runs[:, 1], runs[:, 0]))]
        return cls(runs, _edges_of_runs(pieces, runs), pieces, rows, height, ends)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def row(self) -> Places:
        """[q] the row of each run."""
        rows: Places = self.rows[self.runs[:, 0]]
        return rows

    @cached_property
    def gap_before(self) -> Floats:
        """[q] from the right edge of the few pieces before a run in its row to its left edge, in heights; NaN for the first."""
        return _gap(self.runs[:, 0], self.edges[:, 0], self.pieces[:, 2], self.rows, -1) / self.height

    @cached_property
    def geometry(self) -> NDArray[np.float32]:
        """[q, 29] how each run lies, and how its neighbours do, in the line's heights."""
        height, edges, pieces, rows = self.height, self.edges, self.pieces, self.rows
        first, after = self.runs.T
        lengths = after - first
        wide, high = (edges[:, 2] - edges[:, 0]) / height, (edges[:, 3] - edges[:, 1]) / height
        middle, bottom = _row_levels(pieces, rows, height)
        row = self.row
        across, inner_gap, least_gap = self._inside()
        gap_after = _gap(after - 1, edges[:, 2], pieces[:, 0], rows, 1) / height
        before = _neighbour(edges, pieces, rows, first, -1, height)
        behind = _neighbour(edges, pieces, rows, after - 1, 1, height)
        pen_before = self._travel(first, -1)
        pen_after = self._travel(after - 1, 1)
        columns = [
            *((lengths == length).astype(np.float64) for length in range(1, LONGEST_RUN + 1)),
            wide,
            high,
            np.log(high + 0.05),
            np.log(wide + 0.05),
            (edges[:, 1] - middle[row]) / height,
            (edges[:, 3] - middle[row]) / height,
            (edges[:, 3] - bottom[row]) / height,
            inner_gap,
            least_gap,
            across,
            np.clip(np.nan_to_num(self.gap_before, nan=2.0), -2, 2),
            np.clip(np.nan_to_num(gap_after, nan=2.0), -2, 2),
            before[0],
            behind[0],
            pen_before,
            pen_after,
            np.isnan(self.gap_before).astype(np.float64),
            np.isnan(gap_after).astype(np.float64),
            before[1],
            behind[1],
            before[2],
            behind[2],
            before[3],
            behind[3],
        ]
        return np.clip(np.stack(columns, axis=1), -FAR, FAR).astype(np.float32)

    def _inside(self) -> tuple[Floats, Floats, Floats]:
        """[q] the longest way of the pen between pieces, the widest and the narrowest gap between them; 0, −1, −1 for one."""
        first, after = self.runs.T
        across, widest, narrowest = np.zeros(len(self)), np.full(len(self), -1.0), np.full(len(self), -1.0)
        right = self.pieces[first, 2]
        for step in range(1, LONGEST_RUN):
            (longer,) = np.nonzero(first + step < after)
            piece = first[longer] + step
            gap = (self.pieces[piece, 0] - right[longer]) / self.height
            widest[longer] = gap if step == 1 else np.maximum(widest[longer], gap)
            narrowest[longer] = gap if step == 1 else np.minimum(narrowest[longer], gap)
            way = np.hypot(*(self.ends[piece, :2] - self.ends[piece - 1, 2:]).T) / self.height
            across[longer] = np.maximum(across[longer], way)
            right[longer] = np.maximum(right[longer], self.pieces[piece, 2])
        return across, np.maximum(widest, -1), np.maximum(narrowest, -1)

    def _travel(self, place: Places, step: int) -> Floats:
        """[q] the pen's way from a run, whose piece at an end is at `place`, to its neighbour; `FAR` where there is none."""
        there, known = _beside(place, step, self.rows)
        here, end = (slice(0, 2), slice(2, 4)) if step < 0 else (slice(2, 4), slice(0, 2))
        away = np.hypot(*(self.ends[place, here] - self.ends[there, end]).T) / self.height
        return np.where(known, np.minimum(away, FAR), FAR)


def line_height(pieces: Floats) -> float:
    """The height of a line's letters, about, from the edges [p, 4] of its pieces.

    Where all are dots and bars, as in `:` or `=`, it is found from how far they are apart; 1 where they have no extent at all.
    """
    heights, widths = pieces[:, 3] - pieces[:, 1], pieces[:, 2] - pieces[:, 0]
    across, down = pieces[:, 2:].max(axis=0) - pieces[:, :2].min(axis=0)
    gaps = float(across - widths.sum())
    if heights.max() < FLAT * max(float(down), gaps) / len(pieces):
        return max(float(down), 2 * gaps / len(pieces))
    return float(np.percentile(heights, HEIGHT_PERCENTILE)) or float(heights.max()) or float(widths.max()) or 1.0


def _may_be_one(pieces: Floats, rows: Places, first: Places, length: int, height: float) -> NDArray[np.bool_]:
    """Which runs of a length, from their first pieces, are in one row, narrow, and without wide gaps."""
    left, right = pieces[first, 0].copy(), pieces[first, 2].copy()
    sound = rows[first] == rows[first + length - 1]
    for step in range(1, length):
        piece = pieces[first + step]
        sound &= np.maximum(piece[:, 0] - right, left - piece[:, 2]) <= WIDEST_GAP * height
        np.minimum(left, piece[:, 0], out=left)
        np.maximum(right, piece[:, 2], out=right)
    return sound & (right - left <= WIDEST * height)


def _edges_of_runs(pieces: Floats, runs: Places) -> Floats:
    edges = pieces[runs[:, 0]].copy()
    for step in range(1, LONGEST_RUN):
        (longer,) = np.nonzero(runs[:, 0] + step < runs[:, 1])
        piece = pieces[runs[longer, 0] + step]
        edges[longer, :2] = np.minimum(edges[longer, :2], piece[:, :2])
        edges[longer, 2:] = np.maximum(edges[longer, 2:], piece[:, 2:])
    return edges


def _beside(place: Places, step: int, rows: Places) -> tuple[Places, NDArray[np.bool_]]:
    """The pieces `step` from those at a place, and whether they are there and in the same row."""
    there = np.clip(place + step, 0, len(rows) - 1)
    return there, (there == place + step) & (rows[there] == rows[place])


def _gap(place: Places, edge: Floats, other: Floats, rows: Places, step: int) -> Floats:
    """From the runs' edges to the nearest of the other edges of the few pieces before (step −1) or after (1); NaN for none."""
    nearest = np.full(len(place), -np.inf)
    for away in range(1, NEAR + 1):
        there, known = _beside(place, step * away, rows)
        nearest[known] = np.maximum(nearest[known], -step * other[there[known]])
    return np.where(np.isinf(nearest), np.nan, -step * edge - nearest)


def _neighbour(edges: Floats, pieces: Floats, rows: Places, place: Places, step: int, height: float) -> list[Floats]:
    """How far a run and its neighbouring piece overlap in x and in y, and how wide and high that is; 0 where there is none."""
    there, known = _beside(place, step, rows)
    other = pieces[there]
    numbers = [
        np.minimum(edges[:, 2], other[:, 2]) - np.maximum(edges[:, 0], other[:, 0]),
        np.minimum(edges[:, 3], other[:, 3]) - np.maximum(edges[:, 1], other[:, 1]),
        other[:, 2] - other[:, 0],
        other[:, 3] - other[:, 1],
    ]
    return [np.where(known, number / height, 0.0) for number in numbers]


def _row_levels(pieces: Floats, rows: Places, height: float) -> tuple[Floats, Floats]:
    """The middle and the bottom of most pieces of each row; dots and bars have no say in the bottom."""
    middle, bottom = np.zeros(rows.max() + 1), np.zeros(rows.max() + 1)
    for row in np.unique(rows).tolist():
        here = pieces[rows == row]
        tall = here[here[:, 3] - here[:, 1] > 0.3 * height]
        middle[row] = np.median((here[:, 1] + here[:, 3]) / 2)
        bottom[row] = np.median((tall if len(tall) else here)[:, 3])
    return middle, bottom
