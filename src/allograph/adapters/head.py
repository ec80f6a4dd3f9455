"""A writer's own change of the last layer: a ridge-anchored residual on the logits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.population import Population
from allograph.adapters.remembered import Fitted, Floats, Memory, Remembering
from allograph.readings import Samples, log_softmax

STEPS = 40
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

        change = residual(features(memory.embeddings), memory.logs / self.temperature, memory.truth)

        def values(samples: Samples, logs: Floats) -> Floats:
            return logs / self.temperature + features(samples.embeddings) @ change

        return values


def residual(features: Floats, logs: Floats, truth: Floats, steps: int = STEPS) -> Floats:
    """The W [r, C] that makes Σ cross-entropy(logs + features W, truth) + ½ ‖W‖² least.

    Each round minimises Böhning's quadratic bound of the cross-entropy (1992), whose matrix ½ FᵀF + 1 never changes, from where
    Nesterov's momentum has carried it (restarted where it leads uphill). Solved through the n × n matrix where that is smaller.
    """
    n, r = features.shape
    wide = features.astype(np.float32)
    dual = n < r
    gram = wide @ wide.T if dual else wide.T @ wide
    inverse: Floats = np.linalg.inv(0.5 * gram.astype(np.float64) + np.eye(len(gram))).astype(np.float32)
    weights: Floats = np.zeros((r, logs.shape[1]), np.float32)
    ahead, pace = weights, 1.0
    for _ in range(steps):
        wrong = np.exp(log_softmax(logs + wide @ ahead)) - truth
        slope = np.asarray(wide.T @ wrong + ahead, np.float32)
        step: Floats = inverse @ slope if not dual else slope - np.float32(0.5) * (wide.T @ (inverse @ (wide @ slope)))
        moved: Floats = ahead - step
        if (slope * (moved - weights)).sum() > 0:
            pace = 1.0
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = moved + np.float32((pace - 1) / faster) * (moved - weights)
        weights, pace = moved, faster
    return weights
