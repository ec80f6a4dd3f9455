"""Rows of a line that is wrapped, and the order in which its pieces are read, by geometry alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Edges = NDArray[np.float64]
Indices = NDArray[np.int64]

SLOPES = np.linspace(-0.15, 0.15, 31)
"""Slants of the rows that are tried, down a step to the right."""
BINS = 12
"""Of the profile down the page, in a usual height."""
TALL = 75
"""The percentile of the heights that is the usual height: of letters, where there are dots and dashes too."""
FLATTEST = 0.005
"""The least usual height, as a share of the larger side of all ink: where there are only dots or dashes."""
CORE = 0.4
"""Usual heights of a piece that tells where a row is; smaller ones go to the row that they are nearest to."""
SHRINK = 0.1
"""The share of a piece's height, from each end, that does not count in the profile."""
VALLEY = 0.6
"""How deep the profile is between two rows, at most, as a share of the lower of their peaks."""
APART = 0.6
"""Usual heights between two rows, at least."""
ABOVE = 0.25
"""The share of pieces of one of two rows that stand above or below pieces of the other, at least; else they are one."""
OVERLAP = 0.15
"""Usual heights by which such pieces may overlap."""
ASIDE = 0.25
"""How little a gap to the side counts beside one up or down, where a small piece looks for its row."""
HANGING = 0.5
"""How little a gap below counts beside one above: a dot stands above its letter, a comma touches its row."""


def rows(edges: Edges) -> Indices:
    """[n] the row, from 0 at the top, of each piece with these edges [n, 4]: left, top, right, bottom, y down.

    Rows may be slanted. Dots, accents, commas and the like belong to the row that they are nearest to.
    """
    edges = np.asarray(edges, np.float64).reshape(-1, 4)
    if len(edges) < 2:
        return np.zeros(len(edges), np.int64)
    heights = edges[:, 3] - edges[:, 1]
    extent = float((edges[:, 2:].max(axis=0) - edges[:, :2].min(axis=0)).max())
    usual = max(float(np.percentile(heights, TALL)), FLATTEST * extent, 1e-9)
    core = heights >= min(CORE * usual, heights.max())
    found = np.full(len(edges), -1)
    found[core] = _join_rows(edges[core], _core_rows(edges[core], usual), usual)
    for small in np.flatnonzero(~core):
        found[small] = found[core][_nearest(edges[small], edges[core])]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def reading_order(edges: Edges, row: Indices, lean: float = 0.0) -> Indices:
    """[n] the order in which pieces with these edges [n, 4] are read, where it is not the order in time.

    Row by row, each piece in the row [n] that is its own, from left to right; `lean` is how far characters lean to the right
    for each unit that they are high.
    """
    edges = np.asarray(edges, np.float64).reshape(-1, 4)
    upright = (edges[:, 0] + edges[:, 2]) / 2 + lean * (edges[:, 1] + edges[:, 3]) / 2
    return np.lexsort((upright, row))


def lean(paths: Sequence[NDArray[np.float64]]) -> float:
    """How far to the right the steep parts of paths [k, 2], y down, go for each unit that they go up; 0 where there are none."""
    steps = np.concatenate([np.diff(path, axis=0) for path in paths])
    steep = steps[np.abs(steps[:, 0]) < np.abs(steps[:, 1])]
    across = steep[:, 0] * np.sign(steep[:, 1])
    return float(-across.sum() / max(np.abs(steep[:, 1]).sum(), 1e-9))


def _core_rows(edges: Edges, usual: float) -> Indices:
    """Rows that a profile down the page has, at the slant at which it is the sharpest; they may be too many."""
    x, y = (edges[:, 0] + edges[:, 2]) / 2, (edges[:, 1] + edges[:, 3]) / 2
    x = x - x.mean()
    half = np.minimum(edges[:, 3] - edges[:, 1], 1.5 * usual) * (0.5 - SHRINK)
    profiles = [(slope, *_profile(y - slope * x - half, y - slope * x + half, usual / BINS)) for slope in SLOPES]
    slope, start, profile = max(profiles, key=lambda one: float((one[2] ** 2).sum()) * (1 - abs(one[0]) / 2))
    cuts = [start + cut * usual / BINS for cut in _valleys(profile)]
    found = np.searchsorted(cuts, y - slope * x)
    for _ in range(2):
        found = _settle(edges, found, slope, usual)
    return found


