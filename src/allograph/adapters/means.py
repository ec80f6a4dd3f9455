"""The writer's own mean of each label, by Bayes from a two-covariance model (PLDA; speaker adaptation)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import RIDGE, Population
from allograph.adapters.remembered import Fitted, Memory, Remembering
from allograph.adapters.tunable import Floats
from allograph.readings import Samples


@dataclass(frozen=True)
class WriterMeans(Remembering):
    """A sample of label c is μ_c + b + e: b, the writer's own way, has the between-writer covariance, e the within-writer one.

    In the basis where both are diagonal the posterior of μ_c + b after the writer's samples of c is a formula. What a label's
    likelihood gains by it over the population's is added to the base's log-probability, times `strength`.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    strength: float = 0.2
    between: float = 1.0
    """Factor on the between-writer covariance."""

    name: ClassVar[str] = "means"
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "strength": (0.05, 0.1, 0.2, 0.4),
        "between": (0.5, 1.0, 2.0),
    }

    def fit(self, memory: Memory) -> Fitted:
        """Find every label's posterior."""
        basis, spread = diagonalised(self.population.within, self.population.between)
        spread = spread * self.between
        size = memory.size
        centres = np.zeros((size, basis.shape[0]), np.float32)
        centres[: len(self.population.means)] = self.population.means
        placed = memory.embeddings @ basis
        counts = np.bincount(memory.labels, minlength=size)[:, None]
        sums = np.zeros((size, placed.shape[1]))
        np.add.at(sums, memory.labels, placed)
        centres = centres @ basis
        own_labels = slice(len(self.population.means), None)
        centres[own_labels] = (sums / np.maximum(counts, 1))[own_labels]  # nothing else is known of them
        gain = spread / (spread + 1 / np.maximum(counts, 1)) * (counts > 0)
        posterior = centres + gain * (sums / np.maximum(counts, 1) - centres) * (counts > 0)
        left = 1 + spread * (1 - gain)  # within is 1 in this basis

        after, before = log_density(posterior, left), log_density(centres, np.broadcast_to(1 + spread, left.shape))

        def values(samples: Samples, logs: Floats) -> Floats:
            asked = samples.embeddings @ basis
            return logs + np.float32(self.strength) * (after(asked) - before(asked))

        return values


def diagonalised(within: Floats, between: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """A basis [d, d] in which `within` is the unit matrix and `between` is diagonal, and that diagonal [d]."""
    values, vectors = np.linalg.eigh(within.astype(np.float64))
    white = vectors / np.sqrt(np.maximum(values, 0) + RIDGE * values.mean())
    spread, turn = np.linalg.eigh(white.T @ between @ white)
    return (white @ turn).astype(np.float32), np.maximum(spread, 1e-6)


def log_density(means: NDArray[np.floating], variances: NDArray[np.floating]) -> Callable[[Floats], Floats]:
    """From rows [n, d] to their log-density, less its constant, under each label's diagonal Gaussian [C, d]: [n, C]."""
    precision = 1 / variances
    square, line = precision.T.astype(np.float32), (means * precision).T.astype(np.float32)
    level = ((means**2 * precision).sum(axis=1) + np.log(variances).sum(axis=1)).astype(np.float32)

    def density(asked: Floats) -> Floats:
        return np.float32(-0.5) * ((asked**2) @ square - 2 * (asked @ line) + level)

    return density
