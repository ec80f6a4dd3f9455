"""From a corpus of lines to what a bundle knows of lines: the cut model, the gap model, the grammar, and where labels stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.size import SizedSamples, WriterSizes
from allograph.adapters.size_statistics import TYPICAL, SizeStatistics
from allograph.lines.perceptron import Perceptron

if TYPE_CHECKING:
    pass


def fit_perceptron(numbers: NDArray[np.float32], answers: NDArray[np.bool_], hidden: int, decay: float, rounds: int) -> Perceptron:
    """Train a perceptron with scikit-learn, from numbers [n, f] and the answers [n]; a tenth of them says when to stop."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    means, spreads = numbers.mean(axis=0), numbers.std(axis=0) + np.float32(1e-3)
    network = MLPClassifier((hidden,), alpha=decay, max_iter=rounds, early_stopping=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit((numbers - means) / spreads, answers)
    (inner, outer), (inner_bias, outer_bias) = network.coefs_, network.intercepts_
    arrays = (means, spreads, inner, inner_bias, outer[:, 0], outer_bias)
    return Perceptron(*(np.ascontiguousarray(array, np.float32) for array in arrays))
