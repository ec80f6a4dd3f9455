"""The true cuts of a line, where the character of each stroke is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allograph.lines.line_ink import LineInk


def true_runs(ink: LineInk, characters: NDArray[np.integer]) -> NDArray[np.int64]:
    """[m] the hypothesis that is each character, −1 where none has just its pieces; `characters` [strokes] are the strokes'."""
    of_piece = np.asarray(characters)[ink.sources]
    firsts = np.flatnonzero(np.diff(of_piece, prepend=-1) != 0)
    ends = np.append(firsts[1:], len(of_piece))
    found = np.full(int(of_piece.max()) + 1, -1, np.int64)
    known = {(first, end): place for place, (first, end) in enumerate(ink.hypotheses.runs.tolist())}
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        character = int(of_piece[first])
        parted = np.count_nonzero(of_piece == character) != end - first
        found[character] = -1 if parted else known.get((first, end), -1)
    return found


NEAR = 5.0
"""Ink that is nearer, in steps, is the same."""
FOREIGN = 0.1
"""The share of a run's ink that may be another character's, and of a character's ink that may be missing."""


def true_runs_in_picture(
    ink: LineInk, strokes: Sequence[NDArray[np.float64]], characters: NDArray[np.integer], step: float
) -> NDArray[np.int64]:
    """[m] the hypothesis of a picture's ink that is each character of the strokes it was drawn from, −1 where none is.

    `strokes` are in the picture's coordinates. Ink is compared at points `step` apart: each belongs to the character whose stroke
    is nearest.
    """
    written = [_points(stroke, step) for stroke in strokes]
    whose = np.repeat(np.asarray(characters, np.int64), [len(points) for points in written])
    points = np.concatenate(written)
    found = [np.concatenate([_points(path, step) for path in piece.paths]) for piece in ink.pieces]
    count = int(whose.max()) + 1
    shares = np.zeros((len(found), count))
    for piece, places in enumerate(found):
        near = _distances(points, places).argmin(axis=0)
        shares[piece] = np.bincount(whose[near], minlength=count)
    mostly, total = shares.argmax(axis=1), shares.sum(axis=1)
    known = {(first, end): place for place, (first, end) in enumerate(ink.hypotheses.runs.tolist())}
    runs = np.full(count, -1, np.int64)
    for character in range(count):
        (mine,) = np.nonzero(mostly == character)
        if not len(mine) or mine[-1] - mine[0] + 1 != len(mine):
            continue
        here = np.concatenate([found[piece] for piece in mine.tolist()])
        missing = (_distances(points[whose == character], here).min(axis=1) > NEAR * step).mean()
        if missing <= FOREIGN and shares[mine, character].sum() >= (1 - FOREIGN) * total[mine].sum():
            runs[character] = known.get((int(mine[0]), int(mine[-1]) + 1), -1)
    return runs


def _distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, m] along x and y together."""
    distances: NDArray[np.float64] = np.abs(points[:, 0, None] - others[:, 0]) + np.abs(points[:, 1, None] - others[:, 1])
    return distances


def _points(path: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points on a path, at most `step` apart."""
    if len(path) < 2:
        return path
    lengths = np.hypot(np.diff(path[:, 0]), np.diff(path[:, 1]))
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.linspace(0, along[-1], int(along[-1] / step) + 2)
    return np.stack([np.interp(places, along, path[:, axis]) for axis in (0, 1)], axis=1)
