"""Statistics of the training writers' embeddings, which adapters are built with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import product
from allograph.adapters.validity import LENGTH_RATIO, median_length, repair_logits, valid_rows
from allograph.bundle import Bundle
from allograph.errors import InputError
from allograph.readings import Samples
from allograph.samples.equality import by_content

Floats = NDArray[np.float32]
PREFIX = "population/"
RIDGE = 0.1
"""Share of the mean variance that is added to every direction before it is whitened."""
HALF_RANGE = (2.0**-6, 2.0**15)
"""Where the largest number of an array lies that half precision holds well."""
SPACE_SIZE = 144
"""Principal axes of the features that are kept, at most."""


@by_content
@dataclass(frozen=True, eq=False)
class Population:
    """Statistics of the training writers' embeddings."""

    within: Floats
    """[d, d] covariance of one writer's samples of one label around their mean."""
    between: Floats
    """[d, d] covariance of the writers' means of one label around the label's mean."""
    means: Floats
    """[C, d] each label's mean; zeros where the population has none of it."""
    head: Floats
    """[d + 1, C] the affine map from embeddings to logits, as nearly as there is one."""
    space: Floats
    """[f + 1, r] the affine map from features (embeddings, where the model has none) to at most `SPACE_SIZE` of their principal
    axes, in which the within-writer covariance is the unit matrix but for scale, and a sample's mean squared length is 1."""

    @staticmethod
    def is_in(bundle: Bundle) -> bool:
        """Whether a bundle has population statistics."""
        return any(name.startswith(PREFIX) for name in bundle.statistics)

    @classmethod
    def of(cls, bundle: Bundle) -> Population:
        """Read it from a bundle; raises `InputError` where that has none yet."""
        try:
            return cls(*(bundle.statistics[PREFIX + name].astype(np.float32) for name in cls.__annotations__))
        except KeyError:
            raise InputError(f"the bundle {bundle.path} has no population statistics; make them with: allograph tune") from None

    @classmethod
    def estimate(cls, samples: Samples, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> Population:
        """The statistics of samples with their labels (places) [n] and writers [n].

        Samples whose embeddings or features are invalid are left out; where all are, the statistics are zeros.
        """
        valid = _valid(samples.embeddings) & _valid(samples.shapes)
        if not valid.all():
            samples, labels, writers = samples.at(np.flatnonzero(valid)), labels[valid], writers[valid]
        embeddings, logits = samples.embeddings, repair_logits(samples.logits)
        size, width = logits.shape[1], embeddings.shape[1]
        if not len(embeddings):
            features = samples.shapes.shape[1]
            shapes = (width, width), (width, width), (size, width), (width + 1, size), (features + 1, min(features, SPACE_SIZE))
            return cls(*(np.zeros(shape, np.float32) for shape in shapes))
        logits = np.clip(logits, np.float32(-LENGTH_RATIO), np.float32(LENGTH_RATIO))
        means = np.zeros((size, width))
        counts = np.bincount(labels, minlength=size)
        np.add.at(means, labels, embeddings)
        means /= np.maximum(counts, 1)[:, None]

        cells = Cells(labels, writers)
        centres, within = cells.centres(embeddings), cells.within(embeddings)
        apart = centres - means[cells.labels]
        between = apart.T @ apart / len(centres) - within * (1 / cells.counts).mean()  # a mean of few samples strays by itself
        values, vectors = np.linalg.eigh(between)
        between = (vectors * np.maximum(values, 1e-3 * max(values.max(), 0))) @ vectors.T

        affine = np.concatenate([embeddings, np.ones((len(embeddings), 1), np.float32)], axis=1).astype(np.float64)
        gram = affine.T @ affine
        head = np.linalg.solve(gram + 1e-6 * np.trace(gram) / len(gram) * np.eye(len(gram)), affine.T @ logits)
        return cls(*(array.astype(np.float32) for array in (within, between, means, head, _space(samples.shapes, cells))))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle's statistics, in half precision where that can hold them."""
        return {PREFIX + name: _reduce_precision(getattr(self, name)) for name in type(self).__annotations__}

    def place(self, shapes: Floats) -> Floats:
        """Features [n, f] in their space: [n, r]."""
        return product(shapes, self.space[:-1]) + self.space[-1]

    @cached_property
    def length(self) -> float:
        """The root mean squared length of an embedding; 0 without statistics."""
        means = self.means[self.means.any(axis=1)].astype(np.float64)
        square = (means**2).sum(axis=1).mean() if len(means) else 0.0
        return float(np.sqrt(square + np.trace(self.within, dtype=np.float64) + max(np.trace(self.between, dtype=np.float64), 0)))

    def whitening(self, power: float = 1.0) -> Floats:
        """[d, d] the map in which the within-writer covariance is the unit matrix; with a power below 1, nearly so.

        Where nothing varies within a writer, all stays as it is.
        """
        values, vectors = np.linalg.eigh(self.within.astype(np.float64))
        if not values.mean() > 0:
            return np.eye(len(values), dtype=np.float32)
        values = np.maximum(values, 0) + RIDGE * values.mean()  # half precision can leave a trace below zero
        return (vectors * (values / values.mean()) ** (-power / 2)).astype(np.float32)


def _valid(rows: Floats) -> NDArray[np.bool_]:
    """Which rows [n, d] are valid, also beside the others: bool [n]."""
    valid = valid_rows(rows)
    return valid & valid_rows(rows, median_length(rows[valid]))


def _reduce_precision(array: Floats) -> NDArray[Any]:
    """In half precision, but for numbers that it cannot hold."""
    peak = float(np.abs(array).max(initial=0))
    return array.astype(np.float16) if peak == 0 or HALF_RANGE[0] <= peak <= HALF_RANGE[1] else array.astype(np.float32)


class Cells:
    """Samples grouped by writer and label."""

    def __init__(self, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> None:
        _, self.of = np.unique(np.char.add(np.char.add(writers, "\t"), labels.astype(str)), return_inverse=True)
        self.counts = np.bincount(self.of)
        self.labels = np.zeros(len(self.counts), np.int64)
        self.labels[self.of] = labels

    def centres(self, rows: Floats) -> NDArray[np.float64]:
        """The mean of each cell's rows [n, d]."""
        order = np.argsort(self.of, kind="stable")
        starts = np.cumsum(self.counts) - self.counts
        sums: NDArray[np.float64] = np.add.reduceat(rows[order], starts, axis=0, dtype=np.float64)
        return sums / self.counts[:, None]

    def within(self, rows: Floats) -> NDArray[np.float64]:
        """The covariance [d, d] of rows [n, d] around their cell's mean."""
        spread = rows - self.centres(rows)[self.of]
        covariance: NDArray[np.float64] = spread.T @ spread / max(len(rows) - len(self.counts), 1)
        return covariance


def _space(shapes: Floats, cells: Cells) -> NDArray[np.float64]:
    """As `Population.space`."""
    centre = shapes.mean(axis=0, dtype=np.float64)
    centred = shapes - centre
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :SPACE_SIZE]
    points = (centred @ axes).astype(np.float32)
    values, vectors = np.linalg.eigh(cells.within(points))
    values = np.maximum(values, 0) + RIDGE * max(values.mean(), 1e-12)
    turn = axes @ (vectors / np.sqrt(values))
    turn /= np.sqrt(max(float(((centred @ turn) ** 2).sum(axis=1).mean()), 1e-12))
    return np.concatenate([turn, -(centre @ turn)[np.newaxis]])
