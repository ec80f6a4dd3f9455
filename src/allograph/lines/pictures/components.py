"""The connected parts of ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Runs:
    """Ink as runs of pixels along its rows, from the top left on."""

    row: NDArray[np.int64]
    """[n]"""
    start: NDArray[np.int64]
    """[n] the first column."""
    end: NDArray[np.int64]
    """[n] the column after the last."""

    def choose(self, which: NDArray[np.bool_]) -> Runs:
        """Those that are marked, [n]."""
        return Runs(self.row[which], self.start[which], self.end[which])


def find_runs(mask: NDArray[np.bool_]) -> Runs:
    """The runs of a mask [h, w]."""
    width = mask.shape[1] + 1
    padded = np.zeros(mask.shape[0] * width + 1, np.bool_)  # a gap after each row, and one before the first
    padded[1:].reshape(-1, width)[:, :-1] = mask
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    row, start = np.divmod(turns[::2], width)
    return Runs(row, start, turns[1::2] - row * width)


def label_runs(runs: Runs) -> NDArray[np.int64]:
    """[n] the connected part that each run belongs to, from 0 on; pixels that touch by a corner are connected."""
    width = int(runs.end.max(initial=0)) + 2
    start, end = runs.row * width + runs.start, runs.row * width + runs.end
    first = np.searchsorted(end, start + width, "left")  # of the runs below that touch this one
    count = np.searchsorted(start, end + width, "right") - first
    above = np.repeat(np.arange(len(start)), count)
    below = np.arange(len(above)) - np.repeat(np.cumsum(count) - count, count) + first[above]
    parent = np.arange(len(start))
    while len(above):
        one, other = parent[above], parent[below]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(parent, shorter := parent[parent]):
            parent = shorter
        apart = parent[above] != parent[below]
        above, below = above[apart], below[apart]
    return np.unique(parent, return_inverse=True)[1]


def draw_runs(runs: Runs, values: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.int32]:
    """[h, w] the value of each run, and -1 where there is none."""
    length = runs.end - runs.start
    drawn = np.full(shape, -1, np.int32)
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    drawn[np.repeat(runs.row, length), np.repeat(runs.start, length) + place] = np.repeat(values, length)
    return drawn
