"""What a writer had written before each sample of a sequential run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.curve import occurrences


def earlier_samples(writer: WriterAnswers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many samples of the same label, and of any, each test sample [t] follows in its pass through the writer's samples."""
    length = max(1, len(np.unique(writer.rows)))
    passes = np.split(writer.true, range(length, len(writer.true), length))
    return np.concatenate([occurrences(part) for part in passes]), np.arange(len(writer.true)) % length
