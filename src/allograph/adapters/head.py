"""A writer's own change of the last layer: a ridge-anchored residual on the logits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.population import Population
from allograph.adapters.remembered import Fitted, Floats, Memory, Remembering
from allograph.readings import Samples

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

        change = residual(features(memory.embeddings), memory.logs / self.temperature, memory.truth)

        def values(samples: Samples, logs: Floats) -> Floats:
            return logs / self.temperature + features(samples.embeddings) @ change

        return values


def residual(features: Floats, logs: Floats, truth: Floats, steps: int = STEPS) -> Floats:
    """The W [r, C] that makes Σ cross-entropy(logs + features W, truth) + ½ ‖W‖² least.

    Each round minimises Böhning's quadratic bound of the cross-entropy (1992), whose matrix ½ FᵀF + 1 never changes, from where
    Nesterov's momentum has carried it (restarted where it leads uphill). With fewer samples n than features r the same is done
    for A [n, C], W being FᵀA.
    """
    n, r = features.shape
    if n < r:
        gram = features @ features.T
        solved = np.linalg.inv(0.5 * gram.astype(np.float64) + np.eye(n)).astype(np.float32)
        return features.T @ _least(gram, gram, solved, logs, truth, steps)
    gram = features.T @ features
    solved = np.linalg.inv(0.5 * gram.astype(np.float64) + np.eye(r)).astype(np.float32)
    return _least(features, None, solved, logs, truth, steps)


def _least(spread: Floats, metric: Floats | None, solved: Floats, logs: Floats, truth: Floats, steps: int) -> Floats:
    """The rounds of `residual`: for W where there is no `metric`, for A in the metric of the Gram matrix where there is one.

    `spread` carries what is sought to logits; `solved` is (½ FᵀF + 1)⁻¹, or (½ FFᵀ + 1)⁻¹, which is the same step for A.
    """
    found: Floats = np.zeros((spread.shape[1], logs.shape[1]), np.float32)
    ahead, pace = found, 1.0
    for _ in range(steps):
        shares = logs + spread @ ahead
        shares = np.exp(shares - shares.max(axis=1, keepdims=True))
        wrong = shares / shares.sum(axis=1, keepdims=True) - truth
        slope = np.asarray((wrong if metric is not None else spread.T @ wrong) + ahead, np.float32)
        moved: Floats = ahead - solved @ slope
        uphill = slope if metric is None else metric @ slope
        if (uphill * (moved - found)).sum() > 0:
            pace = 1.0
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = moved + np.float32((pace - 1) / faster) * (moved - found)
        found, pace = moved, faster
    return found
