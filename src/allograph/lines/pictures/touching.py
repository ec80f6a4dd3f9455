"""Connected ink that several characters may share, taken apart: rather too often than too seldom, for pieces are joined again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WIDE = 0.9
"""Usual heights; wider ink may be several characters."""
NARROW, WIDER, BRANCHED = 0.6, 1.6, 6
"""So may ink that is wider than the first in usual heights, and either than the second in usual widths or of so many branches."""
HIGH = 2.0
"""Usual heights; higher ink may be characters of several rows."""
LARGE = 0.3
"""Usual heights; a stroke is cut at a junction where it is larger on both sides."""
LONG = 0.7
"""Usual heights; a longer path is cut where it is all that a vertical line meets."""
END = 0.25
"""Usual heights from the ends of a path within which that is not done."""
TINY = 0.15
"""Usual heights; smaller parts are joined to what they touch."""
ONE = 1.6
"""Usual heights; ink that is narrower may be one character, and is left in at most `MOST` parts."""
MOST = 5
"""Pieces that are joined to a character, at most."""
LETTER = 0.4
"""Usual heights of what counts for the usual width."""

Path = NDArray[np.float64]
Stroke = Sequence[Path]
"""From junction to junction."""
Part = list[Path]


def part_ink(components: Sequence[Sequence[Stroke]], pen: float) -> list[list[Part]]:
    """The parts of each connected component, given by its strokes, drawn by a `pen` of so many pixels.

    Parts of one list lie in one row: a component that may reach over rows gives a list for each of its parts.
    """
    sizes = np.array([_size(path for stroke in strokes for path in stroke) for strokes in components])
    usual = max(float(np.percentile(sizes[:, 1], 75)), pen)
    letters = sizes[:, 1] > LETTER * usual
    doubtful = NARROW * usual
    wide = max(WIDER * float(np.median(sizes[letters, 0])), doubtful) if letters.any() else doubtful
    found: list[list[Part]] = []
    for strokes, (width, height) in zip(components, sizes.tolist(), strict=True):
        branches = sum(map(len, strokes))
        if height > HIGH * usual:
            found.extend([part] for part in _take_apart(strokes, usual, None))
        elif width > WIDE * usual or (width > wide and branches > 1) or (width > doubtful and branches >= BRANCHED):
            found.append(_take_apart(strokes, usual, MOST if width < ONE * usual else None))
        else:
            found.append([[np.concatenate(stroke) for stroke in strokes]])
    return found


def _size(paths: Iterable[Path]) -> Path:
    """Width and height, [2]."""
    return np.ptp(np.concatenate(list(paths)), axis=0)


def _take_apart(strokes: Sequence[Stroke], usual: float, most: int | None) -> list[Part]:
    """Cut the strokes at junctions and where nothing else is above or below; join what is tiny, and what is too many."""
    paths = [path for stroke in strokes for path in _cut_at_junctions(stroke, LARGE * usual)]
    parts = [[path] for path in _cut_between(paths, usual)]
    sizes = [float(_size(part).max()) for part in parts]
    while len(parts) > 1:
        least = int(np.argmin(sizes))
        if sizes[least] >= TINY * usual and (most is None or len(parts) <= most):
            break
        small = parts.pop(least)
        sizes.pop(least)
        nearest = min(range(len(parts)), key=lambda other: (_gap(small, parts[other]), sizes[other]))
        parts[nearest] += small
        sizes[nearest] = float(_size(parts[nearest]).max())
    return parts


def _gap(one: Part, other: Part) -> int:
    """Whole pixels, with two for none, from an end of a path to the other part."""
    ends = np.array([end for path in one for end in (path[0], path[-1])])
    return int(min(np.hypot(*(path[:, None] - ends).T).min() for path in other) // 3)


def _cut_at_junctions(stroke: Stroke, least: float) -> list[Path]:
    """Cut a stroke at each junction beside which enough of it lies on both sides."""
    found, begun = [], 0
    for at in range(1, len(stroke)):
        if min(_size(stroke[begun:at]).max(), _size(stroke[at:]).max()) >= least:
            found.append(np.concatenate(stroke[begun:at]))
            begun = at
    return [*found, np.concatenate(stroke[begun:])]


def _cut_between(paths: Sequence[Path], usual: float) -> list[Path]:
    """Cut long paths in the middle of each stretch along which a vertical line meets nothing else."""
    met, left = _met_by_verticals(paths)
    found = []
    for path in paths:
        if np.ptp(path[:, 0]) < LONG * usual:
            found.append(path)
            continue
        alone = met[(path[:, 0] - left).astype(int)] <= 1
        turns = np.diff(np.concatenate([[False], alone, [False]]).astype(int))
        far = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        cuts = [0]
        for first, after in zip(np.flatnonzero(turns == 1).tolist(), np.flatnonzero(turns == -1).tolist(), strict=True):
            begin, end = max(far[first], END * usual), min(far[after - 1], far[-1] - END * usual)
            if begin <= end and path[first, 0] != path[after - 1, 0]:
                cuts.append(int(np.searchsorted(far, (begin + end) / 2)))
        found.extend(path[one : other + 1] for one, other in pairwise([*cuts, len(path) - 1]))
    return found


def _met_by_verticals(paths: Sequence[Path]) -> tuple[NDArray[np.int64], int]:
    """How often a vertical line through the middle of each column meets the paths, and the first column."""
    columns = np.concatenate([path[:, 0] for path in paths])
    left = int(columns.min())
    turns = np.zeros(int(columns.max()) - left + 3, np.int64)
    for path in paths:
        middles = np.ceil(path[:, 0] - left - 0.5).astype(int)
        np.add.at(turns, np.minimum(middles[:-1], middles[1:]), 1)
        np.add.at(turns, np.maximum(middles[:-1], middles[1:]), -1)
    return np.cumsum(turns), left
