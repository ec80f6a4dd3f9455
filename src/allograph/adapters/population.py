"""What the training writers' embeddings look like: the statistics that adapters lean on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle
from allograph.errors import InputError
from allograph.readings import Samples

Floats = NDArray[np.float32]
PREFIX = "population/"
RIDGE = 0.1
"""Share of the mean variance that is added to every direction before it is whitened."""
HALF = (2.0**-10, 65504.0)
"""The least and the greatest largest number of an array that half precision is good for."""
WIDEST = 144
"""Numbers that adapters keep of a sample, at most."""


@dataclass(frozen=True)
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
    """[f + 1, r] the affine map from features (embeddings, where the model has none) to at most `WIDEST` of their principal axes,
    in which the within-writer covariance is the unit matrix but for scale, and a sample's mean squared length is 1."""

    @staticmethod
    def known_of(bundle: Bundle) -> bool:
        """Whether a bundle has them."""
        return any(name.startswith(PREFIX) for name in bundle.statistics)

    @classmethod
    def of(cls, bundle: Bundle) -> Population:
        """Read it from a bundle; raises `InputError` where that has none yet."""
        try:
            return cls(*(bundle.statistics[PREFIX + name].astype(np.float32) for name in cls.__annotations__))
        except KeyError:
            raise InputError(f"the bundle {bundle.path} has no population statistics; make them with: allograph tune") from None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle's statistics, in half precision where that holds their numbers."""
        return {PREFIX + name: _halved(getattr(self, name)) for name in type(self).__annotations__}

    def place(self, shapes: Floats) -> Floats:
        """Features [n, f] in their space: [n, r]."""
        return shapes @ self.space[:-1] + self.space[-1]

    def whitening(self, power: float = 1.0) -> Floats:
        """[d, d] the map in which the within-writer covariance is the unit matrix; with a power below 1, nearly so."""
        values, vectors = np.linalg.eigh(self.within.astype(np.float64))
        values = np.maximum(values, 0) + RIDGE * values.mean()  # half precision can leave a trace below zero
        return (vectors * (values / values.mean()) ** (-power / 2)).astype(np.float32)


def population(samples: Samples, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> Population:
    """The statistics of samples with their labels (places) [n] and writers [n]."""
    embeddings, logits = samples.embeddings, samples.logits
    size, width = logits.shape[1], embeddings.shape[1]
    means = np.zeros((size, width))
    counts = np.bincount(labels, minlength=size)
    np.add.at(means, labels, embeddings)
    means /= np.maximum(counts, 1)[:, None]

    cells = Cells(labels, writers)
    centres, within = cells.centres(embeddings), cells.within(embeddings)
    apart = centres - means[cells.labels]
    between = apart.T @ apart / len(centres) - within * (1 / cells.counts).mean()  # a mean of few samples strays by itself
    values, vectors = np.linalg.eigh(between)
    between = (vectors * np.maximum(values, 1e-3 * values.max())) @ vectors.T

    affine = np.concatenate([embeddings, np.ones((len(embeddings), 1), np.float32)], axis=1).astype(np.float64)
    gram = affine.T @ affine
    head = np.linalg.solve(gram + 1e-6 * np.trace(gram) / len(gram) * np.eye(len(gram)), affine.T @ logits)
    space = _space(samples.shapes, cells)
    return Population(*(array.astype(np.float32) for array in (within, between, means, head, space)))


class Cells:
    """Samples parted by writer and label."""

    def __init__(self, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> None:
        _, self.of = np.unique(np.char.add(np.char.add(writers, "\t"), labels.astype(str)), return_inverse=True)
        self.counts = np.bincount(self.of)
        self.labels = np.zeros(len(self.counts), np.int64)
        self.labels[self.of] = labels

    def centres(self, rows: Floats) -> NDArray[np.float64]:
        """The mean of each cell's rows [n, d]."""
        sums = np.zeros((len(self.counts), rows.shape[1]))
        np.add.at(sums, self.of, rows)
        return sums / self.counts[:, None]

    def within(self, rows: Floats) -> NDArray[np.float64]:
        """The covariance [d, d] of rows [n, d] around their cell's mean."""
        spread = rows - self.centres(rows)[self.of]
        covariance: NDArray[np.float64] = spread.T @ spread / max(len(rows) - len(self.counts), 1)
        return covariance


def _halved(array: Floats) -> NDArray[Any]:
    """An array as float16, or as it is where its largest number is too large for that, or so small that little is left of it."""
    largest = float(np.abs(array).max(initial=0))
    return array if largest > HALF[1] or 0 < largest < HALF[0] else array.astype(np.float16)


def _space(shapes: Floats, cells: Cells) -> NDArray[np.float64]:
    """As `Population.space`."""
    centre = shapes.mean(axis=0, dtype=np.float64)
    moved = shapes - centre
    axes = np.linalg.eigh(moved.T @ moved)[1][:, ::-1][:, :WIDEST]
    placed = (moved @ axes).astype(np.float32)
    values, vectors = np.linalg.eigh(cells.within(placed))
    values = np.maximum(values, 0) + RIDGE * max(values.mean(), 1e-12)
    turn = axes @ (vectors / np.sqrt(values))
    turn /= np.sqrt(max(float(((moved @ turn) ** 2).sum(axis=1).mean()), 1e-12))
    return np.concatenate([turn, -(centre @ turn)[np.newaxis]])


def parameters_of(bundle: Bundle, name: str) -> Mapping[str, Any]:
    """What `allograph tune` chose for an adapter; nothing where it did not."""
    found: Mapping[str, Any] = bundle.config.get("adapters", {}).get(name, {})
    return found
