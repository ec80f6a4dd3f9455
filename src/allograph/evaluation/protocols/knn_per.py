"""The protocol of kNN-Per's experiments on FEMNIST (Marfoq et al., ICML 2022), so that its table and ours can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Trial
from allograph.evaluation.protocols.resample import Resample
from allograph.split import KNN_PER_SEED


@dataclass(frozen=True)
class KnnPer(Resample):
    """A fifth of the writers, four fifths of each one's samples to learn from, whichever labels they show; 62 labels; once."""

    adaptation: float = 0.8
    resamples: int = 1
    seed: int = KNN_PER_SEED
    alphabet: str | None = "alphanumeric"
    split: str | None = "knn-per"

    def options(self) -> list[str]:
        """Its options on the command line."""
        return ["--preset knn-per"]

    def trials(self, writer: str, labels: NDArray[np.str_], order: NDArray[np.int32] | None = None) -> list[Trial]:
        """One writer's split, as scikit-learn's `train_test_split` makes it: alike for writers with as many samples."""
        rows = np.random.RandomState(self.seed).permutation(len(labels))
        count = int(np.floor(round(len(labels) * self.adaptation, 9)))
        return [Trial(rows[len(labels) - count :], rows[: len(labels) - count])]
