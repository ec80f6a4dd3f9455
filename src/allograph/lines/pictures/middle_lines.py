"""From a skeleton to the strokes of which it looks to be drawn: at a junction, what goes straight on is one stroke."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from allograph.lines.pictures.thinning import NEIGHBOURS

SPUR = 0.6
"""Pens; a branch that ends sooner is the thickness of the ink, no stroke."""
JUNCTION = 0.8
"""Pens; junctions that are nearer are one, as where two strokes cross at a small angle."""
AHEAD = 2.0
"""Pens along a branch that tell its direction."""
STRAIGHT = 0.5
"""The cosine of the largest turn that a stroke makes at a junction."""
SMOOTH = 5
"""How often each point is drawn halfway to the middle of its two neighbours."""

Path = NDArray[np.float64]
FREE = -1


@dataclass
class Branch:
    """A part of a skeleton between junctions and ends."""

    path: Path
    """[k, 2] x and y, in pixels."""
    ends: tuple[int, int]
    """The junctions that it begins and ends at, or `FREE`."""

    @property
    def length(self) -> float:
        """In pixels."""
        return float(np.hypot(*np.diff(self.path, axis=0).T).sum()) if len(self.path) > 1 else 0.0

    def reverse(self) -> Branch:
        """The same from the other end."""
        return Branch(self.path[::-1], self.ends[::-1])


def find_strokes(skeleton: NDArray[np.bool_], pen: float) -> list[list[Path]]:
    """The strokes of a skeleton [h, w] of ink drawn by a `pen` of so many pixels, each from junction to junction.

    Parts of strokes are paths [k, 2], x and y from pixel to pixel; each begins where the last one ended.

    A pixel's middle is at its column and row plus ½. A closed stroke ends where it begins; a stroke of one point is a dot.
    """
    return join_branches(clean_branches(find_branches(skeleton), pen), pen)


def find_branches(skeleton: NDArray[np.bool_]) -> list[Branch]:
    """The branches of a skeleton, each with the middles of the junctions at its ends; a lone pixel is one too."""
    places, links = _links(skeleton)
    degree = np.array([len(row) for row in links])
    junction = _junctions(links, degree)
    count = max(junction, default=FREE) + 1
    numbers = np.array(junction, np.int64)
    middles = np.array([places[numbers == one].mean(axis=0) for one in range(count)]).reshape(-1, 2)
    passed = [False] * len(places)

    def walk(first: int, start: int) -> Branch:
        """Go on from a pixel that was not passed; `start` is the junction that it is beside."""
        line, end = [first], FREE
        passed[first] = True
        while True:
            ahead = [pixel for pixel in links[line[-1]] if not passed[pixel]]
            onward = [pixel for pixel in ahead if junction[pixel] == FREE]
            if onward:
                line.append(onward[0])
                passed[onward[0]] = True
                continue
            met = [junction[pixel] for pixel in ahead if junction[pixel] != FREE]
            if len(line) == 1 and start != FREE:
                met = [one for one in met if one != start] or met[1:]
            if met:
                end = met[0]
            break
        path = places[line]
        if start != FREE:
            path = np.concatenate([middles[start : start + 1], path])
        if end != FREE:
            path = np.concatenate([path, middles[end : end + 1]])
        return Branch(path, (start, end))

    branches = []
    for pixel, row in enumerate(links):
        if junction[pixel] != FREE:
            for other in row:
                if junction[other] == FREE and not passed[other]:
                    branches.append(walk(other, junction[pixel]))
    for pixel in np.flatnonzero(degree <= 1).tolist():
        if not passed[pixel] and junction[pixel] == FREE:
            branches.append(walk(pixel, FREE))
    for pixel in range(len(links)):
        if not passed[pixel] and junction[pixel] == FREE:
            loop = walk(pixel, FREE)
            branches.append(Branch(np.concatenate([loop.path, loop.path[:1]]), loop.ends))
    return branches


def _links(skeleton: NDArray[np.bool_]) -> tuple[Path, list[list[int]]]:
    """The middles of the pixels, and the neighbours of each; one across a corner is none where there is a way around it."""
    stride = skeleton.shape[1] + 2
    flat = np.pad(skeleton, 1).ravel()
    places = np.flatnonzero(flat)
    number = np.full(len(flat), -1)
    number[places] = np.arange(len(places))
    beside = np.array([number[places + down * stride + right] for down, right in NEIGHBOURS])
    for corner in (1, 3, 5, 7):
        beside[corner, (beside[corner - 1] >= 0) | (beside[(corner + 1) % 8] >= 0)] = -1
    links = [[other for other in row if other >= 0] for row in beside.T.tolist()]
    rows, columns = np.divmod(places, stride)
    return np.stack([columns - 0.5, rows - 0.5], axis=1), links


def _junctions(links: Sequence[Sequence[int]], degree: NDArray[np.int64]) -> list[int]:
    """The junction that each pixel belongs to, or `FREE`: pixels with three neighbours that are neighbours are one."""
    junction = [FREE] * len(links)
    count = 0
    for pixel in np.flatnonzero(degree >= 3).tolist():
        if junction[pixel] != FREE:
            continue
        waiting = [pixel]
        junction[pixel] = count
        while waiting:
            for other in links[waiting.pop()]:
                if degree[other] >= 3 and junction[other] == FREE:
                    junction[other] = count
                    waiting.append(other)
        count += 1
    return junction


def clean_branches(branches: Sequence[Branch], pen: float) -> list[Branch]:
    """Leave out spurs, and make one of junctions that are nearly one."""
    meeting = _meeting(branches)
    kept = []
    for branch in sorted(branches, key=lambda one: one.length):
        free = branch.ends.count(FREE)
        at = max(branch.ends)
        if free == 1 and branch.length < SPUR * pen and meeting[at] > 2:
            meeting[at] -= 1
        else:
            kept.append(branch)
    into: dict[int, int] = {}

    def whole(one: int) -> int:
        while one in into:
            one = into[one]
        return one

    long = []
    for branch in kept:
        one, other = map(whole, branch.ends)
        if FREE not in (one, other) and branch.length < JUNCTION * pen:
            if one != other:
                into[other] = one
        else:
            long.append(branch)
    return [Branch(branch.path, (whole(branch.ends[0]), whole(branch.ends[1]))) for branch in long]


def _meeting(branches: Sequence[Branch]) -> dict[int, int]:
    """How many ends of branches each junction has."""
    meeting: dict[int, int] = {}
    for branch in branches:
        for end in branch.ends:
            meeting[end] = meeting.get(end, 0) + 1
    return meeting


def join_branches(branches: Sequence[Branch], pen: float) -> list[list[Path]]:
    """Strokes: branches that go straight on at a junction are joined, the straightest first."""
    ends: dict[int, list[tuple[int, int]]] = {}
    for number, branch in enumerate(branches):
        for side, at in enumerate(branch.ends):
            if at != FREE:
                ends.setdefault(at, []).append((number, side))
    partner: dict[tuple[int, int], tuple[int, int]] = {}
    for met in ends.values():
        headings = {end: _heading(branches[end[0]].path if end[1] == 0 else branches[end[0]].path[::-1], pen) for end in met}
        pairs = sorted(combinations(met, 2), key=lambda pair: float(headings[pair[0]] @ headings[pair[1]]))
        for one, other in pairs:
            straight = float(headings[one] @ headings[other]) < -STRAIGHT or len(met) == 2
            if straight and one not in partner and other not in partner and one[0] != other[0]:
                partner[one], partner[other] = other, one
    return list(_chains(branches, partner))


def _heading(path: Path, pen: float) -> Path:
    """The direction, [2], in which a path leaves its beginning."""
    away = np.hypot(*(path - path[0]).T)
    ahead = path[int(np.argmax(away >= min(AHEAD * pen, away.max())))] - path[0]
    return ahead / max(float(np.hypot(*ahead)), 1e-9)


def _chains(branches: Sequence[Branch], partner: dict[tuple[int, int], tuple[int, int]]) -> Iterator[list[Path]]:
    """Follow the joints from one end of each stroke to the other; a ring is cut open anywhere."""
    used = [False] * len(branches)
    starts = [(number, side) for number in range(len(branches)) for side in (0, 1) if (number, side) not in partner]
    for number, side in [*starts, *((number, 0) for number in range(len(branches)))]:
        if used[number]:
            continue
        paths = []
        here: tuple[int, int] | None = (number, side)
        while here is not None and not used[here[0]]:
            used[here[0]] = True
            path = branches[here[0]].path
            paths.append(path if here[1] == 0 else path[::-1])
            here = partner.get((here[0], 1 - here[1]))
        yield paths


def smooth_path(path: Path) -> Path:
    """The path without the steps of its pixels, with every other point; ends stay, and a closed one stays closed."""
    if len(path) < 3:
        return path
    closed = bool((path[0] == path[-1]).all()) and len(path) > 3
    for _ in range(SMOOTH):
        if closed:
            ring = path[:-1]
            ring = (2 * ring + np.roll(ring, 1, axis=0) + np.roll(ring, -1, axis=0)) / 4
            path = np.concatenate([ring, ring[:1]])
        else:
            path = np.concatenate([path[:1], (path[:-2] + 2 * path[1:-1] + path[2:]) / 4, path[-1:]])
    return np.concatenate([path[:-1:2], path[-1:]])
