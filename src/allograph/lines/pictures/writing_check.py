"""Whether ink can be a line of writing: strokes of one pen, rather than the blobs of a photograph or the dots of a pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.lines.pictures.components import Runs
from allograph.lines.pictures.ink import NOT_WRITING, highest_around

MOST_RUNS = 200_000
"""Runs of ink along the rows, at most."""
MOST_PARTS = 2_000
"""Connected parts of ink, at most."""
LITTLE, FEW = 0.01, 30
"""The share of a picture that is ink, and its parts, up to which ink may be of any form: dots, for one."""
SHORT = 2.5
"""Pens; three quarters of the parts may be no longer."""
THICK, MOST_THICK = 2.0, 0.2
"""Pens; places that are so thick are no strokes, and so much of the ink may be there: letters' loops fill up."""


def check_runs(runs: Runs, name: str) -> None:
    """Raise `ImageError` where ink is in so many runs that to look at its parts would take long."""
    if len(runs.row) > MOST_RUNS:
        raise ImageError(f"{name}: {NOT_WRITING}: it is in too many specks. Cut out one line, or a few")


def check_writing(mask: NDArray[np.bool_], runs: Runs, labels: NDArray[np.int64], pen: float, name: str) -> None:
    """Raise `ImageError`, naming the picture by `name`, where ink [h, w] cannot be writing by a `pen` of so many pixels.

    `labels` are the connected parts, from 0 on, that its `runs` belong to.
    """
    area = np.bincount(labels, runs.end - runs.start)
    if len(area) > MOST_PARTS:
        raise ImageError(f"{name}: {NOT_WRITING}: it has {len(area)} parts. Cut out one line, or a few")
    if len(area) <= FEW and area.sum() <= LITTLE * mask.size:
        return
    short = float(np.percentile(_sides(runs, labels, len(area)), 75)) < SHORT * pen
    if short or _thick(mask, int(THICK * pen) | 1) > MOST_THICK:
        raise ImageError(f"{name}: {NOT_WRITING}: its ink is in dots or blobs, not in strokes. Cut out one line, or a few")


def _sides(runs: Runs, labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """[count] the longer side of each part, in pixels."""
    ends = np.full((2, count), -1)
    starts = np.full((2, count), np.iinfo(np.int64).max)
    for axis, (start, end) in enumerate(((runs.start, runs.end), (runs.row, runs.row + 1))):
        np.minimum.at(starts[axis], labels, start)
        np.maximum.at(ends[axis], labels, end)
    return np.asarray((ends - starts).max(axis=0))


def _thick(mask: NDArray[np.bool_], side: int) -> float:
    """The share of ink that a square of ink covers."""
    paper = 255 * ~np.pad(mask, side // 2)
    inside = 255 - highest_around(paper.astype(np.uint8), side)
    return int(np.count_nonzero(highest_around(inside, side))) / max(int(np.count_nonzero(mask)), 1)
