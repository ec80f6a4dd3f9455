"""Style transfer mapping: the writer's features brought onto the base's (Zhang & Liu, TPAMI 2013)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.linear_algebra import inverse, product
from allograph.adapters.memory_based import AdaptationSet, MemoryBased, Scorer
from allograph.adapters.population import Population
from allograph.adapters.tunable_adapter import Floats
from allograph.readings import Samples, log_softmax


@dataclass(frozen=True)
class StyleTransfer(MemoryBased):
    """The affine map A x + b that carries the writer's samples nearest to their labels' population means, in closed form.

    Σ ‖A x + b − μ‖² + β ‖A − 1‖² + γ ‖b‖² is least; β and γ are `linear` and `shift` times the mean squared length of what they
    hold back, as in the paper. The base's last layer then reads the mapped embedding.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    linear: float = 3.0
    shift: float = 0.3

    name: ClassVar[str] = "transfer"
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"linear": (0.3, 1.0, 3.0, 10.0), "shift": (0.1, 0.3, 1.0, 3.0)}

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Solve for the map."""
        rows = samples.labels < len(self.population.means)
        x = samples.embeddings[rows].astype(np.float64)
        targets = self.population.means[samples.labels[rows]].astype(np.float64)
        width = x.shape[1]
        if not len(x):
            return TransferScorer(self, None)
        both = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        hold = np.full(width + 1, max(self.linear * float((x**2).sum()) / width, 1e-6))
        hold[-1] = self.shift * len(x)
        unit = np.eye(width + 1, width)
        solution = product(inverse(product(both.T, both) + np.diag(hold)), product(both.T, targets) + hold[:, None] * unit)
        return TransferScorer(self, (solution - unit).astype(np.float32))


@dataclass(frozen=True, eq=False)
class TransferScorer:
    """One writer's map."""

    method: StyleTransfer
    displacement: Floats | None
    """[d + 1, d] what the map adds to an embedding; None where it adds nothing."""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        if self.displacement is None:
            return logs
        displacement = product(samples.embeddings, self.displacement[:-1]) + self.displacement[-1]
        change = product(displacement, self.method.population.head[:-1])
        return logs + log_softmax(np.pad(change, ((0, 0), (0, logs.shape[1] - change.shape[1]))))
