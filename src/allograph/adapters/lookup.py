"""Controls: the writer's habits without the writer's hand. What a method gains beyond them is style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from allograph.adapters.memory_based import AdaptationSet, MemoryBased, Scorer
from allograph.adapters.tunable_adapter import Floats
from allograph.readings import Samples


@dataclass(frozen=True)
class Lookup(MemoryBased):
    """What the writer most often meant when the base said this; the base's own opinion counts as `belief` samples."""

    belief: float = 0.5

    name: ClassVar[str] = "lookup"
    reads_embeddings: ClassVar[bool] = False
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"belief": (0.3, 0.5, 1.0, 2.0)}

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Count the true labels of each label that the base read."""
        meant = np.zeros((samples.size, samples.size), np.float32)
        np.add.at(meant, (samples.base_answers, samples.labels), 1)
        return LookupScorer(self, meant)


@dataclass(frozen=True, eq=False)
class LookupScorer:
    """One writer's habits."""

    method: Lookup
    meant: Floats
    """[C + m, C + m] how often each label was meant when the base said one."""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        return np.log(self.meant[logs.argmax(axis=1)] + self.method.belief * np.exp(logs) + 1e-12)


@dataclass(frozen=True)
class Prior(MemoryBased):
    """The writer's label frequencies alone, as a prior on the base's probabilities; `smooth` samples of every label are added."""

    smooth: float = 1.0
    strength: float = 1.0

    name: ClassVar[str] = "prior"
    reads_embeddings: ClassVar[bool] = False
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"smooth": (0.1, 0.3, 1.0, 3.0), "strength": (0.3, 0.6, 1.0)}

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Count the labels."""
        counts = np.bincount(samples.labels, minlength=samples.size) + self.smooth
        return PriorScorer((self.strength * np.log(counts / counts.mean())).astype(np.float32))


@dataclass(frozen=True, eq=False)
class PriorScorer:
    """How often one writer writes each label."""

    bonus: Floats
    """[C + m] what is added to each log-probability."""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        return logs + self.bonus
