"""A writer's own change of the last layer: a ridge-anchored residual on the logits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from allograph.adapters.linear_algebra import product
from allograph.adapters.logistic import residual
from allograph.adapters.memory_based import AdaptationSet, MemoryBased, Scorer
from allograph.adapters.population import Population
from allograph.adapters.tunable_adapter import Floats
from allograph.readings import Samples

ROUNDS = 40
"""Rounds of the solver."""


@dataclass(frozen=True)
class Head(MemoryBased):
    """The maximum a posteriori change of the last layer (weights and bias), added to the base's logits.

    The change has a Gaussian prior around none: `weight` is the prior variance that a logit gets from an embedding of mean
    length, `bias` that of a label's bias. Embeddings are whitened as in `memory`. The base's log-probabilities are divided by
    `temperature` first.
    """

    population: Population | None = field(default=None, repr=False)
    weight: float = 8.0
    bias: float = 1.0
    whitening: float = 1.0
    temperature: float = 1.0

    name: ClassVar[str] = "head"
    needs_population: ClassVar[bool] = False
    grid: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (4.0, 8.0, 16.0, 32.0),
        "bias": (0.3, 1.0, 3.0),
        "whitening": (0.0, 0.5, 1.0),
        "temperature": (1.0, 1.5),
    }

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Find the change."""
        placed = self.place(samples.embeddings)
        scale = np.float32(np.sqrt(self.weight) / max(np.sqrt(np.vecdot(placed, placed).mean()), 1e-6))
        features = self.features(placed, scale)
        return HeadScorer(self, scale, residual(features, samples.logs / self.temperature, samples.truth, ROUNDS))

    def place(self, embeddings: Floats) -> Floats:
        """Embeddings [n, d], whitened."""
        return embeddings if self._space is None else product(embeddings, self._space)

    def features(self, placed: Floats, scale: np.float32) -> Floats:
        """[n, d + 1] what the layer takes; the last number is the bias's."""
        return np.pad(placed * scale, ((0, 0), (0, 1)), constant_values=np.sqrt(self.bias))

    @cached_property
    def _space(self) -> Floats | None:
        return self.population.whitening(self.whitening) if self.population and self.whitening else None


@dataclass(frozen=True, eq=False)
class HeadScorer:
    """One writer's change."""

    method: Head
    scale: np.float32
    """What embeddings are multiplied by."""
    change: Floats
    """[d + 1, C + m]"""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        features = self.method.features(self.method.place(samples.embeddings), self.scale)
        return logs / self.method.temperature + product(features, self.change)
