"""The best method of this release: the writer's own last layer, label means and memory, together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.head import Head
from allograph.adapters.means import WriterMeans
from allograph.adapters.neighbours import NearestMemory, distances_to
from allograph.adapters.population import Population
from allograph.adapters.remembered import Fitted, Floats, Memory, Remembering, mixed
from allograph.readings import Samples, log_softmax

SAME = 1e-3
"""Embeddings this near to one another, as a share of their length, are of one image."""


@dataclass(frozen=True)
class Allograph(Remembering):
    """A Bayesian change of the base's logits, mixed with the votes of the writer's nearest samples.

    The change is that of `head` plus that of `means` at the strength `bonus`; its probabilities are mixed with those of
    `memory` in the proportion `share`. The base's own answer stands unless another is likelier by the factor exp(`guard`). An
    image that was corrected before reads as it was corrected.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    weight: float = 16.0
    bias: float = 1.0
    whitening: float = 0.5
    temperature: float = 1.5
    bonus: float = 0.03
    between: float = 4.0
    share: float = 0.4
    scale: float = 10.0
    k: int = 10
    guard: float = 0.5

    name: ClassVar[str] = "allograph"
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (8.0, 16.0, 32.0),
        "temperature": (1.0, 1.5, 2.0),
        "bonus": (0.0, 0.03, 0.06),
        "between": (2.0, 4.0),
        "share": (0.2, 0.3, 0.4),
        "scale": (7.0, 10.0, 14.0),
        "guard": (0.0, 0.25, 0.5, 0.75),
    }

    def fit(self, memory: Memory) -> Fitted:
        """Fit the three to the same samples."""
        known, alphabet = self.population, self.alphabet
        head = Head(alphabet, None, known, self.weight, self.bias, self.whitening, self.temperature).fit(memory)
        means = WriterMeans(alphabet, None, known, self.bonus, self.between).fit(memory)
        nearest = NearestMemory(alphabet, None, known, self.k, 1.0, self.scale).fit(memory)
        distances = distances_to(memory.embeddings)
        length = float(np.linalg.norm(memory.embeddings, axis=1).mean())

        def values(samples: Samples, logs: Floats) -> Floats:
            changed = head(samples, logs) + (means(samples, logs) - logs)
            votes = np.exp(nearest(samples, logs))
            found = mixed(log_softmax(changed), votes, self.share)
            found[np.arange(len(logs)), logs.argmax(axis=1)] += self.guard
            away = distances(samples.embeddings)[:, ::-1]  # of equal ones the newest counts
            same = np.flatnonzero(away.min(axis=1) <= SAME * length)
            found[same, memory.labels[::-1][away[same].argmin(axis=1)]] = found[same].max(axis=1) + 1
            return found

        return values
