"""A writer's own change of the last layer: a ridge-anchored residual on the logits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.remembered import Fitted, Memory, Remembering
from allograph.adapters.tunable import Floats
from allograph.readings import Samples

ROUNDS = 40
"""Rounds of the solver."""


@dataclass(frozen=True)
class Head(Remembering):
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
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (4.0, 8.0, 16.0, 32.0),
        "bias": (0.3, 1.0, 3.0),
        "whitening": (0.0, 0.5, 1.0),
        "temperature": (1.0, 1.5),
    }

    def fit(self, memory: Memory) -> Fitted:
        """Find the change."""
        space = self.population.whitening(self.whitening) if self.population and self.whitening else None
        known = memory.embeddings if space is None else memory.embeddings @ space
        length = np.sqrt((known**2).sum(axis=1).mean())
        scale = np.float32(np.sqrt(self.weight) / max(length, 1e-6))
        root = np.float32(np.sqrt(self.bias))

        def features(embeddings: Floats) -> Floats:
            placed = (embeddings if space is None else embeddings @ space) * scale
            return np.concatenate([placed, np.full((len(placed), 1), root, np.float32)], axis=1)

        change = residual(features(memory.embeddings), memory.logs / self.temperature, memory.truth, ROUNDS)

        def values(samples: Samples, logs: Floats) -> Floats:
            return logs / self.temperature + features(samples.embeddings) @ change

        return values
