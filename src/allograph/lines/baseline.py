"""The scale of a line and the baselines of its rows, found from the line itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.size import SizedSamples, WriterSizes
from allograph.adapters.size_statistics import LENGTHS, TYPICAL, SizeStatistics
from allograph.lines.hypotheses import Hypotheses
from allograph.samples.box import Boxes

Floats = NDArray[np.float64]

ROUNDS = 6
"""Rounds in which characters that lie far off their row count for less and less."""
LEVEL = 50.0
"""How surely rows are level: so many characters, ten heights away, say so."""
LEAST_SCALE = 0.1
"""A scale that is smaller, in the line's heights, is of dots and bars alone, which do not tell where the baseline is."""


@dataclass(frozen=True, eq=False)
class LinePlace:
    """Where labels stand against a baseline, in the statistics of a bundle's writers."""

    sizes: SizeStatistics

    @classmethod
    def of(cls, sizes: SizeStatistics | None) -> LinePlace | None:
        """None where the statistics know nothing of place."""
        return None if sizes is None or len(sizes) == LENGTHS else cls(sizes)

    @cached_property
    def expected(self) -> tuple[Floats, Floats]:
        """Means [2, C] of ascent and descent, and their variances [2, C], in the writer's scale."""
        return self.sizes.means[LENGTHS:], self.sizes.variances[LENGTHS:] + self.sizes.within[LENGTHS:]

    def scale(self, boxes: Boxes, logs: NDArray[np.floating]) -> float:
        """The typical height of the hand in the unit of boxes [n], whose labels have the log-probabilities `logs` [n, C]."""
        nothing = SizedSamples.of(boxes.sizes[:0], boxes.scales[:0], np.empty(0, np.int64))
        known = WriterSizes.of(self.sizes, nothing).beside(boxes, logs)
        device = known.device(int(boxes.scales[0]), boxes.sizes)
        return float(TYPICAL * math.exp(device.shifts[0]) / device.factor)

    def baselines(self, hypotheses: Hypotheses, path: NDArray[np.int64], labels: NDArray[np.int64], scale: float) -> Floats:
        """[q] the y of the baseline under each run, from a path [n] and its labels (places) [n]; those from C on say nothing.

        NaN where the scale is that of dots alone.
        """
        size = self.sizes.means.shape[1]
        baselines, row = np.full(len(hypotheses), np.nan), hypotheses.row
        if scale < LEAST_SCALE * hypotheses.height:
            return baselines
        middles = (hypotheses.edges[:, 0] + hypotheses.edges[:, 2]) / 2
        for one in np.unique(row).tolist():
            here, mine = row == one, (row[path] == one) & (labels < size)
            edges = hypotheses.edges[path[mine]]
            if not len(edges):
                baselines[here] = np.median(hypotheses.edges[here, 3])
                continue
            height, slope, middle = self._fit(edges, labels[mine], scale)
            baselines[here] = height + slope * (middles[here] - middle)
        return baselines

    def _fit(self, edges: Floats, labels: NDArray[np.int64], scale: float) -> tuple[float, float, float]:
        """The baseline's y, its slope, and the x where it has that y: robust least squares from tops and bottoms."""
        means, variances = (array[:, labels] for array in self.expected)
        y = (np.stack([edges[:, 1], edges[:, 3]]) + means * scale).ravel()
        x = np.tile((edges[:, 0] + edges[:, 2]) / 2, LENGTHS)
        certain = 1 / (variances * scale**2).ravel()
        middle = float(np.average(x, weights=certain))
        x = x - middle
        level = LEVEL * certain.mean() * (10 * scale) ** 2
        height, slope = float(np.median(y)), 0.0
        for _ in range(ROUNDS):
            away = y - height - slope * x
            weights = certain / (1 + certain * away**2 / 4)
            total, first, second = weights.sum(), weights @ x, weights @ x**2 + level
            sum_y, sum_xy = weights @ y, weights @ (x * y)
            determinant = total * second - first**2
            height = float((second * sum_y - first * sum_xy) / determinant)
            slope = float((total * sum_xy - first * sum_y) / determinant)
        return height, slope, middle
