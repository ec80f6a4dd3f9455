"""The best path through a lattice, by dynamic programming (Viterbi), and the next best ones."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.grammar import START
from allograph.lines.label_class import CLASSES
from allograph.lines.lattice import Lattice

CHOICES = 6
"""Labels of each run that are tried for the next best paths."""


class Path(NamedTuple):
    """One way to read a line: which runs are its characters, and what they show."""

    runs: list[int]
    """[n] places in the lattice."""
    labels: list[int]
    """[n] places among the labels."""
    score: float
    """The sum of what speaks for it, in nats."""
    breaks: tuple[bool, ...] | None = None
    """[n] whether there is a space before each character, where words tell; None: as gaps and grammar say."""

    def spaces(self, lattice: Lattice) -> list[bool]:
        """[n] whether there is a space before each character."""
        if self.breaks is not None:
            return list(self.breaks)
        classes = [START, *(int(lattice.classes[label]) for label in self.labels)]
        return [lattice.has_space(run, *pair) for run, pair in zip(self.runs, pairwise(classes), strict=True)]


def best_cuts(runs: NDArray[np.int64], weights: NDArray[np.floating]) -> NDArray[np.int64]:
    """The path (places of runs [q, 2]) with the largest sum of weights [q], whatever follows what."""
    count = int(runs[:, 1].max())
    best, back = [0.0] + [-np.inf] * count, [0] * (count + 1)
    for run, ((first, after), weight) in enumerate(zip(runs.tolist(), weights.tolist(), strict=True)):
        if best[first] + weight > best[after]:
            best[after], back[after] = best[first] + weight, run
    path, end = [], count
    while end:
        path.append(back[end])
        end = int(runs[back[end], 0])
    return np.array(path[::-1], np.int64)


def best_path(lattice: Lattice) -> Path:
    """The path that most speaks for: its cuts, its labels, and how their classes follow one another."""
    count, kinds = lattice.pieces, len(CLASSES)
    highest, labels = lattice.best_of_class
    gains = highest + lattice.cuts[:, None]
    best = np.full((count + 1, kinds + 1), -np.inf, np.float32)
    best[0, START] = 0
    back = np.zeros((count + 1, kinds, 2), np.int64)
    every = np.arange(kinds)
    for run, (first, after) in enumerate(lattice.runs.tolist()):
        ways = best[first, :, None] + lattice.links[run]
        before = ways.argmax(axis=0)
        scores = ways[before, every] + gains[run]
        better = scores > best[after, :kinds]
        best[after, :kinds][better] = scores[better]
        back[after, better, 0], back[after, better, 1] = run, before[better]
    kind = int(best[count].argmax())
    score, end, runs, found = float(best[count, kind]), count, [], []
    while end:
        run, before_kind = back[end, kind].tolist()
        runs.append(run)
        found.append(int(labels[run, kind]))
        end, kind = int(lattice.runs[run, 0]), before_kind
    return Path(runs[::-1], found[::-1], score)


class _Way(NamedTuple):
    """One way to read a line up to a piece."""

    score: float
    kind: int
    """The class of its last character, `START` for none."""
    run: int
    label: int
    before: _Way | None
    """The way that its last character, `run` as `label`, makes longer; None where there is no character yet."""


def best_paths(lattice: Lattice, count: int) -> list[Path]:
    """The `count` best paths with different texts, the best first; at most `CHOICES` labels of a run are tried."""
    order = np.argsort(-lattice.logs, axis=1)[:, :CHOICES]
    gains = np.take_along_axis(lattice.logs, order, axis=1) + lattice.cuts[:, None]
    texts: dict[tuple[int, int], int] = {}  # the number of each text, by that of the text before it and its last label
    arrived: list[dict[int, _Way]] = [{} for _ in range(lattice.pieces + 1)]
    arrived[0][0] = _Way(0.0, START, -1, -1, None)
    begun = -1
    for run, (first, after) in enumerate(lattice.runs.tolist()):
        if first != begun:
            begun, arrived[first] = first, _keep(arrived[first], count)
        links, there = lattice.links[run].tolist(), arrived[after]
        choices = [one for one in zip(order[run].tolist(), gains[run].tolist(), strict=True) if one[1] > -np.inf]
        for text, way in arrived[first].items():
            for label, gain in choices:
                kind = int(lattice.classes[label])
                score = way.score + gain + links[way.kind][kind]
                longer = texts.setdefault((text, label), len(texts) + 1)
                if longer not in there or score > there[longer].score:
                    there[longer] = _Way(score, kind, run, label, way)
    return [_path(way) for way in list(_keep(arrived[-1], count).values())[:count]]


def _keep(arrived: dict[int, _Way], count: int) -> dict[int, _Way]:
    """The best `count` of those that end with each class, the best of all first."""
    kept: dict[int, _Way] = {}
    seen = [0] * (len(CLASSES) + 1)
    for text, way in sorted(arrived.items(), key=lambda item: -item[1].score):
        if seen[way.kind] < count:
            seen[way.kind] += 1
            kept[text] = way
    return kept


def _path(last: _Way) -> Path:
    runs, labels, way = [], [], last
    while way.before is not None:
        runs.append(way.run)
        labels.append(way.label)
        way = way.before
    return Path(runs[::-1], labels[::-1], last.score)
