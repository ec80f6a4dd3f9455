"""How likely each label is by a writer's own way with it: a two-covariance model of features (PLDA)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Cells, Population
from allograph.adapters.validity import valid_rows
from allograph.bundle import Bundle
from allograph.readings import Samples
from allograph.samples.equality import by_content

Floats = NDArray[np.float32]
PREFIX = "shape/"
COMMON = 0.5
"""The variance of a writer's way with all labels, as a share of that with one label."""


@by_content
@dataclass(frozen=True, eq=False)
class ShapeStatistics:
    """Of the training writers' features in `Population.space`."""

    means: Floats
    """[C, r] each label's mean over writers; zeros where there is none."""
    within: float
    """The variance of a number of one writer's samples of one label."""
    between: float
    """The variance of the writers' means of one label, as a share of that within."""
    frequencies: Floats
    """[C] how often each label is written; they sum to 1."""

    @classmethod
    def of(cls, bundle: Bundle) -> ShapeStatistics | None:
        """Read them from a bundle; None where it has none."""
        return cls.read(bundle.statistics)

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]]) -> ShapeStatistics | None:
        """The same from what `arrays` gave."""
        if PREFIX + "means" not in arrays:
            return None
        within, between = arrays[PREFIX + "variances"].tolist()
        means, frequencies = (arrays[PREFIX + name].astype(np.float32) for name in ("means", "frequencies"))
        return cls(means, within, between, frequencies)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """[C] whether a label has a mean."""
        return np.asarray(self.means.any(axis=1))

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """[C] the squared lengths of the means."""
        means = self.means.astype(np.float64)
        return np.vecdot(means, means)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle's statistics."""
        variances = np.array([self.within, self.between], np.float32)
        means = self.means.astype(np.float16)
        return {PREFIX + "means": means, PREFIX + "variances": variances, PREFIX + "frequencies": self.frequencies}

    @classmethod
    def estimate(
        cls, population: Population, samples: Samples, labels: NDArray[np.int32], writers: NDArray[np.str_]
    ) -> ShapeStatistics | None:
        """From samples with their labels (places) [n] and writers [n]; None where they do not vary."""
        valid = valid_rows(samples.shapes)
        if not valid.any():
            return None
        points = population.place(samples.shapes[valid])
        cells = Cells(labels[valid], writers[valid])
        centres = cells.centres(points)
        within = float(np.trace(cells.within(points))) / points.shape[1]
        means = np.zeros((samples.logits.shape[1], points.shape[1]))
        np.add.at(means, cells.labels, centres)
        means /= np.maximum(np.bincount(cells.labels, minlength=len(means)), 1)[:, None]
        spread = float(((centres - means[cells.labels]) ** 2).mean()) - within * float((1 / cells.counts).mean())
        if not (np.isfinite(within) and within > 0):
            return None
        counts = np.bincount(labels, minlength=len(means)) + 1
        return cls(means.astype(np.float32), within, max(spread / within, 1e-3), (counts / counts.sum()).astype(np.float32))


@dataclass(frozen=True, eq=False)
class WriterShapes:
    """What labels' log-likelihoods gain by what is known of a writer: y·linear + |y|² square + constant, for features y."""

    linear: Floats
    """[r, C + m]"""
    square: Floats
    """[C + m]"""
    constant: Floats
    """[C + m]"""

    @classmethod
    def of(
        cls, statistics: ShapeStatistics, points: Floats, labels: NDArray[np.integer], own: int, between: float, strength: float
    ) -> WriterShapes:
        """From the writer's samples in space [n, r] and their labels (places) [n]; 0 for the writer's `own` labels.

        A sample of label c is μ_c + a + d_c + e: a, the writer's way with all labels, and d_c, that with one, are Gaussians whose
        posterior is a formula. The gain over the population's log-likelihood is multiplied by `strength`. `between` weighs the
        variance of d: the features of training writers show it too large or too small.
        """
        mu, within = statistics.means, statistics.within
        size, width = mu.shape
        order = np.argsort(labels, kind="stable")
        seen, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
        known = seen < size
        seen, each = seen[known], (1 / counts[known]).astype(np.float32)
        apart = np.add.reduceat(points[order], starts, axis=0)[known] * each[:, None] - mu[seen]
        way = statistics.between * between
        common, certain = COMMON * way, 1 / (way + each)
        left = 1 / (1 / common + float(certain.sum()))
        shift, gain = np.float32(left) * (certain @ apart), way * certain
        means, variances = mu + shift, np.full(size, way + left + 1)
        means[seen] += gain[:, None] * (apart - shift)
        variances[seen] = way * (1 - gain) + (1 - gain) ** 2 * left + 1
        after, before = within * variances, within * (way + common + 1)
        scale = np.where(statistics.known, strength, 0.0)
        constant = statistics.squares / before - np.vecdot(means, means) / after - width * np.log(after / before)
        gains = means * (scale / after).astype(np.float32)[:, None] - mu * (scale / before).astype(np.float32)[:, None]
        square = scale * 0.5 * (1 / before - 1 / after)
        return cls(*(_with_own(np.asarray(array, np.float32), own) for array in (gains.T, square, scale * 0.5 * constant)))


def _with_own(array: Floats, own: int) -> Floats:
    """An array [..., C] with zeros for the writer's own labels: [..., C + own]."""
    if not own:
        return array
    return np.concatenate([array, np.zeros((*array.shape[:-1], own), np.float32)], axis=-1)