def _profile(tops: NDArray[np.float64], bottoms: NDArray[np.float64], step: float) -> tuple[float, Indices]:
    """Where it starts, and how many pieces there are at each step down."""
    start = float(tops.min())
    turns = np.zeros(int((bottoms.max() - start) / step) + 3, np.int64)
    np.add.at(turns, ((tops - start) / step).astype(int), 1)
    np.add.at(turns, ((bottoms - start) / step).astype(int) + 1, -1)
    return start, np.cumsum(turns)


def _valleys(profile: Indices) -> list[float]:
    """Places in the profile between rows."""
    reach = int(APART * BINS) // 2
    peaks: list[int] = []
    for place in np.flatnonzero(profile).tolist():
        if profile[place] < profile[max(0, place - reach) : place + reach + 1].max():
            continue
        if peaks and place - peaks[-1] < 2 * reach:
            if profile[place] > profile[peaks[-1]]:
                peaks[-1] = place
        else:
            peaks.append(place)
    while len(peaks) > 1:
        depths = [profile[one : other + 1].min() / min(profile[one], profile[other]) for one, other in pairwise(peaks)]
        shallow = int(np.argmax(depths))
        if depths[shallow] <= VALLEY:
            break
        del peaks[shallow + (profile[peaks[shallow]] >= profile[peaks[shallow + 1]])]
    valleys = []
    for one, other in pairwise(peaks):
        lowest = np.flatnonzero(profile[one : other + 1] == profile[one : other + 1].min())
        valleys.append(one + float(lowest[0] + lowest[-1] + 1) / 2)
    return valleys


def _settle(edges: Edges, found: Indices, slope: float, usual: float) -> Indices:
    """Each piece in the row whose band it overlaps most; a row has a slant of its own where it is long enough to show that."""
    x, y = (edges[:, 0] + edges[:, 2]) / 2, (edges[:, 1] + edges[:, 3]) / 2
    names = np.unique(found)
    overlaps = []
    for name in names:
        own = found == name
        own_slope = slope
        if own.sum() >= 4 and np.ptp(x[own]) > 4 * usual:
            from_middle = x[own] - x[own].mean()
            rest = y[own] - slope * x[own]
            own_slope += float(from_middle @ rest) / (float(from_middle @ from_middle) + 20 * usual**2)
        middle = np.median(y[own] - own_slope * x[own]) + own_slope * x
        half = float(np.median(edges[own, 3] - edges[own, 1])) / 2
        overlap = np.minimum(edges[:, 3], middle + half) - np.maximum(edges[:, 1], middle - half)
        overlaps.append(np.minimum(overlap, 1.98 * half) - 1e-3 * np.abs(y - middle))
    return names[np.argmax(overlaps, axis=0)]


def _join_rows(edges: Edges, found: Indices, usual: float) -> Indices:
    """Make one of neighbouring rows of which hardly a piece stands above or below one of the other."""
    found = np.unique(found, return_inverse=True)[1]
    while found.max() > 0:
        shares = [_above(edges[found == row], edges[found == row + 1], OVERLAP * usual) for row in range(found.max())]
        if min(shares) >= ABOVE:
            break
        found = found - (found > int(np.argmin(shares)))
    return found


def _above(upper: Edges, lower: Edges, overlap: float) -> float:
    """The share of pieces of a row that have one of the other row above or below them, of that row where it is greater."""
    beside = np.minimum(upper[:, None, 2], lower[:, 2]) <= np.maximum(upper[:, None, 0], lower[:, 0])
    above = ~beside & (lower[:, 1] - upper[:, None, 3] > -overlap)
    return float(max(above.any(axis=1).mean(), above.any(axis=0).mean()))


def _nearest(small: NDArray[np.float64], edges: Edges) -> int:
    """The place of the piece that a small one is nearest to."""
    aside = np.maximum(0, np.maximum(edges[:, 0] - small[2], small[0] - edges[:, 2]))
    away = np.maximum(0, np.maximum(HANGING * (edges[:, 1] - small[3]), small[1] - edges[:, 3]))
    return int(np.argmin(np.hypot(ASIDE * aside, away)))
