"""The writer's own mean of each label, by Bayes from a two-covariance model (PLDA; speaker adaptation)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import product
from allograph.adapters.memory_based import AdaptationSet, MemoryBased, Scorer
from allograph.adapters.population import RIDGE, Population
from allograph.adapters.tunable_adapter import Floats
from allograph.readings import Samples


@dataclass(frozen=True)
class WriterMeans(MemoryBased):
    """A sample of label c is μ_c + b + e: b, the writer's own way, has the between-writer covariance, e the within-writer one.

    In the basis where both are diagonal the posterior of μ_c + b after the writer's samples of c is a formula. What a label's
    likelihood gains by it over the population's is added to the base's log-probability, times `strength`.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    strength: float = 0.2
    between: float = 1.0
    """Factor on the between-writer covariance."""

    name: ClassVar[str] = "means"
    grid: ClassVar[dict[str, tuple[float, ...]]] = {
        "strength": (0.05, 0.1, 0.2, 0.4),
        "between": (0.5, 1.0, 2.0),
    }

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Find every label's posterior."""
        basis, spread = self.basis
        spread = spread * self.between
        size = samples.size
        centres = np.zeros((size, basis.shape[0]), np.float32)
        centres[: len(self.population.means)] = self.population.means
        placed = product(samples.embeddings, basis)
        counts = np.bincount(samples.labels, minlength=size)[:, None]
        sums = np.zeros((size, placed.shape[1]))
        np.add.at(sums, samples.labels, placed)
        centres = product(centres, basis)
        own_labels = slice(len(self.population.means), None)
        centres[own_labels] = (sums / np.maximum(counts, 1))[own_labels]  # the population has no mean of them
        gain = spread / (spread + 1 / np.maximum(counts, 1)) * (counts > 0)
        posterior = centres + gain * (sums / np.maximum(counts, 1) - centres) * (counts > 0)
        left = 1 + spread * (1 - gain)  # within is 1 in this basis

        before = np.broadcast_to(1 + spread, left.shape)
        return MeansScorer(self, Density.of(posterior, left), Density.of(centres, before))

    @cached_property
    def basis(self) -> tuple[Floats, NDArray[np.float64]]:
        """As `diagonalize`, of the population."""
        return diagonalize(self.population.within, self.population.between)


@dataclass(frozen=True, eq=False)
class Density:
    """Every label's diagonal Gaussian, as what its log-density is made of."""

    square: Floats
    """[d, C]"""
    line: Floats
    """[d, C]"""
    level: Floats
    """[C]"""

    @classmethod
    def of(cls, means: NDArray[np.floating], variances: NDArray[np.floating]) -> Density:
        """From means and variances [C, d]."""
        precision = 1 / variances
        square, line = (np.ascontiguousarray(rows.T, np.float32) for rows in (precision, means * precision))
        return cls(square, line, ((means**2 * precision).sum(axis=1) + np.log(variances).sum(axis=1)).astype(np.float32))

    def __call__(self, queries: Floats) -> Floats:
        """The log-density of rows [n, d], less its constant, under each label's Gaussian: [n, C]."""
        return np.float32(-0.5) * (product(queries**2, self.square) - 2 * product(queries, self.line) + self.level)


@dataclass(frozen=True, eq=False)
class MeansScorer:
    """One writer's means."""

    method: WriterMeans
    after: Density
    """With what the writer's samples say."""
    before: Density
    """Of the population."""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        queries = product(samples.embeddings, self.method.basis[0])
        return logs + np.float32(self.method.strength) * (self.after(queries) - self.before(queries))


def diagonalize(within: Floats, between: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """A basis [d, d] in which `within` is the unit matrix and `between` is diagonal, and that diagonal [d].

    Where nothing varies within a writer, it is the basis that there was.
    """
    values, vectors = np.linalg.eigh(within.astype(np.float64))
    if not values.mean() > 0:
        return np.eye(len(values), dtype=np.float32), np.full(len(values), 1e-6)
    white = vectors / np.sqrt(np.maximum(values, 0) + RIDGE * values.mean())
    spread, turn = np.linalg.eigh(white.T @ between @ white)
    return (white @ turn).astype(np.float32), np.maximum(spread, 1e-6)
